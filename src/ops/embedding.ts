import { noGrad, record } from '../autograd/index.js'
import { type Dtype, dtypes, indexHint } from '../core/dtype.js'
import { AssertionError, checkOptions, RuntimeError } from '../core/errors.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { tensor } from './create.js'
import { indexZeros } from './indexing.js'

export interface EmbeddingOptions {
  /** A row that is never learned; negative ones count from the end. Its gradient is 0. Default null. */
  paddingIdx?: number | null
  /** Rows that are looked up and longer than this are shortened to it first, in place. Default null. */
  maxNorm?: number | null
  /** The p of the norm that `maxNorm` bounds. Default 2. */
  normType?: number
  /** Divide each row's gradient by how often the row was looked up. Default false. */
  scaleGradByFreq?: boolean
}

/** The elements of an index tensor, in logical order. */
export const numbersOf = (index: Tensor): number[] => Array.from<number | bigint, number>(index.toTypedArray(), Number)

export const indexTensor = (values: readonly number[]): Tensor => tensor(BigInt64Array.from(values, BigInt))

export function checkIndices(owner: string, indices: Tensor): void {
  if (indices.dtype === 'int64' || indices.dtype === 'int32') return
  const got = indices.dtype === 'bool' ? 'CPUBoolType' : dtypes[indices.dtype].tensorName
  throw new RuntimeError(
    `Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got ${got} instead (while checking arguments for ${owner})`,
    indexHint(indices.dtype),
  )
}

/** `paddingIdx` counted from the start, or null. @throws AssertionError where there is no such row */
export function checkPaddingIdx(paddingIdx: number | null, rows: number): number | null {
  if (paddingIdx === null) return null
  if (!(Number.isInteger(paddingIdx) && paddingIdx >= -rows && paddingIdx < rows)) throw new AssertionError('Padding_idx must be within num_embeddings')
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx
}

/** Shortens the rows at `indices` to `maxNorm`, in place and outside the graph. As `torch.embedding_renorm_`. */
export function embeddingRenorm_(weight: Tensor, indices: Tensor, maxNorm: number, normType: number): Tensor {
  noGrad(() => {
    for (const at of new Set(numbersOf(indices))) {
      const row = weight.select(0, at)
      const norm = row.norm(normType)
      const length = norm.item()
      norm.dispose()
      // The term that keeps PyTorch from dividing by zero.
      if (length > maxNorm) row.mul_(maxNorm / (length + 1e-7))
    }
  })
  return weight
}

/**
 * The rows of `weight` at `indices`. As `torch.nn.functional.embedding`.
 * @param indices int64 or int32, any shape;  weight [rows, size]
 * @returns [...indices' shape, size]
 * @throws IndexError for an index without a row, AssertionError for such a `paddingIdx`, RuntimeError for other dtypes and ranks
 */
export function embedding(indices: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  checkTensor('embedding', 'indices', indices)
  checkTensor('embedding', 'weight', weight)
  checkOptions('embedding', options, ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq'])
  const { maxNorm = null, normType = 2, scaleGradByFreq = false } = options
  if (weight.ndim !== 2) throw new RuntimeError("'weight' must be 2-D")
  const paddingIdx = checkPaddingIdx(options.paddingIdx ?? null, weight.shape[0])
  checkIndices('embedding', indices)
  if (maxNorm !== null) embeddingRenorm_(weight, indices, maxNorm, normType)
  const index = () => indices.to('int64').reshape([indices.numel()])
  return composed([weight], () => lookUp(weight, index(), paddingIdx, scaleGradByFreq).reshape([...indices.shape, weight.shape[1]]))
}

/** weight[index] for a vector of indices, with the gradient that the options ask for. */
export function lookUp(weight: Tensor, index: Tensor, paddingIdx: number | null, scaleGradByFreq: boolean): Tensor {
  const y = emptyTensor([index.shape[0], weight.shape[1]], weight.dtype)
  kernels.indexSelect(weight, 0, index, y)
  return record(y, {
    name: 'EmbeddingBackward0',
    inputs: [weight],
    saved: [index],
    backward: (dy, [index]) => {
      let [at, rows] = [index, dy]
      if (paddingIdx !== null) {
        const kept = indexTensor(numbersOf(index).flatMap((row, i) => (row === paddingIdx ? [] : [i])))
        at = at.indexSelect(0, kept)
        rows = rows.indexSelect(0, kept)
      }
      if (scaleGradByFreq) rows = rows.mul(inverseFrequencies(at, dy.dtype))
      return [indexZeros(weight.shape, 0, at, rows)]
    },
  })
}

/** For each index one over how often it comes, as a column. */
function inverseFrequencies(index: Tensor, dtype: Dtype): Tensor {
  const rows = numbersOf(index)
  const frequency = new Map<number, number>()
  for (const row of rows) frequency.set(row, (frequency.get(row) ?? 0) + 1)
  return tensor(
    Float64Array.from(rows, (row) => 1 / (frequency.get(row) ?? 1)),
    { dtype, shape: [rows.length, 1] },
  )
}
