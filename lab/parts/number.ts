/** A number for reading: three decimals at most, a true minus sign, powers of ten where it is far from 1. */
export function shortNumber(value: number, digits = 3): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  const size = Math.abs(value)
  const text = size !== 0 && (size < 5 * 10 ** -(digits + 1) || size >= 1e5) ? value.toExponential(1) : String(Number(value.toFixed(digits)))
  return text.replaceAll('-', '−')
}

/** The same in brackets where it is negative and stands behind an operator. */
export const operand = (value: number, digits?: number): string => (value < 0 ? `(${shortNumber(value, digits)})` : shortNumber(value, digits))

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)}%`
