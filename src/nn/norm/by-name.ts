import { kindOf, nearestName, ValueError } from '../../core/errors.js'
import type { Layer } from '../containers.js'

/**
 * What makes a norm that is given by name or as a function.
 * @throws ValueError for an unknown name, TypeError for what is no name
 */
export function normFactory<F extends (...sizes: never[]) => Layer>(owner: string, norm: string | F, known: Readonly<Record<string, F>>): F {
  if (typeof norm === 'function') return norm
  if (typeof norm === 'string' && Object.hasOwn(known, norm)) return known[norm]
  return unknownNorm(owner, norm, Object.keys(known))
}

/** @throws ValueError naming the nearest known norm, TypeError where the norm is no name at all */
export function unknownNorm(owner: string, norm: unknown, names: readonly string[]): never {
  if (typeof norm !== 'string') throw new TypeError(`${owner}: the norm must be one of ${names.join(', ')}, got ${kindOf(norm)}`)
  const nearest = nearestName(norm, names)
  throw new ValueError(`${owner}: unknown norm '${norm}'.${nearest ? ` Did you mean '${nearest}'?` : ''} Known: ${names.join(', ')}`)
}
