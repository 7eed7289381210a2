import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bernoulli,
  empty,
  Generator,
  manualSeed,
  multinomial,
  normal,
  rand,
  randint,
  randintLike,
  randLike,
  randn,
  randnLike,
  randperm,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js'

/** The numbers themselves are golden data (test/golden/random.json); here: order in memory, options, errors. Constants are PyTorch 2.6's. */

const list = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number)
const seeded = (make: () => Tensor, seed = 0): Tensor => {
  manualSeed(seed)
  return make()
}
const near = (got: Tensor, want: readonly number[], digits = 6): void => {
  expect(got.numel()).toBe(want.length)
  list(got).forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], digits)
  })
}

describe('memory order', () => {
  test('a channels-last tensor is filled in the order of its memory', () => {
    const x = seeded(() => empty([2, 2, 2, 3]).permute(0, 3, 1, 2).uniform_(), 5)
    expect(list(x).slice(0, 4)).toEqual([0.8302518725395203, 0.8199270367622375, 0.16439151763916016, 0.9941847324371338])
  })

  test('a fill of any permutation of axes is that permutation of a fill', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
        (order, shape) => {
          const view = seeded(() => empty(shape).permute(order).uniform_())
          expect(view.equal(seeded(() => rand(shape)).permute(order))).toBe(true)
        },
      ),
    )
  })

  test('a view with gaps leaves what lies between', () => {
    const x = zeros([4, 6])
    seeded(() => x.slice(1, 0, 6, 2).uniform_(1, 2))
    expect(x.slice(1, 1, 6, 2).ne(0).any().item()).toBe(0)
    expect(list(x.slice(1, 0, 6, 2))).toEqual(list(seeded(() => empty([4, 3]).uniform_(1, 2))))
  })

  test('normals of a tensor that is not contiguous come one by one, whatever their number', () => {
    const x = seeded(() => empty([5, 7]).t().normal_())
    const generator = new Generator().manualSeed(0)
    expect(list(x.t())).toEqual(Array.from({ length: 35 }, () => Math.fround(generator.normal())))
    expect(list(seeded(() => randn([5, 7])))).not.toEqual(list(x.t()))
  })

  test('probabilities follow the order of what they are for', () => {
    const p = tensor([
      [0.1, 0.9, 0.5],
      [0.3, 0.7, 0.2],
    ])
    const x = seeded(() => bernoulli(p.t()), 5)
    expect(x.strides).toEqual([1, 3])
    expect(list(x)).toEqual(list(seeded(() => bernoulli(p), 5).t()))
    const sure = empty([3, 2]).bernoulli_(tensor([[0], [1], [0]]))
    expect(list(sure)).toEqual([0, 0, 1, 1, 0, 0])
    expect(
      list(
        empty([2, 3])
          .t()
          .bernoulli_(tensor([0, 1])),
      ),
    ).toEqual([0, 1, 0, 1, 0, 1])
  })

  test('randLike keeps the layout of its model', () => {
    const x = seeded(() => randLike(zeros([3, 4]).t()))
    expect(x.strides).toEqual([1, 4])
    expect(list(x.t())).toEqual(list(seeded(() => rand([3, 4]))))
    expect(randnLike(zeros([2, 6]).slice(1, 0, 6, 2)).strides).toEqual([3, 1])
    expect(randLike(zeros([1, 3]).expand(2, 3)).isContiguous()).toBe(true)
  })

  test('an expanded tensor is refused', () => {
    expect(() => empty([1]).expand(3).uniform_()).toThrow(
      'unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.',
    )
  })
})

