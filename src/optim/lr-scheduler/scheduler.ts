import { checkOptions, KeyError, kindOf, ValueError } from '../../core/errors.js'
import { pythonFloat, stateKey } from '../../nn/names.js'
import { type GroupFields, type GroupOptions, Optimizer } from '../optimizer.js'

/** A group as schedulers see it. */
export type ScheduledGroup = GroupFields & GroupOptions

/** Numbers, flags and words, and arrays and objects of them: `stateDict()` of a scheduler, under PyTorch's keys. */
export type SchedulerStateDict = Record<string, unknown>

/** Attributes with another name in PyTorch's state. */
const savedNames: Readonly<Record<string, string>> = { stepCount: '_step_count', lastLr: '_last_lr' }
const savedName = (name: string): string => savedNames[name] ?? stateKey(name)

export const checkFinite = (name: string, value: number): number => {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, got ${kindOf(value)}`)
  if (!Number.isFinite(value)) throw new ValueError(`Expected finite ${name}, but got ${pythonFloat(value)}`)
  return value
}

export const checkPositiveInteger = (name: string, value: number): number => {
  if (!(Number.isInteger(value) && value > 0)) throw new ValueError(`Expected positive integer ${name}, but got ${value}`)
  return value
}

/** One value per parameter group, from one for all or an array. */
export function perGroup(name: string, optimizer: Optimizer, value: number | readonly number[]): number[] {
  const count = optimizer.paramGroups.length
  if (typeof value === 'number') return Array.from({ length: count }, () => checkFinite(name, value))
  if (!Array.isArray(value)) throw new TypeError(`${name} must be a number or an array of numbers, got ${kindOf(value)}`)
  if (value.length !== count) {
    throw new ValueError(`${name} must have the same length as optimizer.param_groups. ${name} has ${value.length} values, param_groups has ${count}.`)
  }
  return value.map((v) => checkFinite(name, v))
}

/**
 * Changes the learning rates of an optimizer over time. As `torch.optim.lr_scheduler.LRScheduler`.
 * Its attributes are its state: what is not saved is private.
 */
export abstract class LRScheduler {
  readonly optimizer: Optimizer
  /** Steps taken, counted from 0: usually epochs. */
  lastEpoch = -1
  /** The learning rates that the last step set. */
  protected lastLr: number[]

  protected constructor(optimizer: Optimizer) {
    if (!(optimizer instanceof Optimizer)) throw new TypeError(`${nameOf(optimizer)} is not an Optimizer`)
    this.optimizer = optimizer
    this.lastLr = optimizer.paramGroups.map((group) => group.lr)
  }

  protected get groups(): readonly ScheduledGroup[] {
    return this.optimizer.paramGroups
  }

  /** The learning rate of each parameter group, as the last step set it. */
  getLastLr(): number[] {
    return [...this.lastLr]
  }

  protected setRates(rates: readonly number[]): void {
    rates.forEach((lr, i) => {
      if (!Number.isFinite(lr)) {
        throw new ValueError(
          `${this.constructor.name}: the learning rate of parameter group ${i} would be ${typeof lr === 'number' ? pythonFloat(lr) : kindOf(lr)} in epoch ${this.lastEpoch}`,
        )
      }
    })
    this.groups.forEach((group, i) => {
      group.lr = rates[i]
    })
    this.lastLr = [...rates]
  }

  #saved(): [string, string, unknown][] {
    return Object.entries(this).flatMap(([name, value]) => (name === 'optimizer' ? [] : [[name, savedName(name), value] as [string, string, unknown]]))
  }

  /** A copy of its state under PyTorch's keys: everything but the optimizer. */
  stateDict(): SchedulerStateDict {
    return structuredClone(Object.fromEntries(this.#saved().map(([, key, value]) => [key, value])))
  }

  /**
   * Takes over the state of another run, PyTorch's included; what only PyTorch keeps is left out. Load the optimizer's as well: it has the
   * current learning rates.
   * @throws KeyError and TypeError where the state is not that of such a scheduler; then nothing was changed
   */
  loadStateDict(state: Readonly<SchedulerStateDict>): void {
    const owner = this.constructor.name
    if (state === null || typeof state !== 'object') throw new TypeError(`${owner}.loadStateDict: expected an object, got ${kindOf(state)}`)
    const loaded = this.#saved().map(([name, key, own]) => {
      if (!(key in state)) throw new KeyError(`${owner}.loadStateDict: '${key}' is missing. Was the state saved by another scheduler?`)
      const value = state[key]
      if (own !== null && kindOf(value) !== kindOf(own)) throw new TypeError(`${owner}.loadStateDict: ${key} must be ${kindOf(own)}, got ${kindOf(value)}`)
      return [name, structuredClone(value)]
    })
    Object.assign(this, Object.fromEntries(loaded))
  }
}

const nameOf = (value: unknown): string => (value !== null && typeof value === 'object' ? value.constructor.name : kindOf(value))

export interface EpochOptions {
  /** The epoch to go on after, where training is resumed without a scheduler's state. Default -1: from the beginning. */
  lastEpoch?: number
}

let warned = false

/**
 * A schedule of the epoch alone. Most follow PyTorch's recursive form, the next rate from the present one, so that several schedulers and
 * changes by hand work together.
 */
export abstract class EpochScheduler extends LRScheduler {
  /** The learning rates that the schedule starts from. */
  protected baseLrs: number[]
  protected stepCount = 0

  /** Subclasses end their constructor with `start()`. */
  protected constructor(optimizer: Optimizer, options: EpochOptions, names: readonly string[] = []) {
    super(optimizer)
    checkOptions(this.constructor.name, options, [...names, 'lastEpoch'])
    const { lastEpoch = -1 } = options
    if (!(Number.isInteger(lastEpoch) && lastEpoch >= -1)) throw new ValueError(`Expected integer last_epoch >= -1, but got ${lastEpoch}`)
    this.groups.forEach((group, i) => {
      if (lastEpoch === -1) group.initialLr ??= group.lr
      else if (group.initialLr === undefined) throw new KeyError(`param 'initial_lr' is not specified in param_groups[${i}] when resuming an optimizer`)
    })
    this.baseLrs = this.groups.map((group) => group.initialLr ?? group.lr)
    this.lastEpoch = lastEpoch
  }

  /** The first step, which sets the rates of the first epoch. */
  protected start(): void {
    this.step()
  }

  /** The learning rates of epoch `lastEpoch`, from those that the groups have. */
  protected abstract rates(): number[]

  protected scaled(factor: number): number[] {
    return this.groups.map((group) => group.lr * factor)
  }

  /** The next epoch: after the optimizer's step. */
  step(): void {
    if (this.stepCount === 1 && !this.optimizer.stepped && !warned) {
      warned = true
      console.warn(
        'evenkeel: Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: `optimizer.step()` before ' +
          '`scheduler.step()`. Else the first value of the schedule is skipped.',
      )
    }
    this.stepCount++
    this.lastEpoch++
    this.setRates(this.rates())
  }

  /** The schedule from its beginning, as `step(0)` in PyTorch. */
  restart(): void {
    this.stepCount++
    this.lastEpoch = 0
    this.groups.forEach((group, i) => {
      group.lr = this.baseLrs[i]
    })
    this.setRates(this.rates())
  }
}
