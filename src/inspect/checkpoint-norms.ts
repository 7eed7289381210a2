import { isFloatingPoint } from '../core/dtype.js'
import { sameShape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'

/** A norm as a state dict knows it: by its keys alone. */
export interface CheckpointNorm {
  /** Path of the layer, '' where the file is one layer's. */
  readonly name: string
  readonly weight: Float64Array | null
  readonly bias: Float64Array | null
  readonly runningMean: Float64Array | null
  readonly runningVar: Float64Array | null
  readonly batches: number | null
}

export const floatsOf = (t: Tensor): Float64Array => Float64Array.from(t.detach().to('float64').toTypedArray() as Float64Array)

/** What a norm is called where its keys don't tell: `norm1`, `ln_f`, `rms`, `bn2`. */
const namedNorm = /(^|[._])(\w*norm\w*|bn\d*|ln(_\w+)?\d*|rms\w*)$/i

/**
 * The norms of a state dict, by PyTorch's keys: layers with running averages; with a weight and bias of one shape (LayerNorm, GroupNorm), which
 * no linear or convolutional layer has; and with a vector as weight where the name says norm (RMSNorm).
 */
export function normsOf(state: Readonly<Record<string, Tensor>>): CheckpointNorm[] {
  const layers = new Set(
    Object.keys(state).flatMap(
      (key) =>
        /^(?:(.*)\.)?(?:weight|running_mean|running_var)$/
          .exec(key)
          ?.slice(1, 2)
          .map((p) => p ?? '') ?? [],
    ),
  )
  return [...layers].flatMap((name) => {
    const entry = (key: string): Tensor | undefined => state[name === '' ? key : `${name}.${key}`]
    const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(entry)
    const affine =
      weight !== undefined &&
      weight.ndim > 0 &&
      isFloatingPoint(weight.dtype) &&
      (bias ? sameShape(weight.shape, bias.shape) : weight.ndim === 1 && namedNorm.test(name))
    if (!affine && !mean && !variance) return []
    const floats = (t: Tensor | undefined) => (t && isFloatingPoint(t.dtype) ? floatsOf(t) : null)
    const batches = entry('num_batches_tracked')
    return [
      {
        name,
        weight: floats(weight),
        bias: floats(bias),
        runningMean: floats(mean),
        runningVar: floats(variance),
        batches: batches?.numel() === 1 ? Number(batches.toTypedArray()[0]) : null,
      },
    ]
  })
}
