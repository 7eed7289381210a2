import { noGrad } from '../../autograd/index.js'
import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import { checkNumber, ValueError, ZeroDivisionError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { fill_ } from '../../ops/copy.js'
import { ones, zeros } from '../../ops/create.js'
import type { Epilogue } from '../../ops/epilogue.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { groupNorm } from '../../ops/norm/group-norm.js'
import { requireArguments } from '../arguments.js'
import { withEpilogue } from '../fusion.js'
import { Module } from '../module.js'
import { pythonFloat, pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'

export interface GroupNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Learn a weight and bias per channel. Default true. */
  affine?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

/**
 * Group normalization of [N, C, ...]: one mean and variance per sample and group of neighbouring channels, the same in training and evaluation.
 *
 * y = (x - mean) / sqrt(var + eps) * weight + bias, with the biased variance and one weight and bias per channel. Wu and He 2018,
 * arXiv:1803.08494; semantics of https://pytorch.org/docs/2.6/generated/torch.nn.GroupNorm.html
 *
 * @param numGroups into how many equal groups the channels are split: 1 is LayerNorm over [C, ...], C is InstanceNorm
 * @param numChannels C
 * @example new nn.GroupNorm(3, 6).forward(randn([20, 6, 10, 10]))
 * @throws ValueError where numGroups doesn't divide numChannels
 */
export class GroupNorm extends Module {
  readonly numGroups: number
  readonly numChannels: number
  eps: number
  readonly affine: boolean
  /** [C], starts as 1; null without `affine`. */
  weight: Parameter | null = null
  /** [C], starts as 0; null without `affine`. */
  bias: Parameter | null = null

  constructor(numGroups: number, numChannels: number, ...args: Arguments<[eps: number, affine: boolean], GroupNormOptions>) {
    super()
    requireArguments('GroupNorm', { num_groups: numGroups, num_channels: numChannels })
    const { eps = 1e-5, affine = true, dtype } = readOptions<GroupNormOptions>('GroupNorm', ['eps', 'affine', 'dtype'], 2, args)
    checkNumber('GroupNorm', 'num_groups', numGroups)
    checkNumber('GroupNorm', 'num_channels', numChannels)
    if (numGroups === 0) throw new ZeroDivisionError('integer modulo by zero')
    if (numChannels % numGroups !== 0) throw new ValueError('num_channels must be divisible by num_groups')
    this.numGroups = numGroups
    this.numChannels = numChannels
    this.eps = eps
    this.affine = affine
    if (affine) {
      this.weight = new Parameter(ones([numChannels], { dtype }))
      this.bias = new Parameter(zeros([numChannels], { dtype }))
    }
  }

  /** What it normalises, for texts and summaries. */
  get kind(): NormKind {
    return normKinds.group
  }

  /** As when it was made: weight 1, bias 0. */
  resetParameters(): void {
    noGrad(() => {
      if (this.weight) fill_(this.weight, 1)
      if (this.bias) fill_(this.bias, 0)
    })
  }

  override forward(input: Tensor): Tensor {
    return groupNorm(input, this.numGroups, this.weight, this.bias, { eps: this.eps })
  }

  [withEpilogue](input: Tensor, epilogue: Epilogue): Tensor {
    return groupNorm(input, this.numGroups, this.weight, this.bias, { eps: this.eps, ...epilogue })
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${pythonFloat(this.eps)}, affine=${pythonRepr(this.affine)}`
  }
}
