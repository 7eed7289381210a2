import { inPlace, isGradEnabled, record } from '../autograd/index.js'
import type { Dtype } from '../core/dtype.js'
import { checkNumber } from '../core/errors.js'
import type { Shape } from '../core/shape.js'
import { checkTensor, emptyTensor, Tensor } from '../core/tensor.js'
import type { Activated, BinaryOp, UnaryOp } from '../kernels/contract.js'
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
  return recordValue(def, x, y, slopeParams)
}

/** @param own whether x is seen by the graph alone, and is released with it */
function recordValue(def: Definition, x: Tensor, y: Tensor, slopeParams: Params, own = false): Tensor {
  return record(y, {
    name: `${def.node}Backward0`,
    inputs: [x],
    saved: [def.reads === 'input' ? x : y],
    scratch: own ? [x] : [],
    // A gradient that is recorded may outlive this node.
    backward: (dy, [read]) => [slopeTimes(def, dy, own && isGradEnabled() ? read.clone() : read, slopeParams)],
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

interface ActivatedTensor extends Activated {
  readonly y: Tensor
}

/** An operation whose kernel can end with an activation; `inputs` are what its result has gradients for. */
export interface Activatable {
  readonly shape: Shape
  readonly dtype: Dtype
  readonly inputs: readonly (Tensor | null)[]
  /** Writes the result to z, and its activation where asked for. */
  compute(z: Tensor, activated: ActivatedTensor | null): void
  /** Puts z into the graph. */
  record(z: Tensor): Tensor
}

/**
 * The operation, and the activation behind it in the same pass. The graph is that of two operations. What the first one gives is kept, until backward
 * has used it, only where the slope is computed from it: elsewhere the activation is written over it.
 */
export function withActivation(operation: Activatable, activation: Activation | null): Tensor {
  const { shape, dtype, inputs, compute, record } = operation
  if (activation && activation.definition.dtype(dtype) !== dtype) return activation.apply(withActivation(operation, null))
  const y = emptyTensor(shape, dtype)
  if (!activation) {
    compute(y, null)
    return record(y)
  }
  const { definition, params, slopeParams } = activation
  const keeps = definition.reads === 'input' && isGradEnabled() && inputs.some((t) => t?.requiresGrad)
  const z = keeps ? emptyTensor(shape, dtype) : new Tensor(y.storage, dtype, shape)
  compute(z, { op: definition.forward, params, y })
  return recordValue(definition, record(z), y, slopeParams, keeps)
}
