import { type Arguments, byName } from '../../core/arguments.js'
import { ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { checkPositiveInteger, type EpochOptions, EpochScheduler } from './scheduler.js'

export interface ConstantOptions extends EpochOptions {
  /** Default 1/3. */
  factor?: number
  /** Epochs that the factor is for. Default 5. */
  totalIters?: number
}

/**
 * Multiplies the learning rate by a factor for the first `totalIters` epochs.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.ConstantLR.html
 * @throws ValueError where the factor is not between 0 and 1
 */
export class ConstantLR extends EpochScheduler {
  protected factor: number
  protected totalIters: number

  constructor(optimizer: Optimizer, ...args: Arguments<[factor: number, totalIters: number], ConstantOptions>) {
    const options = byName<ConstantOptions>('ConstantLR', ['factor', 'totalIters'], 2, args)
    super(optimizer, options, ['factor', 'totalIters'])
    const { factor = 1 / 3, totalIters = 5 } = options
    if (!(factor >= 0 && factor <= 1)) throw new ValueError('Constant multiplicative factor expected to be between 0 and 1.')
    this.factor = factor
    this.totalIters = checkPositiveInteger('total_iters', totalIters)
    this.start()
  }

  protected override rates(): number[] {
    if (this.lastEpoch === 0) return this.scaled(this.factor)
    if (this.lastEpoch !== this.totalIters) return this.scaled(1)
    return this.factor === 0 ? this.baseLrs : this.scaled(1 / this.factor)
  }
}

export interface LinearOptions extends EpochOptions {
  /** The factor of the first epoch. Default 1/3. */
  startFactor?: number
  /** The factor from epoch `totalIters` on. Default 1. */
  endFactor?: number
  /** Default 5. */
  totalIters?: number
}

/**
 * Multiplies the learning rate by a factor that goes in a line from one value to another: warm-up.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.LinearLR.html
 * @throws ValueError where a factor is not between 0 and 1, or the first one is 0
 */
export class LinearLR extends EpochScheduler {
  protected startFactor: number
  protected endFactor: number
  protected totalIters: number

  constructor(optimizer: Optimizer, ...args: Arguments<[startFactor: number, endFactor: number, totalIters: number], LinearOptions>) {
    const options = byName<LinearOptions>('LinearLR', ['startFactor', 'endFactor', 'totalIters'], 3, args)
    super(optimizer, options, ['startFactor', 'endFactor', 'totalIters'])
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options
    if (!(startFactor > 0 && startFactor <= 1)) throw new ValueError('Starting multiplicative factor expected to be greater than 0 and less or equal to 1.')
    if (!(endFactor >= 0 && endFactor <= 1)) throw new ValueError('Ending multiplicative factor expected to be between 0 and 1.')
    this.startFactor = startFactor
    this.endFactor = endFactor
    this.totalIters = checkPositiveInteger('total_iters', totalIters)
    this.start()
  }

  protected override rates(): number[] {
    const { lastEpoch, startFactor, endFactor, totalIters } = this
    if (lastEpoch === 0) return this.scaled(startFactor)
    if (lastEpoch > totalIters) return this.scaled(1)
    // The quotient of this epoch's factor and that of the one before.
    return this.scaled(1 + (endFactor - startFactor) / (totalIters * startFactor + (lastEpoch - 1) * (endFactor - startFactor)))
  }
}
