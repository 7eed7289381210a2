import { KeyError, ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { EpochScheduler, LRScheduler, type SchedulerStateDict } from './scheduler.js'

/** A scheduler that can be one of a sequence. */
type Member = EpochScheduler | SequentialLR

/**
 * One scheduler after another: the next one begins at each milestone, from its own beginning. Warm-up and decay, for example.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.SequentialLR.html
 * @throws ValueError with PyTorch's text where the numbers of schedulers and milestones don't fit, or the schedulers are not of this optimizer
 */
export class SequentialLR extends LRScheduler {
  readonly #schedulers: readonly Member[]
  readonly #milestones: readonly number[]

  constructor(optimizer: Optimizer, schedulers: readonly Member[], milestones: readonly number[]) {
    super(optimizer)
    if (schedulers.length < 1) throw new ValueError('SequentialLR expects at least one scheduler, but got no scheduler.')
    schedulers.forEach((scheduler, i) => {
      if (!(scheduler instanceof LRScheduler)) throw new TypeError(`SequentialLR at index ${i} should have \`optimizer\` as its attribute.`)
      if (!(scheduler instanceof EpochScheduler || scheduler instanceof SequentialLR)) {
        throw new ValueError(
          `SequentialLR does not support \`ReduceLROnPlateau\` scheduler as it requires additional kwargs to be specified when calling \`step\`, but got one at index ${i} in the given schedulers sequence.`,
        )
      }
      if (scheduler.optimizer !== optimizer) {
        throw new ValueError(
          `SequentialLR expects all schedulers to belong to the same optimizer, but got scheduler ${scheduler.constructor.name} at index ${i} has ${scheduler.optimizer}, which is different from ${optimizer.constructor.name}.`,
        )
      }
    })
    if (milestones.length !== schedulers.length - 1) {
      throw new ValueError(
        `Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers ${schedulers.length} and the number of milestones to be equal to ${milestones.length}`,
      )
    }
    this.#schedulers = schedulers
    this.#milestones = milestones
    this.restart()
  }

  /** The next epoch: after the optimizer's step. */
  step(): void {
    this.lastEpoch++
    const at = this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length
    this.#run(at, at > 0 && this.#milestones[at - 1] === this.lastEpoch)
  }

  /** From the beginning of the first schedule. */
  restart(): void {
    this.lastEpoch = 0
    this.#run(0, true)
  }

  #run(index: number, fromStart: boolean): void {
    const scheduler = this.#schedulers[index]
    if (fromStart) scheduler.restart()
    else scheduler.step()
    this.lastLr = scheduler.getLastLr()
  }

  override stateDict(): SchedulerStateDict {
    return { ...super.stateDict(), _milestones: [...this.#milestones], _schedulers: this.#schedulers.map((s) => s.stateDict()) }
  }

  override loadStateDict(state: Readonly<SchedulerStateDict>): void {
    const saved = state._schedulers
    if (!Array.isArray(saved) || saved.length !== this.#schedulers.length) {
      throw new KeyError(`SequentialLR.loadStateDict: '_schedulers' must be the states of ${this.#schedulers.length} schedulers`)
    }
    super.loadStateDict(state)
    this.#schedulers.forEach((scheduler, i) => {
      scheduler.loadStateDict(saved[i])
    })
  }
}
