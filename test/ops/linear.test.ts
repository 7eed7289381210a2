import { describe, expect, test } from 'vitest'
import { tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'

const a = () => tensor([[1, 2, 3]])
const w = () =>
  tensor([
    [1, 0, -1],
    [2, 1, 0],
  ])

describe('linear', () => {
  test('multiplies rows, whatever leads them', () => {
    expect(F.linear(a(), w(), tensor([10, 20])).toArray()).toEqual([[8, 24]])
    expect(F.linear(tensor([1, 2, 3]), w()).toArray()).toEqual([-2, 4])
    expect(F.linear(tensor([[[1, 2, 3]], [[0, 0, 1]]]), w()).toArray()).toEqual([[[-2, 4]], [[-1, 0]]])
  })
  test('a vector as weight drops the last axis', () => {
    expect(F.linear(a(), tensor([1, 1, 1])).toArray()).toEqual([6])
  })
  test('broadcasts a bias', () => {
    expect(F.linear(a(), w(), tensor([1])).toArray()).toEqual([[-1, 5]])
    expect(F.linear(a(), w(), tensor([[1, 2]])).toArray()).toEqual([[-1, 6]])
  })
  test('nothing in, nothing out, gradients of zeros', () => {
    const weight = w().requiresGrad_()
    const bias = zeros([2], { requiresGrad: true })
    F.linear(zeros([0, 3]), weight, bias)
      .sum()
      .backward()
    expect(weight.grad?.toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
    expect(bias.grad?.toArray()).toEqual([0, 0])
    expect(F.linear(zeros([2, 0]), zeros([3, 0]), tensor([1, 2, 3])).toArray()).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
  })
  test('reads a transposed input where it lies', () => {
    const x = tensor([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    expect(F.linear(x.t(), w()).toArray()).toEqual([
      [-2, 4],
      [-2, 13],
    ])
  })
  test.for<[string, () => unknown, string]>([
    ['other features', () => F.linear(zeros([2, 2, 3]), zeros([4, 5])), 'mat1 and mat2 shapes cannot be multiplied (4x3 and 5x4)'],
    ['scalars', () => F.linear(zeros([2, 3]), zeros([])), 'both arguments to linear need to be at least 1D, but they are 2D and 0D'],
    ['stacks of weights', () => F.linear(zeros([2, 3]), zeros([2, 4, 3])), 't() expects a tensor with <= 2 dimensions, but self is 3D'],
    [
      'another dtype',
      () => F.linear(zeros([2, 3]), zeros([4, 3], { dtype: 'float64' })),
      'expected m1 and m2 to have the same dtype, but got: float != double',
    ],
    [
      'a bias that does not fit',
      () => F.linear(zeros([2, 3]), zeros([4, 3]), zeros([5])),
      'The expanded size of the tensor (4) must match the existing size (5) at non-singleton dimension 1.  Target sizes: [2, 4].  Tensor sizes: [5]',
    ],
  ])('refuses %s', ([, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name: 'RuntimeError', message }))
  })
})

describe('bilinear', () => {
  test('is xᵀ W y for each output', () => {
    const weight = tensor([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [0, 1],
        [0, 0],
      ],
    ])
    expect(F.bilinear(tensor([[1, 10]]), tensor([[1, 100]]), weight, tensor([0.5, 0])).toArray()).toEqual([[4231.5, 100]])
  })
  test.for<[string, () => unknown, string]>([
    [
      'other batches',
      () => F.bilinear(zeros([2, 3]), zeros([3, 4]), zeros([5, 3, 4])),
      'bilinear(): input batch dimensions do not match at dim 0: got 2 and 3',
    ],
    [
      'other features',
      () => F.bilinear(zeros([2, 3]), zeros([2, 3]), zeros([5, 3, 4])),
      'bilinear(): input2 size does not match weight size: got 3 but expected 4',
    ],
    ['other ranks', () => F.bilinear(zeros([2, 3]), zeros([2, 2, 3]), zeros([5, 3, 4])), 'bilinear(): input dimensions do not match: got 2 and 3'],
    [
      'another bias',
      () => F.bilinear(zeros([2, 3]), zeros([2, 4]), zeros([5, 3, 4]), zeros([4])),
      'bilinear(): bias size does not match weight size: got 4 but expected 5',
    ],
  ])('refuses %s', ([, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name: 'RuntimeError', message }))
  })
})
