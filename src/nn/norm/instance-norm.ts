import { ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { instanceNorm } from '../../ops/norm/instance-norm.js'
import type { LoadProblem, StateDict } from '../state-dict.js'
import { ChannelNorm, type ChannelNormArguments, type ChannelNormOptions, readChannelNormOptions } from './channel-norm.js'

export type InstanceNormOptions = ChannelNormOptions

/** What the three InstanceNorms share; they differ in the ranks they accept. */
abstract class InstanceNorm extends ChannelNorm {
  private warned = false

  constructor(numFeatures: number, ...args: ChannelNormArguments) {
    super(numFeatures, { affine: false, trackRunningStats: false, ...readChannelNormOptions(new.target.name, args) })
  }

  override get kind(): NormKind {
    return normKinds.instance
  }

  /** One sample may come without a batch axis. */
  protected override channelDim(input: Tensor): number {
    return input.ndim === this.ranks[0] ? 0 : 1
  }

  /** Before PyTorch 0.4 running statistics were always kept; files of that time, and plain tables of tensors, carry no version. */
  override prepareToLoad(state: StateDict, prefix: string, version: number | undefined): readonly LoadProblem[] {
    const keys = ['running_mean', 'running_var'].map((name) => prefix + name).filter((key) => key in state)
    if (version !== undefined || this.trackRunningStats || keys.length === 0) return super.prepareToLoad(state, prefix, version)
    const layer = this.constructor.name
    const names = keys.map((key) => `"${key}"`).join(' and ')
    const text =
      `Unexpected running stats buffer(s) ${names} for ${layer} with track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be expected ` +
      `because ${layer} does not track running stats by default since 0.4.0. Please remove these keys from state_dict. If the running stats are actually needed, instead set ` +
      `track_running_stats=True in ${layer} to enable them. See the documentation of ${layer} for details.`
    return [{ text, keys }]
  }

  private checkChannels(input: Tensor): void {
    const dim = this.channelDim(input)
    const channels = input.shape[dim]
    if (channels === this.numFeatures) return
    if (this.affine) throw new ValueError(`expected input's size at dim=${dim} to match num_features (${this.numFeatures}), but got: ${channels}.`)
    if (this.warned) return
    this.warned = true
    console.warn(
      `evenkeel: input's size at dim=${dim} does not match num_features. You can silence this warning by not passing in num_features, which is not used because affine=False`,
    )
  }

  override forward(input: Tensor): Tensor {
    this.checkInput(input)
    this.checkChannels(input)
    const normalize = (x: Tensor) =>
      instanceNorm(x, this.runningMean, this.runningVar, this.weight, this.bias, {
        useInputStats: this.training || !this.trackRunningStats,
        momentum: this.momentum ?? 0,
        eps: this.eps,
      })
    return this.channelDim(input) === 0 ? normalize(input.unsqueeze(0)).squeeze(0) : normalize(input)
  }
}

/**
 * Instance normalization of [N, C, L] or [C, L]: one mean and variance per sample and channel, over L.
 *
 * y = (x - mean) / sqrt(var + eps) * weight + bias, with the biased variance. Unlike BatchNorm it has by default neither weight and bias
 * (`affine`) nor running averages (`trackRunningStats`); with the latter, evaluation normalises with them, and they take the samples'
 * average of mean and unbiased variance. As in PyTorch, `momentum: null` leaves them unchanged, and `numBatchesTracked` stays 0.
 * Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022; semantics of https://pytorch.org/docs/2.6/generated/torch.nn.InstanceNorm1d.html
 *
 * @example new nn.InstanceNorm1d(100, { affine: true }).forward(randn([20, 100, 40]))
 * @throws ValueError for other ranks, one position per channel, and, where `affine`, another number of channels
 */
export class InstanceNorm1d extends InstanceNorm {
  protected override get ranks(): readonly number[] {
    return [2, 3]
  }
}

/**
 * Instance normalization of [N, C, H, W] or [C, H, W]: one mean and variance per sample and channel. See `InstanceNorm1d`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.InstanceNorm2d.html
 */
export class InstanceNorm2d extends InstanceNorm {
  protected override get ranks(): readonly number[] {
    return [3, 4]
  }
}

/**
 * Instance normalization of [N, C, D, H, W] or [C, D, H, W]: one mean and variance per sample and channel. See `InstanceNorm1d`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.InstanceNorm3d.html
 */
export class InstanceNorm3d extends InstanceNorm {
  protected override get ranks(): readonly number[] {
    return [4, 5]
  }
}
