import { firstLanes, highDoubles, loadUpTo, lowDoubles, storeUpTo, sumDoubles } from './lanes'
import { exp4 } from './math'
import { fold } from './moments'
import { runMax, runSum } from './reduce'

/**
 * Softmax and log-softmax, forward and backward, of contiguous float32: along rows of [rows, size], or along the middle of
 * [outer, size, inner], where four columns go side by side.
 *
 * y = exp(x - max) / sum(exp(x - max)), or its logarithm x - max - ln(sum). Where the maximum is infinite or NaN, so is the difference, as in
 * PyTorch. Sums run in float32 over at most 32 elements of a lane, then in float64.
 */

const FOLD: i32 = 128
const ROWS: i32 = 32
const STRIP: i32 = 16

/** Sum of exp(x - max) over a run; y, unless 0, gets each. */
function runExp(x: usize, y: usize, n: i32, max: f32): f64 {
  const shift = f32x4.splat(max)
  let total = f64x2.splat(0)
  while (n > 0) {
    let s = f32x4.splat(0)
    const count = min(n, FOLD)
    for (let left = count; left > 0; left -= 4, x += 16) {
      const e = v128.and(exp4(f32x4.sub(loadUpTo(x, left), shift)), firstLanes(left))
      s = f32x4.add(s, e)
      if (y) {
        storeUpTo(y, e, left)
        y += 16
      }
    }
    n -= count
    total = fold(total, s)
  }
  return sumDoubles(total)
}

/** A block is a row. */
export function softmaxRows(x: usize, y: usize, size: i32, log: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    const max = runMax(x + offset, size)
    const sum = runExp(x + offset, log ? 0 : y + offset, size, max)
    let p = x + offset
    let q = y + offset
    if (log) {
      const shift = f32x4.splat(max)
      const logSum = f32x4.splat(<f32>Math.log(sum))
      for (let n = size; n > 0; n -= 4, p += 16, q += 16) storeUpTo(q, f32x4.sub(f32x4.sub(loadUpTo(p, n), shift), logSum), n)
    } else {
      const scale = f32x4.splat(<f32>(1 / sum))
      for (let n = size; n > 0; n -= 4, q += 16) storeUpTo(q, f32x4.mul(loadUpTo(q, n), scale), n)
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
    for (let c = first; c < last; c += 4) softmaxColumns(x, y, <usize>(o * size) * step + (<usize>c << 2), size, step, last - c, log)
  }
}

/** The first n (up to 4) columns from `offset`, `step` bytes from row to row. */
function softmaxColumns(x: usize, y: usize, offset: usize, size: i32, step: usize, n: i32, log: i32): void {
  let max = f32x4.splat(-Infinity)
  let p = x + offset
  for (let i = size; i > 0; i--, p += step) max = f32x4.max(max, loadUpTo(p, n))
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  p = x + offset
  let q = y + offset
  for (let row = 0; row < size; row += ROWS) {
    let s = f32x4.splat(0)
    for (let i = min(ROWS, size - row); i > 0; i--, p += step, q += step) {
      const e = exp4(f32x4.sub(loadUpTo(p, n), max))
      s = f32x4.add(s, e)
      if (!log) storeUpTo(q, e, n)
    }
    low = f64x2.add(low, lowDoubles(s))
    high = f64x2.add(high, highDoubles(s))
  }
  q = y + offset
  if (!log) {
    const one = f64x2.splat(1)
    const scale = i64x2.shuffle(f32x4.demote_f64x2_zero(f64x2.div(one, low)), f32x4.demote_f64x2_zero(f64x2.div(one, high)), 0, 2)
    for (let i = size; i > 0; i--, q += step) storeUpTo(q, f32x4.mul(loadUpTo(q, n), scale), n)
    return
  }
  const logSum = f32x4(
    <f32>Math.log(f64x2.extract_lane(low, 0)), <f32>Math.log(f64x2.extract_lane(low, 1)),
    <f32>Math.log(f64x2.extract_lane(high, 0)), <f32>Math.log(f64x2.extract_lane(high, 1)),
  )
  p = x + offset
  for (let i = size; i > 0; i--, p += step, q += step) storeUpTo(q, f32x4.sub(f32x4.sub(loadUpTo(p, n), max), logSum), n)
}

/** y (dy - sum), or dy - exp(y) sum. */
@inline function gradLanes(dy: v128, y: v128, sum: v128, log: i32): v128 {
  return log ? f32x4.sub(dy, f32x4.mul(exp4(y), sum)) : f32x4.mul(y, f32x4.sub(dy, sum))
}

/** sum(dy y) over a run. */
function runDot(dy: usize, y: usize, n: i32): f64 {
  let total = f64x2.splat(0)
  while (n > 0) {
    let s = f32x4.splat(0)
    const count = min(n, FOLD)
    for (let left = count; left > 0; left -= 4, dy += 16, y += 16) s = f32x4.add(s, f32x4.mul(loadUpTo(dy, left), loadUpTo(y, left)))
    n -= count
    total = fold(total, s)
  }
  return sumDoubles(total)
}

/** A block is a row. */
export function softmaxGradRows(dy: usize, y: usize, dx: usize, size: i32, log: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    const sum = f32x4.splat(<f32>(log ? runSum(dy + offset, size) : runDot(dy + offset, y + offset, size)))
    let p = offset
    for (let n = size; n > 0; n -= 4, p += 16) storeUpTo(dx + p, gradLanes(loadUpTo(dy + p, n), loadUpTo(y + p, n), sum, log), n)
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
    for (let c = first; c < last; c += 4) {
      const n = last - c
      const start = <usize>(o * size) * step + (<usize>c << 2)
      let low = f64x2.splat(0)
      let high = f64x2.splat(0)
      let p = start
      for (let row = 0; row < size; row += ROWS) {
        let s = f32x4.splat(0)
        for (let i = min(ROWS, size - row); i > 0; i--, p += step) {
          const d = loadUpTo(dy + p, n)
          s = f32x4.add(s, log ? d : f32x4.mul(d, loadUpTo(y + p, n)))
        }
        low = f64x2.add(low, lowDoubles(s))
        high = f64x2.add(high, highDoubles(s))
      }
      const sum = i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
      p = start
      for (let i = size; i > 0; i--, p += step) storeUpTo(dx + p, gradLanes(loadUpTo(dy + p, n), loadUpTo(y + p, n), sum, log), n)
    }
  }
}
