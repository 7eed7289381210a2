import { firstLanes, highDoubles, loadUpTo, lowDoubles, storeUpTo, sumDoubles } from './lanes'
import { select } from './math'
import { fold } from './moments'

/**
 * Sums, maxima and minima of contiguous float32, over rows of x [rows, size] or columns of x [outer, size, inner].
 *
 * Sums run in float32 over at most 32 elements of a lane, then in float64. NaN wins in maxima and minima, as f32x4.max has it.
 */

/** Elements after which float32 sums are folded into float64, in two accumulators of four lanes. */
const FOLD: i32 = 256
/** Columns of a block: the elements of a cache line. */
const STRIP: i32 = 16
const ROWS: i32 = 32

/** Sum of a contiguous run. */
export function runSum(x: usize, n: i32): f64 {
  let sum = f64x2.splat(0)
  while (n >= 8) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    const pairs = min(n, FOLD) >> 3
    for (let i = pairs; i > 0; i--, x += 32) {
      s0 = f32x4.add(s0, v128.load(x))
      s1 = f32x4.add(s1, v128.load(x, 16))
    }
    n -= pairs << 3
    sum = fold(sum, f32x4.add(s0, s1))
  }
  for (; n > 0; n -= 4, x += 16) sum = fold(sum, loadUpTo(x, n))
  return sumDoubles(sum)
}

/** Sums of pieces of `piece` elements of each row into parts [rows, pieces], float64. A block is a piece. */
export function sumPieces(x: usize, parts: usize, size: i32, piece: i32, begin: i32, end: i32): void {
  const pieces = (size + piece - 1) / piece
  for (let block = begin; block < end; block++) {
    const row = block / pieces
    const first = (block - row * pieces) * piece
    store<f64>(parts + (<usize>block << 3), runSum(x + (<usize>(row * size + first) << 2), min(piece, size - first)))
  }
}

/** out [outputs] from parts [outer, outputs, inner], in their order. A block is an output. */
export function combineSums(parts: usize, out: usize, outer: i32, outputs: i32, inner: i32, begin: i32, end: i32): void {
  for (let o = begin; o < end; o++) {
    let sum: f64 = 0
    for (let i = 0; i < outer; i++) {
      const first = parts + (<usize>((i * outputs + o) * inner) << 3)
      for (let j = 0; j < inner; j++) sum += load<f64>(first + (<usize>j << 3))
    }
    store<f32>(out + (<usize>o << 2), <f32>sum)
  }
}

/** out [outer, inner]: sums over the middle of x [outer, size, inner]. A block is 16 columns. */
export function sumMiddle(x: usize, out: usize, size: i32, inner: i32, begin: i32, end: i32): void {
  const strips = (inner + STRIP - 1) / STRIP
  const step = <usize>inner << 2
  for (let block = begin; block < end; block++) {
    const o = block / strips
    const first = (block - o * strips) * STRIP
    const last = min(inner, first + STRIP)
    const base = x + <usize>(o * size) * step
    for (let c = first; c < last; c += 4) {
      const n = last - c
      let low = f64x2.splat(0)
      let high = f64x2.splat(0)
      let p = base + (<usize>c << 2)
      for (let row = 0; row < size; row += ROWS) {
        let s = f32x4.splat(0)
        for (let i = min(ROWS, size - row); i > 0; i--, p += step) s = f32x4.add(s, loadUpTo(p, n))
        low = f64x2.add(low, lowDoubles(s))
        high = f64x2.add(high, highDoubles(s))
      }
      storeUpTo(out + (<usize>(o * inner + c) << 2), i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2), n)
    }
  }
}

class Max {
  @inline better(a: v128, b: v128): v128 { return f32x4.max(a, b) }
  @inline worst(): v128 { return f32x4.splat(-Infinity) }
}
class Min {
  @inline better(a: v128, b: v128): v128 { return f32x4.min(a, b) }
  @inline worst(): v128 { return f32x4.splat(Infinity) }
}

