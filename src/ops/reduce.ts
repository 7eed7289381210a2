import { record } from '../autograd/index.js'
import { checkDtype, type Dtype, dtypes, isFloatingPoint } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { checkShape, normalizeDim, normalizeDims, type Shape } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import type { ReduceOp } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { ne, where } from './binary.js'
import { eye } from './create.js'
import { floatResult } from './promote.js'
import { type Dims, keepdimOf, type ReduceOptions, reducedShape, restore } from './reduction.js'

export interface SumOptions extends ReduceOptions {
  /** Converts the input first. Default: floats keep theirs, integers and bool sum to int64. */
  dtype?: Dtype
}

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the number of elements in the divisor. Default 1: the unbiased estimate. */
  correction?: number
}

/** How many elements fall together into one. */
const countOver = (shape: Shape, dims: readonly number[]): number => dims.reduce((n, d) => n * shape[d], 1)

function reduceKernel(op: ReduceOp, x: Tensor, dims: readonly number[], keepdim: boolean, dtype: Dtype): Tensor {
  const y = emptyTensor(reducedShape(x.shape, dims, keepdim), dtype)
  kernels.reduce(op, x, dims, y)
  return y
}

const sumDtype = (dtype: Dtype): Dtype => (isFloatingPoint(dtype) ? dtype : 'int64')

/** The sum over `dim` (default all axes). Integers and bool sum to int64. As `torch.sum`. */
export function sum(x: Tensor, dim: Dims = null, options?: SumOptions): Tensor {
  checkTensor('sum', 'input', x)
  checkOptions('sum', options, ['keepdim', 'dtype'])
  if (options?.dtype !== undefined) checkDtype('sum', options.dtype)
  const { shape } = x
  const dims = normalizeDims(dim, shape.length)
  const y = reduceKernel('sum', x, dims, options?.keepdim ?? false, options?.dtype ?? sumDtype(x.dtype))
  return record(y, { name: 'SumBackward0', inputs: [x], backward: (dy) => [restore(dy, shape, dims).expand(shape)] })
}

/** Sums away broadcasting, down to `shape`. As `torch.Tensor.sum_to_size`. */
export function sumToSize(x: Tensor, shape: Shape): Tensor {
  checkTensor('sumToSize', 'input', x)
  checkShape('sumToSize', shape)
  const lead = x.ndim - shape.length
  const dims = [...x.shape.keys()].filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1))
  return dims.length === 0 ? x.reshape(shape) : sum(x, dims).reshape(shape)
}

/** The mean over `dim` (default all axes). As `torch.mean`. @throws RuntimeError for integers and bool */
export function mean(x: Tensor, dim: Dims = null, options?: SumOptions): Tensor {
  checkTensor('mean', 'input', x)
  checkOptions('mean', options, ['keepdim', 'dtype'])
  const dtype = options?.dtype ?? x.dtype
  checkDtype('mean', dtype)
  if (!isFloatingPoint(dtype)) {
    throw new RuntimeError(
      `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtypes[x.dtype].scalarName}`,
    )
  }
  const input = x.to(dtype)
  const dims = normalizeDims(dim, x.ndim)
  const y = emptyTensor(reducedShape(x.shape, dims, options?.keepdim ?? false), dtype)
  kernels.moments(input, dims, y, null)
  return record(y, { name: 'MeanBackward1', inputs: [input], backward: meanGradient(x.shape, dims) })
}

function meanGradient(shape: Shape, dims: readonly number[]): (dy: Tensor) => [Tensor] {
  const n = countOver(shape, dims)
  return (dy) => [restore(dy, shape, dims).div(n).expand(shape)]
}

/** Both moments from one pass of the kernel, each with its gradient; without `wantsMean` the mean is released. */
function moments(owner: string, x: Tensor, dim: Dims, options: VarianceOptions | undefined, wantsMean: boolean): [variance: Tensor, mean: Tensor] {
  checkTensor(owner, 'input', x)
  checkOptions(owner, options, ['keepdim', 'correction'])
  if (!isFloatingPoint(x.dtype)) {
    throw new RuntimeError(`${wantsMean ? owner.replace('Mean', '_mean') : 'std and var'} only support floating point and complex dtypes`)
  }
  const dims = normalizeDims(dim, x.ndim)
  const shape = reducedShape(x.shape, dims, options?.keepdim ?? false)
  const average = emptyTensor(shape, x.dtype)
  const y = emptyTensor(shape, x.dtype)
  kernels.moments(x, dims, average, y)
  const n = countOver(x.shape, dims)
  const divisor = Math.max(0, n - (options?.correction ?? 1))
  if (divisor !== n) kernels.binary('mul', y, n / divisor, y)
  record(y, {
    name: 'VarBackward0',
    inputs: [x],
    saved: [x],
    backward: (dy) => [
      restore(dy, x.shape, dims)
        .mul(2 / divisor)
        .mul(x.sub(mean(x, dims, { keepdim: true }))),
    ],
  })
  if (wantsMean) record(average, { name: 'MeanBackward1', inputs: [x], backward: meanGradient(x.shape, dims) })
  else average.dispose()
  return [y, average]
}

/**
 * The variance over `dim` (default all axes): squared distances from the mean, summed and divided by n - correction.
 * As `torch.var`: `correction` is 1 (unbiased) unless given.
 */
export const variance = (x: Tensor, dim: Dims = null, options?: VarianceOptions): Tensor => moments('var', x, dim, options, false)[0]

