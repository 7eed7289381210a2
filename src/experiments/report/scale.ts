/** From data to positions on an axis, with ticks that are round numbers. */
export interface Scale {
  /** Position between `from` and `to`; beyond the domain it stops at the nearer end. */
  at(value: number): number
  ticks: Tick[]
}

export interface Tick {
  value: number
  label: string
}

/** @param options.exact keeps the domain as it is; else it is widened to whole ticks */
export function linearScale(domain: readonly [number, number], from: number, to: number, options: { count?: number; exact?: boolean } = {}): Scale {
  const { count = 5, exact = false } = options
  const [low, high] = widened(domain)
  const step = roundStep((high - low) / count)
  const first = (exact ? Math.ceil(low / step - 1e-9) : Math.floor(low / step + 1e-9)) || 0
  const last = exact ? Math.floor(high / step + 1e-9) : Math.ceil(high / step - 1e-9)
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step
    return { value, label: formatTick(value, digits) }
  })
  return { at: exact ? position(low, high, from, to, (v) => v) : position(first * step, last * step, from, to, (v) => v), ticks }
}

/** @param domain above 0; ticks are powers of ten, with 2 and 5 times these where there are few */
export function logScale(domain: readonly [number, number], from: number, to: number): Scale {
  const [low, high] = [Math.log10(domain[0]), Math.log10(domain[1])]
  const decades = high - low
  const factors = decades < 1.5 ? [1, 2, 5] : decades < 3 ? [1, 3] : [1]
  const every = Math.max(1, Math.ceil(decades / 6))
  const candidates: number[] = []
  for (let e = Math.floor(low) - 1; e <= Math.ceil(high) + 1; e++) if (e % every === 0) for (const f of factors) candidates.push(f * 10 ** e)
  const below = candidates.filter((v) => v <= domain[0] * 1.0001).length - 1
  const above = candidates.findIndex((v) => v >= domain[1] * 0.9999)
  const ticks = candidates.slice(Math.max(0, below), above < 0 ? undefined : Math.max(above, below + 1) + 1)
  return {
    at: position(ticks[0], ticks[ticks.length - 1], from, to, Math.log10),
    ticks: ticks.map((value) => ({ value, label: formatPower(value) })),
  }
}

/** Names in the middle of bands of equal width. */
export function bandScale(names: readonly string[], from: number, to: number): Scale & { width: number } {
  const width = (to - from) / names.length
  return { at: (i) => from + (i + 0.5) * width, ticks: names.map((label, value) => ({ value, label })), width: Math.abs(width) }
}

function position(low: number, high: number, from: number, to: number, measure: (v: number) => number): (value: number) => number {
  const [a, b] = [measure(low), measure(high)]
  return (value) => {
    const share = (measure(value) - a) / (b - a)
    return from + Math.min(1, Math.max(0, share)) * (to - from)
  }
}

/** A domain of one value would have no length. */
function widened([low, high]: readonly [number, number]): [number, number] {
  if (low < high) return [low, high]
  const margin = Math.abs(low) / 2 || 1
  return [low - margin, high + margin]
}

/** The next of 1, 2 and 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5, 10].find((f) => f * power >= least * 0.9999) ?? 10)
}

/** More zeros than these can't be counted at a glance; beyond trillions there is no letter. */
const LONGEST = { whole: 99_999, decimals: 4, letters: 1e15 }

function formatTick(value: number, digits: number): string {
  if (value === 0) return digits > LONGEST.decimals ? '0' : (0).toFixed(digits)
  if (Math.abs(value) >= LONGEST.letters) return Number(value.toPrecision(3)).toExponential().replace('+', '')
  if (Math.abs(value) > LONGEST.whole) return value.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 3 })
  if (digits > LONGEST.decimals) return value.toExponential(Math.max(0, Math.floor(Math.log10(Math.abs(value)) + 1e-9) + digits))
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'
function formatPower(value: number): string {
  if (value >= 0.001 && value < 10_000) return String(Number(value.toPrecision(1)))
  const exponent = Math.round(Math.log10(value))
  const factor = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9))
  const digits = [...String(Math.abs(exponent))].map((d) => superscripts[Number(d)]).join('')
  return `${factor === 1 ? '' : `${factor}·`}10${exponent < 0 ? '⁻' : ''}${digits}`
}
