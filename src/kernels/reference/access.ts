import { bfloat16ToNumber, Category, type Dtype, dtypes, float16ToNumber, isFloatingPoint, type TypedArray } from '../../core/dtype.js'
import { encoderOf, floatFormat } from '../../core/float-format.js'
import { broadcastStrides, isContiguous, numelOf, type Shape } from '../../core/shape.js'
import type { View } from '../contract.js'

/**
 * How every kernel here reads and writes: `load` gives a view's elements in logical order as doubles, `store` rounds doubles to the dtype
 * and writes them. In between a kernel sees neither dtypes nor strides. `loadBig` and `storeBig` do the same without loss for integers.
 */

interface Elements<T> {
  readonly length: number
  [index: number]: T
}

/** to[i] = f(from[i]). A loop, as `TypedArray.from` takes its elements through an iterator. */
function convert<A, B, Out extends Elements<B>>(from: Elements<A>, to: Out, f: (value: A) => B): Out {
  for (let i = 0; i < from.length; i++) to[i] = f(from[i])
  return to
}

/** What dtype conversion goes through: int64 does not fit a double. */
export const isBig = (dtype: Dtype): boolean => dtype === 'int64'

const isInteger = (dtype: Dtype): boolean => dtypes[dtype].category === Category.Integer

/** Another window onto the same storage. */
export const viewOf = (x: View, shape: Shape, strides: Shape, offset = x.offset): View => ({ storage: x.storage, dtype: x.dtype, shape, strides, offset })

/** The view with `dims` moved behind all others, as [...kept, ...dims]: loaded, each reduction is one run. */
export function axesLast(x: View, dims: readonly number[]): View {
  const order = [...x.shape.keys()].filter((d) => !dims.includes(d)).concat(dims)
  return viewOf(
    x,
    order.map((d) => x.shape[d]),
    order.map((d) => x.strides[d]),
  )
}

/** A vector over channels as a view that broadcasts to [N, C, ...S]. */
export function perChannel(vector: View, rank: number): View {
  const ones = new Array<number>(rank - 2).fill(1)
  return viewOf(vector, [...vector.shape, ...ones], [...vector.strides, ...ones])
}

/** The slice at `index` along `dim`, without that axis. */
export function select(x: View, dim: number, index: number): View {
  const others = (sizes: Shape) => sizes.filter((_, d) => d !== dim)
  return viewOf(x, others(x.shape), others(x.strides), x.offset + index * x.strides[dim])
}

/** Calls `run(offset, position)` for each run along the innermost axis, in logical order; the run has that axis's size and stride. */
function forEachRun(shape: Shape, strides: Shape, offset: number, run: (offset: number, position: number) => void): void {
  const outer = shape.length - 1
  const index = new Array<number>(outer).fill(0)
  const size = shape[outer]
  const total = numelOf(shape)
  for (let position = 0; position < total; position += size) {
    run(offset, position)
    for (let d = outer - 1; d >= 0; d--) {
      offset += strides[d]
      if (++index[d] < shape[d]) break
      offset -= shape[d] * strides[d]
      index[d] = 0
    }
  }
}

function gatherRuns<T>(from: Elements<T>, shape: Shape, strides: Shape, offset: number, to: Elements<T>): void {
  const size = shape[shape.length - 1]
  const step = strides[shape.length - 1]
  forEachRun(shape, strides, offset, (at, position) => {
    for (let i = 0; i < size; i++, at += step) to[position + i] = from[at]
  })
}

function scatterRuns<T>(from: Elements<T>, to: Elements<T>, shape: Shape, strides: Shape, offset: number): void {
  const size = shape[shape.length - 1]
  const step = strides[shape.length - 1]
  forEachRun(shape, strides, offset, (at, position) => {
    for (let i = 0; i < size; i++, at += step) to[at] = from[position + i]
  })
}

/** The offset of each element of a window, in logical order. */
export function offsetsOf(shape: Shape, strides: Shape): Float64Array {
  const offsets = new Float64Array(numelOf(shape))
  const step = strides[strides.length - 1]
  const size = shape[shape.length - 1]
  if (shape.length > 0) {
    forEachRun(shape, strides, 0, (at, position) => {
      for (let i = 0; i < size; i++) offsets[position + i] = at + i * step
    })
  }
  return offsets
}

/** The elements as they are stored, in logical order, broadcast to `shape`; where they lie so already, a window onto them. */
function storedElements(x: View, shape: Shape): TypedArray {
  const all = x.storage.array(x.dtype)
  const strides = broadcastStrides(x.shape, x.strides, shape)
  const n = numelOf(shape)
  if (isContiguous(shape, strides)) return all.subarray(x.offset, x.offset + n)
  const out = new dtypes[x.dtype].array(n)
  gatherRuns<number | bigint>(all, shape, strides, x.offset, out)
  return out
}

