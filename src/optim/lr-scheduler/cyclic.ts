import { type Arguments, byName } from '../../core/arguments.js'
import { ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { type MomentumCycleOptions, prepareMomentum, setMomentum } from './cycle.js'
import { checkFinite, type EpochOptions, EpochScheduler, perGroup, type SchedulerStateDict } from './scheduler.js'

export interface CyclicOptions extends EpochOptions, MomentumCycleOptions {
  /** Steps in which the rate rises. Default 2000. */
  stepSizeUp?: number
  /** Steps in which it falls. Default: as many. */
  stepSizeDown?: number
  /** Whether the height stays, halves with each cycle, or is multiplied by gamma with each step. Default 'triangular'. */
  mode?: 'triangular' | 'triangular2' | 'exp_range'
  /** Default 1. */
  gamma?: number
  /** The height's factor as a function of the cycle (from 1) or step; in place of `mode`. */
  scaleFn?: ((x: number) => number) | null
  /** What `scaleFn` is a function of. Default 'cycle'. */
  scaleMode?: 'cycle' | 'iterations'
  /** Default 0.8. */
  baseMomentum?: number | readonly number[]
  /** Default 0.9. */
  maxMomentum?: number | readonly number[]
}

const optionNames: readonly (keyof CyclicOptions)[] = [
  'stepSizeUp',
  'stepSizeDown',
  'mode',
  'gamma',
  'scaleFn',
  'scaleMode',
  'cycleMomentum',
  'baseMomentum',
  'maxMomentum',
]
const modes = ['triangular', 'triangular2', 'exp_range']

/**
 * Up and down between two rates, again and again; the momentum goes the other way. Step after every batch.
 * Smith 2017, arXiv:1506.01186. https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.CyclicLR.html
 * @throws ValueError with PyTorch's text for an unknown mode, and for optimizers without momentum (unless `cycleMomentum` is false)
 */
export class CyclicLR extends EpochScheduler {
  protected maxLrs: number[]
  protected totalSize: number
  protected stepRatio: number
  protected mode: string
  protected gamma: number
  protected scaleMode: 'cycle' | 'iterations'
  protected cycleMomentum: boolean
  protected baseMomentums: number[] = []
  protected maxMomentums: number[] = []
  readonly #scale: (x: number) => number

  constructor(
    optimizer: Optimizer,
    baseLr: number | readonly number[],
    maxLr: number | readonly number[],
    ...args: Arguments<[stepSizeUp: number], CyclicOptions>
  ) {
    const options = byName<CyclicOptions>('CyclicLR', ['stepSizeUp'], 1, args)
    super(optimizer, options, optionNames)
    const { stepSizeUp = 2000, mode = 'triangular', scaleFn = null, scaleMode = 'cycle', cycleMomentum = true, baseMomentum = 0.8, maxMomentum = 0.9 } = options
    const { stepSizeDown = stepSizeUp } = options
    const first = this.lastEpoch === -1
    const lowest = perGroup('base_lr', optimizer, baseLr)
    this.maxLrs = perGroup('max_lr', optimizer, maxLr)
    for (const [name, size] of Object.entries({ step_size_up: stepSizeUp, step_size_down: stepSizeDown })) {
      if (!(checkFinite(name, size) > 0)) throw new ValueError(`Expected positive ${name}, but got ${size}`)
    }
    this.totalSize = stepSizeUp + stepSizeDown
    this.stepRatio = stepSizeUp / this.totalSize
    if (!modes.includes(mode) && scaleFn === null) throw new ValueError('mode is invalid and scale_fn is None')
    this.mode = mode
    this.gamma = checkFinite('gamma', options.gamma ?? 1)
    this.scaleMode = scaleFn ? scaleMode : mode === 'exp_range' ? 'iterations' : 'cycle'
    this.#scale = scaleFn ?? ((x) => (mode === 'triangular' ? 1 : mode === 'triangular2' ? 1 / 2 ** (x - 1) : this.gamma ** x))
    this.cycleMomentum = cycleMomentum
    if (cycleMomentum) {
      const bounds = prepareMomentum(optimizer, baseMomentum, maxMomentum, first)
      this.baseMomentums = bounds.base
      this.maxMomentums = bounds.max
    }
    if (first) {
      this.groups.forEach((group, i) => {
        group.initialLr = lowest[i]
      })
    }
    this.baseLrs = lowest
    this.start()
  }

  protected override rates(): number[] {
    const { lastEpoch, totalSize, stepRatio } = this
    const cycle = Math.floor(1 + lastEpoch / totalSize)
    const x = 1 + lastEpoch / totalSize - cycle
    const part = x <= stepRatio ? x / stepRatio : (x - 1) / (stepRatio - 1)
    const scale = this.#scale(this.scaleMode === 'cycle' ? cycle : lastEpoch)
    if (this.cycleMomentum) {
      this.groups.forEach((group, i) => {
        const highest = this.maxMomentums[i]
        setMomentum(group, highest - (highest - this.baseMomentums[i]) * part * scale)
      })
    }
    return this.baseLrs.map((base, i) => base + (this.maxLrs[i] - base) * part * scale)
  }

  override stateDict(): SchedulerStateDict {
    return { ...super.stateDict(), _scale_fn_custom: null }
  }
}
