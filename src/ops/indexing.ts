import { inPlace, record } from '../autograd/index.js'
import { type Dtype, dtypes, indexHint } from '../core/dtype.js'
import { IndexError, RuntimeError } from '../core/errors.js'
import { formatShape, normalizeDim, type Shape } from '../core/shape.js'
import { checkTensor, emptyTensor, Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { arange, zeros } from './create.js'
import { checkOverlap } from './overlap.js'

/** Kernels take int64; int32 is converted where PyTorch takes it too. */
function checkIndexDtype(message: string, index: Tensor, allowed: readonly Dtype[]): void {
  if (!allowed.includes(index.dtype)) throw new RuntimeError(message, indexHint(index.dtype))
}

/** A 0-dimensional tensor is indexed as one of a single element. */
const rankOf = (x: Tensor): number => Math.max(x.ndim, 1)
const sizeAt = (shape: Shape, d: number): number => (shape.length === 0 ? 1 : shape[d])

/** Whether index is no larger than x, apart from `dim`. */
const fits = (index: Tensor, x: Tensor, dim: number | null): boolean => index.shape.every((size, d) => d === dim || size <= sizeAt(x.shape, d))

/**
 * out[i][j] = x[i][index[i][j]] for `dim` 1: one element of each line along `dim` for each element of `index`. As `torch.gather`.
 * @param index int64, as many dimensions as x, no larger than x apart from `dim`
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  checkTensor('gather', 'input', x)
  checkTensor('gather', 'index', index)
  const d = normalizeDim(dim, x.ndim)
  checkIndexDtype('gather(): Expected dtype int64 for index', index, ['int64'])
  if (rankOf(index) !== rankOf(x)) throw new RuntimeError('Index tensor must have the same number of dimensions as input tensor')
  if (!fits(index, x, d)) {
    const at = index.shape.findIndex((size, i) => i !== d && size > sizeAt(x.shape, i))
    throw new RuntimeError(
      `Size does not match at dimension ${at} expected index ${formatShape(index.shape)} to be no larger than self ${formatShape(x.shape)} apart from dimension ${d}`,
    )
  }
  const from = x.shape
  const y = emptyTensor(index.shape, x.dtype)
  kernels.gather(x, d, index, y)
  return record(y, { name: 'GatherBackward0', inputs: [x], saved: [index], backward: (dy, [index]) => [scatterZeros(from, d, index, dy)] })
}

/** Zeros of `shape` with src added at `index` along `dim`: the gradient of `gather`. */
export function scatterZeros(shape: Shape, dim: number, index: Tensor, src: Tensor): Tensor {
  const y = zeros(shape, { dtype: src.dtype })
  kernels.scatter(y, dim, index, src, true)
  return record(y, { name: 'ScatterAddBackward0', inputs: [src], saved: [index], backward: (dy, [index]) => [gather(dy, dim, index)] })
}

function checkScatter(x: Tensor, dim: number, index: Tensor, src: Tensor): number {
  checkTensor('scatter', 'src', src)
  const d = normalizeDim(dim, x.ndim)
  checkIndexDtype('scatter(): Expected dtype int64 for index', index, ['int64'])
  if (x.dtype !== src.dtype) throw new RuntimeError('scatter(): Expected self.dtype to be equal to src.dtype')
  if (rankOf(index) !== rankOf(x)) throw new RuntimeError('Index tensor must have the same number of dimensions as self tensor')
  if (rankOf(index) !== rankOf(src)) throw new RuntimeError('Index tensor must have the same number of dimensions as src tensor')
  if (!fits(index, x, d) || !fits(index, src, null)) {
    throw new RuntimeError(
      `Expected index ${formatShape(index.shape)} to be no larger than self ${formatShape(x.shape)} apart from dimension ${d} and to be no larger size than src ${formatShape(src.shape)}`,
    )
  }
  return d
}

/** The gradient of the part of src that index covers, with zeros for the rest. */
function gradientOfSource(dy: Tensor, d: number, index: Tensor, srcShape: Shape): Tensor {
  return srcShape.reduce((g, size, i) => (size === g.shape[i] ? g : padTo(g, i, size)), gather(dy, d, index))
}

function padTo(x: Tensor, dim: number, size: number): Tensor {
  const shape = x.shape.slice()
  shape[dim] = size
  return indexZeros(shape, dim, arange(x.shape[dim]), x)
}

/**
 * A copy of x with x[i][index[i][j]] = src[i][j] for `dim` 1. As `torch.scatter`: where an index comes twice the last one stays, and the
 * gradient of x is 0 at all of them.
 * @param src a tensor at least as large as index, or a number
 */
export function scatter(x: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
  checkTensor('scatter', 'input', x)
  checkTensor('scatter', 'index', index)
  const source = typeof src === 'number' ? constant(src, index.shape, x.dtype) : src
  const d = checkScatter(x, dim, index, source)
  const y = emptyTensor(x.shape, x.dtype)
  kernels.copy(x, y)
  kernels.scatter(y, d, index, source, false)
  return record(y, {
    name: 'ScatterBackward0',
    inputs: [x, source],
    saved: [index],
    scratch: source === src ? [] : [source],
    backward: (dy, [index], [needsX, needsSrc]) => [needsX ? scatter(dy, d, index, 0) : null, needsSrc ? gradientOfSource(dy, d, index, source.shape) : null],
  })
}

function constant(value: number, shape: Shape, dtype: Dtype): Tensor {
  const t = emptyTensor([], dtype)
  kernels.fill(t, value)
  return new Tensor(t.storage, dtype, shape, new Array<number>(shape.length).fill(0))
}

/** A copy of x with x[i][index[i][j]] += src[i][j] for `dim` 1; equal indices add up. As `torch.scatter_add`. */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  checkTensor('scatterAdd', 'input', x)
  checkTensor('scatterAdd', 'index', index)
  checkTensor('scatterAdd', 'src', src)
  const d = checkScatter(x, dim, index, src)
  const y = emptyTensor(x.shape, x.dtype)
  kernels.copy(x, y)
  kernels.scatter(y, d, index, src, true)
  return record(y, {
    name: 'ScatterAddBackward0',
    inputs: [x, src],
    saved: [index],
    backward: (dy, [index], [needsX, needsSrc]) => [needsX ? dy : null, needsSrc ? gradientOfSource(dy, d, index, src.shape) : null],
  })
}

