import { describe, expect, test } from 'vitest'
import { backward, enableGrad, grad, isGradEnabled, noGrad, recordAll, setGradEnabled } from '../../src/autograd/index.js'
import { allocator } from '../../src/core/allocator.js'
import type { Tensor } from '../../src/core/tensor.js'
import { cat, ones, tensor, zeros } from '../../src/ops/index.js'

const leaf = (...data: number[]): Tensor => tensor(data, { requiresGrad: true, dtype: 'float64' })

describe('backward', () => {
  test('accumulates over calls and over uses', () => {
    const x = leaf(1, 2)
    x.mul(x).add(x).sum().backward()
    expect(x.grad?.toArray()).toEqual([3, 5])
    x.mul(10).sum().backward()
    expect(x.grad?.toArray()).toEqual([13, 15])
  })

  test('a graph of many paths is walked once: every node after all its users', () => {
    const x = leaf(1)
    let y = x.mul(1)
    // 2^40 paths.
    for (let i = 0; i < 40; i++) y = y.add(y)
    y.backward()
    expect(x.grad?.toArray()).toEqual([2 ** 40])
  })

  test('a long chain needs no stack', () => {
    const x = leaf(1)
    let y = x
    for (let i = 0; i < 20_000; i++) y = y.add(1)
    y.backward()
    expect(x.grad?.toArray()).toEqual([1])
  })

  test('takes a gradient for more than one element, and asks for one', () => {
    const x = leaf(1, 2)
    expect(() => x.mul(2).backward()).toThrow('grad can be implicitly created only for scalar outputs')
    x.mul(2).backward(tensor([1, 10]))
    expect(x.grad?.toArray()).toEqual([2, 20])
    expect(() => x.mul(2).backward(tensor([1, 2, 3]))).toThrow(
      'Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a shape of torch.Size([2]).',
    )
  })

  test('a second time only with retainGraph', () => {
    const x = leaf(2)
    const y = x.square()
    y.backward(null, { retainGraph: true })
    y.backward()
    expect(x.grad?.toArray()).toEqual([8])
    expect(() => y.backward()).toThrow('Trying to backward through the graph a second time')
  })

  test('into given inputs only', () => {
    const x = leaf(2)
    const w = leaf(3)
    const h = x.mul(w)
    h.square().backward(null, { inputs: [w] })
    expect([x.grad, w.grad?.toArray()]).toEqual([null, [24]])
    expect(() => x.mul(w).backward(null, { inputs: [] })).toThrow('`inputs` argument to `backward()` cannot be empty.')
  })

  test('broadcast axes are summed, dtypes converted', () => {
    const x = tensor([[1], [2]], { requiresGrad: true })
    const w = leaf(1, 2, 3)
    x.mul(w).sum().backward()
    expect([x.grad?.dtype, x.grad?.toArray()]).toEqual(['float32', [[6], [6]]])
    expect([w.grad?.dtype, w.grad?.toArray()]).toEqual(['float64', [3, 3, 3]])
  })

  test('what does not require grad, and misspelt options, are refused', () => {
    expect(() => ones([1]).backward()).toThrow('element 0 of tensors does not require grad and does not have a grad_fn')
    expect(() => leaf(1).backward(null, { retain_graph: true } as object)).toThrow("Did you mean 'retainGraph'?")
  })

  test('a gradient that the user holds is never changed behind his back', () => {
    const x = leaf(1, 2)
    const upstream = ones([2], { dtype: 'float64' })
    x.mul(1).backward(upstream)
    x.add(0).backward(upstream)
    x.add(0).backward(upstream)
    expect(upstream.toArray()).toEqual([1, 1])
    expect(x.grad?.toArray()).toEqual([3, 3])
  })

  test('.grad is accumulated in place: who holds it sees the sum', () => {
    const x = leaf(1, 2)
    x.mul(3).sum().backward()
    const held = x.grad
    x.mul(x).sum().backward()
    expect(x.grad).toBe(held)
    expect(held?.toArray()).toEqual([5, 7])
  })

  test('the gradients of a residual are summed without a tensor for the sum', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    const h = x.mul(2)
    const y = h.mul(5).add(h)
    const dy = tensor([1, 10])
    const before = allocator().counts.allocations
    y.backward(dy)
    // h.mul(5) and x.mul(2) make one each; the sum goes into the first, and x keeps the last as its own.
    expect(allocator().counts.allocations - before).toBe(2)
    expect(x.grad?.toArray()).toEqual([12, 120])
    expect(dy.toArray()).toEqual([1, 10])
  })

  test('two leaves that get the same gradient get one each', () => {
    const a = leaf(1)
    const b = leaf(1)
    a.add(b).backward()
    a.mul(5).backward()
    expect([a.grad?.toArray(), b.grad?.toArray()]).toEqual([[6], [1]])
  })

  test('an operation whose outputs are used in part gets null for the rest', () => {
    const x = leaf(1, 2, 3, 4)
    const [first, , third] = x.split([1, 1, 2])
    first.mul(2).add(third.sum()).sum().backward()
    expect(x.grad?.toArray()).toEqual([2, 0, 1, 1])
  })

  test('integer outputs stay outside the graph', () => {
    const x = leaf(3, 1)
    const [values, indices] = recordAll([x.detach().clone(), zeros([2], { dtype: 'int64' })], { name: 'Pair', inputs: [x], backward: ([dy]) => [dy] })
    expect([values.requiresGrad, indices.requiresGrad]).toEqual([true, false])
  })
})

