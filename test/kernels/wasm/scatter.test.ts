import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contiguousStrides, type Shape } from '../../../src/core/shape.js'
import { emptyTensor, Tensor } from '../../../src/core/tensor.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { scatters } from '../../../src/kernels/wasm/scatter.js'
import { excess, random, randomView, unwritten } from './views.js'

describe('elements and slices by index', () => {
  const indexOf = (shape: Shape, size: number, draw: () => number) => {
    const index = emptyTensor(shape, 'int64')
    const data = index.data as BigInt64Array
    for (let i = 0; i < data.length; i++) data[i] = BigInt(Math.floor(draw() * size))
    return index
  }

  test('scatter adds and writes in the order of the elements, along any dimension', () => {
    const size = fc.integer({ min: 1, max: 6 })
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 3 }),
        size,
        size,
        fc.boolean(),
        fc.boolean(),
        fc.nat(),
        (sizes, count, dimension, add, transposed, seed) => {
          const draw = random(seed)
          const dim = dimension % sizes.length
          const shape = sizes.map((n, d) => (d === dim ? count : n))
          const layout = { order: transposed ? shape.map((_, d) => shape.length - 1 - d) : shape.map((_, d) => d) }
          const src = randomView(shape, draw, layout)
          const index = indexOf(shape, sizes[dim], draw)
          const actual = randomView(sizes, draw)
          const expected = unwritten(sizes)
          for (let i = 0; i < actual.numel(); i++) expected.data[i] = actual.data[i]
          scatters.scatter(actual, dim, index, src, add)
          reference.scatter(expected, dim, index, src, add)
          expect(excess(actual, expected, count)).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('gather reads along any dimension', () => {
    const size = fc.integer({ min: 1, max: 6 })
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 3 }), size, size, fc.boolean(), fc.nat(), (sizes, count, dimension, transposed, seed) => {
        const draw = random(seed)
        const dim = dimension % sizes.length
        const shape = sizes.map((n, d) => (d === dim ? count : n))
        const x = randomView(sizes, draw, { order: transposed ? sizes.map((_, d) => sizes.length - 1 - d) : sizes.map((_, d) => d) })
        const index = indexOf(shape, sizes[dim], draw)
        const [actual, expected] = [unwritten(shape), unwritten(shape)]
        scatters.gather(x, dim, index, actual)
        reference.gather(x, dim, index, expected)
        expect([...actual.data]).toEqual([...expected.data])
      }),
      { numRuns: 300 },
    )
  })

  test('slices are selected and added along any dimension, in the order of the indices', () => {
    const size = fc.integer({ min: 1, max: 6 })
    const inner = fc.constantFrom(1, 3, 8, 70)
    fc.assert(
      fc.property(fc.array(size, { maxLength: 2 }), size, inner, size, fc.boolean(), fc.nat(), (lead, along, last, count, transposed, seed) => {
        const draw = random(seed)
        const dim = lead.length
        const sizes = [...lead, along, last]
        const shape = [...lead, count, last]
        const layout = { order: transposed ? shape.map((_, d) => shape.length - 1 - d) : shape.map((_, d) => d) }
        const [x, src] = [randomView(sizes, draw, layout), randomView(shape, draw, layout)]
        const index = indexOf([count], along, draw)
        const [actual, expected] = [unwritten(shape), unwritten(shape)]
        scatters.indexSelect(x, dim, index, actual)
        reference.indexSelect(x, dim, index, expected)
        expect([...actual.data]).toEqual([...expected.data])
        const [sum, expectedSum] = [randomView(sizes, random(seed)), randomView(sizes, random(seed))]
        scatters.indexAdd(sum, dim, index, src)
        reference.indexAdd(expectedSum, dim, index, src)
        expect(excess(sum, expectedSum, count)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 300 },
    )
  })

  test.each([5n, -1n, 2n ** 40n])('index %i out of bounds', (bad) => {
    const target = randomView([2, 5], random(1))
    const index = new Tensor(emptyTensor([2, 3], 'int64').storage, 'int64', [2, 3], contiguousStrides([2, 3]))
    ;(index.data as BigInt64Array).set([0n, 1n, 2n, 3n, bad, 4n])
    const src = randomView([2, 3], random(2))
    const vector = new Tensor(index.storage, 'int64', [3], [1], 3)
    expect(() => scatters.scatter(target, 1, index, src, true)).toThrow(`index ${bad} is out of bounds for dimension 1 with size 5`)
    expect(() => scatters.gather(target, 1, index, src)).toThrow(`index ${bad} is out of bounds for dimension 1 with size 5`)
    expect(() => scatters.indexSelect(target, 1, vector, src)).toThrow('index out of range in self')
    expect(() => scatters.indexAdd(target, 1, vector, src)).toThrow('index out of range in self')
  })
})
