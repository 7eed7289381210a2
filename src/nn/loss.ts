import { type Arguments, readOptions } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import * as classes from '../ops/cross-entropy.js'
import * as ops from '../ops/loss.js'
import type { LossOptions } from '../ops/loss-reduction.js'
import { Module } from './module.js'

/** Losses as modules: each is the function of the same name in `ops/` with its options fixed. Weights are buffers, saved with the state. */

abstract class Loss<O extends { reduction?: string }> extends Module {
  protected readonly options: O

  /** @param known the names of its options in PyTorch's order, of which so many as `positions` may stand by position */
  protected constructor(known: readonly (keyof O & string)[], positions: number, args: readonly unknown[]) {
    super()
    this.options = readOptions<O>(new.target.name, known, positions, args)
  }

  get reduction(): string {
    return this.options.reduction ?? 'mean'
  }
}

/** Losses whose only option is the reduction. */
abstract class PlainLoss extends Loss<LossOptions> {
  constructor(...args: Arguments<[], LossOptions>) {
    super(['reduction'], 0, args)
  }
}

/** (input - target)^2. */
export class MSELoss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.mseLoss(input, target, this.options)
  }
}

/** |input - target|. */
export class L1Loss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.l1Loss(input, target, this.options)
  }
}

/** log(1 + exp(-target input)) for targets of 1 and -1. */
export class SoftMarginLoss extends PlainLoss {
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.softMarginLoss(input, target, this.options)
  }
}

/** Half the square within `beta` (default 1), over beta; the distance beyond. */
export class SmoothL1Loss extends Loss<LossOptions & { beta?: number }> {
  constructor(...args: Arguments<[], LossOptions & { beta?: number }>) {
    super(['beta', 'reduction'], 0, args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.smoothL1Loss(input, target, this.options)
  }
}

/** Half the square within `delta` (default 1), delta times the distance beyond. */
export class HuberLoss extends Loss<LossOptions & { delta?: number }> {
  constructor(...args: Arguments<[], LossOptions & { delta?: number }>) {
    super(['delta', 'reduction'], 0, args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.huberLoss(input, target, this.options)
  }
}

/** The negative log-likelihood of counts. */
export class PoissonNLLLoss extends Loss<ops.PoissonNllOptions> {
  constructor(...args: Arguments<[logInput: boolean, full: boolean], ops.PoissonNllOptions>) {
    super(['logInput', 'full', 'eps', 'reduction'], 2, args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.poissonNllLoss(input, target, this.options)
  }
}

/** The Kullback-Leibler divergence from log-probabilities to a target. */
export class KLDivLoss extends Loss<ops.KlDivOptions> {
  constructor(...args: Arguments<[], ops.KlDivOptions>) {
    super(['reduction', 'logTarget'], 0, args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.klDiv(input, target, this.options)
  }
}

/** 1 - cos where the target is 1, max(0, cos - margin) where it is -1; margin 0 unless given. */
export class CosineEmbeddingLoss extends Loss<ops.MarginOptions> {
  constructor(...args: Arguments<[margin: number], ops.MarginOptions>) {
    super(['margin', 'reduction'], 1, args)
  }
  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return ops.cosineEmbeddingLoss(input1, input2, target, this.options)
  }
}

/** max(0, margin - target (input1 - input2)); margin 0 unless given. */
export class MarginRankingLoss extends Loss<ops.MarginOptions> {
  constructor(...args: Arguments<[margin: number], ops.MarginOptions>) {
    super(['margin', 'reduction'], 1, args)
  }
  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return ops.marginRankingLoss(input1, input2, target, this.options)
  }
}

/** max(0, d(anchor, positive) - d(anchor, negative) + margin). */
export class TripletMarginLoss extends Loss<ops.TripletOptions> {
  constructor(...args: Arguments<[margin: number, p: number], ops.TripletOptions>) {
    super(['margin', 'p', 'eps', 'swap', 'reduction'], 2, args)
  }
  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return ops.tripletMarginLoss(anchor, positive, negative, this.options)
  }
}

/** Losses with a weight for each class or element. */
abstract class WeightedLoss<O extends ops.WeightedLossOptions> extends Loss<O> {
  declare readonly weight: Tensor | null

  /** @param more the names of its options but weight, which comes first and may stand by position */
  protected constructor(more: readonly (keyof O & string)[], args: readonly unknown[]) {
    super(['weight', ...more], 1, args)
    this.registerBuffer('weight', this.options.weight ?? null)
  }
}

/** The negative log-probability of each target's class. */
export class NLLLoss extends WeightedLoss<classes.NllOptions> {
  constructor(...args: Arguments<[weight: Tensor | null], classes.NllOptions>) {
    super(['ignoreIndex', 'reduction'], args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return classes.nllLoss(input, target, { ...this.options, weight: this.weight })
  }
}

/** The cross-entropy between softmax(input) and class indices or class probabilities. */
export class CrossEntropyLoss extends WeightedLoss<classes.CrossEntropyOptions> {
  constructor(...args: Arguments<[weight: Tensor | null], classes.CrossEntropyOptions>) {
    super(['ignoreIndex', 'reduction', 'labelSmoothing'], args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return classes.crossEntropy(input, target, { ...this.options, weight: this.weight })
  }
}

/** Binary cross-entropy of probabilities. */
export class BCELoss extends WeightedLoss<ops.WeightedLossOptions> {
  constructor(...args: Arguments<[weight: Tensor | null], ops.WeightedLossOptions>) {
    super(['reduction'], args)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.binaryCrossEntropy(input, target, { ...this.options, weight: this.weight })
  }
}

/** Binary cross-entropy of sigmoid(input). */
export class BCEWithLogitsLoss extends WeightedLoss<ops.BceWithLogitsOptions> {
  declare readonly posWeight: Tensor | null

  constructor(...args: Arguments<[weight: Tensor | null], ops.BceWithLogitsOptions>) {
    super(['posWeight', 'reduction'], args)
    this.registerBuffer('posWeight', this.options.posWeight ?? null)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.binaryCrossEntropyWithLogits(input, target, { ...this.options, weight: this.weight, posWeight: this.posWeight })
  }
}
