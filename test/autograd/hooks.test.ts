import { describe, expect, test } from 'vitest'
import { scope } from '../../src/core/storage.js'
import type { Tensor } from '../../src/core/tensor.js'
import { ones, tensor } from '../../src/ops/index.js'

const leaf = (...data: number[]): Tensor => tensor(data, { requiresGrad: true, dtype: 'float64' })

describe('hooks on tensors', () => {
  test('see the complete gradient, once a backward', () => {
    const x = leaf(1, 2)
    const h = x.mul(2)
    const seen: unknown[] = []
    h.registerHook((g) => void seen.push(g.toArray()))
    x.registerHook((g) => void seen.push(g.toArray()))
    h.add(h.mul(3)).sum().backward()
    expect(seen).toEqual([
      [4, 4],
      [8, 8],
    ])
  })

  test('what one returns replaces the gradient, in order of registration', () => {
    const x = leaf(1)
    const h = x.mul(2)
    h.registerHook((g) => g.mul(10))
    h.registerHook((g) => g.add(1))
    h.backward()
    expect(x.grad?.toArray()).toEqual([22])
  })

  test('on a leaf it changes what is accumulated', () => {
    const x = leaf(1)
    x.registerHook((g) => g.neg())
    x.mul(3).backward()
    x.mul(3).backward()
    expect(x.grad?.toArray()).toEqual([-6])
  })

  test('removed hooks are not called', () => {
    const x = leaf(1)
    let calls = 0
    const handle = x.registerHook(() => void calls++)
    x.mul(1).backward()
    handle.remove()
    x.mul(1).backward()
    expect(calls).toBe(1)
  })

  test('gradients given to a hook outlive the backward pass', () => {
    scope(() => {
      const x = leaf(1, 2)
      const held: Tensor[] = []
      const h = x.mul(2)
      h.registerHook((g) => void held.push(g))
      x.registerHook((g) => void held.push(g))
      h.square().sum().backward()
      expect(held.map((g) => g.toArray())).toEqual([
        [4, 8],
        [8, 16],
      ])
    })
  })

  test('a held gradient is not changed by later passes', () => {
    const x = leaf(1)
    let held: Tensor | undefined
    x.registerHook((g) => {
      held ??= g
    })
    x.mul(3).backward()
    x.mul(3).backward()
    expect([held?.toArray(), x.grad?.toArray()]).toEqual([[3], [6]])
  })

  test('a size must not change, and the tensor must require grad', () => {
    const x = leaf(1, 2)
    x.registerHook(() => ones([3], { dtype: 'float64' }))
    expect(() => x.sum().backward()).toThrow('hook has changed the size of value')
    expect(() => ones([1]).registerHook(() => {})).toThrow("cannot register a hook on a tensor that doesn't require gradient")
  })

  test('an exception in a hook ends backward and leaves the scopes as they were', () => {
    const x = leaf(1)
    x.registerHook(() => {
      throw new Error('from the hook')
    })
    expect(() => x.mul(2).backward()).toThrow('from the hook')
    expect(scope(() => x.add(1)).toArray()).toEqual([2])
  })
})

describe('retainGrad', () => {
  test('fills .grad of inner values', () => {
    const x = leaf(3)
    const h = x.square()
    h.retainGrad()
    h.mul(2).backward()
    expect([h.grad?.toArray(), x.grad?.toArray()]).toEqual([[2], [12]])
  })

  test('after hooks, and on leaves without effect', () => {
    const x = leaf(3)
    x.retainGrad()
    const h = x.mul(1)
    h.registerHook((g) => g.mul(5))
    h.retainGrad()
    h.backward()
    expect([h.grad?.toArray(), x.grad?.toArray()]).toEqual([[5], [5]])
    expect(() => ones([1]).retainGrad()).toThrow("can't retain_grad on Tensor that has requires_grad=False")
  })
})
