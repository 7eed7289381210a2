import { type Arguments, byName } from '../../core/arguments.js'
import { ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { checkFinite, checkPositiveInteger, type EpochOptions, EpochScheduler } from './scheduler.js'

export interface CosineOptions extends EpochOptions {
  /** The lowest learning rate. Default 0. */
  etaMin?: number
}

/**
 * From the initial learning rate down to etaMin along half a cosine in `T_max` epochs (and up again after it):
 * etaMin + (base - etaMin)(1 + cos(π epoch / T_max)) / 2.
 * Loshchilov, Hutter 2017, arXiv:1608.03983, without its restarts.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
 */
export class CosineAnnealingLR extends EpochScheduler {
  protected T_max: number
  protected etaMin: number

  constructor(optimizer: Optimizer, T_max: number, ...args: Arguments<[etaMin: number], CosineOptions>) {
    const options = byName<CosineOptions>('CosineAnnealingLR', ['etaMin'], 1, args)
    super(optimizer, options, ['etaMin'])
    this.T_max = checkPositiveInteger('T_max', T_max)
    this.etaMin = checkFinite('eta_min', options.etaMin ?? 0)
    this.start()
  }

  protected override rates(): number[] {
    const { lastEpoch: epoch, T_max, etaMin } = this
    if (epoch === 0) return this.scaled(1)
    if (this.stepCount === 1) return this.baseLrs.map((base) => etaMin + ((base - etaMin) * (1 + Math.cos((epoch * Math.PI) / T_max))) / 2)
    // At the lowest point the quotient below would divide by 0.
    if ((epoch - 1 - T_max) % (2 * T_max) === 0) {
      return this.groups.map((group, i) => group.lr + ((this.baseLrs[i] - etaMin) * (1 - Math.cos(Math.PI / T_max))) / 2)
    }
    const factor = (1 + Math.cos((Math.PI * epoch) / T_max)) / (1 + Math.cos((Math.PI * (epoch - 1)) / T_max))
    return this.groups.map((group) => factor * (group.lr - etaMin) + etaMin)
  }
}

export interface WarmRestartOptions extends CosineOptions {
  /** How much longer each cycle is than the one before. Default 1. */
  T_mult?: number
}

/**
 * Half a cosine down to etaMin, then from the initial learning rate again: cycles of `T_0`, `T_0 T_mult`, `T_0 T_mult²`, ... epochs.
 * Loshchilov, Hutter 2017, arXiv:1608.03983.
 * https://pytorch.org/docs/2.6/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
 */
export class CosineAnnealingWarmRestarts extends EpochScheduler {
  protected T_0: number
  protected T_mult: number
  protected etaMin: number
  /** Length of this cycle. */
  protected T_i: number
  /** Epochs since it began. */
  protected T_cur: number

  constructor(optimizer: Optimizer, T_0: number, ...args: Arguments<[T_mult: number, etaMin: number], WarmRestartOptions>) {
    const options = byName<WarmRestartOptions>('CosineAnnealingWarmRestarts', ['T_mult', 'etaMin'], 2, args)
    super(optimizer, options, ['etaMin', 'T_mult'])
    const { T_mult = 1, etaMin = 0 } = options
    this.T_0 = checkPositiveInteger('T_0', T_0)
    if (!(Number.isInteger(T_mult) && T_mult >= 1)) throw new ValueError(`Expected integer T_mult >= 1, but got ${T_mult}`)
    this.T_mult = T_mult
    this.etaMin = checkFinite('eta_min', etaMin)
    this.T_i = T_0
    this.T_cur = this.lastEpoch
    this.start()
  }

  override step(): void {
    this.T_cur++
    if (this.T_cur >= this.T_i) {
      this.T_cur -= this.T_i
      this.T_i *= this.T_mult
    }
    super.step()
  }

  override restart(): void {
    this.T_cur = 0
    this.T_i = this.T_0
    super.restart()
  }

  protected override rates(): number[] {
    return this.baseLrs.map((base) => this.etaMin + ((base - this.etaMin) * (1 + Math.cos((Math.PI * this.T_cur) / this.T_i))) / 2)
  }
}
