import { demote, firstLanes, highDoubles, loadFirst, loadPart, loadUpTo, lowDoubles, storeFirst, storePart, storeUpTo, sumDoubles } from './lanes'
import { fold, lastSquares, runMean, runMeanSquare } from './moments'

/**
 * Norms of float32, forward and backward. x, y, dy, dx, weights and biases are float32 and contiguous, at any alignment; mean and rstd float64.
 *
 * A mean is used as high + low, a float32 and what it lacks: x - high is exact where it matters, and low goes into constants, so that an
 * offset of 1e6 costs no accuracy. With w = weight or 1, b = bias or 0, x^ = (x - mean) rstd:
 *     y  = x^ w + b                                 = (x - high) scale + shift,   scale = rstd w, shift = b - low scale
 *     dx = rstd (g - mean(g) - x^ mean(g x^))        = scale ((g + c) + k ((x - high) rstd)),   g = dy w
 * Where w is one number, as BatchNorm's, it goes into scale and g is dy. rstd stays a factor of its own: k rstd could leave float32's range.
 * g + c comes first, as it may cancel to nothing. Sums run in float32 over at most 32 elements of a lane, then in float64.
 * Absent tensors have address 0.
 *
 * BatchNorm sees x [N, C, L] as N C planes of L; where L is 1, as rows of C channels. Coefficients of channels are float32 arrays one
 * behind the other: high, scale, shift forward; high, rstd, scale, k, c backward.
 */

/** Elements after which float32 sums are folded into float64. */
const FOLD: i32 = 256

@inline function at(base: usize, index: i32): usize { return base + (<usize>index << 2) }
@inline function at64(base: usize, index: i32): usize { return base + (<usize>index << 3) }
@inline function factor(weight: usize, index: i32): f64 { return weight ? <f64>load<f32>(at(weight, index)) : 1 }
@inline function term(bias: usize, index: i32): f64 { return bias ? <f64>load<f32>(at(bias, index)) : 0 }

// Runs: contiguous elements that share all constants.

/** y = (x - high) scale + shift. */
@inline function affineLanes(x: v128, high: v128, scale: v128, shift: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(x, high), scale), shift)
}
function affineRun(x: usize, y: usize, n: i32, high: f32, scale: f32, shift: f32): void {
  const vh = f32x4.splat(high)
  const vs = f32x4.splat(scale)
  const vt = f32x4.splat(shift)
  for (; n >= 8; n -= 8, x += 32, y += 32) {
    v128.store(y, affineLanes(v128.load(x), vh, vs, vt))
    v128.store(y, affineLanes(v128.load(x, 16), vh, vs, vt), 16)
  }
  for (; n > 0; n -= 4, x += 16, y += 16) storeUpTo(y, affineLanes(loadUpTo(x, n), vh, vs, vt), n)
}

/** dx = scale ((g + c) + k ((x - high) rstd)). */
@inline function gradLanes(g: v128, x: v128, high: v128, rstd: v128, scale: v128, k: v128, c: v128): v128 {
  return f32x4.mul(scale, f32x4.add(f32x4.add(g, c), f32x4.mul(k, f32x4.mul(f32x4.sub(x, high), rstd))))
}
/** With g = dy weight, or, where T is not bool, g = dy. */
function gradRun<T>(dy: usize, x: usize, dx: usize, n: i32, high: f32, rstd: f32, scale: f32, k: f32, c: f32, weight: f32): void {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vs = f32x4.splat(scale)
  const vk = f32x4.splat(k)
  const vc = f32x4.splat(c)
  const vw = f32x4.splat(weight)
  for (; n >= 8; n -= 8, dy += 32, x += 32, dx += 32) {
    let g0 = v128.load(dy)
    let g1 = v128.load(dy, 16)
    if (isBoolean<T>()) {
      g0 = f32x4.mul(g0, vw)
      g1 = f32x4.mul(g1, vw)
    }
    v128.store(dx, gradLanes(g0, v128.load(x), vh, vr, vs, vk, vc))
    v128.store(dx, gradLanes(g1, v128.load(x, 16), vh, vr, vs, vk, vc), 16)
  }
  for (; n > 0; n -= 4, dy += 16, x += 16, dx += 16) {
    let g = loadUpTo(dy, n)
    if (isBoolean<T>()) g = f32x4.mul(g, vw)
    storeUpTo(dx, gradLanes(g, loadUpTo(x, n), vh, vr, vs, vk, vc), n)
  }
}

