import { Category, type Dtype, dtypes, getDefaultDtype, promoteTypes } from '../core/dtype.js'
import { kindOf, RuntimeError } from '../core/errors.js'
import type { Shape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/** What element-wise operations take on either side. */
export type Operand = Tensor | number

/** What an operand, or its absence, is to the graph. */
export const tensorOrNull = (x: Operand | null): Tensor | null => (typeof x === 'number' ? null : x)

export const shapeOf = (x: Operand): Shape => (typeof x === 'number' ? [] : x.shape)

/**
 * `torch.result_type`: tensors with dimensions decide; a 0-dimensional tensor, and after it a plain number, only counts where its
 * category (bool < integer < float) is higher. A whole number counts as an integer, as JavaScript can't tell 2 from 2.0.
 */
export function resultType(...operands: readonly Operand[]): Dtype {
  let dimensioned: Dtype | null = null
  let zeroDim: Dtype | null = null
  let number: Dtype | null = null
  for (const x of operands) {
    if (typeof x === 'number') {
      const d = Number.isInteger(x) ? 'int64' : getDefaultDtype()
      number = number ? promoteTypes(number, d) : d
    } else if (!(x instanceof Tensor))
      continue // `checkOperand` refuses it, with the operation's name
    else if (x.ndim > 0) dimensioned = dimensioned ? promoteTypes(dimensioned, x.dtype) : x.dtype
    else zeroDim = zeroDim ? promoteTypes(zeroDim, x.dtype) : x.dtype
  }
  return combine(combine(dimensioned, zeroDim), number) ?? getDefaultDtype()
}

function combine(strong: Dtype | null, weak: Dtype | null): Dtype | null {
  if (!strong || !weak) return strong ?? weak
  if (dtypes[weak].category <= dtypes[strong].category) return strong
  return weak
}

/** The dtype in which functions without an integer version (exp, mean, true division) compute: floats keep theirs. */
export const floatResult = (dtype: Dtype): Dtype => (dtypes[dtype].category === Category.Float ? dtype : getDefaultDtype())

/** @throws RuntimeError with PyTorch's text where an in-place result would lose its category. */
export function checkCast(from: Dtype, to: Dtype): void {
  if (dtypes[from].category > dtypes[to].category) {
    throw new RuntimeError(`result type ${dtypes[from].scalarName} can't be cast to the desired output type ${dtypes[to].scalarName}`)
  }
}

export function checkOperand(owner: string, x: unknown): void {
  if (!(x instanceof Tensor) && typeof x !== 'number') {
    throw new TypeError(`${owner}: expected a Tensor or a number, got ${kindOf(x)}`)
  }
}
