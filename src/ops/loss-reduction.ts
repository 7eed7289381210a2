import { ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'

/** What becomes of the single losses: they stay, or their mean or sum is taken. */
export type Reduction = 'none' | 'mean' | 'sum'

export interface LossOptions {
  /** What becomes of the single losses. Default 'mean'. */
  reduction?: Reduction
}

/** @throws ValueError with PyTorch's text */
export function checkReduction(reduction: Reduction = 'mean'): Reduction {
  if (reduction !== 'none' && reduction !== 'mean' && reduction !== 'sum') throw new ValueError(`${String(reduction)} is not a valid value for reduction`)
  return reduction
}

export const reduceLoss = (losses: Tensor, reduction: Reduction): Tensor => (reduction === 'none' ? losses : reduction === 'sum' ? losses.sum() : losses.mean())
