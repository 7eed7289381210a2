import { describe, expect, test } from 'vitest'
import type { PoolAxis } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { allDtypes, empty, numbers, sequence, tensor, view } from './views.js'

const { NaN: nan, NEGATIVE_INFINITY: minusInf } = Number

const axis = (starts: number[], ends: number[], dilation = 1): PoolAxis => ({ starts: Int32Array.from(starts), ends: Int32Array.from(ends), dilation })

describe('maxPool', () => {
  const pool = (values: number[], shape: number[], axes: PoolAxis[], dtype: (typeof allDtypes)[number] = 'float32') => {
    const out = [...shape.slice(0, 2), ...axes.map((a) => a.starts.length)]
    const [y, indices] = [empty(out, dtype), empty(out, 'int64')]
    reference.maxPool(tensor(values, dtype, shape), axes, y, indices)
    return [numbers(y), numbers(indices)]
  }

  test('the first largest wins, NaN over all, -infinity over nothing', () => {
    const whole = [axis([0], [2]), axis([0], [2])]
    expect(pool([1, 7, 7, 5], [1, 1, 2, 2], whole)).toEqual([[7], [1]])
    // PyTorch 2.6 reports the last NaN.
    expect(pool([1, nan, nan, 5], [1, 1, 2, 2], whole)).toEqual([[nan], [2]])
    expect(pool([minusInf, minusInf, minusInf, minusInf], [1, 1, 2, 2], whole)).toEqual([[minusInf], [0]])
  })

  test('indices count within each plane', () => {
    const axes = [axis([0, 1], [2, 3]), axis([0, 2], [1, 4], 1)]
    const values = Array.from({ length: 24 }, (_, i) => (i * 7) % 12)
    // Rows of both planes: 0 7 2 9 / 4 11 6 1 / 8 3 10 5.
    expect(pool(values, [2, 1, 3, 4], axes)).toEqual([
      [4, 9, 8, 10, 4, 9, 8, 10],
      [4, 3, 8, 10, 4, 3, 8, 10],
    ])
  })

  test('dilation skips elements, in one axis and three', () => {
    expect(pool([1, 9, 3, 8, 2], [1, 1, 5], [axis([0, 1], [3, 4], 2)])).toEqual([
      [3, 9],
      [2, 1],
    ])
    const values = Array.from({ length: 27 }, (_, i) => i)
    expect(pool(values, [1, 1, 3, 3, 3], [axis([0], [2]), axis([0], [3], 2), axis([0, 1], [2, 3])])).toEqual([
      [16, 17],
      [16, 17],
    ])
  })

  test('every dtype', () => {
    for (const dtype of allDtypes)
      expect([dtype, pool([0, 1, 0, 1], [1, 1, 4], [axis([0, 2], [2, 4])], dtype)]).toEqual([
        dtype,
        [
          [1, 1],
          [1, 3],
        ],
      ])
  })
})

describe('avgPool', () => {
  const axes = [axis([0, 1], [2, 3]), axis([0, 2], [3, 4])]

  test('divides by the product of the divisors, or by one number', () => {
    const x = tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 'float32', [1, 1, 3, 4])
    const y = empty([1, 1, 2, 2], 'float32')
    reference.avgPool(x, axes, [Float64Array.of(2, 4), Float64Array.of(3, 5)], y)
    expect(numbers(y)).toEqual([18 / 6, 18 / 10, 42 / 12, 34 / 20].map(Math.fround))
    reference.avgPool(x, axes, 2, y)
    expect(numbers(y)).toEqual([9, 9, 21, 17])
  })

  test('backward is its transpose: <dy, pool(x)> = <backward(dy), x>', () => {
    const divisors = [Float64Array.of(2, 4), Float64Array.of(3, 5)]
    const base = tensor(sequence(24))
    const x = view(base, [2, 1, 3, 4], [12, 12, 1, 3])
    const dy = tensor(sequence(8, 2), 'float64', [2, 1, 2, 2])
    const [y, dx] = [empty([2, 1, 2, 2]), empty([2, 1, 3, 4])]
    const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i], 0)
    for (const by of [divisors, 3]) {
      reference.avgPool(x, axes, by, y)
      reference.avgPoolBackward(dy, axes, by, dx)
      expect(dot(numbers(dx), numbers(x))).toBeCloseTo(dot(numbers(dy), numbers(y)), 13)
      expect(Math.abs(dot(numbers(dy), numbers(y)))).toBeGreaterThan(1e-3)
    }
  })
})
