import { demote, firstLanes, highDoubles, loadFirst, loadPart, loadUpTo, lowDoubles, storeFirst, storePart, storeUpTo, sumDoubles } from './lanes'
import { expNegative4 } from './math'
import { fold } from './moments'
import { runMax, runSum } from './reduce'

/**
 * Softmax and log-softmax, forward and backward, of contiguous float32: along rows of [rows, size], or along the middle of
 * [outer, size, inner], where four columns go side by side.
 *
 * y = exp(x - max) / sum(exp(x - max)), or its logarithm x - max - ln(sum). Where the maximum is infinite or NaN, so is the difference, as in
 * PyTorch. Sums run in float32 over at most 32 elements of a lane, then in float64.
 */

/** Elements after which a float32 accumulator of four lanes is folded into float64. */
const FOLD: i32 = 128
const ROWS: i32 = 32
const STRIP: i32 = 16

/** Sum of exp(x - max) over a run; with T = bool, y gets each. */
export function runExp<T>(x: usize, y: usize, n: i32, max: f32): f64 {
  const shift = f32x4.splat(max)
  let total = f64x2.splat(0)
  while (n >= 8) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    const pairs = min(n, 2 * FOLD) >> 3
    for (let i = pairs; i > 0; i--, x += 32) {
      const a = expNegative4(f32x4.sub(v128.load(x), shift))
      const b = expNegative4(f32x4.sub(v128.load(x, 16), shift))
      s0 = f32x4.add(s0, a)
      s1 = f32x4.add(s1, b)
      if (isBoolean<T>()) {
        v128.store(y, a)
        v128.store(y, b, 16)
        y += 32
      }
    }
    n -= pairs << 3
    total = fold(total, f32x4.add(s0, s1))
  }
  for (; n > 0; n -= 4, x += 16, y += 16) {
    const e = v128.and(expNegative4(f32x4.sub(loadUpTo(x, n), shift)), firstLanes(n))
    total = fold(total, e)
    if (isBoolean<T>()) storeUpTo(y, e, n)
  }
  return sumDoubles(total)
}

/** A block is a row. */
export function softmaxRows(x: usize, y: usize, size: i32, log: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    const max = runMax(x + offset, size)
    const sum = log ? runExp<i32>(x + offset, 0, size, max) : runExp<bool>(x + offset, y + offset, size, max)
    let p = x + offset
    let q = y + offset
    if (log) {
      const shift = f32x4.splat(max)
      const logSum = f32x4.splat(<f32>Math.log(sum))
      let n = size
      for (; n >= 4; n -= 4, p += 16, q += 16) v128.store(q, f32x4.sub(f32x4.sub(v128.load(p), shift), logSum))
      if (n > 0) storeFirst(q, f32x4.sub(f32x4.sub(loadFirst(p, n), shift), logSum), n)
    } else {
      const scale = f32x4.splat(<f32>(1 / sum))
      let n = size
      for (; n >= 4; n -= 4, q += 16) v128.store(q, f32x4.mul(v128.load(q), scale))
      if (n > 0) storeFirst(q, f32x4.mul(loadFirst(q, n), scale), n)
    }
  }
}

/** A block is 16 columns. */
export function softmaxMiddle(x: usize, y: usize, size: i32, inner: i32, log: i32, begin: i32, end: i32): void {
  const strips = (inner + STRIP - 1) / STRIP
  const step = <usize>inner << 2
  for (let block = begin; block < end; block++) {
    const o = block / strips
    const first = (block - o * strips) * STRIP
    const last = min(inner, first + STRIP)
    const base = <usize>(o * size) * step
    let c = first
    for (; c + 4 <= last; c += 4) softmaxColumns<bool>(x, y, base + (<usize>c << 2), size, step, 4, log)
    if (c < last) softmaxColumns<i32>(x, y, base + (<usize>c << 2), size, step, last - c, log)
  }
}

