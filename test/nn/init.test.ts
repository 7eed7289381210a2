import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { empty, eye, Generator, manualSeed, nn, type Tensor, tensor } from '../../src/index.js'

const { init } = nn
const list = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number)
const seeded = (make: () => Tensor): Tensor => {
  manualSeed(5)
  return make()
}
const near = (got: Tensor, want: readonly number[]): void => {
  expect(got.numel()).toBe(want.length)
  list(got).forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], 6)
  })
}

describe('gains and fans', () => {
  test('gains', () => {
    expect(init.calculateGain('linear')).toBe(1)
    expect(init.calculateGain('conv_transpose2d')).toBe(1)
    expect(init.calculateGain('sigmoid')).toBe(1)
    expect(init.calculateGain('tanh')).toBe(5 / 3)
    expect(init.calculateGain('relu')).toBe(Math.SQRT2)
    expect(init.calculateGain('leaky_relu')).toBe(Math.sqrt(2 / 1.0001))
    expect(init.calculateGain('leaky_relu', 0.5)).toBe(Math.sqrt(2 / 1.25))
    expect(init.calculateGain('selu')).toBe(0.75)
    expect(() => init.calculateGain('swish' as 'relu')).toThrow('Unsupported nonlinearity swish')
  })

  test('fans count the kernel', () => {
    expect(init.calculateFanInAndFanOut(empty([4, 3, 2, 5]))).toEqual({ fanIn: 30, fanOut: 40 })
    expect(init.calculateFanInAndFanOut(empty([4, 3]))).toEqual({ fanIn: 3, fanOut: 4 })
    expect(() => init.xavierUniform_(empty([3]))).toThrow('Fan in and fan out can not be computed for tensor with fewer than 2 dimensions')
  })
})

describe('orthogonal', () => {
  test('values', () => {
    near(
      seeded(() => init.orthogonal_(empty([2, 2, 2]), { gain: 2 })),
      [
        -0.835247278213501, -1.036072850227356, -0.957614541053772, 1.1453776359558105, -0.40019911527633667, 1.3072943687438965, -1.427911639213562,
        -0.30313315987586975,
      ],
    )
    near(
      seeded(() => init.orthogonal_(empty([3, 2]))),
      [-0.6351357698440552, -0.4803135097026825, -0.7281858921051025, 0.11118513345718384, -0.25758084654808044, 0.8700212836265564],
    )
  })

  test('the shorter side is orthonormal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 1000 }), (rows, columns, seed) => {
        const generator = new Generator().manualSeed(seed)
        const q = init.orthogonal_(empty([rows, columns], { dtype: 'float64' }), { generator })
        const product = rows < columns ? q.matmul(q.t()) : q.t().matmul(q)
        expect(
          product
            .sub(eye(Math.min(rows, columns), { dtype: 'float64' }))
            .abs()
            .max()
            .item(),
        ).toBeLessThan(1e-12)
      }),
    )
  })

  test('needs a matrix', () => {
    expect(() => init.orthogonal_(empty([3]))).toThrow('Only tensors with 2 or more dimensions are supported')
    expect(init.orthogonal_(empty([0, 3])).shape).toEqual([0, 3])
  })
})

describe('constants', () => {
  test('fill, eye, dirac', () => {
    expect(list(init.constant_(empty([2]), 0.5))).toEqual([0.5, 0.5])
    expect(list(init.ones_(empty([2])))).toEqual([1, 1])
    expect(list(init.zeros_(empty([2])))).toEqual([0, 0])
    expect(list(init.eye_(empty([2, 3])))).toEqual([1, 0, 0, 0, 1, 0])
    expect(init.dirac_(empty([4, 2, 3]), { groups: 2 }).toArray()).toEqual([
      [
        [0, 1, 0],
        [0, 0, 0],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
      ],
      [
        [0, 1, 0],
        [0, 0, 0],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
      ],
    ])
    expect(list(init.dirac_(empty([2, 3, 2, 1])))).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    expect(
      init
        .dirac_(empty([3, 1, 3, 3, 3]))
        .sum()
        .item(),
    ).toBe(1)
  })

  test('errors', () => {
    expect(() => init.eye_(empty([3]))).toThrow('Only tensors with 2 dimensions are supported')
    expect(() => init.dirac_(empty([3, 3]))).toThrow('Only tensors with 3, 4, or 5 dimensions are supported')
    expect(() => init.dirac_(empty([3, 3, 3]), { groups: 2 })).toThrow('dim 0 must be divisible by groups')
  })
})

describe('random', () => {
  test('sparse sets a share of each column to zero', () => {
    near(
      seeded(() => init.sparse_(empty([4, 2]), 0.3, { std: 2 })),
      [-0.9735615253448486, 0, 0, 0, -0.39483019709587097, 3.8855669498443604, 0, -1.5251142978668213],
    )
    expect(() => init.sparse_(empty([3]), 0.1)).toThrow('Only tensors with 2 dimensions are supported')
  })

  test('kaiming: mode, nothing to fill', () => {
    expect(() => init.kaimingUniform_(empty([3, 3]), { mode: 'fan' as 'fan_in' })).toThrow("Mode fan not supported, please use one of ['fan_in', 'fan_out']")
    expect(init.kaimingNormal_(empty([0, 3])).shape).toEqual([0, 3])
    const wide = seeded(() => init.kaimingUniform_(empty([64, 4]), { nonlinearity: 'relu' }))
    const out = seeded(() => init.kaimingUniform_(empty([64, 4]), { nonlinearity: 'relu', mode: 'fan_out' }))
    expect(wide.abs().max().item() / out.abs().max().item()).toBeCloseTo(4, 5)
  })

  test('truncNormal stays inside its bounds and warns far from them', () => {
    const x = init.truncNormal_(empty([500]), { mean: 0.5, std: 2, a: -1, b: 1 })
    expect(x.min().item()).toBeGreaterThanOrEqual(-1)
    expect(x.max().item()).toBeLessThanOrEqual(1)
    expect(x.max().item()).toBeGreaterThan(0.9)
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    init.truncNormal_(empty([2]), { mean: 9 })
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('mean is more than 2 std from [a, b]'))
    warn.mockRestore()
  })

  test('a generator of its own', () => {
    const own = () => ({ generator: new Generator().manualSeed(3) })
    for (const fill of [init.uniform_, init.normal_, init.xavierUniform_, init.xavierNormal_, init.kaimingUniform_, init.kaimingNormal_, init.truncNormal_]) {
      expect(fill(empty([4, 5]), own()).equal(fill(empty([4, 5]), own()))).toBe(true)
    }
  })
})

test('parameters are filled outside the graph, and the change is counted', () => {
  const w = new nn.Parameter(tensor([[1, 2]]))
  const y = w.mul(w)
  expect(init.xavierUniform_(w)).toBe(w)
  expect(w).toMatchObject({ isLeaf: true, requiresGrad: true })
  expect(() => y.sum().backward()).toThrow('has been modified by an inplace operation')
  const v = new nn.Parameter(tensor([[1, 2]]))
  const z = v.mul(v)
  init.truncNormal_(v)
  expect(() => z.sum().backward()).toThrow('has been modified by an inplace operation')
})

test('an unknown option is refused', () => {
  expect(() => init.xavierUniform_(empty([2, 2]), { gian: 2 } as object)).toThrow("xavierUniform_: got an unexpected option 'gian'. Did you mean 'gain'?")
})
