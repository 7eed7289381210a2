import { ValueError } from '../../core/errors.js'
import { formatShape, normalizeDim, type Shape, sameShape } from '../../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../../core/tensor.js'
import { composed } from '../composed.js'
import { tensor } from '../create.js'
import { indexZeros } from '../indexing.js'
import { stack } from '../join.js'
import { type BatchNormOptions, batchNorm } from './batch-norm.js'
import { checkTrailingShape } from './checks.js'
import { type LayerNormOptions, layerNorm } from './layer-norm.js'

/**
 * Norms of sequences of different lengths in one tensor. Positions that are padding enter no statistic, get no gradient, and are 0 in the
 * result: what is data is taken out, normalised as it would be without padding, and put back.
 */

/** Which positions of [N, L] are data. One of the two. */
export interface ValidPositions {
  /** bool [N, L], true where there is data. */
  mask?: Tensor
  /** How many positions of each sample are data, from the first on. */
  lengths?: Tensor | readonly number[]
}

function fromLengths(given: Tensor | readonly number[], batch: number, size: number): number[][] {
  const lengths = Array.isArray(given) ? given : Array.from((given as Tensor).toTypedArray(), Number)
  if (lengths.length !== batch) throw new ValueError(`expected a length for each of the ${batch} samples, got ${lengths.length}`)
  return lengths.map((length: number, n) => {
    if (!Number.isInteger(length) || length < 0) throw new ValueError(`lengths[${n}] must be a whole number of positions, got ${length}`)
    if (length > size) throw new ValueError(`lengths[${n}] is ${length}, but the input has only ${size} positions`)
    return Array.from({ length }, (_, i) => i)
  })
}

function fromMask(mask: Tensor, batch: number, size: number): number[][] {
  if (mask.dtype !== 'bool') throw new ValueError(`mask must be of dtype bool, true where there is data, got ${mask.dtype}`)
  if (!sameShape(mask.shape, [batch, size])) {
    throw new ValueError(`expected a mask of shape ${formatShape([batch, size])}, a value for each position, got ${formatShape(mask.shape)}`)
  }
  const flags = mask.toTypedArray()
  return Array.from({ length: batch }, (_, n) => Array.from({ length: size }, (_, i) => i).filter((i) => Number(flags[n * size + i]) !== 0))
}

/** The positions of each sample that are data. */
function positionsOf({ mask, lengths }: ValidPositions, batch: number, size: number): number[][] {
  if ((mask === undefined) === (lengths === undefined)) throw new TypeError('give either a mask or lengths, to say which positions are data')
  const positions = mask ? fromMask(mask, batch, size) : fromLengths(lengths as Tensor | readonly number[], batch, size)
  if (positions.every((p) => p.length === 0)) throw new ValueError(`${mask ? 'the mask has' : 'lengths leave'} no valid element`)
  return positions
}

const int64 = (values: readonly number[]): Tensor => tensor(values, { dtype: 'int64' })

/** Applies `normalize` to the rows of x [N, L, ...] that are data, as [rows, ...]; the others become 0. */
function overRows(x: Tensor, positions: readonly number[][], normalize: (rows: Tensor) => Tensor): Tensor {
  const [batch, size, ...rest] = x.shape
  const index = int64(positions.flatMap((p, n) => p.map((i) => n * size + i)))
  const flat = [batch * size, ...rest]
  return indexZeros(flat, 0, index, normalize(x.reshape(flat).indexSelect(0, index))).reshape(x.shape)
}

/**
 * `batchNorm` of sequences of different lengths, as if all their positions that are data lay in one tensor [positions, C].
 *
 * @param input [N, C, L]
 * @param valid which positions are data: `{ lengths: [5, 3] }` or `{ mask }`, bool [N, L]
 * @returns same shape and dtype as input, 0 in the padding
 * @throws ValueError for a mask or lengths that don't fit, or leave nothing; else as `batchNorm`
 */
export function maskedBatchNorm(
  input: Tensor,
  valid: ValidPositions,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: BatchNormOptions = {},
): Tensor {
  checkTensor('maskedBatchNorm', 'input', input)
  checkOptionalTensor('maskedBatchNorm', 'runningMean', runningMean)
  checkOptionalTensor('maskedBatchNorm', 'runningVar', runningVar)
  checkOptionalTensor('maskedBatchNorm', 'weight', weight)
  checkOptionalTensor('maskedBatchNorm', 'bias', bias)
  if (input.ndim !== 3) throw new ValueError(`expected 3D input with a mask or lengths (got ${input.ndim}D input)`)
  const positions = positionsOf(valid, input.shape[0], input.shape[2])
  const normalize = (rows: Tensor) => batchNorm(rows, runningMean, runningVar, weight, bias, options)
  return composed([input, weight, bias], () => overRows(input.transpose(1, 2), positions, normalize).transpose(1, 2))
}

export interface MaskedLayerNormOptions extends LayerNormOptions {
  /** The axis of the positions. Default 1, as in [N, L, C]. */
  lengthDim?: number
}

/**
 * `layerNorm` of sequences of different lengths. Where normalizedShape covers the axis of the positions, a sample's statistics are those of its data
 * alone, with the weights of these positions; else every position has its own, and only padding is left out.
 *
 * @param input [N, L, C], or with the positions on another axis, `lengthDim`
 * @param valid which positions are data: `{ lengths: [5, 3] }` or `{ mask }`, bool [N, L]
 * @returns same shape and dtype as input, 0 in the padding
 * @throws ValueError for a mask or lengths that don't fit, or leave nothing to normalise; else as `layerNorm`
 */
export function maskedLayerNorm(
  input: Tensor,
  valid: ValidPositions,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: MaskedLayerNormOptions = {},
): Tensor {
  checkTensor('maskedLayerNorm', 'input', input)
  checkOptionalTensor('maskedLayerNorm', 'weight', weight)
  checkOptionalTensor('maskedLayerNorm', 'bias', bias)
  const { lengthDim = 1, ...rest } = options
  checkTrailingShape('layer_norm', input, normalizedShape, { weight, bias })
  const dim = normalizeDim(lengthDim, input.ndim)
  if (dim === 0) throw new ValueError('the axis of the positions must lie behind the batch axis')
  const positions = positionsOf(valid, input.shape[0], input.shape[dim])
  const own = dim - (input.ndim - normalizedShape.length)
  return composed([input, weight, bias], () => {
    if (own < 0) return overRows(input.movedim(dim, 1), positions, (rows) => layerNorm(rows, normalizedShape, weight, bias, rest)).movedim(1, dim)
    return stack(
      positions.map((list, n) => {
        if (list.length === 0) throw new ValueError(`sample ${n} has no valid element`)
        const index = int64(list)
        const select = (t: Tensor | null) => (t ? t.indexSelect(own, index) : null)
        const shape = normalizedShape.map((size, axis) => (axis === own ? list.length : size))
        const sample = input.select(0, n)
        return indexZeros(sample.shape, dim - 1, index, layerNorm(sample.indexSelect(dim - 1, index), shape, select(weight), select(bias), rest))
      }),
    )
  })
}
