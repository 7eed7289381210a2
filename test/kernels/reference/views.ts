import { type Dtype, numberToBfloat16, numberToFloat16 } from '../../../src/core/dtype.js'
import { numelOf, type Shape } from '../../../src/core/shape.js'
import { emptyTensor, type Tensor } from '../../../src/core/tensor.js'
import type { View } from '../../../src/kernels/contract.js'
import { load, loadBig } from '../../../src/kernels/reference/access.js'

export const floatDtypes = ['float32', 'float64', 'float16', 'bfloat16'] as const
export const integerDtypes = ['int64', 'int32', 'int16', 'int8', 'uint8'] as const
export const allDtypes: readonly Dtype[] = [...floatDtypes, ...integerDtypes, 'bool']

/** A contiguous tensor. Values are written by the dtype's own conversion, without the kernels under test. */
export function tensor(values: readonly (number | bigint)[], dtype: Dtype = 'float64', shape: Shape = [values.length]): Tensor {
  const t = emptyTensor(shape, dtype)
  const data = t.data
  if (data.length !== values.length) throw new Error(`${values.length} values for shape [${shape.join(', ')}]`)
  const encode =
    dtype === 'float16' ? numberToFloat16 : dtype === 'bfloat16' ? numberToBfloat16 : dtype === 'bool' ? (v: number) => (v !== 0 ? 1 : 0) : (v: number) => v
  for (let i = 0; i < values.length; i++) {
    if (data instanceof BigInt64Array) data[i] = BigInt(values[i])
    else data[i] = encode(Number(values[i]))
  }
  return t
}

export const empty = (shape: Shape, dtype: Dtype = 'float64'): Tensor => tensor(new Array<number>(numelOf(shape)).fill(99), dtype, shape)

export const view = (base: View, shape: Shape, strides: Shape, offset = 0): View => ({ storage: base.storage, dtype: base.dtype, shape, strides, offset })

export const numbers = (x: View): number[] => Array.from(load(x))
export const bigints = (x: View): bigint[] => Array.from(loadBig(x))

/** A fixed sequence of numbers in (-1, 1), different for each seed. */
export function sequence(n: number, seed = 1): number[] {
  let state = seed * 2654435761
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  })
}

/** All index tuples of a shape, in logical order. */
export function indices(shape: Shape): number[][] {
  let list: number[][] = [[]]
  for (const size of shape) list = list.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i]))
  return list
}
