import { applyEpilogue } from './epilogue'
import { loadPart, loadUpTo, storePart } from './lanes'
import { affineLanes, affineRun, at, at64, centred, factor, gradLanes, gradRun, highOf, lastProducts, runSums, term } from './norm'

/**
 * BatchNorm, after moments.ts found mean and variance. See norm.ts for the formulas.
 *
 * x is [N, C, L], N C planes of L elements; where L is 1, rows of C channels, which lie next to each other. Coefficients of channels are float32
 * arrays one behind the other: high, scale, shift forward; high, rstd, scale, k, c backward.
 */

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
    const r = load<f64>(at64(rstd, c))
    const high = highOf(m, r)
    const scale = r * factor(weight, c)
    store<f32>(at(coefficients, c), high)
    store<f32>(at(coefficients, channels + c), <f32>scale)
    store<f32>(at(coefficients, 2 * channels + c), <f32>(term(bias, c) - (m - <f64>high) * scale))
  }
}

/** y by the coefficients of each plane's channel, and what epilogue.ts says of the last five. A block is a plane. */
export function affinePlanes(
  x: usize, y: usize, coefficients: usize, channels: i32, size: i32, residual: usize, activation: i32, p: f32, q: f32, r: f32, begin: i32, end: i32,
): void {
  const ends = residual != 0 || activation != 0
  for (let plane = begin; plane < end; plane++) {
    const k = at(coefficients, plane % channels)
    const offset = <usize>(plane * size) << 2
    const step = <usize>channels << 2
    affineRun(x + offset, y + offset, size, load<f32>(k), load<f32>(k + step), load<f32>(k + 2 * step))
    if (ends) applyEpilogue(y + offset, size, residual ? residual + offset : 0, activation, p, q, r)
  }
}

/** Rows of a block where channels lie next to each other. */
const ROWS: i32 = 32

/** y of x [rows, channels], and what epilogue.ts says of the last five. A block is 32 rows. */
export function affineColumns(
  x: usize, y: usize, coefficients: usize, rows: i32, channels: i32, residual: usize, activation: i32, p: f32, q: f32, r: f32, begin: i32, end: i32,
): void {
  const ends = residual != 0 || activation != 0
  const scale = at(coefficients, channels)
  const shift = at(scale, channels)
  const stop = min(rows, end * ROWS)
  for (let row = begin * ROWS; row < stop; row++) {
    const offset = <usize>(row * channels) << 2
    let c = 0
    for (; c + 4 <= channels; c += 4) affineColumns4<bool>(at(x + offset, c), at(y + offset, c), at(coefficients, c), at(scale, c), at(shift, c), 4)
    if (c < channels) affineColumns4<i32>(at(x + offset, c), at(y + offset, c), at(coefficients, c), at(scale, c), at(shift, c), channels - c)
    if (ends) applyEpilogue(y + offset, channels, residual ? residual + offset : 0, activation, p, q, r)
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
    const r = load<f64>(at64(rstd, c))
    store<f64>(out, runSums(dy + offset, x + offset, size, highOf(load<f64>(at64(mean, c)), r), <f32>r))
    store<f64>(out, lastProducts(), 8)
  }
}

/**
 * The same of x [rows, channels], in parts [ceil(rows / 32), channels], by forward coefficients without weights. A block is 32 rows, which are read one
 * behind the other, four at a time; the float32 sums of four channels lie meanwhile where their pairs will.
 */
export function columnSums(dy: usize, x: usize, coefficients: usize, parts: usize, rows: i32, channels: i32, begin: i32, end: i32): void {
  const step = <usize>channels << 2
  const rstd = coefficients + step
  for (let block = begin; block < end; block++) {
    const first = block * ROWS
    const count = min(ROWS, rows - first)
    const out = parts + (<usize>(block * channels) << 4)
    let pdy = dy + <usize>first * step
    let px = x + <usize>first * step
    memory.fill(out, 0, step << 2)
    for (let row = 0; row < count; row += 4, pdy += step << 2, px += step << 2) addRows(pdy, px, coefficients, rstd, out, channels, min(4, count - row))
    for (let c = 0; c < channels; c += 4) {
      const n = min(4, channels - c)
      const p = out + (<usize>c << 4)
      storePairs(p, loadUpTo(p, n), loadUpTo(at(p, n), n), n)
    }
  }
}

function addRows(dy: usize, x: usize, high: usize, rstd: usize, out: usize, channels: i32, rows: i32): void {
  const step = <usize>channels << 2
  let n = channels
  for (; n >= 4; n -= 4, dy += 16, x += 16, high += 16, rstd += 16, out += 64) addRows4<bool>(dy, x, high, rstd, out, step, rows, 4)
  if (n > 0) addRows4<i32>(dy, x, high, rstd, out, step, rows, n)
}

@inline function addRows4<T>(dy: usize, x: usize, high: usize, rstd: usize, out: usize, step: usize, rows: i32, n: i32): void {
  const vh = loadPart<T>(high, n)
  const vr = loadPart<T>(rstd, n)
  let s = loadPart<T>(out, n)
  let q = loadPart<T>(at(out, n), n)
  for (; rows > 0; rows--, dy += step, x += step) {
    const d = loadPart<T>(dy, n)
    s = f32x4.add(s, d)
    q = f32x4.add(q, f32x4.mul(d, f32x4.mul(f32x4.sub(loadPart<T>(x, n), vh), vr)))
  }
  storePart<T>(out, s, n)
  storePart<T>(at(out, n), q, n)
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
    const high = highOf(m, r)
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
