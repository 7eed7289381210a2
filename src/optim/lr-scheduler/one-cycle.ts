import { type Arguments, byName } from '../../core/arguments.js'
import { ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { type MomentumCycleOptions, prepareMomentum, setMomentum } from './cycle.js'
import { checkFinite, checkPositiveInteger, type EpochOptions, EpochScheduler, perGroup, type ScheduledGroup } from './scheduler.js'

export interface OneCycleOptions extends EpochOptions, MomentumCycleOptions {
  /** Steps of the cycle; or `epochs` and `stepsPerEpoch`. */
  totalSteps?: number
  /** With `stepsPerEpoch`, in place of `totalSteps`. */
  epochs?: number
  /** Batches in an epoch; with `epochs`. */
  stepsPerEpoch?: number
  /** The part of the cycle in which the rate rises. Default 0.3. */
  pctStart?: number
  /** Default 'cos'. */
  annealStrategy?: 'cos' | 'linear'
  /** Default 0.85. */
  baseMomentum?: number | readonly number[]
  /** Default 0.95. */
  maxMomentum?: number | readonly number[]
  /** The first rate is maxLr / divFactor. Default 25. */
  divFactor?: number
  /** The last rate is the first one / finalDivFactor. Default 1e4. */
  finalDivFactor?: number
  /** Falls as long as it rose, then on to the last rate. Default false: falls to the last rate at once. */
  threePhase?: boolean
}

const optionNames: readonly (keyof OneCycleOptions)[] = [
  'totalSteps',
  'epochs',
  'stepsPerEpoch',
  'pctStart',
  'annealStrategy',
  'cycleMomentum',
  'baseMomentum',
  'maxMomentum',
  'divFactor',
  'finalDivFactor',
  'threePhase',
]

type Rate = 'initialLr' | 'maxLr' | 'minLr'
type Momentum = 'maxMomentum' | 'baseMomentum'
/** Up to step `end` from the first value to the second. */
interface Phase {
  end: number
  lr: [Rate, Rate]
  momentum: [Momentum, Momentum]
}

function stepsOf({ totalSteps, epochs, stepsPerEpoch }: OneCycleOptions): number {
  if (totalSteps !== undefined) return checkPositiveInteger('total_steps', totalSteps)
  if (epochs === undefined || stepsPerEpoch === undefined) throw new ValueError('You must define either total_steps OR (epochs AND steps_per_epoch)')
  return checkPositiveInteger('epochs', epochs) * checkPositiveInteger('steps_per_epoch', stepsPerEpoch)
}

const interpolations = {
  cos: (start: number, end: number, part: number) => end + ((start - end) / 2) * (Math.cos(Math.PI * part) + 1),
  linear: (start: number, end: number, part: number) => (end - start) * part + start,
}

/**
 * Up to `maxLr` and down to far below the first rate, once; the momentum goes the other way. Step after every batch.
 * Smith, Topin 2018, arXiv:1708.07120. https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.OneCycleLR.html
 * @throws ValueError with PyTorch's text without a number of steps, for options out of range, for optimizers without momentum (unless
 * `cycleMomentum` is false), and when stepped further than the cycle goes
 */
export class OneCycleLR extends EpochScheduler {
  protected totalSteps: number
  protected cycleMomentum: boolean
  readonly #phases: readonly Phase[]
  readonly #interpolate: (start: number, end: number, part: number) => number

  constructor(optimizer: Optimizer, maxLr: number | readonly number[], ...args: Arguments<[totalSteps: number], OneCycleOptions>) {
    const options = byName<OneCycleOptions>('OneCycleLR', ['totalSteps'], 1, args)
    super(optimizer, options, optionNames)
    const { pctStart = 0.3, annealStrategy = 'cos', cycleMomentum = true, baseMomentum = 0.85, maxMomentum = 0.95, threePhase = false } = options
    this.totalSteps = stepsOf(options)
    this.cycleMomentum = cycleMomentum
    if (!(pctStart >= 0 && pctStart <= 1)) throw new ValueError(`Expected float between 0 and 1 pct_start, but got ${pctStart}`)
    if (!Object.hasOwn(interpolations, annealStrategy)) {
      throw new ValueError(`anneal_strategy must be one of 'cos' or 'linear', instead got ${annealStrategy}`)
    }
    this.#interpolate = interpolations[annealStrategy]
    const peak = pctStart * this.totalSteps - 1
    const end = this.totalSteps - 1
    const rise: Phase = { end: peak, lr: ['initialLr', 'maxLr'], momentum: ['maxMomentum', 'baseMomentum'] }
    this.#phases = threePhase
      ? [
          rise,
          { end: 2 * pctStart * this.totalSteps - 2, lr: ['maxLr', 'initialLr'], momentum: ['baseMomentum', 'maxMomentum'] },
          { end, lr: ['initialLr', 'minLr'], momentum: ['maxMomentum', 'maxMomentum'] },
        ]
      : [rise, { end, lr: ['maxLr', 'minLr'], momentum: ['baseMomentum', 'maxMomentum'] }]
    const first = this.lastEpoch === -1
    const highest = perGroup('max_lr', optimizer, maxLr)
    const divFactor = checkFinite('div_factor', options.divFactor ?? 25)
    const finalDivFactor = checkFinite('final_div_factor', options.finalDivFactor ?? 1e4)
    if (first) {
      this.groups.forEach((group, i) => {
        group.initialLr = highest[i] / divFactor
        group.maxLr = highest[i]
        group.minLr = group.initialLr / finalDivFactor
      })
    }
    this.baseLrs = this.groups.map((group) => group.initialLr ?? group.lr)
    if (cycleMomentum) prepareMomentum(optimizer, baseMomentum, maxMomentum, first)
    this.start()
  }

  #at(group: ScheduledGroup): { phase: Phase; part: number } {
    const last = this.#phases.length - 1
    let start = 0
    let i = 0
    for (; i < last && this.lastEpoch > this.#phases[i].end; i++) start = this.#phases[i].end
    const phase = this.#phases[i]
    for (const name of phase.lr) {
      if (group[name] === undefined) throw new ValueError(`OneCycleLR: a parameter group has no ${name}: it was added after the scheduler was made`)
    }
    // A phase of no length is over as it begins.
    return { phase, part: phase.end === start ? 1 : (this.lastEpoch - start) / (phase.end - start) }
  }

  protected override rates(): number[] {
    if (this.lastEpoch > this.totalSteps) {
      throw new ValueError(`Tried to step ${this.lastEpoch} times. The specified number of total steps is ${this.totalSteps}`)
    }
    return this.groups.map((group) => {
      const { phase, part } = this.#at(group)
      if (this.cycleMomentum) setMomentum(group, this.#between(group, phase.momentum, part))
      return this.#between(group, phase.lr, part)
    })
  }

  #between(group: ScheduledGroup, [from, to]: [Rate | Momentum, Rate | Momentum], part: number): number {
    return this.#interpolate(group[from] ?? 0, group[to] ?? 0, part)
  }
}
