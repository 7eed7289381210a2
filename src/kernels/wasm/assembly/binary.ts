import { BoolResult, FloatResult, mapBinary, PairedResult } from './elementwise'
import { all, atLeast, atMost, exp4, gauss4, geluTanhExponent, normalCdf4, select, sigmoid4 } from './math'

/**
 * The binary operations of the contract that are worth a vector, by its names: y = f(a, b) on float32, comparisons to bool. Broadcasting,
 * strides and blocks are those of elementwise.ts. In a backward operation a is the gradient of the output and b what the contract says. p, q and
 * r are the operation's parameters in the contract's order. Formulas are the contract's where nothing is said.
 */

/** Alpha p. */
class Add extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.add(a, f32x4.mul(b, p)) }
}
/** Alpha p. */
class Sub extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.sub(a, f32x4.mul(b, p)) }
}
class Mul extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(a, b) }
}
class Div extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.div(a, b) }
}
class Maximum extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.max(a, b) }
}
class Minimum extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.min(a, b) }
}
class Eq extends BoolResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.eq(a, b) }
}
class Ne extends BoolResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.ne(a, b) }
}
class Lt extends BoolResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.lt(a, b) }
}
class Le extends BoolResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.le(a, b) }
}
class Gt extends BoolResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.gt(a, b) }
}
class Ge extends BoolResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.ge(a, b) }
}
class SigmoidBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(f32x4.mul(a, f32x4.sub(all(1), b)), b) }
}
class TanhBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(a, f32x4.sub(all(1), f32x4.mul(b, b))) }
}
class LogSigmoidBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(a, sigmoid4(f32x4.neg(b))) }
}
class ReluBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return v128.andnot(a, f32x4.le(b, all(0))) }
}
/** Slope p. */
class LeakyReluBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return select(f32x4.gt(b, all(0)), a, f32x4.mul(a, p)) }
}
/** Alpha p, scale q, inputScale r. */
class EluBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    return f32x4.mul(f32x4.mul(a, q), select(f32x4.le(b, all(0)), f32x4.mul(f32x4.mul(p, r), exp4(f32x4.mul(b, r))), all(1)))
  }
}
/** Phi(x) + x phi(x), the normal distribution and its density. */
class GeluBackward extends PairedResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    const gauss = gauss4(b)
    const slope = f32x4.add(normalCdf4(b, gauss), f32x4.mul(b, f32x4.mul(gauss, all(0.398942280))))
    return f32x4.mul(a, slope)
  }
}
/** PyTorch's slope at an infinity is NaN, from infinity times 0; the forms below are spared that product. Elsewhere 0. */
@inline function nanWhereInfinite(x: v128): v128 { return f32x4.mul(x, all(0)) }
/** s + x s (1 - s) (2 u)' with s = sigmoid(2 u), 1 - s = e^(-2 u) s, and (2 u)' = 2 sqrt(2 / pi) (1 + 3 * 0.044715 x^2). */
class GeluTanhBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    // Far to the left the slope is 0, but its factors would overflow.
    const x = atLeast(b, all(-100))
    const e = exp4(f32x4.neg(atLeast(geluTanhExponent(x), all(-80))))
    const s = f32x4.div(all(1), f32x4.add(all(1), e))
    const inner = f32x4.add(all(1.59576912), f32x4.mul(f32x4.mul(x, x), all(0.214064449)))
    return f32x4.mul(a, f32x4.add(f32x4.mul(s, f32x4.add(all(1), f32x4.mul(f32x4.mul(x, inner), f32x4.mul(e, s)))), nanWhereInfinite(b)))
  }
}
class SiluBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    const s = sigmoid4(b)
    return f32x4.mul(a, f32x4.mul(s, f32x4.add(all(1), f32x4.mul(b, f32x4.sub(all(1), s)))))
  }
}
/** t + x t' with t = n / (n + 2) as in mish, t' = 4 e (e + 1) / (n + 2)^2, e = e^x. */
class MishBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    const e = exp4(atMost(b, all(20)))
    const n = f32x4.mul(e, f32x4.add(e, all(2)))
    const d = f32x4.div(all(1), f32x4.add(n, all(2)))
    const e1 = f32x4.add(e, all(1))
    const slope = f32x4.mul(f32x4.mul(b, f32x4.mul(all(4), e)), f32x4.mul(e1, f32x4.mul(d, d)))
    return f32x4.mul(a, f32x4.add(f32x4.add(f32x4.mul(n, d), slope), nanWhereInfinite(b)))
  }
}
/** Beta p, threshold q. */
class SoftplusBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return select(f32x4.gt(f32x4.mul(b, p), q), a, f32x4.mul(a, sigmoid4(f32x4.mul(b, p)))) }
}
/** Min p, max q. */
class HardtanhBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return v128.and(a, v128.and(f32x4.gt(b, p), f32x4.lt(b, q))) }
}
class HardswishBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    return select(f32x4.gt(b, all(3)), a, v128.andnot(f32x4.mul(a, f32x4.add(f32x4.div(b, all(3)), all(0.5))), f32x4.lt(b, all(-3))))
  }
}
class HardsigmoidBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 {
    return v128.and(f32x4.mul(a, all(1 / 6)), v128.and(f32x4.gt(b, all(-3)), f32x4.lt(b, all(3))))
  }
}
/** Lambda p. */
class ShrinkBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return v128.and(a, f32x4.gt(f32x4.abs(b), p)) }
}
/** Threshold p. */
class ThresholdBackward extends FloatResult {
  @inline apply(a: v128, b: v128, p: v128, q: v128, r: v128): v128 { return v128.andnot(a, f32x4.le(b, p)) }
}

export function add(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Add>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function sub(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Sub>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function mul(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Mul>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function div(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Div>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function maximum(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Maximum>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function minimum(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Minimum>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function eq(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Eq>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function ne(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Ne>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function lt(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Lt>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function le(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Le>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function gt(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Gt>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function ge(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<Ge>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function sigmoidBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<SigmoidBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function tanhBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<TanhBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function logSigmoidBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<LogSigmoidBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function reluBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<ReluBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function leakyReluBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<LeakyReluBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function eluBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<EluBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function geluBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<GeluBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function geluTanhBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<GeluTanhBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function siluBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<SiluBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function mishBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<MishBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function softplusBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<SoftplusBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function hardtanhBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<HardtanhBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function hardswishBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<HardswishBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function hardsigmoidBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<HardsigmoidBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function shrinkBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<ShrinkBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
export function thresholdBackward(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void { mapBinary<ThresholdBackward>(a, b, y, p, q, r, n, inner, middle, aInner, aMiddle, aOuter, bInner, bMiddle, bOuter, yMiddle, yOuter, begin, end) }
