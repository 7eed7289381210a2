import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numelOf, type Shape } from '../../../src/core/shape.js'
import { emptyTensor, Tensor } from '../../../src/core/tensor.js'
import { load } from '../../../src/kernels/reference/access.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { reductions } from '../../../src/kernels/wasm/reduce.js'
import { softmaxes } from '../../../src/kernels/wasm/softmax.js'
import { random, randomView, unwritten } from './views.js'

const float = (values: readonly number[], shape: Shape = [values.length]): Tensor => {
  const t = emptyTensor(shape, 'float32')
  ;(t.data as Float32Array).set(values)
  return t
}

/** A shape, some of its axes, and a layout of the tensor. */
const cases = fc.record({
  shape: fc.array(fc.constantFrom(1, 2, 3, 4, 5, 7, 9, 33), { minLength: 0, maxLength: 4 }).filter((s) => numelOf(s) < 6000),
  axes: fc.nat(),
  seed: fc.nat(),
})
const dimsOf = (shape: Shape, axes: number) => [...shape.keys()].filter((d) => axes & (1 << d))
const keptOf = (shape: Shape, dims: readonly number[]) => shape.filter((_, d) => !dims.includes(d))
function laidOut(shape: Shape, seed: number): Tensor {
  const draw = random(seed)
  const order = seed % 3 === 0 ? shape.map((_, d) => d).sort(() => draw() - 0.5) : undefined
  return randomView(shape, draw, { order, step: seed % 7 === 0 ? 2 : 1, offset: seed % 4 })
}

function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  const [a, e] = [load(actual), load(expected)]
  expect(e.findIndex((value, i) => !(Math.abs(a[i] - value) <= tolerance * (1 + Math.abs(value))))).toBe(-1)
}

describe('reduce', () => {
  test.each(['sum', 'max', 'min'] as const)('%s over any axes of any layout', (op) => {
    const run = fc.property(cases, ({ shape, axes, seed }) => {
      const dims = dimsOf(shape, axes)
      const x = laidOut(shape, seed)
      const [actual, expected] = [unwritten(keptOf(shape, dims), seed % 2), unwritten(keptOf(shape, dims))]
      reductions.reduce(op, x, dims, actual)
      reference.reduce(op, x, dims, expected)
      // Runs of 32 in each lane round partial sums of at most the sum of the magnitudes.
      const magnitude = unwritten(keptOf(shape, dims))
      const absolute = emptyTensor(shape, 'float32')
      reference.unary('abs', x, absolute)
      reference.reduce('sum', absolute, dims, magnitude)
      const [a, e, m] = [load(actual), load(expected), load(magnitude)]
      const units = op === 'sum' ? 34 : 0
      expect(e.findIndex((value, i) => !(Math.abs(a[i] - value) <= units * 2 ** -24 * m[i]))).toBe(-1)
    })
    fc.assert(run, { numRuns: 400 })
  })

  test('a long sum keeps the digits that float32 would lose', () => {
    const n = 100_003
    const x = float(Array.from({ length: n }, (_, i) => (i % 2 ? 4097 : 4096)))
    const out = unwritten([])
    reductions.reduce('sum', x, [0], out)
    expect((out.data as Float32Array)[0]).toBe(Math.fround(4096 * n + (n - 1) / 2))
  })

  test('NaN wins, infinities count', () => {
    const values = [1, Number.NaN, 3, Number.NEGATIVE_INFINITY, 2, 0, Number.POSITIVE_INFINITY, 1, 4, 5]
    for (const op of ['max', 'min'] as const) {
      for (const [shape, dims] of [
        [[2, 5], [1]],
        [[5, 2], [0]],
        [[1, 5, 2], [1]],
      ]) {
        const x = float(values, shape)
        const [actual, expected] = [unwritten(keptOf(shape, dims)), unwritten(keptOf(shape, dims))]
        reductions.reduce(op, x, dims, actual)
        reference.reduce(op, x, dims, expected)
        expect(Array.from(actual.data as Float32Array)).toEqual(Array.from(expected.data as Float32Array))
      }
    }
  })

  test.each(['max', 'min'] as const)('arg%s: the first of equals, NaN before all', (op) => {
    const run = fc.property(cases, fc.boolean(), ({ shape, axes, seed }, all) => {
      const x = laidOut(shape, seed)
      const draw = random(seed)
      const data = x.storage.array('float32') as Float32Array
      for (let i = 0; i < data.length; i++) data[i] = draw() < 0.02 ? Number.NaN : Math.floor(draw() * 6)
      const dim = all || shape.length === 0 ? null : axes % shape.length
      const kept = dim === null ? [] : keptOf(shape, [dim])
      const [actual, expected] = [emptyTensor(kept, 'int64'), emptyTensor(kept, 'int64')]
      reductions.argReduce(op, x, dim, actual)
      reference.argReduce(op, x, dim, expected)
      expect(Array.from(actual.data as BigInt64Array)).toEqual(Array.from(expected.data as BigInt64Array))
    })
    fc.assert(run, { numRuns: 300 })
  })
})

