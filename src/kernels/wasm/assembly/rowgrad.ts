import { demote, firstLanes, highDoubles, loadUpTo, lowDoubles, storeUpTo, sumDoubles } from './lanes'
import { fold } from './moments'
import { at, at64, centred, factor, gradLanes, gradRun, highOf, isNearZero, isNormal, lastProducts, normalizeLanes, runSums } from './norm'

/** The gradients of the norms of rownorm.ts. See norm.ts for the formulas. */

/** Elements after which float32 sums are folded into float64: 32 to a lane in two accumulators of four lanes. */
const FOLD: i32 = 256

/** Second result of rowSums. A global belongs to one thread. */
let products: f64 = 0

/**
 * dx (absent: 0) and parts [rows, size / run]: sum(dy) and sum(dy x^) of each segment, pairs of float64. A block is a row.
 */
export function segmentedRowGrad(
  dy: usize, x: usize, dx: usize, weight: usize, mean: usize, rstd: usize, parts: usize, size: i32, groups: i32, run: i32, begin: i32, end: i32,
): void {
  const segments = size / run
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    const m = mean ? load<f64>(at64(mean, row)) : 0
    const r = load<f64>(at64(rstd, row))
    const high = highOf(m, r)
    const low = (m - <f64>high) * r
    const first = (row % groups) * segments
    let sumG: f64 = 0
    let sumGx: f64 = 0
    let out = parts + (<usize>(row * segments) << 4)
    for (let s = 0, start = offset; s < segments; s++, start += <usize>run << 2, out += 16) {
      const sum = runSums(dy + start, x + start, run, high, <f32>r)
      const product = centred(lastProducts(), <f32>r, r) - low * sum
      store<f64>(out, sum)
      store<f64>(out, product, 8)
      const w = factor(weight, first + s)
      sumG += w * sum
      sumGx += w * product
    }
    if (!dx) continue
    const k = -sumGx / <f64>size
    const c = (mean ? -sumG / <f64>size : 0) - k * low
    for (let s = 0, start = offset; s < segments; s++, start += <usize>run << 2) {
      gradRun<bool>(dy + start, x + start, dx + start, run, high, <f32>r, <f32>r, <f32>k, <f32>c, <f32>factor(weight, first + s))
    }
  }
}

/** dweight and dbias from parts [count, parameters], pairs of float64; either may be absent. A block is a parameter. */
export function sumPairs(parts: usize, count: i32, parameters: i32, dweight: usize, dbias: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    let sum: f64 = 0
    let product: f64 = 0
    let p = parts + (<usize>i << 4)
    for (let k = 0; k < count; k++, p += <usize>parameters << 4) {
      sum += load<f64>(p)
      product += load<f64>(p, 8)
    }
    if (dweight) store<f32>(at(dweight, i), <f32>product)
    if (dbias) store<f32>(at(dbias, i), <f32>sum)
  }
}

/**
 * Where run is 1: dx (absent: 0), and into parts [blocks, 2, groups size], float32, each block's dbias and dweight (absent: 0). A block is
 * `blockSamples` samples of `groups` rows, at most 32.
 */
export function rowGrad(
  dy: usize, x: usize, dx: usize, weight: usize, mean: usize, rstd: usize, parts: usize, samples: i32, size: i32, groups: i32, blockSamples: i32,
  begin: i32, end: i32,
): void {
  const second = <usize>(groups * size) << 2
  for (let block = begin; block < end; block++) {
    const sums = parts + <usize>(2 * block) * second
    if (parts) memory.fill(sums, 0, 2 * second)
    const last = min(samples, (block + 1) * blockSamples) * groups
    let group = 0
    for (let row = block * blockSamples * groups; row < last; row++) {
      const offset = <usize>(row * size) << 2
      const m = mean ? load<f64>(at64(mean, row)) : 0
      const r = load<f64>(at64(rstd, row))
      const near = isNearZero(m, r)
      const high: f32 = near ? 0 : <f32>m
      const shift = -(m - <f64>high) * r
      const first = <usize>(group * size) << 2
      const w = weight ? weight + first : 0
      const s = sums + first
      let sumG: f64
      if (w && parts && near) sumG = rowSums<bool, bool, bool>(dy + offset, x + offset, w, size, high, <f32>r, <f32>shift, s, second)
      else if (w && parts) sumG = rowSums<bool, bool, i32>(dy + offset, x + offset, w, size, high, <f32>r, <f32>shift, s, second)
      else if (w) sumG = rowSums<bool, i32, i32>(dy + offset, x + offset, w, size, high, <f32>r, <f32>shift, 0, 0)
      else if (parts) sumG = rowSums<i32, bool, i32>(dy + offset, x + offset, 0, size, high, <f32>r, <f32>shift, s, second)
      else sumG = rowSums<i32, i32, i32>(dy + offset, x + offset, 0, size, high, <f32>r, <f32>shift, 0, 0)
      if (++group == groups) group = 0
      if (!dx) continue
      const k = -products / <f64>size
      const c = (mean ? -sumG / <f64>size : 0) + k * shift
      const slope = r * r * k
      if (w && near && isNormal(slope)) nearRowDx(dy + offset, x + offset, dx + offset, w, size, <f32>r, <f32>slope, <f32>(r * c))
      else rowDx(dy + offset, x + offset, dx + offset, w, size, high, <f32>r, <f32>k, <f32>c)
    }
  }
}

