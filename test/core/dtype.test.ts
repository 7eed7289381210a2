import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import {
  bfloat16ToNumber,
  type Dtype,
  dtypes,
  float16ToNumber,
  getDefaultDtype,
  numberToBfloat16,
  numberToFloat16,
  promoteTypes,
  setDefaultDtype,
} from '../../src/core/dtype.js'
import { resultType, tensor, zeros } from '../../src/ops/index.js'

afterEach(() => setDefaultDtype('float32'))

const all = Object.keys(dtypes) as Dtype[]

describe('promotion', () => {
  // torch.promote_types of each pair, in the order of `all`.
  const table: Record<Dtype, string> = {
    float32: 'f d f f f f f f f f',
    float64: 'd d d d d d d d d d',
    float16: 'f d h f h h h h h h',
    bfloat16: 'f d f b b b b b b b',
    int64: 'f d h b l l l l l l',
    int32: 'f d h b l i i i i i',
    int16: 'f d h b l i s s s s',
    int8: 'f d h b l i s c s c',
    uint8: 'f d h b l i s s y y',
    bool: 'f d h b l i s c y o',
  }
  const names: Record<string, Dtype> = {
    f: 'float32',
    d: 'float64',
    h: 'float16',
    b: 'bfloat16',
    l: 'int64',
    i: 'int32',
    s: 'int16',
    c: 'int8',
    y: 'uint8',
    o: 'bool',
  }

  test.for(all)('of %s with each', (a) => {
    expect(all.map((b) => promoteTypes(a, b))).toEqual(table[a].split(' ').map((n) => names[n]))
  })

  test('is symmetric and associative, but for what PyTorch itself breaks', () => {
    for (const a of all) for (const b of all) expect(promoteTypes(a, b)).toBe(promoteTypes(b, a))
  })

  test('tensors with dimensions decide, then 0-dimensional ones, then numbers', () => {
    const int = zeros([2], { dtype: 'int32' })
    const float = zeros([2], { dtype: 'float16' })
    expect(resultType(int, 1)).toBe('int32')
    expect(resultType(int, 1.5)).toBe('float32')
    expect(resultType(float, 1.5)).toBe('float16')
    expect(resultType(float, tensor(1, { dtype: 'float64' }))).toBe('float16')
    expect(resultType(int, tensor(1, { dtype: 'int64' }))).toBe('int32')
    expect(resultType(int, tensor(1, { dtype: 'float64' }))).toBe('float64')
    expect(resultType(zeros([2], { dtype: 'bool' }), 1)).toBe('int64')
    expect(resultType(1, 2)).toBe('int64')
    setDefaultDtype('float64')
    expect(resultType(int, 1.5)).toBe('float64')
  })
})

describe('the default dtype', () => {
  test('is taken by what makes floats', () => {
    setDefaultDtype('float64')
    expect([getDefaultDtype(), tensor([1]).dtype, zeros([1]).dtype, zeros([1], { dtype: 'int64' }).div(2).dtype]).toEqual(Array(4).fill('float64'))
  })
  test('is a floating point type', () => {
    expect(() => setDefaultDtype('int64')).toThrow('only floating-point types are supported as the default type, got int64')
    expect(() => setDefaultDtype('float8' as Dtype)).toThrow("setDefaultDtype: unknown dtype 'float8', expected one of float32, float64")
  })
})

describe('float16', () => {
  test('every bit pattern survives the way through a number', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = float16ToNumber(bits)
      if (!Number.isNaN(value)) expect(numberToFloat16(value)).toBe(bits)
    }
  })
  test('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000, noNaN: true }), (v) => {
        const bits = numberToFloat16(v)
        const error = Math.abs(float16ToNumber(bits) - v)
        if (Math.abs(v) >= 65520) expect(Math.abs(float16ToNumber(bits))).toBe(Number.POSITIVE_INFINITY)
        else
          for (const other of [bits - 1, bits + 1])
            if ((other & 0x7fff) < 0x7c00 && other >= 0) expect(error).toBeLessThanOrEqual(Math.abs(float16ToNumber(other & 0xffff) - v))
      }),
    )
    expect([2049, 2051, 2 ** -25, 3 * 2 ** -25, 65519.99, Number.NaN].map((v) => float16ToNumber(numberToFloat16(v)))).toEqual([
      2048,
      2052,
      0,
      2 ** -23,
      65504,
      Number.NaN,
    ])
  })
})

describe('bfloat16', () => {
  test('every bit pattern survives the way through a number', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = bfloat16ToNumber(bits)
      if (!Number.isNaN(value)) expect(numberToBfloat16(value)).toBe(bits)
    }
  })
  test('rounds to the nearest, ties to even', () => {
    expect([257, 259, 3.39e38, 3.4e38, Number.NaN].map((v) => bfloat16ToNumber(numberToBfloat16(v)))).toEqual([
      256,
      260,
      2 ** 127 * (2 - 2 ** -7),
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ])
  })
})
