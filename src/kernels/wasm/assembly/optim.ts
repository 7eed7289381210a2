import { BLOCK } from './elementwise'
import { loadPart, storePart } from './lanes'

/**
 * Optimizer steps in place on contiguous float32, of a whole list of tensors at once. Each is one pass: parameter, gradient and state are read
 * once and written once. BLOCK elements of a tensor, or its last ones, are a block. A rule says by how much a parameter shrinks, given its
 * gradient; the formulas, and the order of states (a, b, c) and numbers (p to u), are the reference's. Numbers come computed in float64.
 */

/** A tensor's row in the table. States that the options leave out have address 0. */
@unmanaged class Row {
  firstBlock: i32
  elements: i32
  parameter: usize
  gradient: usize
  a: usize
  b: usize
  c: usize
  sign: f32
  weightDecay: f32
  kept: f32
  p: f32
  q: f32
  r: f32
  s: f32
  t: f32
  u: f32
}

@inline function plus(a: v128, b: v128): v128 { return f32x4.add(a, b) }
@inline function minus(a: v128, b: v128): v128 { return f32x4.sub(a, b) }
@inline function times(a: v128, b: v128): v128 { return f32x4.mul(a, b) }
@inline function over(a: v128, b: v128): v128 { return f32x4.div(a, b) }
@inline function isSet(flag: v128): bool { return v128.any_true(flag) }
/** sqrt(x) + eps */
@inline function root(x: v128, eps: v128): v128 { return plus(f32x4.sqrt(x), eps) }

/** A state becomes `value`. */
@inline function keep<Whole>(state: usize, value: v128, n: i32): v128 {
  storePart<Whole>(state, value, n)
  return value
}
/** state += rate (x - state) */
@inline function move<Whole>(state: usize, rate: v128, x: v128, n: i32): v128 {
  const old = loadPart<Whole>(state, n)
  return keep<Whole>(state, plus(old, times(rate, minus(x, old))), n)
}
/** state = decay state + rate x^2 */
@inline function moveSquare<Whole>(state: usize, decay: v128, rate: v128, x: v128, n: i32): v128 {
  return keep<Whole>(state, plus(times(decay, loadPart<Whole>(state, n)), times(times(rate, x), x)), n)
}

/** A rule's step for the vector at byte `at`, or its first n lanes where Whole is not bool. Rules have no fields: `this` is nothing. */
class Sgd {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    if (!a) return times(p, g)
    const velocity = keep<Whole>(a + at, plus(times(r, loadPart<Whole>(a + at, n)), times(s, g)), n)
    return times(p, isSet(t) ? plus(g, times(q, velocity)) : velocity)
  }
}
class Adam {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    const mean = move<Whole>(a + at, r, g, n)
    let square = moveSquare<Whole>(b + at, s, t, g, n)
    if (c) square = keep<Whole>(c + at, f32x4.max(loadPart<Whole>(c + at, n), square), n)
    return over(times(p, mean), root(square, q))
  }
}
class RmsProp {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    let variance = moveSquare<Whole>(a + at, r, s, g, n)
    if (b) {
      const mean = move<Whole>(b + at, s, g, n)
      variance = f32x4.max(minus(variance, times(mean, mean)), f32x4.splat(0))
    }
    if (!c) return over(times(p, g), root(variance, q))
    return times(p, keep<Whole>(c + at, plus(times(t, loadPart<Whole>(c + at, n)), over(g, root(variance, q))), n))
  }
}
class Adagrad {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    return over(times(p, g), root(keep<Whole>(a + at, plus(loadPart<Whole>(a + at, n), times(g, g)), n), q))
  }
}
class Adadelta {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    const square = moveSquare<Whole>(a + at, r, s, g, n)
    const delta = times(over(f32x4.sqrt(plus(loadPart<Whole>(b + at, n), q)), f32x4.sqrt(plus(square, q))), g)
    moveSquare<Whole>(b + at, r, s, delta, n)
    return times(p, delta)
  }
}
class Adamax {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    const mean = move<Whole>(a + at, r, g, n)
    const largest = keep<Whole>(b + at, f32x4.max(times(s, loadPart<Whole>(b + at, n)), plus(f32x4.abs(g), q)), n)
    return over(times(p, mean), largest)
  }
}
class NAdam {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    const mean = move<Whole>(a + at, r, g, n)
    const square = moveSquare<Whole>(b + at, s, t, g, n)
    return over(plus(times(u, g), times(p, mean)), root(square, q))
  }
}
class RAdam {
  @inline step<Whole>(g: v128, at: usize, a: usize, b: usize, c: usize, p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, n: i32): v128 {
    const mean = times(p, move<Whole>(a + at, r, g, n))
    const square = moveSquare<Whole>(b + at, s, t, g, n)
    return isSet(u) ? over(mean, root(square, q)) : mean
  }
}

