import { ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { type EpochOptions, EpochScheduler, type SchedulerStateDict } from './scheduler.js'

/** The factor of an epoch. */
export type RateFunction = (epoch: number) => number

/**
 * Multiplies the initial learning rate by what a function of the epoch returns, one for all parameter groups or one for each.
 * Functions are not part of the state.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.LambdaLR.html
 * @throws ValueError where the number of functions is not that of the groups, or a rate is not finite
 */
export class LambdaLR extends EpochScheduler {
  readonly #functions: readonly RateFunction[]

  constructor(optimizer: Optimizer, lrLambda: RateFunction | readonly RateFunction[], options: EpochOptions = {}) {
    super(optimizer, options)
    const functions = typeof lrLambda === 'function' ? this.groups.map(() => lrLambda) : [...lrLambda]
    if (functions.length !== this.groups.length) throw new ValueError(`Expected ${this.groups.length} lr_lambdas, but got ${functions.length}`)
    this.#functions = functions
    this.start()
  }

  protected override rates(): number[] {
    return this.baseLrs.map((base, i) => base * this.#functions[i](this.lastEpoch))
  }

  override stateDict(): SchedulerStateDict {
    return { ...super.stateDict(), lr_lambdas: this.#functions.map(() => null) }
  }
}
