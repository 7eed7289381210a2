import { describe, expect, test } from 'vitest'
import { type Tensor, tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'

const line = (...values: number[]): Tensor => tensor(values).reshape([1, 1, values.length])
const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray(), Number)

function expectClose(x: Tensor, expected: number[]): void {
  const got = numbers(x)
  expect(got.length).toBe(expected.length)
  got.forEach((v, i) => {
    expect(v).toBeCloseTo(expected[i], 6)
  })
}

// Expected numbers are those of PyTorch 2.6.
describe('interpolate', () => {
  const x = line(0, 1, 2, 3, 4)
  test('nearest: the element to the left, or the one whose centre is nearest', () => {
    expect(numbers(F.interpolate(x, { size: 7 }))).toEqual([0, 0, 1, 2, 2, 3, 4])
    expect(numbers(F.interpolate(x, { size: 7, mode: 'nearest-exact' }))).toEqual([0, 1, 1, 2, 3, 3, 4])
    expect(numbers(F.interpolate(x, { size: 3 }))).toEqual([0, 1, 3])
    expect(numbers(F.interpolate(x, { size: 3, mode: 'nearest-exact' }))).toEqual([0, 2, 4])
  })
  test('linear: centres or corners aligned, positions from the factor or from the sizes', () => {
    expectClose(F.interpolate(x, { size: 3, mode: 'linear' }), [1 / 3, 2, 11 / 3])
    expectClose(F.interpolate(x, { size: 3, mode: 'linear', alignCorners: true }), [0, 2, 4])
    expectClose(F.interpolate(x, { scaleFactor: 1.5, mode: 'linear' }), [0, 0.5, 7 / 6, 11 / 6, 2.5, 19 / 6, 23 / 6])
    expectClose(F.interpolate(x, { scaleFactor: 1.5, mode: 'linear', recomputeScaleFactor: true }), [0, 4 / 7, 9 / 7, 2, 19 / 7, 24 / 7, 4])
  })
  test('bilinear and bicubic', () => {
    const y = tensor([
      [
        [
          [1, 2],
          [4, 8],
        ],
      ],
    ])
    expectClose(F.interpolate(y, { size: 3, mode: 'bilinear' }), [1, 1.5, 2, 2.5, 3.75, 5, 4, 6, 8])
    expectClose(F.interpolate(y, { size: [1, 4], mode: 'bicubic' }), [2.236328125, 3.06640625, 4.43359375, 5.263671875])
  })
  test('antialias sees what lies between', () => {
    const spike = line(0, 0, 0, 8, 0, 0, 0, 0).unsqueeze(0)
    expectClose(F.interpolate(spike, { size: [1, 3], mode: 'bilinear' }), [0, 4, 0])
    expectClose(F.interpolate(spike, { size: [1, 3], mode: 'bilinear', antialias: true }), [0.631578922, 2.476190567, 0])
    expectClose(F.interpolate(spike, { size: [1, 3], mode: 'bicubic', antialias: true }), [0.498151153, 2.706198454, -0.199970141])
  })
  test('area averages', () => {
    expectClose(F.interpolate(x, { size: 2, mode: 'area' }), [1, 3])
  })
  test('a NaN stays where it is', () => {
    expect(numbers(F.interpolate(line(1, Number.NaN, 3), { size: 6 }))).toEqual([1, 1, Number.NaN, Number.NaN, 3, 3])
    expect(numbers(F.interpolate(line(Number.NaN, 2, 3, 4), { size: 2, mode: 'linear' }))[1]).toBe(3.5)
  })
  test('keeps the dtype: half floats, and bytes where elements are taken as they are', () => {
    const half = F.interpolate(line(0, 1, 2, 3).to('float16'), { size: 3, mode: 'linear' })
    expect(half.dtype).toBe('float16')
    expectClose(half.to('float32').mul(6).round(), [1, 9, 17])
    expect(numbers(F.interpolate(line(1, 255).to('uint8'), { size: 3 }))).toEqual([1, 1, 255])
  })
  test('a batch of nothing', () => {
    expect(F.interpolate(zeros([0, 1, 3, 3]), { size: 2, mode: 'bicubic' }).shape).toEqual([0, 1, 2, 2])
  })
  const image = () => zeros([1, 1, 3, 3])
  test.for<[string, string, () => unknown, string]>([
    [
      'a list of the wrong length',
      'ValueError',
      () => F.interpolate(image(), { size: [2] }),
      'Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of [3, 3] and output size of (2,). Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.',
    ],
    [
      'factors of the wrong number',
      'ValueError',
      () => F.interpolate(image(), { scaleFactor: [2] }),
      'Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of [3, 3] and scale_factor of shape (2,). Please provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format.',
    ],
    [
      'to recompute a size',
      'ValueError',
      () => F.interpolate(image(), { size: 2, recomputeScaleFactor: true }),
      'recompute_scale_factor is not meaningful with an explicit size.',
    ],
    ['linear on images', 'NotImplementedError', () => F.interpolate(image(), { size: 2, mode: 'linear' }), 'Got 4D input, but linear mode needs 3D input'],
    [
      'unknown modes',
      'NotImplementedError',
      () => F.interpolate(image(), { size: 2, mode: 'cubic' as 'bicubic' }),
      'Input Error: Only 3D, 4D and 5D input Tensors supported (got 4D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got cubic)',
    ],
    [
      'bicubic on lines',
      'NotImplementedError',
      () => F.interpolate(line(1, 2), { size: 2, mode: 'bicubic' }),
      'Input Error: Only 3D, 4D and 5D input Tensors supported (got 3D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got bicubic)',
    ],
    [
      'antialias elsewhere',
      'ValueError',
      () => F.interpolate(image(), { size: 2, antialias: true }),
      'Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input',
    ],
    [
      'a result of nothing',
      'RuntimeError',
      () => F.interpolate(image(), { scaleFactor: 0.1, mode: 'bilinear' }),
      'Input and output sizes should be greater than 0, but got input (H: 3, W: 3) output (H: 0, W: 0)',
    ],
    [
      'no channels',
      'RuntimeError',
      () => F.interpolate(zeros([1, 0, 3, 3]), { size: 2 }),
      'Non-empty 4D data tensor expected but got a tensor with sizes [1, 0, 3, 3]',
    ],
    ['integers', 'RuntimeError', () => F.interpolate(image().to('int64'), { size: 2, mode: 'bilinear' }), '"upsample_bilinear2d" not implemented for \'Long\''],
  ])('refuses %s', ([, name, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name, message }))
  })
})
