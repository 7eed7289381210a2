import { BLOCK } from './elementwise'
import { loadPart, storePart } from './lanes'

/**
 * Optimizer steps in place on contiguous float32, in one pass: parameter, gradient and state are read once and written once. BLOCK elements
 * are a block. Numbers that depend on the step alone come computed in float64.
 */

/**
 * g = sign gradient + weightDecay parameter; buffer = momentum buffer + undampened g; parameter -= lr step, where step is g without a buffer
 * (address 0), the buffer, or with nesterov g + momentum buffer.
 */
export function sgd(
  parameter: usize, gradient: usize, buffer: usize, lr: f32, momentum: f32, undampened: f32, weightDecay: f32, sign: f32, nesterov: i32,
  n: i32, begin: i32, end: i32,
): void {
  const start = <usize>(begin * BLOCK) << 2
  parameter += start
  gradient += start
  const state = buffer + start
  let left = min(n, end * BLOCK) - begin * BLOCK
  let at: usize = 0
  for (; left >= 4; left -= 4, at += 16) {
    if (!buffer) sgdLanes<bool, i32>(parameter + at, gradient + at, 0, lr, momentum, undampened, weightDecay, sign, nesterov, 4)
    else sgdLanes<bool, bool>(parameter + at, gradient + at, state + at, lr, momentum, undampened, weightDecay, sign, nesterov, 4)
  }
  if (left > 0) {
    if (!buffer) sgdLanes<i32, i32>(parameter + at, gradient + at, 0, lr, momentum, undampened, weightDecay, sign, nesterov, left)
    else sgdLanes<i32, bool>(parameter + at, gradient + at, state + at, lr, momentum, undampened, weightDecay, sign, nesterov, left)
  }
}

/** One vector, or its first `count` lanes where Whole is not bool; with a buffer where Buffered is. */
@inline function sgdLanes<Whole, Buffered>(
  parameter: usize, gradient: usize, buffer: usize, lr: f32, momentum: f32, undampened: f32, weightDecay: f32, sign: f32, nesterov: i32, count: i32,
): void {
  const theta = loadPart<Whole>(parameter, count)
  let g = f32x4.mul(loadPart<Whole>(gradient, count), f32x4.splat(sign))
  if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(f32x4.splat(weightDecay), theta))
  if (isBoolean<Buffered>()) {
    const v = f32x4.add(f32x4.mul(f32x4.splat(momentum), loadPart<Whole>(buffer, count)), f32x4.mul(f32x4.splat(undampened), g))
    storePart<Whole>(buffer, v, count)
    g = nesterov ? f32x4.add(g, f32x4.mul(f32x4.splat(momentum), v)) : v
  }
  storePart<Whole>(parameter, f32x4.sub(theta, f32x4.mul(f32x4.splat(lr), g)), count)
}

/**
 * g = sign gradient + weightDecay parameter; parameter *= keep; first += rate1 (g - first); second = beta2 second + rate2 g^2;
 * parameter -= stepSize first / (sqrt(second or largest) / correction + eps). `largest` (AMSGrad's, absent: 0) is the largest second so far.
 */
export function adam(
  parameter: usize, gradient: usize, first: usize, second: usize, largest: usize, stepSize: f32, rate1: f32, beta2: f32, rate2: f32,
  correction: f32, eps: f32, weightDecay: f32, keep: f32, sign: f32, n: i32, begin: i32, end: i32,
): void {
  const start = <usize>(begin * BLOCK) << 2
  const inverse: f32 = <f32>1 / correction
  const max = largest ? largest + start : 0
  parameter += start
  gradient += start
  first += start
  second += start
  let left = min(n, end * BLOCK) - begin * BLOCK
  let at: usize = 0
  for (; left >= 4; left -= 4, at += 16) {
    adamLanes<bool>(
      parameter + at, gradient + at, first + at, second + at, max ? max + at : 0, stepSize, rate1, beta2, rate2, inverse, eps, weightDecay, keep, sign, 4,
    )
  }
  if (left > 0) {
    adamLanes<i32>(
      parameter + at, gradient + at, first + at, second + at, max ? max + at : 0, stepSize, rate1, beta2, rate2, inverse, eps, weightDecay, keep, sign, left,
    )
  }
}

/** One vector, or its first `count` lanes where Whole is not bool. */
@inline function adamLanes<Whole>(
  parameter: usize, gradient: usize, first: usize, second: usize, largest: usize, stepSize: f32, rate1: f32, beta2: f32, rate2: f32,
  inverse: f32, eps: f32, weightDecay: f32, keep: f32, sign: f32, count: i32,
): void {
  const theta = loadPart<Whole>(parameter, count)
  let g = f32x4.mul(loadPart<Whole>(gradient, count), f32x4.splat(sign))
  if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(f32x4.splat(weightDecay), theta))
  let m = loadPart<Whole>(first, count)
  m = f32x4.add(m, f32x4.mul(f32x4.splat(rate1), f32x4.sub(g, m)))
  storePart<Whole>(first, m, count)
  let v = f32x4.add(f32x4.mul(f32x4.splat(beta2), loadPart<Whole>(second, count)), f32x4.mul(f32x4.mul(f32x4.splat(rate2), g), g))
  storePart<Whole>(second, v, count)
  if (largest) {
    v = f32x4.max(loadPart<Whole>(largest, count), v)
    storePart<Whole>(largest, v, count)
  }
  const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), f32x4.splat(inverse)), f32x4.splat(eps))
  const kept = f32x4.mul(theta, f32x4.splat(keep))
  storePart<Whole>(parameter, f32x4.sub(kept, f32x4.div(f32x4.mul(f32x4.splat(stepSize), m), denominator)), count)
}
