import fc from 'fast-check'
import { expect, test } from 'vitest'
import { histogram } from '../../src/inspect/index.js'

const total = ({ counts, underflow, overflow, nan }: ReturnType<typeof histogram>) => counts.reduce((a, b) => a + b, 0) + underflow + overflow + nan

test('no value is lost, whatever the values and the range', () => {
  const range = fc
    .tuple(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.float({ noNaN: true, noDefaultInfinity: true }))
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  fc.assert(
    fc.property(fc.array(fc.float()), fc.integer({ min: 1, max: 50 }), fc.option(range, { nil: undefined }), (values, bins, range) => {
      expect(total(histogram(values, { bins, range }))).toBe(values.length)
    }),
  )
})

test('the range comes from the data, both ends included', () => {
  const h = histogram([0, 1, 2, 3, 4], { bins: 4 })
  expect(h).toEqual({ low: 0, high: 4, counts: [1, 1, 1, 2], underflow: 0, overflow: 0, nan: 0 })
})

test('a narrow spread far from zero fills many bins', () => {
  const values = Array.from({ length: 1000 }, (_, i) => 0.97 + 0.001 * Math.sin(i))
  expect(histogram(values).counts.filter((n) => n > 0).length).toBeGreaterThanOrEqual(10)
})

test('two values are two bars', () => {
  const { counts } = histogram([0, 1, 1, 0, 1])
  expect(counts.filter((n) => n > 0)).toEqual([2, 3])
  expect([counts[0], counts[29]]).toEqual([2, 3])
})

test('values outside the range, infinities and NaN are counted apart', () => {
  expect(histogram([-3, 0.5, 9, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], { bins: 2, range: [0, 1] })).toEqual({
    low: 0,
    high: 1,
    counts: [0, 1],
    underflow: 2,
    overflow: 2,
    nan: 1,
  })
  expect(histogram([5, Number.POSITIVE_INFINITY])).toMatchObject({ low: 5, high: 5, counts: [1], overflow: 1 })
})

test('the width of the largest range does not overflow', () => {
  expect(histogram([-1.7e308, 0, 1.7e308], { bins: 3 }).counts).toEqual([1, 1, 1])
})

test.each([[{ bins: 0 }], [{ bins: 1.5 }], [{ range: [1, 0] as const }], [{ range: [0, Number.NaN] as const }]])('refuses %o', (options) => {
  expect(() => histogram([1], options)).toThrow(/histogram: (bins|range) must be/)
})
