import { record, recordAll } from '../autograd/index.js'
import { promoteTypes } from '../core/dtype.js'
import { checkNumber, IndexError, RuntimeError } from '../core/errors.js'
import { formatShape, normalizeDim, normalizeDims, numberList, numelOf, type Shape, sameShape } from '../core/shape.js'
import { checkTensor, checkTensorList, emptyTensor, type Tensor, windowOf } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { narrow, unsqueeze } from './views.js'

/** Joins tensors along an existing dimension; dtypes are promoted, and vectors without elements are left out. As `torch.cat`. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  checkTensorList('cat', tensors)
  if (tensors.length === 0) throw new RuntimeError('torch.cat(): expected a non-empty list of Tensors')
  tensors.forEach((t, i) => {
    if (t.ndim === 0) throw new RuntimeError(`zero-dimensional tensor (at position ${i}) cannot be concatenated`)
  })
  const isSkipped = (t: Tensor) => t.ndim === 1 && t.shape[0] === 0
  const first = tensors.find((t) => !isSkipped(t)) ?? tensors[0]
  const d = normalizeDim(dim, first.ndim)
  tensors.forEach((t, i) => {
    if (!isSkipped(t)) checkJoins(first, t, i, d)
  })
  const lengths = tensors.map((t) => (isSkipped(t) ? 0 : t.shape[d]))
  const shape = first.shape.slice()
  shape[d] = lengths.reduce((sum, n) => sum + n, 0)
  const y = emptyTensor(shape, tensors.map((t) => t.dtype).reduce(promoteTypes))
  const starts: number[] = []
  let start = 0
  tensors.forEach((t, i) => {
    starts.push(start)
    if (lengths[i] > 0) kernels.copy(t, windowOf(y, t.shape, y.strides, start * y.strides[d]))
    start += lengths[i]
  })
  return record(y, {
    name: 'CatBackward0',
    inputs: tensors,
    backward: (dy, _, needs) => lengths.map((length, i) => (needs[i] && length > 0 ? narrow(dy, d, starts[i], length) : null)),
  })
}

function checkJoins(first: Tensor, t: Tensor, i: number, dim: number): void {
  if (t.ndim !== first.ndim) throw new RuntimeError(`Tensors must have same number of dimensions: got ${first.ndim} and ${t.ndim}`)
  t.shape.forEach((size, d) => {
    if (d === dim || size === first.shape[d]) return
    throw new RuntimeError(
      `Sizes of tensors must match except in dimension ${dim}. Expected size ${first.shape[d]} but got size ${size} for tensor number ${i} in the list.`,
    )
  })
}

/** Joins tensors of equal shape along a new dimension. As `torch.stack`. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  checkTensorList('stack', tensors)
  if (tensors.length === 0) throw new RuntimeError('stack expects a non-empty TensorList')
  const [first] = tensors
  const d = normalizeDim(dim, first.ndim + 1)
  tensors.forEach((t, i) => {
    if (sameShape(t.shape, first.shape)) return
    throw new RuntimeError(
      `stack expects each tensor to be equal size, but got ${formatShape(first.shape)} at entry 0 and ${formatShape(t.shape)} at entry ${i}`,
    )
  })
  return cat(
    tensors.map((t) => unsqueeze(t, d)),
    d,
  )
}

/** Windows of given lengths, one after the other along `dim`, as outputs of one node: their gradients are joined once. */
function windows(x: Tensor, name: string, dim: number, lengths: readonly number[]): Tensor[] {
  let start = 0
  const outputs = lengths.map((length) => {
    const shape = x.shape.slice()
    shape[dim] = length
    const y = windowOf(x, shape, x.strides, x.offset + start * x.strides[dim])
    start += length
    return y
  })
  return recordAll(outputs, { name, inputs: [x], backward: (grads) => [cat(withZeros(grads, outputs), dim)] })
}

/** Zeros where an output got no gradient. */
function withZeros(grads: readonly (Tensor | null)[], like: readonly { shape: Shape; dtype: Tensor['dtype'] }[]): Tensor[] {
  return grads.map((g, i) => {
    if (g) return g
    const zero = emptyTensor([], like[i].dtype)
    kernels.fill(zero, 0)
    return zero.expand(like[i].shape)
  })
}

/**
 * Views of x cut along `dim`: into pieces of `size`, the last maybe smaller, or of the given sizes, which must add up. As `torch.split`.
 */
export function split(x: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  checkTensor('split', 'input', x)
  if (x.ndim === 0) throw new RuntimeError('split expects at least a 1-dimensional tensor')
  const d = normalizeDim(dim, x.ndim)
  const total = x.shape[d]
  if (typeof size !== 'number') {
    numberList('split', 'split_size', size)
    const list = `split_sizes=${formatShape(size)}`
    if (!size.every((s) => s >= 0)) throw new RuntimeError(`split_with_sizes expects split_sizes have only non-negative entries, but got ${list}`)
    if (size.reduce((a, b) => a + b, 0) !== total) {
      throw new RuntimeError(`split_with_sizes expects split_sizes to sum exactly to ${total} (input tensor's size at dimension ${d}), but got ${list}`)
    }
    return windows(x, 'SplitWithSizesBackward0', d, size)
  }
  if (!(Number.isInteger(size) && size >= 0)) throw new RuntimeError(`split expects split_size be non-negative, but got split_size=${size}`)
  if (size === 0 && total !== 0) throw new RuntimeError(`split_size can only be 0 if dimension size is 0, but got dimension size of ${total}`)
  const count = size === 0 ? 1 : Math.max(1, Math.ceil(total / size))
  const lengths = Array.from({ length: count }, (_, i) => Math.min(size, total - i * size))
  return windows(x, 'SplitBackward0', d, lengths)
}

