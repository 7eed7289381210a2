import { describe, expect, test } from 'vitest'
import { type Tensor, tensor, zeros } from '../../src/index.js'
import { functional as F } from '../../src/nn/index.js'

const int64 = (...values: number[]): Tensor => tensor(values, { dtype: 'int64' })
const table = (): Tensor =>
  tensor(
    [
      [3, 4],
      [0, 1],
      [6, 8],
    ],
    { requiresGrad: true },
  )

describe('embedding', () => {
  test('looks rows up, for indices of any shape', () => {
    expect(F.embedding(int64(2, 0), table()).toArray()).toEqual([
      [6, 8],
      [3, 4],
    ])
    expect(F.embedding(tensor([[1]], { dtype: 'int32' }), table()).toArray()).toEqual([[[0, 1]]])
    expect(F.embedding(tensor(2n), table()).shape).toEqual([2])
    expect(F.embedding(zeros([0, 3], { dtype: 'int64' }), table()).shape).toEqual([0, 3, 2])
  })
  test('the gradient counts a row as often as it was looked up, the padding never', () => {
    const gradient = (options: object) => {
      const weight = table()
      F.embedding(int64(2, 0, 2, 2), weight, options)
        .sum()
        .backward()
      return weight.grad?.select(1, 0).toArray()
    }
    expect(gradient({})).toEqual([1, 0, 3])
    expect(gradient({ scaleGradByFreq: true })).toEqual([1, 0, 1])
    expect(gradient({ paddingIdx: -1 })).toEqual([1, 0, 0])
    expect(gradient({ paddingIdx: 0, scaleGradByFreq: true })).toEqual([0, 0, 1])
  })
  test('a NaN that reaches the padding stays out of its gradient', () => {
    const weight = table()
    F.embedding(int64(0, 1), weight, { paddingIdx: 0 }).backward(
      tensor([
        [Number.NaN, Number.NaN],
        [1, 1],
      ]),
    )
    expect(weight.grad?.toArray()).toEqual([
      [0, 0],
      [1, 1],
      [0, 0],
    ])
  })
  test('maxNorm shortens the rows that are looked up, in place', () => {
    const weight = table()
    const y = F.embedding(int64(0, 2, 2), weight.detach(), { maxNorm: 5 })
    expect(y.mul(1000).round().toArray()).toEqual([
      [3000, 4000],
      [3000, 4000],
      [3000, 4000],
    ])
    expect(weight.select(0, 1).toArray()).toEqual([0, 1])
    F.embedding(int64(0, 1), weight.detach(), { maxNorm: 3.5, normType: 1 })
    expect(weight.mul(1000).round().toArray()).toEqual([
      [1500, 2000],
      [0, 1000],
      [3000, 4000],
    ])
  })
  test.for<[string, string, () => unknown, string]>([
    ['an index beyond the rows', 'IndexError', () => F.embedding(int64(0, 3), table()), 'index out of range in self'],
    ['a negative index', 'IndexError', () => F.embedding(int64(-1), table()), 'index out of range in self'],
    [
      'floats as indices',
      'RuntimeError',
      () => F.embedding(tensor([1]), table()),
      "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead (while checking arguments for embedding)",
    ],
    ['a weight that is no matrix', 'RuntimeError', () => F.embedding(int64(0), zeros([4])), "'weight' must be 2-D"],
    ['padding beyond the rows', 'AssertionError', () => F.embedding(int64(0), table(), { paddingIdx: 3 }), 'Padding_idx must be within num_embeddings'],
    [
      'to shorten a row beyond the rows',
      'IndexError',
      () => F.embedding(int64(5), table().detach(), { maxNorm: 1 }),
      'select(): index 5 out of range for tensor of size [3, 2] at dimension 0',
    ],
  ])('refuses %s', ([, name, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name, message }))
  })
})

