import { erf, erfinv } from '../../core/erf.js'
import type { UnaryOp } from '../contract.js'

/** Scalar functions, as PyTorch's CPU kernels define them; the op's parameters follow. Written plainly, most give PyTorch's NaN and infinities by themselves. */

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** log(1 + exp(beta x)) / beta, linear where beta x > threshold. */
export const softplus = (x: number, beta: number, threshold: number): number => (x * beta > threshold ? x : Math.log1p(Math.exp(x * beta)) / beta)

/** Adding 2^52 leaves no bit for a fraction, so the processor's own rounding, ties to even, drops it. */
export function roundHalfEven(x: number): number {
  const magnitude = Math.abs(x)
  if (!(magnitude < 2 ** 52)) return x
  const rounded = magnitude + 2 ** 52 - 2 ** 52
  return x < 0 || Object.is(x, -0) ? -rounded : rounded
}

/** C's pow, which knows 1^NaN = 1 and (-1)^inf = 1 where JavaScript's is NaN. */
export const power = (x: number, exponent: number): number => (x === 1 || (x === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) ? 1 : x ** exponent)

/** PyTorch takes roots for these two exponents, which differ from pow at -0 and -infinity. */
export function powerScalar(x: number, exponent: number): number {
  if (exponent === 0.5) return Math.sqrt(x)
  if (exponent === -0.5) return 1 / Math.sqrt(x)
  return power(x, exponent)
}

/** The normal distribution function. */
export const normalCdf = (x: number): number => 0.5 * (1 + erf(x * Math.SQRT1_2))

/** tanh(sqrt(2 / pi) (x + 0.044715 x^3)), from which GELU's approximation is made. */
export const geluTanhInner = (x: number): number => Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))

const relu6Shifted = (x: number): number => Math.min(Math.max(x + 3, 0), 6)

export const unaryFunctions: Readonly<Record<UnaryOp, (x: number, ...params: number[]) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  trunc: Math.trunc,
  square: (x) => x * x,
  reciprocal: (x) => 1 / x,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  erf,
  erfinv,
  sigmoid,
  logSigmoid: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  relu: (x) => (x < 0 ? 0 : x),
  leakyRelu: (x, slope) => (x > 0 ? x : x * slope),
  elu: (x, alpha, scale, inputScale) => scale * (x > 0 ? x : alpha * Math.expm1(x * inputScale)),
  gelu: (x) => x * normalCdf(x),
  geluTanh: (x) => 0.5 * x * (1 + geluTanhInner(x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  softplus,
  // The upper bound wins where they cross.
  hardtanh: (x, min, max) => Math.min(Math.max(x, min), max),
  hardswish: (x) => (x * relu6Shifted(x)) / 6,
  hardsigmoid: (x) => relu6Shifted(x) / 6,
  hardshrink: (x, lambda) => (Math.abs(x) <= lambda ? 0 : x),
  softshrink: (x, lambda) => (x > lambda ? x - lambda : x < -lambda ? x + lambda : x * 0),
  threshold: (x, threshold, value) => (x <= threshold ? value : x),
  powScalar: powerScalar,
  logicalNot: (x) => (x === 0 ? 1 : 0),
  isNan: (x) => (Number.isNaN(x) ? 1 : 0),
  isInf: (x) => (Math.abs(x) === Number.POSITIVE_INFINITY ? 1 : 0),
  isFinite: (x) => (Number.isFinite(x) ? 1 : 0),
}

/** x^exponent modulo 2^64; a negative exponent leaves 0 of all but 1 and -1, as PyTorch's integer pow. */
export function integerPower(x: bigint, exponent: bigint): bigint {
  if (exponent < 0n) return x === 1n || (x === -1n && exponent % 2n === 0n) ? 1n : x === -1n ? -1n : 0n
  let result = 1n
  for (let base = x, e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = BigInt.asIntN(64, result * base)
    base = BigInt.asIntN(64, base * base)
  }
  return result
}

const identity = (x: bigint): bigint => x

/** The functions that integers have without becoming floating point. Results wrap around when they are stored. */
export const integerUnaryFunctions: Partial<Readonly<Record<UnaryOp, (x: bigint, ...params: number[]) => bigint>>> = {
  neg: (x) => -x,
  abs: (x) => (x < 0n ? -x : x),
  sign: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  floor: identity,
  ceil: identity,
  round: identity,
  trunc: identity,
  square: (x) => x * x,
  relu: (x) => (x < 0n ? 0n : x),
  hardtanh: (x, min, max) => {
    const raised = x < min ? BigInt(min) : x
    return raised > max ? BigInt(max) : raised
  },
  threshold: (x, threshold, value) => (x <= threshold ? BigInt(value) : x),
  powScalar: (x, exponent) => integerPower(x, BigInt(exponent)),
}
