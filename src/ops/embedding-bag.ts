import { noGrad } from '../autograd/index.js'
import { checkOptions, IndexError, NotImplementedError, RuntimeError, ValueError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { composed } from './composed.js'
import { checkIndices, embeddingRenorm_, indexTensor, lookUp, numbersOf } from './embedding.js'
import { indexZeros } from './indexing.js'

export interface EmbeddingBagOptions {
  /** Where each bag begins in a vector of indices; not for a matrix, whose rows are the bags. */
  offsets?: Tensor | null
  /** What becomes of a bag's rows. Default `'mean'`. */
  mode?: 'sum' | 'mean' | 'max'
  /** As in `embedding`. Default null. */
  maxNorm?: number | null
  /** As in `embedding`. Default 2. */
  normType?: number
  /** As in `embedding`; not for `'max'`. Default false. */
  scaleGradByFreq?: boolean
  /** A weight for each index; for `'sum'` alone. */
  perSampleWeights?: Tensor | null
  /** The last offset is where the last bag ends, not another bag. Default false. */
  includeLastOffset?: boolean
  /** A row that counts in no bag. */
  paddingIdx?: number | null
}

/** For each index the number of its bag. */
function bagsOf(offsets: readonly number[], total: number, includeLastOffset: boolean): { bags: number[]; count: number } {
  const count = offsets.length - (includeLastOffset ? 1 : 0)
  if (offsets.length > 0 && offsets[0] !== 0) {
    throw new RuntimeError(`offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got ${offsets[0]}`)
  }
  const last = offsets.at(-1) ?? 0
  if (last > total) throw new RuntimeError(`offsets[-1] can not be greater than input's length ${total} but got offsets[-1] of ${last}`)
  const bags = new Array<number>(total).fill(count)
  for (let b = 0; b < count; b++) {
    const end = b + 1 < offsets.length ? offsets[b + 1] : total
    if (offsets[b] < 0) throw new IndexError('index out of range in self')
    if (end < offsets[b]) throw new RuntimeError(`offsets must not decrease, got ${offsets[b]} before ${end}`)
    bags.fill(b, offsets[b], end)
  }
  return { bags, count }
}

/**
 * The sum, mean or maximum of the embedding rows of each bag. As `torch.nn.functional.embedding_bag`.
 * @param indices int64 or int32: a vector, cut into bags by `offsets`, or a matrix with a bag in each row
 * @param weight [rows, size]
 * @returns [bags, size]; an empty bag gives zeros
 * @throws ValueError, RuntimeError with PyTorch's texts, IndexError for an index without a row
 */
export function embeddingBag(indices: Tensor, weight: Tensor, options: EmbeddingBagOptions = {}): Tensor {
  checkTensor('embeddingBag', 'indices', indices)
  checkTensor('embeddingBag', 'weight', weight)
  checkOptions('embeddingBag', options, ['offsets', 'mode', 'maxNorm', 'normType', 'scaleGradByFreq', 'perSampleWeights', 'includeLastOffset', 'paddingIdx'])
  const { mode = 'mean', maxNorm = null, normType = 2, scaleGradByFreq = false, perSampleWeights = null, includeLastOffset = false } = options
  if (perSampleWeights && !sameShape(perSampleWeights.shape, indices.shape)) {
    throw new ValueError(
      `embedding_bag: If per_sample_weights (torch.Size(${formatShape(perSampleWeights.shape)})) is not None, then it must have the same shape as the input (torch.Size(${formatShape(indices.shape)}))`,
    )
  }
  const starts = offsetsOf(indices, options.offsets ?? null)
  if (!['sum', 'mean', 'max'].includes(mode)) throw new ValueError('mode has to be one of sum, mean or max')
  if (mode === 'max' && scaleGradByFreq) throw new ValueError('max mode does not support scaling the gradient by the frequency')
  if (perSampleWeights && mode !== 'sum') {
    throw new NotImplementedError(
      `embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='${mode}'). Please open a feature request on GitHub.`,
    )
  }
  const [rowCount, size] = weight.shape
  const paddingIdx = paddingRow(options.paddingIdx ?? null, rowCount)
  checkIndices('embedding_bag', indices)
  if (maxNorm !== null) embeddingRenorm_(weight, indices, maxNorm, normType)

  const rows = numbersOf(indices)
  const { bags, count } = bagsOf(starts, rows.length, includeLastOffset)
  // The padding, and what lies behind the last offset, is in no bag.
  const kept = rows.flatMap((row, i) => (row === paddingIdx || bags[i] === count ? [] : [i]))
  const bagOf = kept.map((i) => bags[i])
  const sizes = new Array<number>(count).fill(0)
  for (const b of bagOf) sizes[b]++
  return composed([weight, perSampleWeights], () => {
    const index = indexTensor(kept.map((i) => rows[i]))
    if (mode === 'max') return maxOverBags(weight, index, bagOf, sizes)
    let found = lookUp(weight, index, null, scaleGradByFreq)
    if (perSampleWeights) found = found.mul(perSampleWeights.reshape([rows.length]).indexSelect(0, indexTensor(kept)).unsqueeze(1))
    const sums = indexZeros([count, size], 0, indexTensor(bagOf), found)
    if (mode === 'sum') return sums
    const divisors = indexTensor(sizes.map((n) => Math.max(n, 1)))
    return sums.div(divisors.unsqueeze(1).to(weight.dtype))
  })
}

function offsetsOf(indices: Tensor, offsets: Tensor | null): readonly number[] {
  if (indices.ndim === 2) {
    if (offsets !== null) {
      throw new ValueError(
        "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. However, found offsets of type <class 'torch.Tensor'>",
      )
    }
    const [bags, each] = indices.shape
    return Array.from({ length: bags }, (_, b) => b * each)
  }
  if (indices.ndim !== 1) throw new ValueError(`input has to be 1D or 2D Tensor, but got Tensor of dimension ${indices.ndim}`)
  if (offsets === null) throw new ValueError('offsets has to be a 1D Tensor but got None')
  if (offsets.ndim !== 1) throw new ValueError('offsets has to be a 1D Tensor')
  return numbersOf(offsets)
}

function paddingRow(paddingIdx: number | null, rows: number): number | null {
  if (paddingIdx === null) return null
  if (paddingIdx < -rows || paddingIdx >= rows) {
    throw new RuntimeError(`padding_idx must be within the number of embeddings, -${rows} through ${rows - 1}, but got ${paddingIdx}`)
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx
}

/** Finds the row of each maximum outside the graph, then reads it in the graph: so its gradient goes to the first of equal rows. */
function maxOverBags(weight: Tensor, index: Tensor, bagOf: readonly number[], sizes: readonly number[]): Tensor {
  const longest = sizes.reduce((a, b) => Math.max(a, b), 1)
  // Short bags repeat their first row, which changes no maximum. Empty ones read any row and become 0 below.
  const table = sizes.map(() => new Array<number>(longest).fill(0))
  const filled = sizes.map(() => 0)
  numbersOf(index).forEach((row, i) => {
    const b = bagOf[i]
    if (filled[b] === 0) table[b].fill(row)
    else table[b][filled[b]] = row
    filled[b]++
  })
  const rows = indexTensor(table.flat())
  const chosen = noGrad(() => {
    const candidates = weight.indexSelect(0, rows).reshape([sizes.length, longest, weight.shape[1]])
    return rows.reshape([sizes.length, longest]).gather(1, candidates.argmax(1))
  })
  return weight.gather(0, chosen).maskedFill(indexTensor(sizes).eq(0).unsqueeze(1), 0)
}