/** parameter = kept parameter - step, where the step is the rule's for g = sign gradient + weightDecay parameter. */
function run<Rule>(table: usize, rows: i32, begin: i32, end: i32): void {
  let place = table
  for (let i = 1; i < rows && changetype<Row>(place + offsetof<Row>()).firstBlock <= begin; i++) place += offsetof<Row>()
  for (let block = begin; block < end; place += offsetof<Row>()) {
    const row = changetype<Row>(place)
    const next = min(end, row.firstBlock + (row.elements + BLOCK - 1) / BLOCK)
    const start = (block - row.firstBlock) * BLOCK
    stepRun<Rule>(
      row.parameter, row.gradient, row.a, row.b, row.c, row.weightDecay != 0, f32x4.splat(row.sign), f32x4.splat(row.weightDecay), f32x4.splat(row.kept),
      f32x4.splat(row.p), f32x4.splat(row.q), f32x4.splat(row.r), f32x4.splat(row.s), f32x4.splat(row.t), f32x4.splat(row.u),
      <usize>start << 2, min(row.elements, (next - row.firstBlock) * BLOCK) - start,
    )
    block = next
  }
}

/** `left` elements from byte `at` on. What a row says comes as arguments: read anew for each vector, it would take twice the time. */
@inline function stepRun<Rule>(
  parameter: usize, gradient: usize, a: usize, b: usize, c: usize, decays: bool, sign: v128, weightDecay: v128, kept: v128,
  p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, at: usize, left: i32,
): void {
  for (; left >= 4; left -= 4, at += 16) {
    stepLanes<Rule, bool>(parameter, gradient, a, b, c, decays, sign, weightDecay, kept, p, q, r, s, t, u, at, 4)
  }
  if (left > 0) stepLanes<Rule, i32>(parameter, gradient, a, b, c, decays, sign, weightDecay, kept, p, q, r, s, t, u, at, left)
}

@inline function stepLanes<Rule, Whole>(
  parameter: usize, gradient: usize, a: usize, b: usize, c: usize, decays: bool, sign: v128, weightDecay: v128, kept: v128,
  p: v128, q: v128, r: v128, s: v128, t: v128, u: v128, at: usize, n: i32,
): void {
  const theta = loadPart<Whole>(parameter + at, n)
  let g = times(sign, loadPart<Whole>(gradient + at, n))
  if (decays) g = plus(g, times(weightDecay, theta))
  const step = changetype<Rule>(0).step<Whole>(g, at, a, b, c, p, q, r, s, t, u, n)
  storePart<Whole>(parameter + at, minus(times(kept, theta), step), n)
}

export function sgd(table: usize, rows: i32, begin: i32, end: i32): void { run<Sgd>(table, rows, begin, end) }
export function adam(table: usize, rows: i32, begin: i32, end: i32): void { run<Adam>(table, rows, begin, end) }
export function rmsprop(table: usize, rows: i32, begin: i32, end: i32): void { run<RmsProp>(table, rows, begin, end) }
export function adagrad(table: usize, rows: i32, begin: i32, end: i32): void { run<Adagrad>(table, rows, begin, end) }
export function adadelta(table: usize, rows: i32, begin: i32, end: i32): void { run<Adadelta>(table, rows, begin, end) }
export function adamax(table: usize, rows: i32, begin: i32, end: i32): void { run<Adamax>(table, rows, begin, end) }
export function nadam(table: usize, rows: i32, begin: i32, end: i32): void { run<NAdam>(table, rows, begin, end) }
export function radam(table: usize, rows: i32, begin: i32, end: i32): void { run<RAdam>(table, rows, begin, end) }
