import { isGradEnabled } from '../../autograd/index.js'
import { RuntimeError } from '../../core/errors.js'
import { formatShape, type Shape, sameShape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'

/**
 * Parameters and running statistics have the input's dtype, or are float32 beside a float16 or bfloat16 input.
 * As `check_mixed_data_type` in ATen/native/cpu/mixed_data_type.h: the first one that is given decides whether types are mixed.
 */
export function checkMixedDtype(input: Tensor, others: readonly (Tensor | null)[]): void {
  const given = others.filter((t) => t !== null)
  if (given.length === 0 || given[0].dtype === input.dtype) return
  for (const t of given) {
    if (t.dtype !== 'float32') throw new RuntimeError('mixed dtype (CPU): expect parameter to have scalar type of Float')
  }
  if (input.dtype !== 'float16' && input.dtype !== 'bfloat16') throw new RuntimeError('mixed dtype (CPU): all inputs must share same datatype.')
}

/** That the trailing sizes of the input are `normalizedShape`, and that parameters have just that shape. */
export function checkTrailingShape(owner: string, input: Tensor, normalizedShape: Shape, parameters: Readonly<Record<string, Tensor | null>>): void {
  if (!Array.isArray(normalizedShape)) {
    const got = typeof normalizedShape === 'number' ? 'int' : typeof normalizedShape
    throw new TypeError(`${owner}(): argument 'normalized_shape' (position 2) must be tuple of ints, not ${got}`)
  }
  if (normalizedShape.length === 0) {
    throw new RuntimeError('Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []')
  }
  for (const [name, t] of Object.entries(parameters)) {
    if (t && !sameShape(t.shape, normalizedShape)) {
      throw new RuntimeError(
        `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${formatShape(t.shape)} and normalized_shape = ${formatShape(normalizedShape)}`,
      )
    }
  }
  if (input.ndim < normalizedShape.length || !sameShape(input.shape.slice(input.ndim - normalizedShape.length), normalizedShape)) {
    throw new RuntimeError(
      `Given normalized_shape=${formatShape(normalizedShape)}, expected input with shape [*, ${normalizedShape.join(', ')}], but got input of size${formatShape(input.shape)}`,
    )
  }
}

/**
 * That parameters and running statistics have one element per channel, and that the latter are there outside training.
 * @param copies PyTorch's instance_norm lays all samples' channels side by side, and its texts count so
 */
export function checkChannelSizes(
  channels: number,
  copies: number,
  training: boolean,
  tensors: Readonly<Record<'running_mean' | 'running_var' | 'weight' | 'bias', Tensor | null>>,
): void {
  for (const [name, t] of Object.entries(tensors)) {
    if (t && t.numel() !== channels) throw new RuntimeError(`${name} should contain ${copies * channels} elements not ${copies * t.numel()}`)
    if (!t && !training && name.startsWith('running')) throw new RuntimeError(`${name} must be defined in evaluation mode`)
  }
}

export function checkRunningNeedNoGrad(running: Readonly<Record<'running_mean' | 'running_var', Tensor | null>>): void {
  for (const [name, t] of Object.entries(running)) {
    if (!t?.requiresGrad || !isGradEnabled()) continue
    throw new RuntimeError(
      `The function 'native_batch_norm' is not differentiable with respect to argument '${name}'. This input cannot have requires_grad True.`,
    )
  }
}
