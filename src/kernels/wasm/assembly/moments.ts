import { firstLanes, highDoubles, loadUpTo, lowDoubles, sumDoubles } from './lanes'

/**
 * Means and variances of float32, in float64 but for the innermost sums.
 *
 * A run is cut into chunks of 2048 elements, which stay in the first-level cache. Of a chunk, d = x - pivot is summed, and d^2, where the
 * pivot is near enough to the chunk's mean that
 *     mean = pivot + sum(d) / n,    m2 = sum(d^2) - sum(d)^2 / n      (m2 is the sum of squared deviations)
 * loses no digits: 0, which costs no subtraction, where four of its elements say so, else their mean. Where digits would be lost (m2 below
 * half of sum(d^2)) this is done again around the mean found; where squares left float32's range, by two float64 passes. Sums run in float32 over
 * at most 32 pairs of elements of a lane, then go on in float64.
 * Chunks are merged by Chan, Golub and LeVeque's formula, https://doi.org/10.1080/00031305.1983.10483115.
 *
 * Means and m2 of parts are kept as pairs of float64, one pair for each part and channel, and combined in the order of the parts.
 */

export const CHUNK: i32 = 2048
/** Elements after which float32 sums are folded into float64: 32 pairs to a lane in two accumulators of four lanes. */
const FOLD: i32 = 512

/** Second result of the functions below; a global belongs to one thread. */
let m2: f64 = 0

/** Adds the lanes of a float32 sum to a float64 sum. */
@inline export function fold(total: v128, sum: v128): v128 { return f64x2.add(total, f64x2.add(lowDoubles(sum), highDoubles(sum))) }

/** Up to so many elements a second look costs less than a choice that is often wrong. */
const SHORT: i32 = 128
/** Below so many, roundings don't average out: the pivot is always a mean. */
const FEW: i32 = 16

/** A pivot for a chunk, from four elements of it: far apart, as neighbours are often alike. */
@inline function pivotOfChunk(x: usize, n: i32): f32 {
  if (n >= FEW && n <= SHORT) return 0
  const a = load<f32>(x)
  if (n < 4) return a
  const step = <usize>(n >> 2) << 2
  const b = load<f32>(x + step)
  const c = load<f32>(x + 2 * step)
  const d = load<f32>(x + 3 * step)
  const mean: f32 = 0.25 * ((a + b) + (c + d))
  // Whether the four's variance is above the square of their mean.
  return n >= FEW && (a * a + b * b) + (c * c + d * d) > 8 * mean * mean ? 0 : mean
}

/** @returns the mean; m2 is set. n > 0. */
function chunkMoments(x: usize, n: i32): f64 {
  let pivot = pivotOfChunk(x, n)
  for (let attempt = 0; attempt < 2; attempt++) {
    const q = sumDoubles(squaresAround(x, n, pivot))
    const sum = sumDoubles(deviations)
    const shift = sum / <f64>n
    m2 = q - sum * shift
    if (q == 0 && sum == 0) return <f64>pivot
    if (!(q > <f64>n * 1e-30 && q < Infinity)) break
    if (m2 * 2 > q) return <f64>pivot + shift
    pivot = <f32>(<f64>pivot + shift)
  }
  return exactMoments(x, n, 4)
}

function squaresAround(x: usize, n: i32, pivot: f32): v128 { return pivot == 0 ? sumsAround<bool, bool>(x, n, 0) : sumsAround<i32, bool>(x, n, pivot) }

/** Second result of sumsAround. */
let deviations: v128 = f64x2.splat(0)

/**
 * @returns two float64 that add up to sum((x - pivot)^2); those of `deviations` to sum(x - pivot), where M is bool. Where Z is bool the pivot is 0.
 * Vectors are added in pairs first, which halves both the length of the float32 sums and the time that a sum waits for itself.
 */
