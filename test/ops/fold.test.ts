import { describe, expect, test } from 'vitest'
import { arange, ones, tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'

describe('unfold and fold', () => {
  test('blocks become columns, and columns are added up to an image', () => {
    expect(
      F.unfold(
        tensor([
          [
            [0, 1, 2],
            [3, 4, 5],
          ],
        ]).unsqueeze(0),
        2,
      ).toArray(),
    ).toEqual([
      [
        [0, 1],
        [1, 2],
        [3, 4],
        [4, 5],
      ],
    ])
    expect(F.fold(ones([1, 4, 2]), [2, 3], 2).toArray()).toEqual([
      [
        [
          [1, 2, 1],
          [1, 2, 1],
        ],
      ],
    ])
  })
  test('are each other’s transpose, with gaps, padding and without batch', () => {
    const options = { dilation: [1, 2], padding: [1, 2], stride: [2, 1] }
    const x = arange(2 * 4 * 5, { dtype: 'float64' })
      .sin()
      .reshape([2, 4, 5])
    const columns = F.unfold(x, [2, 3], options)
    const y = arange(columns.numel(), { dtype: 'float64' }).cos().reshape(columns.shape)
    expect(columns.mul(y).sum().item()).toBeCloseTo(
      x
        .mul(F.fold(y, [4, 5], [2, 3], options))
        .sum()
        .item(),
      10,
    )
  })
  test('convolution is a product with the columns', () => {
    const x = arange(2 * 2 * 5 * 4, { dtype: 'float64' })
      .sin()
      .reshape([2, 2, 5, 4])
    const w = arange(3 * 2 * 2 * 3, { dtype: 'float64' })
      .cos()
      .reshape([3, 2, 2, 3])
    const options = { stride: [2, 1], padding: 1, dilation: [2, 1] }
    const y = F.conv2d(x, w, null, options)
    const product = w
      .reshape([3, 12])
      .matmul(F.unfold(x, [2, 3], options))
      .reshape(y.shape)
    expect(product.sub(y).abs().max().item()).toBeLessThan(1e-13)
  })
  test.for<[string, () => unknown, string]>([
    [
      'a block larger than the image',
      () => F.unfold(zeros([1, 1, 3, 3]), 4),
      'Given input with spatial size (3, 3), kernel_size=(4, 4), dilation=(1, 1), padding=(0, 0), calculated shape of the array of sliding blocks as (0, 0), but its components must be at least one.',
    ],
    ['blocks of nothing', () => F.unfold(zeros([1, 1, 3, 3]), 0), 'kernel size should be greater than zero, but got kernel_height: 0 kernel_width: 0'],
    ['standing still', () => F.unfold(zeros([1, 1, 3, 3]), 2, { stride: 0 }), 'stride should be greater than zero, but got stride_height: 0 stride_width: 0'],
    ['negative padding', () => F.unfold(zeros([1, 1, 3, 3]), 2, { padding: -1 }), 'padding should be non-negative, but got pad_height: -1 pad_width: -1'],
    ['three sizes', () => F.unfold(zeros([1, 1, 3, 3]), [2, 2, 2]), 'It is expected kernel_size equals to 2, but got size 3'],
    [
      'columns of another height',
      () => F.fold(zeros([1, 5, 4]), 3, 2),
      "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=5 and kernel_size=(2, 2).",
    ],
    [
      'another number of columns',
      () => F.fold(zeros([1, 4, 5]), 3, 2),
      "Given output_size=(3, 3), kernel_size=(2, 2), dilation=(1, 1), padding=(0, 0), stride=(1, 1), expected size of input's dimension 2 to match the calculated number of sliding blocks 2 * 2 = 4, but got input.size(2)=5.",
    ],
    [
      'other ranks',
      () => F.fold(zeros([4]), 3, 2),
      'Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: [4]',
    ],
  ])('refuse %s', ([, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name: 'RuntimeError', message }))
  })
})

describe('shuffles', () => {
  test('pixelShuffle spreads channels over pixels, pixelUnshuffle undoes it', () => {
    const x = arange(8).to('float32').reshape([1, 8, 1, 1])
    const y = F.pixelShuffle(x, 2)
    expect(y.toArray()).toEqual([
      [
        [
          [0, 1],
          [2, 3],
        ],
        [
          [4, 5],
          [6, 7],
        ],
      ],
    ])
    expect(F.pixelUnshuffle(y, 2).toArray()).toEqual(x.toArray())
    const wide = arange(2 * 9 * 2 * 4).reshape([2, 9, 2, 4])
    expect(F.pixelUnshuffle(F.pixelShuffle(wide, 3), 3).toArray()).toEqual(wide.toArray())
  })
  test('channelShuffle interleaves groups', () => {
    expect(
      F.channelShuffle(arange(6).reshape([1, 6, 1]), 3)
        .flatten()
        .toArray(),
    ).toEqual([0n, 2n, 4n, 1n, 3n, 5n])
  })
  test.for<[string, () => unknown, string]>([
    ['no channels', () => F.pixelShuffle(zeros([3, 3]), 2), 'pixel_shuffle expects input to have at least 3 dimensions, but got input with 2 dimension(s)'],
    ['a factor of zero', () => F.pixelShuffle(zeros([4, 3, 3]), 0), 'pixel_shuffle expects a positive upscale_factor, but got 0'],
    [
      'a width that does not divide',
      () => F.pixelUnshuffle(zeros([1, 4, 3]), 2),
      'pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=3 is not divisible by 2',
    ],
    [
      'channels that do not divide',
      () => F.channelShuffle(zeros([1, 3, 4]), 2),
      'Number of channels must be divisible by groups. Got 3 channels and 2 groups.',
    ],
    ['no groups', () => F.channelShuffle(zeros([1, 3, 4]), 0), 'Number of groups to divide channels in must be positive. Value of groups:0'],
    ['matrices', () => F.channelShuffle(zeros([3, 4]), 2), 'channel_shuffle expects input with > 2 dims, but got input with sizes [3, 4]'],
  ])('refuse %s', ([, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name: 'RuntimeError', message }))
  })
})
