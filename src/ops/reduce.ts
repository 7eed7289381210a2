import { record } from '../autograd/index.js'
import { type Dtype, dtypes, isFloatingPoint } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { normalizeDims, numelOf, type Shape } from '../core/shape.js'
import { emptyTensor, Tensor } from '../core/tensor.js'
import type { ReduceOp } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { where } from './binary.js'

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. Default false. */
  keepdim?: boolean
}

export type Dims = number | readonly number[] | null

/** The shape after `dims` (ascending) are reduced, without and with them as size 1. */
function reducedShapes(shape: Shape, dims: readonly number[]): { dropped: number[]; kept: number[] } {
  return { dropped: shape.filter((_, i) => !dims.includes(i)), kept: shape.map((s, i) => (dims.includes(i) ? 1 : s)) }
}

const keepdimOf = (owner: string, options: ReduceOptions): boolean => {
  checkOptions(owner, options, ['keepdim'])
  return options.keepdim ?? false
}

function reduceKernel(op: ReduceOp, x: Tensor, dims: readonly number[], keepdim: boolean, dtype: Dtype): Tensor {
  const { dropped, kept } = reducedShapes(x.shape, dims)
  const y = emptyTensor(keepdim ? kept : dropped, dtype)
  kernels.reduce(op, x, dims, y)
  return y
}

/** Gives a reduced tensor its reduced axes back, with size 1, so that it broadcasts against the input. */
const restore = (y: Tensor, inputShape: Shape, dims: readonly number[]): Tensor => y.reshape(reducedShapes(inputShape, dims).kept)

/** The sum over `dim` (default all axes). Integers and bool sum to int64. As `torch.sum`. */
export function sum(x: Tensor, dim: Dims = null, options: ReduceOptions & { dtype?: Dtype } = {}): Tensor {
  checkOptions('sum', options, ['keepdim', 'dtype'])
  const dims = normalizeDims(dim, x.ndim)
  const dtype = options.dtype ?? (isFloatingPoint(x.dtype) ? x.dtype : 'int64')
  const y = reduceKernel('sum', x, dims, options.keepdim ?? false, dtype)
  return record(y, { name: 'SumBackward0', inputs: [x], backward: (dy) => [restore(dy, x.shape, dims).expand(x.shape)] })
}

/** Sums away broadcasting, down to `shape`. */
export function sumToShape(x: Tensor, shape: Shape): Tensor {
  const lead = x.ndim - shape.length
  const dims = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1))
  return dims.length === 0 ? x.reshape(shape) : sum(x, dims).reshape(shape)
}

/** The mean over `dim` (default all axes). As `torch.mean`. @throws RuntimeError for integers and bool */
export function mean(x: Tensor, dim: Dims = null, options: ReduceOptions & { dtype?: Dtype } = {}): Tensor {
  checkOptions('mean', options, ['keepdim', 'dtype'])
  const dtype = options.dtype ?? x.dtype
  if (!isFloatingPoint(dtype)) {
    throw new RuntimeError(
      `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtypes[x.dtype].scalarName}`,
    )
  }
  const input = x.dtype === dtype ? x : x.to(dtype)
  const dims = normalizeDims(dim, input.ndim)
  const { dropped, kept } = reducedShapes(input.shape, dims)
  const y = emptyTensor(options.keepdim ? kept : dropped, dtype)
  kernels.moments(input, dims, y, null)
  const n = numelOf(dims.map((d) => input.shape[d]))
  return record(y, { name: 'MeanBackward1', inputs: [input], backward: (dy) => [restore(dy, input.shape, dims).expand(input.shape).div(n)] })
}

/**
 * The variance over `dim` (default all axes): squared distances from the mean, summed and divided by n - correction.
 * As `torch.var`: `correction` is 1 (unbiased) unless given.
 */
export function variance(x: Tensor, dim: Dims = null, options: ReduceOptions & { correction?: number } = {}): Tensor {
  checkOptions('var', options, ['keepdim', 'correction'])
  if (!isFloatingPoint(x.dtype)) throw new RuntimeError('std and var only support floating point and complex dtypes')
  const dims = normalizeDims(dim, x.ndim)
  const { correction = 1 } = options
  const { dropped, kept } = reducedShapes(x.shape, dims)
  const shape = options.keepdim ? kept : dropped
  const n = numelOf(dims.map((d) => x.shape[d]))
  const average = emptyTensor(shape, x.dtype)
  const y = emptyTensor(shape, x.dtype)
  kernels.moments(x, dims, average, y)
  average.dispose()
  const divisor = Math.max(0, n - correction)
  if (divisor !== n) kernels.binary('mul', y, n / divisor, y)
  return record(y, {
    name: 'VarBackward0',
    inputs: [x],
    saved: [x],
    backward: (dy) => [restore(dy, x.shape, dims).mul(x.sub(mean(x, dims, { keepdim: true }))).mul(2 / divisor)],
  })
}

/** The square root of `variance`. As `torch.std`. */
export function std(x: Tensor, dim: Dims = null, options: ReduceOptions & { correction?: number } = {}): Tensor {
  return variance(x, dim, options).sqrt()
}

/** The product over one axis, or over all. As `torch.prod`. */
export function prod(x: Tensor, dim: number | null = null, options: ReduceOptions = {}): Tensor {
  const keepdim = keepdimOf('prod', options)
  const dims = normalizeDims(dim, x.ndim)
  const y = reduceKernel('prod', x, dims, keepdim, isFloatingPoint(x.dtype) ? x.dtype : 'int64')
  return record(y, { name: 'ProdBackward0', inputs: [x], saved: [x], backward: (dy) => [restore(dy, x.shape, dims).mul(productOfOthers(x, dims))] })
}

/** For each element the product of the others: y / x, or where a zero would make that 0 / 0, each product without its element. */
function productOfOthers(x: Tensor, dims: readonly number[]): Tensor {
  if (!x.eq(0).any().item()) return prodOver(x, dims).div(x)
  const rest = x.shape.map((_, i) => i).filter((i) => !dims.includes(i))
  const order = [...rest, ...dims]
  const n = numelOf(dims.map((d) => x.shape[d]))
  const rows = x.permute(order).reshape([-1, 1, n]).expand([-1, n, n])
  const products = prod(where(identity(n), 1, rows), 2)
  const back = order.map((_, i) => order.indexOf(i))
  return products.reshape(order.map((d) => x.shape[d])).permute(back)
}

/** The product over `dims`, broadcastable against x. */
function prodOver(x: Tensor, dims: readonly number[]): Tensor {
  return dims.reduce((y, d) => prod(y, d, { keepdim: true }), x)
}

/** The n x n identity matrix as bool. */
function identity(n: number): Tensor {
  const eye = emptyTensor([n, n], 'bool')
  kernels.fill(eye, 0)
  kernels.fill(new Tensor(eye.storage, 'bool', [n], [n + 1]), 1)
  return eye
}

/** True where any element is not zero. */
export function any(x: Tensor, dim: Dims = null, options: ReduceOptions = {}): Tensor {
  return reduceKernel('any', x, normalizeDims(dim, x.ndim), keepdimOf('any', options), 'bool')
}

/** True where all elements are not zero. */
export function all(x: Tensor, dim: Dims = null, options: ReduceOptions = {}): Tensor {
  return reduceKernel('all', x, normalizeDims(dim, x.ndim), keepdimOf('all', options), 'bool')
}
