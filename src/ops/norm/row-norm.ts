import { isGradEnabled, record } from '../../autograd/index.js'
import { checkNumber } from '../../core/errors.js'
import { emptyTensor, type Tensor } from '../../core/tensor.js'
import type { RowNormGeometry } from '../../kernels/contract.js'
import { kernels } from '../../kernels/index.js'
import type { NormAxes } from './axes.js'
import { composedNormBackward } from './composed.js'
import { asContiguousShape, releaseCopy } from './layout.js'

/**
 * Any norm whose statistics belong to one sample, by its axes. Weight and bias have group x channel elements, in any shape.
 * @param name of the backward node
 * @param observe sees mean (null where the norm is not centered) and rstd, float64 [batch x group], before the graph takes them
 */
export function rowNorm(
  name: string,
  input: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  axes: NormAxes,
  eps: number,
  observe?: (mean: Tensor | null, rstd: Tensor) => void,
): Tensor {
  checkNumber('normalization', 'eps', eps)
  const [batch, group, channel, position] = axes.shape
  const geometry: RowNormGeometry = { rows: batch * group, size: channel * position, groups: group, run: position, lenient: axes.lenient }
  const rowView = [geometry.rows, geometry.size]
  const y = emptyTensor(input.shape, input.dtype)
  const mean = axes.centered ? emptyTensor([geometry.rows], 'float64') : null
  const rstd = emptyTensor([geometry.rows], 'float64')
  const rows = asContiguousShape(input, rowView)
  kernels.rowNorm(rows, weight, bias, geometry, eps, asContiguousShape(y, rowView), mean, rstd)
  releaseCopy(rows, input)
  observe?.(mean, rstd)
  return record(y, {
    name,
    inputs: [input, weight, bias],
    saved: [input, weight],
    scratch: [mean, rstd],
    backward: (dy, [x, w], needs) => {
      const source = x as Tensor
      if (isGradEnabled()) {
        const [dx, dweight, dbias] = composedNormBackward(dy, source, w, axes, eps, null, (weight ?? bias)?.shape ?? [group * channel])
        return [needs[0] ? dx : null, needs[1] ? dweight : null, needs[2] ? dbias : null]
      }
      const dx = needs[0] ? emptyTensor(source.shape, source.dtype) : null
      const dweight = needs[1] && weight ? emptyTensor(weight.shape, weight.dtype) : null
      const dbias = needs[2] && bias ? emptyTensor(bias.shape, bias.dtype) : null
      kernels.rowNormBackward(
        asContiguousShape(dy, rowView),
        asContiguousShape(source, rowView),
        w,
        geometry,
        mean,
        rstd,
        dx && asContiguousShape(dx, rowView),
        dweight,
        dbias,
      )
      return [dx, dweight, dbias]
    },
  })
}