/** Views of x cut along `dim` into at most `chunks` pieces of equal size, the last maybe smaller. As `torch.chunk`. */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  checkTensor('chunk', 'input', x)
  if (x.ndim === 0) throw new RuntimeError('chunk expects at least a 1-dimensional tensor')
  checkNumber('chunk', 'chunks', chunks)
  if (!(Number.isInteger(chunks) && chunks > 0)) throw new RuntimeError(`chunk expects \`chunks\` to be greater than 0, got: ${chunks}`)
  const d = normalizeDim(dim, x.ndim)
  const total = x.shape[d]
  return total === 0 ? split(x, new Array<number>(chunks).fill(0), d) : split(x, Math.ceil(total / chunks), d)
}

/** Views of x at each position along `dim`, which disappears. As `torch.unbind`. */
export function unbind(x: Tensor, dim = 0): Tensor[] {
  checkTensor('unbind', 'input', x)
  if (x.ndim === 0) throw new IndexError('Dimension specified as 0 but tensor has no dimensions')
  const d = normalizeDim(dim, x.ndim)
  const without = (list: Shape) => list.filter((_, i) => i !== d)
  const shape = without(x.shape)
  const strides = without(x.strides)
  if (x.shape[d] === 0) return []
  const outputs = Array.from({ length: x.shape[d] }, (_, i) => windowOf(x, shape, strides, x.offset + i * x.strides[d]))
  return recordAll(outputs, { name: 'UnbindBackward0', inputs: [x], backward: (grads) => [stack(withZeros(grads, outputs), d)] })
}

/** Copies of x side by side: `repeats[i]` along dimension i; more repeats than dimensions add dimensions in front. As `torch.Tensor.repeat`. */
export function repeat(x: Tensor, ...repeats: number[] | [Shape]): Tensor {
  checkTensor('repeat', 'input', x)
  const counts: Shape = Array.isArray(repeats[0]) ? repeats[0] : (repeats as number[])
  if (counts.length < x.ndim) {
    throw new RuntimeError('Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor')
  }
  const lead = counts.length - x.ndim
  const own = counts.map((_, i) => (i < lead ? 1 : x.shape[i - lead]))
  if (!counts.every((n) => Number.isInteger(n))) throw new TypeError(`repeat: expected whole numbers, got ${formatShape(counts)}`)
  const target = counts.map((n, i) => n * own[i])
  const negative = target.find((size) => size < 0)
  if (negative !== undefined) throw new RuntimeError(`Trying to create tensor with negative dimension ${negative}: ${formatShape(target)}`)
  // Each dimension as [repeats, size], the first of them without memory of its own.
  const pairs = (a: Shape) => own.flatMap((size, i) => [a[i], size])
  const spread = x.reshape(pairs(own.map(() => 1))).expand(pairs(counts))
  const copied = numelOf(target) === x.numel() ? spread.clone() : spread
  return copied.reshape(target)
}

/** `repeat`, where too few repeats count from the right. As `torch.tile`. */
export function tile(x: Tensor, ...repeats: number[] | [Shape]): Tensor {
  checkTensor('tile', 'input', x)
  const counts: Shape = Array.isArray(repeats[0]) ? repeats[0] : (repeats as number[])
  return repeat(x, [...new Array<number>(Math.max(0, x.ndim - counts.length)).fill(1), ...counts])
}

/** A copy in reverse order along `dims`. As `torch.flip`. */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  checkTensor('flip', 'input', x)
  const given = numberList('flip', 'dims', dims)
  const reversed = given.length === 0 ? [] : normalizeDims(given, x.ndim)
  const y = emptyTensor(x.shape, x.dtype)
  if (y.numel() > 0) {
    // A window that starts at the last position and walks backwards.
    const strides = x.strides.map((s, d) => (reversed.includes(d) ? -s : s))
    const offset = reversed.reduce((at, d) => at + (x.shape[d] - 1) * x.strides[d], x.offset)
    kernels.copy(windowOf(x, x.shape, strides, offset), y)
  }
  return record(y, { name: 'FlipBackward0', inputs: [x], backward: (dy) => [flip(dy, reversed)] })
}

/**
 * Moves elements along dimensions; those that leave at the end come in at the start. Without `dims` the tensor is rolled as if it were flat.
 * As `torch.roll`.
 */
export function roll(x: Tensor, shifts: number | readonly number[], dims: number | readonly number[] = []): Tensor {
  checkTensor('roll', 'input', x)
  const by = numberList('roll', 'shifts', shifts)
  const along = numberList('roll', 'dims', dims)
  for (const shift of by) if (!Number.isInteger(shift)) throw new TypeError(`roll: shifts must be whole numbers, got ${formatShape(by)}`)
  if (along.length === 0 && by.length === 1) return rollOne(x.reshape([-1]), by[0], 0).reshape(x.shape)
  if (by.length !== along.length) throw new RuntimeError(`shifts and dimensions must align. shifts: ${by.length}, dims:${along.length}`)
  return composed([x], () => along.reduce((y, d, i) => rollOne(y, by[i], normalizeDim(d, x.ndim)), x))
}

function rollOne(x: Tensor, shift: number, dim: number): Tensor {
  const size = x.shape[dim]
  if (size === 0) return x.clone()
  const start = (((size - shift) % size) + size) % size
  return cat([narrow(x, dim, start, size - start), narrow(x, dim, 0, start)], dim)
}