/** Four columns, or the first n where T is not bool, from `offset` on; `step` bytes from row to row. */
function softmaxColumns<T>(x: usize, y: usize, offset: usize, size: i32, step: usize, n: i32, log: i32): void {
  let max = f32x4.splat(-Infinity)
  let nan = i32x4.splat(0)
  let p = x + offset
  for (let i = size; i > 0; i--, p += step) {
    const v = loadPart<T>(p, n)
    max = f32x4.pmax(max, v)
    nan = v128.or(nan, f32x4.ne(v, v))
  }
  max = v128.bitselect(f32x4.splat(NaN), max, nan)
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  p = x + offset
  let q = y + offset
  for (let row = 0; row < size; row += ROWS) {
    let s = f32x4.splat(0)
    for (let i = min(ROWS, size - row); i > 0; i--, p += step, q += step) {
      const e = expNegative4(f32x4.sub(loadPart<T>(p, n), max))
      s = f32x4.add(s, e)
      if (!log) storePart<T>(q, e, n)
    }
    low = f64x2.add(low, lowDoubles(s))
    high = f64x2.add(high, highDoubles(s))
  }
  q = y + offset
  if (!log) {
    const one = f64x2.splat(1)
    const scale = demote(f64x2.div(one, low), f64x2.div(one, high))
    for (let i = size; i > 0; i--, q += step) storePart<T>(q, f32x4.mul(loadPart<T>(q, n), scale), n)
    return
  }
  const logSum = f32x4(
    <f32>Math.log(f64x2.extract_lane(low, 0)), <f32>Math.log(f64x2.extract_lane(low, 1)),
    <f32>Math.log(f64x2.extract_lane(high, 0)), <f32>Math.log(f64x2.extract_lane(high, 1)),
  )
  p = x + offset
  for (let i = size; i > 0; i--, p += step, q += step) storePart<T>(q, f32x4.sub(f32x4.sub(loadPart<T>(p, n), max), logSum), n)
}

/** y (dy - sum), or dy - exp(y) sum. */
@inline function gradLanes(dy: v128, y: v128, sum: v128, log: i32): v128 {
  return log ? f32x4.sub(dy, f32x4.mul(expNegative4(y), sum)) : f32x4.mul(y, f32x4.sub(dy, sum))
}

/** sum(dy y) over a run. */
function runDot(dy: usize, y: usize, n: i32): f64 {
  let total = f64x2.splat(0)
  while (n >= 4) {
    let s = f32x4.splat(0)
    const vectors = min(n, FOLD) >> 2
    for (let i = vectors; i > 0; i--, dy += 16, y += 16) s = f32x4.add(s, f32x4.mul(v128.load(dy), v128.load(y)))
    n -= vectors << 2
    total = fold(total, s)
  }
  if (n > 0) total = fold(total, f32x4.mul(loadFirst(dy, n), loadFirst(y, n)))
  return sumDoubles(total)
}

/** A block is a row. */
export function softmaxGradRows(dy: usize, y: usize, dx: usize, size: i32, log: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    const sum = f32x4.splat(<f32>(log ? runSum(dy + offset, size) : runDot(dy + offset, y + offset, size)))
    let p = offset
    let n = size
    for (; n >= 4; n -= 4, p += 16) v128.store(dx + p, gradLanes(v128.load(dy + p), v128.load(y + p), sum, log))
    if (n > 0) storeFirst(dx + p, gradLanes(loadFirst(dy + p, n), loadFirst(y + p, n), sum, log), n)
  }
}

/** A block is 16 columns. */
export function softmaxGradMiddle(dy: usize, y: usize, dx: usize, size: i32, inner: i32, log: i32, begin: i32, end: i32): void {
  const strips = (inner + STRIP - 1) / STRIP
  const step = <usize>inner << 2
  for (let block = begin; block < end; block++) {
    const o = block / strips
    const first = (block - o * strips) * STRIP
    const last = min(inner, first + STRIP)
    const base = <usize>(o * size) * step
    let c = first
    for (; c + 4 <= last; c += 4) softmaxGradColumns<bool>(dy, y, dx, base + (<usize>c << 2), size, step, 4, log)
    if (c < last) softmaxGradColumns<i32>(dy, y, dx, base + (<usize>c << 2), size, step, last - c, log)
  }
}

function softmaxGradColumns<T>(dy: usize, y: usize, dx: usize, offset: usize, size: i32, step: usize, n: i32, log: i32): void {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  let p = offset
  for (let row = 0; row < size; row += ROWS) {
    let s = f32x4.splat(0)
    for (let i = min(ROWS, size - row); i > 0; i--, p += step) {
      const d = loadPart<T>(dy + p, n)
      s = f32x4.add(s, log ? d : f32x4.mul(d, loadPart<T>(y + p, n)))
    }
    low = f64x2.add(low, lowDoubles(s))
    high = f64x2.add(high, highDoubles(s))
  }
  const sum = demote(low, high)
  p = offset
  for (let i = size; i > 0; i--, p += step) storePart<T>(dx + p, gradLanes(loadPart<T>(dy + p, n), loadPart<T>(y + p, n), sum, log), n)
}
