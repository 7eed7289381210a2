import { record } from '../autograd/index.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { normalizeDim } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import type { ValuesAndIndices } from './extrema.js'
import { scatterZeros } from './indexing.js'
import { toTypedArray } from './item.js'
import { narrow } from './views.js'

export interface SortOptions {
  /** Default the last dimension. */
  dim?: number
  /** From the largest to the smallest. Default false. */
  descending?: boolean
}

export interface TopkOptions {
  /** Default the last dimension. */
  dim?: number
  /** Take the largest elements rather than the smallest. Default true. */
  largest?: boolean
}

/** Smallest first, NaN after all numbers, as in PyTorch. */
function ascending(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  return Number.isNaN(b) ? -1 : a - b || 0
}

/** Elements in order along a dimension, and where they were; equal ones keep their order. As `torch.sort` with `stable`. */
export function sort(x: Tensor, options?: SortOptions): ValuesAndIndices {
  checkTensor('sort', 'input', x)
  checkOptions('sort', options, ['dim', 'descending'])
  const { dim = -1, descending = false } = options ?? {}
  const d = normalizeDim(dim, x.ndim)
  const order = descending ? (a: number, b: number) => ascending(b, a) : ascending
  const lines = x.ndim === 0 ? x.reshape([1]) : x.detach().movedim(d, -1)
  const size = lines.shape[lines.ndim - 1]
  const numbers = lines.to('float64')
  const all = Float64Array.from(toTypedArray(numbers) as Float64Array)
  if (numbers !== lines) numbers.dispose()
  const sorted = emptyTensor(lines.shape, 'int64')
  const places = sorted.data
  const line = Array.from({ length: size }, (_, i) => i)
  for (let start = 0; start < all.length; start += size) {
    const positions = line.slice().sort((a, b) => order(all[start + a], all[start + b]))
    for (let i = 0; i < size; i++) places[start + i] = BigInt(positions[i])
  }
  const indices = x.ndim === 0 ? sorted.reshape([]) : sorted.movedim(-1, d).contiguous()
  if (indices.storage !== sorted.storage) sorted.dispose()
  const values = emptyTensor(x.shape, x.dtype)
  kernels.gather(x, d, indices, values)
  const from = x.shape
  record(values, { name: 'SortBackward0', inputs: [x], saved: [indices], backward: (dy, [indices]) => [scatterZeros(from, d, indices, dy)] })
  return { values, indices }
}

/** The `k` largest elements along a dimension, in order, and where they are. As `torch.topk`. */
export function topk(x: Tensor, k: number, options?: TopkOptions): ValuesAndIndices {
  checkTensor('topk', 'input', x)
  checkOptions('topk', options, ['dim', 'largest'])
  const { dim = -1, largest = true } = options ?? {}
  const d = normalizeDim(dim, x.ndim)
  if (!(Number.isInteger(k) && k >= 0 && k <= (x.shape[d] ?? 1))) throw new RuntimeError('selected index k out of range')
  const { values, indices } = sort(x, { dim: d, descending: largest })
  return x.ndim === 0 ? { values, indices } : { values: narrow(values, d, 0, k), indices: narrow(indices, d, 0, k) }
}
