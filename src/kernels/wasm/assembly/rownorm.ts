import { demote, firstLanes, highDoubles, loadFirst, loadUpTo, lowDoubles, storeFirst, storeUpTo, sumDoubles } from './lanes'
import { fold, lastSquares, runMean, runMeanSquare } from './moments'
import { affineLanes, affineRun, at, at64, centred, factor, gradLanes, gradRun, lastProducts, runSums, term } from './norm'

/**
 * Norms whose rows have statistics of their own: LayerNorm, RMSNorm, GroupNorm, InstanceNorm. See norm.ts for the formulas.
 *
 * x is [rows, size]. Element j of row r has parameter (r mod groups) (size / run) + floor(j / run).
 */

/** Elements after which float32 sums are folded into float64, in one accumulator of four lanes. */
const FOLD: i32 = 128

/** Second result of rowSums. A global belongs to one thread. */
let products: f64 = 0

/** mean is absent for RMS norms. A block is a row. */
export function rowNorm(
  x: usize, y: usize, weight: usize, bias: usize, mean: usize, rstd: usize, eps: f64, size: i32, groups: i32, run: i32, lenient: i32,
  begin: i32, end: i32,
): void {
  const segments = size / run
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    let m: f64 = 0
    let variance: f64
    if (mean) {
      m = runMean(x + offset, size)
      variance = lastSquares() / <f64>size
      store<f64>(at64(mean, row), m)
    } else variance = runMeanSquare(x + offset, size)
    let r = 1 / Math.sqrt(variance + eps)
    // PyTorch's LayerNorm gives NaN where the sum of squares leaves float32, its InstanceNorm the bias for a constant row without eps.
    if (lenient) {
      if (variance + eps == 0) r = 0
    } else if (mean && variance * <f64>size > <f64>f32.MAX_VALUE) r = NaN
    store<f64>(at64(rstd, row), r)
    const high = <f32>m
    const low = m - <f64>high
    const first = (row % groups) * segments
    if (run == 1 && (weight || bias)) {
      const w = at(weight, first)
      const b = at(bias, first)
      const c = <f32>(-low * r)
      if (!bias) parameterizedRow<bool, i32>(x + offset, y + offset, size, high, <f32>r, c, w, 0)
      else if (!weight) parameterizedRow<i32, bool>(x + offset, y + offset, size, high, <f32>r, c, 0, b)
      else parameterizedRow<bool, bool>(x + offset, y + offset, size, high, <f32>r, c, w, b)
      continue
    }
    // A row without parameters is one segment.
    const length = weight || bias ? run : size
    for (let s = 0, start = offset; s < size / length; s++, start += <usize>length << 2) {
      const scale = r * factor(weight, first + s)
      affineRun(x + start, y + start, length, high, <f32>scale, <f32>(term(bias, first + s) - low * scale))
    }
  }
}

/** y = ((x - high) rstd + c) weight + bias, with a parameter for each element. W and B are bool where weight and bias are there. */
function parameterizedRow<W, B>(x: usize, y: usize, n: i32, high: f32, rstd: f32, c: f32, weight: usize, bias: usize): void {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vc = f32x4.splat(c)
  for (; n >= 8; n -= 8, x += 32, y += 32) {
    let v0 = affineLanes(v128.load(x), vh, vr, vc)
    let v1 = affineLanes(v128.load(x, 16), vh, vr, vc)
    if (isBoolean<W>()) {
      v0 = f32x4.mul(v0, v128.load(weight))
      v1 = f32x4.mul(v1, v128.load(weight, 16))
      weight += 32
    }
    if (isBoolean<B>()) {
      v0 = f32x4.add(v0, v128.load(bias))
      v1 = f32x4.add(v1, v128.load(bias, 16))
      bias += 32
    }
    v128.store(y, v0)
    v128.store(y, v1, 16)
  }
  for (; n > 0; n -= 4, x += 16, y += 16) {
    let v = affineLanes(loadUpTo(x, n), vh, vr, vc)
    if (isBoolean<W>()) v = f32x4.mul(v, loadUpTo(weight, n))
    if (isBoolean<B>()) v = f32x4.add(v, loadUpTo(bias, n))
    storeUpTo(y, v, n)
    weight += 16
    bias += 16
  }
}

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
    const high = <f32>m
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
      const high = <f32>m
      const shift = -(m - <f64>high) * r
      const first = <usize>(group * size) << 2
      const w = weight ? weight + first : 0
      const sumG = parts
        ? rowSums<bool>(dy + offset, x + offset, w, size, high, <f32>r, <f32>shift, sums + first, second)
        : rowSums<i32>(dy + offset, x + offset, w, size, high, <f32>r, <f32>shift, 0, 0)
      if (++group == groups) group = 0
      if (!dx) continue
      const k = -products / <f64>size
      const c = (mean ? -sumG / <f64>size : 0) + k * shift
      rowDx(dy + offset, x + offset, dx + offset, w, size, high, <f32>r, <f32>k, <f32>c)
    }
  }
}

/** @returns sum(g), g = dy weight; `products` is sum(g x^). With T = bool, dy is added to `sums`, dy x^ `second` bytes behind. */
function rowSums<T>(dy: usize, x: usize, weight: usize, n: i32, high: f32, rstd: f32, shift: f32, sums: usize, second: usize): f64 {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vs = f32x4.splat(shift)
  let sum = f64x2.splat(0)
  let product = f64x2.splat(0)
  while (n > 0) {
    let s = f32x4.splat(0)
    let q = f32x4.splat(0)
    let vectors = min(n, FOLD) >> 2
    n -= vectors << 2
    for (; vectors > 0; vectors--) {
      const d = v128.load(dy)
      const normalized = affineLanes(v128.load(x), vh, vr, vs)
      const g = weight ? f32x4.mul(d, v128.load(weight)) : d
      s = f32x4.add(s, g)
      q = f32x4.add(q, f32x4.mul(g, normalized))
      if (isBoolean<T>()) {
        v128.store(sums, f32x4.add(v128.load(sums), d))
        v128.store(sums + second, f32x4.add(v128.load(sums + second), f32x4.mul(d, normalized)))
        sums += 16
      }
      dy += 16
      x += 16
      if (weight) weight += 16
    }
    if (n > 0 && n < 4) {
      const d = loadFirst(dy, n)
      const normalized = v128.and(affineLanes(loadFirst(x, n), vh, vr, vs), firstLanes(n))
      const g = weight ? f32x4.mul(d, loadFirst(weight, n)) : d
      s = f32x4.add(s, g)
      q = f32x4.add(q, f32x4.mul(g, normalized))
      if (isBoolean<T>()) {
        storeFirst(sums, f32x4.add(loadFirst(sums, n), d), n)
        storeFirst(sums + second, f32x4.add(loadFirst(sums + second, n), f32x4.mul(d, normalized)), n)
      }
      n = 0
    }
    sum = fold(sum, s)
    product = fold(product, q)
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
  for (; n >= 4; n -= 4, dy += 16, x += 16, dx += 16, weight += 16) {
    v128.store(dx, gradLanes(f32x4.mul(v128.load(dy), v128.load(weight)), v128.load(x), vh, vr, vr, vk, vc))
  }
  if (n > 0) storeFirst(dx, gradLanes(f32x4.mul(loadFirst(dy, n), loadFirst(weight, n)), loadFirst(x, n), vh, vr, vr, vk, vc), n)
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
  for (let j = start; j < stop; j += 4) {
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
