/**
 * Errors carry PyTorch's type names and wording, so that a search for the message finds the answer.
 * JavaScript's own `TypeError` serves where Python raises `TypeError`.
 */
export class RuntimeError extends Error {
  override name = 'RuntimeError'
}
/** An argument of the right kind whose value is wrong, as in Python. */
export class ValueError extends Error {
  override name = 'ValueError'
}
/** A position or dimension that is not there. */
export class IndexError extends Error {
  override name = 'IndexError'
}
/** A name that is not there. */
export class KeyError extends Error {
  override name = 'KeyError'
}
/** A path that names no part of a module. */
export class AttributeError extends Error {
  override name = 'AttributeError'
}
/** A division of whole numbers by 0. */
export class ZeroDivisionError extends Error {
  override name = 'ZeroDivisionError'
}
/** What PyTorch does not have for such arguments either. */
export class NotImplementedError extends Error {
  override name = 'NotImplementedError'
}
/** What a plain `assert` raises in PyTorch. */
export class AssertionError extends Error {
  override name = 'AssertionError'
}

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`: the optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, beforeLast[j - 2] + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]
}

/** The candidate that `name` was most likely meant to be, or undefined where none is near. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const plain = (s: string) => s.replace(/[-_]/g, '').toLowerCase()
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    // A beginning is as near as a slip: 'train' for 'training'.
    const isBeginning = name.length > 2 && plain(candidate).startsWith(plain(name))
    const distance = isBeginning ? 1 : editDistance(plain(name), plain(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return bestDistance <= Math.max(2, Math.floor(name.length / 2)) ? best : undefined
}

/** What a value is, for texts about one of the wrong kind. */
export const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value)

/** @throws TypeError where a number is expected and something else is given */
export function checkNumber(owner: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw new TypeError(`${owner}: ${name} must be a number, got ${kindOf(value)}`)
}

/** @throws TypeError where a function is expected and something else is given */
export function checkFunction(owner: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${owner}: expected a function, got ${kindOf(value)}`)
}

/**
 * Refuses an option that `owner` does not know: JavaScript would ignore a misspelt one in silence.
 * @throws TypeError naming the option, the nearest known one, and all known ones.
 */
export function checkOptions(owner: string, options: object | undefined, known: readonly string[]): void {
  if (options === undefined) return
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError(`${owner}: options must be an object such as { ${known[0] ?? ''} }, got ${kindOf(options)}`)
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const nearest = nearestName(key, known)
    const hint = nearest ? ` Did you mean '${nearest}'?` : ''
    throw new TypeError(`${owner}: got an unexpected option '${key}'.${hint} Known options: ${known.join(', ') || 'none'}`)
  }
}
