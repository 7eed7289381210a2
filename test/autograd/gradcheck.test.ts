import { describe, expect, test } from 'vitest'
import { GradcheckError, gradcheck, gradgradcheck, record } from '../../src/autograd/index.js'
import { memory } from '../../src/core/storage.js'
import type { Tensor } from '../../src/core/tensor.js'
import { tensor } from '../../src/ops/index.js'

const leaf = (...data: number[]): Tensor => tensor(data, { requiresGrad: true, dtype: 'float64' })

/** sin with a wrong derivative, by `factor` and `shift`. */
const wrong =
  (factor: number, shift = 0) =>
  (x: Tensor) =>
    record(x.detach().sin(), { name: 'WrongBackward0', inputs: [x], saved: [x], backward: (dy) => [dy.mul(x.cos().mul(factor).add(shift))] })

describe('gradcheck', () => {
  test('accepts right gradients and names wrong ones', () => {
    expect(gradcheck(wrong(1), [leaf(0.3, 0.8)])).toBe(true)
    expect(() => gradcheck(wrong(1.01), [leaf(0.3, 0.8)])).toThrow(
      /Jacobian mismatch for output 0 with respect to input 0: d output\[0\] \/ d input\[0\] is 0\.96/,
    )
    expect(() => gradcheck(wrong(1, 1e-3), [leaf(0.3)])).toThrow(GradcheckError)
    expect(gradcheck(wrong(2), [leaf(0.3)], { raiseException: false })).toBe(false)
  })

  test('finds a gradient that is missing, and one that goes to the wrong input', () => {
    const lost = (x: Tensor) => record(x.detach().sin(), { name: 'LostBackward0', inputs: [x], backward: () => [null] })
    expect(() => gradcheck(lost, [leaf(0.3)])).toThrow('is 0 by backward')
    const swapped = (x: Tensor, y: Tensor) =>
      record(x.detach().mul(y.detach()), { name: 'SwappedBackward0', inputs: [x, y], backward: (dy) => [dy.mul(x), dy.mul(y)] })
    expect(() => gradcheck(swapped, [leaf(0.3), leaf(0.9)])).toThrow('input 0')
  })

  test('checks every output, also of a view of the inputs', () => {
    const x = tensor([0.1, 0.2, 0.3, 0.4], { shape: [2, 2], dtype: 'float64' })
      .t()
      .requiresGrad_()
    expect(gradcheck((t) => [t.sin(), t.square().sum(0)], [x])).toBe(true)
    expect(() => gradcheck((t) => [t.sin(), wrong(3)(t)], [x])).toThrow('output 1')
  })

  test('refuses what it cannot check', () => {
    expect(() => gradcheck((x) => x, [tensor([1], { dtype: 'float64' })])).toThrow('gradcheck expects at least one input tensor to require gradient')
    expect(() => gradcheck((x) => x, [tensor([1], { requiresGrad: true })])).toThrow('gradcheck: inputs must be float64')
    expect(() => gradcheck((x) => x, [leaf(1)], { rtoll: 1 } as object)).toThrow("Did you mean 'rtol'?")
  })

  test('leaves the inputs and the memory as they were', () => {
    const x = leaf(0.3, 0.8)
    const before = memory().tensors
    gradcheck((t) => t.exp(), [x])
    expect([x.toArray(), x.grad, memory().tensors]).toEqual([[0.3, 0.8], null, before])
  })
})

describe('gradgradcheck', () => {
  test('accepts right second derivatives and refuses wrong ones', () => {
    expect(gradgradcheck((x) => x.sin(), [leaf(0.3, 0.8)])).toBe(true)
    // The first derivative is right; the one of the gradient is cut off.
    const once = (x: Tensor) => record(x.detach().sin(), { name: 'OnceBackward0', inputs: [x], backward: (dy) => [dy.mul(x.detach().cos())] })
    expect(gradcheck(once, [leaf(0.3)])).toBe(true)
    expect(() => gradgradcheck(once, [leaf(0.3)])).toThrow(GradcheckError)
  })

  test('takes upstream gradients', () => {
    expect(gradgradcheck((x) => x.square().sum(), [leaf(0.3, 0.8)], [tensor(2, { dtype: 'float64', requiresGrad: true })])).toBe(true)
  })
})
