/**
 * Elementary functions on four float32 lanes.
 *
 * Polynomials are minimax fits (Lawson's algorithm) of the function named, of a relative error below 5e-9, a twelfth of a unit in the last
 * place (those of the normal distribution 1e-8); errors stated are against float64 over all of float32's range, held by test/kernels/wasm/elementwise.test.ts. NaN gives NaN.
 */

/** A constant in all lanes. */
@inline export function all(c: f32): v128 { return f32x4.splat(c) }

/** mask ? a : b, lane by lane. */
@inline export function select(mask: v128, a: v128, b: v128): v128 { return v128.bitselect(a, b, mask) }

/** The smaller and the larger; x where x is NaN. One instruction on x86, where f32x4.min takes eight. */
@inline export function atMost(x: v128, limit: v128): v128 { return f32x4.pmin(x, limit) }
@inline export function atLeast(x: v128, limit: v128): v128 { return f32x4.pmax(x, limit) }

/** Adding and subtracting 1.5 * 2^23 rounds to the nearest integer; the low bits of the sum are that integer. */
const ROUND: f32 = 12582912
const ROUND_BITS: i32 = 0x4b400000
const LOG2E: f32 = 1.44269504
/** ln 2 in two parts; the first has 9 bits, so that its product with an exponent is exact. */
const LN2_HIGH: f32 = 0.693359375
const LN2_LOW: f32 = -2.12194440e-4

/** x log2(e), with its nearest integer n in the low bits. */
@inline function roundExponent(x: v128): v128 { return f32x4.add(f32x4.mul(x, all(LOG2E)), all(ROUND)) }
@inline function integerOf(rounded: v128): v128 { return i32x4.sub(rounded, i32x4.splat(ROUND_BITS)) }

/** x - n ln 2, within ln(2) / 2 of zero. */
@inline function reduceExponent(x: v128, rounded: v128): v128 {
  const n = f32x4.sub(rounded, all(ROUND))
  return f32x4.sub(f32x4.sub(x, f32x4.mul(n, all(LN2_HIGH))), f32x4.mul(n, all(LN2_LOW)))
}

/** exp(r) - 1 for |r| <= ln(2) / 2. In pairs of terms, as a chain of steps that wait for each other costs more than they do. */
@inline function expm1Reduced(r: v128): v128 {
  const s = f32x4.mul(r, r)
  let q = f32x4.add(f32x4.add(f32x4.mul(all(0.00836891774), r), all(0.041666206)), f32x4.mul(all(0.00139505381), s))
  q = f32x4.add(f32x4.add(f32x4.mul(all(0.166665182), r), all(0.5)), f32x4.mul(q, s))
  return f32x4.add(r, f32x4.mul(s, q))
}

/** 2^n for -126 <= n <= 127. */
@inline function powerOfTwo(n: v128): v128 { return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23) }

/** y 2^n. Two factors, so that denormal results are rounded once and infinity comes where it should. */
@inline function scaleByPower(y: v128, n: v128): v128 {
  const half = i32x4.shr_s(n, 1)
  return f32x4.mul(f32x4.mul(y, powerOfTwo(half)), powerOfTwo(i32x4.sub(n, half)))
}

/** e^x, 1 ulp; denormal results, 0 and infinity included. */
@inline export function exp4(x: v128): v128 {
  const bounded = atLeast(atMost(x, all(89)), all(-104.5))
  const rounded = roundExponent(bounded)
  return scaleByPower(f32x4.add(all(1), expm1Reduced(reduceExponent(bounded, rounded))), integerOf(rounded))
}

/** e^x - 1, 2 ulp. 2^n (e^r - 1) + (2^n - 1), at half scale so that 2^128 fits. */
@inline export function expm14(x: v128): v128 {
  const bounded = atLeast(atMost(x, all(89)), all(-18))
  const rounded = roundExponent(bounded)
  const halfPower = powerOfTwo(i32x4.sub(integerOf(rounded), i32x4.splat(1)))
  const half = f32x4.add(f32x4.mul(halfPower, expm1Reduced(reduceExponent(bounded, rounded))), f32x4.sub(halfPower, all(0.5)))
  return f32x4.add(half, half)
}

/**
 * Where exponents are 0 or less, one factor is enough: n + 64 goes into the exponent of y, whose product with 2^-64 is denormal where it should be.
 * The sum with ROUND + 64 has n + 64 in its low bits, so that shifting it is all it takes.
 */
const ROUND_64: f32 = ROUND + 64
@inline function scaleDown(y: v128, rounded64: v128): v128 {
  return f32x4.mul(i32x4.add(y, i32x4.shl(rounded64, 23)), all(5.42101086e-20))
}

