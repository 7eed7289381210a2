import { readSizes, type SizeArguments } from '../core/arguments.js'
import { checkDtype, type Dtype, dtypes, getDefaultDtype, isFloatingPoint, type TypedArray } from '../core/dtype.js'
import { checkNumber, checkOptions, kindOf, RuntimeError, ValueError } from '../core/errors.js'
import { encoderOf } from '../core/float-format.js'
import { checkShape, formatShape, numelOf, type Shape } from '../core/shape.js'
import { checkTensor, emptyTensor, Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'

export interface TensorOptions {
  /** Default: float32 (`setDefaultDtype`), or what the data are. */
  dtype?: Dtype
  /** Whether operations on it are recorded for backward. Default false. */
  requiresGrad?: boolean
}

const optionNames = ['dtype', 'requiresGrad'] as const

function finish(t: Tensor, options: TensorOptions): Tensor {
  return options.requiresGrad ? t.requiresGrad_() : t
}

function make(owner: string, shape: Shape, options: TensorOptions, fallback: Dtype = getDefaultDtype()): Tensor {
  checkOptions(owner, options, optionNames)
  checkShape(owner, shape)
  const dtype = options.dtype ?? fallback
  checkDtype(owner, dtype)
  return emptyTensor(shape, dtype)
}

/** A number, boolean or bigint, or arrays of them nested to any depth. */
export type NestedArray = number | bigint | boolean | readonly NestedArray[]

/** The dtype that JavaScript values have: typed arrays say it; numbers are floats, as JavaScript can't tell 2 from 2.0. */
function dtypeOfTypedArray(data: ArrayBufferView): Dtype | undefined {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Float64Array) return 'float64'
  if (data instanceof BigInt64Array) return 'int64'
  if (data instanceof Int32Array) return 'int32'
  if (data instanceof Int16Array) return 'int16'
  if (data instanceof Int8Array) return 'int8'
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return 'uint8'
  return undefined
}

function nestedShape(data: NestedArray): number[] {
  const shape: number[] = []
  for (let d: NestedArray = data; Array.isArray(d); d = d[0]) {
    shape.push(d.length)
    if (d.length === 0) break
  }
  return shape
}

function flattenInto(data: NestedArray, shape: Shape, depth: number, out: (number | bigint | boolean)[]): void {
  if (depth === shape.length) {
    if (Array.isArray(data))
      throw new ValueError(`expected a number at dim ${depth}, got an array: nested arrays must all have the shape ${formatShape(shape)}`)
    if (typeof data !== 'number' && typeof data !== 'bigint' && typeof data !== 'boolean') {
      throw new TypeError(`tensor: expected numbers, got ${kindOf(data)} at dim ${depth}`)
    }
    out.push(data)
    return
  }
  if (!Array.isArray(data)) throw new ValueError(`expected sequence of length ${shape[depth]} at dim ${depth} (got a number)`)
  if (data.length !== shape[depth]) throw new ValueError(`expected sequence of length ${shape[depth]} at dim ${depth} (got ${data.length})`)
  for (const d of data) flattenInto(d, shape, depth + 1, out)
}

/** @throws ValueError with Python's texts where there is none */
function wholePart(value: number): number {
  if (!Number.isFinite(value)) throw new ValueError(`cannot convert float ${Number.isNaN(value) ? 'NaN' : 'infinity'} to integer`)
  return Math.trunc(value)
}

function write(t: Tensor, count: number, valueAt: (i: number) => number | bigint | boolean): void {
  const data: TypedArray = t.data
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < count; i++) {
      const v = valueAt(i)
      data[i] = typeof v === 'bigint' ? v : BigInt(wholePart(Number(v)))
    }
    return
  }
  const convert = t.dtype === 'bool' ? (v: number) => (v !== 0 ? 1 : 0) : encoderOf(t.dtype)
  for (let i = 0; i < count; i++) data[i] = convert(Number(valueAt(i)))
}

/**
 * A tensor with a copy of the data. As `torch.tensor`.
 *
 * Its dtype is the one given, or that of a typed array, int64 for bigints, bool for booleans, else the default float: also for whole
 * numbers, as JavaScript can't tell 2 from 2.0 (`{ dtype: 'int64' }` makes indices).
 *
 * @param data a number, nested arrays, or a typed array (then 1-dimensional unless `shape` is given)
 * @param options.shape the shape of flat data
 * @throws ValueError where nested arrays are ragged, RuntimeError where the data don't fill the shape
 */
export function tensor(data: NestedArray | ArrayBufferView, options: TensorOptions & { shape?: Shape } = {}): Tensor {
  checkOptions('tensor', options, [...optionNames, 'shape'])
  if (ArrayBuffer.isView(data)) {
    const own = dtypeOfTypedArray(data)
    if (!own)
      throw new TypeError(`tensor: can't take a ${data.constructor.name}; expected Float32Array, Float64Array, BigInt64Array, Int8/16/32Array or Uint8Array`)
    const values = data as TypedArray
    return fromFlat(values, values.length, own, options)
  }
  const shape = nestedShape(data)
  const flat: (number | bigint | boolean)[] = []
  flattenInto(data, shape, 0, flat)
  const own = flat.some((v) => typeof v === 'number') || flat.length === 0 ? getDefaultDtype() : flat.some((v) => typeof v === 'bigint') ? 'int64' : 'bool'
  return fromFlat(flat, flat.length, own, { shape, ...options })
}