describe('grad', () => {
  test('returns gradients and leaves .grad alone', () => {
    const x = leaf(2)
    const w = leaf(5)
    const [gx, gw] = grad(x.mul(w).square(), [x, w])
    expect([gx.toArray(), gw.toArray(), x.grad, w.grad]).toEqual([[100], [40], null, null])
  })

  test('of inner values', () => {
    const x = leaf(2)
    const h = x.square()
    expect(grad(h.mul(3), [h])[0].toArray()).toEqual([3])
  })

  test('several outputs with their gradients', () => {
    const x = leaf(2)
    const [g] = grad([x.mul(3), x.square()], x, { gradOutputs: [tensor([1]), tensor([10])] })
    expect(g.toArray()).toEqual([43])
    expect(() => grad([x.mul(3), x.mul(4)], x, { gradOutputs: [null] })).toThrow('got 2 tensors and 1 gradients')
  })

  test('unused inputs are an error unless allowed', () => {
    const x = leaf(2)
    const w = leaf(5)
    expect(() => grad(x.mul(2), [x, w])).toThrow('One of the differentiated Tensors appears to not have been used in the graph')
    const [, gw] = grad(x.mul(2), [x, w], { allowUnused: true })
    expect(gw).toBeNull()
  })

  test('a flat function was used: its gradient is zero, not missing', () => {
    const x = leaf(2.5)
    expect(grad(x.floor(), x)[0].toArray()).toEqual([0])
  })

  test('of gradients, three times', () => {
    const x = leaf(2)
    const [first] = grad(x.pow(4), x, { createGraph: true })
    const [second] = grad(first, x, { createGraph: true })
    const [third] = grad(second, x)
    expect([first.item(), second.item(), third.item()]).toEqual([32, 48, 48])
  })

  test('createGraph in backward makes .grad differentiable', () => {
    const x = leaf(3)
    x.pow(3).backward(null, { createGraph: true })
    const g = x.grad as Tensor
    expect(g.requiresGrad).toBe(true)
    expect(grad(g, x)[0].toArray()).toEqual([18])
  })
})

describe('leaf rules', () => {
  test('flags change on leaves only, and only floats require grad', () => {
    const x = leaf(1)
    const y = x.mul(2)
    expect([x.isLeaf, y.isLeaf, y.requiresGrad]).toEqual([true, false, true])
    expect(() => y.requiresGrad_(false)).toThrow('you can only change requires_grad flags of leaf variables.')
    expect(() => tensor([1], { dtype: 'int64', requiresGrad: true })).toThrow('only Tensors of floating point dtype can require gradients')
    expect(y.detach().requiresGrad).toBe(false)
  })

  test('.grad takes tensors of the same shape and dtype', () => {
    const x = leaf(1, 2)
    expect(() => {
      x.grad = ones([2])
    }).toThrow('assigned grad has data of a different type: expected float64, got float32')
    expect(() => {
      x.grad = ones([3], { dtype: 'float64' })
    }).toThrow('assigned grad has data of a different size: expected [2], got [3]')
  })
})

describe('grad modes', () => {
  test('noGrad and enableGrad nest, and end after exceptions', () => {
    const x = leaf(1)
    noGrad(() => {
      expect(x.mul(2).requiresGrad).toBe(false)
      expect(enableGrad(() => x.mul(2).requiresGrad)).toBe(true)
    })
    expect(() =>
      noGrad(() => {
        throw new Error('stop')
      }),
    ).toThrow('stop')
    expect(isGradEnabled()).toBe(true)
    expect(() => noGrad(async () => {})).toThrow('noGrad: the function must be synchronous')
    expect(() => noGrad(3 as never)).toThrow('noGrad: expected a function to run, got number')
  })

  test('setGradEnabled lasts', () => {
    setGradEnabled(false)
    const y = leaf(1).mul(2)
    setGradEnabled(true)
    expect(y.requiresGrad).toBe(false)
  })
})

test('values are what PyTorch computes for a small network', () => {
  // torch: x = linspace(-1, 1, 6).reshape(3, 2), w = linspace(-.5, .5, 4).reshape(2, 2), l = (x @ w).tanh().logsumexp(1).mean()
  const x = tensor([-1, -0.6, -0.2, 0.2, 0.6, 1], { shape: [3, 2], dtype: 'float64', requiresGrad: true })
  const w = tensor([-0.5, -1 / 6, 1 / 6, 0.5], { shape: [2, 2], dtype: 'float64', requiresGrad: true })
  const loss = x.matmul(w).tanh().logsumexp(1).mean()
  backward(loss)
  expect(loss.item()).toBeCloseTo(0.8414492373385767, 12)
  const expected = [
    -0.10963083991073361, 0.09106607526904395, -0.10915897985512335, 0.10915897985512335, -0.09106607526904394, 0.10963083991073358, -0.13751220365052544,
    -0.04840133337041511, 0.04840133337041508, 0.1375122036505254,
  ]
  const all = cat([x.grad as Tensor, w.grad as Tensor])
    .flatten()
    .toArray() as number[]
  all.forEach((v, i) => {
    expect(v).toBeCloseTo(expected[i], 12)
  })
})