/** e^x for x <= 0, 1 ulp; denormal results and 0 included. */
@inline export function expNegative4(x: v128): v128 {
  const bounded = atLeast(x, all(-104.5))
  const rounded = f32x4.add(f32x4.mul(bounded, all(LOG2E)), all(ROUND_64))
  const n = f32x4.sub(rounded, all(ROUND_64))
  const r = f32x4.sub(f32x4.sub(bounded, f32x4.mul(n, all(LN2_HIGH))), f32x4.mul(n, all(LN2_LOW)))
  return scaleDown(f32x4.add(all(1), expm1Reduced(r)), rounded)
}

/** e^(-x^2 / 2) as 2^u, u = -x^2 / (2 ln 2). The rounding of u makes a relative error of (2 + x^2) 2^-24. */
@inline export function gauss4(x: v128): v128 {
  const a = atMost(f32x4.abs(x), all(14.5))
  const u = f32x4.mul(f32x4.mul(a, a), all(-0.721347520))
  const rounded = f32x4.add(u, all(ROUND_64))
  const f = f32x4.sub(u, f32x4.sub(rounded, all(ROUND_64)))
  const s = f32x4.mul(f, f)
  let p = f32x4.add(f32x4.add(f32x4.mul(all(0.00133999309), f), all(0.00961848907)), f32x4.mul(all(0.000153458124), s))
  p = f32x4.add(f32x4.add(f32x4.mul(all(0.0555032864), f), all(0.240226462)), f32x4.mul(p, s))
  p = f32x4.add(f32x4.add(f32x4.mul(all(0.693147182), f), all(1)), f32x4.mul(p, s))
  return scaleDown(p, rounded)
}

/** Phi(-|x|) from gauss4(x): e^(-z^2 / 2) P(z) / Q(z), z = |x| up to 14.5, where the first factor is 0. */
@inline function normalTail(x: v128, gauss: v128): v128 {
  const z = atMost(f32x4.abs(x), all(14.5))
  let p = f32x4.add(f32x4.mul(all(0.00411628154), z), all(0.0406330553))
  let q = f32x4.add(f32x4.mul(all(0.0103178679), z), all(0.101858412))
  p = f32x4.add(f32x4.mul(p, z), all(0.183234654))
  q = f32x4.add(f32x4.mul(q, z), all(0.469469346))
  p = f32x4.add(f32x4.mul(p, z), all(0.438294336))
  q = f32x4.add(f32x4.mul(q, z), all(1.20250120))
  p = f32x4.add(f32x4.mul(p, z), all(0.500000003))
  q = f32x4.add(f32x4.mul(q, z), all(1.67447365))
  return f32x4.mul(gauss, f32x4.div(p, f32x4.add(f32x4.mul(q, z), all(1))))
}

/**
 * Phi(x), the normal distribution function, from gauss4(x): a relative error of (8 + x^2) 2^-24, also in the left tail, where 1 + erf cancels.
 */
@inline export function normalCdf4(x: v128, gauss: v128): v128 {
  const tail = normalTail(x, gauss)
  return select(f32x4.lt(x, all(0)), tail, f32x4.sub(all(1), tail))
}

/** erf, 3 ulp: x P(x^2) below 1, else 1 - 2 Phi(-|x| sqrt(2)) with the sign of x. */
@inline export function erf4(x: v128): v128 {
  const s = f32x4.mul(x, x)
  let p = f32x4.add(f32x4.mul(all(7.85385419e-5), s), all(-0.000801019138))
  p = f32x4.add(f32x4.mul(p, s), all(0.00518832728))
  p = f32x4.add(f32x4.mul(p, s), all(-0.026853811))
  p = f32x4.add(f32x4.mul(p, s), all(0.112835854))
  p = f32x4.add(f32x4.mul(p, s), all(-0.37612626))
  p = f32x4.add(f32x4.mul(p, s), all(1.12837911))
  const z = f32x4.mul(f32x4.abs(x), all(1.41421356))
  const tail = normalTail(z, gauss4(z))
  const outer = v128.or(f32x4.sub(all(1), f32x4.add(tail, tail)), v128.and(x, i32x4.splat(0x80000000)))
  return select(f32x4.lt(f32x4.abs(x), all(1)), f32x4.mul(x, p), outer)
}

/** The e of x = m 2^e with m between sqrt(1/2), whose bits are 0x3f3504f3, and sqrt(2). x is normal and positive. */
@inline function exponentOf(x: v128): v128 { return i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23) }
@inline function mantissaOf(x: v128, e: v128): v128 { return i32x4.sub(x, i32x4.shl(e, 23)) }