/**
 * @returns sum(g), g = dy weight; `products` is sum(g x^). Where P is bool, dy is added to `sums`, dy x^ `second` bytes behind; where W is not, the
 * weight is 1. Two vectors a turn, as a sum of one would wait for itself.
 */
function rowSums<W, P, N>(dy: usize, x: usize, weight: usize, n: i32, high: f32, rstd: f32, shift: f32, sums: usize, second: usize): f64 {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vs = f32x4.splat(shift)
  let sum = f64x2.splat(0)
  let product = f64x2.splat(0)
  while (n >= 8) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    let q0 = f32x4.splat(0)
    let q1 = f32x4.splat(0)
    let pairs = min(n, FOLD) >> 3
    n -= pairs << 3
    for (; pairs > 0; pairs--) {
      let g0 = v128.load(dy)
      let g1 = v128.load(dy, 16)
      const x0 = normalizeLanes<N>(v128.load(x), vh, vr, vs)
      const x1 = normalizeLanes<N>(v128.load(x, 16), vh, vr, vs)
      if (isBoolean<P>()) {
        const second0 = sums + second
        v128.store(sums, f32x4.add(v128.load(sums), g0))
        v128.store(sums, f32x4.add(v128.load(sums, 16), g1), 16)
        v128.store(second0, f32x4.add(v128.load(second0), f32x4.mul(g0, x0)))
        v128.store(second0, f32x4.add(v128.load(second0, 16), f32x4.mul(g1, x1)), 16)
        sums += 32
      }
      if (isBoolean<W>()) {
        g0 = f32x4.mul(g0, v128.load(weight))
        g1 = f32x4.mul(g1, v128.load(weight, 16))
        weight += 32
      }
      s0 = f32x4.add(s0, g0)
      s1 = f32x4.add(s1, g1)
      q0 = f32x4.add(q0, f32x4.mul(g0, x0))
      q1 = f32x4.add(q1, f32x4.mul(g1, x1))
      dy += 32
      x += 32
    }
    sum = fold(sum, f32x4.add(s0, s1))
    product = fold(product, f32x4.add(q0, q1))
  }
  for (; n > 0; n -= 4, dy += 16, x += 16) {
    const d = loadUpTo(dy, n)
    const normalized = v128.and(normalizeLanes<N>(loadUpTo(x, n), vh, vr, vs), firstLanes(n))
    if (isBoolean<P>()) {
      storeUpTo(sums, f32x4.add(loadUpTo(sums, n), d), n)
      storeUpTo(sums + second, f32x4.add(loadUpTo(sums + second, n), f32x4.mul(d, normalized)), n)
      sums += 16
    }
    let g = d
    if (isBoolean<W>()) {
      g = f32x4.mul(d, loadUpTo(weight, n))
      weight += 16
    }
    sum = fold(sum, g)
    product = fold(product, f32x4.mul(g, normalized))
  }
  products = sumDoubles(product)
  return sumDoubles(sum)
}

