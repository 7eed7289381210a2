import { record } from '../autograd/index.js'
import { IndexError, RuntimeError } from '../core/errors.js'
import { normalizeDim, normalizeDims, type Shape } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { scatterZeros } from './indexing.js'
import { type Dims, keepdimOf, type ReduceOptions, reducedShape, restore } from './reduction.js'

/** Elements chosen along a dimension, and where they are. */
export interface ValuesAndIndices {
  readonly values: Tensor
  /** Where along `dim` they are, as int64. */
  readonly indices: Tensor
}

type Extreme = 'max' | 'min'

/** @throws where there is no element to choose from, as the largest of nothing is not defined */
function checkNotEmpty(owner: string, shape: Shape, dims: readonly number[], all: boolean, ErrorType: typeof RuntimeError | typeof IndexError): void {
  if (all && shape.includes(0)) {
    const hint = ErrorType === RuntimeError ? " Specify the reduction dim with the 'dim' argument." : ''
    throw new ErrorType(`${owner}(): Expected reduction dim to be specified for input.numel() == 0.${hint}`)
  }
  for (const d of dims) if (shape[d] === 0) throw new IndexError(`${owner}(): Expected reduction dim ${d} to have non-zero size.`)
}

/** The most extreme element over `dims`; those that tie for it share its gradient evenly. */
function extreme(op: Extreme, node: string, owner: string, x: Tensor, dim: Dims, keepdim: boolean): Tensor {
  checkTensor(owner, 'input', x)
  const dims = normalizeDims(dim, x.ndim)
  checkNotEmpty(owner, x.shape, dims, dim === null || (typeof dim !== 'number' && dim.length === 0), RuntimeError)
  const y = emptyTensor(reducedShape(x.shape, dims, keepdim), x.dtype)
  kernels.reduce(op, x, dims, y)
  return record(y, {
    name: node,
    inputs: [x],
    saved: [x, y],
    backward: (dy, [x, y]) => {
      const ties = x.eq(restore(y, x.shape, dims)).to(x.dtype)
      return [restore(dy, x.shape, dims).mul(ties.div(ties.sum(dims, { keepdim: true })))]
    },
  })
}

/** The largest element over `dim` (default all axes); NaN wins. Elements that tie share the gradient evenly. As `torch.amax`. */
export const amax = (x: Tensor, dim: Dims = null, options?: ReduceOptions): Tensor =>
  extreme('max', 'AmaxBackward0', 'amax', x, dim, keepdimOf('amax', options))

/** The smallest element over `dim` (default all axes); NaN wins. Elements that tie share the gradient evenly. As `torch.amin`. */
export const amin = (x: Tensor, dim: Dims = null, options?: ReduceOptions): Tensor =>
  extreme('min', 'AminBackward0', 'amin', x, dim, keepdimOf('amin', options))

function argExtreme(op: Extreme, x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  checkTensor(`arg${op}`, 'input', x)
  const d = dim === null ? null : normalizeDim(dim, x.ndim)
  const dims = normalizeDims(d, x.ndim)
  checkNotEmpty(`arg${op}`, x.shape, dims, d === null, IndexError)
  const y = emptyTensor(reducedShape(x.shape, dims, keepdim), 'int64')
  kernels.argReduce(op, x, d, y)
  return y
}

/** Where the first largest element is: along `dim`, or in row-major order over all. As `torch.argmax`. */
export const argmax = (x: Tensor, dim: number | null = null, options?: ReduceOptions): Tensor => argExtreme('max', x, dim, keepdimOf('argmax', options))

/** Where the first smallest element is: along `dim`, or in row-major order over all. As `torch.argmin`. */
export const argmin = (x: Tensor, dim: number | null = null, options?: ReduceOptions): Tensor => argExtreme('min', x, dim, keepdimOf('argmin', options))

/** The first most extreme element along `dim`, which gets all of the gradient, and where it is. */
function extremeAlong(op: Extreme, node: string, x: Tensor, dim: number, keepdim: boolean): ValuesAndIndices {
  checkTensor(op, 'input', x)
  const d = normalizeDim(dim, x.ndim)
  checkNotEmpty(op, x.shape, x.ndim === 0 ? [] : [d], false, RuntimeError)
  const kept = reducedShape(x.shape, [d], true)
  const indices = emptyTensor(reducedShape(x.shape, [d], keepdim), 'int64')
  const values = emptyTensor(indices.shape, x.dtype)
  kernels.argReduce(op, x, d, indices)
  const at = indices.reshape(kept)
  kernels.gather(x, d, at, values.reshape(kept))
  const from = x.shape
  record(values, { name: node, inputs: [x], saved: [at], backward: (dy, [at]) => [scatterZeros(from, d, at, dy.reshape(kept))] })
  return { values, indices }
}

/**
 * The largest element of all, whose ties share the gradient; or, with `dim`, the first largest along it and where it is. NaN wins.
 * As `torch.max`; `maximum` compares two tensors.
 */
export function max(x: Tensor): Tensor
export function max(x: Tensor, dim: number, options?: ReduceOptions): ValuesAndIndices
export function max(x: Tensor, dim?: number, options?: ReduceOptions): Tensor | ValuesAndIndices {
  if (dim === undefined) return extreme('max', 'MaxBackward1', 'max', x, null, false)
  return extremeAlong('max', 'MaxBackward0', x, dim, keepdimOf('max', options))
}

/**
 * The smallest element of all, whose ties share the gradient; or, with `dim`, the first smallest along it and where it is. NaN wins.
 * As `torch.min`; `minimum` compares two tensors.
 */
export function min(x: Tensor): Tensor
export function min(x: Tensor, dim: number, options?: ReduceOptions): ValuesAndIndices
export function min(x: Tensor, dim?: number, options?: ReduceOptions): Tensor | ValuesAndIndices {
  if (dim === undefined) return extreme('min', 'MinBackward1', 'min', x, null, false)
  return extremeAlong('min', 'MinBackward0', x, dim, keepdimOf('min', options))
}
