import { applyEpilogue } from './epilogue'
import { loadUpTo, storeUpTo } from './lanes'
import { CHUNK, lastSquares, pairMeans, pairMoments, pairVariances, runMean, runMeanSquare } from './moments'
import { affineLanes, affineRun, at, at64, factor, highOf, normalizeLanes, term } from './norm'

/**
 * Norms whose rows have statistics of their own: LayerNorm, RMSNorm, GroupNorm, InstanceNorm. See norm.ts for the formulas.
 *
 * x is [rows, size]. Element j of row r has parameter (r mod groups) (size / run) + floor(j / run).
 */

/**
 * mean is absent for RMS norms. With `given`, mean and rstd are read, else written. The last five are what epilogue.ts says. A block is a row.
 */
export function rowNorm(
  x: usize, y: usize, weight: usize, bias: usize, mean: usize, rstd: usize, eps: f64, size: i32, groups: i32, run: i32, lenient: i32, given: i32,
  residual: usize, activation: i32, p: f32, q: f32, r: f32, begin: i32, end: i32,
): void {
  const ends = residual != 0 || activation != 0
  const shared = run == 1 && groups == 1 && weight != 0 && bias != 0
  const step = <usize>size << 2
  const segments = size / run
  let group = begin % groups
  for (let row = begin; row < end; row += 2) {
    const rows = min(2, end - row)
    const offset = <usize>row * step
    const pm = mean ? at64(mean, row) : 0
    const pr = at64(rstd, row)
    if (!given) {
      if (pm && size <= CHUNK) pairStatistics(x + offset, rows, size, pm, pr, eps, lenient)
      else {
        rowStatistics(x + offset, size, pm, pr, eps, lenient)
        if (rows == 2) rowStatistics(x + offset + step, size, pm ? pm + 8 : 0, pr + 8, eps, lenient)
      }
    }
    if (rows == 2 && shared) normalizeRows(x + offset, y + offset, weight, bias, pm, pr, size)
    for (let i = row; i < row + rows; i++) {
      const own = <usize>i * step
      if (rows == 1 || !shared) normalizeRow(x + own, y + own, weight, bias, mean ? load<f64>(at64(mean, i)) : 0, load<f64>(at64(rstd, i)), size, run, group * segments)
      if (++group == groups) group = 0
      if (ends) applyEpilogue(y + own, size, residual ? residual + own : 0, activation, p, q, r)
    }
  }
}

/** rowStatistics of two rows at once, or of one. */
function pairStatistics(x: usize, rows: i32, size: i32, mean: usize, rstd: usize, eps: f64, lenient: i32): void {
  pairMoments(x, rows == 2 ? x + (<usize>size << 2) : x, size)
  const sum = f64x2.add(pairVariances(), f64x2.splat(eps))
  let r = f64x2.div(f64x2.splat(1), f64x2.sqrt(sum))
  if (lenient) r = v128.andnot(r, f64x2.eq(sum, f64x2.splat(0)))
  else r = v128.or(r, f64x2.gt(f64x2.mul(pairVariances(), f64x2.splat(<f64>size)), f64x2.splat(<f64>f32.MAX_VALUE)))
  if (rows == 2) {
    v128.store(mean, pairMeans())
    v128.store(rstd, r)
  } else {
    v128.store_lane<f64>(mean, pairMeans(), 0)
    v128.store_lane<f64>(rstd, r, 0)
  }
}

/** Mean (absent: 0) and rstd of a row. */
function rowStatistics(x: usize, size: i32, mean: usize, rstd: usize, eps: f64, lenient: i32): void {
  let variance: f64
  if (mean) {
    store<f64>(mean, runMean(x, size))
    variance = lastSquares() / <f64>size
  } else variance = runMeanSquare(x, size)
  let r = 1 / Math.sqrt(variance + eps)
  // PyTorch's LayerNorm gives NaN where the sum of squares leaves float32, its InstanceNorm the bias for a constant row without eps.
  if (lenient) {
    if (variance + eps == 0) r = 0
  } else if (mean && variance * <f64>size > <f64>f32.MAX_VALUE) r = NaN
  store<f64>(rstd, r)
}

/**
 * Two rows of one group, which read their parameters together: the bits of normalizeRow. These loops take as long as they have instructions, so they
 * have four vectors a turn.
 */
@inline function normalizeRows(x: usize, y: usize, weight: usize, bias: usize, mean: usize, rstd: usize, size: i32): void {
  const m0 = mean ? load<f64>(mean) : 0
  const m1 = mean ? load<f64>(mean, 8) : 0
  const r0 = load<f64>(rstd)
  const r1 = load<f64>(rstd, 8)
  const h0 = highOf(m0, r0)
  const h1 = highOf(m1, r1)
  const c0 = <f32>(-(m0 - <f64>h0) * r0)
  const c1 = <f32>(-(m1 - <f64>h1) * r1)
  if (h0 == 0 && h1 == 0) parameterizedRows<bool>(x, y, size, 0, 0, <f32>r0, <f32>r1, c0, c1, weight, bias)
  else parameterizedRows<i32>(x, y, size, h0, h1, <f32>r0, <f32>r1, c0, c1, weight, bias)
}

