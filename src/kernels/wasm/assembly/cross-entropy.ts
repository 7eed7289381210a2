import { highDoubles, loadPart, lowDoubles, storePart, sumDoubles } from './lanes'
import { expNegative4 } from './math'
import { runMax } from './reduce'
import { runExp } from './softmax'

/**
 * Softmax and cross-entropy in one pass over rows of scores [rows, size], contiguous float32; a block is a row. With lp = (x - max) - ln(sum),
 * share = 1 - smoothing and rest = smoothing / size: loss = -share w_t lp_t - rest sum_c w_c lp_c. Targets are int64; where one is `ignored`, loss and
 * gradient are 0. `weight` may be absent (0), for 1. Nothing but max and ln(sum) is kept for backward: together they lose the small one of two magnitudes.
 */

@inline function weightOf(weight: usize, target: i32): f32 { return weight ? load<f32>(weight + (<usize>target << 2)) : 1 }

/** w lp of a vector, or of its first n lanes where T is not bool. */
@inline function weighted<T>(x: usize, weight: usize, max: v128, logSum: v128, n: i32): v128 {
  const lp = f32x4.sub(f32x4.sub(loadPart<T>(x, n), max), logSum)
  return weight ? f32x4.mul(lp, loadPart<T>(weight, n)) : lp
}

/** sum_c w_c lp_c. */
function sumOverClasses(x: usize, weight: usize, size: i32, max: f32, logSum: f32): f64 {
  const m = f32x4.splat(max)
  const l = f32x4.splat(logSum)
  let total = f64x2.splat(0)
  let n = size
  for (; n >= 4; n -= 4, x += 16, weight += weight ? 16 : 0) {
    const v = weighted<bool>(x, weight, m, l, 4)
    total = f64x2.add(total, f64x2.add(lowDoubles(v), highDoubles(v)))
  }
  let sum = sumDoubles(total)
  for (; n > 0; n--, x += 4, weight += weight ? 4 : 0) sum += <f64>((load<f32>(x) - max - logSum) * weightOf(weight, 0))
  return sum
}

export function crossEntropy(
  x: usize, target: usize, weight: usize, losses: usize, maxima: usize, logSums: usize, size: i32, ignored: f64, smoothing: f64, begin: i32, end: i32,
): void {
  const share = <f32>(1 - smoothing)
  const rest = <f32>(smoothing / <f64>size)
  for (let row = begin; row < end; row++) {
    const p = x + (<usize>(row * size) << 2)
    const at = <usize>row << 2
    const wanted = load<i64>(target + (<usize>row << 3))
    let loss: f32 = 0
    if (<f64>wanted != ignored) {
      const t = <i32>wanted
      const max = runMax(p, size)
      const logSum = <f32>Math.log(runExp<i32>(p, 0, size, max))
      loss = -(load<f32>(p + (<usize>t << 2)) - max - logSum) * weightOf(weight, t)
      if (smoothing != 0) loss = loss * share - rest * <f32>sumOverClasses(p, weight, size, max, logSum)
      store<f32>(maxima + at, max)
      store<f32>(logSums + at, logSum)
    }
    store<f32>(losses + at, loss)
  }
}

/**
 * dx_c = dy (exp(lp_c) a - rest w_c - [c = t] share w_t), where a = share w_t + rest weightSum. dyStep is 0 where all rows have one dy, else 4.
 */
export function crossEntropyGrad(
  dy: usize, dyStep: usize, x: usize, target: usize, weight: usize, maxima: usize, logSums: usize, dx: usize, size: i32, ignored: f64, smoothing: f64,
  weightSum: f64, begin: i32, end: i32,
): void {
  const share = <f32>(1 - smoothing)
  const rest = smoothing / <f64>size
  for (let row = begin; row < end; row++) {
    const offset = <usize>(row * size) << 2
    const at = <usize>row << 2
    const wanted = load<i64>(target + (<usize>row << 3))
    if (<f64>wanted == ignored) {
      memory.fill(dx + offset, 0, <usize>size << 2)
      continue
    }
    const grad = load<f32>(dy + <usize>row * dyStep)
    const right = grad * share * weightOf(weight, <i32>wanted)
    const g = f32x4.splat(right + grad * <f32>(rest * weightSum))
    const even = f32x4.splat(grad * <f32>rest)
    const max = f32x4.splat(load<f32>(maxima + at))
    const logSum = f32x4.splat(load<f32>(logSums + at))
    let p = x + offset
    let q = dx + offset
    let w = smoothing != 0 ? weight : 0
    let n = size
    for (; n >= 4; n -= 4, p += 16, q += 16, w += w ? 16 : 0) gradLanes<bool>(p, q, w, max, logSum, g, even, 4)
    if (n > 0) gradLanes<i32>(p, q, w, max, logSum, g, even, n)
    const hit = dx + offset + (<usize>(<i32>wanted) << 2)
    store<f32>(hit, load<f32>(hit) - right)
  }
}

@inline function gradLanes<T>(x: usize, dx: usize, weight: usize, max: v128, logSum: v128, g: v128, even: v128, n: i32): void {
  const p = expNegative4(f32x4.sub(f32x4.sub(loadPart<T>(x, n), max), logSum))
  const own = weight ? f32x4.mul(even, loadPart<T>(weight, n)) : even
  storePart<T>(dx, f32x4.sub(f32x4.mul(p, g), own), n)
}
