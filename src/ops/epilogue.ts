import { isGradEnabled } from '../autograd/index.js'
import { dtypes } from '../core/dtype.js'
import { kindOf, nearestName, RuntimeError, ValueError } from '../core/errors.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import { checkOptionalTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import type { Epilogue as KernelEpilogue } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { type ActivationName, activationOf } from './activation.js'
import { Activation, slopeTimes } from './activation-rule.js'
import { add } from './binary.js'
import { asContiguousShape, releaseCopy } from './norm/layout.js'

/** What a norm does in the same pass after normalising: y = activation(norm(x) + residual), the same bits as by separate operations. */
export interface EpilogueOptions {
  /** Added to the normalised input, whose shape and dtype it has. Default null. */
  residual?: Tensor | null
  /** Applied at the end, with its default options. Default null. */
  activation?: ActivationName | Activation | null
}

/** The names of the options, for `readOptions`. */
export const epilogueOptions = ['residual', 'activation'] as const

export interface Epilogue {
  readonly residual: Tensor | null
  readonly activation: Activation | null
}

/** @returns null where nothing follows. @throws RuntimeError for a residual of another shape or dtype, ValueError for an unknown activation */
export function readEpilogue(owner: string, input: Tensor, { residual = null, activation = null }: EpilogueOptions): Epilogue | null {
  if (residual === null && activation === null) return null
  checkOptionalTensor(owner, 'residual', residual)
  if (residual && (residual.dtype !== input.dtype || !sameShape(residual.shape, input.shape))) {
    const text = (t: Tensor) => `${dtypes[t.dtype].scalarName} ${formatShape(t.shape)}`
    throw new RuntimeError(`${owner}: the residual must have the input's shape and dtype, ${text(input)}, but got ${text(residual)}`)
  }
  return { residual, activation: activation === null ? null : toActivation(owner, activation) }
}

/** @throws ValueError for an unknown activation */
export function toActivation(owner: string, activation: ActivationName | Activation): Activation {
  if (activation instanceof Activation) return activation
  if (typeof activation === 'string' && Object.hasOwn(activationOf, activation)) return activationOf[activation]()
  const names = Object.keys(activationOf)
  const got = typeof activation === 'string' ? `'${activation}'` : kindOf(activation)
  const nearest = typeof activation === 'string' ? nearestName(activation, names) : undefined
  throw new ValueError(`${owner}: unknown activation ${got}.${nearest ? ` Did you mean '${nearest}'?` : ''} Known: ${names.join(', ')}`)
}

/** By operations of their own, behind a norm that is made of others. */
export function applyEpilogue(y: Tensor, epilogue: Epilogue | null): Tensor {
  const sum = epilogue?.residual ? add(y, epilogue.residual) : y
  return epilogue?.activation ? epilogue.activation.apply(sum) : sum
}

/** Calls `run` with the epilogue as kernels take it, in the shape that they see. */
export function withKernelEpilogue(epilogue: Epilogue | null, shape: Shape, run: (epilogue?: KernelEpilogue) => void): void {
  if (!epilogue) return run()
  const { residual, activation } = epilogue
  const view = residual && asContiguousShape(residual, shape)
  run({ residual: view, activation: activation?.definition.forward ?? null, params: activation?.params ?? [] })
  if (residual && view) releaseCopy(view, residual)
}

const readsInput = (epilogue: Epilogue | null): boolean => epilogue?.activation?.definition.reads === 'input'

/** PyTorch's name of the last operation's node. */
export function nodeName(norm: string, epilogue: Epilogue | null): string {
  if (!epilogue) return norm
  return epilogue.activation ? `${epilogue.activation.definition.node}Backward0` : 'AddBackward0'
}

/** What the rule has to save beside input and weight: bias and residual where the norm's result has to be computed again, else the output. */
export function savedFor(epilogue: Epilogue | null, bias: Tensor | null, y: Tensor): readonly [bias: Tensor | null, residual: Tensor | null, y: Tensor | null] {
  if (!epilogue?.activation) return [null, null, null]
  return readsInput(epilogue) ? [bias, epilogue.residual, null] : [null, null, y]
}

/** What a norm's rule can do with an epilogue: compute norm(x) + residual again. */
export interface Again {
  /** By a kernel, into a tensor of its own. */
  kernel(): Tensor
  /** In operations, to be differentiated. */
  operation(): Tensor
}

/**
 * The gradient of norm(x) + residual from that of the output. What an activation's slope is computed from is either the output, or computed again:
 * that takes less time than memory for it would take elsewhere.
 * @returns dz, and whether nobody else has it, so that it may be overwritten
 */
export function throughActivation({ activation }: Epilogue, dy: Tensor, y: Tensor | null, again: Again): { dz: Tensor; own: boolean } {
  if (!activation) return { dz: dy, own: false }
  const { definition, slopeParams } = activation
  if (isGradEnabled()) {
    const z = again.operation()
    return { dz: slopeTimes(definition, dy, y ? activation.apply(z) : z, slopeParams), own: false }
  }
  const dz = y ? emptyTensor(dy.shape, dy.dtype) : again.kernel()
  kernels.binary(definition.backward, dy, y ?? dz, dz, slopeParams)
  return { dz, own: true }
}
