import { number } from '../../src/experiments/report/chart.js'
import { element, escapeText, tenth } from '../../src/experiments/report/markup.js'
import { linearScale } from '../../src/experiments/report/scale.js'
import type { Histogram } from '../../src/inspect/index.js'

export interface Row {
  step: number
  histogram: Histogram
}

/** Histograms over the steps. Every value that was counted is drawn: each row reaches from its smallest to its largest. */
export interface Histograms {
  title: string
  look: number
  /** From the first; those around the marked one are drawn. */
  rows: readonly Row[]
  /** Lowest and highest value; pictures that shall compare are given the same. */
  domain: readonly [number, number]
  /** Powers of ten on both sides of 0. */
  symlog: boolean
  /** One behind the other, or all on one line. */
  form: 'ridge' | 'overlay'
  /** The row that stands out; the last where it is not given. */
  marked?: number
}

const WIDTH = 420
const HEIGHT = 250
const box = { left: 46, right: WIDTH - 16, top: 76, bottom: HEIGHT - 26 }
/** Values beyond the first or last bin, infinities among them, stand here. */
const OUTSIDE = 5
const TALLEST = { ridge: 46, overlay: box.bottom - 34 } as const

/** As many rows as can be told apart. */
export const MOST_ROWS = 14

/** The rows that are drawn: the marked one in their middle, as far as there are rows on both sides. */
export function rowsAround<T>(rows: readonly T[], marked = rows.length - 1): { shown: readonly T[]; front: number } {
  const first = Math.max(0, Math.min(marked - MOST_ROWS / 2, rows.length - MOST_ROWS))
  return { shown: rows.slice(first, first + MOST_ROWS), front: marked - first }
}

/** Whether it has a range: without any finite value it stands at 0. */
export const hasRange = ({ counts }: Histogram): boolean => counts.some((n) => n > 0)

/** Counted values, those that are no numbers too. */
export const countOf = ({ counts, underflow, overflow, nan }: Histogram): number => counts.reduce((sum, n) => sum + n, 0) + underflow + overflow + nan

const symlogOf = (v: number): number => Math.sign(v) * Math.log10(1 + Math.abs(v) * 10)

interface Bar {
  from: number
  to: number
  height: number
}

