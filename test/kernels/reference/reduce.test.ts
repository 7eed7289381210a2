import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../../src/core/dtype.js'
import type { ReduceOp, View } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { bigints, empty, floatDtypes, indices, integerDtypes, numbers, sequence, tensor, view } from './views.js'

const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: minusInf } = Number

const reduced = (op: ReduceOp, x: View, dims: number[], shape: number[], dtype: Dtype): number[] => {
  const out = empty(shape, dtype)
  reference.reduce(op, x, dims, out)
  return numbers(out)
}

describe('reduce', () => {
  test('over any dims of any view equals a sum by index', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
        fc.nat(15),
        fc.constantFrom<Dtype>('float32', 'float64', 'int64', 'int8'),
        (shape, mask, dtype) => {
          const dims = shape.map((_, d) => d).filter((d) => mask & (1 << d))
          const kept = shape.map((size, d) => (dims.includes(d) ? 1 : size))
          const strides = shape.map((_, d) => [3, 0, 1, 5][d])
          const base = tensor(
            Array.from({ length: 40 }, (_, i) => i - 7),
            dtype,
          )
          const expected = indices(kept).map((index) =>
            indices(shape)
              .filter((full) => full.every((i, d) => kept[d] === 1 || i === index[d]))
              .reduce((sum, full) => sum + full.reduce((at, i, d) => at + i * strides[d], 2) - 7, 0),
          )
          const outDtype = dtype === 'int8' ? 'int64' : dtype
          expect(reduced('sum', view(base, shape, strides, 2), dims, kept, outDtype)).toEqual(expected)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('nothing reduces to the neutral element', () => {
    const none = tensor([], 'float32', [2, 0])
    expect(reduced('sum', none, [1], [2], 'float32')).toEqual([0, 0])
    expect(reduced('prod', none, [1], [2], 'float32')).toEqual([1, 1])
    expect(reduced('any', none, [1], [2], 'bool')).toEqual([0, 0])
    expect(reduced('all', none, [1], [2], 'bool')).toEqual([1, 1])
    expect(reduced('sum', tensor([5], 'float32', []), [], [], 'float32')).toEqual([5])
  })

  test('NaN wins in max and min, and is true', () => {
    for (const dtype of floatDtypes) {
      const x = tensor([1, nan, 3, 4, -2, 3], dtype, [2, 3])
      expect(reduced('max', x, [1], [2], dtype)).toEqual([nan, 4])
      expect(reduced('min', x, [1], [2], dtype)).toEqual([nan, -2])
      expect(reduced('any', tensor([nan, 0], dtype), [0], [], 'bool')).toEqual([1])
      expect(reduced('all', tensor([nan, 1, 0], dtype), [0], [], 'bool')).toEqual([0])
    }
    expect(reduced('max', tensor([minusInf, minusInf], 'float32'), [0], [], 'float32')).toEqual([minusInf])
  })

  test.each(integerDtypes)('%s sums to int64 without loss', (dtype) => {
    const out = empty([], 'int64')
    const largest = { int64: 2n ** 62n, int32: 2n ** 31n - 1n, int16: 32767n, int8: 127n, uint8: 255n }[dtype]
    reference.reduce('sum', tensor([largest, largest, largest, 1n], dtype), [0], out)
    expect(bigints(out)).toEqual([BigInt.asIntN(64, 3n * largest + 1n)])
    reference.reduce('prod', tensor([largest, largest], dtype), [0], out)
    expect(bigints(out)).toEqual([BigInt.asIntN(64, largest * largest)])
    const extreme = empty([], dtype)
    reference.reduce('max', tensor([3n, largest, 5n], dtype), [0], extreme)
    expect(bigints(extreme)).toEqual([largest])
    reference.reduce('min', tensor([3n, largest, 5n], dtype), [0], extreme)
    expect(bigints(extreme)).toEqual([3n])
  })

  test('bools sum to a count', () => {
    expect(reduced('sum', tensor([1, 0, 1], 'bool'), [0], [], 'int64')).toEqual([2])
  })

  test('half types accumulate beyond their own precision', () => {
    // 4096 times 1 in float16 arithmetic would stop at 2048.
    expect(reduced('sum', view(tensor([1], 'float16'), [4096], [0]), [0], [], 'float16')).toEqual([4096])
  })
})

describe('argReduce', () => {
  const arg = (op: 'max' | 'min', x: View, dim: number | null, shape: number[]) => {
    const out = empty(shape, 'int64')
    reference.argReduce(op, x, dim, out)
    return numbers(out)
  }

  test('gives the first of equals, and the first NaN', () => {
    const x = tensor([1, nan, 3, nan, 2, 2, 1, 1, 3, 7, 7, 0], 'float32', [3, 4])
    expect(arg('max', x, 1, [3])).toEqual([1, 0, 1])
    expect(arg('min', x, 1, [3])).toEqual([1, 2, 3])
    expect(arg('max', x, 0, [4])).toEqual([2, 0, 2, 0])
    expect(arg('max', x, null, [])).toEqual([1])
    expect(arg('min', tensor([4], 'float32', []), 0, [])).toEqual([0])
  })

  test('tells 64-bit integers apart', () => {
    expect(arg('max', tensor([2n ** 60n, 2n ** 60n + 1n, 2n ** 60n], 'int64'), 0, [])).toEqual([1])
    expect(arg('min', tensor([2n ** 60n + 1n, 2n ** 60n + 1n, 2n ** 60n], 'int64'), 0, [])).toEqual([2])
  })
})

describe('moments', () => {
  test('survive a large offset', () => {
    const [mean, variance] = [empty([2]), empty([2])]
    const x = tensor(
      [1, 2, 3, 4, 5, 6, 7, 8].map((v) => 1e6 + v / 16),
      'float32',
      [4, 2],
    )
    reference.moments(x, [0], mean, variance)
    expect(numbers(mean)).toEqual([1e6 + 4 / 16, 1e6 + 5 / 16])
    expect(numbers(variance)).toEqual([5 / 256, 5 / 256])
    reference.moments(x, [0, 1], view(mean, [], []), null)
    expect(numbers(mean)).toEqual([1e6 + 4.5 / 16, 1e6 + 5 / 16])
  })
})

describe('cumsum', () => {
  test('runs along any axis', () => {
    const x = tensor([1, 2, 3, 4, 5, 6], 'float32', [2, 3])
    const out = empty([2, 3], 'float32')
    reference.cumsum(x, 1, out)
    expect(numbers(out)).toEqual([1, 3, 6, 4, 9, 15])
    reference.cumsum(x, 0, out)
    expect(numbers(out)).toEqual([1, 2, 3, 5, 7, 9])
    const exact = empty([2], 'int64')
    reference.cumsum(tensor([2n ** 62n + 1n, 2n ** 61n], 'int64'), 0, exact)
    expect(bigints(exact)).toEqual([2n ** 62n + 1n, 2n ** 62n + 2n ** 61n + 1n])
    const bytes = empty([3], 'int64')
    reference.cumsum(tensor([100, 100, 100], 'int8'), 0, bytes)
    expect(numbers(bytes)).toEqual([100, 200, 300])
  })
})

describe('softmax', () => {
  const rows = (log: boolean, values: number[]) => {
    const out = empty([values.length / 2, 2])
    reference.softmax(tensor(values, 'float64', [values.length / 2, 2]), 1, log, out)
    return numbers(out)
  }

  test('at infinities, as PyTorch', () => {
    const values = [minusInf, minusInf, inf, 1, minusInf, 2, 1000, 1000]
    expect(rows(false, values)).toEqual([nan, nan, nan, nan, 0, 1, 0.5, 0.5])
    expect(rows(true, values)).toEqual([nan, nan, nan, nan, minusInf, 0, -Math.LN2, -Math.LN2])
  })

  test('along an inner axis of a transposed view', () => {
    const base = tensor(sequence(24), 'float64')
    const x = view(base, [2, 3, 4], [12, 1, 3])
    const out = empty([2, 3, 4])
    reference.softmax(x, 1, false, out)
    const [values, results] = [numbers(x), numbers(out)]
    indices([2, 3, 4]).forEach(([n, c, l], at) => {
      const run = [0, 1, 2].map((k) => Math.exp(values[n * 12 + k * 4 + l]))
      expect(results[at]).toBeCloseTo(run[c] / (run[0] + run[1] + run[2]), 14)
    })
  })

  test.each([false, true])('backward is the derivative (log: %s)', (log) => {
    const x = sequence(12)
    const dy = sequence(12, 5)
    const forward = (values: number[]) => {
      const out = empty([2, 3, 2])
      reference.softmax(tensor(values, 'float64', [2, 3, 2]), 1, log, out)
      return out
    }
    const dx = empty([2, 3, 2])
    reference.softmaxBackward(tensor(dy, 'float64', [2, 3, 2]), forward(x), 1, log, dx)
    const h = 1e-5
    const numeric = x.map((_, k) => {
      const at = (step: number) => numbers(forward(x.map((v, i) => (i === k ? v + step : v)))).reduce((sum, y, i) => sum + y * dy[i], 0)
      return (at(h) - at(-h)) / (2 * h)
    })
    numbers(dx).forEach((got, k) => {
      expect(got).toBeCloseTo(numeric[k], 9)
    })
  })
})
