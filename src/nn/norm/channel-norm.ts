import { noGrad } from '../../autograd/index.js'
import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import { NotImplementedError, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { fill_ } from '../../ops/copy.js'
import { ones, zeros } from '../../ops/create.js'
import type { NormKind } from '../../ops/norm/axes.js'
import { requireArguments } from '../arguments.js'
import { Module } from '../module.js'
import { pythonFloat, pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'

export interface ChannelNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Weight of the new batch in the running averages; null for the plain average of all batches so far. Default 0.1. */
  momentum?: number | null
  /** Learn weight and bias. Default true, for InstanceNorm false. */
  affine?: boolean
  /** Keep running averages for evaluation. Default true, for InstanceNorm false; without them evaluation uses the input's statistics, too. */
  trackRunningStats?: boolean
  /** Of parameters and running averages. Default float32. */
  dtype?: Dtype
}

export const channelNormOptionNames = ['eps', 'momentum', 'affine', 'trackRunningStats', 'dtype'] as const

/** eps and momentum may stand by position, as in PyTorch. */
export type ChannelNormArguments = Arguments<[eps: number, momentum: number | null], ChannelNormOptions>

export const readChannelNormOptions = (layer: string, args: ChannelNormArguments): ChannelNormOptions =>
  readOptions<ChannelNormOptions>(layer, channelNormOptionNames, 2, args)

/** What norms with one weight per channel and running averages share: BatchNorm and InstanceNorm. As PyTorch's `_NormBase`. */
export abstract class ChannelNorm extends Module {
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

  constructor(numFeatures: number, ...args: ChannelNormArguments) {
    super()
    const name = this.constructor.name
    requireArguments(name, { num_features: numFeatures })
    if (typeof numFeatures !== 'number') throw new TypeError(`${name}: numFeatures must be the number of channels, got ${typeof numFeatures}`)
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, dtype } = readChannelNormOptions(name, args)
    this.numFeatures = numFeatures
    this.eps = eps
    this.momentum = momentum
    this.affine = affine
    this.trackRunningStats = trackRunningStats
    this.createState(numFeatures, dtype)
  }

  /** What it normalises, for texts and summaries. */
  get kind(): NormKind {
    throw new NotImplementedError(`${this.constructor.name} doesn't say what it normalises`)
  }

  /** The ranks that an input may have. */
  protected get ranks(): readonly number[] {
    throw new NotImplementedError(`${this.constructor.name} doesn't say which ranks it accepts`)
  }

  /** Which axis of the input holds the channels. */
  protected channelDim(_input: Tensor): number {
    return 1
  }

  protected checkInput(input: Tensor): void {
    if (input === undefined) throw new TypeError(`${this.constructor.name}: forward() missing 1 required positional argument: 'input'`)
    if (!this.ranks.includes(input.ndim)) throw new ValueError(`expected ${this.ranks.join('D or ')}D input (got ${input.ndim}D input)`)
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
