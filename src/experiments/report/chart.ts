import { element, escapeText, tenth } from './markup.js'
import { bandScale, linearScale, logScale, type Scale } from './scale.js'

/** Line charts as SVG text. Series differ by dash and marker, not by colour alone; colours come from the page (--series-0 and on). */

export interface Series {
  name: string
  /** Which look it has, the same in every chart. */
  look: number
  /** In order; the line has a gap where a value has no place. */
  points: readonly Point[]
  /** Draws each point. Default false. */
  markers?: boolean
  /** What ended the series early, said at its last point. */
  end?: string
}

export interface Point {
  x: number
  y: number
  /** Reaches from y - spread to y + spread. */
  spread?: number
}

export interface Axis {
  label: string
  /** Lowest and highest value; charts that shall compare are given the same. */
  domain: readonly [number, number]
  log?: boolean
  /** Names at 0, 1, 2, ... in place of numbers. */
  names?: readonly string[]
}

/** Whether a value has a place on an axis: NaN and infinities have none, nor has what a logarithm doesn't take. */
export const hasPlace = ({ log = false }: Pick<Axis, 'log'>, value: number): boolean => Number.isFinite(value) && (!log || value > 0)

export interface Chart {
  title: string
  /** What it shows, for those who don't see it. */
  description: string
  x: Axis
  y: Axis
  series: readonly Series[]
  /** Points without a line between them, side by side. */
  apart?: boolean
  /** Said in the chart: what it cannot draw. */
  note?: string
}

const WIDTH = 420
const HEIGHT = 290
const box = { left: 66, right: WIDTH - 22, top: 34, bottom: HEIGHT - 46 }

/** Size of a chart and of the part with the lines in it, in units of its picture. */
export const chartBox = { width: WIDTH, height: HEIGHT, ...box } as const

/** Where values lie in a chart's picture. */
export const scalesOf = ({ x, y }: Pick<Chart, 'x' | 'y'>): { xs: Scale; ys: Scale } => ({
  xs: x.names ? bandScale(x.names, box.left, box.right) : linearScale(x.domain, box.left, box.right, { count: 4, exact: true }),
  ys: y.log ? logScale(y.domain, box.bottom, box.top) : linearScale(y.domain, box.bottom, box.top),
})

export const dashes = [undefined, '7 4', '2 3', '10 3 2 3', '14 4', '1 5']
export const lookCount = dashes.length

