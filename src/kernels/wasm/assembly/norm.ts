import { firstLanes, loadUpTo, storeUpTo, sumDoubles } from './lanes'
import { deviation, fold } from './moments'

/**
 * What all norms share: runs of contiguous float32 with the same constants. x, y, dy, dx, weights and biases are float32 and contiguous, at any
 * alignment; mean and rstd float64.
 *
 * A mean is used as high + low, a float32 (0 where the mean is near 0) and what it lacks: x - high is exact where it matters, and low goes into
 * constants, so that an offset of 1e6 costs no accuracy. With w = weight or 1, b = bias or 0, x^ = (x - mean) rstd, g = dy w:
 *     y  = x^ w + b                              = (x - high) scale + shift,   scale = rstd w, shift = b - low scale
 *     dx = rstd (g - mean(g) - x^ mean(g x^))    = scale ((g + c) + k ((x - high) rstd))
 * Where w is one number, as BatchNorm's, it goes into scale and g is dy. rstd stays a factor of its own: k rstd could leave float32's range.
 * g + c comes first, as it may cancel to nothing. Sums run in float32 over at most 32 elements of a lane, then in float64.
 * Absent tensors have address 0.
 */

/** Elements after which float32 sums are folded into float64. */
const FOLD: i32 = 256

@inline export function at(base: usize, index: i32): usize { return base + (<usize>index << 2) }
@inline export function at64(base: usize, index: i32): usize { return base + (<usize>index << 3) }
@inline export function factor(weight: usize, index: i32): f64 { return weight ? <f64>load<f32>(at(weight, index)) : 1 }
@inline export function term(bias: usize, index: i32): f64 { return bias ? <f64>load<f32>(at(bias, index)) : 0 }

/** y = (x - high) scale + shift. */
@inline export function affineLanes(x: v128, high: v128, scale: v128, shift: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(x, high), scale), shift)
}
/**
 * Whether a row's mean is near enough to 0, at most half a standard deviation, that x scale + shift with the whole mean in shift is as exact: one
 * addition fewer, which is what these loops wait for.
 */
@inline export function isNearZero(mean: f64, rstd: f64): boolean { return Math.abs(mean) * rstd <= 0.5 }
/** The mean's part that is taken off x first: nothing where the mean is that near. */
@inline export function highOf(mean: f64, rstd: f64): f32 { return isNearZero(mean, rstd) ? 0 : <f32>mean }
/** y = x scale + shift where T is bool, else as above. */
@inline export function normalizeLanes<T>(x: v128, high: v128, scale: v128, shift: v128): v128 {
  if (isBoolean<T>()) return f32x4.add(f32x4.mul(x, scale), shift)
  return affineLanes(x, high, scale, shift)
}
export function affineRun(x: usize, y: usize, n: i32, high: f32, scale: f32, shift: f32): void {
  const vh = f32x4.splat(high)
  const vs = f32x4.splat(scale)
  const vt = f32x4.splat(shift)
  for (; n >= 32; n -= 32, x += 128, y += 128) {
    affine16(x, y, vh, vs, vt)
    affine16(x + 64, y + 64, vh, vs, vt)
  }
  for (; n > 0; n -= 4, x += 16, y += 16) storeUpTo(y, affineLanes(loadUpTo(x, n), vh, vs, vt), n)
}

@inline function affine16(x: usize, y: usize, high: v128, scale: v128, shift: v128): void {
  v128.store(y, affineLanes(v128.load(x), high, scale, shift))
  v128.store(y, affineLanes(v128.load(x, 16), high, scale, shift), 16)
  v128.store(y, affineLanes(v128.load(x, 32), high, scale, shift), 32)
  v128.store(y, affineLanes(v128.load(x, 48), high, scale, shift), 48)
}