/** Its gradient is 0 where the deviation is, where that of the square root would be infinite. */
function deviation(y: Tensor): Tensor {
  const s = emptyTensor(y.shape, y.dtype)
  kernels.unary('sqrt', y, s)
  // Its history goes on to x, which doesn't read it.
  y.dispose()
  return record(s, { name: 'StdBackward0', inputs: [y], saved: [s], backward: (dy, [s]) => [where(s.eq(0), 0, dy.div(s.mul(2)))] })
}

/** The square root of the variance. As `torch.std`. */
export const std = (x: Tensor, dim: Dims = null, options?: VarianceOptions): Tensor => deviation(moments('std', x, dim, options, false)[0])

/** Variance and mean in one pass. As `torch.var_mean`. */
export const varMean = (x: Tensor, dim: Dims = null, options?: VarianceOptions): [variance: Tensor, mean: Tensor] => moments('varMean', x, dim, options, true)

/** Standard deviation and mean in one pass. As `torch.std_mean`. */
export function stdMean(x: Tensor, dim: Dims = null, options?: VarianceOptions): [std: Tensor, mean: Tensor] {
  checkTensor('stdMean', 'input', x)
  const [y, average] = moments('stdMean', x, dim, options, true)
  return [deviation(y), average]
}

/** The product over one axis, or over all. As `torch.prod`. */
export function prod(x: Tensor, dim: number | null = null, options?: ReduceOptions): Tensor {
  checkTensor('prod', 'input', x)
  const keepdim = keepdimOf('prod', options)
  const dims = normalizeDims(dim, x.ndim)
  const y = reduceKernel('prod', x, dims, keepdim, sumDtype(x.dtype))
  return record(y, { name: 'ProdBackward0', inputs: [x], saved: [x], backward: (dy, [x]) => [restore(dy, x.shape, dims).mul(productOfOthers(x, dims))] })
}

/** For each element the product of the others: y / x, or where a zero would make that 0 / 0, each product without its element. */
function productOfOthers(x: Tensor, dims: readonly number[]): Tensor {
  if (!x.eq(0).any().item()) return dims.reduce((y, d) => prod(y, d, { keepdim: true }), x).div(x)
  const order = [...[...x.shape.keys()].filter((i) => !dims.includes(i)), ...dims]
  const n = countOver(x.shape, dims)
  const rows = x.permute(order).reshape([-1, 1, n]).expand([-1, n, n])
  const products = prod(where(eye(n, { dtype: 'bool' }), 1, rows), 2)
  const back = order.map((_, i) => order.indexOf(i))
  return products.reshape(order.map((d) => x.shape[d])).permute(back)
}

/** True where any element is not zero. */
export function any(x: Tensor, dim: Dims = null, options?: ReduceOptions): Tensor {
  checkTensor('any', 'input', x)
  return reduceKernel('any', x, normalizeDims(dim, x.ndim), keepdimOf('any', options), 'bool')
}

/** True where all elements are not zero. */
export function all(x: Tensor, dim: Dims = null, options?: ReduceOptions): Tensor {
  checkTensor('all', 'input', x)
  return reduceKernel('all', x, normalizeDims(dim, x.ndim), keepdimOf('all', options), 'bool')
}

/** How many elements are not zero, as int64. */
export const countNonzero = (x: Tensor, dim: Dims = null): Tensor => sum(ne(x, 0), dim)

/** The running sum along `dim`. Integers and bool sum to int64. As `torch.cumsum`. */
export function cumsum(x: Tensor, dim: number): Tensor {
  checkTensor('cumsum', 'input', x)
  const d = normalizeDim(dim, x.ndim)
  const y = emptyTensor(x.shape, sumDtype(x.dtype))
  kernels.cumsum(x, d, y)
  return record(y, { name: 'CumsumBackward0', inputs: [x], backward: (dy) => [dy.ndim === 0 ? dy : cumsum(dy.flip(d), d).flip(d)] })
}

/**
 * log(sum(exp(x))) over `dim`, without overflow. As `torch.logsumexp`.
 * The largest element is taken out of the exponent: log(sum(exp(x - max))) + max. Where it is infinite 0 is taken out instead.
 */
export function logsumexp(x: Tensor, dim: Dims, options?: ReduceOptions): Tensor {
  checkTensor('logsumexp', 'input', x)
  const keepdim = keepdimOf('logsumexp', options)
  const input = x.to(floatResult(x.dtype))
  const dims = normalizeDims(dim, x.ndim)
  const y = emptyTensor(reducedShape(x.shape, dims, keepdim), input.dtype)
  const largest = emptyTensor(reducedShape(x.shape, dims, true), input.dtype)
  const shifted = emptyTensor(x.shape, input.dtype)
  kernels.reduce('max', input, dims, largest)
  const finite = emptyTensor(largest.shape, 'bool')
  kernels.unary('isFinite', largest, finite)
  kernels.where(finite, largest, 0, largest)
  kernels.binary('sub', input, largest, shifted)
  kernels.unary('exp', shifted, shifted)
  kernels.reduce('sum', shifted, dims, y)
  kernels.unary('log', y, y)
  kernels.binary('add', y, largest.reshape(y.shape), y)
  for (const t of [largest, shifted, finite]) t.dispose()
  return record(y, {
    name: 'LogsumexpBackward0',
    inputs: [input],
    saved: [input, y],
    backward: (dy, [x, y]) => [restore(dy, x.shape, dims).mul(x.sub(restore(y, x.shape, dims)).exp())],
  })
}
