import { inPlace, record } from '../autograd/index.js'
import { checkDtype, type Dtype } from '../core/dtype.js'
import { kindOf } from '../core/errors.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { checkInPlaceShape, checkOverlap } from './overlap.js'

/** Copies to a tensor of its own, contiguous. As `torch.clone`; gradients flow through. */
export function clone(x: Tensor): Tensor {
  checkTensor('clone', 'input', x)
  const y = emptyTensor(x.shape, x.dtype)
  kernels.copy(x, y)
  return record(y, { name: 'CloneBackward0', inputs: [x], backward: (dy) => [dy] })
}

/** The tensor itself where its elements lie in order without gaps, else a contiguous copy. */
export function contiguous(x: Tensor): Tensor {
  checkTensor('contiguous', 'input', x)
  return x.isContiguous() ? x : clone(x)
}

/**
 * Converts to another dtype; the tensor itself where it has it. Floats become integers by truncation, bool by comparison with 0.
 * As `torch.Tensor.to(dtype)`.
 */
export function to(x: Tensor, dtype: Dtype): Tensor {
  checkTensor('to', 'input', x)
  checkDtype('to', dtype)
  if (x.dtype === dtype) return x
  const y = emptyTensor(x.shape, dtype)
  kernels.copy(x, y)
  return record(y, { name: 'ToCopyBackward0', inputs: [x], backward: (dy) => [dy] })
}

/**
 * Overwrites `x` with the values of `source`, which broadcasts to its shape and is converted to its dtype. As `torch.Tensor.copy_`.
 * @throws RuntimeError where the shapes don't broadcast
 */
export function copy_(x: Tensor, source: Tensor): Tensor {
  checkTensor('copy_', 'input', x)
  checkTensor('copy_', 'source', source)
  checkInPlaceShape(x, source.shape)
  checkOverlap(x, source)
  return inPlace(
    x,
    [source],
    () => kernels.copy(source, x),
    () => {
      const y = emptyTensor(x.shape, x.dtype)
      kernels.copy(source, y)
      return record(y, { name: 'CopyBackwards', inputs: [source], backward: (dy) => [dy] })
    },
  )
}

/** Fills with one value, in place. */
export function fill_(x: Tensor, value: number | bigint): Tensor {
  checkTensor('fill_', 'input', x)
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new TypeError(`fill_: value must be a number, got ${kindOf(value)}`)
  return inPlace(
    x,
    [],
    () => kernels.fill(x, value),
    () => {
      const y = emptyTensor(x.shape, x.dtype)
      kernels.fill(y, value)
      return record(y, { name: 'FillBackward0', inputs: [x], backward: () => [null] })
    },
  )
}

/** Fills with 0, in place. */
export const zero_ = (x: Tensor): Tensor => fill_(x, 0)