/** Second result of runSums: sum(dy ((x - high) rstd)). */
let products: f64 = 0

/** @returns sum(dy). */
function runSums(dy: usize, x: usize, n: i32, high: f32, rstd: f32): f64 {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  let sum = f64x2.splat(0)
  let product = f64x2.splat(0)
  while (n >= 8) {
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    let q0 = f32x4.splat(0)
    let q1 = f32x4.splat(0)
    const pairs = min(n, FOLD) >> 3
    for (let i = pairs; i > 0; i--) {
      const d0 = v128.load(dy)
      const d1 = v128.load(dy, 16)
      s0 = f32x4.add(s0, d0)
      s1 = f32x4.add(s1, d1)
      q0 = f32x4.add(q0, f32x4.mul(d0, f32x4.mul(f32x4.sub(v128.load(x), vh), vr)))
      q1 = f32x4.add(q1, f32x4.mul(d1, f32x4.mul(f32x4.sub(v128.load(x, 16), vh), vr)))
      dy += 32
      x += 32
    }
    n -= pairs << 3
    sum = fold(sum, f32x4.add(s0, s1))
    product = fold(product, f32x4.add(q0, q1))
  }
  for (; n > 0; n -= 4, dy += 16, x += 16) {
    const d = loadUpTo(dy, n)
    sum = fold(sum, d)
    // Lanes behind the end have dy = 0, but (0 - high) rstd may be infinite.
    product = fold(product, v128.and(f32x4.mul(d, f32x4.mul(f32x4.sub(loadUpTo(x, n), vh), vr)), firstLanes(n)))
  }
  products = sumDoubles(product)
  return sumDoubles(sum)
}

// BatchNorm.

/** rstd from the variance, and the running averages (the variance's unbiased) over n elements a channel. A block is a channel. */
export function batchNormFinish(
  mean: usize, variance: usize, rstd: usize, eps: f64, n: f64, runningMean: usize, runningVariance: usize, momentum: f64, begin: i32, end: i32,
): void {
  for (let c = begin; c < end; c++) {
    const v = load<f64>(at64(variance, c))
    // A constant channel without eps has no scale: PyTorch's BatchNorm then gives the bias, not NaN.
    store<f64>(at64(rstd, c), v + eps == 0 ? 0 : 1 / Math.sqrt(v + eps))
    if (runningMean) average(at(runningMean, c), load<f64>(at64(mean, c)), momentum)
    if (runningVariance) average(at(runningVariance, c), v * n / (n - 1), momentum)
  }
}
@inline function average(running: usize, batch: f64, momentum: f64): void {
  store<f32>(running, <f32>((1 - momentum) * <f64>load<f32>(running) + momentum * batch))
}

/** Coefficients of y. A block is a channel. */
export function batchNormCoefficients(mean: usize, rstd: usize, weight: usize, bias: usize, coefficients: usize, channels: i32, begin: i32, end: i32): void {
  for (let c = begin; c < end; c++) {
    const m = load<f64>(at64(mean, c))
    const high = <f32>m
    const scale = load<f64>(at64(rstd, c)) * factor(weight, c)
    store<f32>(at(coefficients, c), high)
    store<f32>(at(coefficients, channels + c), <f32>scale)
    store<f32>(at(coefficients, 2 * channels + c), <f32>(term(bias, c) - (m - <f64>high) * scale))
  }
}

/** y by the coefficients of each plane's channel. A block is a plane. */
export function affinePlanes(x: usize, y: usize, coefficients: usize, channels: i32, size: i32, begin: i32, end: i32): void {
  for (let plane = begin; plane < end; plane++) {
    const k = at(coefficients, plane % channels)
    const offset = <usize>(plane * size) << 2
    const step = <usize>channels << 2
    affineRun(x + offset, y + offset, size, load<f32>(k), load<f32>(k + step), load<f32>(k + 2 * step))
  }
}

