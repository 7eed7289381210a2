import { demote, firstLanes, highDoubles, loadUpTo, lowDoubles, storeUpTo, sumDoubles } from './lanes'
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
    let c = first
    if (last - first == STRIP) {
      sumStrip(base + (<usize>c << 2), out + (<usize>(o * inner + c) << 2), size, step)
      continue
    }
    for (; c < last; c += 4) {
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
      storeUpTo(out + (<usize>(o * inner + c) << 2), demote(low, high), n)
    }
  }
}

/** Sixteen columns at once: where rows lie a power of two apart, a line read four times would be read from the second cache each time. */
function sumStrip(x: usize, out: usize, size: i32, step: usize): void {
  let l0 = f64x2.splat(0)
  let l1 = f64x2.splat(0)
  let l2 = f64x2.splat(0)
  let l3 = f64x2.splat(0)
  let h0 = f64x2.splat(0)
  let h1 = f64x2.splat(0)
  let h2 = f64x2.splat(0)
  let h3 = f64x2.splat(0)
  for (let row = 0; row < size; row += ROWS) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    let s2 = f32x4.splat(0)
    let s3 = f32x4.splat(0)
    for (let i = min(ROWS, size - row); i > 0; i--, x += step) {
      s0 = f32x4.add(s0, v128.load(x))
      s1 = f32x4.add(s1, v128.load(x, 16))
      s2 = f32x4.add(s2, v128.load(x, 32))
      s3 = f32x4.add(s3, v128.load(x, 48))
    }
    l0 = f64x2.add(l0, lowDoubles(s0))
    l1 = f64x2.add(l1, lowDoubles(s1))
    l2 = f64x2.add(l2, lowDoubles(s2))
    l3 = f64x2.add(l3, lowDoubles(s3))
    h0 = f64x2.add(h0, highDoubles(s0))
    h1 = f64x2.add(h1, highDoubles(s1))
    h2 = f64x2.add(h2, highDoubles(s2))
    h3 = f64x2.add(h3, highDoubles(s3))
  }
  v128.store(out, demote(l0, h0))
  v128.store(out, demote(l1, h1), 16)
  v128.store(out, demote(l2, h2), 32)
  v128.store(out, demote(l3, h3), 48)
}

/** pmax and pmin are one instruction on x86, but forget NaN, which is looked for beside them; f32x4.max and min take eight. */
class Max {
  @inline better(x: v128, best: v128): v128 { return f32x4.pmax(best, x) }
  @inline worst(): v128 { return f32x4.splat(-Infinity) }
}
class Min {
  @inline better(x: v128, best: v128): v128 { return f32x4.pmin(best, x) }
  @inline worst(): v128 { return f32x4.splat(Infinity) }
}

@inline function withNan(best: v128, nan: v128): v128 { return v128.bitselect(f32x4.splat(NaN), best, nan) }

/** The extreme of a contiguous run, in all lanes. */
function runExtreme<T>(x: usize, n: i32): v128 {
  const op = changetype<T>(0)
  let best0 = op.worst()
  let best1 = op.worst()
  let nan0 = i32x4.splat(0)
  let nan1 = i32x4.splat(0)
  for (; n >= 8; n -= 8, x += 32) {
    const a = v128.load(x)
    const b = v128.load(x, 16)
    best0 = op.better(a, best0)
    best1 = op.better(b, best1)
    nan0 = v128.or(nan0, f32x4.ne(a, a))
    nan1 = v128.or(nan1, f32x4.ne(b, b))
  }
  for (; n > 0; n -= 4, x += 16) {
    const a = select(firstLanes(n), loadUpTo(x, n), op.worst())
    best0 = op.better(a, best0)
    nan0 = v128.or(nan0, f32x4.ne(a, a))
  }
  if (v128.any_true(v128.or(nan0, nan1))) return f32x4.splat(NaN)
  let best = op.better(best1, best0)
  best = op.better(i32x4.shuffle(best, best, 2, 3, 0, 1), best)
  return op.better(i32x4.shuffle(best, best, 1, 0, 3, 2), best)
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
      let nan = i32x4.splat(0)
      let p = x + <usize>(o * size) * step + (<usize>c << 2)
      for (let i = size; i > 0; i--, p += step) {
        const v = loadUpTo(p, n)
        best = op.better(v, best)
        nan = v128.or(nan, f32x4.ne(v, v))
      }
      storeUpTo(out + (<usize>(o * inner + c) << 2), withNan(best, nan), n)
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