/** dx = scale ((g + c) + k ((x - high) rstd)). */
@inline export function gradLanes(g: v128, x: v128, high: v128, rstd: v128, scale: v128, k: v128, c: v128): v128 {
  return f32x4.mul(scale, f32x4.add(f32x4.add(g, c), f32x4.mul(k, f32x4.mul(f32x4.sub(x, high), rstd))))
}
/** With g = dy weight, or, where T is not bool, g = dy. */
export function gradRun<T>(dy: usize, x: usize, dx: usize, n: i32, high: f32, rstd: f32, scale: f32, k: f32, c: f32, weight: f32): void {
  const slope = <f64>scale * <f64>k * <f64>rstd
  if (high == 0 && isNormal(slope)) nearRun<T>(dy, x, dx, n, scale, <f32>slope, c, weight)
  else farRun<T>(dy, x, dx, n, high, rstd, scale, k, c, weight)
}
function farRun<T>(dy: usize, x: usize, dx: usize, n: i32, high: f32, rstd: f32, scale: f32, k: f32, c: f32, weight: f32): void {
  const vh = f32x4.splat(high)
  const vr = f32x4.splat(rstd)
  const vs = f32x4.splat(scale)
  const vk = f32x4.splat(k)
  const vc = f32x4.splat(c)
  const vw = f32x4.splat(weight)
  for (; n >= 8; n -= 8, dy += 32, x += 32, dx += 32) {
    const g0 = weighted<T>(v128.load(dy), vw)
    const g1 = weighted<T>(v128.load(dy, 16), vw)
    v128.store(dx, gradLanes(g0, v128.load(x), vh, vr, vs, vk, vc))
    v128.store(dx, gradLanes(g1, v128.load(x, 16), vh, vr, vs, vk, vc), 16)
  }
  for (; n > 0; n -= 4, dy += 16, x += 16, dx += 16) {
    storeUpTo(dx, gradLanes(weighted<T>(loadUpTo(dy, n), vw), loadUpTo(x, n), vh, vr, vs, vk, vc), n)
  }
}
@inline function weighted<T>(dy: v128, weight: v128): v128 {
  if (isBoolean<T>()) return f32x4.mul(dy, weight)
  return dy
}

/** The same where high is 0: dx = scale (g + c) + slope x. */
function nearRun<T>(dy: usize, x: usize, dx: usize, n: i32, scale: f32, slope: f32, c: f32, weight: f32): void {
  const vs = f32x4.splat(scale)
  const vk = f32x4.splat(slope)
  const vc = f32x4.splat(c)
  const vw = f32x4.splat(weight)
  for (; n >= 8; n -= 8, dy += 32, x += 32, dx += 32) {
    const g0 = weighted<T>(v128.load(dy), vw)
    const g1 = weighted<T>(v128.load(dy, 16), vw)
    v128.store(dx, nearLanes(g0, v128.load(x), vs, vk, vc))
    v128.store(dx, nearLanes(g1, v128.load(x, 16), vs, vk, vc), 16)
  }
  for (; n > 0; n -= 4, dy += 16, x += 16, dx += 16) storeUpTo(dx, nearLanes(weighted<T>(loadUpTo(dy, n), vw), loadUpTo(x, n), vs, vk, vc), n)
}
@inline function nearLanes(g: v128, x: v128, scale: v128, slope: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(scale, f32x4.add(g, c)), f32x4.mul(slope, x))
}

/** Far from both ends of float32's range. */
@inline export function isNormal(x: f64): boolean { return x == 0 || (Math.abs(x) > 1e-30 && Math.abs(x) < 1e30) }

/** Second result of runSums: sum(dy ((x - high) rstd)). A global belongs to one thread. */
let products: f64 = 0
@inline export function lastProducts(): f64 { return products }

/** @returns sum(dy). */
export function runSums(dy: usize, x: usize, n: i32, high: f32, rstd: f32): f64 {
  return high == 0 ? sumsOf<bool>(dy, x, n, 0, rstd) : sumsOf<i32>(dy, x, n, high, rstd)
}

/** Where Z is bool, high is 0. */
function sumsOf<Z>(dy: usize, x: usize, n: i32, high: f32, rstd: f32): f64 {
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
      q0 = f32x4.add(q0, f32x4.mul(d0, f32x4.mul(deviation<Z>(v128.load(x), vh), vr)))
      q1 = f32x4.add(q1, f32x4.mul(d1, f32x4.mul(deviation<Z>(v128.load(x, 16), vh), vr)))
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
    product = fold(product, v128.and(f32x4.mul(d, f32x4.mul(deviation<Z>(loadUpTo(x, n), vh), vr)), firstLanes(n)))
  }
  products = sumDoubles(product)
  return sumDoubles(sum)
}

/** A sum of products with a rounded rstd, as it would be with the exact one. */
@inline export function centred(product: f64, rounded: f32, rstd: f64): f64 { return rounded ? product * (rstd / <f64>rounded) : 0 }
