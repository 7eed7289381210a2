/**
 * LayerNorm and BatchNorm in fixed point with 480 fractional bits: what float64 results should be.
 *
 * PyTorch's own float64 LayerNorm gradient at an offset of 1e6 is off by more than the data's tolerance: it forms b x + c, which cancels.
 * Where a float64 result misses the stored one, this decides: it counts when it is at least as close to the truth as PyTorch's.
 */

const BITS = 480n

const scratch = new DataView(new ArrayBuffer(8))

/** The exact value of a finite double; bits below 2^-480 are cut. */
function fixed(value: number): bigint {
  scratch.setFloat64(0, value)
  const bits = scratch.getBigUint64(0)
  const exponent = (bits >> 52n) & 0x7ffn
  const fraction = bits & 0xfffffffffffffn
  const mantissa = exponent === 0n ? fraction : fraction | (1n << 52n)
  const shift = BITS + (exponent === 0n ? 1n : exponent) - 1075n
  const magnitude = shift >= 0n ? mantissa << shift : mantissa >> -shift
  return bits >> 63n ? -magnitude : magnitude
}

/** The nearest double, good to its last bits: the quotient of the leading 64 bits. */
function toNumber(value: bigint): number {
  const magnitude = value < 0n ? -value : value
  const length = BigInt(magnitude.toString(2).length)
  const drop = length > 64n ? length - 64n : 0n
  const result = Number(magnitude >> drop) * 2 ** Number(drop - BITS)
  return value < 0n ? -result : result
}

const mul = (a: bigint, b: bigint): bigint => (a * b) >> BITS
const div = (a: bigint, b: bigint): bigint => (a << BITS) / b

function sqrt(value: bigint): bigint {
  if (value <= 0n) return 0n
  const n = value << BITS
  let x = 1n << BigInt(Math.ceil(n.toString(2).length / 2))
  for (;;) {
    const y = (x + n / x) >> 1n
    if (y >= x) return x
    x = y
  }
}

const sum = (values: readonly bigint[]): bigint => values.reduce((s, v) => s + v, 0n)

export interface ExactNorm {
  output: Float64Array
  gradInput: Float64Array
  gradWeight: Float64Array
}

/**
 * @param groups indices of the elements that share a statistic
 * @param parameterOf which weight and bias belong to an element
 */
export function exactNorm(
  x: Float64Array,
  upstream: Float64Array | null,
  weight: Float64Array | null,
  bias: Float64Array | null,
  eps: number,
  groups: readonly (readonly number[])[],
  parameterOf: (index: number) => number,
): ExactNorm {
  const output = new Float64Array(x.length)
  const gradInput = new Float64Array(x.length)
  const gradWeight = new Map<number, bigint>()
  const one = fixed(1)
  for (const group of groups) {
    const n = BigInt(group.length)
    const values = group.map((i) => fixed(x[i]))
    const w = group.map((i) => (weight ? fixed(weight[parameterOf(i)]) : one))
    const mean = sum(values) / n
    const centered = values.map((v) => v - mean)
    const rstd = div(one, sqrt(sum(centered.map((v) => mul(v, v))) / n + fixed(eps)))
    const xhat = centered.map((v) => mul(v, rstd))
    const dy = group.map((i) => fixed(upstream ? upstream[i] : 0))
    const g = dy.map((v, k) => mul(v, w[k]))
    const meanG = sum(g) / n
    const meanGx = sum(g.map((v, k) => mul(v, xhat[k]))) / n
    group.forEach((i, k) => {
      output[i] = toNumber(mul(xhat[k], w[k]) + (bias ? fixed(bias[parameterOf(i)]) : 0n))
      gradWeight.set(parameterOf(i), (gradWeight.get(parameterOf(i)) ?? 0n) + mul(dy[k], xhat[k]))
      gradInput[i] = toNumber(mul(rstd, g[k] - meanG - mul(xhat[k], meanGx)))
    })
  }
  const last = Math.max(-1, ...gradWeight.keys())
  return { output, gradInput, gradWeight: Float64Array.from({ length: last + 1 }, (_, p) => toNumber(gradWeight.get(p) ?? 0n)) }
}
