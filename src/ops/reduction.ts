/** What reductions over axes share. */
import { checkOptions } from '../core/errors.js'
import type { Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. Default false. */
  keepdim?: boolean
}

/** One axis or several, counted from either end; none, null or an empty list means all. */
export type Dims = number | readonly number[] | null

/** The shape after `dims` (ascending) are reduced. */
export function reducedShape(shape: Shape, dims: readonly number[], keepdim: boolean): number[] {
  const out: number[] = []
  for (let i = 0; i < shape.length; i++) {
    if (!dims.includes(i)) out.push(shape[i])
    else if (keepdim) out.push(1)
  }
  return out
}

export function keepdimOf(owner: string, options: ReduceOptions | undefined): boolean {
  checkOptions(owner, options, ['keepdim'])
  return options?.keepdim ?? false
}

/** Gives a reduced tensor its reduced axes back, with size 1, so that it broadcasts against the input. */
export const restore = (y: Tensor, inputShape: Shape, dims: readonly number[]): Tensor => y.reshape(reducedShape(inputShape, dims, true))
