import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Tensor } from '../../../src/core/tensor.js'
import type { UnaryOp } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { copies } from '../../../src/kernels/wasm/copy.js'
import { elementwise } from '../../../src/kernels/wasm/elementwise.js'
import { matmul } from '../../../src/kernels/wasm/matmul.js'
import { excess, type Layout, random, randomView, unwritten } from './views.js'

function check(x: Tensor, w: Tensor, accumulate = false, offset = 0, draw = random(7)) {
  const [batches, rows, depth] = x.shape
  const shape = [batches, rows, w.shape[2]]
  const actual = accumulate ? randomView(shape, draw, { offset }) : unwritten(shape, offset)
  const expected = randomView(shape, draw)
  ;(expected.data as Float32Array).set(actual.data as Float32Array)
  reference.matmul(x, w, expected, accumulate ? expected : null)
  matmul.matmul(x, w, actual, accumulate ? actual : null)
  expect(excess(actual, expected, depth + 1)).toBeLessThanOrEqual(1)
}

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [2, 1, 0],
]
const layout: fc.Arbitrary<Layout> = fc.record({ order: fc.constantFrom(...orders), step: fc.constantFrom(1, 1, 2), offset: fc.nat(3) })

/** A batch that is one matrix, repeated. */
const repeated = (x: Tensor, batches: number) => new Tensor(x.storage, x.dtype, [batches, x.shape[1], x.shape[2]], [0, x.strides[1], x.strides[2]], x.offset)

describe('matmul', () => {
  test('small and middle sizes of every layout, with accumulation', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70 }))
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 3 }), size, size, size),
        layout,
        layout,
        fc.boolean(),
        fc.nat(3),
        fc.nat(),
        ([b, m, k, n], x, w, add, offset, seed) => {
          const draw = random(seed)
          check(randomView([b, m, k], draw, x), randomView([b, k, n], draw, w), add, offset, draw)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('one shared operand in a batch', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
        layout,
        layout,
        fc.boolean(),
        fc.nat(),
        ([b, m, k], x, w, first, seed) => {
          const draw = random(seed)
          const n = 1 + Math.floor(draw() * 40)
          if (first) check(repeated(randomView([1, m, k], draw, x), b), randomView([b, k, n], draw, w))
          else check(randomView([b, m, k], draw, x), repeated(randomView([1, k, n], draw, w), b))
        },
      ),
      { numRuns: 150 },
    )
  })

  test.each([
    [1, 65, 257, 300],
    [1, 130, 600, 17],
    [1, 2, 5000, 33],
    [1, 8, 1030, 40],
    [1, 1, 2049, 257],
    [1, 300, 700, 1],
    [2, 70, 513, 90],
  ])('tails of blocks and of depth: batch %i, %i x %i x %i', (b, m, k, n) => {
    for (const x of orders) {
      for (const w of orders) {
        const draw = random(m)
        check(randomView([b, m, k], draw, { order: x }), randomView([b, k, n], draw, { order: w }), x === w)
      }
    }
  })

  test('operands beyond the workspace are packed in several passes', () => {
    const draw = random(3)
    check(randomView([1, 20, 70_000], draw, { order: [0, 2, 1] }), randomView([1, 70_000, 35], draw))
    check(randomView([1, 100, 20_000], draw, { order: [0, 2, 1] }), randomView([1, 20_000, 20], draw, { order: [0, 2, 1] }))
    check(randomView([3, 17, 300], draw), randomView([3, 300, 2500], draw), true)
  }, 60_000)

  test('an empty depth gives zeros, or leaves what is there', () => {
    const draw = random(1)
    check(randomView([2, 3, 0], draw), randomView([2, 0, 5], draw))
    check(randomView([2, 3, 0], draw), randomView([2, 0, 5], draw), true)
  })

  test('starts from rows of any strides, and ends with an activation: the bits of separate kernels', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70 }), fc.constant(270))
    const firstDifference = (a: Tensor, b: Tensor) => a.data.findIndex((value, i) => value !== b.data[i])
    const ops = fc.constantFrom<UnaryOp>('relu', 'geluTanh', 'tanh', 'silu', 'exp')
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 3 }), size, size, size),
        fc.constantFrom('row', 'whole', 'transposed', 'nothing'),
        fc.option(ops),
        fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
        fc.nat(),
        ([b, m, k, n], kind, op, [transposed, shared, kept], seed) => {
          const draw = random(seed)
          const x = randomView([b, m, k], draw)
          const matrix = randomView([b, k, n], draw, { order: transposed ? [0, 2, 1] : [0, 1, 2] })
          const w = shared ? repeated(matrix, b) : matrix
          const from = randomView([b, m, n], draw, { order: kind === 'transposed' ? [0, 2, 1] : [0, 1, 2] })
          const start = kind === 'nothing' ? null : kind === 'row' ? new Tensor(from.storage, 'float32', [b, m, n], [0, 0, 1]) : from
          const [z, y, expected, activated] = [1, 2, 3, 4].map(() => unwritten([b, m, n]))
          if (start) copies.copy(start, expected)
          matmul.matmul(x, w, expected, start && expected)
          const out = kept ? z : y
          matmul.matmul(x, w, out, start, op && { op, params: [], y })
          if (kept || !op) expect(firstDifference(out, expected)).toBe(-1)
          if (!op) return
          elementwise.unary(op, expected, activated)
          expect(firstDifference(y, activated)).toBe(-1)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('nothing to compute', () => {
    const draw = random(1)
    for (const [b, m, n] of [
      [0, 3, 4],
      [2, 0, 4],
      [2, 3, 0],
    ]) {
      const out = unwritten([b, m, n])
      matmul.matmul(randomView([b, m, 5], draw), randomView([b, 5, n], draw), out)
      expect(out.numel()).toBe(0)
    }
  })

  test('infinity and NaN reach the elements that they belong to, and no others', () => {
    for (const rows of [2, 40]) {
      const x = randomView([1, rows, 7], random(1))
      const w = randomView([1, 7, 19], random(2), { order: [0, 2, 1] })
      ;(x.data as Float32Array)[7] = Number.POSITIVE_INFINITY
      const out = unwritten([1, rows, 19])
      matmul.matmul(x, w, out)
      const finite = Array.from(out.data as Float32Array, Number.isFinite)
      expect(finite).toEqual(Array.from({ length: rows * 19 }, (_, i) => Math.floor(i / 19) !== 1))
    }
  })

  test('other dtypes go to the reference backend', () => {
    const x = new Tensor(randomView([1, 1, 4], random(1)).storage, 'float64', [1, 1, 2])
    x.data.set([2, 3] as never)
    const out = new Tensor(randomView([1, 1, 2], random(1)).storage, 'float64', [1, 1, 1])
    matmul.matmul(x, new Tensor(x.storage, 'float64', [1, 2, 1]), out)
    expect(out.data[0]).toBe(13)
  })
})
