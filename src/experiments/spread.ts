/** Figures of several seeds as one. */

/** Mean and spread of repeated measurements. */
export interface Spread {
  mean: number
  /** Standard deviation of the measurements, n - 1 in the denominator; 0 of a single one. */
  std: number
  count: number
}

/** null where there is nothing finite. */
export function spreadOf(values: readonly (number | null | undefined)[]): Spread | null {
  const finite = values.filter((v): v is number => typeof v === 'number' && Number.isFinite(v))
  const count = finite.length
  if (count === 0) return null
  const mean = finite.reduce((sum, v) => sum + v, 0) / count
  const squares = finite.reduce((sum, v) => sum + (v - mean) ** 2, 0)
  return { mean, std: count > 1 ? Math.sqrt(squares / (count - 1)) : 0, count }
}

/** Of a share measured on n test cases, beside the spread over seeds: the variance of its mean. */
const variance = ({ mean, std, count }: Spread, cases: number): number => (std * std) / count + Math.max(0, mean * (1 - mean)) / cases

/**
 * Whether two shares of right answers differ by more than two standard errors. The error has two parts: seeds differ, and another test set
 * would give other shares.
 */
export const differ = (a: Spread, b: Spread, cases: number): boolean => Math.abs(a.mean - b.mean) > 2 * Math.sqrt(variance(a, cases) + variance(b, cases))

/** `97.4% ± 0.3` */
export const percentText = ({ mean, std, count }: Spread): string => `${(100 * mean).toFixed(1)}%${count > 1 ? ` ± ${(100 * std).toFixed(1)}` : ''}`

/** `0.123 ± 0.004`, three digits. */
export function spreadText({ mean, std, count }: Spread): string {
  const short = (v: number) => String(Number(v.toPrecision(3)))
  return `${short(mean)}${count > 1 ? ` ± ${String(Number(std.toPrecision(2)))}` : ''}`
}

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** `a, b and c` */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`

/** Seeds `first`, `first + 1`, ... */
export const seedsOf = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i)