/** The extreme of a contiguous run, in all lanes. */
@inline function runExtreme<T>(x: usize, n: i32): v128 {
  const op = changetype<T>(0)
  let best0 = op.worst()
  let best1 = op.worst()
  for (; n >= 8; n -= 8, x += 32) {
    best0 = op.better(best0, v128.load(x))
    best1 = op.better(best1, v128.load(x, 16))
  }
  for (; n > 0; n -= 4, x += 16) best0 = op.better(best0, select(firstLanes(n), loadUpTo(x, n), op.worst()))
  let best = op.better(best0, best1)
  best = op.better(best, i32x4.shuffle(best, best, 2, 3, 0, 1))
  return op.better(best, i32x4.shuffle(best, best, 1, 0, 3, 2))
}
export function runMax(x: usize, n: i32): f32 { return f32x4.extract_lane(runExtreme<Max>(x, n), 0) }

function rowExtremes<T>(x: usize, out: usize, size: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    v128.store_lane<f32>(out + (<usize>row << 2), runExtreme<T>(x + (<usize>(row * size) << 2), size), 0)
  }
}

function middleExtremes<T>(x: usize, out: usize, size: i32, inner: i32, begin: i32, end: i32): void {
  const op = changetype<T>(0)
  const strips = (inner + STRIP - 1) / STRIP
  const step = <usize>inner << 2
  for (let block = begin; block < end; block++) {
    const o = block / strips
    const first = (block - o * strips) * STRIP
    const last = min(inner, first + STRIP)
    for (let c = first; c < last; c += 4) {
      const n = last - c
      let best = op.worst()
      let p = x + <usize>(o * size) * step + (<usize>c << 2)
      for (let i = size; i > 0; i--, p += step) best = op.better(best, loadUpTo(p, n))
      storeUpTo(out + (<usize>(o * inner + c) << 2), best, n)
    }
  }
}

/** The index, int64, of the first element equal to the extreme, or of the first NaN. */
function rowArgExtremes<T>(x: usize, out: usize, size: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    const p = x + (<usize>(row * size) << 2)
    const best = runExtreme<T>(p, size)
    const isNan = v128.any_true(f32x4.ne(best, best))
    let i = 0
    for (; i + 4 <= size; i += 4) {
      const v = v128.load(p + (<usize>i << 2))
      if (v128.any_true(isNan ? f32x4.ne(v, v) : f32x4.eq(v, best))) break
    }
    const value = f32x4.extract_lane(best, 0)
    for (; i < size; i++) {
      const v = load<f32>(p + (<usize>i << 2))
      if (isNan ? v != v : v == value) break
    }
    store<i64>(out + (<usize>row << 3), <i64>i)
  }
}

/** out [rows]. A block is a row. */
export function rowMax(x: usize, out: usize, size: i32, begin: i32, end: i32): void { rowExtremes<Max>(x, out, size, begin, end) }
export function rowMin(x: usize, out: usize, size: i32, begin: i32, end: i32): void { rowExtremes<Min>(x, out, size, begin, end) }
/** out [outer, inner]. A block is 16 columns. */
export function middleMax(x: usize, out: usize, size: i32, inner: i32, begin: i32, end: i32): void { middleExtremes<Max>(x, out, size, inner, begin, end) }
export function middleMin(x: usize, out: usize, size: i32, inner: i32, begin: i32, end: i32): void { middleExtremes<Min>(x, out, size, inner, begin, end) }
/** out [rows], int64. A block is a row. */
export function rowArgMax(x: usize, out: usize, size: i32, begin: i32, end: i32): void { rowArgExtremes<Max>(x, out, size, begin, end) }
export function rowArgMin(x: usize, out: usize, size: i32, begin: i32, end: i32): void { rowArgExtremes<Min>(x, out, size, begin, end) }
