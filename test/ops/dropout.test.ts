import { describe, expect, test } from 'vitest'
import { F, manualSeed, ones, randn, type Tensor, tensor } from '../../src/index.js'

/** Masks are PyTorch 2.6's after manual_seed(5). */

const list = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number)
const seeded = (make: () => Tensor): Tensor => {
  manualSeed(5)
  return make()
}

describe('masks', () => {
  test('of elements', () => {
    expect(list(seeded(() => F.dropout(ones([3, 4]))))).toEqual([0, 2, 2, 2, 2, 0, 0, 0, 0, 2, 2, 2])
  })

  test('follow the memory of a transposed input', () => {
    expect(list(seeded(() => F.dropout(ones([4, 3]).t())))).toEqual([0, 2, 0, 2, 2, 2, 0, 2, 2, 0, 0, 2])
  })

  test('of channels', () => {
    expect(list(seeded(() => F.dropout1d(ones([4, 2]))))).toEqual([0, 0, 2, 2, 2, 2, 2, 2])
    expect(list(seeded(() => F.dropout1d(ones([1, 4, 2]))))).toEqual([0, 0, 2, 2, 2, 2, 2, 2])
    expect(list(seeded(() => F.dropout2d(ones([2, 3, 2]))))).toEqual([0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0])
    expect(list(seeded(() => F.dropout3d(ones([4, 1, 1, 2]))))).toEqual([0, 0, 2, 2, 2, 2, 2, 2])
  })

  test('of alpha dropout', () => {
    const want = [1.315044641494751, -1.2678132057189941, 3.036949872970581, 0.8845683336257935]
    list(seeded(() => F.alphaDropout(tensor([1, -2, 3, 0.5]), { p: 0.3, training: true }))).forEach((v, i) => {
      expect(v).toBeCloseTo(want[i], 6)
    })
    const channels = seeded(() => F.featureAlphaDropout(ones([5, 4, 3]), { training: true }))
    expect(channels.amax(2).equal(channels.amin(2))).toBe(true)
  })
})

describe('alpha dropout', () => {
  test('keeps mean and variance', () => {
    const y = seeded(() => F.alphaDropout(randn([40_000]), { p: 0.3, training: true }))
    expect(y.mean().item()).toBeCloseTo(0, 1)
    expect(y.std().item()).toBeCloseTo(1, 1)
  })
  test('does nothing unless training', () => {
    const x = ones([3])
    expect(F.alphaDropout(x)).toBe(x)
  })
})

test('nothing to do: the input itself, and no number drawn', () => {
  const x = ones([5])
  const after = seeded(() => {
    expect(F.dropout(x, { training: false })).toBe(x)
    expect(F.dropout(x, { p: 0 })).toBe(x)
    expect(list(F.dropout(x, { p: 1 }))).toEqual([0, 0, 0, 0, 0])
    expect(F.dropout(ones([0])).shape).toEqual([0])
    return F.dropout(ones([3, 4]))
  })
  expect(list(after)).toEqual(list(seeded(() => F.dropout(ones([3, 4])))))
})

test('in place', () => {
  const x = ones([3, 4])
  expect(seeded(() => F.dropout(x, { inplace: true }))).toBe(x)
  expect(list(x)).toEqual(list(seeded(() => F.dropout(ones([3, 4])))))
  const one = ones([4, 2])
  expect(seeded(() => F.dropout1d(one, { inplace: true }))).toBe(one)
  expect(list(one)).toEqual([0, 0, 2, 2, 2, 2, 2, 2])
  const y = tensor([1, -2, 3, 0.5])
  seeded(() => F.alphaDropout(y, { p: 0.3, training: true, inplace: true }))
  expect(list(y)).toEqual(list(seeded(() => F.alphaDropout(tensor([1, -2, 3, 0.5]), { p: 0.3, training: true }))))
})

test('the gradient has the same mask', () => {
  const x = ones([3, 4], { requiresGrad: true })
  const y = seeded(() => F.dropout(x, { p: 0.25 }))
  y.sum().backward()
  expect(list(x.grad as Tensor)).toEqual(list(y))
})

test('arguments are checked', () => {
  expect(() => F.dropout(ones([2]), { p: 1.5 })).toThrow('dropout probability has to be between 0 and 1, but got 1.5')
  expect(() => F.dropout(ones([2]), { p: Number.NaN })).toThrow('dropout probability has to be between 0 and 1, but got NaN')
  expect(() => F.dropout1d(ones([2]))).toThrow('dropout1d: Expected 2D or 3D input, but received a 1D input.')
  expect(() => F.dropout2d(ones([2]))).toThrow('Feature dropout requires at least 2 dimensions in the input')
  expect(() => F.dropout(ones([2]), { rate: 0.5 } as object)).toThrow("dropout: got an unexpected option 'rate'.")
})
