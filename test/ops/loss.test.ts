import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { F, ones, randn, type Tensor, tensor, zeros } from '../../src/index.js'

/** Gradients are checked in gradcheck.test.ts, values against PyTorch in test/golden/losses.json; here: definitions, edges and errors. */

const list = (x: Tensor | null): number[] => Array.from((x as Tensor).toTypedArray() as Float64Array, Number)
const int64 = (data: number[] | number): Tensor => tensor(data, { dtype: 'int64' })
const inf = Number.POSITIVE_INFINITY

describe('cross-entropy', () => {
  interface Problem {
    x: number[][]
    target: number[]
    weight: number[] | null
    ignoreIndex: number
    labelSmoothing: number
    reduction: 'none' | 'mean' | 'sum'
  }

  /** By the formulas of the documentation, sample by sample. */
  function naive({ x, target, weight, ignoreIndex, labelSmoothing, reduction }: Problem): number[] {
    let total = 0
    const losses = x.map((row, n) => {
      const t = target[n]
      if (t === ignoreIndex) return 0
      const log = Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0))
      const cost = (c: number) => (weight?.[c] ?? 1) * (log - row[c])
      total += weight?.[t] ?? 1
      return (1 - labelSmoothing) * cost(t) + (labelSmoothing / row.length) * row.reduce((sum, _, c) => sum + cost(c), 0)
    })
    if (reduction === 'none') return losses
    const sum = losses.reduce((a, b) => a + b, 0)
    return [reduction === 'sum' ? sum : sum / total]
  }

  const problem = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 2, max: 6 })).chain(([n, c]) => {
    const number = fc.double({ min: -5, max: 5, noNaN: true })
    return fc.record<Problem>({
      x: fc.array(fc.array(number, { minLength: c, maxLength: c }), { minLength: n, maxLength: n }),
      target: fc.array(fc.integer({ min: 0, max: c - 1 }), { minLength: n, maxLength: n }),
      weight: fc.option(fc.array(fc.double({ min: 0.1, max: 3, noNaN: true }), { minLength: c, maxLength: c })),
      ignoreIndex: fc.constantFrom(-100, 0, 1),
      labelSmoothing: fc.constantFrom(0, 0.1, 1),
      reduction: fc.constantFrom('none', 'mean', 'sum'),
    })
  })

  test('is what its definition says', () => {
    fc.assert(
      fc.property(problem, (p) => {
        const weight = p.weight && tensor(p.weight, { dtype: 'float64' })
        const { ignoreIndex, labelSmoothing, reduction } = p
        const loss = F.crossEntropy(tensor(p.x, { dtype: 'float64' }), int64(p.target), { weight, ignoreIndex, labelSmoothing, reduction })
        expect(loss.shape).toEqual(reduction === 'none' ? [p.target.length] : [])
        const want = naive(p)
        list(loss).forEach((v, i) => {
          if (Number.isNaN(want[i])) expect(v).toBeNaN()
          else expect(v).toBeCloseTo(want[i], 10)
        })
      }),
    )
  })

  test('over images it is that over their pixels', () => {
    const x = randn([2, 3, 2, 2], { dtype: 'float64', requiresGrad: true })
    const target = int64([0, 2, 1, 1, 2, 2, 0, 1]).reshape(2, 2, 2)
    const options = { weight: tensor([1, 2, 0.5], { dtype: 'float64' }), ignoreIndex: 1, labelSmoothing: 0.2 }
    const whole = F.crossEntropy(x, target, options)
    const rows = F.crossEntropy(x.permute(0, 2, 3, 1).reshape(8, 3), target.reshape(8), options)
    expect(whole.item()).toBeCloseTo(rows.item(), 12)
    expect(F.crossEntropy(x, target, { reduction: 'none' }).shape).toEqual([2, 2, 2])
  })

  test('class probabilities of one make it the same as class indices', () => {
    const x = randn([3, 4], { dtype: 'float64' })
    const oneHot = tensor(
      [
        [0, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 1],
      ],
      { dtype: 'float64' },
    )
    for (const options of [{}, { labelSmoothing: 0.3 }, { reduction: 'none' as const }]) {
      const soft = list(F.crossEntropy(x, oneHot, options))
      list(F.crossEntropy(x, int64([2, 0, 3]), options)).forEach((v, i) => {
        expect(v).toBeCloseTo(soft[i], 12)
      })
    }
  })

  test('what is ignored counts for nothing, infinite scores included', () => {
    const x = tensor(
      [
        [-inf, 1, 2],
        [0, 1, 2],
      ],
      { requiresGrad: true },
    )
    const loss = F.crossEntropy(x, int64([-100, 1]))
    loss.backward()
    expect(loss.item()).toBeCloseTo(1.4076058864593506, 6)
    expect(list(x.grad).slice(0, 3)).toEqual([0, 0, 0])
    expect(list(x.grad)[4]).toBeCloseTo(-0.7552714943885803, 6)
  })

  test('a mean over nothing is NaN, its gradient zero', () => {
    for (const labelSmoothing of [0, 0.1]) {
      const x = zeros([2, 3], { requiresGrad: true })
      const loss = F.crossEntropy(x, int64([-100, -100]), { labelSmoothing })
      loss.backward()
      expect(loss.item()).toBeNaN()
      expect(list(x.grad)).toEqual([0, 0, 0, 0, 0, 0])
    }
    expect(F.crossEntropy(zeros([0, 4]), zeros([0], { dtype: 'int64' })).item()).toBeNaN()
    expect(F.crossEntropy(zeros([0, 4]), zeros([0], { dtype: 'int64' }), { reduction: 'sum' }).item()).toBe(0)
  })

  test('one sample, and uint8 targets', () => {
    const x = tensor([1, 2, 3])
    expect(F.crossEntropy(x, int64(2)).item()).toBeCloseTo(0.40760594606399536, 6)
    expect(F.crossEntropy(x, int64([2]))).toMatchObject({ shape: [] })
    expect(F.crossEntropy(x.unsqueeze(0), tensor([2], { dtype: 'uint8' })).item()).toBeCloseTo(0.40760594606399536, 6)
    expect(F.nllLoss(tensor([-1, -2, -3]), int64(1)).item()).toBe(2)
  })

  const x = ones([3, 4])
  const labels = int64([0, 1, 2])
  const multiple = '0D or 1D target tensor expected, multi-target not supported'
  const errors: [run: () => Tensor, name: string, message: string][] = [
    [() => F.crossEntropy(x, int64([0, 1, 4])), 'IndexError', 'Target 4 is out of bounds.'],
    [() => F.crossEntropy(x, int64([0, 1, -1])), 'IndexError', 'Target -1 is out of bounds.'],
    [() => F.crossEntropy(x, int64([0, 1, 2 ** 32 + 1])), 'IndexError', 'Target 4294967297 is out of bounds.'],
    [() => F.crossEntropy(x, int64([0, 1, -(2 ** 32)])), 'IndexError', 'Target -4294967296 is out of bounds.'],
    [() => F.crossEntropy(x, int64([0, 1])), 'ValueError', 'Expected input batch_size (3) to match target batch_size (2).'],
    [() => F.crossEntropy(x, int64(1)), 'ValueError', 'Expected input batch_size (3) to match target batch_size (0).'],
    [() => F.nllLoss(tensor(1), int64(0)), 'ValueError', 'Expected 1 or more dimensions (got 0)'],
    [() => F.crossEntropy(x, labels.to('int32')), 'RuntimeError', 'expected scalar type Long but found Int'],
    [() => F.crossEntropy(x, zeros([3])), 'RuntimeError', 'expected scalar type Long but found Float'],
    [() => F.crossEntropy(x, labels.unsqueeze(1)), 'RuntimeError', multiple],
    [() => F.crossEntropy(x, ones([3, 5])), 'RuntimeError', multiple],
    [() => F.crossEntropy(ones([4]), int64([1, 2])), 'RuntimeError', 'size mismatch (got input: [4], target: [2])'],
    [() => F.crossEntropy(ones([3, 4, 2]), zeros([3, 3], { dtype: 'int64' })), 'RuntimeError', 'Expected target size [3, 2], got [3, 3]'],
    [
      () => F.crossEntropy(ones([3, 4, 2, 2]), zeros([3, 3, 2], { dtype: 'int64' })),
      'RuntimeError',
      'size mismatch (got input: [3, 4, 2, 2] , target: [3, 3, 2]',
    ],
    [
      () => F.crossEntropy(ones([3, 4, 2, 2]), zeros([3, 2], { dtype: 'int64' })),
      'RuntimeError',
      'only batches of spatial targets supported (3D tensors) but got targets of dimension: 2',
    ],
    [
      () => F.crossEntropy(x, labels, { weight: ones([3]) }),
      'RuntimeError',
      'weight tensor should be defined either for all 4 classes or no classes but got weight tensor of shape: [3]',
    ],
    [
      () => F.nllLoss(ones([1, 4, 2, 2]), zeros([1, 2, 2], { dtype: 'int64' }), { weight: ones([5]) }),
      'RuntimeError',
      'weight tensor should be defined either for all or no classes',
    ],
    [() => F.crossEntropy(x, labels, { weight: ones([4], { dtype: 'float64' }) }), 'RuntimeError', 'expected scalar type Float but found Double'],
    [
      () => F.crossEntropy(x, labels, { weight: ones([4], { requiresGrad: true }) }),
      'RuntimeError',
      "The function 'nll_loss_forward' is not differentiable with respect to argument 'weight'. This input cannot have requires_grad True.",
    ],
    [() => F.crossEntropy(x, x.to('int64')), 'RuntimeError', 'Expected floating point type for target with class probabilities, got Long'],
    [() => F.crossEntropy(x, x, { ignoreIndex: 2 }), 'RuntimeError', 'ignore_index is not supported for floating point target'],
    [
      () => F.crossEntropy(x, x, { weight: ones([3]) }),
      'RuntimeError',
      'cross_entropy: weight tensor should be defined either for all 4 classes or no classes but got weight tensor of shape: [3]',
    ],
    [() => F.crossEntropy(x, labels, { labelSmoothing: 1.5 }), 'RuntimeError', 'label_smoothing must be between 0.0 and 1.0. Got: 1.5'],
    [() => F.nllLoss(x.to('int64'), labels), 'RuntimeError', '"nll_loss_out_frame" not implemented for \'Long\''],
    [() => F.crossEntropy(x, labels, { reduction: 'average' as 'mean' }), 'ValueError', 'average is not a valid value for reduction'],
    [() => F.crossEntropy(x, labels, { smoothing: 0.1 } as object), 'TypeError', "crossEntropy: got an unexpected option 'smoothing'."],
  ]
  test.for(errors)('refuses: $2', ([run, name, message]) => {
    expect(run).toThrow(expect.objectContaining({ name, message: expect.stringContaining(message) }))
  })
})

