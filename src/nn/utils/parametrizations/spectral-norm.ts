import { noGrad } from '../../../autograd/index.js'
import { type Arguments, readOptions } from '../../../core/arguments.js'
import { IndexError, ValueError } from '../../../core/errors.js'
import { Tensor } from '../../../core/tensor.js'
import { copy_ } from '../../../ops/copy.js'
import { empty } from '../../../ops/create.js'
import { normalize } from '../../../ops/distance.js'
import '../../../ops/methods.js'
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from '../../conv.js'
import { Module } from '../../module.js'
import { type Parametrization, registerParametrization } from '../parametrize.js'

export interface SpectralNormOptions {
  /** Steps of the power method at each read of the weight in training. Default 1. */
  nPowerIterations?: number
  /** Least length by which a vector is divided. Default 1e-12. */
  eps?: number
  /** The axis of the outputs. Default 0, for transposed convolutions 1. */
  dim?: number
}

export type SpectralNormArguments = Arguments<[nPowerIterations: number, eps: number, dim: number], SpectralNormOptions>

/** The options with their defaults for one module. @throws as `spectralNorm` does */
export function spectralNormOptions(module: Module, args: SpectralNormArguments): Required<SpectralNormOptions> {
  const options = readOptions<SpectralNormOptions>('spectralNorm', ['nPowerIterations', 'eps', 'dim'], 3, args)
  const transposed = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d].some((Layer) => module instanceof Layer)
  const { nPowerIterations = 1, eps = 1e-12, dim = transposed ? 1 : 0 } = options
  if (!(nPowerIterations > 0)) throw new ValueError(`Expected n_power_iterations to be positive, but got n_power_iterations=${nPowerIterations}`)
  return { nPowerIterations, eps, dim }
}

/** The weight as a matrix [outputs, everything else]. */
export function weightMatrix(weight: Tensor, dim: number): Tensor {
  const others = weight.shape.map((_, axis) => axis).filter((axis) => axis !== dim)
  return (dim === 0 ? weight : weight.permute([dim, ...others])).flatten(1)
}

/** A random vector of length 1. */
export const randomDirection = (size: number, like: Tensor, eps: number): Tensor => normalize(empty([size], { dtype: like.dtype }).normal_(), { dim: 0, eps })

/** Turns u and v, in place and in that order, towards the first singular vectors: u = W v, v = Wᵀ u, each scaled to length 1. */
export function powerIteration(matrix: Tensor, u: Tensor, v: Tensor, eps: number, order: readonly ('u' | 'v')[]): void {
  for (const which of order) {
    noGrad(() => {
      if (which === 'u') copy_(u, normalize(matrix.matmul(v), { dim: 0, eps }))
      else copy_(v, normalize(matrix.t().matmul(u), { dim: 0, eps }))
    })
  }
}

/**
 * W / sigma with sigma = uᵀ W v, where u and v are constants. Copies of them: the next read changes them in place, and two forward passes
 * before one backward (real and generated samples, say) need both.
 */
export const dividedBySigma = (weight: Tensor, matrix: Tensor, u: Tensor, v: Tensor): Tensor =>
  weight.div(u.detach().clone().dot(matrix.matmul(v.detach().clone())))

/** W / sigma(W): what `spectralNorm` computes. */
export class _SpectralNorm extends Module implements Parametrization {
  private readonly dim: number
  private readonly nPowerIterations: number
  private readonly eps: number
  /** [outputs], the first left singular vector; none for a vector, whose sigma is its length. */
  declare readonly _u: Tensor
  /** The first right singular vector. */
  declare readonly _v: Tensor

  constructor(weight: Tensor, options: Required<SpectralNormOptions>) {
    super()
    const { dim, eps, nPowerIterations } = options
    const { ndim } = weight
    if (!(dim >= -ndim && dim < ndim)) throw new IndexError(`Dimension out of range (expected to be in range of [-${ndim}, ${ndim - 1}] but got ${dim})`)
    this.dim = dim < 0 ? dim + ndim : dim
    this.eps = eps
    this.nPowerIterations = nPowerIterations
    if (ndim === 1) return
    noGrad(() => {
      const matrix = weightMatrix(weight, this.dim)
      this.registerBuffer('_u', randomDirection(matrix.shape[0], weight, eps))
      this.registerBuffer('_v', randomDirection(matrix.shape[1], weight, eps))
      this.iterate(matrix, 15)
    })
  }

  private iterate(matrix: Tensor, count: number): void {
    for (let i = 0; i < count; i++) powerIteration(matrix, this._u, this._v, this.eps, ['u', 'v'])
  }

  override forward(weight: Tensor): Tensor {
    if (weight.ndim === 1) return normalize(weight, { dim: 0, eps: this.eps })
    const matrix = weightMatrix(weight, this.dim)
    if (this.training) this.iterate(matrix, this.nPowerIterations)
    return dividedBySigma(weight, matrix, this._u, this._v)
  }

  rightInverse(value: Tensor): Tensor {
    return value
  }
}

/**
 * Spectral normalization: a weight is divided by its largest singular value sigma(W), which bounds how much the layer can stretch a difference.
 * Miyato et al. 2018, arXiv:1802.05957. As `torch.nn.utils.parametrizations.spectral_norm`, with its keys `parametrizations.weight.original`,
 * `parametrizations.weight.0._u` and `_v`.
 *
 * sigma is estimated by the power method: 15 steps from random vectors here, then `nPowerIterations` more whenever the weight is read in
 * training; in evaluation the vectors stay. A weight of more than two axes counts as the matrix [outputs, everything else].
 *
 * @param name of the parameter. Default `'weight'`.
 * @returns module
 * @throws ValueError where there is no such tensor or no iteration, IndexError for a wrong `dim`
 */
export function spectralNorm<M extends Module>(module: M, name = 'weight', ...args: SpectralNormArguments): M {
  const weight: unknown = Reflect.get(module, name)
  if (!(weight instanceof Tensor)) throw new ValueError(`Module '${module}' has no parameter or buffer with name '${name}'`)
  return registerParametrization(module, name, new _SpectralNorm(weight, spectralNormOptions(module, args)))
}
