import { describe, expect, expectTypeOf, test } from 'vitest'
import { IndexError } from '../../src/core/errors.js'
import type { Tensor } from '../../src/core/tensor.js'
import { arange, eye, full, fullLike, linspace, type NestedArray, ones, tensor, zeros, zerosLike } from '../../src/ops/index.js'

describe('tensor', () => {
  test('takes its dtype from the data', () => {
    expect([tensor([1, 2]).dtype, tensor([1n]).dtype, tensor([true]).dtype, tensor(new Uint8Array(2)).dtype, tensor([]).dtype]).toEqual([
      'float32',
      'int64',
      'bool',
      'uint8',
      'float32',
    ])
    expect(tensor([1n, 2]).dtype).toBe('float32')
    expect(tensor(new Float64Array([1, 2]), { dtype: 'float32', shape: [2, 1] }).toArray()).toEqual([[1], [2]])
  })

  test('copies typed arrays', () => {
    const data = new Float32Array([1, 2])
    const x = tensor(data)
    data[0] = 9
    expect(x.toArray()).toEqual([1, 2])
  })

  test('converts as PyTorch does', () => {
    expect(tensor([1.9, -1.9], { dtype: 'int64' }).toArray()).toEqual([1n, -1n])
    expect(tensor([0, 2, -1], { dtype: 'bool' }).toArray()).toEqual([false, true, true])
    expect(tensor([1.1], { dtype: 'bfloat16' }).item()).toBe(1.1015625)
    expect(tensor([1.1], { dtype: 'float16' }).toArray()).toEqual([1.099609375])
    // By way of float32: what lies just above a tie of float16 is a tie there, and goes to the even neighbour.
    expect(tensor(1 + 2 ** -11 + 2 ** -40, { dtype: 'float16' }).item()).toBe(1)
    expect(tensor(2n ** 53n + 1n).toArray()).toBe(2n ** 53n + 1n)
  })

  test.for<[string, NestedArray, string]>([
    ['ragged', [[1, 2], [3]], 'expected sequence of length 2 at dim 1 (got 1)'],
    ['a number for a row', [[1, 2], 3], 'expected sequence of length 2 at dim 1 (got a number)'],
    ['a row for a number', [1, [2]], 'expected a number at dim 1, got an array'],
    ['text', ['1'] as never, 'tensor: expected numbers, got string at dim 1'],
    ['null', [null] as never, 'tensor: expected numbers, got null at dim 1'],
  ])('refuses %s', ([, data, message]) => {
    expect(() => tensor(data)).toThrow(message)
  })

  test('refuses shapes, dtypes and options that are wrong', () => {
    expect(() => tensor([1, 2, 3], { shape: [2, 2] })).toThrow("shape '[2, 2]' is invalid for input of size 3")
    expect(() => tensor([1], { dtype: 'float' as never })).toThrow("tensor: unknown dtype 'float'")
    expect(() => tensor([1], { requires_grad: true } as object)).toThrow("Did you mean 'requiresGrad'?")
    expect(() => tensor(new Uint32Array(1))).toThrow("tensor: can't take a Uint32Array")
  })
})

describe('creation', () => {
  test('arange', () => {
    expect([arange(3).toArray(), arange(1, 4).toArray(), arange(5, 0, -2).toArray()]).toEqual([
      [0n, 1n, 2n],
      [1n, 2n, 3n],
      [5n, 3n, 1n],
    ])
    expect([arange(0, 1, 0.25).dtype, arange(3, { dtype: 'float64' }).dtype, arange(2, 2).shape]).toEqual(['float32', 'float64', [0]])
  })
  test('full, like, eye, linspace', () => {
    expect(full([2], 3n).dtype).toBe('int64')
    expect(fullLike(zeros([2], { dtype: 'int32' }), 7).toArray()).toEqual([7, 7])
    expect(zerosLike(ones([2], { dtype: 'float64' }), { requiresGrad: true }).requiresGrad).toBe(true)
    expect(eye(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ])
    expect([eye(0).shape, linspace(0, 1, 0).shape, linspace(1, 5, 3, { dtype: 'int64' }).toArray()]).toEqual([[0, 0], [0], [1n, 3n, 5n]])
  })
})

describe('reading', () => {
  test('sizes', () => {
    const x = zeros([2, 3])
    expect([x.ndim, x.numel(), x.size(), x.size(-1), x.isContiguous()]).toEqual([2, 6, [2, 3], 3, true])
    for (const dim of [2, -3]) {
      expect(() => x.size(dim)).toThrow(new IndexError(`Dimension out of range (expected to be in range of [-2, 1], but got ${dim})`))
    }
    expect(() => tensor(1).size(0)).toThrow(new IndexError('Dimension specified as 0 but tensor has no dimensions'))
  })
  test('data is the memory itself, and only of contiguous tensors', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    x.data[0] = 9
    expect(x.index(0, 0).item()).toBe(9)
    expect(x.select(0, 1).data).toEqual(new Float32Array([4, 5, 6]))
    expect(() => x.t().data).toThrow('data: the tensor is not contiguous')
    expect(x.t().toTypedArray()).toEqual(new Float32Array([9, 4, 2, 5, 3, 6]))
  })
  test('item of one element, whatever its dtype', () => {
    expect([tensor([[2.5]]).item(), tensor(3n).item(), tensor(true).item()]).toEqual([2.5, 3, 1])
    expect(() => zeros([0]).item()).toThrow('a Tensor with 0 elements cannot be converted to Scalar')
  })
})

describe('types of methods', () => {
  const x = ones([2, 2])
  test('follow the functions, overloads included', () => {
    expectTypeOf(x.add).parameters.toEqualTypeOf<[b: Tensor | number, options?: { alpha?: number }]>()
    expectTypeOf(x.neg).parameters.toEqualTypeOf<[]>()
    expectTypeOf(x.max()).toEqualTypeOf<Tensor>()
    expectTypeOf(x.max(1).indices).toEqualTypeOf<Tensor>()
    expectTypeOf(x.varMean(0)).toEqualTypeOf<[variance: Tensor, mean: Tensor]>()
    expectTypeOf(x.allclose(x)).toEqualTypeOf<boolean>()
    expectTypeOf(x.item).returns.toEqualTypeOf<number>()
    expectTypeOf(x.split(1)).toEqualTypeOf<Tensor[]>()
    expectTypeOf(x.view(4).view([2, 2])).toEqualTypeOf<Tensor>()
    expectTypeOf(x.requiresGrad_()).toEqualTypeOf<Tensor>()
  })
  test('an index is checked: a slice has its form', () => {
    const from = 0
    expect(x.index(`${from}:${from + 1}`, null, '...', [0, -1]).shape).toEqual([1, 1, 2])
    // @ts-expect-error text without a colon is no slice
    expect(() => x.index('first')).toThrow("index: expected a slice such as '1:3' or '::2', or '...', got 'first'")
    // @ts-expect-error a tensor or a number
    expect(() => x.add('1')).toThrow('add: expected a Tensor or a number, got string')
    // @ts-expect-error nothing
    expect(() => x.mul()).toThrow('mul: expected a Tensor or a number, got undefined')
  })
})
