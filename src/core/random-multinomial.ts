import { dtypes, isFloatingPoint } from './dtype.js'
import { RuntimeError } from './errors.js'
import { floatFormat } from './float-format.js'
import type { Generator } from './random.js'
import { type FillTarget, fillExponential } from './random-fill.js'

/**
 * Draws `count` categories for each row of weights, which need not sum to one.
 * With replacement: by bisection of the cumulative sum. Without it, and for a single draw: those of the largest weight/exponential, largest
 * first, which is the Gumbel trick without logarithms. As `torch.multinomial`.
 * @param weights rows of `categories` weights, one after the other, of a floating point dtype
 * @returns `count` indices a row
 */
export function multinomial(weights: FillTarget, categories: number, count: number, replacement: boolean, generator: Generator): Int32Array {
  const { data, dtype } = weights
  if (!isFloatingPoint(dtype)) throw new RuntimeError(`multinomial only supports floating-point dtypes for input, got: ${dtypes[dtype].scalarName}`)
  if (!Number.isInteger(count)) throw new TypeError(`multinomial: the number of samples must be a whole number, got ${count}`)
  if (count <= 0) throw new RuntimeError('cannot sample n_sample <= 0 samples')
  if (!replacement && count > categories) throw new RuntimeError('cannot sample n_sample > prob_dist.size(-1) samples without replacement')
  if (categories > 2 ** 24) throw new RuntimeError('number of categories cannot exceed 2^24')
  const { decode } = floatFormat(dtype, 'multinomial')
  const values = new Float64Array(data.length)
  for (let i = 0; i < values.length; i++) values[i] = decode(Number(data[i]))
  return replacement && count > 1
    ? withReplacement(values, dtype === 'float64' ? (v) => v : Math.fround, categories, count, generator)
    : withoutReplacement(values, weights, categories, count, generator)
}

function withReplacement(values: Float64Array, round: (value: number) => number, categories: number, count: number, generator: Generator): Int32Array {
  const rows = categories === 0 ? 0 : values.length / categories
  const result = new Int32Array(rows * count)
  const cumulative = new Float64Array(categories)
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let j = 0; j < categories; j++) {
      const weight = values[row * categories + j]
      if (!(weight >= 0)) throw new RuntimeError('invalid multinomial distribution (encountering probability entry < 0)')
      if (!Number.isFinite(weight)) throw new RuntimeError('invalid multinomial distribution (encountering probability entry = infinity or NaN)')
      sum = round(sum + weight)
      cumulative[j] = sum
    }
    if (!(sum > 0)) throw new RuntimeError('invalid multinomial distribution (sum of probabilities <= 0)')
    for (let j = 0; j < categories; j++) cumulative[j] = round(cumulative[j] / sum)
    cumulative[categories - 1] = 1
    for (let k = 0; k < count; k++) {
      const u = generator.uniform()
      let low = 0
      let high = categories
      while (low < high) {
        const middle = (low + high) >> 1
        if (cumulative[middle] < u) low = middle + 1
        else high = middle
      }
      result[row * count + k] = low
    }
  }
  return result
}

function withoutReplacement(values: Float64Array, weights: FillTarget, categories: number, count: number, generator: Generator): Int32Array {
  for (const weight of values) {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) throw new RuntimeError('probability tensor contains either `inf`, `nan` or element < 0')
  }
  const rows = values.length / categories
  const { round, decode } = floatFormat(weights.dtype, 'multinomial')
  const drawn = { data: weights.data.slice(), dtype: weights.dtype }
  for (let row = 0; row < rows; row++) {
    if (values.subarray(row * categories, (row + 1) * categories).every((weight) => weight === 0)) {
      throw new RuntimeError('invalid multinomial distribution (sum of probabilities <= 0)')
    }
  }
  fillExponential(drawn, generator)
  const result = new Int32Array(rows * count)
  for (let row = 0; row < rows; row++) {
    const start = row * categories
    const score = Float64Array.from({ length: categories }, (_, j) => round(values[start + j] / decode(Number(drawn.data[start + j]))))
    const order = Int32Array.from(score.keys()).sort((a, b) => score[b] - score[a] || a - b)
    result.set(order.subarray(0, count), row * count)
  }
  return result
}
