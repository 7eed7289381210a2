import { noGrad } from '../../autograd/index.js'
import type { Dtype } from '../../core/dtype.js'
import { checkOptions, NotImplementedError, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { add_ } from '../../ops/binary.js'
import { fill_ } from '../../ops/copy.js'
import { ones, zeros } from '../../ops/create.js'
import { batchNorm } from '../../ops/norm/batch-norm.js'
import { Module } from '../module.js'
import { pythonFloat, pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Weight of the new batch in the running averages; null for the plain average of all batches so far. Default 0.1. */
  momentum?: number | null
  /** Learn weight and bias. Default true. */
  affine?: boolean
  /** Keep running averages for evaluation. Default true; without them evaluation uses the batch's statistics, too. */
  trackRunningStats?: boolean
  /** Of parameters and running averages. Default float32. */
  dtype?: Dtype
}

export const batchNormOptionNames = ['eps', 'momentum', 'affine', 'trackRunningStats', 'dtype'] as const

/** What the three BatchNorms share; they differ in the ranks they accept. */
export abstract class BatchNorm extends Module {
  readonly numFeatures: number
  eps: number
  momentum: number | null
  readonly affine: boolean
  readonly trackRunningStats: boolean
  /** [C], starts as 1; null without `affine`. */
  weight: Parameter | null = null
  /** [C], starts as 0; null without `affine`. */
  bias: Parameter | null = null
  /** [C], starts as 0; null without `trackRunningStats`. */
  runningMean: Tensor | null = null
  /** [C], the unbiased variance; starts as 1; null without `trackRunningStats`. */
  runningVar: Tensor | null = null
  /** int64, 0-dimensional: batches seen in training; null without `trackRunningStats`. */
  numBatchesTracked: Tensor | null = null

  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super()
    const name = this.constructor.name
    if (typeof numFeatures !== 'number')
      throw new TypeError(`${name}: missing 1 required positional argument: 'numFeatures', the number of channels, got ${typeof numFeatures}`)
    checkOptions(name, options, batchNormOptionNames)
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, dtype } = options
    this.numFeatures = numFeatures
    this.eps = eps
    this.momentum = momentum
    this.affine = affine
    this.trackRunningStats = trackRunningStats
    this.createState(numFeatures, dtype)
  }

  /** Throws a ValueError unless the input has a rank that this layer accepts. */
  protected checkInputDim(_input: Tensor): void {
    throw new NotImplementedError(`${this.constructor.name} doesn't say which ranks it accepts`)
  }

  /** Makes parameters and running statistics for `channels` channels. */
  protected createState(channels: number, dtype?: Dtype): void {
    if (this.affine) {
      this.weight = new Parameter(ones([channels], { dtype }))
      this.bias = new Parameter(zeros([channels], { dtype }))
    }
    if (this.trackRunningStats) {
      this.registerBuffer('runningMean', zeros([channels], { dtype }))
      this.registerBuffer('runningVar', ones([channels], { dtype }))
      this.registerBuffer('numBatchesTracked', zeros([], { dtype: 'int64' }))
    }
  }

  /** Starts the running averages afresh: mean 0, variance 1, no batch seen. */
  resetRunningStats(): void {
    noGrad(() => {
      if (this.runningMean) fill_(this.runningMean, 0)
      if (this.runningVar) fill_(this.runningVar, 1)
      if (this.numBatchesTracked) fill_(this.numBatchesTracked, 0)
    })
  }

  /** As when it was made: weight 1, bias 0, running averages afresh. */
  resetParameters(): void {
    this.resetRunningStats()
    noGrad(() => {
      if (this.weight) fill_(this.weight, 1)
      if (this.bias) fill_(this.bias, 0)
    })
  }

  override forward(input: Tensor): Tensor {
    if (input === undefined) throw new TypeError(`${this.constructor.name}: forward() missing 1 required positional argument: 'input'`)
    this.checkInputDim(input)
    const { numBatchesTracked } = this
    let momentum = this.momentum ?? 0
    if (this.training && numBatchesTracked) {
      add_(numBatchesTracked, 1)
      momentum = this.momentum ?? 1 / numBatchesTracked.item()
    }
    // In training without tracking the running statistics, if there are any, stay untouched.
    const running = !this.training || this.trackRunningStats
    return batchNorm(input, running ? this.runningMean : null, running ? this.runningVar : null, this.weight, this.bias, {
      training: this.training || (this.runningMean === null && this.runningVar === null),
      momentum,
      eps: this.eps,
    })
  }

  protected override get stateVersion(): number {
    return 2
  }

  /** Files older than version 2 of the format, and plain tables of tensors, have no `num_batches_tracked`. */
  override missingKeysAllowed(version: number | undefined): readonly string[] {
    return version === undefined || version < 2 ? ['num_batches_tracked'] : []
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? 'None' : pythonFloat(this.momentum)
    return `${this.numFeatures}, eps=${pythonFloat(this.eps)}, momentum=${momentum}, affine=${pythonRepr(this.affine)}, track_running_stats=${pythonRepr(this.trackRunningStats)}`
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
  protected override checkInputDim(input: Tensor): void {
    if (input.ndim !== 2 && input.ndim !== 3) throw new ValueError(`expected 2D or 3D input (got ${input.ndim}D input)`)
  }
}

/**
 * Batch normalization of [N, C, H, W]: one mean and variance per channel, over the batch and both spatial axes. See `BatchNorm1d`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.BatchNorm2d.html
 */
export class BatchNorm2d extends BatchNorm {
  protected override checkInputDim(input: Tensor): void {
    if (input.ndim !== 4) throw new ValueError(`expected 4D input (got ${input.ndim}D input)`)
  }
}

/**
 * Batch normalization of [N, C, D, H, W]: one mean and variance per channel, over the batch and all spatial axes. See `BatchNorm1d`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.BatchNorm3d.html
 */
export class BatchNorm3d extends BatchNorm {
  protected override checkInputDim(input: Tensor): void {
    if (input.ndim !== 5) throw new ValueError(`expected 5D input (got ${input.ndim}D input)`)
  }
}
