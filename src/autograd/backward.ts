import { checkFunction, checkOptions, RuntimeError } from '../core/errors.js'
import type { GradHook, HookHandle } from '../core/graph.js'
import { formatShape, sameShape } from '../core/shape.js'
import { checkOptionalTensor, checkTensor, checkTensorList, type Tensor } from '../core/tensor.js'
import { arithmetic } from './arithmetic.js'
import { runBackward } from './engine.js'
import { Node } from './node.js'

export interface BackwardOptions {
  /** Keep what the graph saved, so that backward can run again. Default: the value of `createGraph`. */
  retainGraph?: boolean
  /** Record the gradients' own computation, so that they can be differentiated. Default false. */
  createGraph?: boolean
  /** Accumulate into these tensors only. Default: all leaves. */
  inputs?: readonly Tensor[]
}

export interface GradOptions {
  /** Gradient of each output; may be left out for outputs of one element. */
  gradOutputs?: readonly (Tensor | null)[] | Tensor
  /** As in `BackwardOptions`. */
  retainGraph?: boolean
  /** As in `BackwardOptions`. */
  createGraph?: boolean
  /** Return null for inputs that the outputs don't depend on, rather than throw. Default false. */
  allowUnused?: boolean
}

function rootGrad(output: Tensor, given: Tensor | null | undefined, i: number): Tensor {
  if (given) {
    if (!sameShape(given.shape, output.shape)) {
      throw new RuntimeError(
        `Mismatch in shape: grad_output[${i}] has a shape of torch.Size(${formatShape(given.shape)}) and output[${i}] has a shape of torch.Size(${formatShape(output.shape)}).`,
      )
    }
    return given.dtype === output.dtype ? given : arithmetic().to(given, output.dtype)
  }
  if (output.numel() !== 1) throw new RuntimeError('grad can be implicitly created only for scalar outputs')
  return arithmetic().ones(output.shape, output.dtype)
}

/**
 * Accumulates into the `.grad` of every leaf the gradient of `tensor`. As `torch.Tensor.backward`.
 * @param gradient same shape as `tensor`; may be left out for one element (then 1)
 * @throws RuntimeError where nothing requires grad, or the graph was consumed by an earlier backward
 */
export function backward(tensor: Tensor, gradient?: Tensor | null, options: BackwardOptions = {}): void {
  checkTensor('backward', 'tensor', tensor)
  checkOptionalTensor('backward', 'gradient', gradient)
  checkOptions('backward', options, ['retainGraph', 'createGraph', 'inputs'])
  if (!tensor.requiresGrad) throw new RuntimeError('element 0 of tensors does not require grad and does not have a grad_fn')
  const { createGraph = false, retainGraph = createGraph, inputs = null } = options
  if (inputs?.length === 0) throw new RuntimeError('`inputs` argument to `backward()` cannot be empty.')
  runBackward([tensor], [rootGrad(tensor, gradient, 0)], { retainGraph, createGraph, inputs, accumulate: true })
}

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `.grad`. As `torch.autograd.grad`.
 * @throws RuntimeError where an input doesn't require grad, or is unused and `allowUnused` is false
 */
export function grad(outputs: Tensor | readonly Tensor[], inputs: Tensor | readonly Tensor[], options?: GradOptions & { allowUnused?: false }): Tensor[]
export function grad(outputs: Tensor | readonly Tensor[], inputs: Tensor | readonly Tensor[], options: GradOptions): (Tensor | null)[]
export function grad(outputs: Tensor | readonly Tensor[], inputs: Tensor | readonly Tensor[], options: GradOptions = {}): (Tensor | null)[] {
  checkOptions('grad', options, ['gradOutputs', 'retainGraph', 'createGraph', 'allowUnused'])
  const { gradOutputs, createGraph = false, retainGraph = createGraph, allowUnused = false } = options
  const outs = asList(outputs)
  const ins = asList(inputs)
  checkTensorList('grad', outs)
  checkTensorList('grad', ins)
  const given = gradOutputs === undefined ? [] : asList(gradOutputs)
  if (given.length > 0 && given.length !== outs.length) throw new RuntimeError(`got ${outs.length} tensors and ${given.length} gradients`)
  outs.forEach((t, i) => {
    if (!t.requiresGrad) throw new RuntimeError(`element ${i} of tensors does not require grad and does not have a grad_fn`)
  })
  const grads = outs.map((t, i) => rootGrad(t, given[i], i))
  const result = runBackward(outs, grads, { retainGraph, createGraph, inputs: ins, accumulate: false })
  if (!allowUnused && result.includes(null)) {
    throw new RuntimeError(
      'One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.',
    )
  }
  return result
}

const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T])

/**
 * Calls `hook` with the tensor's gradient each time it is computed; what the hook returns replaces the gradient. As `torch.Tensor.register_hook`.
 * @throws RuntimeError where the tensor doesn't require grad
 */
export function registerHook(tensor: Tensor, hook: GradHook): HookHandle {
  checkTensor('registerHook', 'tensor', tensor)
  checkFunction('registerHook', hook)
  if (!tensor.requiresGrad) throw new RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
  let hooks: Set<GradHook>
  if (tensor.gradFn instanceof Node) {
    hooks = tensor.gradFn.hooks[tensor.outputIndex] ??= new Set()
  } else {
    tensor.gradHooks ??= new Set()
    hooks = tensor.gradHooks
  }
  hooks.add(hook)
  return { remove: () => void hooks.delete(hook) }
}

/** Fills `.grad` of a tensor that an operation computed, too. As `torch.Tensor.retain_grad`. */
export function retainGrad(tensor: Tensor): void {
  checkTensor('retainGrad', 'tensor', tensor)
  if (!tensor.requiresGrad) throw new RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
  const node = tensor.gradFn
  if (!(node instanceof Node)) return
  const retainers = node.retainers[tensor.outputIndex] ?? new Set()
  node.retainers[tensor.outputIndex] = retainers
  retainers.add(tensor)
}
