import { isGradEnabled, record } from '../../autograd/index.js'
import { checkNumber } from '../../core/errors.js'
import { emptyTensor, type Tensor } from '../../core/tensor.js'
import type { RowNormGeometry } from '../../kernels/contract.js'
import { kernels } from '../../kernels/index.js'
import { applyEpilogue, type Epilogue, nodeName, savedFor, throughActivation, withKernelEpilogue } from '../epilogue.js'
import type { NormAxes } from './axes.js'
import { composedNorm, composedNormBackward } from './composed.js'
import { asContiguousShape, releaseCopy } from './layout.js'

/**
 * Any norm whose statistics belong to one sample, by its axes. Weight and bias have group x channel elements, in any shape.
 * @param name of the backward node
 * @param epilogue what follows in the same pass
 * @param observe sees mean (null where the norm is not centered) and rstd, float64 [batch x group], before the graph takes them
 */
export function rowNorm(
  name: string,
  input: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  axes: NormAxes,
  eps: number,
  epilogue: Epilogue | null = null,
  observe?: (mean: Tensor | null, rstd: Tensor) => void,
): Tensor {
  checkNumber('normalization', 'eps', eps)
  const [batch, group, channel, position] = axes.shape
  const geometry: RowNormGeometry = { rows: batch * group, size: channel * position, groups: group, run: position, lenient: axes.lenient }
  const rowView = [geometry.rows, geometry.size]
  const asRows = (t: Tensor) => asContiguousShape(t, rowView)
  const y = emptyTensor(input.shape, input.dtype)
  const mean = axes.centered ? emptyTensor([geometry.rows], 'float64') : null
  const rstd = emptyTensor([geometry.rows], 'float64')
  const rows = asRows(input)
  withKernelEpilogue(epilogue, rowView, (end) => kernels.rowNorm(rows, weight, bias, geometry, eps, asRows(y), mean, rstd, end))
  releaseCopy(rows, input)
  observe?.(mean, rstd)
  return record(y, {
    name: nodeName(name, epilogue),
    inputs: epilogue ? [input, weight, bias, epilogue.residual] : [input, weight, bias],
    saved: [input, weight, ...savedFor(epilogue, bias, y)],
    scratch: [mean, rstd],
    backward: (dy, [x, w, b, residual, output], needs) => {
      const source = x as Tensor
      const again = {
        kernel: () => {
          const z = emptyTensor(source.shape, source.dtype)
          const end = residual && { residual, activation: null }
          withKernelEpilogue(end, rowView, (e) => kernels.rowNormGiven(asRows(source), w, b, geometry, mean, rstd, asRows(z), e))
          return z
        },
        operation: () => applyEpilogue(composedNorm(source, w, bias, axes, eps).to(source.dtype), epilogue && { ...epilogue, activation: null }),
      }
      const { dz, own } = epilogue ? throughActivation(epilogue, dy, output, again) : { dz: dy, own: false }
      if (isGradEnabled()) {
        const [dx, dweight, dbias] = composedNormBackward(dz, source, w, axes, eps, null, (weight ?? bias)?.shape ?? [group * channel])
        return [needs[0] ? dx : null, needs[1] ? dweight : null, needs[2] ? dbias : null, ...(epilogue ? [needs[3] ? dz : null] : [])]
      }
      const free = own && !needs[3]
      const dx = needs[0] ? (free ? dz : emptyTensor(source.shape, source.dtype)) : null
      const dweight = needs[1] && weight ? emptyTensor(weight.shape, weight.dtype) : null
      const dbias = needs[2] && bias ? emptyTensor(bias.shape, bias.dtype) : null
      kernels.rowNormBackward(asRows(dz), asRows(source), w, geometry, mean, rstd, dx && asRows(dx), dweight, dbias)
      if (free && !dx) dz.dispose()
      return [dx, dweight, dbias, ...(epilogue ? [needs[3] ? dz : null] : [])]
    },
  })
}
