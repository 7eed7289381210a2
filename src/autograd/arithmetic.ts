import type { Dtype } from '../core/dtype.js'
import type { Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'

/**
 * The few operations on gradients that the engine itself needs. `ops/` provides them when it is loaded: imports run from ops to autograd.
 */
export interface GradArithmetic {
  add(a: Tensor, b: Tensor): Tensor
  /** a += b, outside any graph. */
  addInPlace(a: Tensor, b: Tensor): void
  /** target = a, outside any graph. */
  copyInto(a: Tensor, target: Tensor): void
  /** A copy of its own, contiguous. */
  clone(a: Tensor): Tensor
  ones(shape: Shape, dtype: Dtype): Tensor
  sumToShape(a: Tensor, shape: Shape): Tensor
  to(a: Tensor, dtype: Dtype): Tensor
  hasNaN(a: Tensor): boolean
}

let provided: GradArithmetic | undefined

export function provideArithmetic(arithmetic: GradArithmetic): void {
  provided = arithmetic
}

export function arithmetic(): GradArithmetic {
  if (!provided) throw new Error('autograd was used before ops/ was loaded: import from the package entry')
  return provided
}
