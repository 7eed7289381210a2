import type { Tensor } from '../../core/tensor.js'
import { add_ } from '../../ops/binary.js'
import type { Epilogue } from '../../ops/epilogue.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { type BatchNormOptions as BatchNormCall, batchNorm } from '../../ops/norm/batch-norm.js'
import { maskedBatchNorm, type ValidPositions } from '../../ops/norm/masked.js'
import { withEpilogue } from '../fusion.js'
import { ChannelNorm, type ChannelNormOptions } from './channel-norm.js'

export type BatchNormOptions = ChannelNormOptions

/** `F.batchNorm`, or another of its kind. */
type ChannelStatisticsNorm = (
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options?: BatchNormCall,
) => Tensor

/** What the three BatchNorms share; they differ in the ranks they accept. */
export abstract class BatchNorm extends ChannelNorm {
  override get kind(): NormKind {
    return normKinds.batch
  }

  /** Set by `freezeBatchNorm`: the running averages normalise and stay as they are, whatever `train()` says. */
  frozen = false

  /** Calls `norm` with this layer's state, and counts the batch. */
  protected normalize(input: Tensor, norm: ChannelStatisticsNorm): Tensor {
    this.checkInput(input)
    const { numBatchesTracked } = this
    const training = this.training && !this.frozen
    let momentum = this.momentum ?? 0
    if (training && numBatchesTracked) {
      add_(numBatchesTracked, 1)
      momentum = this.momentum ?? 1 / numBatchesTracked.item()
    }
    // In training without tracking the running statistics, if there are any, stay untouched.
    const running = !training || this.trackRunningStats
    return norm(input, running ? this.runningMean : null, running ? this.runningVar : null, this.weight, this.bias, {
      training: training || (this.runningMean === null && this.runningVar === null),
      momentum,
      eps: this.eps,
    })
  }

  override forward(input: Tensor): Tensor {
    return this.normalize(input, batchNorm)
  }

  [withEpilogue](input: Tensor, epilogue: Epilogue): Tensor {
    return this.normalize(input, (x, mean, variance, weight, bias, options) => batchNorm(x, mean, variance, weight, bias, { ...options, ...epilogue }))
  }

  override extraRepr(): string {
    return this.frozen ? `${super.extraRepr()}, frozen=True` : super.extraRepr()
  }
}

/**
 * Batch normalization of [N, C] or [N, C, L]: one mean and variance per channel, over the batch (and L).
 *
 * y = (x - mean) / sqrt(var + eps) * weight + bias. In training the batch's biased variance; in evaluation the running averages, which
 * hold the unbiased one. Ioffe and Szegedy 2015, arXiv:1502.03167; semantics of
 * https://pytorch.org/docs/2.6/generated/torch.nn.BatchNorm1d.html
 *
 * @example new nn.BatchNorm1d(100).forward(randn([20, 100]))
 * @throws ValueError for other ranks, and in training where a channel has one value; RuntimeError where the channels differ
 */
export class BatchNorm1d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [2, 3]
  }

  /**
   * @param input [N, C], [N, C, L]
   * @param valid for sequences of different lengths, [N, C, L]: which positions are data, `{ lengths: [5, 3] }` or `{ mask }`, bool [N, L].
   * The others enter no statistic, get no gradient, and are 0 in the result.
   */
  override forward(input: Tensor, valid?: ValidPositions): Tensor {
    return this.normalize(input, valid ? (x, ...rest) => maskedBatchNorm(x, valid, ...rest) : batchNorm)
  }

  override [withEpilogue](input: Tensor, epilogue: Epilogue): Tensor {
    return super[withEpilogue](input, epilogue)
  }
}

/**
 * Batch normalization of [N, C, H, W]: one mean and variance per channel, over the batch and both spatial axes. See `BatchNorm1d`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.BatchNorm2d.html
 */
export class BatchNorm2d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [4]
  }
}

/**
 * Batch normalization of [N, C, D, H, W]: one mean and variance per channel, over the batch and all spatial axes. See `BatchNorm1d`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.BatchNorm3d.html
 */
export class BatchNorm3d extends BatchNorm {
  protected override get ranks(): readonly number[] {
    return [5]
  }
}