describe('differences', () => {
  const x = tensor([0.25, -0.5, 2, -3], { dtype: 'float64', requiresGrad: true })
  const target = zeros([4], { dtype: 'float64' })
  const both = (run: (x: Tensor) => Tensor): [number[], number[]] => {
    x.grad = null
    const y = run(x)
    y.sum().backward()
    return [list(y), list(x.grad)]
  }
  const none = { reduction: 'none' } as const

  test('huber and smooth L1 change at their bound', () => {
    expect(both((x) => F.huberLoss(x, target, { ...none, delta: 0.5 }))).toEqual([
      [0.03125, 0.125, 0.875, 1.375],
      [0.25, -0.5, 0.5, -0.5],
    ])
    expect(both((x) => F.smoothL1Loss(x, target, { ...none, beta: 0.5 }))).toEqual([
      [0.0625, 0.25, 1.75, 2.75],
      [0.5, -1, 1, -1],
    ])
    expect(both((x) => F.smoothL1Loss(x, target, { ...none, beta: 0 }))).toEqual([
      [0.25, 0.5, 2, 3],
      [1, -1, 1, -1],
    ])
  })

  test('weights: a mean of squares and distances divides by their sum, one of Huber losses by the count', () => {
    const weight = tensor([1, 2, 3, 4], { dtype: 'float64' })
    expect(F.mseLoss(x, target, { weight }).item()).toBeCloseTo((0.0625 + 0.5 + 12 + 36) / 10, 12)
    expect(F.l1Loss(x, target, { weight }).item()).toBeCloseTo((0.25 + 1 + 6 + 12) / 10, 12)
    expect(F.huberLoss(x, target, { weight }).item()).toBeCloseTo((0.03125 + 0.25 + 4.5 + 10) / 4, 12)
    expect(() => F.mseLoss(x, target, { weight: ones([3]) })).toThrow('Weights and input must have the same size.')
  })

  test('sizes that differ broadcast, with one warning', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    expect(F.huberLoss(ones([2, 3]), zeros([3]), none).shape).toEqual([2, 3])
    F.huberLoss(ones([2, 3]), zeros([3]))
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('using a target size (torch.Size([3])) that is different to the input size (torch.Size([2, 3]))'))
    warn.mockRestore()
  })

  test('errors', () => {
    expect(() => F.mseLoss(ones([3, 4]), ones([3, 5]))).toThrow('The size of tensor a (4) must match the size of tensor b (5) at non-singleton dimension 1')
    expect(() => F.mseLoss(int64([1]), int64([1]))).toThrow('"mse_cpu" not implemented for \'Long\'')
    expect(() => F.smoothL1Loss(x, target, { beta: -1 })).toThrow('smooth_l1_loss does not support negative values for beta.')
    expect(() => F.huberLoss(x, target, { delta: 0 })).toThrow('huber_loss does not support non-positive values for delta.')
    expect(() => F.mseLoss(x, target, { reduction: 'max' as 'mean' })).toThrow('max is not a valid value for reduction')
  })
})

