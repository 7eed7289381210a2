import { inPlace, record } from '../autograd/index.js'
import { RuntimeError } from '../core/errors.js'
import { broadcastShapes } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { where } from './binary.js'
import { checkInPlaceShape, checkOverlap } from './overlap.js'
import { checkCast, checkOperand, type Operand, resultType, shapeOf, tensorOrNull } from './promote.js'

/** A number, a tensor that broadcasts, or null for no bound. */
export type Bound = Operand | null

function writeClamped(x: Tensor, min: Bound, max: Bound, y: Tensor): void {
  if (tensorOrNull(min) === null && tensorOrNull(max) === null) {
    return kernels.unary('hardtanh', x, y, [Number(min ?? Number.NEGATIVE_INFINITY), Number(max ?? Number.POSITIVE_INFINITY)])
  }
  // The upper bound comes last: it wins where the bounds cross.
  if (min !== null) kernels.binary('maximum', x, min, y)
  if (max !== null) kernels.binary('minimum', min === null ? x : y, max, y)
}

function checkBounds(min: Bound | undefined, max: Bound | undefined): [Bound, Bound] {
  if (min == null && max == null) throw new RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
  for (const bound of [min, max]) if (bound != null) checkOperand('clamp', bound)
  return [min ?? null, max ?? null]
}

/**
 * x cut to the range from `min` to `max`; NaN stays NaN, and where min > max the result is max. As `torch.clamp`: the gradient is 1 at the
 * bounds themselves, and tensor bounds get the gradient of what they replace.
 * @throws RuntimeError where neither bound is given
 */
export function clamp(x: Tensor, min?: Bound, max?: Bound): Tensor {
  checkTensor('clamp', 'input', x)
  const [low, high] = checkBounds(min, max)
  const bounds = [low, high].filter((b) => b !== null)
  const y = emptyTensor(broadcastShapes(x.shape, ...bounds.map(shapeOf)), resultType(x, ...bounds))
  writeClamped(x, low, high, y)
  return record(y, {
    name: 'ClampBackward1',
    inputs: [x, tensorOrNull(low), tensorOrNull(high)],
    saved: [x, tensorOrNull(low), tensorOrNull(high)],
    backward: (dy, _, [needsX, needsLow, needsHigh]) => {
      const crossed = low !== null && high !== null && (needsLow || needsHigh) ? greater(low, high) : null
      return [
        needsX ? where(within(x, low, high), dy, 0) : null,
        needsLow && low !== null ? where(without(x.lt(low), crossed), dy, 0) : null,
        needsHigh && high !== null ? where(crossed ? x.gt(high).logicalOr(crossed) : x.gt(high), dy, 0) : null,
      ]
    },
  })
}

const greater = (a: Operand, b: Operand): Tensor | null => (typeof a !== 'number' ? a.gt(b) : typeof b !== 'number' ? b.lt(a) : null)
const without = (mask: Tensor, other: Tensor | null): Tensor => (other ? mask.logicalAnd(other.logicalNot()) : mask)

function within(x: Tensor, low: Bound, high: Bound): Tensor {
  if (low === null) return high === null ? x.eq(x) : x.le(high)
  return high === null ? x.ge(low) : x.ge(low).logicalAnd(x.le(high))
}

/** `clamp` from below only. */
export const clampMin = (x: Tensor, min: Operand): Tensor => clamp(x, min, null)

/** `clamp` from above only. */
export const clampMax = (x: Tensor, max: Operand): Tensor => clamp(x, null, max)

/** `clamp`, written over x. */
export function clamp_(x: Tensor, min?: Bound, max?: Bound): Tensor {
  checkTensor('clamp_', 'input', x)
  const [low, high] = checkBounds(min, max)
  const bounds = [low, high].filter((b) => b !== null)
  checkCast(resultType(x, ...bounds), x.dtype)
  checkInPlaceShape(x, ...bounds.map(shapeOf))
  checkOverlap(x, ...bounds)
  return inPlace(
    x,
    [tensorOrNull(low), tensorOrNull(high)],
    () => writeClamped(x, low, high, x),
    (original) => clamp(original, low, high),
  )
}
