import { number } from '../../src/experiments/report/chart.js'
import { element, escapeText } from '../../src/experiments/report/markup.js'
import { linearScale } from '../../src/experiments/report/scale.js'
import type { Histogram } from '../../src/inspect/index.js'

/** Histograms one behind the other, the latest in front. Every value that was counted is drawn: each row reaches from its smallest to its largest. */
export interface Ridge {
  title: string
  look: number
  rows: readonly { step: number; histogram: Histogram }[]
  /** Lowest and highest value; ridges that shall compare are given the same. */
  domain: readonly [number, number]
  /** Powers of ten on both sides of 0. */
  symlog: boolean
  /** The row that stands out; the last where it is not given. */
  marked?: number
}

const WIDTH = 420
const HEIGHT = 250
const box = { left: 46, right: WIDTH - 16, top: 62, bottom: HEIGHT - 26 }
const TALLEST = 44

/** Counted values, those that are no numbers left out. */
export const countOf = ({ counts, underflow, overflow, nan }: Histogram): number => counts.reduce((sum, n) => sum + n, 0) + underflow + overflow + nan

const symlogOf = (v: number): number => Math.sign(v) * Math.log10(1 + Math.abs(v) * 10)

export function ridge({ title, look, rows, domain, symlog, marked }: Ridge): string {
  const measure = symlog ? symlogOf : (v: number) => v
  const [low, high] = domain[0] < domain[1] ? domain : [domain[0] - 0.5, domain[0] + 0.5]
  const scale = (v: number) => box.left + ((measure(v) - measure(low)) / (measure(high) - measure(low))) * (box.right - box.left)
  const ticks = symlog
    ? [-100, -10, -1, 0, 1, 10, 100].filter((v) => v >= low && v <= high).map((value) => ({ value, label: String(value) }))
    : linearScale([low, high], box.left, box.right, { count: 5, exact: true }).ticks
  const densities = rows.map(({ histogram }) => density(histogram, scale))
  const peak = Math.max(...densities.flatMap((bars) => bars.map(({ height }) => height)), Number.MIN_VALUE)
  const front = marked ?? rows.length - 1
  const parts = rows.map(({ step }, i) => {
    const base = rows.length === 1 ? box.bottom : box.top + ((box.bottom - box.top) * i) / (rows.length - 1)
    const bars = densities[i]
    const line = bars.map(({ from, to, height }) => {
      const top = base - (height / peak) * TALLEST
      return `L${from.toFixed(1)} ${top.toFixed(1)}L${to.toFixed(1)} ${top.toFixed(1)}`
    })
    const start = bars[0]?.from ?? box.left
    const end = bars[bars.length - 1]?.to ?? box.left
    const path = element('path', {
      class: i === front ? 'ridge front' : 'ridge',
      d: `M${start.toFixed(1)} ${base.toFixed(1)}${line.join('')}L${end.toFixed(1)} ${base.toFixed(1)}Z`,
    })
    const every = Math.max(1, Math.ceil(rows.length / 6))
    const label = i % every === 0 || i === rows.length - 1 ? element('text', { x: box.left - 7, y: base + 4, 'text-anchor': 'end' }, String(step)) : ''
    return path + label
  })
  const axis = ticks.map(({ value, label }) => element('text', { x: scale(value), y: box.bottom + 17, 'text-anchor': 'middle' }, escapeText(label)))
  const content = [
    element('text', { class: 'title', x: 12, y: 18 }, escapeText(title)),
    element('line', { class: 'axis', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    ...axis,
    ...parts,
  ]
  return element(
    'svg',
    { class: `chart series look-${look}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${title}. ${describe(rows)}` },
    content.join(''),
  )
}

/** Bars with areas in proportion to their counts; values that are all alike are one thin bar. */
function density(histogram: Histogram, scale: (v: number) => number): { from: number; to: number; height: number }[] {
  const { low, high, counts } = histogram
  const total = countOf(histogram)
  if (total === 0) return []
  if (low === high) return [{ from: scale(low) - 1.5, to: scale(low) + 1.5, height: counts[0] / total / 3 }]
  const at = (i: number) => scale(low + ((high - low) * i) / counts.length)
  return counts.map((count, i) => {
    const [from, to] = [at(i), at(i + 1)]
    return { from, to, height: count / total / Math.max(to - from, 1e-6) }
  })
}

export function describe(rows: Ridge['rows']): string {
  const last = rows[rows.length - 1]
  if (!last) return 'Nothing yet.'
  const { histogram } = last
  const { low, high, underflow, overflow, nan } = histogram
  const outside = underflow + overflow + nan > 0 ? `, ${underflow} below, ${overflow} above, ${nan} not a number` : ', none outside'
  return `Step ${last.step}: ${countOf(histogram).toLocaleString('en-US')} values from ${number(low)} to ${number(high)}${outside}.`
}

/** Every bin of every row. */
export function ridgeRows(rows: Ridge['rows']): { header: string[]; rows: number[][] } {
  return {
    header: ['step', 'from', 'to', 'count'],
    rows: rows.flatMap(({ step, histogram: { low, high, counts, underflow, overflow } }) => {
      const width = (high - low) / counts.length
      return [
        ...(underflow > 0 ? [[step, Number.NEGATIVE_INFINITY, low, underflow]] : []),
        ...counts.map((count, i) => [step, low + i * width, low + (i + 1) * width, count]),
        ...(overflow > 0 ? [[step, high, Number.POSITIVE_INFINITY, overflow]] : []),
      ]
    }),
  }
}