describe('moments', () => {
  test.each([0, 1e4, 1e6])('over any axes of any layout, offset %d', (offset) => {
    const run = fc.property(cases, fc.constantFrom<'float32' | 'float64'>('float32', 'float64'), ({ shape, axes, seed }, dtype) => {
      const dims = dimsOf(shape, axes)
      const x = laidOut(shape, seed)
      const data = x.storage.array('float32') as Float32Array
      for (let i = 0; i < data.length; i++) data[i] += offset
      const kept = keptOf(shape, dims)
      const make = () => [emptyTensor(kept, dtype), emptyTensor(kept, dtype)] as const
      const [mean, variance] = make()
      const [meanExpected, varianceExpected] = make()
      reductions.moments(x, dims, mean, variance)
      reference.moments(x, dims, meanExpected, varianceExpected)
      expectClose(mean, meanExpected, 2e-7)
      const [v, e] = [load(variance), load(varianceExpected)]
      expect(e.findIndex((value, i) => !(Math.abs(v[i] - value) <= 5e-7 * value))).toBe(-1)
    })
    fc.assert(run, { numRuns: 300 })
  })
})

describe('softmax', () => {
  test.each([false, true])('and its backward along any axis of any layout, log = %s', (log) => {
    const run = fc.property(cases, fc.constantFrom(1, 30), ({ shape, axes, seed }, scale) => {
      const dim = axes % Math.max(1, shape.length)
      const x = laidOut(shape, seed)
      const data = x.storage.array('float32') as Float32Array
      for (let i = 0; i < data.length; i++) data[i] *= scale
      const [y, expected] = [unwritten(shape, seed % 3), unwritten(shape)]
      softmaxes.softmax(x, dim, log, y)
      reference.softmax(x, dim, log, expected)
      expectClose(y, expected, 6e-7)
      const dy = laidOut(shape, seed + 1)
      const [dx, dxExpected] = [unwritten(shape, seed % 2), unwritten(shape)]
      softmaxes.softmaxBackward(dy, expected, dim, log, dx)
      reference.softmaxBackward(dy, expected, dim, log, dxExpected)
      // dx = dy - exp(y) sum(dy): the sum of n numbers below 1 rounds n / 4 partial sums of at most n in each lane, and the lanes' own.
      const n = shape[dim] ?? 1
      expectClose(dx, dxExpected, 2e-6 + (log ? (n / 4 + 2) * n * 2 ** -24 : 0))
    })
    fc.assert(run, { numRuns: 300 })
  })

  test('masked elements are exactly 0; rows without a finite maximum are NaN', () => {
    const inf = Number.POSITIVE_INFINITY
    const rows = [
      [-inf, 2, 2, -inf, -inf],
      [-inf, -inf, -inf, -inf, -inf],
      [inf, 0, 0, 0, 0],
      [Number.NaN, 0, 0, 0, 0],
      [200, 0, 0, 200, -200],
    ]
    for (const [x, dim] of [
      [float(rows.flat(), [5, 5]), 1],
      [new Tensor(float(rows.flat()).storage, 'float32', [5, 5], [1, 5]), 0],
      [
        float(
          rows[0].flatMap((_, j) => rows.map((r) => r[j])),
          [5, 5],
        ),
        0,
      ],
    ] as const) {
      for (const log of [false, true]) {
        const [y, expected] = [unwritten([5, 5]), unwritten([5, 5])]
        softmaxes.softmax(x, dim, log, y)
        reference.softmax(x, dim, log, expected)
        expect(Array.from(y.data as Float32Array)).toEqual(Array.from(expected.data as Float32Array))
      }
    }
  })
})
