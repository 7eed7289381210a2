import { type Dtype, dtypes, isFloatingPoint, refuseDtype, type TypedArray } from './dtype.js'
import { erf, erfinv } from './erf.js'
import { RuntimeError } from './errors.js'
import { floatFormat } from './float-format.js'
import { fma, fmaFloat32 } from './fma.js'
import type { Generator } from './random.js'
import { fillNormalBlocks } from './random-normal.js'
import { forUniforms } from './random-uniform.js'

/**
 * Distributions: each function draws from a generator and writes every element of a target, with the numbers that PyTorch's CPU build
 * without MKL gives (ATen/native/cpu/DistributionTemplates.h). Errors have the texts of the tensor methods of the same names.
 */

/** What a fill writes to: the elements in the order in which they are drawn. */
export interface FillTarget {
  readonly data: TypedArray
  readonly dtype: Dtype
  /** False for the elements of a tensor that is not contiguous: `fillNormal` then draws them one by one, as PyTorch does. Default true. */
  readonly contiguous?: boolean
}

/** A double as C++ streams print it, which PyTorch's error texts contain: six significant digits. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const short = Number(value.toPrecision(6))
  const magnitude = Math.abs(short)
  if (short === 0 || (magnitude >= 1e-4 && magnitude < 1e6)) return String(short)
  return short.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

const isHalf = (dtype: Dtype): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** Writes `sample()` to every element, converted as C++ does: rounded to a floating point type, truncated to an integer. */
function fill({ data, dtype }: FillTarget, sample: () => number): void {
  const n = data.length
  if (data instanceof BigInt64Array) for (let i = 0; i < n; i++) data[i] = BigInt(Math.trunc(sample()))
  else if (isHalf(dtype)) {
    const { encode } = floatFormat(dtype, 'fill')
    for (let i = 0; i < n; i++) data[i] = encode(sample())
  } else for (let i = 0; i < n; i++) data[i] = sample()
}

/** Uniform in [from, to): multiples of 2⁻²⁴ (float32) or 2⁻⁵³ (float64) of the range. As `Tensor.uniform_`. */
export function fillUniform(target: FillTarget, generator: Generator, from = 0, to = 1): void {
  const format = floatFormat(target.dtype, 'check_uniform_bounds')
  for (const [name, value] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (!(Math.abs(value) <= format.max)) throw new RuntimeError(`${name} is out of bounds for ${dtypes[target.dtype].cppName}`)
  }
  if (from > to) throw new RuntimeError(`uniform_ expects to return a [from, to) range, but found from=${formatDouble(from)} > to=${formatDouble(to)}`)
  if (to - from > format.max) {
    throw new RuntimeError(
      `uniform_ expects to-from <= std::numeric_limits<${dtypes[target.dtype].scalarName}>::max(), but found to=${formatDouble(to)} and from=${formatDouble(from)} which result in to-from to exceed the limit`,
    )
  }
  const start = format.round(from)
  const range = format.round(format.round(to) - start)
  const data = target.data as Exclude<TypedArray, BigInt64Array>
  const isUnit = start === 0 && range === 1
  const move = format.digits === 53 ? fma : fmaFloat32
  forUniforms(generator, format.digits, data.length, (uniforms, at, n) => {
    if (isUnit) for (let i = 0; i < n; i++) data[at + i] = format.encode(uniforms[i])
    else for (let i = 0; i < n; i++) data[at + i] = format.encode(move(uniforms[i], range, start))
  })
}

/**
 * Normal. 16 and more contiguous elements are made in blocks; others one by one, in pairs of which the generator keeps the second.
 * float32 blocks equal PyTorch's vector code to the last bit; elsewhere the logarithms and sines of another library can differ in it.
 * As `Tensor.normal_`.
 */
export function fillNormal(target: FillTarget, generator: Generator, mean = 0, std = 1): void {
  checkStd(std)
  const { data, dtype } = target
  if (data.length === 0) return
  const format = floatFormat(dtype, 'normal_kernel_cpu')
  if (data.length < 16 || target.contiguous === false) {
    fill(target, () => generator.normal() * std + mean)
    return
  }
  const inPlace = data instanceof Float32Array || data instanceof Float64Array
  const values = inPlace ? data : new Float32Array(data.length)
  fillNormalBlocks(values, format, generator, format.round(mean), format.round(std))
  if (!inPlace) for (let i = 0; i < values.length; i++) data[i] = format.encode(values[i])
}

function checkStd(std: number): void {
  if (!(std >= 0)) throw new RuntimeError(`normal expects std >= 0.0, but found std ${formatDouble(std)}`)
}

/** exp of a normal. As `Tensor.log_normal_`, whose defaults are mean 1 and std 2. */
export function fillLogNormal(target: FillTarget, generator: Generator, mean = 1, std = 2): void {
  if (!(std > 0)) throw new RuntimeError(`log_normal_ expects std > 0.0, but found std=${formatDouble(std)}`)
  if (target.data.length > 0) floatFormat(target.dtype, 'log_normal_cpu')
  fill(target, () => Math.exp(generator.normal() * std + mean))
}

