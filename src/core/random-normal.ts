import type { FloatFormat } from './float-format.js'
import type { Generator } from './random.js'
import { forUniforms } from './random-uniform.js'

/**
 * PyTorch's block method for 16 and more normals (`normal_fill` of ATen/native/cpu/DistributionTemplates.h): the array is first filled
 * with uniforms; in each block of 16 the j-th of the first eight gives a radius, the j-th of the last eight an angle (Box and Muller
 * 1958), whose cosine and sine take their places. A last block that is not full is the last 16 elements, drawn anew.
 */

const f = Math.fround
const BLOCK = 16

/** Numbers that are held as such; the half types work in a Float32Array and are encoded at the end. */
type Values = Float32Array | Float64Array

type Transform = (values: Values, start: number, mean: number, std: number) => void

export function fillNormalBlocks(values: Values, format: FloatFormat, generator: Generator, mean: number, std: number): void {
  const transform: Transform = format.digits === 53 ? transformFloat64 : format.digits === 24 ? transformFloat32 : transformHalf(format.round)
  const n = values.length
  drawUniforms(values, 0, format.digits, generator)
  for (let start = 0; start + BLOCK <= n; start += BLOCK) transform(values, start, mean, std)
  if (n % BLOCK === 0) return
  drawUniforms(values, n - BLOCK, format.digits, generator)
  transform(values, n - BLOCK, mean, std)
}

function drawUniforms(values: Values, start: number, digits: number, generator: Generator): void {
  forUniforms(generator, digits, values.length - start, (uniforms, from, n) => {
    for (let i = 0; i < n; i++) values[start + from + i] = uniforms[i]
  })
}

const TWO_PI = f(2 * Math.PI)

// Polynomials of Cephes' logf, sinf and cosf (Moshier 1992), highest power first.
const L0 = f(7.0376836292e-2)
const L1 = f(-1.151461031e-1)
const L2 = f(1.167699874e-1)
const L3 = f(-1.2420140846e-1)
const L4 = f(1.4249322787e-1)
const L5 = f(-1.6668057665e-1)
const L6 = f(2.0000714765e-1)
const L7 = f(-2.4999993993e-1)
const L8 = f(3.3333331174e-1)
/** float32's √½ in units of 2⁻³¹. */
const SQRT_HALF = f(Math.SQRT1_2) * 2 ** 31
// ln 2 in two parts, the first with few bits, so that its product with an exponent is exact.
const LN2_HIGH = f(0.693359375)
const LN2_LOW = f(-2.1219444e-4)
const S0 = f(-1.9515295891e-4)
const S1 = f(8.3321608736e-3)
const S2 = f(-1.6666654611e-1)
const C0 = f(2.443315711809948e-5)
const C1 = f(-1.388731625493765e-3)
const C2 = f(4.166664568298827e-2)
const FOUR_OVER_PI = f(4 / Math.PI)
// π/4 in three parts.
const PI4_HIGH = f(0.78515625)
const PI4_MIDDLE = f(2.4187564849853516e-4)
const PI4_LOW = f(3.774894977445941e-8)

/**
 * float32, in the steps of PyTorch's vector code. `f(a * b + c)` is a fused multiply-add: the product of two float32 is exact in a
 * double. (The sum is rounded twice; a difference from a true one needs a tie, one step in about 5·10⁸.)
 */
function transformFloat32(values: Values, start: number, mean: number, std: number): void {
  for (let j = start; j < start + 8; j++) {
    // ln u of u = k·2⁻²⁴ = (1 + x)·2ᵉ with 1 + x in [√½, √2). No branches, here and below: they would be taken at random.
    const k = 2 ** 24 - values[j] * 2 ** 24
    const zeros = Math.clz32(k)
    const significand = k << (zeros - 1)
    const below = (significand - SQRT_HALF) >>> 31
    const e = 8 - zeros - below
    const x = significand * (1 + below) * 2 ** -31 - 1
    const xx = f(x * x)
    let p = f(L0 * x + L1)
    p = f(p * x + L2)
    p = f(p * x + L3)
    p = f(p * x + L4)
    p = f(p * x + L5)
    p = f(p * x + L6)
    p = f(p * x + L7)
    p = f(p * x + L8)
    p = f(f(p * x) * xx + f(e * LN2_LOW))
    p = f(p - 0.5 * xx)
    const log = f(f(x + p) + e * LN2_HIGH)
    values[j] = Math.sqrt(-2 * log)
  }
  // A loop of its own: the processor works on several turns at once where they are short.
  for (let j = start; j < start + 8; j++) {
    const radius = values[j]
    // The angle, less the nearest multiple q·π/4 of even q
    const theta = f(TWO_PI * values[j + 8])
    const q = (f(theta * FOUR_OVER_PI) + 1) & ~1
    const r = f(f(f(theta - q * PI4_HIGH) - q * PI4_MIDDLE) - q * PI4_LOW)
    const rr = f(r * r)
    const c = f(f(f(f(f(C0 * rr + C1) * rr + C2) * rr) * rr - f(0.5 * rr)) + 1)
    const s = f(f(f(f(S0 * rr + S1) * rr + S2) * rr) * r + r)
    // In every second quarter turn the two change places; `at` is the place of c.
    const at = (q & 2) << 2
    values[j + at] = f(radius * (c * (1 - ((q & 4) >> 1)))) * std + mean
    values[j + 8 - at] = f(radius * (s * (1 - (((q ^ (q << 1)) & 4) >> 1)))) * std + mean
  }
}

function transformFloat64(values: Values, start: number, mean: number, std: number): void {
  for (let j = start; j < start + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[j]))
    const theta = 2 * Math.PI * values[j + 8]
    values[j] = radius * Math.cos(theta) * std + mean
    values[j + 8] = radius * Math.sin(theta) * std + mean
  }
}

/** The half types round after every operation. */
const transformHalf =
  (r: (value: number) => number): Transform =>
  (values, start, mean, std) => {
    for (let j = start; j < start + 8; j++) {
      const radius = r(Math.sqrt(r(-2 * r(Math.log(r(1 - values[j]))))))
      const theta = r(2 * Math.PI * values[j + 8])
      values[j] = r(r(r(radius * r(Math.cos(theta))) * std) + mean)
      values[j + 8] = r(r(r(radius * r(Math.sin(theta))) * std) + mean)
    }
  }
