import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { erf, erfinv } from '../../src/core/erf.js'
import { fma, fmaFloat32 } from '../../src/core/fma.js'

/** x = significand · 2^exponent, both whole. */
function parts(x: number): [bigint, number] {
  let exponent = 0
  while (!Number.isInteger(x)) {
    x *= 2
    exponent--
  }
  return [BigInt(x), exponent]
}

/** numerator · 2^exponent, rounded once to `bits` of significand, ties to even. */
function rounded(numerator: bigint, exponent: number, bits: number): number {
  const sign = numerator < 0n ? -1 : 1
  let n = numerator < 0n ? -numerator : numerator
  const excess = n.toString(2).length - bits
  if (excess > 0) {
    const unit = 1n << BigInt(excess)
    const rest = n % unit
    n /= unit
    if (rest * 2n > unit || (rest * 2n === unit && (n & 1n) === 1n)) n++
    exponent += excess
  }
  return sign * Number(n) * 2 ** exponent
}

function exact(a: number, b: number, c: number, bits: number): number {
  const [ma, ea] = parts(a)
  const [mb, eb] = parts(b)
  const [mc, ec] = parts(c)
  const e = Math.min(ea + eb, ec)
  return rounded(ma * mb * (1n << BigInt(ea + eb - e)) + mc * (1n << BigInt(ec - e)), e, bits)
}

const moderate = fc.double({ min: -1e60, max: 1e60, noNaN: true }).filter((v) => v === 0 || Math.abs(v) > 1e-60)

describe('fma', () => {
  it('rounds a·b + c once, in float64', () => {
    fc.assert(
      fc.property(moderate, moderate, moderate, (a, b, c) => {
        expect(fma(a, b, c) + 0).toBe(exact(a, b, c, 53) + 0)
        // Near cancellation the lost half of the product is all that is left.
        expect(fma(a, b, -a * b) + 0).toBe(exact(a, b, -a * b, 53) + 0)
        expect(fma(a, b, -a * b * (1 + 2 ** -50)) + 0).toBe(exact(a, b, -a * b * (1 + 2 ** -50), 53) + 0)
      }),
      { numRuns: 500 },
    )
  })

  it('rounds once in float32, also where rounding to a double first would make a tie', () => {
    const small = moderate.map((v) => Math.fround(v % 1e6)).filter((v) => v === 0 || Math.abs(v) > 1e-6)
    fc.assert(
      fc.property(small, small, small, (a, b, c) => {
        expect(fmaFloat32(a, b, c) + 0).toBe(exact(a, b, c, 24) + 0)
      }),
      { numRuns: 500 },
    )
    // The product is 2⁻²⁴ - 2⁻⁷⁰, so the sum lies just below the middle of two floats; a double holds the middle itself, a tie that goes up.
    const [a, b, c] = [2 ** -12 * (1 + 2 ** -23), 2 ** -12 * (1 - 2 ** -23), 1 + 2 ** -23]
    expect(fmaFloat32(a, b, c)).toBe(c)
    expect(Math.fround(a * b + c)).toBe(1 + 2 ** -22)
  })

  it('passes on infinities and NaN', () => {
    expect(fma(Number.POSITIVE_INFINITY, 1, 1)).toBe(Number.POSITIVE_INFINITY)
    expect(fma(1, 1, Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY)
    expect(fma(Number.NaN, 1, 1)).toBeNaN()
    expect(fmaFloat32(3e38, 10, 0)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('erf and its inverse', () => {
  // math.erf of Python 3.13
  const values: [number, number][] = [
    [1e-300, 1.1283791670955126e-300],
    [0.5, 0.5204998778130465],
    [-0.9, -0.7969082124228322],
    [1.2, 0.9103139782296353],
    [2, 0.9953222650189527],
    [-3, -0.9999779095030014],
    [5.5, 0.9999999999999927],
  ]
  it('erf is right to two units in the last place', () => {
    for (const [x, want] of values) expect(Math.abs(erf(x) / want - 1), `erf(${x})`).toBeLessThanOrEqual(2 * 2 ** -52)
    expect([erf(Number.POSITIVE_INFINITY), erf(Number.NEGATIVE_INFINITY), erf(0)]).toEqual([1, -1, 0])
    expect(erf(Number.NaN)).toBeNaN()
  })
  it('erfinv equals torch.erfinv', () => {
    const inverse: [number, number][] = [
      [-0.3, -0.2724627147267544],
      [0.7, 0.7328690779592169],
      [0.71, 0.7482049711849852],
      [-0.999999, -3.458910737283175],
      [1 - 2 ** -53, 5.863948532247121],
    ]
    for (const [y, want] of inverse) expect(erfinv(y) / want, `erfinv(${y})`).toBeCloseTo(1, 12)
    expect([erfinv(1), erfinv(-1), erfinv(0)]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0])
    expect(erfinv(1.0001)).toBeNaN()
    expect(erfinv(Number.NaN)).toBeNaN()
  })
  it('undo each other', () => {
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), (x) => {
        expect(Math.abs(erfinv(erf(x)) - x)).toBeLessThan(1e-15 + 2 ** -52 * Math.exp(x * x))
      }),
      { numRuns: 300 },
    )
  })
})
