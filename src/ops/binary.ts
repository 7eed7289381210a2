import { inPlace, record } from '../autograd/index.js'
import { type Dtype, dtypes, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { broadcastShapes } from '../core/shape.js'
import { checkTensor, emptyTensor, Tensor } from '../core/tensor.js'
import type { BinaryOp } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { zerosLike } from './create.js'
import { checkInPlaceShape, checkOverlap } from './overlap.js'
import { checkCast, checkOperand, floatResult, type Operand, resultType, shapeOf, tensorOrNull } from './promote.js'

const needsGrad = (x: Operand): boolean => typeof x !== 'number' && x.requiresGrad

function compute(op: BinaryOp, a: Operand, b: Operand, dtype: Dtype, params?: readonly number[]): Tensor {
  checkOperand(op, a)
  checkOperand(op, b)
  const out = emptyTensor(broadcastShapes(shapeOf(a), shapeOf(b)), dtype)
  kernels.binary(op, a, b, out, params)
  return out
}

type Saved = readonly (Tensor | null)[]

interface Definition {
  /** PyTorch's name of the backward node. */
  node: string
  /** The dtype of the result from the one that the operands promote to. Default: the same. */
  dtype?: (promoted: Dtype) => Dtype
  /** Gradients with respect to a and b, each computed only where asked for. `a` and `b` are the operands, `y` the result. */
  da(dy: Tensor, a: Operand, b: Operand, y: Tensor): Tensor | null
  db(dy: Tensor, a: Operand, b: Operand, y: Tensor): Tensor | null
  /** Which tensors the gradients read: only these are watched for in-place changes. */
  saves?: (a: Operand, b: Operand, y: Tensor) => Saved
}

type BinaryFunction = (a: Operand, b: Operand) => Tensor

/** An element-wise function of two broadcastable operands with gradients. Broadcast axes are summed away by the engine. */
function differentiable(op: BinaryOp, def: Definition): BinaryFunction {
  return (a, b) => {
    const promoted = resultType(a, b)
    const y = compute(op, a, b, def.dtype ? def.dtype(promoted) : promoted)
    return record(y, {
      name: def.node,
      inputs: [tensorOrNull(a), tensorOrNull(b)],
      saved: def.saves?.(a, b, y) ?? [],
      backward: (dy, _, [needsA, needsB]) => [needsA ? def.da(dy, a, b, y) : null, needsB ? def.db(dy, a, b, y) : null],
    })
  }
}

/** Writes op(a, b) over `a`; `compute` is the same with a graph. */
function writeOver(op: BinaryOp, a: Tensor, b: Operand, compute: (original: Tensor) => Tensor, params?: readonly number[], dtype = resultType(a, b)): Tensor {
  checkTensor(`${op}_`, 'input', a)
  checkOperand(`${op}_`, b)
  checkCast(dtype, a.dtype)
  checkInPlaceShape(a, shapeOf(b))
  checkOverlap(a, b)
  return inPlace(a, [tensorOrNull(b)], () => kernels.binary(op, a, b, a, params), compute)
}

const bothIfNeeded = (a: Operand, b: Operand): Saved => [needsGrad(b) ? tensorOrNull(a) : null, needsGrad(a) ? tensorOrNull(b) : null]

export interface AlphaOptions {
  /** Multiplies `b` first. Default 1. */
  alpha?: number
}

function alphaOf(owner: string, options: AlphaOptions | undefined, dtype: Dtype): number {
  if (options === undefined) return 1
  checkOptions(owner, options, ['alpha'])
  const { alpha = 1 } = options
  if (!Number.isInteger(alpha) && !isFloatingPoint(dtype)) {
    throw new RuntimeError('For integral input tensors, argument alpha must not be a floating point number.')
  }
  return alpha
}

const alphaParams = (alpha: number): readonly number[] | undefined => (alpha === 1 ? undefined : [alpha])

/** a + alpha * b. As `torch.add`. */
export function add(a: Operand, b: Operand, options?: AlphaOptions): Tensor {
  const dtype = resultType(a, b)
  const alpha = alphaOf('add', options, dtype)
  const y = compute('add', a, b, dtype, alphaParams(alpha))
  return record(y, {
    name: 'AddBackward0',
    inputs: [tensorOrNull(a), tensorOrNull(b)],
    backward: (dy, _, [needsA, needsB]) => [needsA ? dy : null, needsB ? (alpha === 1 ? dy : dy.mul(alpha)) : null],
  })
}

/** a - alpha * b. As `torch.sub`. @throws RuntimeError for bool tensors */
export function sub(a: Operand, b: Operand, options?: AlphaOptions): Tensor {
  const dtype = resultType(a, b)
  checkNoBool(a, b)
  const alpha = alphaOf('sub', options, dtype)
  const y = compute('sub', a, b, dtype, alphaParams(alpha))
  return record(y, {
    name: 'SubBackward0',
    inputs: [tensorOrNull(a), tensorOrNull(b)],
    backward: (dy, _, [needsA, needsB]) => [needsA ? dy : null, needsB ? dy.mul(-alpha) : null],
  })
}

function checkNoBool(a: Operand, b: Operand): void {
  const isBool = (x: Operand) => x instanceof Tensor && x.dtype === 'bool'
  if (isBool(a) && isBool(b)) {
    throw new RuntimeError('Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.')
  }
  if (isBool(a) || isBool(b)) {
    throw new RuntimeError(
      'Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.',
    )
  }
}

/** a * b, element by element. */
export const mul: BinaryFunction = differentiable('mul', {
  node: 'MulBackward0',
  saves: bothIfNeeded,
  da: (dy, _, b) => dy.mul(b),
  db: (dy, a) => dy.mul(a),
})

const trueDiv: BinaryFunction = differentiable('div', {
  node: 'DivBackward0',
  dtype: floatResult,
  saves: (a, b) => [needsGrad(b) ? tensorOrNull(a) : null, tensorOrNull(b)],
  da: (dy, _, b) => dy.div(b),
  db: (dy, a, b) => dy.mul(div(a, b).div(b)).neg(),
})

/** Rounded quotients are flat between their jumps. */
const flat = (dy: Tensor): Tensor => zerosLike(dy)

/** The quotient rounded down, as Python's //. Its gradient is zero. @throws RuntimeError "ZeroDivisionError" for integers divided by 0 */
export const floorDivide: BinaryFunction = differentiable('floorDivide', { node: 'DivBackward1', da: flat, db: flat })

/** The quotient rounded towards 0. Of integers as (a - fmod(a, b)) / b, which is exact where true division would go through floats. */
function truncatedDivide(a: Operand, b: Operand): Tensor {
  const dtype = resultType(a, b)
  if (isFloatingPoint(dtype)) return composed([tensorOrNull(a), tensorOrNull(b)], () => trueDiv(a, b).trunc())
  const rest = compute('fmod', a, b, dtype)
  const multiple = compute('sub', a, rest, dtype)
  const y = compute('floorDivide', multiple, b, dtype)
  rest.dispose()
  multiple.dispose()
  return y
}

export interface DivOptions {
  /** `'floor'` or `'trunc'` round the quotient and keep integers integer. Default: true division. */
  roundingMode?: 'floor' | 'trunc' | null
}

/** a / b. As `torch.div`. */
export function div(a: Operand, b: Operand, options?: DivOptions): Tensor {
  checkOptions('div', options, ['roundingMode'])
  switch (options?.roundingMode ?? null) {
    case null:
      return trueDiv(a, b)
    case 'floor':
      return floorDivide(a, b)
    case 'trunc':
      return truncatedDivide(a, b)
    default:
      throw new RuntimeError(`div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '${options?.roundingMode}'`)
  }
}

/** a modulo b with the sign of b, as Python's %. */
export const remainder: BinaryFunction = differentiable('remainder', {
  node: 'RemainderBackward0',
  saves: (a, b) => [needsGrad(b) ? tensorOrNull(a) : null, needsGrad(b) ? tensorOrNull(b) : null],
  da: (dy) => dy,
  db: (dy, a, b) => dy.mul(floorDivide(a, b)).neg(),
})

/** a modulo b with the sign of a, as C's fmod. */
export const fmod: BinaryFunction = differentiable('fmod', {
  node: 'FmodBackward0',
  saves: (a, b) => [needsGrad(b) ? tensorOrNull(a) : null, needsGrad(b) ? tensorOrNull(b) : null],
  da: (dy) => dy,
  db: (dy, a, b) => dy.mul(div(a, b, { roundingMode: 'trunc' })).neg(),
})

/** a to the power b. As `torch.pow`. @throws RuntimeError for integer tensors to a negative whole number */
export function pow(a: Operand, b: Operand): Tensor {
  checkOperand('pow', a)
  if (typeof b === 'number' && typeof a !== 'number') return powScalar(a, b)
  return powTensor(a, b)
}

function checkPower(dtype: Dtype, exponent: Operand): void {
  if (!isFloatingPoint(dtype) && typeof exponent === 'number' && exponent < 0) {
    throw new RuntimeError('Integers to negative integer powers are not allowed.')
  }
}

function powScalar(x: Tensor, exponent: number): Tensor {
  const dtype = resultType(x, exponent)
  checkPower(dtype, exponent)
  const y = emptyTensor(x.shape, dtype)
  kernels.unary('powScalar', x, y, [exponent])
  return record(y, {
    name: 'PowBackward0',
    inputs: [x],
    saved: [x],
    backward: (dy) => [exponent === 0 ? zerosLike(dy) : exponent === 1 ? dy : dy.mul((exponent === 2 ? x : powScalar(x, exponent - 1)).mul(exponent))],
  })
}

const powTensor: BinaryFunction = differentiable('pow', {
  node: 'PowBackward1',
  saves: (a, b, y) => [tensorOrNull(a), tensorOrNull(b), needsGrad(b) ? y : null],
  da: (dy, a, b) => dy.mul(where(eq(b, 0), 0, mul(b, pow(a, sub(b, 1))))),
  // 0 ** b has the gradient 0 for b >= 0, where log(0) would make it NaN.
  db: (dy, a, b, y) => dy.mul(where(logicalAnd(eq(a, 0), ge(b, 0)), 0, y.mul(asTensor(a, y.dtype).log()))),
})

function asTensor(x: Operand, dtype: Dtype): Tensor {
  if (typeof x !== 'number') return x
  const t = emptyTensor([], dtype)
  kernels.fill(t, x)
  return t
}

/** Where both are equal each gets half of the gradient, beside a NaN each gets all of it, as in PyTorch. */
function extremum(op: 'maximum' | 'minimum', node: string): BinaryFunction {
  const loses = (x: Operand, other: Operand) => (op === 'maximum' ? lt(x, other) : gt(x, other))
  const share = (dy: Tensor, x: Operand, other: Operand) => where(eq(x, other), dy.mul(0.5), where(loses(x, other), 0, dy))
  return differentiable(op, {
    node,
    saves: (a, b) => [tensorOrNull(a), tensorOrNull(b)],
    da: (dy, a, b) => share(dy, a, b),
    db: (dy, a, b) => share(dy, b, a),
  })
}

/** The larger of both; NaN wins. */
export const maximum: BinaryFunction = extremum('maximum', 'MaximumBackward0')
/** The smaller of both; NaN wins. */
export const minimum: BinaryFunction = extremum('minimum', 'MinimumBackward0')

/** The angle of the point (b, a), from -pi to pi. */
export const atan2: BinaryFunction = differentiable('atan2', {
  node: 'Atan2Backward0',
  dtype: floatResult,
  saves: (a, b) => [tensorOrNull(a), tensorOrNull(b)],
  da: (dy, a, b) => dy.mul(mul(b, inverseSquaredRadius(a, b))),
  db: (dy, a, b) => dy.mul(mul(a, inverseSquaredRadius(a, b))).neg(),
})

const squared = (x: Operand): Operand => (typeof x === 'number' ? x * x : x.square())
const inverseSquaredRadius = (a: Operand, b: Operand): Tensor => add(squared(a), squared(b)).reciprocal()

const comparison =
  (op: BinaryOp) =>
  (a: Operand, b: Operand): Tensor =>
    compute(op, a, b, 'bool')

/** a == b, as bool. */
export const eq: BinaryFunction = comparison('eq')
/** a != b, as bool; NaN differs from everything. */
export const ne: BinaryFunction = comparison('ne')
/** a < b, as bool. */
export const lt: BinaryFunction = comparison('lt')
/** a <= b, as bool. */
export const le: BinaryFunction = comparison('le')
/** a > b, as bool. */
export const gt: BinaryFunction = comparison('gt')
/** a >= b, as bool. */
export const ge: BinaryFunction = comparison('ge')
/** Whether both are not zero. */
export const logicalAnd: BinaryFunction = comparison('logicalAnd')
/** Whether either is not zero. */
export const logicalOr: BinaryFunction = comparison('logicalOr')
/** Whether exactly one is not zero. */
export const logicalXor: BinaryFunction = comparison('logicalXor')

function bitwise(op: BinaryOp, torchName: string): BinaryFunction {
  return (a, b) => {
    checkOperand(op, a)
    checkOperand(op, b)
    const dtype = resultType(a, b)
    if (isFloatingPoint(dtype)) refuseDtype(`${torchName}_cpu`, dtype)
    return compute(op, a, b, dtype)
  }
}
/** a & b of integers or bools. */
export const bitwiseAnd: BinaryFunction = bitwise('bitwiseAnd', 'bitwise_and')
/** a | b of integers or bools. */
export const bitwiseOr: BinaryFunction = bitwise('bitwiseOr', 'bitwise_or')
/** a ^ b of integers or bools. */
export const bitwiseXor: BinaryFunction = bitwise('bitwiseXor', 'bitwise_xor')

/** Elements of `a` where `condition` is true, else of `b`; all broadcast. As `torch.where`. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkTensor('where', 'condition', condition)
  if (condition.dtype !== 'bool' && condition.dtype !== 'uint8') {
    throw new RuntimeError(`where expected condition to be a boolean tensor, but got a tensor with dtype ${dtypes[condition.dtype].scalarName}`)
  }
  checkOperand('where', a)
  checkOperand('where', b)
  const y = emptyTensor(broadcastShapes(condition.shape, shapeOf(a), shapeOf(b)), resultType(a, b))
  kernels.where(condition, a, b, y)
  return record(y, {
    name: 'WhereBackward0',
    inputs: [tensorOrNull(a), tensorOrNull(b)],
    saved: [condition],
    backward: (dy, [c], [needsA, needsB]) => [needsA ? where(c, dy, 0) : null, needsB ? where(c, 0, dy) : null],
  })
}

function checkMask(x: Tensor, mask: Tensor, value: Operand): void {
  checkTensor('maskedFill', 'input', x)
  checkTensor('maskedFill', 'mask', mask)
  checkOperand('maskedFill', value)
  if (mask.dtype !== 'bool') throw new RuntimeError(`masked_fill_ only supports boolean masks, but got mask with dtype ${dtypes[mask.dtype].cppName}`)
  if (value instanceof Tensor && value.ndim > 0) {
    throw new RuntimeError(`masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s).`)
  }
}

/** `value` where `mask` is true, else x. As `torch.masked_fill`. */
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  checkMask(x, mask, value)
  const y = emptyTensor(broadcastShapes(mask.shape, x.shape), x.dtype)
  kernels.where(mask, value, x, y)
  return record(y, {
    name: 'MaskedFillBackward0',
    inputs: [x, tensorOrNull(value)],
    saved: [mask],
    backward: (dy, [m], [needsX, needsValue]) => [needsX ? where(m, 0, dy) : null, needsValue ? where(m, dy, 0) : null],
  })
}

