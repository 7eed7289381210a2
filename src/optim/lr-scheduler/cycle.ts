import { ValueError } from '../../core/errors.js'
import type { Optimizer } from '../optimizer.js'
import { perGroup, type ScheduledGroup } from './scheduler.js'

export interface MomentumCycleOptions {
  /** Cycles the momentum, or Adam's first beta, against the learning rate. Default true. */
  cycleMomentum?: boolean
  /** The lowest momentum, where the learning rate is highest; one for all groups or one for each. */
  baseMomentum?: number | readonly number[]
  /** The highest momentum, where the learning rate is lowest. */
  maxMomentum?: number | readonly number[]
}

/** Writes both bounds into the groups, and the highest as the first value. @throws ValueError for an optimizer without momentum */
export function prepareMomentum(
  optimizer: Optimizer,
  base: number | readonly number[],
  max: number | readonly number[],
  first: boolean,
): { base: number[]; max: number[] } {
  if (!('momentum' in optimizer.defaults || 'betas' in optimizer.defaults)) {
    throw new ValueError('optimizer must support momentum or beta1 with `cycle_momentum` option enabled')
  }
  const bounds = { max: perGroup('max_momentum', optimizer, max), base: perGroup('base_momentum', optimizer, base) }
  if (first) {
    optimizer.paramGroups.forEach((group, i) => {
      setMomentum(group, bounds.max[i])
      group.maxMomentum = bounds.max[i]
      group.baseMomentum = bounds.base[i]
    })
  }
  return bounds
}

export function setMomentum(group: ScheduledGroup, momentum: number): void {
  if (group.betas) group.betas = [momentum, group.betas[1]]
  else group.momentum = momentum
}
