import { IndexError, kindOf, RuntimeError } from './errors.js'

export type Shape = readonly number[]

/** PyTorch's way of writing a size in error texts: `[2, 3]`. */
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

export function numelOf(shape: Shape): number {
  let n = 1
  for (let i = 0; i < shape.length; i++) n *= shape[i]
  return n
}

/** Row-major strides, in elements. A size of 0 counts as 1, as PyTorch does. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= Math.max(shape[i], 1)
  }
  return strides
}

/** Whether elements lie in row-major order without gaps; axes of size 1 may have any stride, and without elements all may. */
export function isContiguous(shape: Shape, strides: Shape): boolean {
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1) {
      if (strides[i] !== step) return shape.includes(0)
      step *= shape[i]
    }
  }
  return true
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** `values`, led by as many `filler` as make three: fewer axes count as the last of three. */
export function lastOfThree<T>(values: readonly T[], filler: T): [T, T, T] {
  const [a = filler, b = filler, c = filler] = [...new Array<T>(3 - values.length).fill(filler), ...values]
  return [a, b, c]
}

/** @throws RuntimeError for a size that is negative, fractional or not a number. */
export function checkShape(owner: string, shape: Shape): void {
  if (!Array.isArray(shape)) throw new TypeError(`${owner}: a shape must be an array of sizes, got ${kindOf(shape)}`)
  for (const size of shape) {
    if (!Number.isInteger(size)) throw new TypeError(`${owner}: sizes must be whole numbers, got ${formatShape(shape)}`)
    if (size < 0) throw new RuntimeError(`Trying to create tensor with negative dimension ${size}: ${formatShape(shape)}`)
  }
}

/** One number or several, as an array. @throws TypeError for anything else */
export function numberList(owner: string, name: string, value: number | readonly number[]): readonly number[] {
  if (typeof value === 'number') return [value]
  if (Array.isArray(value)) return value
  throw new TypeError(`${owner}: ${name} must be a whole number or an array of them, got ${kindOf(value)}`)
}

/**
 * A dimension index counted from either end, as a non-negative one.
 * @throws IndexError with PyTorch's text. A 0-dimensional tensor accepts 0 and -1.
 */
export function normalizeDim(dim: number, rank: number): number {
  const range = Math.max(rank, 1)
  if (typeof dim !== 'number') throw new TypeError(`a dimension must be a whole number, got ${kindOf(dim)}`)
  if (!Number.isInteger(dim) || dim < -range || dim >= range) {
    throw new IndexError(`Dimension out of range (expected to be in range of [${-range}, ${range - 1}], but got ${dim})`)
  }
  return dim < 0 ? dim + range : dim
}

/** The dimensions a reduction runs over, ascending; none given means all. @throws RuntimeError where one is named twice. */
export function normalizeDims(dims: number | readonly number[] | null | undefined, rank: number): number[] {
  if (typeof dims === 'number') {
    const dim = normalizeDim(dims, rank)
    return rank === 0 ? [] : [dim]
  }
  if (dims === null || dims === undefined) return range(rank)
  if (!Array.isArray(dims)) throw new TypeError(`dim must be a whole number or an array of them, got ${kindOf(dims)}`)
  if (dims.length === 0) return range(rank)
  const list = dims.map((d) => normalizeDim(d, rank)).sort((a, b) => a - b)
  for (let i = 1; i < list.length; i++) {
    if (list[i] === list[i - 1]) throw new RuntimeError(`dim ${list[i]} appears multiple times in the list of dims`)
  }
  return rank === 0 ? [] : list
}

function range(n: number): number[] {
  const out = new Array<number>(n)
  for (let i = 0; i < n; i++) out[i] = i
  return out
}

