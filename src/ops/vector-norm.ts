import { noGrad, record } from '../autograd/index.js'
import { dtypes, isFloatingPoint } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { normalizeDims } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { where } from './binary.js'
import { type Dims, type ReduceOptions, restore } from './reduction.js'

export interface NormOptions extends ReduceOptions {
  /** The axes that form a vector. Default all. */
  dim?: Dims
}

/** (sum |x|^p)^(1/p): the largest |x| for p = Infinity, the smallest for -Infinity, the count of non-zeros for 0. */
function compute(x: Tensor, p: number, dims: readonly number[], keepdim: boolean): Tensor {
  const options = { keepdim }
  // With no axis to reduce each element is a vector of its own; an empty list would mean all axes.
  if (dims.length === 0) return p === 0 ? x.ne(0).to(x.dtype) : x.abs()
  switch (p) {
    case Number.POSITIVE_INFINITY:
      return x.abs().amax(dims, options)
    case Number.NEGATIVE_INFINITY:
      return x.abs().amin(dims, options)
    case 0:
      return x.ne(0).to(x.dtype).sum(dims, options)
    case 1:
      return x.abs().sum(dims, options)
    case 2:
      return x.square().sum(dims, options).sqrt()
    default:
      return x
        .abs()
        .pow(p)
        .sum(dims, options)
        .pow(1 / p)
  }
}

/** The gradient where it exists, and 0 at kinks and poles, as in PyTorch. `y` and `dy` broadcast against x. */
function gradient(dy: Tensor, x: Tensor, y: Tensor, p: number, dims: readonly number[]): Tensor {
  if (Math.abs(p) === Number.POSITIVE_INFINITY) {
    const ties = x.abs().eq(y).to(x.dtype)
    const count = dims.length === 0 ? ties : ties.sum(dims, { keepdim: true })
    return x.sign().mul(dy.div(count)).mul(ties)
  }
  if (p === 0) return dy.mul(0).expand(x.shape)
  if (p === 1) return x.sign().mul(dy)
  if (p === 2) return x.mul(where(y.eq(0), 0, dy.div(y)))
  const powers = p < 1 ? where(x.eq(0), 0, x.abs().pow(p - 1)) : x.abs().pow(p - 1)
  return x
    .sign()
    .mul(powers)
    .mul(where(y.eq(0), 0, dy.mul(y.pow(1 - p))))
}

/**
 * The p-norm of the vectors along `dim` (default: of all elements). As `torch.norm` with a number, `torch.linalg.vector_norm`.
 * @param p any number; 0 counts what is not zero, Infinity and -Infinity take the largest and smallest magnitude. Default 2
 * @throws RuntimeError for integers, and for the infinite and negative norms of nothing
 */
export function norm(x: Tensor, p = 2, options?: NormOptions): Tensor {
  checkTensor('norm', 'input', x)
  checkOptions('norm', options, ['dim', 'keepdim'])
  if (typeof p !== 'number' || Number.isNaN(p)) throw new TypeError(`norm: p must be a number, got ${String(p)}`)
  if (!isFloatingPoint(x.dtype)) {
    throw new RuntimeError(`linalg.vector_norm: Expected a floating point or complex tensor as input. Got ${dtypes[x.dtype].scalarName}`)
  }
  const dims = normalizeDims(options?.dim, x.ndim)
  const empty = dims.find((d) => x.shape[d] === 0)
  if (empty !== undefined && (p < 0 || p === Number.POSITIVE_INFINITY)) {
    const place = options?.dim == null ? 'an empty tensor because' : `the dimension ${empty} because this dimension is empty and`
    throw new RuntimeError(
      `linalg.vector_norm cannot compute the ${String(p).replace('Infinity', 'inf')} norm on ${place} the operation does not have an identity`,
    )
  }
  const y = scope(() => noGrad(() => compute(x, p, dims, options?.keepdim ?? false)))
  return record(y, {
    name: 'LinalgVectorNormBackward0',
    inputs: [x],
    saved: [x, y],
    backward: (dy, [x, y]) => [gradient(restore(dy, x.shape, dims), x, restore(y, x.shape, dims), p, dims)],
  })
}
