import { checkOptions } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import * as classes from '../ops/cross-entropy.js'
import * as ops from '../ops/loss.js'
import type { LossOptions } from '../ops/loss-reduction.js'
import { Module } from './module.js'

/** Losses as modules: each is the function of the same name in `ops/` with its options fixed. Weights are buffers, saved with the state. */

abstract class Loss<O extends { reduction?: string }> extends Module {
  constructor(
    protected readonly options: O,
    known: readonly string[],
  ) {
    super()
    checkOptions(new.target.name, options, [...known, 'reduction'])
  }

  get reduction(): string {
    return this.options.reduction ?? 'mean'
  }
}

/** Losses whose only option is the reduction. */
abstract class PlainLoss extends Loss<LossOptions> {
  constructor(options: LossOptions = {}) {
    super(options, [])
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
  constructor(options: LossOptions & { beta?: number } = {}) {
    super(options, ['beta'])
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.smoothL1Loss(input, target, this.options)
  }
}

/** Half the square within `delta` (default 1), delta times the distance beyond. */
export class HuberLoss extends Loss<LossOptions & { delta?: number }> {
  constructor(options: LossOptions & { delta?: number } = {}) {
    super(options, ['delta'])
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.huberLoss(input, target, this.options)
  }
}

/** The negative log-likelihood of counts. */
export class PoissonNLLLoss extends Loss<ops.PoissonNllOptions> {
  constructor(options: ops.PoissonNllOptions = {}) {
    super(options, ['logInput', 'full', 'eps'])
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.poissonNllLoss(input, target, this.options)
  }
}

/** The Kullback-Leibler divergence from log-probabilities to a target. */
export class KLDivLoss extends Loss<ops.KlDivOptions> {
  constructor(options: ops.KlDivOptions = {}) {
    super(options, ['logTarget'])
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.klDiv(input, target, this.options)
  }
}

/** 1 - cos where the target is 1, max(0, cos - margin) where it is -1; margin 0 unless given. */
export class CosineEmbeddingLoss extends Loss<ops.MarginOptions> {
  constructor(options: ops.MarginOptions = {}) {
    super(options, ['margin'])
  }
  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return ops.cosineEmbeddingLoss(input1, input2, target, this.options)
  }
}

/** max(0, margin - target (input1 - input2)); margin 0 unless given. */
export class MarginRankingLoss extends Loss<ops.MarginOptions> {
  constructor(options: ops.MarginOptions = {}) {
    super(options, ['margin'])
  }
  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return ops.marginRankingLoss(input1, input2, target, this.options)
  }
}

/** max(0, d(anchor, positive) - d(anchor, negative) + margin). */
export class TripletMarginLoss extends Loss<ops.TripletOptions> {
  constructor(options: ops.TripletOptions = {}) {
    super(options, ['margin', 'p', 'eps', 'swap'])
  }
  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return ops.tripletMarginLoss(anchor, positive, negative, this.options)
  }
}

/** Losses with a weight for each class or element. */
abstract class WeightedLoss<O extends ops.WeightedLossOptions> extends Loss<O> {
  declare readonly weight: Tensor | null

  constructor(options: O, known: readonly string[] = []) {
    super(options, [...known, 'weight'])
    this.registerBuffer('weight', options.weight ?? null)
  }
}

/** The negative log-probability of each target's class. */
export class NLLLoss extends WeightedLoss<classes.NllOptions> {
  constructor(options: classes.NllOptions = {}) {
    super(options, ['ignoreIndex'])
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return classes.nllLoss(input, target, { ...this.options, weight: this.weight })
  }
}

/** The cross-entropy between softmax(input) and class indices or class probabilities. */
export class CrossEntropyLoss extends WeightedLoss<classes.CrossEntropyOptions> {
  constructor(options: classes.CrossEntropyOptions = {}) {
    super(options, ['ignoreIndex', 'labelSmoothing'])
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return classes.crossEntropy(input, target, { ...this.options, weight: this.weight })
  }
}

/** Binary cross-entropy of probabilities. */
export class BCELoss extends WeightedLoss<ops.WeightedLossOptions> {
  constructor(options: ops.WeightedLossOptions = {}) {
    super(options)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.binaryCrossEntropy(input, target, { ...this.options, weight: this.weight })
  }
}

/** Binary cross-entropy of sigmoid(input). */
export class BCEWithLogitsLoss extends WeightedLoss<ops.BceWithLogitsOptions> {
  declare readonly posWeight: Tensor | null

  constructor(options: ops.BceWithLogitsOptions = {}) {
    super(options, ['posWeight'])
    this.registerBuffer('posWeight', options.posWeight ?? null)
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return ops.binaryCrossEntropyWithLogits(input, target, { ...this.options, weight: this.weight, posWeight: this.posWeight })
  }
}
