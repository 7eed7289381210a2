import { ValueError } from '../core/errors.js'

/** @throws ValueError naming the first size that is no positive whole number */
export function checkSizes(owner: string, sizes: Readonly<Record<string, unknown>>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!(typeof size === 'number' && Number.isInteger(size) && size > 0))
      throw new ValueError(`${owner}: ${name} must be a positive whole number, got ${String(size)}`)
}
