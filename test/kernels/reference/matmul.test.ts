import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reference } from '../../../src/kernels/reference/index.js'
import { bigints, empty, floatDtypes, numbers, sequence, tensor, view } from './views.js'

test('any sizes, transposed operands, broadcast batches', () => {
  const size = fc.integer({ min: 0, max: 4 })
  fc.assert(
    fc.property(
      size,
      size,
      size,
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      (m, k, n, batches, transposed, shared, accumulate) => {
        const x = view(tensor(sequence(48)), [batches, m, k], transposed ? [m * k, 1, m] : [m * k, k, 1])
        const w = view(tensor(sequence(48, 2)), [batches, k, n], [shared ? 0 : k * n, n, 1])
        const out = tensor(sequence(batches * m * n, 3), 'float64', [batches, m, n])
        const [a, b, before] = [numbers(x), numbers(w), numbers(out)]
        reference.matmul(x, w, out, accumulate ? out : null)
        const expected = before.map((start, at) => {
          const [batch, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n]
          let sum = accumulate ? start : 0
          for (let p = 0; p < k; p++) sum += a[(batch * m + i) * k + p] * b[(batch * k + p) * n + j]
          return sum
        })
        numbers(out).forEach((got, at) => {
          expect(got).toBeCloseTo(expected[at], 13)
        })
      },
    ),
  )
})

test.each(floatDtypes)('%s rounds each element once', (dtype) => {
  // Added one by one in float16, 1 disappears next to 2048; in bfloat16 next to 256.
  const x = tensor([2048, 1, 1, 1, 1, 1, 1, 1, 1], dtype, [1, 1, 9])
  const out = empty([1, 1, 1], dtype)
  reference.matmul(x, view(tensor([1], dtype), [1, 9, 1], [0, 0, 0]), out)
  expect(numbers(out)).toEqual([{ float64: 2056, float32: 2056, float16: 2056, bfloat16: 2048 }[dtype]])
})

test('int64 is exact', () => {
  const out = tensor([1n], 'int64', [1, 1, 1])
  reference.matmul(tensor([2n ** 53n + 1n, 1n], 'int64', [1, 1, 2]), tensor([3n, 1n], 'int64', [1, 2, 1]), out, out)
  expect(bigints(out)).toEqual([3n * (2n ** 53n + 1n) + 2n])
})
