import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Tensor } from '../../core/tensor.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { type LocalResponseNormOptions, localResponseNorm } from '../../ops/norm/local-response-norm.js'
import { requireArguments } from '../arguments.js'
import { Module } from '../module.js'
import { pythonFloat } from '../names.js'

export type { LocalResponseNormOptions } from '../../ops/norm/local-response-norm.js'

/**
 * Local response normalization of [N, C, ...]: each channel is divided by (k + alpha / size sum(a^2))^beta, the sum running over `size`
 * neighbouring channels at the same position. Krizhevsky, Sutskever and Hinton 2012 (AlexNet), section 3.3; semantics of
 * https://pytorch.org/docs/2.6/generated/torch.nn.LocalResponseNorm.html
 *
 * @param size how many neighbouring channels are summed
 * @example new nn.LocalResponseNorm(5, { k: 2 }).forward(randn([32, 96, 27, 27]))
 * @throws ValueError for inputs of fewer than three axes
 */
export class LocalResponseNorm extends Module {
  readonly size: number
  alpha: number
  beta: number
  k: number

  constructor(size: number, ...args: Arguments<[alpha: number, beta: number, k: number], LocalResponseNormOptions>) {
    super()
    requireArguments('LocalResponseNorm', { size })
    const options = readOptions<LocalResponseNormOptions>('LocalResponseNorm', ['alpha', 'beta', 'k'], 3, args)
    this.size = size
    this.alpha = options.alpha ?? 1e-4
    this.beta = options.beta ?? 0.75
    this.k = options.k ?? 1
  }

  /** What it normalises, for texts and summaries. */
  get kind(): NormKind {
    return normKinds.response
  }

  override forward(input: Tensor): Tensor {
    const { size, alpha, beta, k } = this
    return localResponseNorm(input, size, { alpha, beta, k })
  }

  override extraRepr(): string {
    return `${this.size}, alpha=${pythonFloat(this.alpha)}, beta=${pythonFloat(this.beta)}, k=${pythonFloat(this.k)}`
  }
}
