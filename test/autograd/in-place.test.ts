import { describe, expect, test } from 'vitest'
import { noGrad } from '../../src/autograd/index.js'
import type { Tensor } from '../../src/core/tensor.js'
import { ones, tensor, zeros } from '../../src/ops/index.js'

const leaf = (...data: number[]): Tensor => tensor(data, { requiresGrad: true, dtype: 'float64' })

describe('in-place changes enter the graph', () => {
  test('gradients follow what the change computed, from the old values where they are read', () => {
    const x = leaf(1, 2)
    const w = leaf(3, 4)
    const y = x.mul(1)
    expect(y.mul_(w)).toBe(y)
    y.add_(10)
    y.sum().backward()
    expect([y.toArray(), x.grad?.toArray(), w.grad?.toArray()]).toEqual([
      [13, 18],
      [3, 4],
      [1, 2],
    ])
  })

  test('a buffer that takes in something with a graph gets its history', () => {
    const w = leaf(1, 2)
    const buffer = zeros([2], { dtype: 'float64' })
    buffer.add_(w.mul(3))
    buffer.sum().backward()
    expect(w.grad?.toArray()).toEqual([3, 3])
  })

  test('copy_ and fill_ cut the old history', () => {
    const x = leaf(1)
    const w = leaf(2)
    const y = x.mul(5)
    y.copy_(w)
    y.backward()
    expect([x.grad?.toArray(), w.grad?.toArray()]).toEqual([undefined, [1]])
  })

  test('part of a tensor, by indexPut_', () => {
    const x = leaf(1, 2, 3)
    const y = x.mul(2)
    y.indexPut_(['1:'], 0)
    y.sum().backward()
    expect([y.toArray(), x.grad?.toArray()]).toEqual([
      [2, 0, 0],
      [2, 0, 0],
    ])
  })
})

describe('what is refused', () => {
  test('a saved value that was changed is found, with version numbers', () => {
    const x = leaf(1, 2)
    const y = x.exp()
    y.add_(1)
    expect(() => y.sum().backward()).toThrow(
      'one of the variables needed for gradient computation has been modified by an inplace operation: [torch.DoubleTensor [2]], which is output 0 of AddBackward0, is at version 1; expected version 0 instead.',
    )
  })

  test('also through a view or a detached window, and for a saved input', () => {
    const x = leaf(1, 2)
    const y = x.exp()
    y.detach().view(2, 1).add_(1)
    expect(() => y.sum().backward()).toThrow('has been modified by an inplace operation')
    const buffer = ones([2], { dtype: 'float64' })
    const z = x.mul(buffer)
    buffer.zero_()
    expect(() => z.sum().backward()).toThrow('[torch.DoubleTensor [2]] is at version 1; expected version 0 instead')
  })

  test('a change of what nothing reads is fine', () => {
    const x = leaf(1, 2)
    const y = x.add(1)
    const z = y.add(5)
    y.mul_(2)
    z.sum().backward()
    expect(x.grad?.toArray()).toEqual([1, 1])
  })

  test('a leaf that requires grad, outside noGrad', () => {
    const x = leaf(1)
    expect(() => x.add_(1)).toThrow('a leaf Variable that requires grad is being used in an in-place operation.')
    noGrad(() => x.add_(1))
    expect(x.toArray()).toEqual([2])
  })

  test('a view, where a graph is recorded', () => {
    const y = leaf(1, 2).mul(1)
    expect(() => y.view(2, 1).add_(1)).toThrow('an in-place operation on a view would have to enter the history of its base')
    expect(y.detach().add_(1).toArray()).toEqual([2, 3])
  })

  test('a view made before its base was changed: its gradient would miss the change', () => {
    const x = leaf(1, 2)
    const y = x.mul(1)
    const stale = y.view(2, 1)
    y.mul_(3)
    expect(stale.toArray()).toEqual([[3], [6]])
    expect(() => stale.mul(1)).toThrow('this view was made before its base was changed')
    y.view(2, 1).sum().backward()
    expect(x.grad?.toArray()).toEqual([3, 3])
  })

  test('a copying reshape is no view', () => {
    const x = leaf(1, 2, 3, 4)
    const y = x.mul(1).view(2, 2).t().reshape(4)
    y.mul_(2)
    y.sum().backward()
    expect([y.toArray(), x.grad?.toArray()]).toEqual([
      [2, 6, 4, 8],
      [2, 2, 2, 2],
    ])
  })

  test('memory that overlaps the target', () => {
    const x = ones([3])
    expect(() => x.slice(0, 1).add_(x.slice(0, 0, 2))).toThrow(
      'unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.',
    )
    const m = ones([3, 3])
    expect(() => m.copy_(m.t())).toThrow('some elements of the input tensor')
    expect(() => ones([1]).expand(3).add_(1)).toThrow('more than one element of the written-to tensor refers to a single memory location')
    expect(ones([0, 1]).expand(0, 3).add_(1).shape).toEqual([0, 3])
    expect(m.add_(m).sum().item()).toBe(18)
    expect(
      x
        .slice(0, 0, 2)
        .add_(x.slice(0, 0, 2))
        .toArray(),
    ).toEqual([2, 2])
  })

  test('a result of another size or category', () => {
    expect(() => ones([1]).add_(ones([3]))).toThrow("output with shape [1] doesn't match the broadcast shape [3]")
    expect(() => ones([2], { dtype: 'int64' }).add_(1.5)).toThrow("result type Float can't be cast to the desired output type Long")
    expect(() => ones([2], { dtype: 'int64' }).div_(2)).toThrow("result type Float can't be cast to the desired output type Long")
    expect(() => ones([2], { dtype: 'int64' }).sqrt_()).toThrow("result type Float can't be cast to the desired output type Long")
  })
})