/** Rows of a block where channels lie next to each other. */
const ROWS: i32 = 32

/** y of x [rows, channels]. A block is 32 rows. */
export function affineColumns(x: usize, y: usize, coefficients: usize, rows: i32, channels: i32, begin: i32, end: i32): void {
  const scale = at(coefficients, channels)
  const shift = at(scale, channels)
  const stop = min(rows, end * ROWS)
  for (let row = begin * ROWS; row < stop; row++) {
    const offset = <usize>(row * channels) << 2
    let c = 0
    for (; c + 4 <= channels; c += 4) affineColumns4<bool>(at(x + offset, c), at(y + offset, c), at(coefficients, c), at(scale, c), at(shift, c), 4)
    if (c < channels) affineColumns4<i32>(at(x + offset, c), at(y + offset, c), at(coefficients, c), at(scale, c), at(shift, c), channels - c)
  }
}

@inline function affineColumns4<T>(x: usize, y: usize, high: usize, scale: usize, shift: usize, n: i32): void {
  storePart<T>(y, affineLanes(loadPart<T>(x, n), loadPart<T>(high, n), loadPart<T>(scale, n), loadPart<T>(shift, n)), n)
}

/** Parts [planes]: sum(dy) and sum(dy (x - high) rstd) of each plane, pairs of float64. A block is a plane. */
export function planeSums(dy: usize, x: usize, mean: usize, rstd: usize, parts: usize, channels: i32, size: i32, begin: i32, end: i32): void {
  for (let plane = begin; plane < end; plane++) {
    const c = plane % channels
    const offset = <usize>(plane * size) << 2
    const out = parts + (<usize>plane << 4)
    store<f64>(out, runSums(dy + offset, x + offset, size, <f32>load<f64>(at64(mean, c)), <f32>load<f64>(at64(rstd, c))))
    store<f64>(out, products, 8)
  }
}

/** The same of x [rows, channels], in parts [ceil(rows / 32), channels], by forward coefficients without weights. A block is 32 rows. */
export function columnSums(dy: usize, x: usize, coefficients: usize, parts: usize, rows: i32, channels: i32, begin: i32, end: i32): void {
  const step = <usize>channels << 2
  for (let block = begin; block < end; block++) {
    const first = block * ROWS
    const offset = <usize>first * step
    const count = min(ROWS, rows - first)
    const out = parts + (<usize>(block * channels) << 4)
    const rstd = at(coefficients, channels)
    let c = 0
    for (; c + 16 <= channels; c += 16) columnSums16(at(dy + offset, c), at(x + offset, c), step, count, at(coefficients, c), at(rstd, c), out + (<usize>c << 4))
    for (; c < channels; c += 4) {
      columnSums4(at(dy + offset, c), at(x + offset, c), step, count, at(coefficients, c), at(rstd, c), out + (<usize>c << 4), min(4, channels - c))
    }
  }
}

/** Sixteen channels: see columnMoments16. */
function columnSums16(dy: usize, x: usize, step: usize, count: i32, high: usize, rstd: usize, out: usize): void {
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  let q0 = f32x4.splat(0)
  let q1 = f32x4.splat(0)
  let q2 = f32x4.splat(0)
  let q3 = f32x4.splat(0)
  let d: v128
  for (; count > 0; count--, dy += step, x += step) {
    d = v128.load(dy)
    s0 = f32x4.add(s0, d)
    q0 = f32x4.add(q0, f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x), v128.load(high)), v128.load(rstd))))
    d = v128.load(dy, 16)
    s1 = f32x4.add(s1, d)
    q1 = f32x4.add(q1, f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x, 16), v128.load(high, 16)), v128.load(rstd, 16))))
    d = v128.load(dy, 32)
    s2 = f32x4.add(s2, d)
    q2 = f32x4.add(q2, f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x, 32), v128.load(high, 32)), v128.load(rstd, 32))))
    d = v128.load(dy, 48)
    s3 = f32x4.add(s3, d)
    q3 = f32x4.add(q3, f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x, 48), v128.load(high, 48)), v128.load(rstd, 48))))
  }
  storePairs(out, s0, q0, 4)
  storePairs(out + 64, s1, q1, 4)
  storePairs(out + 128, s2, q2, 4)
  storePairs(out + 192, s3, q3, 4)
}

