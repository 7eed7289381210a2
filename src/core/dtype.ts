import { kindOf, RuntimeError } from './errors.js'

/** Element types, under PyTorch's names. `float16` and `bfloat16` are storage types: arithmetic on them runs in f32 or better. */
export type Dtype = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'int16' | 'int8' | 'uint8' | 'bool'

export type TypedArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint16Array | Uint8Array

type ArrayConstructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray
  new (length: number): TypedArray
}

interface DtypeInfo {
  bytes: number
  /** The JavaScript array that holds it; float16 and bfloat16 are held as their bits. */
  array: ArrayConstructor
  category: Category
  /** The name in PyTorch's error texts, such as `Float` in "expected scalar type Float". */
  scalarName: string
  /** The name in PyTorch's tensor types, such as `torch.FloatTensor`. */
  tensorName: string
  /** The name in C++, as in "value is out of bounds for c10::Half". */
  cppName: string
}

/** PyTorch's type categories, in promotion order: a higher category wins whatever its width. */
export const Category = {
  Bool: 0,
  Integer: 1,
  Float: 2,
} as const
export type Category = (typeof Category)[keyof typeof Category]

export const dtypes: Readonly<Record<Dtype, DtypeInfo>> = {
  float32: { bytes: 4, array: Float32Array, category: Category.Float, scalarName: 'Float', tensorName: 'torch.FloatTensor', cppName: 'float' },
  float64: { bytes: 8, array: Float64Array, category: Category.Float, scalarName: 'Double', tensorName: 'torch.DoubleTensor', cppName: 'double' },
  float16: { bytes: 2, array: Uint16Array, category: Category.Float, scalarName: 'Half', tensorName: 'torch.HalfTensor', cppName: 'c10::Half' },
  bfloat16: { bytes: 2, array: Uint16Array, category: Category.Float, scalarName: 'BFloat16', tensorName: 'torch.BFloat16Tensor', cppName: 'c10::BFloat16' },
  int64: { bytes: 8, array: BigInt64Array, category: Category.Integer, scalarName: 'Long', tensorName: 'torch.LongTensor', cppName: 'long int' },
  int32: { bytes: 4, array: Int32Array, category: Category.Integer, scalarName: 'Int', tensorName: 'torch.IntTensor', cppName: 'int' },
  int16: { bytes: 2, array: Int16Array, category: Category.Integer, scalarName: 'Short', tensorName: 'torch.ShortTensor', cppName: 'short int' },
  int8: { bytes: 1, array: Int8Array, category: Category.Integer, scalarName: 'Char', tensorName: 'torch.CharTensor', cppName: 'signed char' },
  uint8: { bytes: 1, array: Uint8Array, category: Category.Integer, scalarName: 'Byte', tensorName: 'torch.ByteTensor', cppName: 'unsigned char' },
  bool: { bytes: 1, array: Uint8Array, category: Category.Bool, scalarName: 'Bool', tensorName: 'torch.BoolTensor', cppName: 'bool' },
}

export const isFloatingPoint = (dtype: Dtype): boolean => dtypes[dtype].category === Category.Float

export function checkDtype(owner: string, dtype: Dtype): void {
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype))
    throw new TypeError(
      `${owner}: unknown dtype ${typeof dtype === 'string' ? `'${dtype}'` : kindOf(dtype)}, expected one of ${Object.keys(dtypes).join(', ')}`,
    )
}

/** @throws RuntimeError with PyTorch's text for a kernel that `dtype` does not have */
export function refuseDtype(kernel: string, dtype: Dtype): never {
  throw new RuntimeError(`"${kernel}" not implemented for '${dtypes[dtype].scalarName}'`)
}

/**
 * For an error about indices of another dtype, whose text is PyTorch's: the likely reason, where they are floats. Node and browsers print an error's
 * cause below it.
 */
export const indexHint = (dtype: Dtype): ErrorOptions =>
  isFloatingPoint(dtype) ? { cause: "Numbers in JavaScript make float32. For indices and classes use tensor(..., { dtype: 'int64' }) or x.long()." } : {}

/** Widths of the integer types for promotion: uint8 with int8 needs int16, as neither holds the other. */
const integerOrder: readonly Dtype[] = ['int8', 'int16', 'int32', 'int64']

/** `torch.promote_types`: the smallest dtype that both convert to. */
export function promoteTypes(a: Dtype, b: Dtype): Dtype {
  if (a === b) return a
  const ca = dtypes[a].category
  const cb = dtypes[b].category
  if (ca !== cb) return ca > cb ? a : b
  if (ca === Category.Float) {
    if (a === 'float64' || b === 'float64') return 'float64'
    return 'float32' // float16 with bfloat16 also meets in float32
  }
  if (a === 'uint8' || b === 'uint8') {
    const other = a === 'uint8' ? b : a
    return other === 'int8' ? 'int16' : other
  }
  return integerOrder[Math.max(integerOrder.indexOf(a), integerOrder.indexOf(b))]
}

const defaultState: { dtype: Dtype } = { dtype: 'float32' }

/** The dtype of `tensor([0.5])`, `zeros`, `randn`: float32 unless changed, as `torch.get_default_dtype()`. */
export const getDefaultDtype = (): Dtype => defaultState.dtype

/** As `torch.set_default_dtype`. @throws RuntimeError where the dtype is no floating point type. */
export function setDefaultDtype(dtype: Dtype): void {
  checkDtype('setDefaultDtype', dtype)
  if (!isFloatingPoint(dtype)) throw new RuntimeError(`only floating-point types are supported as the default type, got ${dtype}`)
  defaultState.dtype = dtype
}

const scratch = new DataView(new ArrayBuffer(4))

export function bfloat16ToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}

/** Rounds to nearest, ties to even, as PyTorch does. A double is rounded to float32 first, as PyTorch's own conversion is from float. */
export function numberToBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0
  scratch.setFloat32(0, value)
  const bits = scratch.getUint32(0)
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Rounds to nearest, ties to even; overflow becomes infinity. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (magnitude >= 65520) return sign | 0x7c00 // halfway between the largest float16 (65504) and 2^16
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude))
  // Math.log2 can be off by one next to a power of two; the carry below repairs the upper side, this line the lower.
  const e = 2 ** exponent > magnitude && exponent > -14 ? exponent - 1 : exponent
  const scaled = magnitude * 2 ** (10 - e)
  const floor = Math.floor(scaled)
  const rest = scaled - floor
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
  // `rounded` includes the implicit bit (1024) for normal numbers, so adding the biased exponent lets a carry move up by itself.
  return sign | (magnitude < 2 ** -14 ? rounded : rounded - 1024 + ((e + 15) << 10))
}
