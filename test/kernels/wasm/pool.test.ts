import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Shape } from '../../../src/core/shape.js'
import { emptyTensor, type Tensor } from '../../../src/core/tensor.js'
import type { PoolAxis } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { pools } from '../../../src/kernels/wasm/pool.js'
import { excess, random, randomView, unwritten } from './views.js'

/** Windows as max and average pooling have them, cut to the input. */
function windows(input: number, kernel: number, stride: number, padding: number, dilation: number): PoolAxis {
  const count = Math.floor((input + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
  const starts: number[] = []
  const ends: number[] = []
  for (let i = 0; i < count; i++) {
    let start = i * stride - padding
    const end = Math.min(start + (kernel - 1) * dilation + 1, input)
    while (start < 0) start += dilation
    if (start >= end) continue
    starts.push(start)
    ends.push(end)
  }
  return { starts: Int32Array.from(starts), ends: Int32Array.from(ends), dilation }
}

/** Windows as adaptive pooling has them. */
function adaptive(input: number, output: number): PoolAxis {
  const at = Array.from({ length: output }, (_, i) => i)
  return {
    starts: Int32Array.from(at, (i) => Math.floor((i * input) / output)),
    ends: Int32Array.from(at, (i) => Math.ceil(((i + 1) * input) / output)),
    dilation: 1,
  }
}

const anyAxis = fc
  .record({
    input: fc.integer({ min: 1, max: 20 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 4 }),
    padding: fc.nat(2),
    dilation: fc.integer({ min: 1, max: 2 }),
    adaptive: fc.boolean(),
  })
  .map((a) => ({
    input: a.input,
    axis: a.adaptive ? adaptive(a.input, a.kernel) : windows(a.input, a.kernel, a.stride, Math.min(a.padding, a.kernel >> 1), a.dilation),
  }))
  .filter(({ axis }) => axis.starts.length > 0)

interface Case {
  shape: Shape
  axes: PoolAxis[]
  out: Shape
}
const anyCase: fc.Arbitrary<Case> = fc
  .record({ planes: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), axes: fc.array(anyAxis, { minLength: 1, maxLength: 3 }) })
  .map(({ planes, axes }) => ({
    shape: [...planes, ...axes.map(({ input }) => input)],
    axes: axes.map(({ axis }) => axis),
    out: [...planes, ...axes.map(({ axis }) => axis.starts.length)],
  }))

const channelsLast = (shape: Shape, last: boolean) => (last ? [0, ...shape.map((_, d) => d).slice(2), 1] : shape.map((_, d) => d))
const divisorsOf = (axes: readonly PoolAxis[]) => axes.map(({ starts, ends }) => Float64Array.from(starts, (start, i) => ends[i] - start))

function checkMax(x: Tensor, { axes, out }: Case) {
  const [y, expected] = [unwritten(out), unwritten(out)]
  const [indices, expectedIndices] = [emptyTensor(out, 'int64'), emptyTensor(out, 'int64')]
  pools.maxPool(x, axes, y, indices)
  reference.maxPool(x, axes, expected, expectedIndices)
  expect(Array.from(y.data as Float32Array)).toEqual(Array.from(expected.data as Float32Array))
  expect(Array.from(indices.data as BigInt64Array)).toEqual(Array.from(expectedIndices.data as BigInt64Array))
}

const product = (axes: readonly PoolAxis[], largest: (axis: PoolAxis) => number) => axes.reduce((n, axis) => n * largest(axis), 1)
const elementsOf = (axes: readonly PoolAxis[]) =>
  product(axes, ({ starts, ends, dilation }) => Math.max(...starts.map((start, i) => Math.ceil((ends[i] - start) / dilation))))
/** At most so many windows share an element. */
const windowsOver = (axes: readonly PoolAxis[]) =>
  product(axes, ({ starts, ends }) => Math.max(...starts.map((start) => starts.filter((other, i) => other <= start && start < ends[i]).length)))

function checkAverage(c: Case, last: boolean, divisors: Float64Array[] | number, seed: number) {
  const draw = random(seed)
  const layout = (shape: Shape) => ({ order: channelsLast(shape, last), offset: 1 })
  const x = randomView(c.shape, draw, layout(c.shape))
  const dy = randomView(c.out, draw, layout(c.out))
  const [y, expected] = [unwritten(c.out), unwritten(c.out)]
  pools.avgPool(x, c.axes, divisors, y)
  reference.avgPool(x, c.axes, divisors, expected)
  expect(excess(y, expected, elementsOf(c.axes))).toBeLessThanOrEqual(1)
  const [dx, expectedGrad] = [unwritten(c.shape), unwritten(c.shape)]
  pools.avgPoolBackward(dy, c.axes, divisors, dx)
  reference.avgPoolBackward(dy, c.axes, divisors, expectedGrad)
  expect(excess(dx, expectedGrad, windowsOver(c.axes))).toBeLessThanOrEqual(1)
}

const twoByTwo = (size: number): Case => {
  const axis = windows(size, 2, 2, 0, 1)
  return { shape: [3, 5, size, size], axes: [axis, axis], out: [3, 5, axis.starts.length, axis.starts.length] }
}

describe('pooling', () => {
  test('largest elements and their positions, over windows of every kind', () => {
    fc.assert(
      fc.property(anyCase, fc.boolean(), fc.nat(), (c, last, seed) => {
        checkMax(randomView(c.shape, random(seed), { order: channelsLast(c.shape, last), offset: 2 }), c)
      }),
      { numRuns: 500 },
    )
  })

  test('equal elements, NaN and infinities', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(), (c, seed) => {
        const draw = random(seed)
        const x = unwritten(c.shape)
        const values = [Number.NaN, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, 1, Number.POSITIVE_INFINITY]
        for (let i = 0; i < x.numel(); i++) x.data[i] = values[Math.floor(draw() * values.length)]
        checkMax(x, c)
      }),
      { numRuns: 300 },
    )
  })

  test.each([8, 28, 9, 13, 3])('2 x 2 windows on squares of %i', (size) => {
    const c = twoByTwo(size)
    checkMax(randomView(c.shape, random(size)), c)
    checkAverage(c, false, divisorsOf(c.axes), size)
  })

  test('averages and their gradient, over windows of every kind', () => {
    fc.assert(
      fc.property(anyCase, fc.boolean(), fc.boolean(), fc.nat(), (c, last, byNumber, seed) => {
        checkAverage(c, last, byNumber ? 3 : divisorsOf(c.axes), seed)
      }),
      { numRuns: 400 },
    )
  })

  test('one window over everything, with an offset that float32 sums would lose', () => {
    const shape = [2, 3, 57, 61]
    const x = randomView(shape, random(1))
    const data = x.data as Float32Array
    for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i] + 1000)
    const axes = [adaptive(57, 1), adaptive(61, 1)]
    const [y, expected] = [unwritten([2, 3, 1, 1]), unwritten([2, 3, 1, 1])]
    pools.avgPool(x, axes, divisorsOf(axes), y)
    reference.avgPool(x, axes, divisorsOf(axes), expected)
    for (let i = 0; i < 6; i++) expect(Math.abs((y.data[i] as number) - (expected.data[i] as number))).toBeLessThanOrEqual(1000 * 2 ** -23)
    checkAverage({ shape, axes, out: [2, 3, 1, 1] }, false, divisorsOf(axes), 2)
  })

  test('an empty batch', () => {
    const axis = windows(4, 2, 2, 0, 1)
    const empty = (size: number) => unwritten([0, 2, size, size])
    pools.maxPool(empty(4), [axis, axis], empty(2), emptyTensor([0, 2, 2, 2], 'int64'))
    pools.avgPool(empty(4), [axis, axis], 4, empty(2))
    pools.avgPoolBackward(empty(2), [axis, axis], 4, empty(4))
  })
})