/** The first n (up to 4) channels. */
function columnSums4(dy: usize, x: usize, step: usize, count: i32, high: usize, rstd: usize, out: usize, n: i32): void {
  const vh = loadUpTo(high, n)
  const vr = loadUpTo(rstd, n)
  let s = f32x4.splat(0)
  let q = f32x4.splat(0)
  for (; count > 0; count--, dy += step, x += step) {
    const d = loadUpTo(dy, n)
    s = f32x4.add(s, d)
    q = f32x4.add(q, f32x4.mul(d, f32x4.mul(f32x4.sub(loadUpTo(x, n), vh), vr)))
  }
  storePairs(out, s, q, n)
}

/** The first n lanes of two sums, as pairs of float64. */
function storePairs(out: usize, s: v128, q: v128, n: i32): void {
  for (; n > 0; n--, out += 16) {
    store<f64>(out, <f64>f32x4.extract_lane(s, 0))
    store<f64>(out, <f64>f32x4.extract_lane(q, 0), 8)
    s = i32x4.shuffle(s, s, 1, 2, 3, 0)
    q = i32x4.shuffle(q, q, 1, 2, 3, 0)
  }
}

/**
 * dweight, dbias (either may be absent) and the coefficients of dx (absent: 0) from parts [count, channels] of n elements a channel in all.
 * Without `training` mean and rstd were given and carry no gradient: dx = scale dy, whose coefficients are those of an affine kernel. A block is a
 * channel.
 */
export function batchNormGradients(
  parts: usize, count: i32, channels: i32, n: f64, mean: usize, rstd: usize, weight: usize, training: i32,
  dweight: usize, dbias: usize, coefficients: usize, begin: i32, end: i32,
): void {
  const step = <usize>channels << 2
  for (let c = begin; c < end; c++) {
    let sum: f64 = 0
    let product: f64 = 0
    let p = parts + (<usize>c << 4)
    for (let i = 0; i < count; i++, p += <usize>channels << 4) {
      sum += load<f64>(p)
      product += load<f64>(p, 8)
    }
    const m = load<f64>(at64(mean, c))
    const r = load<f64>(at64(rstd, c))
    const high = <f32>m
    const low = (m - <f64>high) * r
    const dw = centred(product, <f32>r, r) - low * sum
    if (dweight) store<f32>(at(dweight, c), <f32>dw)
    if (dbias) store<f32>(at(dbias, c), <f32>sum)
    if (!coefficients) continue
    const scale = <f32>(r * factor(weight, c))
    const out = at(coefficients, c)
    if (!training) {
      store<f32>(out, 0)
      store<f32>(out + step, scale)
      store<f32>(out + 2 * step, 0)
      continue
    }
    const k = -dw / n
    store<f32>(out, high)
    store<f32>(out + step, <f32>r)
    store<f32>(out + 2 * step, scale)
    store<f32>(out + 3 * step, <f32>k)
    store<f32>(out + 4 * step, <f32>(-sum / n - k * low))
  }
}

/** A sum of products with a rounded rstd, as it would be with the exact one. */
@inline function centred(product: f64, rounded: f32, rstd: f64): f64 { return rounded ? product * (rstd / <f64>rounded) : 0 }

/** dx by the coefficients of each plane's channel. A block is a plane. */
export function gradPlanes(dy: usize, x: usize, dx: usize, coefficients: usize, channels: i32, size: i32, begin: i32, end: i32): void {
  const step = <usize>channels << 2
  for (let plane = begin; plane < end; plane++) {
    const k = at(coefficients, plane % channels)
    const offset = <usize>(plane * size) << 2
    gradRun<i32>(
      dy + offset, x + offset, dx + offset, size,
      load<f32>(k), load<f32>(k + step), load<f32>(k + 2 * step), load<f32>(k + 3 * step), load<f32>(k + 4 * step), 1,
    )
  }
}