/** N is bool where both high are 0. */
function parameterizedRows<N>(
  x: usize, y: usize, n: i32, high0: f32, high1: f32, rstd0: f32, rstd1: f32, shift0: f32, shift1: f32, weight: usize, bias: usize,
): void {
  const h0 = f32x4.splat(high0)
  const h1 = f32x4.splat(high1)
  const r0 = f32x4.splat(rstd0)
  const r1 = f32x4.splat(rstd1)
  const c0 = f32x4.splat(shift0)
  const c1 = f32x4.splat(shift1)
  let nextX = at(x, n)
  let nextY = at(y, n)
  for (; n >= 16; n -= 16) {
    let w = v128.load(weight)
    let b = v128.load(bias)
    v128.store(y, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(x), h0, r0, c0), w), b))
    v128.store(nextY, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(nextX), h1, r1, c1), w), b))
    w = v128.load(weight, 16)
    b = v128.load(bias, 16)
    v128.store(y, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(x, 16), h0, r0, c0), w), b), 16)
    v128.store(nextY, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(nextX, 16), h1, r1, c1), w), b), 16)
    w = v128.load(weight, 32)
    b = v128.load(bias, 32)
    v128.store(y, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(x, 32), h0, r0, c0), w), b), 32)
    v128.store(nextY, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(nextX, 32), h1, r1, c1), w), b), 32)
    w = v128.load(weight, 48)
    b = v128.load(bias, 48)
    v128.store(y, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(x, 48), h0, r0, c0), w), b), 48)
    v128.store(nextY, f32x4.add(f32x4.mul(normalizeLanes<N>(v128.load(nextX, 48), h1, r1, c1), w), b), 48)
    x += 64
    nextX += 64
    y += 64
    nextY += 64
    weight += 64
    bias += 64
  }
  for (; n > 0; n -= 4) {
    const w = loadUpTo(weight, n)
    const b = loadUpTo(bias, n)
    storeUpTo(y, f32x4.add(f32x4.mul(normalizeLanes<N>(loadUpTo(x, n), h0, r0, c0), w), b), n)
    storeUpTo(nextY, f32x4.add(f32x4.mul(normalizeLanes<N>(loadUpTo(nextX, n), h1, r1, c1), w), b), n)
    x += 16
    nextX += 16
    y += 16
    nextY += 16
    weight += 16
    bias += 16
  }
}

@inline function normalizeRow(x: usize, y: usize, weight: usize, bias: usize, m: f64, r: f64, size: i32, run: i32, first: i32): void {
  const high = highOf(m, r)
  const low = m - <f64>high
  if (run == 1 && (weight || bias)) {
    const w = at(weight, first)
    const b = at(bias, first)
    const c = <f32>(-low * r)
    if (!bias) parameterizedRow<bool, i32>(x, y, size, high, <f32>r, c, w, 0)
    else if (!weight) parameterizedRow<i32, bool>(x, y, size, high, <f32>r, c, 0, b)
    else parameterizedRow<bool, bool>(x, y, size, high, <f32>r, c, w, b)
    return
  }
  // A row without parameters is one segment.
  const length = weight || bias ? run : size
  for (let start = 0; start < size; start += length, first++) {
    const scale = r * factor(weight, first)
    affineRun(at(x, start), at(y, start), length, high, <f32>scale, <f32>(term(bias, first) - low * scale))
  }
}

/** y = ((x - high) rstd + c) weight + bias, with a parameter for each element. W and B are bool where weight and bias are there. */
function parameterizedRow<W, B>(x: usize, y: usize, n: i32, high: f32, rstd: f32, c: f32, weight: usize, bias: usize): void {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vc = f32x4.splat(c)
  for (; n >= 16; n -= 16, x += 64, y += 64) {
    let v0 = affineLanes(v128.load(x), vh, vr, vc)
    let v1 = affineLanes(v128.load(x, 16), vh, vr, vc)
    let v2 = affineLanes(v128.load(x, 32), vh, vr, vc)
    let v3 = affineLanes(v128.load(x, 48), vh, vr, vc)
    if (isBoolean<W>()) {
      v0 = f32x4.mul(v0, v128.load(weight))
      v1 = f32x4.mul(v1, v128.load(weight, 16))
      v2 = f32x4.mul(v2, v128.load(weight, 32))
      v3 = f32x4.mul(v3, v128.load(weight, 48))
    }
    if (isBoolean<B>()) {
      v0 = f32x4.add(v0, v128.load(bias))
      v1 = f32x4.add(v1, v128.load(bias, 16))
      v2 = f32x4.add(v2, v128.load(bias, 32))
      v3 = f32x4.add(v3, v128.load(bias, 48))
    }
    v128.store(y, v0)
    v128.store(y, v1, 16)
    v128.store(y, v2, 32)
    v128.store(y, v3, 48)
    if (isBoolean<W>()) weight += 64
    if (isBoolean<B>()) bias += 64
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