describe('probabilities', () => {
  test('logarithms of BCE end at -100, and slopes where they do', () => {
    const x = tensor([0, 1, 0.5], { requiresGrad: true })
    const loss = F.binaryCrossEntropy(x, tensor([1, 0, 1]), { reduction: 'none' })
    loss.sum().backward()
    expect(list(loss)).toEqual([100, 100, Math.fround(Math.LN2)])
    expect(list(x.grad)[0]).toBeCloseTo(-1e12, -7)
    expect(list(x.grad)[1]).toBeCloseTo(1e12, -7)
    expect(list(x.grad)[2]).toBe(-2)
  })

  test('BCE with logits does not overflow', () => {
    const loss = F.binaryCrossEntropyWithLogits(tensor([1000, -1000, 1000]), tensor([1, 0, 0]), { reduction: 'none' })
    expect(list(loss)).toEqual([0, 0, 1000])
    expect(list(F.softMarginLoss(tensor([1000, -1000]), tensor([1, 1]), { reduction: 'none' }))).toEqual([0, 1000])
  })

  test('a probability of 0 adds nothing to the divergence', () => {
    const x = tensor([[-1, -2]], { dtype: 'float64' })
    expect(F.klDiv(x, tensor([[0, 1]], { dtype: 'float64' }), { reduction: 'sum' }).item()).toBe(2)
    const target = tensor(
      [
        [0.25, 0.75],
        [0.5, 0.5],
      ],
      { dtype: 'float64' },
    )
    const rows = tensor(
      [
        [-1, -2],
        [-0.5, -3],
      ],
      { dtype: 'float64' },
    )
    const sum = F.klDiv(rows, target, { reduction: 'sum' }).item()
    expect(F.klDiv(rows, target, { reduction: 'batchmean' }).item()).toBeCloseTo(sum / 2, 14)
    expect(F.klDiv(rows, target).item()).toBeCloseTo(sum / 4, 14)
    expect(F.klDiv(rows, target.log(), { logTarget: true, reduction: 'sum' }).item()).toBeCloseTo(sum, 14)
  })

  test('errors', () => {
    const half = tensor([0.5])
    const bce = F.binaryCrossEntropy
    expect(() => bce(tensor([1.5]), half)).toThrow('all elements of input should be between 0 and 1')
    expect(() => bce(tensor([Number.NaN]), half)).toThrow('all elements of input should be between 0 and 1')
    expect(() => bce(half, tensor([-0.1]))).toThrow('all elements of target should be between 0 and 1')
    expect(() => bce(half, half.to('float64'))).toThrow('Found dtype Double but expected Float')
    expect(() => bce(half, half, { weight: ones([1], { requiresGrad: true }) })).toThrow(
      "The function 'binary_cross_entropy' is not differentiable with respect to argument 'weight'.",
    )
    expect(() => bce(half, ones([2]))).toThrow(
      'Using a target size (torch.Size([2])) that is different to the input size (torch.Size([1])) is deprecated. Please ensure they have the same size.',
    )
    expect(() => F.binaryCrossEntropyWithLogits(half, ones([2]))).toThrow('Target size (torch.Size([2])) must be the same as input size (torch.Size([1]))')
    expect(() => F.klDiv(half, half, { reduction: 'batch' as 'batchmean' })).toThrow('batch is not a valid value for reduction')
    expect(bce(zeros([0]), zeros([0])).item()).toBeNaN()
  })
})