/** `scatterAdd`, written over x. */
export function scatterAdd_(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  checkTensor('scatterAdd_', 'input', x)
  checkTensor('scatterAdd_', 'index', index)
  checkTensor('scatterAdd_', 'src', src)
  const d = checkScatter(x, dim, index, src)
  checkOverlap(x, src)
  return inPlace(
    x,
    [src],
    () => kernels.scatter(x, d, index, src, true),
    (original) => scatterAdd(original, d, index, src),
  )
}

/**
 * The slices of x along `dim` at `index`. As `torch.index_select`.
 * @param index a vector of int64 or int32
 */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  checkTensor('indexSelect', 'input', x)
  checkTensor('indexSelect', 'index', index)
  const d = normalizeDim(dim, x.ndim)
  checkIndexDtype('index_select(): Expected dtype int32 or int64 for index', index, ['int32', 'int64'])
  if (index.ndim > 1) throw new IndexError('index_select(): Index is supposed to be a vector')
  if (x.ndim === 0 && index.numel() !== 1) {
    throw new RuntimeError(`index_select(): Index to scalar can have only 1 value, got ${index.numel()} value(s)`)
  }
  const from = x.shape
  const at = index.to('int64').reshape([-1])
  const shape = from.slice()
  if (x.ndim > 0) shape[d] = at.numel()
  const y = emptyTensor(shape, x.dtype)
  kernels.indexSelect(x, d, at, y)
  return record(y, { name: 'IndexSelectBackward0', inputs: [x], saved: [at], backward: (dy, [at]) => [indexZeros(from, d, at, dy)] })
}

/** Zeros of `shape` with the slices of src added at `index` along `dim`: the gradient of `indexSelect`. */
export function indexZeros(shape: Shape, dim: number, index: Tensor, src: Tensor): Tensor {
  const y = zeros(shape, { dtype: src.dtype })
  kernels.indexAdd(y, dim, index, src)
  return record(y, { name: 'IndexAddBackward0', inputs: [src], saved: [index], backward: (dy, [index]) => [indexSelect(dy, dim, index)] })
}

/**
 * A copy of x with the slices of src added at `index` along `dim`; equal indices add up. As `torch.index_add`.
 * @param index a vector of int64 or int32
 */
export function indexAdd(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  checkTensor('indexAdd', 'input', x)
  checkTensor('indexAdd', 'index', index)
  checkTensor('indexAdd', 'src', src)
  const d = normalizeDim(dim, x.ndim)
  checkIndexDtype(`index_add_(): Expected dtype int32/int64 for index but got: ${dtypes[index.dtype].scalarName}`, index, ['int32', 'int64'])
  if (index.ndim > 1) throw new IndexError('index_add_(): Index is supposed to be a vector')
  if (x.dtype !== src.dtype) {
    throw new RuntimeError(`index_add_(): self (${dtypes[x.dtype].scalarName}) and source (${dtypes[src.dtype].scalarName}) must have the same scalar type`)
  }
  if (src.ndim !== x.ndim || src.shape.some((size, i) => i !== d && size !== x.shape[i])) {
    throw new RuntimeError(
      `source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ${formatShape(x.shape)} source.shape = ${formatShape(src.shape)}`,
    )
  }
  if (index.numel() !== sizeAt(src.shape, d)) {
    throw new RuntimeError(`index_add_(): Number of indices (${index.numel()}) should be equal to source.size(dim): (${sizeAt(src.shape, d)}), for dim: ${d}`)
  }
  const at = index.to('int64').reshape([-1])
  const y = emptyTensor(x.shape, x.dtype)
  kernels.copy(x, y)
  kernels.indexAdd(y, d, at, src)
  return record(y, {
    name: 'IndexAddBackward0',
    inputs: [x, src],
    saved: [at],
    backward: (dy, [at], [needsX, needsSrc]) => [needsX ? dy : null, needsSrc ? indexSelect(dy, d, at) : null],
  })
}
