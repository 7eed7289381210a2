import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numelOf } from '../../../src/core/shape.js'
import type { ConvGeometry, View } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { empty, floatDtypes, indices, numbers, sequence, tensor, view } from './views.js'

interface Case {
  x: number[]
  w: number[]
  y: number[]
  geometry: ConvGeometry
}

/** Convolutions over 1 to 3 axes of any geometry that has an output. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    axes: fc.array(
      fc.record({
        input: fc.integer({ min: 1, max: 5 }),
        kernel: fc.integer({ min: 1, max: 3 }),
        stride: fc.integer({ min: 1, max: 3 }),
        padding: fc.integer({ min: 0, max: 3 }),
        dilation: fc.integer({ min: 1, max: 2 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    batch: fc.integer({ min: 0, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    groupIn: fc.integer({ min: 1, max: 2 }),
    groupOut: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ axes, batch, groups, groupIn, groupOut }) => {
    const output = axes.map((a) => Math.floor((a.input + 2 * a.padding - a.dilation * (a.kernel - 1) - 1) / a.stride) + 1)
    return {
      x: [batch, groups * groupIn, ...axes.map((a) => a.input)],
      w: [groups * groupOut, groupIn, ...axes.map((a) => a.kernel)],
      y: [batch, groups * groupOut, ...output],
      geometry: { stride: axes.map((a) => a.stride), padding: axes.map((a) => a.padding), dilation: axes.map((a) => a.dilation), groups },
    }
  })
  .filter(({ y }) => y.slice(2).every((n) => n > 0))

/** Calls `term(x, w, y)` with the positions of each product, straight from the definition. */
function forEachTerm({ x, w, y, geometry }: Case, term: (x: number, w: number, y: number) => void): void {
  const position = (shape: number[], index: number[]) => index.reduce((at, i, d) => at * shape[d] + i, 0)
  const perGroup = w[0] / geometry.groups
  for (const [n, o, ...out] of indices(y)) {
    for (const [c, ...tap] of indices(w.slice(1))) {
      const at = out.map((i, d) => i * geometry.stride[d] - geometry.padding[d] + tap[d] * geometry.dilation[d])
      if (at.some((i, d) => i < 0 || i >= x[d + 2])) continue
      const channel = Math.floor(o / perGroup) * w[1] + c
      term(position(x, [n, channel, ...at]), position(w, [o, c, ...tap]), position(y, [n, o, ...out]))
    }
  }
}

const random = (shape: number[], seed: number) => tensor(sequence(numelOf(shape), seed), 'float64', shape)

function expectClose(got: View, expected: Float64Array): void {
  const values = numbers(got)
  expect(values.length).toBe(expected.length)
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 12)
  })
}

describe('convolution and its gradients equal the sum over all indices', () => {
  test('forward, with bias', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const [x, w, bias, y] = [random(c.x, 1), random(c.w, 2), random([c.w[0]], 3), empty(c.y)]
        const [xs, ws, bs] = [x, w, bias].map(numbers)
        reference.conv(x, w, bias, c.geometry, y)
        const expected = Float64Array.from(indices(c.y), ([, o]) => bs[o])
        forEachTerm(c, (i, j, k) => {
          expected[k] += xs[i] * ws[j]
        })
        expectClose(y, expected)
      }),
    )
  })

  test('gradient of the input', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const [dy, w, dx] = [random(c.y, 1), random(c.w, 2), empty(c.x)]
        const [dys, ws] = [dy, w].map(numbers)
        reference.convInputGrad(dy, w, c.geometry, dx)
        const expected = new Float64Array(numelOf(c.x))
        forEachTerm(c, (i, j, k) => {
          expected[i] += dys[k] * ws[j]
        })
        expectClose(dx, expected)
      }),
    )
  })

  test('gradient of the weight', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const [dy, x, dw] = [random(c.y, 1), random(c.x, 2), empty(c.w)]
        const [dys, xs] = [dy, x].map(numbers)
        reference.convWeightGrad(dy, x, c.geometry, dw)
        const expected = new Float64Array(numelOf(c.w))
        forEachTerm(c, (i, j, k) => {
          expected[j] += dys[k] * xs[i]
        })
        expectClose(dw, expected)
      }),
    )
  })
})

const plain: ConvGeometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }

test('a channels-last input gives the same', () => {
  const base = random([2, 3, 3, 2], 4)
  const x = view(base, [2, 2, 3, 3], [18, 1, 6, 2])
  const [copy, w, y, same] = [empty([2, 2, 3, 3]), random([1, 2, 2, 2], 5), empty([2, 1, 2, 2]), empty([2, 1, 2, 2])]
  reference.copy(x, copy)
  reference.conv(x, w, null, plain, y)
  reference.conv(copy, w, null, plain, same)
  expect(numbers(y)).toEqual(numbers(same))
  expect(numbers(copy)).not.toEqual(numbers(base))
})

test.each(floatDtypes)('%s rounds each element once', (dtype) => {
  const x = tensor([2048, 1, 1, 1, 1, 1, 1, 1, 1], dtype, [1, 1, 3, 3])
  const y = empty([1, 1, 1, 1], dtype)
  reference.conv(x, tensor(new Array(9).fill(1), dtype, [1, 1, 3, 3]), tensor([-2040], dtype), plain, y)
  // bfloat16 holds -2040 as it is, and 16 too: the sum of 2056 is not rounded before the bias is added.
  expect(numbers(y)).toEqual([16])
})

test('inputs that no window reaches get a gradient of zero', () => {
  const dx = empty([1, 1, 6])
  reference.convInputGrad(
    tensor([1, 10], 'float64', [1, 1, 2]),
    tensor([1, 2], 'float64', [1, 1, 2]),
    { stride: [2], padding: [0], dilation: [1], groups: 1 },
    dx,
  )
  expect(numbers(dx)).toEqual([1, 2, 10, 20, 0, 0])
})
