import { FloatResult, mapUnary, PairedResult } from './elementwise'
import { all, atLeast, atMost, erf4, exp4, expm14, gauss4, geluTanhExponent, log1p4, log4, normalCdf4, select, sigmoid4, tanh4 } from './math'

/**
 * The unary operations of the contract that are worth a vector, by its names: y[i] = f(x[i]) for contiguous float32; BLOCK elements are a
 * block. p, q and r are the operation's parameters in the contract's order. Formulas are the contract's where nothing is said.
 */

class Neg extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.neg(x) }
}
class Abs extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.abs(x) }
}
class Sign extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return v128.or(v128.and(f32x4.gt(x, all(0)), all(1)), v128.and(f32x4.lt(x, all(0)), all(-1))) }
}
class Floor extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.floor(x) }
}
class Ceil extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.ceil(x) }
}
class Round extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.nearest(x) }
}
class Trunc extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.trunc(x) }
}
class Square extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(x, x) }
}
class Reciprocal extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.div(all(1), x) }
}
class Sqrt extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.sqrt(x) }
}
class Rsqrt extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.div(all(1), f32x4.sqrt(x)) }
}
class Exp extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return exp4(x) }
}
class Expm1 extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return expm14(x) }
}
class Log extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return log4(x) }
}
class Log1p extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return log1p4(x) }
}
class Tanh extends PairedResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return tanh4(x) }
}
class Erf extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return erf4(x) }
}
class Sigmoid extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return sigmoid4(x) }
}
class LogSigmoid extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.sub(atMost(x, all(0)), log1p4(exp4(f32x4.neg(f32x4.abs(x))))) }
}
class Relu extends PairedResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return atLeast(x, all(0)) }
}
/** Slope p. */
class LeakyRelu extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return select(f32x4.gt(x, all(0)), x, f32x4.mul(x, p)) }
}
/** Alpha p, scale q, inputScale r. */
class Elu extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(q, select(f32x4.gt(x, all(0)), x, f32x4.mul(p, expm14(f32x4.mul(x, r))))) }
}
/** X Phi(x). */
class Gelu extends PairedResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(x, normalCdf4(x, gauss4(x))) }
}
/** X sigmoid(2 u), which is x (1 + tanh u) / 2 without its cancellation. */
class GeluTanh extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(x, sigmoid4(geluTanhExponent(x))) }
}
class Silu extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(x, sigmoid4(x)) }
}
/** x tanh(ln(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2); above 20 it is x. */
class Mish extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 {
    const e = exp4(atMost(x, all(20)))
    const n = f32x4.mul(e, f32x4.add(e, all(2)))
    return f32x4.mul(x, f32x4.div(n, f32x4.add(n, all(2))))
  }
}
/** Beta p, threshold q. */
class Softplus extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return select(f32x4.gt(f32x4.mul(x, p), q), x, f32x4.div(log1p4(exp4(f32x4.mul(x, p))), p)) }
}
/** Min p, max q. */
class Hardtanh extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return atMost(atLeast(x, p), q) }
}
class Hardswish extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.mul(x, f32x4.div(atMost(atLeast(f32x4.add(x, all(3)), all(0)), all(6)), all(6))) }
}
class Hardsigmoid extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return f32x4.div(atMost(atLeast(f32x4.add(x, all(3)), all(0)), all(6)), all(6)) }
}
/** Lambda p. */
class Hardshrink extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return v128.andnot(x, f32x4.le(f32x4.abs(x), p)) }
}
/** Lambda p. */
class Softshrink extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 {
    return select(f32x4.gt(x, p), f32x4.sub(x, p), select(f32x4.lt(x, f32x4.neg(p)), f32x4.add(x, p), f32x4.mul(x, all(0))))
  }
}
/** Threshold p, value q. */
class Threshold extends FloatResult {
  @inline apply(x: v128, p: v128, q: v128, r: v128): v128 { return select(f32x4.le(x, p), q, x) }
}

export function neg(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Neg>(x, y, p, q, r, n, begin, end) }
export function abs(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Abs>(x, y, p, q, r, n, begin, end) }
export function sign(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Sign>(x, y, p, q, r, n, begin, end) }
export function floor(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Floor>(x, y, p, q, r, n, begin, end) }
export function ceil(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Ceil>(x, y, p, q, r, n, begin, end) }
export function round(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Round>(x, y, p, q, r, n, begin, end) }
export function trunc(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Trunc>(x, y, p, q, r, n, begin, end) }
export function square(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Square>(x, y, p, q, r, n, begin, end) }
export function reciprocal(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void {
  mapUnary<Reciprocal>(x, y, p, q, r, n, begin, end)
}
export function sqrt(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Sqrt>(x, y, p, q, r, n, begin, end) }
export function rsqrt(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Rsqrt>(x, y, p, q, r, n, begin, end) }
export function exp(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Exp>(x, y, p, q, r, n, begin, end) }
export function expm1(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Expm1>(x, y, p, q, r, n, begin, end) }
export function log(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Log>(x, y, p, q, r, n, begin, end) }
export function log1p(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Log1p>(x, y, p, q, r, n, begin, end) }
export function tanh(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Tanh>(x, y, p, q, r, n, begin, end) }
export function erf(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Erf>(x, y, p, q, r, n, begin, end) }
export function sigmoid(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Sigmoid>(x, y, p, q, r, n, begin, end) }
export function logSigmoid(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void {
  mapUnary<LogSigmoid>(x, y, p, q, r, n, begin, end)
}
export function relu(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Relu>(x, y, p, q, r, n, begin, end) }
export function leakyRelu(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<LeakyRelu>(x, y, p, q, r, n, begin, end) }
export function elu(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Elu>(x, y, p, q, r, n, begin, end) }
export function gelu(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Gelu>(x, y, p, q, r, n, begin, end) }
export function geluTanh(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<GeluTanh>(x, y, p, q, r, n, begin, end) }
export function silu(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Silu>(x, y, p, q, r, n, begin, end) }
export function mish(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Mish>(x, y, p, q, r, n, begin, end) }
export function softplus(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Softplus>(x, y, p, q, r, n, begin, end) }
export function hardtanh(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Hardtanh>(x, y, p, q, r, n, begin, end) }
export function hardswish(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Hardswish>(x, y, p, q, r, n, begin, end) }
export function hardsigmoid(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void {
  mapUnary<Hardsigmoid>(x, y, p, q, r, n, begin, end)
}
export function hardshrink(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void {
  mapUnary<Hardshrink>(x, y, p, q, r, n, begin, end)
}
export function softshrink(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void {
  mapUnary<Softshrink>(x, y, p, q, r, n, begin, end)
}
export function threshold(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void { mapUnary<Threshold>(x, y, p, q, r, n, begin, end) }
