import { noGrad } from '../autograd/index.js'
import { dtypes, isFloatingPoint } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { sameShape } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, type Tensor } from '../core/tensor.js'

export interface CloseOptions {
  /** Relative tolerance, of the second tensor. Default 1e-5. */
  rtol?: number
  /** Absolute tolerance. Default 1e-8. */
  atol?: number
  /** Whether NaN counts as close to NaN. Default false. */
  equalNan?: boolean
}

/**
 * Element by element |a - b| <= atol + rtol * |b|, as bool; equal infinities are close. As `torch.isclose`.
 * @throws RuntimeError where the dtypes differ or a tolerance is negative
 */
export function isclose(a: Tensor, b: Tensor, options?: CloseOptions): Tensor {
  checkTensor('isclose', 'a', a)
  checkTensor('isclose', 'b', b)
  checkOptions('isclose', options, ['rtol', 'atol', 'equalNan'])
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options ?? {}
  if (a.dtype !== b.dtype) throw new RuntimeError(`${dtypes[a.dtype].scalarName} did not match ${dtypes[b.dtype].scalarName}`)
  for (const [name, value] of Object.entries({ rtol, atol })) {
    if (!(value >= 0)) throw new RuntimeError(`${name} must be greater than or equal to zero, but got ${value}`)
  }
  return scope(() =>
    noGrad(() => {
      const equal = a.eq(b)
      if (!isFloatingPoint(a.dtype) && rtol === 0 && atol === 0) return equal
      const [x, y] = isFloatingPoint(a.dtype) ? [a, b] : [a.to('float64'), b.to('float64')]
      const distance = x.sub(y).abs()
      const near = distance.isfinite().logicalAnd(distance.le(y.abs().mul(rtol).add(atol)))
      const close = equal.logicalOr(near)
      return equalNan && isFloatingPoint(a.dtype) ? close.logicalOr(a.isnan().logicalAnd(b.isnan())) : close
    }),
  )
}

/** Whether all elements are close; see `isclose`. As `torch.allclose`. */
export const allclose = (a: Tensor, b: Tensor, options?: CloseOptions): boolean => scope(() => isclose(a, b, options).all().item() !== 0)

/** Whether both have the same shape and elements; NaN equals nothing. As `torch.equal`. */
export function equal(a: Tensor, b: Tensor): boolean {
  checkTensor('equal', 'input', a)
  checkTensor('equal', 'other', b)
  return sameShape(a.shape, b.shape) && scope(() => a.eq(b).all().item() !== 0)
}
