/** p[0] + p[1]·x + p[2]·x² + … */
function polynomial(x: number, p: readonly number[]): number {
  let y = p[p.length - 1]
  for (let i = p.length - 2; i >= 0; i--) y = y * x + p[i]
  return y
}

// Rational approximations of fdlibm's s_erf.c (Sun Microsystems, 1993), each a quotient of polynomials [numerator, denominator].
// |x| < 0.84375: erf(x) = x + x·R(x²)
const nearZero = [
  [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5],
  [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6],
] as const
// |x| < 1.25: erf(x) = erfNearOne + R(|x| − 1)
const erfNearOne = 0.8450629115104675
const nearOne = [
  [-0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668, 0.035478304325618236, -0.002166375594868791],
  [1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905, 0.011984499846799107],
] as const
// beyond: erfc(x) = exp(−x² − 0.5625 + R(1/x²))/x, one R up to 1/0.35 and one above
const middle = [
  [
    -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347, -184.60509290671104, -81.2874355063066,
    -9.814329344169145,
  ],
  [
    1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783, 108.63500554177944, 6.570249770319282,
    -0.0604244152148581,
  ],
] as const
const far = [
  [-0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896, -1025.0951316110772, -483.5191916086514],
  [1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644, 474.52854120695537, -22.44095244658582],
] as const

/** The error function 2/√π ∫₀ˣ exp(−t²) dt, to within two units in the last place. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a < 0.84375) {
    const z = x * x
    return x + (x * polynomial(z, nearZero[0])) / polynomial(z, nearZero[1])
  }
  if (a < 1.25) {
    const s = a - 1
    return Math.sign(x) * (erfNearOne + polynomial(s, nearOne[0]) / polynomial(s, nearOne[1]))
  }
  if (a >= 6) return Math.sign(x) // 1 − erf(6) is below half a unit in the last place
  const s = 1 / (x * x)
  const [p, q] = a < 1 / 0.35 ? middle : far
  return Math.sign(x) * (1 - Math.exp(-x * x - 0.5625 + polynomial(s, p) / polynomial(s, q)) / a)
}

/**
 * The inverse of `erf`: NaN outside [−1, 1], ±infinity at its ends. A rational first guess, then two Newton steps.
 * The guess is that of Pavlis's erfinv (1996), which PyTorch's `erfinv` starts from as well.
 */
export function erfinv(y: number): number {
  const a = Math.abs(y)
  if (!(a <= 1)) return Number.NaN
  if (a === 1) return y * Number.POSITIVE_INFINITY
  let x: number
  if (a <= 0.7) {
    const z = y * y
    x = (y * polynomial(z, [0.886226899, -1.645349621, 0.914624893, -0.140543331])) / polynomial(z, [1, -2.118377725, 1.442710462, -0.329097515, 0.012229801])
  } else {
    const z = Math.sqrt(-Math.log((1 - a) / 2))
    x = (Math.sign(y) * polynomial(z, [-1.970840454, -1.624906493, 3.429567803, 1.641345311])) / polynomial(z, [1, 3.5438892, 1.6370678])
  }
  for (let step = 0; step < 2; step++) x -= ((erf(x) - y) * Math.sqrt(Math.PI)) / 2 / Math.exp(-x * x)
  return x
}
