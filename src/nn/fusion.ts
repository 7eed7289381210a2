import type { Tensor } from '../core/tensor.js'
import type { Activation } from '../ops/activation-rule.js'
import { add } from '../ops/binary.js'
import type { Epilogue } from '../ops/epilogue.js'
import type { Module } from './module.js'

/** Activations in the pass of the layer before: a norm, Linear, or convolution. */

/** How a layer says that something can follow in its pass, and how an activation says that it can. Symbols, as they are no part of a layer's interface. */
export const withEpilogue: unique symbol = Symbol('withEpilogue')
export const asActivation: unique symbol = Symbol('asActivation')

/** How another layer says that it keeps neither what it gets nor what it returns. */
export const keepsNothing: unique symbol = Symbol('keepsNothing')

interface TakesEpilogue {
  [withEpilogue](input: Tensor, epilogue: Epilogue): Tensor
}
interface ActivationLayer {
  readonly [asActivation]: Activation
}

/**
 * Whether `module` has the member, and its `forward` is of the same class: a hook or probe puts another forward on the module itself, and a subclass
 * that changes forward doesn't say what the member would have to do.
 */
function speaksFor(module: Module, member: symbol): boolean {
  for (let owner: object | null = module; owner; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, member)) return true
    if (Object.hasOwn(owner, 'forward')) return Object.hasOwn(owner, member)
  }
  return false
}

const takesEpilogue = (module: Module): module is Module & TakesEpilogue => speaksFor(module, withEpilogue)
const isActivation = (module: Module): module is Module & ActivationLayer => speaksFor(module, asActivation)

/** Whether nobody can hold what the layer got or returned, once it has returned: a hook, a probe or a subclass may. */
export const keepsNoTensor = (layer: Module): boolean => [withEpilogue, asActivation, keepsNothing].some((member) => speaksFor(layer, member))

/** Whether `forwardFused` does both in one pass. */
export const canFuse = (layer: Module, activation: Module): boolean => takesEpilogue(layer) && isActivation(activation)

/**
 * activation(layer(x) + residual), in one pass where the layers are known and nothing sees what is between them, a hook or a probe: the same bits either
 * way, with less memory.
 */
export function forwardFused(layer: Module, activation: Module, x: Tensor, residual: Tensor | null = null): Tensor {
  if (takesEpilogue(layer) && isActivation(activation)) return layer[withEpilogue](x, { residual, activation: activation[asActivation] })
  const y = layer.forward(x as never) as Tensor
  return activation.forward((residual ? add(y, residual) : y) as never) as Tensor
}
