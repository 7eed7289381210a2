import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  broadcastShapes,
  checkShape,
  contiguousStrides,
  inferShape,
  isContiguous,
  normalizeDim,
  normalizeDims,
  numelOf,
  viewStrides,
} from '../../src/core/shape.js'

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })

test('contiguous strides step over the elements to the right', () => {
  expect(contiguousStrides([2, 3, 4])).toEqual([12, 4, 1])
  expect(contiguousStrides([])).toEqual([])
  // A size of 0 counts as 1, as in PyTorch.
  expect(contiguousStrides([2, 0, 4])).toEqual([4, 4, 1])
  fc.assert(fc.property(shapes, (shape) => isContiguous(shape, contiguousStrides(shape))))
})

test('isContiguous looks past axes of size 1 and accepts everything empty', () => {
  expect(isContiguous([2, 1, 3], [3, 99, 1])).toBe(true)
  expect(isContiguous([3, 2], [1, 3])).toBe(false)
  expect(isContiguous([0, 3], [1, 7])).toBe(true)
  expect(isContiguous([2, 3], [0, 1])).toBe(false)
})

describe('broadcastShapes', () => {
  test('pads on the left and stretches ones', () => {
    expect(broadcastShapes([3, 1], [4])).toEqual([3, 4])
    expect(broadcastShapes([1], [0, 1], [])).toEqual([0, 1])
    expect(() => broadcastShapes([2, 3], [2])).toThrow('The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1')
  })
  test('does not depend on the order, and a shape broadcasts with itself', () => {
    const attempt = (...list: number[][]) => {
      try {
        return broadcastShapes(...list)
      } catch {
        return null
      }
    }
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        expect(attempt(a, b)).toEqual(attempt(b, a))
        expect(attempt(a, a)).toEqual(a)
      }),
    )
  })
  test('returns a list of its own', () => {
    const shape = [2, 3]
    expect(broadcastShapes(shape, shape)).not.toBe(shape)
  })
})

describe('dimensions', () => {
  test('count from either end', () => {
    expect([normalizeDim(-1, 3), normalizeDim(2, 3), normalizeDim(0, 0), normalizeDim(-1, 0)]).toEqual([2, 2, 0, 0])
    expect(() => normalizeDim(3, 3)).toThrow('Dimension out of range (expected to be in range of [-3, 2], but got 3)')
    expect(() => normalizeDim(0.5, 3)).toThrow('but got 0.5')
    expect(() => normalizeDim(1, 0)).toThrow('expected to be in range of [-1, 0], but got 1')
  })
  test('none means all; each once', () => {
    expect([normalizeDims(null, 2), normalizeDims([], 2), normalizeDims([-1, 0], 2), normalizeDims(0, 0)]).toEqual([[0, 1], [0, 1], [0, 1], []])
    expect(() => normalizeDims([1, -1], 2)).toThrow('dim 1 appears multiple times in the list of dims')
  })
})

test('inferShape resolves one -1', () => {
  expect([inferShape([2, -1], 6), inferShape([-1], 0), inferShape([0, 3], 0), inferShape([], 1)]).toEqual([[2, 3], [0], [0, 3], []])
  expect(() => inferShape([4, -1], 6)).toThrow("shape '[4, -1]' is invalid for input of size 6")
  expect(() => inferShape([1.5], 6)).toThrow('sizes must be whole numbers')
})

test('checkShape refuses what is no list of sizes', () => {
  expect(() => checkShape('zeros', 3 as never)).toThrow('zeros: a shape must be an array of sizes, got number')
  expect(() => checkShape('zeros', [Number.NaN])).toThrow('zeros: sizes must be whole numbers')
  expect(() => checkShape('zeros', [-1])).toThrow('Trying to create tensor with negative dimension -1: [-1]')
})

test('viewStrides reads the same elements in the same order, where it gives strides at all', () => {
  const positions = (shape: readonly number[], strides: readonly number[]): number[] => {
    let list = [0]
    shape.forEach((size, d) => {
      list = list.flatMap((base) => Array.from({ length: size }, (_, i) => base + i * strides[d]))
    })
    return list
  }
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      fc.nat(3),
      (shape, keys, split) => {
        const order = [...shape.keys()].sort((a, b) => keys[a] - keys[b] || a - b)
        const strides = contiguousStrides(shape)
        const from = order.map((d) => shape[d])
        const fromStrides = order.map((d) => strides[d])
        const n = numelOf(shape)
        const cut = split % from.length
        for (const target of [[n], [numelOf(from.slice(0, cut)), numelOf(from.slice(cut))], [1, ...from, 1], [...from.slice(0, cut), 1, ...from.slice(cut)]]) {
          const found = viewStrides(from, fromStrides, target)
          if (found) expect(positions(target, found)).toEqual(positions(from, fromStrides))
        }
        expect(viewStrides(from, fromStrides, [1, ...from])).not.toBeNull()
      },
    ),
  )
})
