import { BLOCK } from './elementwise'
import { loadUpTo, storeUpTo } from './lanes'

/**
 * Optimizer steps in place on contiguous float32, in one pass: parameter, gradient and state are read once and written once. BLOCK elements
 * are a block. Numbers that depend on the step alone come computed in float64.
 */

/**
 * g = sign gradient + weightDecay parameter; buffer = momentum buffer + undampened g; parameter -= lr step, where step is g without a buffer
 * (address 0), the buffer, or with nesterov g + momentum buffer.
 */
export function sgd(
  parameter: usize, gradient: usize, buffer: usize, lr: f32, momentum: f32, undampened: f32, weightDecay: f32, sign: f32, nesterov: i32, n: i32, begin: i32, end: i32,
): void {
  const vLr = f32x4.splat(lr)
  const vMomentum = f32x4.splat(momentum)
  const vUndampened = f32x4.splat(undampened)
  const vDecay = f32x4.splat(weightDecay)
  const vSign = f32x4.splat(sign)
  const stop = min(n, end * BLOCK)
  for (let i = begin * BLOCK; i < stop; i += 4) {
    const left = stop - i
    const offset = <usize>i << 2
    const theta = loadUpTo(parameter + offset, left)
    let g = f32x4.mul(loadUpTo(gradient + offset, left), vSign)
    if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(vDecay, theta))
    if (buffer) {
      const v = f32x4.add(f32x4.mul(vMomentum, loadUpTo(buffer + offset, left)), f32x4.mul(vUndampened, g))
      storeUpTo(buffer + offset, v, left)
      g = nesterov ? f32x4.add(g, f32x4.mul(vMomentum, v)) : v
    }
    storeUpTo(parameter + offset, f32x4.sub(theta, f32x4.mul(vLr, g)), left)
  }
}

/**
 * g = sign gradient + weightDecay parameter; parameter *= keep; first += rate1 (g - first); second = beta2 second + rate2 g^2;
 * parameter -= stepSize first / (sqrt(second or largest) / correction + eps). `largest` (AMSGrad's, absent: 0) is the largest second so far.
 */
export function adam(
  parameter: usize, gradient: usize, first: usize, second: usize, largest: usize, stepSize: f32, rate1: f32, beta2: f32, rate2: f32,
  correction: f32, eps: f32, weightDecay: f32, keep: f32, sign: f32, n: i32, begin: i32, end: i32,
): void {
  const vStep = f32x4.splat(stepSize)
  const vRate1 = f32x4.splat(rate1)
  const vBeta2 = f32x4.splat(beta2)
  const vRate2 = f32x4.splat(rate2)
  const vInverse = f32x4.splat(1 / correction)
  const vEps = f32x4.splat(eps)
  const vDecay = f32x4.splat(weightDecay)
  const vKeep = f32x4.splat(keep)
  const vSign = f32x4.splat(sign)
  const stop = min(n, end * BLOCK)
  for (let i = begin * BLOCK; i < stop; i += 4) {
    const left = stop - i
    const offset = <usize>i << 2
    let theta = loadUpTo(parameter + offset, left)
    let g = f32x4.mul(loadUpTo(gradient + offset, left), vSign)
    if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(vDecay, theta))
    theta = f32x4.mul(theta, vKeep)
    let m = loadUpTo(first + offset, left)
    m = f32x4.add(m, f32x4.mul(vRate1, f32x4.sub(g, m)))
    storeUpTo(first + offset, m, left)
    let v = f32x4.add(f32x4.mul(vBeta2, loadUpTo(second + offset, left)), f32x4.mul(f32x4.mul(vRate2, g), g))
    storeUpTo(second + offset, v, left)
    if (largest) {
      v = f32x4.max(loadUpTo(largest + offset, left), v)
      storeUpTo(largest + offset, v, left)
    }
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), vInverse), vEps)
    storeUpTo(parameter + offset, f32x4.sub(theta, f32x4.div(f32x4.mul(vStep, m), denominator)), left)
  }
}