function fromFlat(values: ArrayLike<number | bigint | boolean>, count: number, own: Dtype, options: TensorOptions & { shape?: Shape }): Tensor {
  const shape = options.shape ?? [count]
  checkShape('tensor', shape)
  if (numelOf(shape) !== count) throw new RuntimeError(`shape '${formatShape(shape)}' is invalid for input of size ${count}`)
  const dtype = options.dtype ?? own
  checkDtype('tensor', dtype)
  const t = emptyTensor(shape, dtype)
  const data = t.data
  if (dtype === own && ArrayBuffer.isView(values) && data instanceof dtypes[own].array) data.set(values as never)
  else write(t, count, (i) => values[i])
  return finish(t, options)
}

/** Undefined contents, what the memory held before. Sizes as in `zeros`. */
export function empty(...args: SizeArguments<TensorOptions>): Tensor {
  const { shape, options } = readSizes(args)
  return finish(make('empty', shape, options), options)
}

/** Every element `value`. The dtype is the one given, or the default float. */
export function full(shape: Shape, value: number | bigint, options: TensorOptions = {}): Tensor {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new TypeError(`full: value must be a number, got ${kindOf(value)}`)
  const t = make('full', shape, options, typeof value === 'bigint' ? 'int64' : getDefaultDtype())
  kernels.fill(t, value)
  return finish(t, options)
}

const filled = (owner: string, value: number, { shape, options }: ReturnType<typeof readSizes<TensorOptions>>): Tensor => {
  const t = make(owner, shape, options)
  kernels.fill(t, value)
  return finish(t, options)
}

/** Zeros: `zeros([2, 3])`, `zeros(2, 3)`, `zeros(2, 3, { dtype: 'int64' })`. */
export const zeros = (...args: SizeArguments<TensorOptions>): Tensor => filled('zeros', 0, readSizes(args))
/** Ones. Sizes as in `zeros`. */
export const ones = (...args: SizeArguments<TensorOptions>): Tensor => filled('ones', 1, readSizes(args))

function like(owner: string, x: Tensor, options: TensorOptions): [Shape, TensorOptions] {
  checkTensor(owner, 'input', x)
  checkOptions(owner, options, optionNames)
  return [x.shape, { dtype: x.dtype, ...options }]
}
/** `empty` of x's shape and, unless given, dtype. */
export const emptyLike = (x: Tensor, options: TensorOptions = {}): Tensor => empty(...like('emptyLike', x, options))
/** `zeros` of x's shape and, unless given, dtype. */
export const zerosLike = (x: Tensor, options: TensorOptions = {}): Tensor => zeros(...like('zerosLike', x, options))
/** `ones` of x's shape and, unless given, dtype. */
export const onesLike = (x: Tensor, options: TensorOptions = {}): Tensor => ones(...like('onesLike', x, options))
export function fullLike(x: Tensor, value: number | bigint, options: TensorOptions = {}): Tensor {
  const [shape, given] = like('fullLike', x, options)
  return full(shape, value, given)
}

/**
 * start, start + step, ... below `end`: `arange(end)` or `arange(start, end, step)`. int64 where all three are whole numbers, else the
 * default float. As `torch.arange`.
 */
export function arange(start: number, end?: number | TensorOptions, step: number | TensorOptions = 1, options: TensorOptions = {}): Tensor {
  if (typeof end === 'object') return arange(0, start, 1, end)
  if (typeof step === 'object') return arange(start, end, 1, step)
  if (end === undefined) return arange(0, start, step, options)
  for (const v of [start, end, step]) if (typeof v !== 'number') throw new TypeError(`arange: expected numbers, got ${kindOf(v)}`)
  if (step === 0) throw new RuntimeError('step must be nonzero')
  if (![start, end, step].every(Number.isFinite)) throw new RuntimeError(`unsupported range: ${start} -> ${end}`)
  if (step > 0 ? end < start : end > start) throw new RuntimeError('upper bound and larger bound inconsistent with step sign')
  const whole = [start, end, step].every(Number.isInteger)
  const t = make('arange', [Math.ceil((end - start) / step)], options, whole ? 'int64' : getDefaultDtype())
  write(t, t.numel(), (i) => start + i * step)
  return finish(t, options)
}

/** `steps` numbers from `start` to `end`, both included, evenly spaced. As `torch.linspace`, which counts the second half from the end. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  if (!(Number.isInteger(steps) && steps >= 0)) throw new RuntimeError('number of steps must be non-negative')
  const t = make('linspace', [steps], options)
  const f = t.dtype === 'float64' || !isFloatingPoint(t.dtype) ? (v: number) => v : Math.fround
  const step = steps > 1 ? f((end - start) / (steps - 1)) : 0
  const half = Math.max(1, Math.floor(steps / 2))
  write(t, steps, (i) => (i < half ? f(start) + step * i : f(end) - step * (steps - 1 - i)))
  return finish(t, options)
}

/** The n x m matrix with ones on its diagonal; square where m is left out. */
export function eye(n: number, m: number | TensorOptions = n, options: TensorOptions = {}): Tensor {
  checkNumber('eye', 'n', n)
  if (typeof m === 'object') return eye(n, n, m)
  const t = make('eye', [n, m], options)
  kernels.fill(t, 0)
  kernels.fill(new Tensor(t.storage, t.dtype, [Math.min(n, m)], [m + 1]), 1)
  return finish(t, options)
}
