import { noGrad } from '../../autograd/index.js'
import { type Dtype, isFloatingPoint } from '../../core/dtype.js'
import { AssertionError } from '../../core/errors.js'
import { formatShape, type Shape, sameShape } from '../../core/shape.js'
import { checkOptionalTensor, type Tensor } from '../../core/tensor.js'
import '../../ops/methods.js'
import { composed } from '../../ops/composed.js'
import { full } from '../../ops/create.js'
import { triu } from '../../ops/triangle.js'

/** Masks as the layers take them: bool, where true hides a key (the opposite of `F.scaledDotProductAttention`), or float, added to the scores. */

/** A shape as PyTorch prints it in texts, and as Python prints a tuple. */
export const torchSize = (shape: Shape): string => `torch.Size(${formatShape(shape)})`
export const pythonTuple = (shape: Shape): string => `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`

/** @throws AssertionError with PyTorch's text */
export function assert(condition: boolean, message: () => string): void {
  if (!condition) throw new AssertionError(message())
}

/**
 * A mask as what is added to the scores: -infinity where a bool one is true.
 * @throws AssertionError for a mask of another dtype
 */
export function additiveMask(owner: string, name: string, mask: Tensor | null | undefined, dtype: Dtype): Tensor | null {
  checkOptionalTensor(owner, name, mask)
  if (!mask) return null
  if (isFloatingPoint(mask.dtype)) return mask
  const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  assert(mask.dtype === 'bool', () => `only bool and floating types of ${key} are supported`)
  return noGrad(() => full(mask.shape, 0, { dtype }).maskedFill_(mask, Number.NEGATIVE_INFINITY))
}

/**
 * A mask that hides the future: -infinity above the diagonal, else 0. As `torch.nn.Transformer.generate_square_subsequent_mask`.
 * @returns [size, size]
 */
export const squareSubsequentMask = (size: number, dtype?: Dtype): Tensor =>
  composed([], () => triu(full([size, size], Number.NEGATIVE_INFINITY, { dtype }), 1))

/** Whether attention is causal: as it is said, else whether the mask is the one that hides the future of `size` positions. */
export function isCausalMask(mask: Tensor | null, said: boolean | null | undefined, size: number): boolean {
  if (said !== null && said !== undefined) return said
  if (!mask || !sameShape(mask.shape, [size, size])) return false
  return noGrad(() => composed([], () => mask.eq(squareSubsequentMask(size, mask.dtype)).all().item() !== 0))
}
