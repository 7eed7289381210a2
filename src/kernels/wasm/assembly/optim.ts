import { BLOCK } from './elementwise'
import { loadPart, storePart } from './lanes'

/**
 * Optimizer steps in place on contiguous float32, of a whole list of tensors at once. Each is one pass: parameter, gradient and state are read
 * once and written once. BLOCK elements of a tensor, or its last ones, are a block. Numbers that depend on the step alone come computed in float64.
 */

/** A tensor's row in the table: its first block, its elements, the addresses of parameter, gradient and three states, two numbers of its own. */
const ROW: usize = 36

/** The row of the tensor that a block belongs to. */
@inline function rowOf(table: usize, rows: i32, block: i32): usize {
  let row = table
  for (let i = 1; i < rows && load<i32>(row + ROW) <= block; i++) row += ROW
  return row
}

/**
 * g = sign gradient + weightDecay parameter; buffer = momentum buffer + undampened g, or g where it is new; parameter -= lr step, where step is g
 * without a buffer (address 0), the buffer, or with nesterov g + momentum buffer. In the row: the buffer, and whether it is new (1 or 0).
 */
export function sgd(
  table: usize, rows: i32, lr: f32, momentum: f32, undampened: f32, weightDecay: f32, sign: f32, nesterov: i32, begin: i32, end: i32,
): void {
  let row = rowOf(table, rows, begin)
  for (let block = begin; block < end; row += ROW) {
    const first = load<i32>(row)
    const n = load<i32>(row, 4)
    const next = min(end, first + (n + BLOCK - 1) / BLOCK)
    const start = (block - first) * BLOCK
    const bytes = <usize>start << 2
    let parameter = load<usize>(row, 8) + bytes
    let gradient = load<usize>(row, 12) + bytes
    let buffer = load<usize>(row, 16)
    const isNew = load<f32>(row, 28) != 0
    let left = min(n, (next - first) * BLOCK) - start
    if (!buffer) {
      for (; left >= 4; left -= 4, parameter += 16, gradient += 16) {
        sgdLanes<bool, i32>(parameter, gradient, 0, isNew, lr, momentum, undampened, weightDecay, sign, nesterov, 4)
      }
      if (left > 0) sgdLanes<i32, i32>(parameter, gradient, 0, isNew, lr, momentum, undampened, weightDecay, sign, nesterov, left)
    } else {
      buffer += bytes
      for (; left >= 4; left -= 4, parameter += 16, gradient += 16, buffer += 16) {
        sgdLanes<bool, bool>(parameter, gradient, buffer, isNew, lr, momentum, undampened, weightDecay, sign, nesterov, 4)
      }
      if (left > 0) sgdLanes<i32, bool>(parameter, gradient, buffer, isNew, lr, momentum, undampened, weightDecay, sign, nesterov, left)
    }
    block = next
  }
}

/** One vector, or its first `count` lanes where Whole is not bool; with a buffer where Buffered is. */
@inline function sgdLanes<Whole, Buffered>(
  parameter: usize, gradient: usize, buffer: usize, isNew: bool, lr: f32, momentum: f32, undampened: f32, weightDecay: f32, sign: f32, nesterov: i32,
  count: i32,
): void {
  const theta = loadPart<Whole>(parameter, count)
  let g = f32x4.mul(loadPart<Whole>(gradient, count), f32x4.splat(sign))
  if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(f32x4.splat(weightDecay), theta))
  if (isBoolean<Buffered>()) {
    let v = g
    if (!isNew) v = f32x4.add(f32x4.mul(f32x4.splat(momentum), loadPart<Whole>(buffer, count)), f32x4.mul(f32x4.splat(undampened), g))
    storePart<Whole>(buffer, v, count)
    g = nesterov ? f32x4.add(g, f32x4.mul(f32x4.splat(momentum), v)) : v
  }
  storePart<Whole>(parameter, f32x4.sub(theta, f32x4.mul(f32x4.splat(lr), g)), count)
}

/**
 * g = sign gradient + weightDecay parameter; parameter *= keep; first += rate1 (g - first); second = beta2 second + rate2 g^2;
 * parameter -= stepSize first / (sqrt(second or largest) / correction + eps). In the row: first, second, largest (AMSGrad's largest second so far;
 * absent: 0), stepSize and correction.
 */
export function adam(
  table: usize, rows: i32, rate1: f32, beta2: f32, rate2: f32, eps: f32, weightDecay: f32, keep: f32, sign: f32, begin: i32, end: i32,
): void {
  let row = rowOf(table, rows, begin)
  for (let block = begin; block < end; row += ROW) {
    const firstBlock = load<i32>(row)
    const n = load<i32>(row, 4)
    const next = min(end, firstBlock + (n + BLOCK - 1) / BLOCK)
    const start = (block - firstBlock) * BLOCK
    const bytes = <usize>start << 2
    let parameter = load<usize>(row, 8) + bytes
    let gradient = load<usize>(row, 12) + bytes
    let first = load<usize>(row, 16) + bytes
    let second = load<usize>(row, 20) + bytes
    let largest = load<usize>(row, 24)
    const stepSize = load<f32>(row, 28)
    const inverse: f32 = <f32>1 / load<f32>(row, 32)
    let left = min(n, (next - firstBlock) * BLOCK) - start
    if (!largest) {
      for (; left >= 4; left -= 4, parameter += 16, gradient += 16, first += 16, second += 16) {
        adamLanes<bool, i32>(parameter, gradient, first, second, 0, stepSize, rate1, beta2, rate2, inverse, eps, weightDecay, keep, sign, 4)
      }
      if (left > 0) adamLanes<i32, i32>(parameter, gradient, first, second, 0, stepSize, rate1, beta2, rate2, inverse, eps, weightDecay, keep, sign, left)
    } else {
      largest += bytes
      for (; left >= 4; left -= 4, parameter += 16, gradient += 16, first += 16, second += 16, largest += 16) {
        adamLanes<bool, bool>(parameter, gradient, first, second, largest, stepSize, rate1, beta2, rate2, inverse, eps, weightDecay, keep, sign, 4)
      }
      if (left > 0) {
        adamLanes<i32, bool>(parameter, gradient, first, second, largest, stepSize, rate1, beta2, rate2, inverse, eps, weightDecay, keep, sign, left)
      }
    }
    block = next
  }
}

/** One vector, or its first `count` lanes where Whole is not bool; of AMSGrad where Largest is. */
@inline function adamLanes<Whole, Largest>(
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
  if (isBoolean<Largest>()) {
    v = f32x4.max(loadPart<Whole>(largest, count), v)
    storePart<Whole>(largest, v, count)
  }
  const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), f32x4.splat(inverse)), f32x4.splat(eps))
  const kept = f32x4.mul(theta, f32x4.splat(keep))
  storePart<Whole>(parameter, f32x4.sub(kept, f32x4.div(f32x4.mul(f32x4.splat(stepSize), m), denominator)), count)
}