/** dx of x [rows, channels]. A block is 32 rows. */
export function gradColumns(dy: usize, x: usize, dx: usize, coefficients: usize, rows: i32, channels: i32, begin: i32, end: i32): void {
  const step = <usize>channels << 2
  const stop = min(rows, end * ROWS)
  for (let row = begin * ROWS; row < stop; row++) {
    const offset = <usize>(row * channels) << 2
    let c = 0
    for (; c + 4 <= channels; c += 4) gradColumns4<bool>(at(dy + offset, c), at(x + offset, c), at(dx + offset, c), at(coefficients, c), step, 4)
    if (c < channels) gradColumns4<i32>(at(dy + offset, c), at(x + offset, c), at(dx + offset, c), at(coefficients, c), step, channels - c)
  }
}

@inline function gradColumns4<T>(dy: usize, x: usize, dx: usize, k: usize, step: usize, n: i32): void {
  const v = gradLanes(
    loadPart<T>(dy, n), loadPart<T>(x, n),
    loadPart<T>(k, n), loadPart<T>(k + step, n), loadPart<T>(k + 2 * step, n), loadPart<T>(k + 3 * step, n), loadPart<T>(k + 4 * step, n),
  )
  storePart<T>(dx, v, n)
}

// Norms of rows. Element j of row r has parameter (r mod groups) (size / run) + floor(j / run).

/** mean is absent for RMS norms. A block is a row. */
export function rowNorm(
  x: usize, y: usize, weight: usize, bias: usize, mean: usize, rstd: usize, eps: f64, size: i32, groups: i32, run: i32, begin: i32, end: i32,
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
    // PyTorch's LayerNorm gives NaN where the sum of squares leaves float32.
    const r = mean && variance * <f64>size > <f64>f32.MAX_VALUE ? NaN : 1 / Math.sqrt(variance + eps)
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
      const product = centred(products, <f32>r, r) - low * sum
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
 * Where run and groups are 1: dx (absent: 0), and into parts [blocks, 2, size], float32, each block's dbias and dweight
 * (absent: 0). A block is `blockRows` rows, at most 32.
 */
export function rowGrad(
  dy: usize, x: usize, dx: usize, weight: usize, mean: usize, rstd: usize, parts: usize, rows: i32, size: i32, blockRows: i32, begin: i32, end: i32,
): void {
  for (let block = begin; block < end; block++) {
    const sums = parts + (<usize>(block * 2 * size) << 2)
    if (parts) memory.fill(sums, 0, <usize>size << 3)
    const last = min(rows, (block + 1) * blockRows)
    for (let row = block * blockRows; row < last; row++) {
      const offset = <usize>(row * size) << 2
      const m = mean ? load<f64>(at64(mean, row)) : 0
      const r = load<f64>(at64(rstd, row))
      const high = <f32>m
      const shift = -(m - <f64>high) * r
      const sumG = parts
        ? rowSums<bool>(dy + offset, x + offset, weight, size, high, <f32>r, <f32>shift, sums)
        : rowSums<i32>(dy + offset, x + offset, weight, size, high, <f32>r, <f32>shift, 0)
      if (!dx) continue
      const k = -products / <f64>size
      const c = (mean ? -sumG / <f64>size : 0) + k * shift
      rowDx(dy + offset, x + offset, dx + offset, weight, size, high, <f32>r, <f32>k, <f32>c)
    }
  }
}

/** @returns sum(g), g = dy weight; `products` is sum(g x^). With T = bool, dy and dy x^ are added to `sums` [2, size]. */
function rowSums<T>(dy: usize, x: usize, weight: usize, n: i32, high: f32, rstd: f32, shift: f32, sums: usize): f64 {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vs = f32x4.splat(shift)
  const second = <usize>n << 2
  let sum = f64x2.splat(0)
  let product = f64x2.splat(0)
  while (n > 0) {
    let s = f32x4.splat(0)
    let q = f32x4.splat(0)
    // One accumulator of four lanes each: half as many elements to a fold.
    let vectors = min(n, FOLD / 2) >> 2
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
