import { type Arguments, readOptions } from '../../core/arguments.js'
import { RuntimeError, ValueError } from '../../core/errors.js'
import { Tensor } from '../../core/tensor.js'
import type { Optimizer } from '../optimizer.js'
import { checkFinite, LRScheduler } from './scheduler.js'

export interface PlateauOptions {
  /** Whether the metric should fall or rise. Default 'min'. */
  mode?: 'min' | 'max'
  /** What the learning rate is multiplied by. Default 0.1. */
  factor?: number
  /** Epochs without progress that are borne. Default 10. */
  patience?: number
  /** How much better counts as progress. Default 1e-4. */
  threshold?: number
  /** Whether the threshold is relative to the best metric. Default 'rel'. */
  thresholdMode?: 'rel' | 'abs'
  /** Epochs after a reduction in which none is counted as without progress. Default 0. */
  cooldown?: number
  /** The lowest rate, for all groups or for each. Default 0. */
  minLr?: number | readonly number[]
  /** A reduction by less is not made. Default 1e-8. */
  eps?: number
}

const optionNames: readonly (keyof PlateauOptions)[] = ['mode', 'factor', 'patience', 'threshold', 'thresholdMode', 'cooldown', 'minLr', 'eps']

/**
 * Reduces the learning rate when a metric has stopped getting better: `scheduler.step(validationLoss)`.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
 * @throws ValueError with PyTorch's text for a factor of 1 or more, unknown modes, and a number of minimal rates that is not that of the groups
 */
export class ReduceLROnPlateau extends LRScheduler {
  protected factor: number
  protected defaultMinLr: number | null
  protected minLrs: number[]
  protected patience: number
  protected cooldown: number
  protected cooldownCounter = 0
  protected mode: 'min' | 'max'
  protected threshold: number
  protected thresholdMode: 'rel' | 'abs'
  protected best: number
  protected numBadEpochs = 0
  protected eps: number

  constructor(optimizer: Optimizer, ...args: Arguments<[mode: 'min' | 'max'], PlateauOptions>) {
    super(optimizer)
    const options = readOptions<PlateauOptions>('ReduceLROnPlateau', optionNames, 1, args)
    const { mode = 'min', thresholdMode = 'rel', minLr = 0 } = options
    this.factor = checkFinite('factor', options.factor ?? 0.1)
    if (this.factor >= 1) throw new ValueError('Factor should be < 1.0.')
    if (typeof minLr !== 'number' && minLr.length !== this.groups.length) throw new ValueError(`expected ${this.groups.length} min_lrs, got ${minLr.length}`)
    this.defaultMinLr = typeof minLr === 'number' ? minLr : null
    this.minLrs = typeof minLr === 'number' ? this.groups.map(() => minLr) : [...minLr]
    this.patience = checkFinite('patience', options.patience ?? 10)
    this.cooldown = checkFinite('cooldown', options.cooldown ?? 0)
    if (mode !== 'min' && mode !== 'max') throw new ValueError(`mode ${mode} is unknown!`)
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs') throw new ValueError(`threshold mode ${thresholdMode} is unknown!`)
    this.mode = mode
    this.thresholdMode = thresholdMode
    this.threshold = checkFinite('threshold', options.threshold ?? 1e-4)
    this.eps = checkFinite('eps', options.eps ?? 1e-8)
    this.best = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
    this.lastEpoch = 0
  }

  /** Counts an epoch. @param metric a number, or a tensor of one element; NaN counts as no progress */
  step(metric: number | Tensor): void {
    const value = metric instanceof Tensor ? metric.item() : metric
    if (typeof value !== 'number') throw new TypeError(`ReduceLROnPlateau: step needs the metric, a number or a tensor of one element, got ${typeof value}`)
    this.lastEpoch++
    if (this.#isBetter(value)) {
      this.best = value
      this.numBadEpochs = 0
    } else this.numBadEpochs++
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--
      this.numBadEpochs = 0
    }
    let rates = this.groups.map((group) => group.lr)
    if (this.numBadEpochs > this.patience) {
      rates = this.#reduced(rates)
      this.cooldownCounter = this.cooldown
      this.numBadEpochs = 0
    }
    this.setRates(rates)
  }

  #isBetter(value: number): boolean {
    const { mode, thresholdMode, threshold, best } = this
    const margin = mode === 'min' ? -threshold : threshold
    const bound = thresholdMode === 'rel' ? best * (1 + margin) : best + margin
    return mode === 'min' ? value < bound : value > bound
  }

  #reduced(rates: readonly number[]): number[] {
    if (rates.length !== this.minLrs.length) {
      const lowest = this.defaultMinLr
      if (lowest === null) {
        throw new RuntimeError(
          `The number of param groups in the \`optimizer\` (${rates.length}) differs from when \`ReduceLROnPlateau\` was initialized (${this.minLrs.length}), usually due to a new param group being added to the optimizer. Please modify the \`min_lrs\` field to match the length of the \`optimizer\` param groups.`,
        )
      }
      this.minLrs = rates.map(() => lowest)
    }
    return rates.map((lr, i) => {
      const reduced = Math.max(lr * this.factor, this.minLrs[i])
      return lr - reduced > this.eps ? reduced : lr
    })
  }
}