/** dx with a weight, unless its address is 0, for each element. */
@inline function rowDx(dy: usize, x: usize, dx: usize, weight: usize, n: i32, high: f32, rstd: f32, k: f32, c: f32): void {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vk = f32x4.splat(k)
  const vc = f32x4.splat(c)
  if (!weight) {
    gradRun<i32>(dy, x, dx, n, high, rstd, rstd, k, c, 1)
    return
  }
  for (; n >= 8; n -= 8, dy += 32, x += 32, dx += 32, weight += 32) {
    v128.store(dx, gradLanes(f32x4.mul(v128.load(dy), v128.load(weight)), v128.load(x), vh, vr, vr, vk, vc))
    v128.store(dx, gradLanes(f32x4.mul(v128.load(dy, 16), v128.load(weight, 16)), v128.load(x, 16), vh, vr, vr, vk, vc), 16)
  }
  for (; n > 0; n -= 4, dy += 16, x += 16, dx += 16, weight += 16) {
    storeUpTo(dx, gradLanes(f32x4.mul(loadUpTo(dy, n), loadUpTo(weight, n)), loadUpTo(x, n), vh, vr, vr, vk, vc), n)
  }
}

/** dx = rstd g + (slope x + c). */
@inline function nearRowDx(dy: usize, x: usize, dx: usize, weight: usize, n: i32, rstd: f32, slope: f32, c: f32): void {
  const vr = f32x4.splat(rstd)
  const vk = f32x4.splat(slope)
  const vc = f32x4.splat(c)
  for (; n >= 8; n -= 8, dy += 32, x += 32, dx += 32, weight += 32) {
    v128.store(dx, nearGradLanes(v128.load(dy), v128.load(weight), v128.load(x), vr, vk, vc))
    v128.store(dx, nearGradLanes(v128.load(dy, 16), v128.load(weight, 16), v128.load(x, 16), vr, vk, vc), 16)
  }
  for (; n > 0; n -= 4, dy += 16, x += 16, dx += 16, weight += 16) storeUpTo(dx, nearGradLanes(loadUpTo(dy, n), loadUpTo(weight, n), loadUpTo(x, n), vr, vk, vc), n)
}
@inline function nearGradLanes(dy: v128, weight: v128, x: v128, rstd: v128, slope: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.mul(dy, weight), rstd), f32x4.add(f32x4.mul(slope, x), c))
}

/** dweight and dbias from parts [count, 2, size], summed in float64; either may be absent. COLUMNS elements are a block. */
const COLUMNS: i32 = 1024
export function sumRows(parts: usize, count: i32, size: i32, dweight: usize, dbias: usize, begin: i32, end: i32): void {
  const start = begin * COLUMNS
  const stop = min(size, end * COLUMNS)
  if (dbias) sumColumns(parts, count, <usize>size << 3, dbias, start, stop)
  if (dweight) sumColumns(at(parts, size), count, <usize>size << 3, dweight, start, stop)
}

function sumColumns(parts: usize, count: i32, step: usize, out: usize, start: i32, stop: i32): void {
  let j = start
  for (; j + 16 <= stop; j += 16) sumColumns16(at(parts, j), count, step, at(out, j))
  for (; j < stop; j += 4) {
    const n = stop - j
    let low = f64x2.splat(0)
    let high = f64x2.splat(0)
    let p = at(parts, j)
    for (let i = 0; i < count; i++, p += step) {
      const v = loadUpTo(p, n)
      low = f64x2.add(low, lowDoubles(v))
      high = f64x2.add(high, highDoubles(v))
    }
    storeUpTo(at(out, j), demote(low, high), n)
  }
}

/** A cache line: rows a power of two apart would not stay in the first-level cache for a second visit. */
function sumColumns16(parts: usize, count: i32, step: usize, out: usize): void {
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  let c = f64x2.splat(0)
  let d = f64x2.splat(0)
  let e = f64x2.splat(0)
  let f = f64x2.splat(0)
  let g = f64x2.splat(0)
  let h = f64x2.splat(0)
  for (; count > 0; count--, parts += step) {
    const v0 = v128.load(parts)
    const v1 = v128.load(parts, 16)
    const v2 = v128.load(parts, 32)
    const v3 = v128.load(parts, 48)
    a = f64x2.add(a, lowDoubles(v0))
    b = f64x2.add(b, highDoubles(v0))
    c = f64x2.add(c, lowDoubles(v1))
    d = f64x2.add(d, highDoubles(v1))
    e = f64x2.add(e, lowDoubles(v2))
    f = f64x2.add(f, highDoubles(v2))
    g = f64x2.add(g, lowDoubles(v3))
    h = f64x2.add(h, highDoubles(v3))
  }
  v128.store(out, demote(a, b))
  v128.store(out, demote(c, d), 16)
  v128.store(out, demote(e, f), 32)
  v128.store(out, demote(g, h), 48)
}
