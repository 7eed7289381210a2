import type { Shape } from '../../core/shape.js'
import { requireArguments } from '../arguments.js'

/** The argument `normalizedShape`: a number stands for one axis. */
export function shapeArgument(layer: string, normalizedShape: number | Shape): Shape {
  requireArguments(layer, { normalized_shape: normalizedShape })
  if (typeof normalizedShape !== 'number') return normalizedShape
  if (Number.isInteger(normalizedShape)) return [normalizedShape]
  throw new TypeError(`${layer}: normalizedShape must be a whole number or an array of them, got ${normalizedShape}: 'float' object is not iterable`)
}
