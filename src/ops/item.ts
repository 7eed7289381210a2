import type { TypedArray } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import { decoderOf } from '../core/float-format.js'
import { numelOf, type Shape } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { to } from './copy.js'

/** What `toArray` returns: a value for a 0-dimensional tensor, else arrays nested as deep as it has dimensions. */
export type NestedValues = number | bigint | boolean | NestedValues[]

/**
 * The one element of a tensor as a JavaScript number; int64 too (exact up to 2^53), bool as 0 or 1. As `torch.Tensor.item`.
 * @throws RuntimeError for a tensor with no element or several
 */
export function item(x: Tensor): number {
  checkTensor('item', 'input', x)
  if (x.numel() !== 1) throw new RuntimeError(`a Tensor with ${x.numel()} elements cannot be converted to Scalar`)
  const value = x.storage.array(x.dtype)[x.offset]
  return typeof value === 'bigint' ? Number(value) : decoderOf(x.dtype)(value)
}

/** A copy of the elements in row-major order, in memory of its own: int64 as BigInt64Array, float16 and bfloat16 as their bits. */
export function toTypedArray(x: Tensor): TypedArray {
  checkTensor('toTypedArray', 'input', x)
  if (x.isContiguous()) return x.data.slice()
  const y = emptyTensor(x.shape, x.dtype)
  kernels.copy(x, y)
  const values = y.data.slice()
  y.dispose()
  return values
}

function nest(values: ArrayLike<number | bigint | boolean>, shape: Shape, depth: number, at: number): NestedValues {
  if (depth === shape.length) return values[at]
  const step = numelOf(shape.slice(depth + 1))
  return Array.from({ length: shape[depth] }, (_, i) => nest(values, shape, depth + 1, at + i * step))
}

/** Numbers and booleans, nested as deep as the tensor has dimensions. */
export type NestedNumbers = number | boolean | NestedNumbers[]

/** The elements as nested arrays of numbers, those of bool as booleans. As `torch.Tensor.tolist`; int64 beyond 2^53 needs `toArray`. */
export function tolist(x: Tensor): NestedNumbers {
  checkTensor('tolist', 'input', x)
  return toArray(x.dtype === 'int64' ? to(x, 'float64') : x) as NestedNumbers
}

/** The elements as nested arrays: numbers, bigints for int64, booleans for bool. As `torch.Tensor.tolist`. */
export function toArray(x: Tensor): NestedValues {
  checkTensor('toArray', 'input', x)
  const raw = toTypedArray(x)
  if (raw instanceof BigInt64Array) return nest(raw, x.shape, 0, 0)
  const convert = x.dtype === 'bool' ? (v: number) => v !== 0 : decoderOf(x.dtype)
  return nest(Array.from<number, number | boolean>(raw, convert), x.shape, 0, 0)
}
