import { type Arguments, byName } from '../../core/arguments.js'
import type { Optimizer } from '../optimizer.js'
import { checkFinite, checkPositiveInteger, type EpochOptions, EpochScheduler } from './scheduler.js'

export interface DecayOptions extends EpochOptions {
  /** What the learning rate is multiplied by. Default 0.1. */
  gamma?: number
}

/**
 * Multiplies the learning rate by gamma every `stepSize` epochs.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.StepLR.html
 * @throws ValueError where stepSize is no positive integer
 */
export class StepLR extends EpochScheduler {
  protected gamma: number
  protected stepSize: number

  constructor(optimizer: Optimizer, stepSize: number, ...args: Arguments<[gamma: number], DecayOptions>) {
    const options = byName<DecayOptions>('StepLR', ['gamma'], 1, args)
    super(optimizer, options, ['gamma'])
    this.stepSize = checkPositiveInteger('step_size', stepSize)
    this.gamma = checkFinite('gamma', options.gamma ?? 0.1)
    this.start()
  }

  protected override rates(): number[] {
    return this.scaled(this.lastEpoch > 0 && this.lastEpoch % this.stepSize === 0 ? this.gamma : 1)
  }
}

/**
 * Multiplies the learning rate by gamma at each milestone; one that is listed twice counts twice.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.MultiStepLR.html
 */
export class MultiStepLR extends EpochScheduler {
  protected gamma: number
  /** How often each epoch is listed. */
  protected milestones: Record<number, number> = {}

  constructor(optimizer: Optimizer, milestones: Iterable<number>, ...args: Arguments<[gamma: number], DecayOptions>) {
    const options = byName<DecayOptions>('MultiStepLR', ['gamma'], 1, args)
    super(optimizer, options, ['gamma'])
    for (const epoch of milestones) this.milestones[checkFinite('milestone', epoch)] = (this.milestones[epoch] ?? 0) + 1
    this.gamma = checkFinite('gamma', options.gamma ?? 0.1)
    this.start()
  }

  protected override rates(): number[] {
    return this.scaled(this.gamma ** (this.milestones[this.lastEpoch] ?? 0))
  }
}

/**
 * Multiplies the learning rate by gamma every epoch.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.ExponentialLR.html
 */
export class ExponentialLR extends EpochScheduler {
  protected gamma: number

  constructor(optimizer: Optimizer, gamma: number, options: EpochOptions = {}) {
    super(optimizer, options)
    this.gamma = checkFinite('gamma', gamma)
    this.start()
  }

  protected override rates(): number[] {
    return this.scaled(this.lastEpoch === 0 ? 1 : this.gamma)
  }
}

export interface PolynomialOptions extends EpochOptions {
  /** Epochs until the learning rate is 0. Default 5. */
  totalIters?: number
  /** Default 1. */
  power?: number
}

/**
 * base (1 - epoch / totalIters)^power, then 0.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.PolynomialLR.html
 */
export class PolynomialLR extends EpochScheduler {
  protected totalIters: number
  protected power: number

  constructor(optimizer: Optimizer, ...args: Arguments<[totalIters: number, power: number], PolynomialOptions>) {
    const options = byName<PolynomialOptions>('PolynomialLR', ['totalIters', 'power'], 2, args)
    super(optimizer, options, ['totalIters', 'power'])
    this.totalIters = checkPositiveInteger('total_iters', options.totalIters ?? 5)
    this.power = checkFinite('power', options.power ?? 1)
    this.start()
  }

  protected override rates(): number[] {
    const { lastEpoch, totalIters } = this
    if (lastEpoch === 0 || lastEpoch > totalIters) return this.scaled(1)
    return this.scaled(((1 - lastEpoch / totalIters) / (1 - (lastEpoch - 1) / totalIters)) ** this.power)
  }
}