describe('embeddingBag', () => {
  const indices = () => int64(2, 0, 1, 1, 2)
  const offsets = () => int64(0, 2, 2)
  test('sums, averages or takes the maximum; an empty bag gives zeros', () => {
    const bags = (mode: 'sum' | 'mean' | 'max', more = {}) => F.embeddingBag(indices(), table(), { offsets: offsets(), mode, ...more }).toArray()
    expect(bags('sum')).toEqual([
      [9, 12],
      [0, 0],
      [6, 10],
    ])
    expect(bags('mean')).toEqual([
      [4.5, 6],
      [0, 0],
      [2, Math.fround(10 / 3)],
    ])
    expect(bags('max')).toEqual([
      [6, 8],
      [0, 0],
      [6, 8],
    ])
    expect(bags('mean', { paddingIdx: 1 })).toEqual([
      [4.5, 6],
      [0, 0],
      [6, 8],
    ])
    expect(bags('max', { paddingIdx: -1 })).toEqual([
      [3, 4],
      [0, 0],
      [0, 1],
    ])
  })
  test('a matrix holds a bag in each row; the default is the mean', () => {
    expect(F.embeddingBag(tensor([[0, 2]], { dtype: 'int64' }), table()).toArray()).toEqual([[4.5, 6]])
  })
  test('the last offset may be the end of the last bag', () => {
    expect(F.embeddingBag(indices(), table(), { offsets: int64(0, 2, 4), mode: 'sum', includeLastOffset: true }).toArray()).toEqual([
      [9, 12],
      [0, 2],
    ])
  })
  test('weighs samples, and learns the weights', () => {
    const weights = tensor([1, 2, 0.5, 0.5, -1], { requiresGrad: true })
    const y = F.embeddingBag(indices(), table(), { offsets: offsets(), mode: 'sum', perSampleWeights: weights })
    expect(y.toArray()).toEqual([
      [12, 16],
      [0, 0],
      [-6, -7],
    ])
    y.sum().backward()
    expect(weights.grad?.toArray()).toEqual([14, 7, 1, 1, 14])
  })
  test('gives the gradient of a maximum to the first of equal rows', () => {
    const weight = zeros([3, 1], { requiresGrad: true })
    F.embeddingBag(int64(2, 1), weight, { offsets: int64(0), mode: 'max' })
      .sum()
      .backward()
    expect(weight.grad?.toArray()).toEqual([[0], [0], [1]])
  })
  test.for<[string, string, () => unknown, string]>([
    ['a vector without offsets', 'ValueError', () => F.embeddingBag(indices(), table()), 'offsets has to be a 1D Tensor but got None'],
    ['offsets as a matrix', 'ValueError', () => F.embeddingBag(indices(), table(), { offsets: offsets().unsqueeze(0) }), 'offsets has to be a 1D Tensor'],
    [
      'three dimensions',
      'ValueError',
      () => F.embeddingBag(zeros([1, 1, 1], { dtype: 'int64' }), table()),
      'input has to be 1D or 2D Tensor, but got Tensor of dimension 3',
    ],
    [
      'a late start',
      'RuntimeError',
      () => F.embeddingBag(indices(), table(), { offsets: int64(1) }),
      'offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got 1',
    ],
    [
      'offsets beyond the end',
      'RuntimeError',
      () => F.embeddingBag(indices(), table(), { offsets: int64(0, 6) }),
      "offsets[-1] can not be greater than input's length 5 but got offsets[-1] of 6",
    ],
    [
      'offsets that go back',
      'RuntimeError',
      () => F.embeddingBag(indices(), table(), { offsets: int64(0, 3, 2) }),
      'offsets must not decrease, got 3 before 2',
    ],
    [
      'unknown modes',
      'ValueError',
      () => F.embeddingBag(indices(), table(), { offsets: offsets(), mode: 'avg' as 'mean' }),
      'mode has to be one of sum, mean or max',
    ],
    [
      'weights for a mean',
      'NotImplementedError',
      () => F.embeddingBag(indices(), table(), { offsets: offsets(), perSampleWeights: zeros([5]) }),
      "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='mean'). Please open a feature request on GitHub.",
    ],
    [
      'weights of another shape',
      'ValueError',
      () => F.embeddingBag(indices(), table(), { offsets: offsets(), mode: 'sum', perSampleWeights: zeros([3]) }),
      'embedding_bag: If per_sample_weights (torch.Size([3])) is not None, then it must have the same shape as the input (torch.Size([5]))',
    ],
    [
      'frequencies of a maximum',
      'ValueError',
      () => F.embeddingBag(indices(), table(), { offsets: offsets(), mode: 'max', scaleGradByFreq: true }),
      'max mode does not support scaling the gradient by the frequency',
    ],
    ...(['sum', 'max'] as const).map((mode): [string, string, () => unknown, string] => [
      `an index without a row (${mode})`,
      'IndexError',
      () => F.embeddingBag(int64(0, -1), table(), { offsets: int64(0), mode }),
      'index out of range in self',
    ]),
    [
      'padding beyond the rows',
      'RuntimeError',
      () => F.embeddingBag(indices(), table(), { offsets: offsets(), paddingIdx: 3 }),
      'padding_idx must be within the number of embeddings, -3 through 2, but got 3',
    ],
  ])('refuses %s', ([, name, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name, message }))
  })
})
