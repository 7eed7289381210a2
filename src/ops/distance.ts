import { noGrad } from '../autograd/index.js'
import { type Arguments, readOptions } from '../core/arguments.js'
import { dtypes, isFloatingPoint } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import { broadcastShapes, normalizeDim } from '../core/shape.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { composed } from './composed.js'
import { resultType } from './promote.js'

/** Lengths of vectors and distances between them. */

export interface NormalizeOptions {
  /** Which norm. Default 2. */
  p?: number
  /** The axis of a vector's elements, or several. Default 1. */
  dim?: number | readonly number[]
  /** The least that is divided by. Default 1e-12. */
  eps?: number
}

/** x / max(|x|, eps), |x| being the p-norm along `dim`. As `torch.nn.functional.normalize`. */
export function normalize(x: Tensor, ...args: Arguments<[p: number, dim: number | readonly number[]], NormalizeOptions>): Tensor {
  checkTensor('normalize', 'input', x)
  const { p = 2, dim = 1, eps = 1e-12 } = readOptions<NormalizeOptions>('normalize', ['p', 'dim', 'eps'], 2, args)
  return composed([x], () => x.div(x.norm(p, { dim, keepdim: true }).clampMin(eps)))
}

export interface CosineSimilarityOptions {
  /** The axis of a vector's elements. Default 1. */
  dim?: number
  /** The least length that is divided by. Default 1e-8. */
  eps?: number
}

/**
 * The cosine of the angle between vectors: x1 . x2 / (max(|x1|, eps) max(|x2|, eps)). As `torch.nn.functional.cosine_similarity`.
 * @throws RuntimeError for integers, or where the shapes don't broadcast
 */
export function cosineSimilarity(x1: Tensor, x2: Tensor, ...args: Arguments<[dim: number], CosineSimilarityOptions>): Tensor {
  checkTensor('cosineSimilarity', 'x1', x1)
  checkTensor('cosineSimilarity', 'x2', x2)
  const { dim = 1, eps = 1e-8 } = readOptions<CosineSimilarityOptions>('cosineSimilarity', ['dim', 'eps'], 1, args)
  const dtype = resultType(x1, x2)
  if (!isFloatingPoint(dtype)) throw new RuntimeError(`expected common dtype to be floating point, yet common dtype is ${dtypes[dtype].scalarName}`)
  const shape = broadcastShapes(x1.shape, x2.shape)
  const d = normalizeDim(dim, shape.length)
  // Each is divided before the product, which could overflow. As in PyTorch, the gradient knows nothing of the limit: a length below it changes with x.
  const unit = (x: Tensor) => {
    const wide = x.to(dtype).expand(shape)
    const length = wide.norm(2, { dim: d, keepdim: true }).clone()
    noGrad(() => length.clamp_(eps))
    return wide.div(length)
  }
  return composed([x1, x2], () => unit(x1).mul(unit(x2)).sum(d))
}

export interface PairwiseDistanceOptions {
  /** Which norm. Default 2. */
  p?: number
  /** Added to the differences. Default 1e-6. */
  eps?: number
  /** Keep the last axis, with size 1. Default false. */
  keepdim?: boolean
}

/**
 * The p-norm of x1 - x2 + eps along the last axis. As `torch.nn.functional.pairwise_distance`.
 */
export function pairwiseDistance(x1: Tensor, x2: Tensor, ...args: Arguments<[p: number], PairwiseDistanceOptions>): Tensor {
  checkTensor('pairwiseDistance', 'x1', x1)
  checkTensor('pairwiseDistance', 'x2', x2)
  const { p = 2, eps = 1e-6, keepdim = false } = readOptions<PairwiseDistanceOptions>('pairwiseDistance', ['p', 'eps', 'keepdim'], 1, args)
  return composed([x1, x2], () => x1.sub(x2).add(eps).norm(p, { dim: -1, keepdim }))
}