describe('distances', () => {
  test('normalize leaves a row of zeros, whose gradient is divided by eps', () => {
    const x = tensor(
      [
        [3, 4],
        [0, 0],
      ],
      { dtype: 'float64', requiresGrad: true },
    )
    const y = F.normalize(x)
    y.sum().backward()
    expect(list(y)).toEqual([0.6000000000000001, 0.8, 0, 0].map((v) => expect.closeTo(v, 14)))
    expect(list(x.grad).slice(2)).toEqual([1e12, 1e12])
  })

  test('cosine similarity of long vectors, whose product would overflow', () => {
    expect(F.cosineSimilarity(tensor([[1e19, 0]]), tensor([[1e19, 1e18]])).item()).toBeCloseTo(10 / Math.sqrt(101), 6)
    expect(() => F.cosineSimilarity(int64([1]), int64([1]), { dim: 0 })).toThrow('expected common dtype to be floating point, yet common dtype is Long')
  })

  test('cosine similarity of vectors below the least length: the gradient as PyTorch gives it, for a length that still changes', () => {
    const [a, b] = [
      [3, 4],
      [0.3, -0.1],
    ].map((v) => tensor(v, { dtype: 'float64' }).requiresGrad_())
    const y = F.cosineSimilarity(a, b, { dim: 0, eps: 2 })
    expect(y.item()).toBeCloseTo(0.05, 14)
    y.backward()
    const gradients = [a, b].flatMap((x) => list(x.grad as Tensor))
    for (const [i, expected] of [0.024, -0.018, 0.27628291754873713, 0.407905694150421].entries()) expect(gradients[i]).toBeCloseTo(expected, 14)
  })

  test('margins', () => {
    const [a, b] = [tensor([1, 5]), tensor([2, 1])]
    expect(list(F.marginRankingLoss(a, b, tensor([1, 1]), { margin: 0.5, reduction: 'none' }))).toEqual([1.5, 0])
    const near = F.tripletMarginLoss(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[0, 1]]), { eps: 0 })
    expect(near.item()).toBe(5)
    // The positive lies closer to the negative than the anchor does only without the swap.
    expect(F.tripletMarginLoss(tensor([[0, 0]]), tensor([[3, 4]]), tensor([[3, 5]]), { eps: 0, swap: true }).item()).toBe(5)
    expect(list(F.cosineEmbeddingLoss(tensor([[1, 0]]), tensor([[0, 2]]), tensor([1]), { reduction: 'none' }))).toEqual([1])
  })

  test('errors', () => {
    const v = ones([4])
    expect(() => F.cosineEmbeddingLoss(v, v, ones([3, 4]))).toThrow('0D or 1D target tensor expected, multi-target not supported')
    expect(() => F.cosineEmbeddingLoss(v, v, ones([3]))).toThrow('1D target tensor expects 2D input tensors, but found inputs with sizes [4] and [4].')
    expect(() => F.marginRankingLoss(v, v, ones([3, 1]))).toThrow(
      'margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: torch.Size([4]), input2: torch.Size([4]), target: torch.Size([3, 1]) ',
    )
    expect(() => F.tripletMarginLoss(v, ones([4, 4]), v)).toThrow(
      'The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor 1D, positive 2D, and negative 1D inputs',
    )
    expect(() => F.tripletMarginLoss(v, v, v, { margin: 0 })).toThrow('margin must be greater than 0, got 0')
  })
})
