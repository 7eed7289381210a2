import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Tensor, tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'

/** Positions along one axis of each tap of each output: [output][tap], or null in the padding. */
type Reads = (number | null)[][]
const readsOf = (size: number, kernel: number, stride: number, padding: number, dilation: number): Reads => {
  const outputs = Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
  return Array.from({ length: outputs }, (_, o) =>
    Array.from({ length: kernel }, (_, k) => {
      const at = o * stride - padding + k * dilation
      return at >= 0 && at < size ? at : null
    }),
  )
}

const numbers = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => Math.round(64 * Math.sin(seed + 3.7 * i)) / 64)

/** Convolution over two axes by the definition, in doubles. */
function naive(x: number[], [n, c, h, w]: number[], weight: number[], [o, perGroup, kh, kw]: number[], rows: Reads, columns: Reads, groups: number): number[] {
  const y: number[] = []
  for (let b = 0; b < n; b++) {
    for (let out = 0; out < o; out++) {
      const first = Math.floor(out / (o / groups)) * perGroup
      for (const row of rows) {
        for (const column of columns) {
          let sum = 0
          for (let i = 0; i < perGroup; i++) {
            row.forEach((r, a) => {
              column.forEach((s, e) => {
                if (r !== null && s !== null) sum += x[((b * c + first + i) * h + r) * w + s] * weight[((out * perGroup + i) * kh + a) * kw + e]
              })
            })
          }
          y.push(sum)
        }
      }
    }
  }
  return y
}

const geometry = fc
  .record({
    n: fc.integer({ min: 0, max: 2 }),
    groups: fc.integer({ min: 1, max: 3 }),
    inPerGroup: fc.integer({ min: 1, max: 3 }),
    outPerGroup: fc.integer({ min: 1, max: 3 }),
    h: fc.integer({ min: 1, max: 9 }),
    w: fc.integer({ min: 1, max: 9 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 })),
    channelsLast: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
  })
  .filter(({ h, w, kernel, padding, dilation }) => [h, w].every((size, i) => size + 2 * padding[i] >= dilation[i] * (kernel[i] - 1) + 1))

/** The same values as `[n, c, h, w]`, but with channels last in memory. */
const channelsLast = (x: Tensor): Tensor => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)

describe('convolution', () => {
  test('equals the definition, whatever the geometry and the memory layout', () => {
    fc.assert(
      fc.property(geometry, ({ n, groups, inPerGroup, outPerGroup, h, w, kernel, stride, padding, dilation, dtype, ...g }) => {
        const xShape = [n, groups * inPerGroup, h, w]
        const wShape = [groups * outPerGroup, inPerGroup, ...kernel]
        const count = (shape: number[]) => shape.reduce((a, b) => a * b, 1)
        const x = numbers(count(xShape), 1)
        const weight = numbers(count(wShape), 2)
        const bias = numbers(wShape[0], 3)
        const rows = readsOf(h, kernel[0], stride[0], padding[0], dilation[0])
        const columns = readsOf(w, kernel[1], stride[1], padding[1], dilation[1])
        const plain = tensor(x, { dtype }).reshape(xShape)
        const input = g.channelsLast ? channelsLast(plain) : plain
        const y = F.conv2d(input, tensor(weight, { dtype }).reshape(wShape), tensor(bias, { dtype }), { stride, padding, dilation, groups })
        expect(y.shape).toEqual([n, wShape[0], rows.length, columns.length])
        const area = rows.length * columns.length
        const expected = naive(x, xShape, weight, wShape, rows, columns, groups).map((v, i) => v + bias[Math.floor(i / area) % wShape[0]])
        const got = Array.from(y.toTypedArray(), Number)
        const tolerance = dtype === 'float32' ? 1e-5 : 1e-13
        expected.forEach((v, i) => {
          expect(Math.abs(got[i] - v)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(v)))
        })
      }),
      { numRuns: 150 },
    )
  })

  test('transposed convolution is the transpose: <conv(x), y> = <x, convTranspose(y)>', () => {
    fc.assert(
      fc.property(geometry, ({ n, groups, inPerGroup, outPerGroup, h, w, kernel, stride, padding, dilation }) => {
        const reach = kernel.map((k, i) => dilation[i] * (k - 1) + 1)
        const outputPadding = [h, w].map((size, i) => (size + 2 * padding[i] - reach[i]) % stride[i])
        const x = tensor(numbers(n * groups * inPerGroup * h * w, 4), { dtype: 'float64' }).reshape([n, groups * inPerGroup, h, w])
        const shape = [groups * outPerGroup, inPerGroup, ...kernel]
        const weight = tensor(
          numbers(
            shape.reduce((a, b) => a * b, 1),
            5,
          ),
          { dtype: 'float64' },
        ).reshape(shape)
        const forward = F.conv2d(x, weight, null, { stride, padding, dilation, groups })
        const y = tensor(numbers(forward.numel(), 6), { dtype: 'float64' }).reshape(forward.shape)
        const back = F.convTranspose2d(y, weight, null, { stride, padding, dilation, groups, outputPadding })
        expect(back.shape).toEqual(x.shape)
        expect(forward.mul(y).sum().item()).toBeCloseTo(x.mul(back).sum().item(), 9)
      }),
      { numRuns: 60 },
    )
  })

  test("'same' keeps the size and puts the odd zero at the end", () => {
    const x = tensor([[[1, 10, 100, 1000]]])
    // The window of the first output begins one element before the input: [0, 1, 10, 100], and the last ends two behind it.
    expect(F.conv1d(x, tensor([[[1, 2, 3, 4]]]), null, { padding: 'same' }).toArray()).toEqual([[[432, 4321, 3210, 2100]]])
    expect(F.conv1d(x, tensor([[[1, 2]]]), null, { padding: 'same' }).toArray()).toEqual([[[21, 210, 2100, 1000]]])
    expect(F.conv1d(x, tensor([[[1, 2]]]), null, { padding: 'valid' }).toArray()).toEqual([[[21, 210, 2100]]])
  })

  test('takes one number, or one in a list, for all axes', () => {
    const x = zeros([1, 1, 7, 7])
    const w = zeros([1, 1, 3, 3])
    for (const stride of [2, [2], [2, 2]]) expect(F.conv2d(x, w, null, { stride }).shape).toEqual([1, 1, 3, 3])
  })

  test('a batch of nothing has a gradient of zeros', () => {
    const w = zeros([4, 3, 3, 3], { requiresGrad: true })
    const y = F.conv2d(zeros([0, 3, 5, 5]), w, null)
    expect(y.shape).toEqual([0, 4, 3, 3])
    y.sum().backward()
    expect(w.grad?.abs().sum().item()).toBe(0)
    expect(F.convTranspose2d(zeros([0, 3, 5, 5]), zeros([3, 4, 3, 3])).shape).toEqual([0, 4, 7, 7])
  })

  test('an input without channels gives the bias', () => {
    expect(F.conv2d(zeros([1, 0, 3, 3]), zeros([2, 0, 3, 3]), tensor([5, 6])).toArray()).toEqual([[[[5]], [[6]]]])
  })
})

