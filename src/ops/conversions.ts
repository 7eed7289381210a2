import { checkTensor, type Tensor } from '../core/tensor.js'
import { to } from './copy.js'

/** `x.long()` and its like: `to` under the names of PyTorch's dtypes. Methods alone, as `float` and `bool` would say little by themselves. */

/** As float32. */
export const float = (x: Tensor): Tensor => to(x, 'float32')
/** As float64. */
export const double = (x: Tensor): Tensor => to(x, 'float64')
/** As float16. */
export const half = (x: Tensor): Tensor => to(x, 'float16')
/** As bfloat16. */
export const bfloat16 = (x: Tensor): Tensor => to(x, 'bfloat16')
/** As int64, which indices and class targets are. */
export const long = (x: Tensor): Tensor => to(x, 'int64')
/** As int32. */
export const int = (x: Tensor): Tensor => to(x, 'int32')
/** As int16. */
export const short = (x: Tensor): Tensor => to(x, 'int16')
/** As bool: false where it is 0. */
export const bool = (x: Tensor): Tensor => to(x, 'bool')
/** To the dtype of another tensor. */
export function typeAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('typeAs', 'other', other)
  return to(x, other.dtype)
}
