import { RuntimeError } from '../../core/errors.js'
import type { BinaryOp } from '../contract.js'
import { geluTanhInner, integerPower, normalCdf, power, sigmoid } from './unary.js'

/** Scalar functions of two numbers, as PyTorch's CPU kernels define them; the op's parameters follow their operands. */

const isNegative = (x: number): boolean => x < 0

/** Python's //: the quotient rounded down. By way of the exact remainder, so that 1 // 0.1 is 9 (0.1 is more than a tenth). */
function floorDivide(a: number, b: number): number {
  if (b === 0) return a / b
  const rest = a % b
  let quotient = (a - rest) / b
  if (rest !== 0 && isNegative(b) !== isNegative(rest)) quotient -= 1
  // A zero keeps the sign of the true quotient.
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

/** Python's %: the sign of the divisor. */
function remainder(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && isNegative(b) !== isNegative(rest) ? rest + b : rest
}

/** PyTorch holds hardsigmoid's slope as a float32, whatever the tensor's dtype. */
const oneSixth = Math.fround(1 / 6)
const geluCoefficient = Math.sqrt(2 / Math.PI)
const bool = (value: boolean): number => (value ? 1 : 0)

export const binaryFunctions: Readonly<Record<BinaryOp, (a: number, b: number, ...params: number[]) => number>> = {
  add: (a, b, alpha = 1) => a + alpha * b,
  sub: (a, b, alpha = 1) => a - alpha * b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  floorDivide,
  remainder,
  fmod: (a, b) => a % b,
  pow: power,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  atan2: Math.atan2,
  eq: (a, b) => bool(a === b),
  ne: (a, b) => bool(a !== b),
  lt: (a, b) => bool(a < b),
  le: (a, b) => bool(a <= b),
  gt: (a, b) => bool(a > b),
  ge: (a, b) => bool(a >= b),
  logicalAnd: (a, b) => bool(a !== 0 && b !== 0),
  logicalOr: (a, b) => bool(a !== 0 || b !== 0),
  logicalXor: (a, b) => bool((a !== 0) !== (b !== 0)),
  bitwiseAnd: (a, b) => a & b,
  bitwiseOr: (a, b) => a | b,
  bitwiseXor: (a, b) => a ^ b,

  // Of an output y: sigmoid' = y (1 - y), tanh' = 1 - y^2.
  sigmoidBackward: (dy, y) => dy * (1 - y) * y,
  tanhBackward: (dy, y) => dy * (1 - y * y),
  // NaN compares as false, and PyTorch lets the gradient through for relu and threshold, but not for hardtanh, hardsigmoid and the shrinks.
  reluBackward: (dy, y) => (y <= 0 ? 0 : dy),
  thresholdBackward: (dy, x, threshold) => (x <= threshold ? 0 : dy),
  hardtanhBackward: (dy, x, min, max) => (x > min && x < max ? dy : 0),
  hardsigmoidBackward: (dy, x) => (x > -3 && x < 3 ? dy * oneSixth : 0),
  shrinkBackward: (dy, x, lambda) => (Math.abs(x) > lambda ? dy : 0),
  hardswishBackward: (dy, x) => (x < -3 ? 0 : x <= 3 ? dy * (x / 3 + 0.5) : dy),
  leakyReluBackward: (dy, x, slope) => (x > 0 ? dy : dy * slope),
  eluBackward: (dy, x, alpha, scale, inputScale) => (x <= 0 ? dy * scale * alpha * inputScale * Math.exp(x * inputScale) : dy * scale),
  logSigmoidBackward: (dy, x) => dy * sigmoid(-x),
  softplusBackward: (dy, x, beta, threshold) => (x * beta > threshold ? dy : dy * sigmoid(x * beta)),
  // Phi(x) + x phi(x), the normal distribution and its density.
  geluBackward: (dy, x) => dy * (normalCdf(x) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI)),
  geluTanhBackward: (dy, x) => {
    const t = geluTanhInner(x)
    return dy * 0.5 * (1 + t + x * (1 - t * t) * geluCoefficient * (1 + 3 * 0.044715 * x * x))
  },
  siluBackward: (dy, x) => dy * sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  mishBackward: (dy, x) => {
    const t = Math.tanh(Math.log1p(Math.exp(x)))
    return dy * (t + x * sigmoid(x) * (1 - t * t))
  },
}

function checkDivisor(b: bigint): void {
  if (b === 0n) throw new RuntimeError('ZeroDivisionError')
}

function integerRemainder(a: bigint, b: bigint): bigint {
  checkDivisor(b)
  const rest = a % b
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest
}

const big = (value: boolean): bigint => (value ? 1n : 0n)

/** The functions that integers and bools have without becoming floating point. Results wrap around when they are stored. */
export const integerBinaryFunctions: Partial<Readonly<Record<BinaryOp, (a: bigint, b: bigint, ...params: number[]) => bigint>>> = {
  add: (a, b, alpha = 1) => a + BigInt(alpha) * b,
  sub: (a, b, alpha = 1) => a - BigInt(alpha) * b,
  mul: (a, b) => a * b,
  floorDivide: (a, b) => (a - integerRemainder(a, b)) / b,
  remainder: integerRemainder,
  fmod: (a, b) => {
    checkDivisor(b)
    return a % b
  },
  pow: integerPower,
  maximum: (a, b) => (a > b ? a : b),
  minimum: (a, b) => (a < b ? a : b),
  eq: (a, b) => big(a === b),
  ne: (a, b) => big(a !== b),
  lt: (a, b) => big(a < b),
  le: (a, b) => big(a <= b),
  gt: (a, b) => big(a > b),
  ge: (a, b) => big(a >= b),
  bitwiseAnd: (a, b) => a & b,
  bitwiseOr: (a, b) => a | b,
  bitwiseXor: (a, b) => a ^ b,
}
