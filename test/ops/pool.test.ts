import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory, scope, type Tensor, tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'

const numbers = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(seed + 3.7 * i * i))

/** The windows of one axis by PyTorch's rules: where each begins and ends, uncut. */
function windows(size: number, kernel: number, stride: number, padding: number, dilation: number, ceilMode: boolean): number[][] {
  const list: number[][] = []
  for (let start = -padding; ; start += stride) {
    const last = start + dilation * (kernel - 1)
    if (ceilMode ? last >= size + padding + stride - 1 || start >= size : last >= size + padding) return list
    list.push(Array.from({ length: kernel }, (_, k) => start + k * dilation))
  }
}

const geometry = fc
  .record({
    planes: fc.integer({ min: 1, max: 3 }),
    sizes: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })),
    kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    ceilMode: fc.boolean(),
    countIncludePad: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
  })
  .filter(({ kernel, padding }) => padding.every((p, i) => p <= kernel[i] / 2))

const inside = (window: number[], size: number) => window.filter((at) => at >= 0 && at < size)

describe('sliding pools equal their definitions', () => {
  test('maxPool2d', () => {
    fc.assert(
      fc.property(geometry, ({ planes, sizes, kernel, stride, padding, dilation, ceilMode, dtype }) => {
        const rows = windows(sizes[0], kernel[0], stride[0], padding[0], dilation[0], ceilMode)
        const columns = windows(sizes[1], kernel[1], stride[1], padding[1], dilation[1], ceilMode)
        fc.pre(rows.length > 0 && columns.length > 0)
        fc.pre(rows.every((r) => inside(r, sizes[0]).length > 0) && columns.every((c) => inside(c, sizes[1]).length > 0))
        const x = tensor(numbers(planes * sizes[0] * sizes[1], 1), { dtype }).reshape([planes, ...sizes])
        const values = Array.from(x.toTypedArray(), Number)
        const expected: number[] = []
        const places: number[] = []
        for (let p = 0; p < planes; p++) {
          for (const r of rows) {
            for (const c of columns) {
              const at = inside(r, sizes[0]).flatMap((i) => inside(c, sizes[1]).map((j) => i * sizes[1] + j))
              const best = at.reduce((a, b) => (values[p * sizes[0] * sizes[1] + b] > values[p * sizes[0] * sizes[1] + a] ? b : a))
              places.push(best)
              expected.push(values[p * sizes[0] * sizes[1] + best])
            }
          }
        }
        const [y, indices] = F.maxPool2d(x, kernel, { stride, padding, dilation, ceilMode, returnIndices: true })
        expect(y.shape).toEqual([planes, rows.length, columns.length])
        expect(Array.from(y.toTypedArray(), Number)).toEqual(expected)
        expect(Array.from(indices.toTypedArray(), Number)).toEqual(places)
      }),
      { numRuns: 150 },
    )
  })

  test('avgPool2d', () => {
    fc.assert(
      fc.property(geometry, ({ planes, sizes, kernel, stride, padding, ceilMode, countIncludePad, dtype }) => {
        const rows = windows(sizes[0], kernel[0], stride[0], padding[0], 1, ceilMode)
        const columns = windows(sizes[1], kernel[1], stride[1], padding[1], 1, ceilMode)
        fc.pre(rows.length > 0 && columns.length > 0)
        const data = numbers(planes * sizes[0] * sizes[1], 2)
        const x = tensor(data, { dtype }).reshape([planes, ...sizes])
        const y = F.avgPool2d(x, kernel, { stride, padding, ceilMode, countIncludePad })
        expect(y.shape).toEqual([planes, rows.length, columns.length])
        const got = Array.from(y.toTypedArray(), Number)
        const counted = (window: number[], axis: number) =>
          countIncludePad ? window.filter((at) => at < sizes[axis] + padding[axis]).length : inside(window, sizes[axis]).length
        let i = 0
        for (let p = 0; p < planes; p++) {
          for (const r of rows) {
            for (const c of columns) {
              const sum = inside(r, sizes[0])
                .flatMap((a) => inside(c, sizes[1]).map((b) => data[(p * sizes[0] + a) * sizes[1] + b]))
                .reduce((a, b) => a + b, 0)
              expect(Math.abs(got[i++] - sum / (counted(r, 0) * counted(c, 1)))).toBeLessThan(dtype === 'float32' ? 1e-6 : 1e-14)
            }
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('maxPool', () => {
  test('gives the gradient of equal elements to the first', () => {
    const x = zeros([1, 4, 4], { requiresGrad: true })
    F.maxPool2d(x, 3, { stride: 1 }).sum().backward()
    expect(x.grad?.toArray()).toEqual([
      [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    ])
  })

  test('of integers and of a batch of nothing', () => {
    expect(F.maxPool1d(tensor([[1n, 5n, 3n, 2n]]), 2).toArray()).toEqual([[5n, 3n]])
    expect(F.maxPool2d(zeros([0, 1, 4, 4]), 2).shape).toEqual([0, 1, 2, 2])
  })

  test('keeps indices that it hands out, and no others', () => {
    const x = tensor(numbers(16, 3), { requiresGrad: true })
    const before = memory().tensors
    scope(() =>
      F.maxPool2d(x.reshape([1, 4, 4]), 2)
        .sum()
        .backward(),
    )
    expect(memory().tensors).toBe(before + 1) // the gradient of x
    const [, indices] = F.maxPool2d(x.reshape([1, 4, 4]), 2, { returnIndices: true })
    expect(indices.dtype).toBe('int64')
    expect(indices.requiresGrad).toBe(false)
    expect(x.detach().gather(0, indices.flatten()).reshape([2, 2]).toArray()).toEqual(
      F.maxPool2d(x.detach().reshape([1, 4, 4]), 2)
        .select(0, 0)
        .toArray(),
    )
  })
})

describe('adaptive pools', () => {
  test('share an axis out, the windows overlapping where it does not divide', () => {
    const x = tensor([[1, 2, 3, 4, 5]])
    expect(F.adaptiveAvgPool1d(x, 3).toArray()).toEqual([[1.5, 3, 4.5]])
    expect(F.adaptiveMaxPool1d(x, 3).toArray()).toEqual([[2, 4, 5]])
    expect(F.adaptiveAvgPool1d(x, 7).toArray()).toEqual([[1, 1.5, 2.5, 3, 3.5, 4.5, 5]])
  })
  test('keep an axis that is null', () => {
    expect(F.adaptiveAvgPool2d(zeros([1, 3, 5, 7]), [null, 2]).shape).toEqual([1, 3, 5, 2])
    expect(F.adaptiveMaxPool2d(zeros([3, 5, 7]), [2, null], { returnIndices: true })[1].shape).toEqual([3, 2, 7])
  })
})

test('lpPool of p = 1 is the sum, and its gradient at a window of zeros is not a number, as in PyTorch', () => {
  expect(F.lpPool1d(tensor([[1, 2, 3, 4]]), 1, 2).toArray()).toEqual([[3, 7]])
  expect(F.lpPool2d(tensor([[[3, 4]]]), 2, [1, 2]).item()).toBeCloseTo(5, 6)
  const x = zeros([1, 2], { requiresGrad: true })
  F.lpPool1d(x, 2, 2).sum().backward()
  expect(x.grad?.toArray()).toEqual([[Number.NaN, Number.NaN]])
})

const image = (): Tensor => zeros([1, 1, 4, 4])

describe('pools refuse, in the words of PyTorch,', () => {
  test.for<[string, () => unknown, string]>([
    ['too many sizes', () => F.maxPool2d(image(), [2, 2, 2]), 'max_pool2d: kernel_size must either be a single int, or a tuple of two ints'],
    [
      'too many strides',
      () => F.avgPool2d(image(), 2, { stride: [1, 1, 1] }),
      'avg_pool2d: stride must either be omitted, a single int, or a tuple of two ints',
    ],
    ['too many dilations', () => F.maxPool2d(image(), 2, { dilation: [1, 1, 1] }), 'max_pool2d: dilation must be either a single int, or a tuple of two ints'],
    ['a kernel of zero', () => F.maxPool2d(image(), 0), 'stride should not be zero'],
    ['a negative kernel', () => F.maxPool2d(image(), -1), 'kernel size should be greater than zero, but got kH: -1 kW: -1'],
    ['negative padding', () => F.avgPool2d(image(), 2, { padding: -1 }), 'pad must be non-negative, but got pad: -1'],
    [
      'padding of more than half a kernel',
      () => F.maxPool2d(image(), 3, { dilation: 2, padding: [2, 1] }),
      'pad should be smaller than or equal to half of kernel size, but got padW = 1, padH = 2, kW = 3, kH = 3',
    ],
    ['no dilation', () => F.maxPool2d(image(), 2, { dilation: 0 }), 'dilation should be greater than zero, but got dilationH: 0 dilationW: 0'],
    [
      'an empty image',
      () => F.maxPool2d(zeros([1, 1, 0, 4]), 2),
      'Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[1, 1, 0, 4]',
    ],
    ['a vector', () => F.maxPool1d(zeros([4]), 2), 'max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:[4]'],
    [
      'one axis: padding',
      () => F.maxPool1d(zeros([1, 4]), 2, { padding: 2 }),
      'max_pool1d() padding should be at most half of kernel size, but got padding=2 and kernel_size=2',
    ],
    ['one axis: no window', () => F.maxPool1d(zeros([1, 1]), 2), 'max_pool1d() Invalid computed output size: 0'],
    ['no window', () => F.avgPool2d(zeros([1, 1, 1]), 2), 'Given input size: (1x1x1). Calculated output size: (1x0x0). Output size is too small'],
    ['three axes: too small', () => F.avgPool3d(zeros([1, 1, 1, 1]), 2), 'input image (T: 1 H: 1 W: 1) smaller than kernel size (kT: 2 kH: 2 kW: 2)'],
    ['bools', () => F.maxPool2d(image().to('bool'), 2), '"max_pool2d" not implemented for \'Bool\''],
    ['a divisor of zero', () => F.avgPool2d(image(), 2, { divisorOverride: 0 }), 'divisor must be not zero'],
    [
      'a vector to average',
      () => F.avgPool1d(zeros([4]), 2),
      "Expected 2 to 3 dimensions, but got 1-dimensional tensor for argument #1 'self' (while checking arguments for avg_pool1d)",
    ],
    ['adaptive: a matrix', () => F.adaptiveAvgPool2d(zeros([4, 4]), 2), 'adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got [4, 4]'],
    ['adaptive: too many sizes', () => F.adaptiveAvgPool2d(image(), [2, 2, 2]), 'adaptive_avg_pool2d: output_size must be 2'],
    ['adaptive: negative', () => F.adaptiveMaxPool2d(image(), -1), 'Trying to create tensor with negative dimension -1: [1, 1, -1, -1]'],
    [
      'adaptive: an empty image',
      () => F.adaptiveMaxPool2d(zeros([1, 1, 0, 4]), 2),
      'adaptive_max_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has sizes [1, 1, 0, 4] with dimension 2 being empty',
    ],
    ['adaptive: integers', () => F.adaptiveAvgPool2d(image().to('int64'), 2), '"adaptive_avg_pool2d" not implemented for \'Long\''],
  ])('%s', ([, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name: 'RuntimeError', message }))
  })
  test('a matrix to average', () => {
    expect(() => F.avgPool2d(zeros([4, 4]), 2)).toThrow(
      expect.objectContaining({ name: 'IndexError', message: 'Dimension out of range (expected to be in range of [-2, 1], but got -3)' }),
    )
  })
  test('a window that lies in the padding alone', () => {
    expect(() => F.maxPool1d(zeros([1, 1]), 2, { dilation: 2, padding: 1 })).toThrow(
      'max_pool1d: with this padding and dilation a window holds no element of the input of size [1, 1]',
    )
  })
})