const tableOf = (decode: (bits: number) => number): (() => Float64Array) => {
  let table: Float64Array | undefined
  return () => {
    table ??= Float64Array.from({ length: 65536 }, (_, bits) => decode(bits))
    return table
  }
}
const float16Table = tableOf(float16ToNumber)
const bfloat16Table = tableOf(bfloat16ToNumber)

/** The elements in logical order, broadcast to `shape`, as doubles. A copy. */
export function load(x: View, shape: Shape = x.shape): Float64Array {
  const stored = storedElements(x, shape)
  if (stored instanceof BigInt64Array) return convert(stored, new Float64Array(stored.length), Number)
  if (x.dtype === 'float16' || x.dtype === 'bfloat16') {
    const table = x.dtype === 'float16' ? float16Table() : bfloat16Table()
    return convert(stored, new Float64Array(stored.length), (bits: number) => table[bits])
  }
  if (stored instanceof Float64Array) return stored.slice()
  // A loop: the constructor's own copy takes ten times as long from shared memory.
  const values = new Float64Array(stored.length)
  for (let i = 0; i < values.length; i++) values[i] = stored[i]
  return values
}

/** The elements of an integer or bool view in logical order, broadcast to `shape`, without loss. A copy. */
export function loadBig(x: View, shape: Shape = x.shape): BigInt64Array {
  const stored = storedElements(x, shape)
  if (stored instanceof BigInt64Array) return stored.slice()
  return convert(stored, new BigInt64Array(stored.length), BigInt)
}

/** The bytes of a contiguous view, where they lie. */
export function storedBytes(x: View): Uint8Array {
  const elements = storedElements(x, x.shape)
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength)
}

/** Float to integer as x86 truncates: what doesn't fit becomes the smallest number. 8 and 16 bits wrap what fits 32, as PyTorch does. */
function truncate32(value: number): number {
  const whole = Math.trunc(value)
  return whole >= -(2 ** 31) && whole < 2 ** 31 ? whole : -(2 ** 31)
}

/** @see truncate32 */
export function truncate64(value: number): bigint {
  const whole = Math.trunc(value)
  return whole >= -(2 ** 63) && whole < 2 ** 63 ? BigInt(whole) : -(2n ** 63n)
}

/** Rounds doubles to what `dtype` stores. */
function encode(values: Elements<number>, dtype: Dtype, out: Elements<number | bigint>): void {
  const n = values.length
  if (dtype === 'float32' || dtype === 'float64') for (let i = 0; i < n; i++) out[i] = values[i]
  else if (isFloatingPoint(dtype)) {
    const encodeOne = encoderOf(dtype)
    for (let i = 0; i < n; i++) out[i] = encodeOne(values[i])
  } else if (dtype === 'bool') for (let i = 0; i < n; i++) out[i] = values[i] !== 0 ? 1 : 0
  else for (let i = 0; i < n; i++) out[i] = truncate32(values[i])
}

/** What a value becomes when it is stored as `dtype` and read again. */
export function rounder(dtype: Dtype): (value: number) => number {
  if (isFloatingPoint(dtype)) return floatFormat(dtype, 'copy_').round
  if (isBig(dtype)) return (value) => Number(truncate64(value))
  const cell = new dtypes[dtype].array(1)
  return (value) => {
    encode([value], dtype, cell)
    return Number(cell[0])
  }
}

/** Writes values, in logical order, rounded to the dtype. */
export function store(target: View, values: Elements<number>): void {
  const all = target.storage.array(target.dtype)
  if (all instanceof BigInt64Array) {
    storeBig(target, convert(values, new BigInt64Array(values.length), truncate64))
  } else if (isContiguous(target.shape, target.strides)) {
    encode(values, target.dtype, all.subarray(target.offset, target.offset + values.length))
  } else {
    const stored = new dtypes[target.dtype].array(values.length)
    encode(values, target.dtype, stored)
    scatterRuns<number | bigint>(stored, all, target.shape, target.strides, target.offset)
  }
}

/** Writes integers, in logical order; they wrap around where the dtype is narrower. Float targets get the nearest number. */
export function storeBig(target: View, values: BigInt64Array): void {
  const all = target.storage.array(target.dtype)
  if (!(all instanceof BigInt64Array)) {
    // The low 32 bits decide what narrower integers wrap around to.
    const narrow = isInteger(target.dtype) ? (value: bigint) => Number(BigInt.asIntN(32, value)) : Number
    store(target, convert(values, new Float64Array(values.length), narrow))
  } else if (isContiguous(target.shape, target.strides)) all.set(values, target.offset)
  else scatterRuns(values, all, target.shape, target.strides, target.offset)
}
