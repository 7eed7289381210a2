import { bfloat16ToNumber, type Dtype, float16ToNumber, numberToBfloat16, numberToFloat16, refuseDtype } from './dtype.js'

/** How a floating point dtype rounds numbers, and how its array holds them. */
export interface FloatFormat {
  /** Bits of the significand, the implicit one included. */
  readonly digits: number
  readonly max: number
  /** The nearest number that the dtype has. */
  round(value: number): number
  /** From a number to what the array holds: the bits, for the half types. */
  encode(value: number): number
  decode(held: number): number
}

const identity = (value: number): number => value

/** PyTorch converts a double to a half type by way of float32. */
const viaBits = (toBits: (value: number) => number, toNumber: (bits: number) => number) => ({
  round: (value: number) => toNumber(toBits(Math.fround(value))),
  encode: (value: number) => toBits(Math.fround(value)),
  decode: toNumber,
})

const formats: Partial<Record<Dtype, FloatFormat>> = {
  float32: { digits: 24, max: 2 ** 128 - 2 ** 104, round: Math.fround, encode: identity, decode: identity },
  float64: { digits: 53, max: Number.MAX_VALUE, round: identity, encode: identity, decode: identity },
  float16: { digits: 11, max: 65504, ...viaBits(numberToFloat16, float16ToNumber) },
  bfloat16: { digits: 8, max: 2 ** 128 - 2 ** 120, ...viaBits(numberToBfloat16, bfloat16ToNumber) },
}

/** From what an array of `dtype` holds to the number that it means, and back: the half types are held as their bits. */
export const decoderOf = (dtype: Dtype): ((held: number) => number) => formats[dtype]?.decode ?? identity
export const encoderOf = (dtype: Dtype): ((value: number) => number) => formats[dtype]?.encode ?? identity

/** @throws RuntimeError for a dtype that is no floating point type, with PyTorch's text for the kernel of that name. */
export function floatFormat(dtype: Dtype, kernel: string): FloatFormat {
  const format = formats[dtype]
  return format ?? refuseDtype(kernel, dtype)
}
