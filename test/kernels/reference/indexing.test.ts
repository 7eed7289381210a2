import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IndexError, RuntimeError } from '../../../src/core/errors.js'
import { numelOf } from '../../../src/core/shape.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { allDtypes, bigints, empty, indices, numbers, tensor, view } from './views.js'

/** A shape, an axis of it, and an index tensor that is no larger than the shape along the other axes. */
const cases = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      dim: fc.nat(shape.length - 1),
      along: fc.integer({ min: 0, max: 4 }),
      smaller: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      seed: fc.nat(1000),
    }),
  )
  .map(({ shape, dim, along, smaller, seed }) => {
    const indexShape = shape.map((size, d) => (d === dim ? along : smaller[d] ? 1 : size))
    return { shape, dim, indexShape, index: Array.from({ length: numelOf(indexShape) }, (_, i) => (i * 7 + seed) % shape[dim]) }
  })

const position = (shape: readonly number[], index: readonly number[]) => index.reduce((at, i, d) => at * shape[d] + i, 0)
const ascending = (shape: readonly number[], dtype: (typeof allDtypes)[number] = 'float32') =>
  tensor(
    Array.from({ length: numelOf(shape) }, (_, i) => i),
    dtype,
    shape,
  )

describe('gather and scatter', () => {
  test('equal their definition by indices', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), ({ shape, dim, indexShape, index }, add) => {
        const at = tensor(index, 'int64', indexShape)
        const out = empty(indexShape, 'float32')
        reference.gather(ascending(shape), dim, at, out)
        const where = indices(indexShape).map((place, i) => place.map((p, d) => (d === dim ? index[i] : p)))
        expect(numbers(out)).toEqual(where.map((place) => position(shape, place)))

        const expected = new Array<number>(numelOf(shape)).fill(0.5)
        // The source is larger than the index along every axis.
        const srcShape = indexShape.map((size) => size + 1)
        indices(indexShape).forEach((place, i) => {
          const to = position(shape, where[i])
          expected[to] = (add ? expected[to] : 0) + position(srcShape, place)
        })
        const target = tensor(new Array<number>(numelOf(shape)).fill(0.5), 'float32', shape)
        reference.scatter(target, dim, at, ascending(srcShape), add)
        expect(numbers(target)).toEqual(expected)
      }),
    )
  })

  test('64-bit integers stay exact', () => {
    const x = tensor([2n ** 60n + 1n, 2n ** 60n + 3n], 'int64')
    const out = empty([2], 'int64')
    reference.gather(x, 0, tensor([1n, 0n], 'int64'), out)
    expect(bigints(out)).toEqual([2n ** 60n + 3n, 2n ** 60n + 1n])
    reference.scatter(x, 0, tensor([0n, 0n], 'int64'), tensor([1n, 1n], 'int64'), true)
    expect(bigints(x)).toEqual([2n ** 60n + 3n, 2n ** 60n + 3n])
  })

  test('indices out of range have the text of PyTorch', () => {
    const x = ascending([2, 5])
    const at = (index: number) => tensor([0, index], 'int64', [2, 1])
    const out = empty([2, 1], 'float32')
    const attempt = (index: number) => () => reference.gather(x, 1, at(index), out)
    expect(attempt(7)).toThrow(new RuntimeError('index 7 is out of bounds for dimension 1 with size 5'))
    expect(attempt(-1)).toThrow(new RuntimeError('index -1 is out of bounds for dimension 1 with size 5'))
    expect(() => reference.scatter(x, 1, at(5), out, true)).toThrow(new RuntimeError('index 5 is out of bounds for dimension 1 with size 5'))
    expect(numbers(x)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('scalars have one index', () => {
    const out = empty([], 'float32')
    reference.gather(tensor([7], 'float32', []), 0, tensor([0n], 'int64', []), out)
    expect(numbers(out)).toEqual([7])
  })
})

describe('indexSelect and indexAdd', () => {
  test.each(allDtypes)('%s slices along each axis', (dtype) => {
    // A transposed view, so that slices are strided.
    const x = view(ascending([4, 3], dtype), [3, 4], [1, 3])
    const rows = empty([2, 4], dtype)
    const one = (values: number[]) => (dtype === 'bool' ? values.map((v) => (v ? 1 : 0)) : values)
    reference.indexSelect(x, 0, tensor([2, 0], 'int64'), rows)
    expect(numbers(rows)).toEqual(one([2, 5, 8, 11, 0, 3, 6, 9]))
    const columns = empty([3, 3], dtype)
    reference.indexSelect(x, 1, tensor([1, 1, 3], 'int64'), columns)
    expect(numbers(columns)).toEqual(one([3, 3, 9, 4, 4, 10, 5, 5, 11]))
  })

  test('indexAdd adds repeated slices', () => {
    const target = tensor([100, 200, 300, 400, 500, 600], 'float32', [3, 2])
    reference.indexAdd(target, 0, tensor([2, 0, 2], 'int64'), tensor([1, 2, 3, 4, 5, 6], 'float32', [3, 2]))
    expect(numbers(target)).toEqual([103, 204, 300, 400, 506, 608])
    reference.indexAdd(target, 1, tensor([1], 'int64'), tensor([1, 2, 3], 'float32', [3, 1]))
    expect(numbers(target)).toEqual([103, 205, 300, 402, 506, 611])
    const scalar = tensor([1], 'float32', [])
    reference.indexAdd(scalar, 0, tensor([0], 'int64'), tensor([2], 'float32', []))
    expect(numbers(scalar)).toEqual([3])
  })

  test('indices out of range have the text of PyTorch', () => {
    const x = ascending([5, 1])
    for (const index of [7, -1]) {
      const at = tensor([index], 'int64')
      expect(() => reference.indexSelect(x, 0, at, empty([1, 1], 'float32'))).toThrow(new IndexError('index out of range in self'))
      expect(() => reference.indexAdd(x, 0, at, empty([1, 1], 'float32'))).toThrow(new IndexError('index out of range in self'))
    }
  })
})