function sumsAround<Z, M>(x: usize, n: i32, pivot: f32): v128 {
  const k = f32x4.splat(pivot)
  let sum = f64x2.splat(0)
  let squares = f64x2.splat(0)
  while (n >= 16) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    let q0 = f32x4.splat(0)
    let q1 = f32x4.splat(0)
    const turns = min(n, FOLD) >> 4
    for (let i = turns; i > 0; i--) {
      let a = deviation<Z>(v128.load(x), k)
      let b = deviation<Z>(v128.load(x, 16), k)
      if (isBoolean<M>()) s0 = f32x4.add(s0, f32x4.add(a, b))
      q0 = f32x4.add(q0, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
      a = deviation<Z>(v128.load(x, 32), k)
      b = deviation<Z>(v128.load(x, 48), k)
      if (isBoolean<M>()) s1 = f32x4.add(s1, f32x4.add(a, b))
      q1 = f32x4.add(q1, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
      x += 64
    }
    n -= turns << 4
    if (isBoolean<M>()) sum = fold(sum, f32x4.add(s0, s1))
    squares = fold(squares, f32x4.add(q0, q1))
  }
  if (n > 0) {
    let s = f32x4.splat(0)
    let q = f32x4.splat(0)
    for (; n > 0; n -= 4, x += 16) {
      let d = loadUpTo(x, n)
      if (!isBoolean<Z>()) d = v128.and(f32x4.sub(d, k), firstLanes(n))
      if (isBoolean<M>()) s = f32x4.add(s, d)
      q = f32x4.add(q, f32x4.mul(d, d))
    }
    if (isBoolean<M>()) sum = fold(sum, s)
    squares = fold(squares, q)
  }
  if (isBoolean<M>()) deviations = sum
  return squares
}
/** x - pivot; where Z is bool, the pivot is 0. */
@inline export function deviation<Z>(x: v128, pivot: v128): v128 {
  if (isBoolean<Z>()) return x
  return f32x4.sub(x, pivot)
}

/** Two float64 passes over n elements `step` bytes apart. */
function exactMoments(x: usize, n: i32, step: usize): f64 {
  let sum: f64 = 0
  for (let i = 0, p = x; i < n; i++, p += step) sum += <f64>load<f32>(p)
  const mean = sum / <f64>n
  m2 = 0
  for (let i = 0, p = x; i < n; i++, p += step) {
    const d = <f64>load<f32>(p) - mean
    m2 += d * d
  }
  return mean
}

/** Mean of a contiguous run; its m2 is what `lastSquares` gives then. */
export function runMean(x: usize, n: i32): f64 {
  let mean = chunkMoments(x, min(n, CHUNK))
  let total = m2
  for (let seen = CHUNK; seen < n; seen += CHUNK) {
    const count = min(n - seen, CHUNK)
    const delta = chunkMoments(x + (<usize>seen << 2), count) - mean
    const share = <f64>count / <f64>(seen + count)
    mean += delta * share
    total += m2 + delta * delta * <f64>seen * share
  }
  m2 = total
  return mean
}
@inline export function lastSquares(): f64 { return m2 }

/** Results of pairMoments: for two runs each, float64. */
let means: v128 = f64x2.splat(0)
let variances: v128 = f64x2.splat(0)
@inline export function pairMeans(): v128 { return means }
@inline export function pairVariances(): v128 { return variances }

/**
 * Means and biased variances of two runs of at most CHUNK elements as chunkMoments finds them, each in a lane of its own: where runs are short, what
 * follows the sums takes most of the time.
 */
export function pairMoments(x: usize, next: usize, n: i32): void {
  let p0 = pivotOfChunk(x, n)
  let p1 = pivotOfChunk(next, n)
  const count = f64x2.splat(<f64>n)
  let good: v128
  let attempt = 0
  do {
    const q0 = squaresAround(x, n, p0)
    const s0 = deviations
    const q1 = squaresAround(next, n, p1)
    const q = sumOfLanes(q0, q1)
    const s = sumOfLanes(s0, deviations)
    const shift = f64x2.div(s, count)
    const squares = f64x2.sub(q, f64x2.mul(s, shift))
    means = f64x2.add(f64x2.replace_lane(f64x2.splat(<f64>p0), 1, <f64>p1), shift)
    variances = f64x2.div(squares, count)
    const constant = v128.and(f64x2.eq(q, f64x2.splat(0)), f64x2.eq(s, f64x2.splat(0)))
    const inRange = v128.and(f64x2.gt(q, f64x2.splat(<f64>n * 1e-30)), f64x2.lt(q, f64x2.splat(Infinity)))
    good = v128.or(constant, v128.and(inRange, f64x2.gt(f64x2.add(squares, squares), q)))
    if (i64x2.all_true(good)) return
    if (i64x2.extract_lane(good, 0) == 0) p0 = <f32>f64x2.extract_lane(means, 0)
    if (i64x2.extract_lane(good, 1) == 0) p1 = <f32>f64x2.extract_lane(means, 1)
  } while (++attempt < 2)
  if (i64x2.extract_lane(good, 0) == 0) {
    means = f64x2.replace_lane(means, 0, exactMoments(x, n, 4))
    variances = f64x2.replace_lane(variances, 0, m2 / <f64>n)
  }
  if (i64x2.extract_lane(good, 1) == 0) {
    means = f64x2.replace_lane(means, 1, exactMoments(next, n, 4))
    variances = f64x2.replace_lane(variances, 1, m2 / <f64>n)
  }
}

/** The sum of a's lanes, and of b's. */
@inline function sumOfLanes(a: v128, b: v128): v128 { return f64x2.add(i64x2.shuffle(a, b, 0, 2), i64x2.shuffle(a, b, 1, 3)) }

/** Mean of the squares of a contiguous run. */
export function runMeanSquare(x: usize, n: i32): f64 {
  let q = sumDoubles(sumsAround<bool, i32>(x, n, 0))
  if (!(q > <f64>n * 1e-30 && q < Infinity)) {
    // Squares left float32's range.
    q = 0
    for (let i = 0; i < n; i++) {
      const a = <f64>load<f32>(x + (<usize>i << 2))
      q += a * a
    }
  }
  return q / <f64>n
}

/** Moments of each plane of x [planes, size] into parts [planes]. A block is a plane. */
export function planeMoments(x: usize, parts: usize, size: i32, begin: i32, end: i32): void {
  for (let plane = begin; plane < end; plane++) {
    const out = parts + (<usize>plane << 4)
    store<f64>(out, runMean(x + (<usize>(plane * size) << 2), size))
    store<f64>(out, m2, 8)
  }
}

/** Rows of a part where channels lie next to each other: as many as float32 sums may have elements. */
const ROWS: i32 = 32

/** Moments of each channel of x [rows, channels] over 32 rows into parts [ceil(rows / 32), channels]. A block is such a part. */
export function columnMoments(x: usize, parts: usize, rows: i32, channels: i32, begin: i32, end: i32): void {
  const step = <usize>channels << 2
  for (let block = begin; block < end; block++) {
    const first = block * ROWS
    const n = min(ROWS, rows - first)
    const base = x + <usize>first * step
    const out = parts + (<usize>(block * channels) << 4)
    let c = 0
    for (; c + 16 <= channels; c += 16) columnMoments16(base + (<usize>c << 2), n, step, out + (<usize>c << 4))
    for (; c < channels; c++) {
      store<f64>(out + (<usize>c << 4), exactMoments(base + (<usize>c << 2), n, step))
      store<f64>(out + (<usize>c << 4), m2, 8)
    }
  }
}

/** Mean of the first rows, as many as four. */
@inline function pivotOf(x: usize, n: i32, step: usize): v128 {
  const first = v128.load(x)
  if (n < 4) return first
  const pair = f32x4.add(v128.load(x + 2 * step), v128.load(x + 3 * step))
  return f32x4.mul(f32x4.splat(0.25), f32x4.add(f32x4.add(first, v128.load(x + step)), pair))
}

/**
 * Sixteen channels of n rows: a cache line, as lines of rows a power of two apart would not stay in the first-level cache for a second visit.
 * Rows are added in pairs first, which halves the length of the float32 sums.
 */
function columnMoments16(x: usize, n: i32, step: usize, out: usize): void {
  const k0 = pivotOf(x, n, step)
  const k1 = pivotOf(x + 16, n, step)
  const k2 = pivotOf(x + 32, n, step)
  const k3 = pivotOf(x + 48, n, step)
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  let q0 = f32x4.splat(0)
  let q1 = f32x4.splat(0)
  let q2 = f32x4.splat(0)
  let q3 = f32x4.splat(0)
  let p = x
  for (let i = n >> 1; i > 0; i--) {
    const next = p + step
    let a = f32x4.sub(v128.load(p), k0)
    let b = f32x4.sub(v128.load(next), k0)
    s0 = f32x4.add(s0, f32x4.add(a, b))
    q0 = f32x4.add(q0, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
    a = f32x4.sub(v128.load(p, 16), k1)
    b = f32x4.sub(v128.load(next, 16), k1)
    s1 = f32x4.add(s1, f32x4.add(a, b))
    q1 = f32x4.add(q1, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
    a = f32x4.sub(v128.load(p, 32), k2)
    b = f32x4.sub(v128.load(next, 32), k2)
    s2 = f32x4.add(s2, f32x4.add(a, b))
    q2 = f32x4.add(q2, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
    a = f32x4.sub(v128.load(p, 48), k3)
    b = f32x4.sub(v128.load(next, 48), k3)
    s3 = f32x4.add(s3, f32x4.add(a, b))
    q3 = f32x4.add(q3, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
    p = next + step
  }
  const odd = n & 1
  finishColumns(x, n, step, out, k0, s0, q0, p, odd)
  finishColumns(x + 16, n, step, out + 64, k1, s1, q1, p + 16, odd)
  finishColumns(x + 32, n, step, out + 128, k2, s2, q2, p + 32, odd)
  finishColumns(x + 48, n, step, out + 192, k3, s3, q3, p + 48, odd)
}

/** Four channels from their sums, after adding a last row where n is odd. */
function finishColumns(x: usize, n: i32, step: usize, out: usize, pivot: v128, s: v128, q: v128, last: usize, odd: i32): void {
  if (odd) {
    const d = f32x4.sub(v128.load(last), pivot)
    s = f32x4.add(s, d)
    q = f32x4.add(q, f32x4.mul(d, d))
  }
  finishPair(x, n, step, out, lowDoubles(pivot), lowDoubles(s), lowDoubles(q))
  finishPair(x + 8, n, step, out + 32, highDoubles(pivot), highDoubles(s), highDoubles(q))
}

/** Two channels: mean and m2 from their sums, channels whose pivot was an outlier again. */
@inline function finishPair(x: usize, n: i32, step: usize, out: usize, pivot: v128, s: v128, q: v128): void {
  const count = f64x2.splat(<f64>n)
  const mean = f64x2.add(pivot, f64x2.div(s, count))
  const squares = f64x2.sub(q, f64x2.div(f64x2.mul(s, s), count))
  const tiny = f64x2.mul(count, f64x2.splat(1e-30))
  const good = v128.and(f64x2.gt(f64x2.mul(squares, f64x2.splat(4)), q), v128.and(f64x2.gt(q, tiny), f64x2.lt(q, f64x2.splat(Infinity))))
  v128.store(out, i64x2.shuffle(mean, squares, 0, 2))
  v128.store(out, i64x2.shuffle(mean, squares, 1, 3), 16)
  if (i64x2.all_true(good)) return
  for (let lane = 0; lane < 2; lane++) {
    store<f64>(out + (<usize>lane << 4), exactMoments(x + (<usize>lane << 2), n, step))
    store<f64>(out + (<usize>lane << 4), m2, 8)
  }
}

/**
 * Mean and biased variance of each channel, both float64 [channels], from parts [count, channels] of `size` elements each, the last part of
 * `lastSize`. A block is a channel.
 */
export function combineMoments(parts: usize, count: i32, channels: i32, size: i32, lastSize: i32, mean: usize, variance: usize, begin: i32, end: i32): void {
  const step = <usize>channels << 4
  const total = <f64>size * <f64>(count - 1) + <f64>lastSize
  for (let c = begin; c < end; c++) {
    const first = parts + (<usize>c << 4)
    let sum: f64 = 0
    for (let i = 0, p = first; i < count; i++, p += step) sum += load<f64>(p) * <f64>(i < count - 1 ? size : lastSize)
    const m = sum / total
    let squares: f64 = 0
    for (let i = 0, p = first; i < count; i++, p += step) {
      const d = load<f64>(p) - m
      squares += load<f64>(p, 8) + d * d * <f64>(i < count - 1 ? size : lastSize)
    }
    store<f64>(mean + (<usize>c << 3), m)
    store<f64>(variance + (<usize>c << 3), squares / total)
  }
}