/** Density lambda·exp(-lambda·x). As `Tensor.exponential_`. */
export function fillExponential(target: FillTarget, generator: Generator, lambda = 1): void {
  if (!(lambda > 0)) throw new RuntimeError(`exponential_ expects lambda > 0.0, but found lambda=${formatDouble(lambda)}`)
  if (!isFloatingPoint(target.dtype)) {
    throw new RuntimeError(
      `Exponential distribution is a continuous probability distribution. dtype must be a floating point but you specified ${dtypes[target.dtype].scalarName}`,
    )
  }
  fill(target, () => (-1 / lambda) * Math.log1p(-generator.uniform()))
}

/** Density sigma / (π·((x - median)² + sigma²)). As `Tensor.cauchy_`. */
export function fillCauchy(target: FillTarget, generator: Generator, median = 0, sigma = 1): void {
  if (!(sigma > 0)) throw new RuntimeError(`cauchy_ expects sigma > 0.0, but found sigma=${formatDouble(sigma)}`)
  if (!isFloatingPoint(target.dtype)) {
    throw new RuntimeError(
      `Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you specified ${dtypes[target.dtype].cppName}`,
    )
  }
  // The ends of the range are cut off by the machine epsilon, where the tangent would overflow.
  const epsilon = Number.EPSILON
  fill(target, () => median + sigma * Math.tan(Math.PI * (Math.min(Math.max(generator.uniform(), epsilon), 1 - epsilon) - 0.5)))
}

/** The number of trials up to the first success, each of probability p: 1, 2, …. As `Tensor.geometric_`. */
export function fillGeometric(target: FillTarget, generator: Generator, p: number): void {
  if (!(p > 0 && p < 1)) throw new RuntimeError(`geometric_ expects p to be in (0, 1), but got p=${formatDouble(p)}`)
  if (target.data.length > 0 && target.dtype === 'bool') refuseDtype('geometric_cpu', target.dtype)
  const scale = Math.log1p(-p)
  fill(target, () => Math.ceil(Math.log(generator.uniform()) / scale))
}

/** 1 with probability p, else 0, of any dtype. As `Tensor.bernoulli_(p)`; builds of PyTorch with MKL draw others. */
export function fillBernoulli(target: FillTarget, generator: Generator, p = 0.5): void {
  if (!(p >= 0 && p <= 1)) throw new RuntimeError(`bernoulli_ expects p to be in [0, 1], but got p=${formatDouble(p)}`)
  const { data, dtype } = target
  const one = isHalf(dtype) ? floatFormat(dtype, 'bernoulli_').encode(1) : 1
  forUniforms(generator, 53, data.length, (uniforms, at, n) => {
    if (data instanceof BigInt64Array) for (let i = 0; i < n; i++) data[at + i] = uniforms[i] < p ? 1n : 0n
    // By arithmetic: a branch on a random bit is often predicted wrongly.
    else for (let i = 0; i < n; i++) data[at + i] = one * Number(uniforms[i] < p)
  })
}

/** 1 with the probability that the element of the same index in `probabilities` gives, else 0. As `Tensor.bernoulli_(tensor)`. */
export function fillBernoulliFrom(target: FillTarget, generator: Generator, probabilities: FillTarget): void {
  const { decode, digits } = floatFormat(probabilities.dtype, 'bernoulli_tensor_cpu_p_')
  const { data } = probabilities
  let i = 0
  forUniforms(generator, digits === 53 ? 53 : 24, data.length, (uniforms, from, n) => {
    const piece = { data: target.data.subarray(from, from + n), dtype: target.dtype }
    fill(piece, () => {
      const p = decode(Number(data[i]))
      if (!(p >= 0 && p <= 1)) throw new RuntimeError(`Expected p_in >= 0 && p_in <= 1 to be true, but got false: element ${i} of p is ${formatDouble(p)}`)
      return uniforms[i++ - from] < p ? 1 : 0
    })
  })
}

/**
 * Normal, cut off to [a, b]: a uniform between the two values of the distribution function, through its inverse.
 * As `torch.nn.init.trunc_normal_`, whose steps round to the dtype one by one.
 */
export function fillTruncNormal(target: FillTarget, generator: Generator, mean = 0, std = 1, a = -2, b = 2): void {
  const format = floatFormat(target.dtype, 'check_uniform_bounds')
  const cdf = (x: number) => (1 + erf(x / Math.SQRT2)) / 2
  fillUniform(target, generator, 2 * cdf((a - mean) / std) - 1, 2 * cdf((b - mean) / std) - 1)
  const { data } = target
  const { round, decode, encode } = format
  const scale = round(std * Math.SQRT2)
  const [low, high, center] = [round(a), round(b), round(mean)]
  for (let i = 0; i < data.length; i++) {
    const value = round(round(round(erfinv(decode(Number(data[i])))) * scale) + center)
    data[i] = encode(Math.min(Math.max(value, low), high))
  }
}
