import { isGradEnabled, record } from '../../autograd/index.js'
import { dtypes, isFloatingPoint } from '../../core/dtype.js'
import { checkOptions, RuntimeError } from '../../core/errors.js'
import { formatShape, type Shape, sameShape } from '../../core/shape.js'
import { emptyTensor, type Tensor } from '../../core/tensor.js'
import type { RowNormGeometry } from '../../kernels/contract.js'
import { kernels } from '../../kernels/index.js'
import { layerNormAxes, type NormAxes } from './axes.js'
import { checkMixedDtype } from './checks.js'
import { composedNormBackward } from './composed.js'
import { asContiguousShape } from './layout.js'

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

function checkShapes(input: Tensor, normalizedShape: Shape, weight: Tensor | null, bias: Tensor | null): void {
  if (!Array.isArray(normalizedShape)) {
    throw new TypeError(
      `layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, not ${typeof normalizedShape === 'number' ? 'int' : typeof normalizedShape}`,
    )
  }
  if (normalizedShape.length === 0) {
    throw new RuntimeError('Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []')
  }
  for (const [name, t] of [
    ['weight', weight],
    ['bias', bias],
  ] as const) {
    if (t && !sameShape(t.shape, normalizedShape)) {
      throw new RuntimeError(
        `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${formatShape(t.shape)} and normalized_shape = ${formatShape(normalizedShape)}`,
      )
    }
  }
  if (input.ndim < normalizedShape.length || !sameShape(input.shape.slice(input.ndim - normalizedShape.length), normalizedShape)) {
    throw new RuntimeError(
      `Given normalized_shape=${formatShape(normalizedShape)}, expected input with shape [*, ${normalizedShape.join(', ')}], but got input of size${formatShape(input.shape)}`,
    )
  }
}

/**
 * Layer normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, with one mean and biased variance per sample, over the trailing
 * axes that `normalizedShape` names. Keeps no running averages: training and inference are the same.
 * As `torch.nn.functional.layer_norm` (Ba, Kiros and Hinton 2016, arXiv:1607.06450).
 *
 * @param input [..., ...normalizedShape]
 * @param weight, bias of shape normalizedShape, or null for 1 and 0
 * @returns same shape and dtype as input
 * @throws RuntimeError where the trailing sizes of input, weight or bias differ from normalizedShape, or dtypes are mixed
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: LayerNormOptions = {},
): Tensor {
  checkOptions('layerNorm', options, ['eps'])
  const { eps = 1e-5 } = options
  checkShapes(input, normalizedShape, weight, bias)
  checkMixedDtype(input, [weight, bias])
  if (!isFloatingPoint(input.dtype)) throw new RuntimeError(`"LayerNormKernelImpl" not implemented for '${dtypes[input.dtype].scalarName}'`)
  return rowNorm('NativeLayerNormBackward0', input, weight, bias, layerNormAxes(input.shape, normalizedShape), eps)
}

/** Any norm whose statistics belong to one sample, by its axes. */
function rowNorm(name: string, input: Tensor, weight: Tensor | null, bias: Tensor | null, axes: NormAxes, eps: number): Tensor {
  const [batch, group, channel, position] = axes.shape
  const geometry: RowNormGeometry = { rows: batch * group, size: channel * position, groups: group, run: position }
  const rowView = [geometry.rows, geometry.size]
  const y = emptyTensor(input.shape, input.dtype)
  const mean = emptyTensor([geometry.rows], 'float64')
  const rstd = emptyTensor([geometry.rows], 'float64')
  kernels.rowNorm(asContiguousShape(input, rowView), weight, bias, geometry, eps, asContiguousShape(y, rowView), mean, rstd)
  return record(y, {
    name,
    inputs: [input, weight, bias],
    saved: [input, weight],
    scratch: [mean, rstd],
    backward: (dy, [x, w], needs) => {
      const source = x as Tensor
      if (isGradEnabled()) {
        const [dx, dweight, dbias] = composedNormBackward(dy, source, w, axes, eps, true, null, (weight ?? bias)?.shape ?? [group * channel])
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
