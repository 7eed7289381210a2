import { checkOptions, kindOf, ValueError } from '../core/errors.js'

/** How often values fall into bins of equal width: exact counts, of which none is lost. */
export interface Histogram {
  /** Where the first bin begins and the last ends. Both are in the bins. */
  low: number
  high: number
  /** How many values lie in each bin. */
  counts: number[]
  /** Values below `low` and above `high`: none where the range comes from the values themselves. */
  underflow: number
  overflow: number
  /** NaN, which lies in no order; infinities count as under- and overflow. */
  nan: number
}

export interface HistogramOptions {
  /** Default 30. */
  bins?: number
  /** Default: from the smallest finite value to the largest. */
  range?: readonly [number, number]
}

/**
 * Counts values. `underflow + overflow + nan` and the counts together are `values.length`. Values that are all alike, and those without any
 * finite one, get a single bin of width 0.
 * @throws ValueError where the bins are no positive whole number, or the range is not finite or upside down
 */
export function histogram(values: ArrayLike<number>, options: HistogramOptions = {}): Histogram {
  checkOptions('histogram', options, ['bins', 'range'])
  if (typeof values?.length !== 'number') throw new TypeError(`histogram: expected an array of numbers, got ${kindOf(values)}`)
  const { bins = 30, range } = options
  if (!(Number.isInteger(bins) && bins > 0)) throw new ValueError(`histogram: bins must be a positive whole number, got ${bins}`)
  if (range && !(Number.isFinite(range[0]) && Number.isFinite(range[1]) && range[0] <= range[1])) {
    throw new ValueError(`histogram: range must be two finite numbers, the lower first, got [${range.join(', ')}]`)
  }
  const [low, high] = range ?? finiteRange(values)
  const counts = new Array<number>(low < high ? bins : 1).fill(0)
  const last = counts.length - 1
  // Half of each end, so that the width of a range such as [-1e308, 1e308] does not overflow.
  const halfWidth = high / 2 - low / 2
  let underflow = 0
  let overflow = 0
  let nan = 0
  for (let i = 0; i < values.length; i++) {
    const v = values[i]
    if (v < low) underflow++
    else if (v > high) overflow++
    else if (v >= low) counts[halfWidth === 0 ? 0 : Math.min(last, Math.floor(((v / 2 - low / 2) / halfWidth) * counts.length))]++
    else nan++
  }
  return { low, high, counts, underflow, overflow, nan }
}

function finiteRange(values: ArrayLike<number>): [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    const v = values[i]
    if (v < low && v !== Number.NEGATIVE_INFINITY) low = v
    if (v > high && v !== Number.POSITIVE_INFINITY) high = v
  }
  return low <= high ? [low, high] : [0, 0]
}