describe('options', () => {
  test('a generator of its own leaves the default one alone', () => {
    const own = () => new Generator().manualSeed(9)
    const after = seeded(() => {
      randn([5], { generator: own() })
      randperm(4, { generator: own() })
      multinomial(tensor([1, 2]), 1, { generator: own() })
      bernoulli(tensor([0.5]), { generator: own() })
      zeros([3]).uniform_(0, 1, { generator: own() })
      return rand([2])
    })
    expect(list(after)).toEqual(list(seeded(() => rand([2]))))
    expect(list(randn([5], { generator: own() }))).toEqual(list(randn([5], { generator: own() })))
  })

  test('dtype and requiresGrad', () => {
    expect(rand([2], { dtype: 'float64', requiresGrad: true })).toMatchObject({ dtype: 'float64', requiresGrad: true, isLeaf: true })
    near(
      seeded(() => rand([2], { dtype: 'float64' }), 5),
      [0.6420150066280941, 0.2597579151763153],
      15,
    )
    expect(randint(3, [2]).dtype).toBe('int64')
    expect(randperm(3, { dtype: 'int32' }).dtype).toBe('int32')
    expect(randLike(zeros([2], { dtype: 'float64' })).dtype).toBe('float64')
    expect(randintLike(zeros([2]), 5).dtype).toBe('float32')
    expect(() => randint(3, [2], { requiresGrad: true })).toThrow('only Tensors of floating point dtype can require gradients')
  })

  test('an unknown option is refused', () => {
    expect(() => rand([2], { dtpye: 'float64' } as object)).toThrow("rand: got an unexpected option 'dtpye'. Did you mean 'dtype'?")
    expect(() => zeros([2]).normal_(0, 1, { seed: 1 } as object)).toThrow("normal_: got an unexpected option 'seed'.")
  })

  test('randint with one bound and with two', () => {
    expect(list(seeded(() => randint(-3, 4, [5]), 5))).toEqual([-2, 2, -1, 0, 3])
    expect(list(seeded(() => randint(7, [5]), 5))).toEqual([1, 5, 2, 3, 6])
    expect(list(seeded(() => randintLike(zeros([5]), -3, 4), 5))).toEqual([-2, 2, -1, 0, 3])
    expect(list(seeded(() => zeros([5]).random_(7), 5))).toEqual([1, 5, 2, 3, 6])
    expect(list(seeded(() => zeros([5], { dtype: 'int64' }).random_(-3, 4), 5))).toEqual([-2, 2, -1, 0, 3])
    expect(list(seeded(() => zeros([1], { dtype: 'uint8' }).random_(255, null)))).toEqual([255])
  })
})

describe('distributions of tensors', () => {
  test('normal broadcasts means and standard deviations', () => {
    near(
      seeded(() => normal(tensor([[0], [10]]), tensor([1, 2])), 5),
      [-0.4867807626724243, -1.2076431512832642, 9.441904067993164, 11.33504867553711],
      5,
    )
    near(
      seeded(() => normal(1, tensor([1, 2])), 5),
      [0.5132192373275757, -0.20764315128326416],
      5,
    )
    expect(() => normal(0, 1)).toThrow('normal: a mean and a standard deviation that are numbers need a shape')
    expect(() => normal(zeros([2]), tensor([1, -1]))).toThrow('normal expects all elements of std >= 0.0')
    expect(() => normal(zeros([2]), -1)).toThrow('normal expects std >= 0.0, but found std -1')
  })

  test('multinomial draws for each row', () => {
    const drawn = seeded(
      () =>
        multinomial(
          tensor([
            [1, 2, 3],
            [0, 0, 1],
          ]),
          4,
          { replacement: true },
        ),
      5,
    )
    expect(drawn).toMatchObject({ dtype: 'int64', shape: [2, 4] })
    expect(list(drawn)).toEqual([2, 1, 1, 1, 2, 2, 2, 2])
    expect(() => multinomial(zeros([2, 2, 2]), 1)).toThrow('prob_dist must be 1 or 2 dim')
    expect(() => tensor([1, 1]).multinomial(3)).toThrow('cannot sample n_sample > prob_dist.size(-1) samples without replacement')
  })

  test('the rarer ones', () => {
    near(
      seeded(() => empty([3]).logNormal_(), 5),
      [1.0267910957336426, 0.8124969005584717, 0.8903038501739502],
      5,
    )
    expect(() => empty([3]).exponential_(0)).toThrow('exponential_ expects lambda > 0.0, but found lambda=0')
    expect(() => empty([3]).cauchy_(0, 0)).toThrow('cauchy_ expects sigma > 0.0, but found sigma=0')
    expect(() => empty([3]).geometric_(1)).toThrow('geometric_ expects p to be in (0, 1), but got p=1')
  })
})

describe('graph', () => {
  test('a leaf that requires grad is refused', () => {
    expect(() => zeros([2], { requiresGrad: true }).uniform_()).toThrow('a leaf Variable that requires grad is being used in an in-place operation.')
  })

  test('what was overwritten gets no gradient', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    const y = x.mul(3)
    y.uniform_()
    y.add(x).sum().backward()
    expect(list(x.grad as Tensor)).toEqual([1, 1])
  })

  test('an overwritten tensor that backward reads is noticed', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    const factor = tensor([3, 4])
    const y = x.mul(factor)
    factor.normal_()
    expect(() => y.sum().backward()).toThrow('has been modified by an inplace operation')
  })
})

test('shapes are checked', () => {
  expect(() => rand([-2])).toThrow('Trying to create tensor with negative dimension -2: [-2]')
  expect(() => rand([1.5])).toThrow('rand: sizes must be whole numbers, got [1.5]')
  expect(() => randperm(-1)).toThrow('Trying to create tensor with negative dimension -1: [-1]')
  expect(() => randn([2], { dtype: 'int64' })).toThrow('"normal_kernel_cpu" not implemented for \'Long\'')
  expect(rand([0, 3]).shape).toEqual([0, 3])
})
