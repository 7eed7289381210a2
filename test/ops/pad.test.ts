import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'
import type { PadMode } from '../../src/ops/pad.js'

/** Which element of a row of `size` stands at place i, counted from its first one; null for the constant. */
const sourceOf: Record<PadMode, (i: number, size: number) => number | null> = {
  constant: (i, size) => (i >= 0 && i < size ? i : null),
  reflect: (i, size) => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i),
  replicate: (i, size) => (i < 0 ? 0 : i >= size ? size - 1 : i),
  circular: (i, size) => (i < 0 ? size + i : i >= size ? i - size : i),
}

test('every mode reads what its definition says, on both axes', () => {
  const amounts = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 4 })))
  fc.assert(
    fc.property(
      fc.constantFrom<PadMode>('constant', 'reflect', 'replicate', 'circular'),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      amounts,
      fc.boolean(),
      (mode, h, w, [left, right, top, bottom], transposed) => {
        fc.pre(mode !== 'reflect' || (left < w && right < w && top < h && bottom < h))
        fc.pre(mode !== 'circular' || (left <= w && right <= w && top <= h && bottom <= h))
        const data = Array.from({ length: 2 * h * w }, (_, i) => i + 1)
        const x = tensor(data).reshape([2, h, w])
        const input = transposed ? x.transpose(1, 2).contiguous().transpose(1, 2) : x
        const y = F.pad(input, [left, right, top, bottom], mode === 'constant' ? { value: -7 } : { mode })
        const expected = [0, 1].flatMap((c) =>
          Array.from({ length: top + h + bottom }, (_, r) =>
            Array.from({ length: left + w + right }, (_, s) => {
              const row = sourceOf[mode](r - top, h)
              const column = sourceOf[mode](s - left, w)
              return row === null || column === null ? -7 : data[(c * h + row) * w + column]
            }),
          ).flat(),
        )
        expect(y.shape).toEqual([2, top + h + bottom, left + w + right])
        expect(Array.from(y.toTypedArray(), Number)).toEqual(expected)
      },
    ),
    { numRuns: 200 },
  )
})

describe('pad', () => {
  test('negative amounts cut off', () => {
    const x = tensor([[1, 2, 3, 4]])
    expect(F.pad(x, [-1, -2]).toArray()).toEqual([[2]])
    expect(F.pad(x, [-1, 1], { value: 9 }).toArray()).toEqual([[2, 3, 4, 9]])
    expect(F.pad(x, [-1, 2], { mode: 'replicate' }).toArray()).toEqual([[2, 3, 4, 4, 4]])
    // What is cut off doesn't come back at the other end.
    expect(F.pad(x, [-2, 1], { mode: 'circular' }).toArray()).toEqual([[3, 4, 3]])
    expect(F.pad(zeros([2, 3]), [-1, -2]).shape).toEqual([2, 0])
  })
  test('makes a copy where nothing is added', () => {
    const x = tensor([[1, 2]])
    for (const mode of ['constant', 'replicate'] as const) {
      const y = F.pad(x, [0, 0], { mode })
      y.fill_(5)
      expect(x.toArray()).toEqual([[1, 2]])
    }
  })
  test('keeps integers', () => {
    expect(F.pad(tensor([[1n, 2n]]), [1, 0], { value: 7 }).toArray()).toEqual([[7n, 1n, 2n]])
  })
  test.for<[string, string, () => unknown, string]>([
    ['an odd number of amounts', 'RuntimeError', () => F.pad(zeros([2, 3]), [1]), 'Padding length must be divisible by 2'],
    [
      'more axes than there are',
      'RuntimeError',
      () => F.pad(zeros([2, 3]), [1, 1, 1, 1, 1, 1]),
      'Padding length should be less than or equal to two times the input dimension but got padding length 6 and input of dimension 2',
    ],
    ['less than nothing', 'RuntimeError', () => F.pad(zeros([2, 3]), [-2, -2]), 'narrow(): length must be non-negative.'],
    [
      'nothing left',
      'RuntimeError',
      () => F.pad(zeros([2, 3]), [1, 1, -1, -1]),
      'The input size 2, plus negative padding -1 and -1 resulted in a negative output size, which is invalid. Check dimension 0 of your input.',
    ],
    ['unknown modes', 'NotImplementedError', () => F.pad(zeros([2, 3]), [1, 1], { mode: 'wrap' as 'circular' }), 'Unrecognised padding mode wrap'],
    [
      'a value to reflect',
      'RuntimeError',
      () => F.pad(zeros([2, 3]), [1, 1], { mode: 'reflect', value: 1 }),
      'Padding mode "reflect" doesn\'t take in value argument',
    ],
    [
      'other ranks',
      'NotImplementedError',
      () => F.pad(zeros([3]), [1, 1], { mode: 'reflect' }),
      'Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now',
    ],
    [
      'reflections beyond the other end',
      'RuntimeError',
      () => F.pad(zeros([1, 1, 3, 3]), [0, 0, 3, 0], { mode: 'reflect' }),
      'Argument #6: Padding size should be less than the corresponding input dimension, but got: padding (3, 0) at dimension 2 of input [1, 1, 3, 3]',
    ],
    [
      'going round more than once',
      'RuntimeError',
      () => F.pad(zeros([1, 3]), [4, 0], { mode: 'circular' }),
      'Padding value causes wrapping around more than once.',
    ],
    [
      'going round nothing',
      'RuntimeError',
      () => F.pad(zeros([1, 3]), [-2, -2], { mode: 'circular' }),
      'Negative padding value is resulting in an empty dimension',
    ],
    ['replicas of nothing', 'RuntimeError', () => F.pad(zeros([1, 3]), [-2, -1], { mode: 'replicate' }), 'input (W: 3) is too small. Calculated output W: 0'],
    [
      'an empty input',
      'RuntimeError',
      () => F.pad(zeros([1, 1, 0]), [1, 1], { mode: 'replicate' }),
      'Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: [1, 1, 0]',
    ],
  ])('refuses %s', ([, name, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name, message }))
  })
})
