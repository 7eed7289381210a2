import { inPlace, record } from '../autograd/index.js'
import type { Dtype } from '../core/dtype.js'
import { checkNumber } from '../core/errors.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import type { BinaryOp, UnaryOp } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { zerosLike } from './create.js'
import { checkOverlap } from './overlap.js'
import { checkCast } from './promote.js'

/**
 * An element-wise function with a fused kernel for the value and one for the gradient dx = dy h, where h is the slope. That
 * gradient is an operation itself: its own gradient needs dh only, so that every order of differentiation exists.
 */
export interface Definition {
  readonly forward: UnaryOp
  readonly backward: BinaryOp
  /** PyTorch's name of the node, without `Backward0`. */
  readonly node: string
  /** What the slope is computed from: the input, or the output. */
  readonly reads: 'input' | 'output'
  /** The derivative of the slope with respect to what it reads; null where the slope is constant in pieces. */
  readonly curvature: ((read: Tensor, params: Params) => Tensor) | null
  /** The result's dtype. @throws RuntimeError for a dtype that the function does not have */
  readonly dtype: (input: Dtype) => Dtype
}

export type Params = readonly number[]

function evaluate(def: Definition, x: Tensor, params: Params, slopeParams: Params): Tensor {
  const y = emptyTensor(x.shape, def.dtype(x.dtype))
  kernels.unary(def.forward, x, y, params)
  return record(y, {
    name: `${def.node}Backward0`,
    inputs: [x],
    saved: [def.reads === 'input' ? x : y],
    backward: (dy, [read]) => [slopeTimes(def, dy, read, slopeParams)],
  })
}

/** dx = dy h(read). */
export function slopeTimes(def: Definition, dy: Tensor, read: Tensor, params: Params): Tensor {
  const dx = emptyTensor(dy.shape, dy.dtype)
  kernels.binary(def.backward, dy, read, dx, params)
  return record(dx, {
    name: `${def.node}BackwardBackward0`,
    inputs: [dy, read],
    saved: [dy, read],
    backward: (g, [gradient, input], [needsGradient, needsRead]) => [
      needsGradient ? slopeTimes(def, g, input, params) : null,
      needsRead ? (def.curvature ? g.mul(gradient).mul(def.curvature(input, params)) : zerosLike(input)) : null,
    ],
  })
}

/**
 * The function's value.
 * @param slopeParams where the gradient's parameters are others
 */
export function activate(def: Definition, x: Tensor, params: Params, inplace = false, slopeParams: Params = params): Tensor {
  checkTensor(def.forward, 'input', x)
  for (const p of params) checkNumber(def.forward, 'a parameter', p)
  if (!inplace) return evaluate(def, x, params, slopeParams)
  checkCast(def.dtype(x.dtype), x.dtype)
  checkOverlap(x)
  return inPlace(
    x,
    [],
    () => kernels.unary(def.forward, x, x, params),
    (original) => evaluate(def, original, params, slopeParams),
  )
}

/** An activation with its parameters: what can follow a norm in one pass (norm/epilogue.ts). */
export class Activation {
  constructor(
    readonly definition: Definition,
    readonly params: Params = [],
    /** Where the gradient's parameters are others. */
    readonly slopeParams: Params = params,
  ) {}

  apply(x: Tensor): Tensor {
    return activate(this.definition, x, this.params, false, this.slopeParams)
  }
}