/** `maskedFill`, written over x. */
export function maskedFill_(x: Tensor, mask: Tensor, value: Operand): Tensor {
  checkMask(x, mask, value)
  checkInPlaceShape(x, mask.shape)
  checkOverlap(x, mask)
  return inPlace(
    x,
    [mask, tensorOrNull(value)],
    () => kernels.where(mask, value, x, x),
    (original) => maskedFill(original, mask, value),
  )
}

/** `add`, written over a. */
export function add_(a: Tensor, b: Operand, options?: AlphaOptions): Tensor {
  checkTensor('add_', 'input', a)
  return writeOver('add', a, b, (original) => add(original, b, options), alphaParams(alphaOf('add_', options, a.dtype)))
}

/** `sub`, written over a. */
export function sub_(a: Tensor, b: Operand, options?: AlphaOptions): Tensor {
  checkTensor('sub_', 'input', a)
  checkNoBool(a, b)
  return writeOver('sub', a, b, (original) => sub(original, b, options), alphaParams(alphaOf('sub_', options, a.dtype)))
}

/** `mul`, written over a. */
export const mul_ = (a: Tensor, b: Operand): Tensor => writeOver('mul', a, b, (original) => mul(original, b))

/** True division, written over a. @throws RuntimeError for integer tensors */
export const div_ = (a: Tensor, b: Operand): Tensor => writeOver('div', a, b, (original) => trueDiv(original, b), undefined, floatResult(resultType(a, b)))

/** `pow`, written over a. */
export function pow_(a: Tensor, b: Operand): Tensor {
  checkTensor('pow_', 'input', a)
  checkPower(a.dtype, b)
  return writeOver('pow', a, b, (original) => pow(original, b))
}
