import { RuntimeError } from '../core/errors.js'
import { broadcastShapes, formatShape, type Shape, sameShape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import type { Operand } from './promote.js'

/** Whether the elements fill their stretch of memory, each once, in whatever order of axes. */
function isDense(t: Tensor): boolean {
  const axes = [...t.shape.keys()].filter((i) => t.shape[i] !== 1).sort((a, b) => t.strides[a] - t.strides[b])
  let step = 1
  for (const i of axes) {
    if (t.strides[i] !== step) return false
    step *= t.shape[i]
  }
  return true
}

/** @throws RuntimeError where an operation that writes over `target` would give it another shape */
export function checkInPlaceShape(target: Tensor, ...operands: readonly Shape[]): void {
  const result = broadcastShapes(target.shape, ...operands)
  if (sameShape(result, target.shape)) return
  throw new RuntimeError(`output with shape ${formatShape(target.shape)} doesn't match the broadcast shape ${formatShape(result)}`)
}

/**
 * Refuses what PyTorch refuses where an operation writes over `target`: a target with repeated elements, and operands that share some
 * memory with it but aren't the same window. Views with gaps count as apart, as in PyTorch, which can't tell either.
 */
export function checkOverlap(target: Tensor, ...operands: readonly Operand[]): void {
  if (!target.isContiguous() && target.shape.some((size, i) => size > 1 && target.strides[i] === 0)) {
    throw new RuntimeError(
      'unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.',
    )
  }
  for (const x of operands) {
    if (typeof x === 'number' || x.storage !== target.storage || x === target) continue
    const begin = Math.max(x.offset, target.offset)
    const end = Math.min(x.offset + x.numel(), target.offset + target.numel())
    const sameWindow = x.offset === target.offset && sameShape(x.shape, target.shape) && sameShape(x.strides, target.strides)
    if (begin >= end || sameWindow || !isDense(x) || !isDense(target)) continue
    throw new RuntimeError(
      'unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.',
    )
  }
}
