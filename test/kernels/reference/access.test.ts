import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numelOf, type Shape } from '../../../src/core/shape.js'
import type { View } from '../../../src/kernels/contract.js'
import { axesLast, load, loadBig, rounder, select, store, storeBig } from '../../../src/kernels/reference/access.js'
import { allDtypes, bigints, empty, indices, numbers, tensor, view } from './views.js'

/** A window of any shape, strides and offset onto the numbers 0, 1, 2, …; strides may be 0, so elements may repeat. */
const windows = fc
  .array(fc.record({ size: fc.integer({ min: 0, max: 4 }), stride: fc.integer({ min: 0, max: 7 }) }), { maxLength: 4 })
  .chain((axes) => fc.record({ axes: fc.constant(axes), offset: fc.integer({ min: 0, max: 5 }) }))
  .map(({ axes, offset }) => ({ shape: axes.map((a) => a.size), strides: axes.map((a) => a.stride), offset }))

const offsetAt = (index: readonly number[], strides: Shape, offset: number): number => index.reduce((at, i, d) => at + i * strides[d], offset)

describe('load', () => {
  test('reads any window in logical order', () => {
    fc.assert(
      fc.property(windows, fc.constantFrom(...allDtypes), ({ shape, strides, offset }, dtype) => {
        const base = tensor(
          Array.from({ length: 96 }, (_, i) => i),
          dtype,
        )
        const expected = indices(shape).map((index) => offsetAt(index, strides, offset))
        expect(numbers(view(base, shape, strides, offset))).toEqual(dtype === 'bool' ? expected.map((v) => (v ? 1 : 0)) : expected)
      }),
      { numRuns: 300 },
    )
  })

  test('broadcasts as an index that ignores axes of size 1 and leading ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        fc.nat(3),
        (target, ones, drop) => {
          const shape = target.map((size, d) => (ones[d] ? 1 : size)).slice(Math.min(drop, target.length))
          const lead = target.length - shape.length
          const base = tensor(
            Array.from({ length: numelOf(shape) }, (_, i) => i * i),
            'float32',
            shape,
          )
          const expected = indices(target).map((index) => {
            const own = index.slice(lead).map((i, d) => (shape[d] === 1 ? 0 : i))
            return offsetAt(own, base.strides, 0) ** 2
          })
          expect(Array.from(load(base, target))).toEqual(expected)
        },
      ),
    )
  })

  test('gives a copy', () => {
    const base = tensor([1, 2, 3])
    load(base)[0] = 7
    loadBig(tensor([1n], 'int64'))[0] = 7n
    expect(numbers(base)).toEqual([1, 2, 3])
  })
})

describe('store', () => {
  test('writes each element of a strided target and nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...allDtypes), fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), fc.boolean(), (dtype, order, big) => {
        // A window of [2, 3, 2] with gaps, its axes in any order.
        const [shape, strides] = [order.map((d) => [2, 3, 2][d]), order.map((d) => [24, 6, 2][d])]
        const base = empty([48], dtype)
        const target = view(base, shape, strides, 1)
        const before = numbers(base)
        const values = Array.from({ length: 12 }, (_, i) => i + 1)
        if (big) storeBig(target, BigInt64Array.from(values, BigInt))
        else store(target, Float64Array.from(values))
        const expected = [...before]
        indices(shape).forEach((index, i) => {
          expected[offsetAt(index, strides, 1)] = dtype === 'bool' ? 1 : values[i]
        })
        expect(numbers(base)).toEqual(expected)
      }),
    )
  })

  // As torch.tensor([...], dtype=torch.float64).to(dtype).
  const inputs = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.9, -3.9, 1e10, -1e10, 300, 40000, -1, 0, 0.5]
  const min64 = -(2n ** 63n)
  test.each([
    ['int64', [min64, min64, min64, 3n, -3n, 10000000000n, -10000000000n, 300n, 40000n, -1n, 0n, 0n]],
    ['int32', [-(2n ** 31n), -(2n ** 31n), -(2n ** 31n), 3n, -3n, -(2n ** 31n), -(2n ** 31n), 300n, 40000n, -1n, 0n, 0n]],
    ['int16', [0n, 0n, 0n, 3n, -3n, 0n, 0n, 300n, -25536n, -1n, 0n, 0n]],
    ['int8', [0n, 0n, 0n, 3n, -3n, 0n, 0n, 44n, 64n, -1n, 0n, 0n]],
    ['uint8', [0n, 0n, 0n, 3n, 253n, 0n, 0n, 44n, 64n, 255n, 0n, 0n]],
    ['bool', [1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 0n, 1n]],
  ] as const)('converts floats to %s as PyTorch does', (dtype, expected) => {
    const target = empty([inputs.length], dtype)
    store(target, Float64Array.from(inputs))
    expect(bigints(target)).toEqual(expected)
  })

  test('rounds to half types by way of float32, ties to even', () => {
    const half = empty([5], 'float16')
    store(half, Float64Array.of(2049, 2051, 65519, 65519.999, 1 + 2 ** -11 + 2 ** -40))
    // The last two are ties only once they are float32; then they go to even.
    expect(numbers(half)).toEqual([2048, 2052, 65504, Number.POSITIVE_INFINITY, 1])
    const brain = empty([3], 'bfloat16')
    store(brain, Float64Array.of(257, 259, -0))
    expect(numbers(brain)).toEqual([256, 260, -0])
  })

  test('integers keep all 64 bits and wrap around in narrower types', () => {
    const values = BigInt64Array.of(2n ** 53n + 1n, -1n, 300n, 2n ** 31n)
    const written = (dtype: (typeof allDtypes)[number]) => {
      const target = empty([4], dtype)
      storeBig(target, values)
      return numbers(target)
    }
    const exact = empty([4], 'int64')
    storeBig(exact, values)
    expect(bigints(exact)).toEqual([2n ** 53n + 1n, -1n, 300n, 2n ** 31n])
    expect(written('int32')).toEqual([1, -1, 300, -(2 ** 31)])
    expect(written('uint8')).toEqual([1, 255, 44, 0])
    expect(written('bool')).toEqual([1, 1, 1, 1])
    expect(written('float64')).toEqual([2 ** 53, -1, 300, 2 ** 31])
  })
})

test('rounder gives what a store and a load give', () => {
  const values = [0.1, -2.7, 65519, 1e-8, 300.5, -129, 3e9]
  for (const dtype of allDtypes) {
    const target = empty([values.length], dtype)
    store(target, Float64Array.from(values))
    expect([dtype, values.map(rounder(dtype))]).toEqual([dtype, numbers(target)])
  }
})

test('axesLast and select move the window, not the data', () => {
  const x: View = tensor(
    Array.from({ length: 24 }, (_, i) => i),
    'float32',
    [2, 3, 4],
  )
  const last = axesLast(x, [0, 2])
  expect(last.shape).toEqual([3, 2, 4])
  expect(numbers(last).slice(0, 8)).toEqual([0, 1, 2, 3, 12, 13, 14, 15])
  expect(numbers(select(x, 1, 2))).toEqual([8, 9, 10, 11, 20, 21, 22, 23])
})
