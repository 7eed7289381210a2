import { type Dtype, isFloatingPoint, promoteTypes } from '../../core/dtype.js'
import { isContiguous, numelOf, type Shape, sameShape } from '../../core/shape.js'
import type { BinaryOp, Kernels, UnaryOp, View } from '../contract.js'
import { isBig, load, loadBig, rounder, store, storeBig, storedBytes, truncate64 } from './access.js'
import { binaryFunctions, integerBinaryFunctions } from './binary.js'
import { integerUnaryFunctions, unaryFunctions } from './unary.js'

type Operand = View | number

const isIntegral = (x: Operand): boolean => (typeof x === 'number' ? Number.isInteger(x) : !isFloatingPoint(x.dtype))

const loadBigOperand = (x: Operand, shape: Shape): BigInt64Array =>
  typeof x === 'number' ? new BigInt64Array(numelOf(shape)).fill(BigInt(x)) : loadBig(x, shape)

/** The operand as doubles that hold what it is in `dtype`. */
function loadAs(x: Operand, dtype: Dtype, shape: Shape): Float64Array {
  if (typeof x === 'number') return new Float64Array(numelOf(shape)).fill(rounder(dtype)(x))
  const values = load(x, shape)
  return x.dtype === dtype || dtype === 'float64' ? values : values.map(rounder(dtype))
}

const comparisons: ReadonlySet<BinaryOp> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge'])

/** The dtype that operands are converted to before the operation. */
function commonDtype(op: BinaryOp, a: Operand, b: Operand, target: View): Dtype {
  let dtype = target.dtype
  if (dtype === 'bool') {
    const [da, db] = [a, b].map((x) => (typeof x === 'number' ? null : x.dtype))
    dtype = da && db ? promoteTypes(da, db) : (da ?? db ?? 'float64')
    if (!isFloatingPoint(dtype) && !(isIntegral(a) && isIntegral(b))) return 'float64' // an integer tensor against a fraction
  }
  // In float16 and bfloat16 PyTorch computes with float32 scalars, but compares in the type itself.
  return (dtype === 'float16' || dtype === 'bfloat16') && !comparisons.has(op) ? 'float32' : dtype
}

function fill(target: View, value: number | bigint): void {
  const n = numelOf(target.shape)
  if (typeof value === 'bigint' || isBig(target.dtype)) {
    storeBig(target, new BigInt64Array(n).fill(typeof value === 'bigint' ? value : truncate64(value)))
  } else store(target, new Float64Array(n).fill(value))
}

function copy(x: View, target: View): void {
  const plain = x.dtype === target.dtype && sameShape(x.shape, target.shape) && isContiguous(x.shape, x.strides) && isContiguous(target.shape, target.strides)
  if (plain) storedBytes(target).set(storedBytes(x))
  else if ((isBig(x.dtype) || isBig(target.dtype)) && isIntegral(x) && isIntegral(target)) storeBig(target, loadBig(x, target.shape))
  else store(target, load(x, target.shape))
}

function unary(op: UnaryOp, x: View, target: View, [p, q, r]: readonly number[] = []): void {
  const integerFunction = integerUnaryFunctions[op]
  if (integerFunction && isIntegral(x) && isIntegral(target)) {
    const values = loadBig(x, target.shape)
    for (let i = 0; i < values.length; i++) values[i] = integerFunction(values[i], p, q, r)
    storeBig(target, values)
    return
  }
  const f = unaryFunctions[op]
  const values = load(x, target.shape)
  for (let i = 0; i < values.length; i++) values[i] = f(values[i], p, q, r)
  store(target, values)
}

function binary(op: BinaryOp, a: Operand, b: Operand, target: View, [p, q, r]: readonly number[] = []): void {
  const { shape } = target
  const integerFunction = integerBinaryFunctions[op]
  if (integerFunction && isIntegral(a) && isIntegral(b) && isIntegral(target)) {
    const left = loadBigOperand(a, shape)
    const right = loadBigOperand(b, shape)
    for (let i = 0; i < left.length; i++) left[i] = integerFunction(left[i], right[i], p, q, r)
    storeBig(target, left)
    return
  }
  const f = binaryFunctions[op]
  const dtype = commonDtype(op, a, b, target)
  const left = loadAs(a, dtype, shape)
  const right = loadAs(b, dtype, shape)
  for (let i = 0; i < left.length; i++) left[i] = f(left[i], right[i], p, q, r)
  store(target, left)
}

function where(condition: View, a: Operand, b: Operand, target: View): void {
  const { shape } = target
  const chosen = load(condition, shape)
  if (isBig(target.dtype) && isIntegral(a) && isIntegral(b)) {
    const yes = loadBigOperand(a, shape)
    const no = loadBigOperand(b, shape)
    storeBig(
      target,
      yes.map((value, i) => (chosen[i] ? value : no[i])),
    )
    return
  }
  const yes = loadAs(a, target.dtype, shape)
  const no = loadAs(b, target.dtype, shape)
  store(
    target,
    yes.map((value, i) => (chosen[i] ? value : no[i])),
  )
}

export const elementwise = { fill, copy, unary, binary, where } satisfies Partial<Kernels>
