import { RuntimeError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'

/**
 * Parameters and running statistics have the input's dtype, or are float32 beside a float16 or bfloat16 input.
 * As `check_mixed_data_type` in ATen/native/cpu/mixed_data_type.h: the first one that is given decides whether types are mixed.
 */
export function checkMixedDtype(input: Tensor, others: readonly (Tensor | null)[]): void {
  const given = others.filter((t) => t !== null)
  if (given.length === 0 || given[0].dtype === input.dtype) return
  for (const t of given) {
    if (t.dtype !== 'float32') throw new RuntimeError('mixed dtype (CPU): expect parameter to have scalar type of Float')
  }
  if (input.dtype !== 'float16' && input.dtype !== 'bfloat16') throw new RuntimeError('mixed dtype (CPU): all inputs must share same datatype.')
}
