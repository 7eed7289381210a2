import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../src/core/tensor.js'
import { maximum, minimum, tensor } from '../../src/ops/index.js'

/** Gradients where the derivative does not exist, as PyTorch 2.6 gives them: gradcheck can't see these. */
const { NaN: nan, POSITIVE_INFINITY: inf } = Number
const leaf = (data: number[]): Tensor => tensor(data, { requiresGrad: true })

function gradients(fn: (...inputs: Tensor[]) => Tensor, ...inputs: number[][]): number[][] {
  const leaves = inputs.map(leaf)
  fn(...leaves)
    .sum()
    .backward()
  return leaves.map((t) => t.grad?.toArray() as number[])
}

describe('norm', () => {
  test.for([0.5, 1, 1.5, 2, 3, inf, -inf, -1])('p = %d of zeros has a zero gradient', (p) => {
    expect(gradients((x) => x.norm(p), [0, 0])).toEqual([[0, 0]])
  })
  test('and of some zeros', () => {
    const [half] = gradients((x) => x.norm(0.5), [0, 0, 1, -2])
    expect(half.map((v) => Number(v.toFixed(4)))).toEqual([0, 0, 2.4142, -1.7071])
    expect(gradients((x) => x.norm(1), [0, 0, 1, -2])).toEqual([[0, 0, 1, -1]])
    expect(gradients((x) => x.norm(inf), [2, 0, 1, -2])).toEqual([[0.5, 0, 0, -0.5]])
  })
})

test('the deviation of equal numbers has a zero gradient', () => {
  expect(gradients((x) => x.std(), [3, 3, 3])).toEqual([[0, 0, 0]])
})

test('abs and sign are flat at 0', () => {
  expect(gradients((x) => x.abs(), [0, -2, 3])).toEqual([[0, -1, 1]])
})

test('maximum and minimum share ties; beside a NaN both get all', () => {
  expect(gradients(maximum, [1, nan, 2, 3], [1, 1, nan, 2])).toEqual([
    [0.5, 1, 1, 1],
    [0.5, 1, 1, 0],
  ])
  expect(gradients(minimum, [1, nan, 2, 3], [1, 1, nan, 2])).toEqual([
    [0.5, 1, 1, 0],
    [0.5, 1, 1, 1],
  ])
})

test('amax and max over all share among ties, max along a dimension gives all to the first', () => {
  expect(gradients((x) => x.amax(0), [2, 1, 2])).toEqual([[0.5, 0, 0.5]])
  expect(gradients((x) => x.max(), [2, 1, 2])).toEqual([[0.5, 0, 0.5]])
  expect(gradients((x) => x.max(0).values, [2, 1, 2])).toEqual([[1, 0, 0]])
})

test('clamp lets the gradient through at the bounds, and gives a crossed bound to the upper one', () => {
  expect(gradients((x) => x.clamp(0, 2), [0, 1, 2, 3])).toEqual([[1, 1, 1, 0]])
  expect(gradients((x, low, high) => x.clamp(low, high), [0, 1, 2], [0, 0, 3], [1, 1, 1])).toEqual([
    [1, 1, 0],
    [0, 0, 0],
    [0, 0, 1],
  ])
})

test('prod of zeros: the others count', () => {
  expect(gradients((x) => x.prod(), [0, 2, 3])).toEqual([[6, 0, 0]])
  expect(gradients((x) => x.prod(), [0, 2, 0])).toEqual([[0, 0, 0]])
})

test('pow at 0', () => {
  expect(gradients((x) => x.pow(0), [0, 2])).toEqual([[0, 0]])
  expect(gradients((x) => x.pow(1), [0, 2])).toEqual([[1, 1]])
  expect(gradients((x, y) => x.pow(y), [0, 0], [0, 2])).toEqual([
    [0, 0],
    [0, 0],
  ])
})