export function drawHistograms({ title, look, rows: all, domain, symlog, form, marked }: Histograms): string {
  const { shown: rows, front } = rowsAround(all, marked)
  const measure = symlog ? symlogOf : (v: number) => v
  const [low, high] = domain[0] < domain[1] ? domain : [domain[0] - 0.5, domain[0] + 0.5]
  const inner = { left: box.left + OUTSIDE, right: box.right - OUTSIDE }
  const scale = (v: number) => inner.left + ((measure(v) - measure(low)) / (measure(high) - measure(low))) * (inner.right - inner.left)
  const ticks = symlog ? symlogTicks(low, high) : linearScale([low, high], inner.left, inner.right, { count: 5, exact: true }).ticks
  const bars = rows.map(({ histogram }) => density(histogram, scale))
  // Where nothing is but NaN, no bar is high.
  const peak = Math.max(0, ...bars.flatMap((row) => row.map(({ height }) => height))) || 1
  const paths = rows.map(({ step }, i) => {
    const base = form === 'overlay' || rows.length === 1 ? box.bottom : box.top + ((box.bottom - box.top) * i) / (rows.length - 1)
    const name = form === 'ridge' ? 'ridge' : 'overlaid'
    const path = element('path', { class: i === front ? `${name} front` : name, d: outline(bars[i], base, TALLEST[form] / peak) })
    const every = Math.max(1, Math.ceil(rows.length / 6))
    // The last one, and others as far as they leave it room.
    const labelled = form === 'ridge' && (i === rows.length - 1 || (i % every === 0 && rows.length - 1 - i >= every))
    return path + (labelled ? element('text', { x: box.left - 7, y: base + 4, 'text-anchor': 'end' }, String(step)) : '')
  })
  // On one line the row that stands out must not lie under the others.
  if (form === 'overlay') paths.push(...paths.splice(front, 1))
  const axis = ticks.map(({ value, label }) => element('text', { x: scale(value), y: box.bottom + 17, 'text-anchor': 'middle' }, escapeText(label)))
  const content = [
    element('text', { class: 'title', x: 12, y: 18 }, escapeText(title)),
    form === 'overlay' && rows.length > 0 ? element('text', { x: box.right, y: 36, 'text-anchor': 'end' }, `step ${rows[front]?.step}`) : '',
    form === 'ridge' && rows.length > 0 ? element('text', { x: box.left - 7, y: 40, 'text-anchor': 'end' }, 'step') : '',
    element('line', { class: 'axis', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    ...axis,
    ...paths,
  ]
  return element(
    'svg',
    { class: `chart series look-${look}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${title}. ${describeHistograms(all, marked)}` },
    content.join(''),
  )
}

const symlogTicks = (low: number, high: number): { value: number; label: string }[] =>
  [-1e12, -1e8, -1e6, -1e4, -100, -10, -1, 0, 1, 10, 100, 1e4, 1e6, 1e8, 1e12]
    .filter((value) => value >= low && value <= high)
    .map((value) => ({ value, label: number(value) }))

function outline(bars: readonly Bar[], base: number, stretch: number): string {
  const steps = bars.map(({ from, to, height }) => {
    const top = tenth(base - height * stretch)
    return `L${tenth(from)} ${top}L${tenth(to)} ${top}`
  })
  const [start, end] = [bars[0]?.from ?? box.left, bars[bars.length - 1]?.to ?? box.left]
  return `M${tenth(start)} ${tenth(base)}${steps.join('')}L${tenth(end)} ${tenth(base)}Z`
}

/** Bars with areas in proportion to their counts, as far as they are a pixel wide; values that are all alike are one thin bar, and what lies outside has a bar at that end. */
function density(histogram: Histogram, scale: (v: number) => number): Bar[] {
  const { low, high, counts, underflow, overflow } = histogram
  const total = countOf(histogram)
  if (total === 0) return []
  const bar = (from: number, to: number, count: number): Bar => ({ from, to, height: count / total / Math.max(to - from, 1) })
  const at = (i: number) => scale(low + ((high - low) * i) / counts.length)
  const inside = low === high ? [bar(scale(low) - 1.5, scale(low) + 1.5, counts[0])] : counts.map((count, i) => bar(at(i), at(i + 1), count))
  const [first, last] = [inside[0].from, inside[inside.length - 1].to]
  return [
    ...(underflow > 0 ? [bar(box.left, box.left + OUTSIDE - 1, underflow), bar(box.left + OUTSIDE - 1, first, 0)] : []),
    ...inside,
    ...(overflow > 0 ? [bar(last, box.right - OUTSIDE + 1, 0), bar(box.right - OUTSIDE + 1, box.right, overflow)] : []),
  ]
}

export function describeHistograms(rows: Histograms['rows'], marked = rows.length - 1): string {
  const row = rows[marked]
  if (!row) return 'Nothing yet.'
  const { low, high, underflow, overflow, nan } = row.histogram
  const outside = underflow + overflow + nan > 0 ? `${underflow} below, ${overflow} above, ${nan} not a number` : 'none outside'
  const range = hasRange(row.histogram) ? `from ${number(low)} to ${number(high)}, ` : '– none of them finite: '
  return `Step ${row.step}: ${countOf(row.histogram).toLocaleString('en-US')} values ${range}${outside}.`
}

/** Every bin of every row. */
export function histogramRows(rows: Histograms['rows']): { header: string[]; rows: number[][] } {
  return {
    header: ['step', 'from', 'to', 'count'],
    rows: rows.flatMap(({ step, histogram: { low, high, counts, underflow, overflow, nan } }) => {
      const width = (high - low) / counts.length
      return [
        ...(underflow > 0 ? [[step, Number.NEGATIVE_INFINITY, low, underflow]] : []),
        ...counts.map((count, i) => [step, low + i * width, low + (i + 1) * width, count]),
        ...(overflow > 0 ? [[step, high, Number.POSITIVE_INFINITY, overflow]] : []),
        ...(nan > 0 ? [[step, Number.NaN, Number.NaN, nan]] : []),
      ]
    }),
  }
}
