import { dtypes, isFloatingPoint, refuseDtype } from './dtype.js'
import { RuntimeError } from './errors.js'
import { floatFormat } from './float-format.js'
import type { Generator } from './random.js'
import type { FillTarget } from './random-fill.js'

/** Whole numbers: `random_`, `randint` and `randperm`, as ATen/native/DistributionTemplates.h and TensorFactories.cpp draw them. */

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const TWO_32 = 2n ** 32n

/** Smallest and largest value of each type that is no floating point type. */
function integerRange({ dtype }: FillTarget): [bigint, bigint] {
  if (dtype === 'bool') return [0n, 1n]
  if (dtype === 'uint8') return [0n, 255n]
  const bits = BigInt(8 * dtypes[dtype].bytes)
  return [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
}

const isFloat = ({ dtype }: FillTarget): boolean => isFloatingPoint(dtype)

/** Writes whole numbers, each converted to what the dtype holds. */
function fillWhole(target: FillTarget, sample: () => number | bigint): void {
  const { data } = target
  if (data instanceof BigInt64Array) for (let i = 0; i < data.length; i++) data[i] = BigInt(sample())
  else {
    const encode = isFloat(target) ? floatFormat(target.dtype, 'random_kernel_cpu').encode : (v: number) => v
    for (let i = 0; i < data.length; i++) data[i] = encode(Number(sample()))
  }
}

/**
 * Whole numbers over the dtype's range: 0 to the largest value of an integer type, 0 to 2^digits (inclusive) of a floating point type.
 * As `Tensor.random_()`.
 */
export function fillRandom(target: FillTarget, generator: Generator): void {
  const count = isFloat(target) ? 2n ** BigInt(floatFormat(target.dtype, 'random_kernel_cpu').digits) + 1n : integerRange(target)[1] + 1n
  if (target.dtype === 'int64' || target.dtype === 'float64') fillWhole(target, () => generator.random64() % count)
  else {
    const divisor = Number(count)
    fillWhole(target, () => generator.random() % divisor)
  }
}

const toInt64 = (name: string, value: number | bigint): bigint => {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) throw new TypeError(`random_: '${name}' must be a whole number, got ${value}`)
  const whole = BigInt(value)
  if (whole < INT64_MIN || whole > INT64_MAX) throw new RuntimeError('Overflow when unpacking long')
  return whole
}

/** The nearest whole number inside the range that a floating point type has: a number drawn next to the end must not round onto it. */
function moveInside(bound: bigint, towards: 1n | -1n, target: FillTarget): bigint {
  const { round, digits } = floatFormat(target.dtype, 'random_update_from_to')
  const neighbour = bound + towards
  const held = round(Number(neighbour))
  if (!Number.isFinite(held)) return bound
  const rounded = BigInt(held)
  if (towards === 1n ? rounded >= bound : rounded < bound) return bound
  const magnitude = neighbour < 0n ? -neighbour : neighbour
  return rounded + towards * 2n ** BigInt(magnitude.toString(2).length - digits)
}

/**
 * Whole numbers from `from` to `to` - 1; `to` null means to the largest value of the dtype (2^digits of a floating point type).
 * A range of 2³² and more takes two words a number where the dtype can hold it, others take one. As `Tensor.random_(from, to)`.
 */
export function fillRandint(target: FillTarget, generator: Generator, from: number | bigint, to: number | bigint | null): void {
  const { dtype } = target
  let low = toInt64('from', from)
  let high: bigint // the largest value, inclusive
  if (to !== null) {
    let end = toInt64('to', to)
    if (low >= end) throw new RuntimeError(`random_ expects 'from' to be less than 'to', but got from=${low} >= to=${end}`)
    if (isFloat(target)) {
      low = moveInside(low, 1n, target)
      end = moveInside(end, -1n, target)
      if (low >= end) throw new RuntimeError(`random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=${low} >= to=${end}`)
    }
    high = end - 1n
  } else if (isFloat(target)) {
    high = 2n ** BigInt(floatFormat(dtype, 'random_from_to_range_calc').digits)
    low = moveInside(low, 1n, target)
    if (low >= high)
      throw new RuntimeError(
        `random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=${low} > to_inc=${high}`,
      )
  } else high = integerRange(target)[1]

  const [min, max] = isFloat(target)
    ? [-floatFormat(dtype, 'check_random_fp_bounds').max, floatFormat(dtype, 'check_random_fp_bounds').max]
    : integerRange(target)
  if (low < min || low > max) throw new RuntimeError(`from is out of bounds for ${dtypes[dtype].cppName}`)
  if (high < min || high > max) throw new RuntimeError(`to - 1 is out of bounds for ${dtypes[dtype].cppName}`)

  const range = high - low + 1n
  const wide = dtype === 'int64' || dtype === 'float64' || dtype === 'float32' || dtype === 'bfloat16'
  if (wide && range >= TWO_32) fillWhole(target, () => BigInt.asIntN(64, (generator.random64() % range) + low))
  else {
    const divisor = Number(range)
    const base = Number(low)
    if (Number.isSafeInteger(base) && Number.isSafeInteger(base + divisor)) fillWhole(target, () => (generator.random() % divisor) + base)
    else fillWhole(target, () => BigInt(generator.random() % divisor) + low)
  }
}

/**
 * A random permutation of 0 to n - 1, n being the length of the target. As `torch.randperm`.
 * @throws RuntimeError where the dtype does not have all of these numbers
 */
export function fillRandperm(target: FillTarget, generator: Generator): void {
  const { data, dtype } = target
  const n = data.length
  checkCount(n, target)
  // From 2³²/20 elements on PyTorch shuffles with 64-bit draws; this does not.
  const order = data instanceof Int32Array ? data : new Int32Array(n)
  for (let i = 0; i < n; i++) order[i] = i
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.random() % (n - i))
    const swapped = order[i]
    order[i] = order[j]
    order[j] = swapped
  }
  if (dtype === 'int32') return
  let i = 0
  fillWhole(target, () => order[i++])
}

function checkCount(n: number, target: FillTarget): void {
  const { dtype } = target
  if (dtype === 'bool') refuseDtype('randperm', dtype)
  if (isFloat(target)) {
    const { digits } = floatFormat(dtype, 'randperm')
    const limit = 2 ** digits + 1
    // PyTorch has no limit for bfloat16, whose numbers then repeat.
    if (n > limit && dtype !== 'bfloat16') {
      throw new RuntimeError(`n cannot be greater than ${dtype === 'float16' ? limit : `2^${digits}+1`} for ${dtypes[dtype].scalarName} type.`)
    }
  } else if (n > Number(integerRange(target)[1]) + 1) {
    throw new RuntimeError(`value cannot be converted to type ${dtype}_t without overflow`)
  }
}