/** ln(1 + f) + exponent ln 2, for sqrt(1/2) <= 1 + f <= sqrt(2): f - f^2 / 2 + f^3 P(f). */
@inline function logReduced(f: v128, exponent: v128): v128 {
  const s = f32x4.mul(f, f)
  let p = f32x4.add(f32x4.mul(all(0.0674659163), f), all(-0.116756387))
  p = f32x4.add(f32x4.mul(p, f), all(0.118881777))
  p = f32x4.add(f32x4.mul(p, f), all(-0.124055922))
  p = f32x4.add(f32x4.mul(p, f), all(0.142195508))
  p = f32x4.add(f32x4.mul(p, f), all(-0.166679963))
  p = f32x4.add(f32x4.mul(p, f), all(0.200021192))
  p = f32x4.add(f32x4.mul(p, f), all(-0.250000089))
  p = f32x4.add(f32x4.mul(p, f), all(0.333333135))
  let y = f32x4.add(f32x4.mul(f32x4.mul(s, f), p), f32x4.mul(exponent, all(LN2_LOW)))
  y = f32x4.sub(y, f32x4.mul(all(0.5), s))
  return f32x4.add(f32x4.add(f, y), f32x4.mul(exponent, all(LN2_HIGH)))
}

/** The values of ln outside 0 < x < infinity. */
@inline function logEdges(x: v128, log: v128): v128 {
  const infinite = f32x4.eq(x, all(Infinity))
  const zero = f32x4.eq(x, all(0))
  const y = select(zero, all(-Infinity), select(infinite, x, log))
  return select(v128.not(f32x4.ge(x, all(0))), all(NaN), y)
}

/** ln x, 1 ulp. Denormals are lifted by 2^24. */
@inline export function log4(x: v128): v128 {
  const tiny = f32x4.lt(x, all(1.17549435e-38))
  const lifted = select(tiny, f32x4.mul(x, all(16777216)), x)
  const e = exponentOf(lifted)
  const exponent = f32x4.sub(f32x4.convert_i32x4_s(e), v128.and(tiny, all(24)))
  return logEdges(x, logReduced(f32x4.sub(mantissaOf(lifted, e), all(1)), exponent))
}

/** ln(1 + x), 2 ulp: what rounding u = 1 + x loses is added to the mantissa. */
@inline export function log1p4(x: v128): v128 {
  const u = f32x4.add(x, all(1))
  // x - (u - 1) where |x| < 1, else 1 - (u - x): each is exact on its side.
  const small = f32x4.lt(f32x4.abs(x), all(1))
  const lost = select(small, f32x4.sub(x, f32x4.sub(u, all(1))), f32x4.sub(all(1), f32x4.sub(u, x)))
  const e = exponentOf(u)
  const f = f32x4.add(f32x4.sub(mantissaOf(u, e), all(1)), f32x4.mul(lost, powerOfTwo(i32x4.neg(i32x4.min_s(e, i32x4.splat(126))))))
  const y = logEdges(u, logReduced(f, f32x4.convert_i32x4_s(e)))
  return select(f32x4.eq(x, all(0)), x, y)
}

/** tanh x, 2 ulp: x + x^3 P(x^2) below 0.625, else (1 - e^(-2|x|)) / (1 + e^(-2|x|)) with the sign of x. */
@inline export function tanh4(x: v128): v128 {
  const s = f32x4.mul(x, x)
  let p = f32x4.add(f32x4.mul(all(-0.00570497848), s), all(0.0206390787))
  p = f32x4.add(f32x4.mul(p, s), all(-0.0537397116))
  p = f32x4.add(f32x4.mul(p, s), all(0.133314416))
  p = f32x4.add(f32x4.mul(p, s), all(-0.333332807))
  const inner = f32x4.add(x, f32x4.mul(f32x4.mul(x, s), p))
  const a = f32x4.abs(x)
  const e = expNegative4(f32x4.mul(a, all(-2)))
  const outer = v128.or(f32x4.div(f32x4.sub(all(1), e), f32x4.add(all(1), e)), v128.and(x, i32x4.splat(0x80000000)))
  return select(f32x4.lt(a, all(0.625)), inner, outer)
}

/** 1 / (1 + e^-x), 3 ulp: as e^x / (1 + e^x) below 0, where e^-x may overflow. */
@inline export function sigmoid4(x: v128): v128 {
  const e = expNegative4(f32x4.neg(f32x4.abs(x)))
  return f32x4.div(select(f32x4.lt(x, all(0)), e, all(1)), f32x4.add(all(1), e))
}

/** The exponent 2 u = 2 sqrt(2 / pi) (x + 0.044715 x^3) of GELU's approximation x sigmoid(2 u). */
@inline export function geluTanhExponent(x: v128): v128 {
  return f32x4.mul(x, f32x4.add(all(1.59576912), f32x4.mul(f32x4.mul(x, x), all(0.0713548163))))
}