/** The shape that all of `shapes` broadcast to. @throws RuntimeError with PyTorch's text where they don't. */
export function broadcastShapes(...shapes: Shape[]): number[] {
  let out: Shape = shapes[0]
  for (let k = 1; k < shapes.length; k++) {
    const b = shapes[k]
    if (sameShape(out, b)) continue
    const rank = Math.max(out.length, b.length)
    const result = new Array<number>(rank)
    for (let i = rank - 1; i >= 0; i--) {
      const sa = out[out.length - rank + i] ?? 1
      const sb = b[b.length - rank + i] ?? 1
      if (sa !== sb && sa !== 1 && sb !== 1) {
        throw new RuntimeError(`The size of tensor a (${sa}) must match the size of tensor b (${sb}) at non-singleton dimension ${i}`)
      }
      result[i] = sa === 1 ? sb : sa
    }
    out = result
  }
  return out.slice()
}

/** Strides that read `shape`d elements as if they were `target`-shaped: 0 along every repeated axis. The shapes must broadcast. */
export function broadcastStrides(shape: Shape, strides: Shape, target: Shape): number[] {
  const lead = target.length - shape.length
  const out = new Array<number>(target.length)
  for (let i = 0; i < target.length; i++) {
    const j = i - lead
    out[i] = j < 0 || (shape[j] === 1 && target[i] !== 1) ? 0 : strides[j]
  }
  return out
}

/** Resolves one -1 in a requested shape. @throws RuntimeError with PyTorch's text where the elements don't fit. */
export function inferShape(shape: Shape, numel: number): number[] {
  let known = 1
  let free = -1
  for (let i = 0; i < shape.length; i++) {
    const size = shape[i]
    if (!Number.isInteger(size)) throw new TypeError(`reshape: sizes must be whole numbers, got ${formatShape(shape)}`)
    if (size === -1) {
      if (free >= 0) throw new RuntimeError('only one dimension can be inferred')
      free = i
    } else if (size < 0) {
      throw new RuntimeError(`invalid shape dimension ${size}`)
    } else known *= size
  }
  if (free < 0) {
    if (known !== numel) throw new RuntimeError(`shape '${formatShape(shape)}' is invalid for input of size ${numel}`)
    return shape.slice()
  }
  if (known === 0) {
    if (numel === 0)
      throw new RuntimeError(
        `cannot reshape tensor of 0 elements into shape ${formatShape(shape)} because the unspecified dimension size -1 can be any value and is ambiguous`,
      )
    throw new RuntimeError(`shape '${formatShape(shape)}' is invalid for input of size ${numel}`)
  }
  if (numel % known !== 0) throw new RuntimeError(`shape '${formatShape(shape)}' is invalid for input of size ${numel}`)
  const out = shape.slice()
  out[free] = numel / known
  return out
}

/** Strides under which a view of `shape` reads the same elements in the same order, or null where only a copy can. */
export function viewStrides(oldShape: Shape, oldStrides: Shape, shape: Shape): number[] | null {
  if (numelOf(oldShape) === 0 || isContiguous(oldShape, oldStrides)) return contiguousStrides(shape)
  // Walk both shapes from the right, matching blocks of old axes that are contiguous among themselves with blocks of new axes.
  const strides = new Array<number>(shape.length)
  let newAxis = shape.length - 1
  let blockSize = 1
  let viewSize = 1
  let baseStride = oldStrides[oldStrides.length - 1] ?? 1
  for (let axis = oldShape.length - 1; axis >= 0; axis--) {
    blockSize *= oldShape[axis]
    if (axis === 0 || (oldShape[axis - 1] !== 1 && oldStrides[axis - 1] !== blockSize * baseStride)) {
      while (newAxis >= 0 && (viewSize < blockSize || shape[newAxis] === 1)) {
        strides[newAxis] = viewSize * baseStride
        viewSize *= shape[newAxis]
        newAxis--
      }
      if (viewSize !== blockSize) return null
      if (axis > 0) {
        baseStride = oldStrides[axis - 1]
        blockSize = 1
        viewSize = 1
      }
    }
  }
  return newAxis < 0 ? strides : null
}
