import type { Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'

/** A value for each spatial axis, or one number for all of them. */
export type PerAxis = number | Shape

/** Runs `fn`, which expects [N, C, ...S], on an input that may lack the batch axis. */
export function overBatch(x: Tensor, axes: number, fn: (x: Tensor) => Tensor): Tensor {
  return x.ndim === axes + 1 ? fn(x.unsqueeze(0)).squeeze(0) : fn(x)
}