const x = () => zeros([1, 3, 5, 5])
const w = () => zeros([4, 3, 3, 3])

describe('convolution refuses, in the words of PyTorch,', () => {
  test.for<[string, () => unknown, string]>([
    ['a weight of another dtype', () => F.conv2d(x(), w().to('float64')), 'expected scalar type Float but found Double'],
    ['a bias of another dtype', () => F.conv2d(x(), w(), zeros([4], { dtype: 'float64' })), 'Input type (float) and bias type (double) should be the same'],
    [
      'a bias of another size',
      () => F.conv2d(x(), w(), zeros([4, 1])),
      'Given weight of size [4, 3, 3, 3], expected bias to be 1-dimensional with 4 elements, but got bias of size [4, 1] instead',
    ],
    [
      'a list of the wrong length',
      () => F.conv2d(x(), w(), null, { stride: [1, 1, 1] }),
      'expected stride to be a single integer value or a list of 2 values to match the convolution dimensions, but got stride=[1, 1, 1]',
    ],
    ['negative padding', () => F.conv2d(x(), w(), null, { padding: -1 }), 'negative padding is not supported'],
    ['a stride of zero', () => F.conv2d(x(), w(), null, { stride: 0 }), 'non-positive stride is not supported'],
    ['negative dilation', () => F.conv2d(x(), w(), null, { dilation: -1 }), 'dilation should be greater than zero'],
    ['no groups', () => F.conv2d(x(), w(), null, { groups: 0 }), 'non-positive groups is not supported'],
    [
      'more groups than channels',
      () => F.conv2d(x(), w(), null, { groups: 5 }),
      'Given groups=5, expected weight to be at least 5 at dimension 0, but got weight of size [4, 3, 3, 3] instead',
    ],
    [
      'groups that do not divide',
      () => F.conv2d(x(), zeros([4, 1, 3, 3]), null, { groups: 3 }),
      'Given groups=3, expected weight to be divisible by 3 at dimension 0, but got weight of size [[4, 1, 3, 3]] instead',
    ],
    ["'same' with a stride", () => F.conv2d(x(), w(), null, { padding: 'same', stride: 2 }), "padding='same' is not supported for strided convolutions"],
    [
      'a kernel larger than the padded input',
      () => F.conv1d(zeros([1, 3, 5]), zeros([4, 3, 4]), null, { dilation: 2 }),
      "Calculated padded input size per channel: (5). Kernel size: (7). Kernel size can't be greater than actual input size",
    ],
    [
      'an input without batch and channels',
      () => F.conv3d(zeros([3, 5]), zeros([4, 3, 3, 3, 3])),
      'Expected 4D (unbatched) or 5D (batched) input to conv3d, but got input of size: [3, 5]',
    ],
    [
      'transposed: other channels',
      () => F.convTranspose2d(x(), w()),
      'Given transposed=1, weight of size [4, 3, 3, 3], expected input[1, 3, 5, 5] to have 4 channels, but got 3 channels instead',
    ],
    [
      'transposed: an output padding as large as the stride',
      () => F.convTranspose1d(zeros([1, 3, 5]), zeros([3, 4, 3]), null, { outputPadding: 1 }),
      'output padding must be smaller than either stride or dilation, but got output_padding_height: 0 output_padding_width: 1 stride_height: 1 stride_width: 1 dilation_height: 1 dilation_width: 1',
    ],
    [
      'transposed: a result of nothing',
      () => F.convTranspose1d(zeros([1, 3, 5]), zeros([3, 4, 3]), null, { padding: 9 }),
      'Given input size per channel: (1 x 5). Calculated output size per channel: (1 x -11). Output size is too small',
    ],
  ])('%s', ([, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name: 'RuntimeError', message }))
  })

  test('an unknown option, naming the nearest', () => {
    expect(() => F.conv2d(x(), w(), null, { strides: 2 } as object)).toThrow("Did you mean 'stride'?")
  })
})