export function chart({ title, description, x, y, series, apart = false, note }: Chart): string {
  const { xs, ys } = scalesOf({ x, y })
  // Side by side, as near as markers allow.
  const beside = apart && x.names ? Math.min(26, (box.right - box.left) / x.names.length / (series.length + 1)) : 0
  const dodge = (i: number) => (i - (series.length - 1) / 2) * beside
  const content = [
    heading(title),
    grid(xs, ys, x.names !== undefined),
    element('text', { class: 'label', x: (box.left + box.right) / 2, y: HEIGHT - 8, 'text-anchor': 'middle' }, escapeText(x.label)),
    element('text', { class: 'label', transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle' }, escapeText(y.label)),
    ...series.map((s, i) => drawSeries(s, xs, ys, (point) => hasPlace(y, point), dodge(i), apart)),
    note ? element('text', { x: box.left + 8, y: box.bottom - 8 }, escapeText(note)) : '',
  ]
  return element('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${title}. ${description}` }, content.join('\n'))
}

/** As wide as the picture at most; a letter is about 7.6 wide. */
function heading(title: string): string {
  const most = WIDTH - 24
  const squeezed = title.length * 7.6 > most ? { textLength: most, lengthAdjust: 'spacingAndGlyphs' } : {}
  return element('text', { class: 'title', x: 12, y: 18, ...squeezed }, escapeText(title))
}

function grid(xs: Scale, ys: Scale, named: boolean): string {
  const rows = ys.ticks.map(({ value, label }) => {
    const at = ys.at(value)
    const line = element('line', { class: 'grid', x1: box.left, x2: box.right, y1: at, y2: at })
    return line + element('text', { x: box.left - 6, y: at + 4, 'text-anchor': 'end' }, escapeText(label))
  })
  const columns = xs.ticks.map(({ value, label }) => {
    const at = xs.at(value)
    const tick = named ? '' : element('line', { class: 'axis', x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 })
    return tick + element('text', { x: at, y: box.bottom + 17, 'text-anchor': 'middle' }, escapeText(label))
  })
  return [...rows, ...columns, element('line', { class: 'axis', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom })].join('')
}

function drawSeries(
  { name, look, points, markers = false, end }: Series,
  xs: Scale,
  ys: Scale,
  isShown: (y: number) => boolean,
  dodge: number,
  apart: boolean,
): string {
  const at = points.flatMap((p, i) => (isShown(p.y) ? [{ ...p, px: xs.at(p.x) + dodge, py: ys.at(p.y), joins: i > 0 && isShown(points[i - 1].y) }] : []))
  const parts: string[] = []
  if (!apart && at.length > 0) {
    const path = at.map(({ px, py, joins }) => `${joins ? 'L' : 'M'}${tenth(px)} ${tenth(py)}`).join('')
    parts.push(element('path', { class: 'line', d: path, 'stroke-dasharray': dashes[look] }))
  }
  for (const { px, py, x, y, spread } of at) {
    if (spread !== undefined) parts.push(element('line', { class: 'spread', x1: px, x2: px, y1: ys.at(y - spread), y2: ys.at(y + spread) }))
    const value = `${number(y)}${spread === undefined ? '' : ` ± ${number(spread)}`}`
    if (markers)
      parts.push(
        element('g', {}, element('title', {}, escapeText(`${name}, ${xs.ticks.find((t) => t.value === x)?.label ?? x}: ${value}`)) + marker(look, px, py)),
      )
  }
  const last = at[at.length - 1]
  if (end && last) {
    const anchor = last.px > (box.left + box.right) / 2 ? 'end' : 'start'
    parts.push(element('path', { class: 'line', d: `M${tenth(last.px - 5)} ${tenth(last.py - 5)}l10 10m0 -10l-10 10` }))
    parts.push(
      element(
        'text',
        { class: 'note', x: last.px + (anchor === 'end' ? -9 : 9), y: Math.max(last.py - 9, box.top + 10), 'text-anchor': anchor },
        escapeText(end),
      ),
    )
  }
  return element('g', { class: `series look-${look}` }, parts.join(''))
}

/** A circle, a square, a triangle, a diamond, a ring, a bar. */
export function marker(look: number, atX: number, atY: number): string {
  const r = 4.5
  const [x, y] = [tenth(atX), tenth(atY)]
  const shapes = [
    () => element('circle', { class: 'marker', cx: x, cy: y, r }),
    () => element('rect', { class: 'marker', x: x - r, y: y - r, width: 2 * r, height: 2 * r }),
    () => element('path', { class: 'marker', d: `M${x} ${y - r - 1}l${r + 1} ${2 * r}h${-2 * (r + 1)}z` }),
    () => element('path', { class: 'marker', d: `M${x} ${y - r - 1}l${r + 1} ${r + 1}l${-r - 1} ${r + 1}l${-r - 1} ${-r - 1}z` }),
    () => element('circle', { class: 'marker hollow', cx: x, cy: y, r }),
    () => element('rect', { class: 'marker', x: x - 2, y: y - r - 1, width: 4, height: 2 * r + 2 }),
  ]
  return shapes[look % shapes.length]()
}

/** What each look stands for. */
export function legend(names: readonly { name: string; look: number }[]): string {
  const items = names.map(({ name, look }) => {
    const sample = element('path', { class: 'line', d: 'M1 8h38', 'stroke-dasharray': dashes[look] }) + marker(look, 20, 8)
    return `<li>${element('svg', { class: `series look-${look}`, width: 40, height: 16, viewBox: '0 0 40 16', 'aria-hidden': 'true' }, sample)} ${escapeText(name)}</li>`
  })
  return `<ul class="legend">${items.join('')}</ul>`
}

/** Three significant digits, without exponent where that is short. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const magnitude = Math.abs(value)
  return magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}
