import type { Table } from '../../src/experiments/experiment.js'
import { type Chart, dashes } from '../../src/experiments/report/chart.js'
import { element, escapeText } from '../../src/experiments/report/markup.js'

/** Files made of what is on the screen. */

export function download(name: string, contents: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([contents], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Numbers of a figure, with the names of their columns. */
export interface Rows {
  header: readonly string[]
  rows: readonly (readonly (string | number)[])[]
}

/** A letter of a title is about 7.2 wide. */
export const titleWidth = (title: string): number => title.length * 7.2 + 16

/** `loss of each step` becomes `loss-of-each-step`. */
export const fileName = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '') || 'figure'

/** The colours of the light page, as numbers: not every program that opens an SVG knows variables. */
const ink = { text: '#56606b', title: '#16202c', rule: '#dedad0', axis: '#8b8f92', ground: '#ffffff' }
const series = ['#0b62b8', '#b8420a', '#4c5661', '#19763a', '#7b3fd1', '#8a6100']
const pictureStyle = [
  `svg { background: ${ink.ground}; }`,
  `text { font: 12.5px system-ui, sans-serif; fill: ${ink.text}; }`,
  `.title { font-weight: 600; font-size: 13.5px; fill: ${ink.title}; }`,
  `.grid { stroke: ${ink.rule}; } .axis { stroke: ${ink.axis}; }`,
  ...series.map((colour, look) =>
    [
      `.look-${look} .line { fill: none; stroke: ${colour}; stroke-width: 2.2; stroke-linejoin: round; }`,
      `.look-${look} .spread { stroke: ${colour}; stroke-width: 2; }`,
      `.look-${look} .marker { fill: ${colour}; stroke: ${ink.ground}; } .look-${look} .hollow { fill: ${ink.ground}; stroke: ${colour}; stroke-width: 2; }`,
      `.look-${look} .note { fill: ${colour}; font-weight: 600; }`,
      `.look-${look} .ridge, .look-${look} .overlaid { fill: ${colour}; fill-opacity: 0.2; stroke: ${colour}; stroke-opacity: 0.5; }`,
      `.look-${look} .overlaid { fill: none; }`,
      `.look-${look} .front { fill: ${colour}; fill-opacity: 0.6; stroke-opacity: 1; stroke-width: 1.5; }`,
    ].join(' '),
  ),
].join('\n')

/** What a look in a picture stands for. */
export type Key = Pick<Chart['series'][number], 'name' | 'look'>
const KEY_HEIGHT = 18

/** A picture that stands alone, with its style, and what its lines stand for beneath it. @param svg markup of one svg element with a viewBox */
export function standaloneSvg(svg: string, keys: readonly Key[] = []): string {
  const [box, width, height] = svg.match(/viewBox="0 0 ([\d.]+) ([\d.]+)"/) ?? []
  if (!box) return svg
  const tall = Number(height) + (keys.length > 0 ? keys.length * KEY_HEIGHT + 6 : 0)
  const lines = keys.map(({ name, look }, i) => {
    const sample = element('path', { class: 'line', d: 'M60 0h34', 'stroke-dasharray': dashes[look] })
    const line = sample + element('text', { x: 102, y: 4 }, escapeText(name))
    return element('g', { class: `series look-${look}`, transform: `translate(0 ${Number(height) + (i + 0.5) * KEY_HEIGHT})` }, line)
  })
  return svg
    .replace(box, `viewBox="0 0 ${width} ${tall}"`)
    .replace(/^<svg /, `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${tall}" `)
    .replace('>', `><style>${pictureStyle}</style>`)
    .replace(/<\/svg>$/, `${lines.join('')}</svg>`)
}

const PNG_SCALE = 3

/** @throws Error where the browser can't draw it */
export async function png(svg: string, keys: readonly Key[]): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([standaloneSvg(svg, keys)], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = image.naturalWidth * PNG_SCALE
    canvas.height = image.naturalHeight * PNG_SCALE
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
    if (!blob) throw new Error('the browser made no picture')
    return blob
  } finally {
    URL.revokeObjectURL(url)
  }
}

const field = (value: string | number): string => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value))
export const csvOf = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  `${[header, ...rows].map((row) => row.map(field).join(',')).join('\n')}\n`

/** Every point of a chart, in full. */
export function chartRows({ x, series }: Pick<Chart, 'x' | 'series'>): Rows {
  const spread = series.some(({ points }) => points.some((p) => p.spread !== undefined))
  return {
    header: ['series', x.label, 'value', ...(spread ? ['spread'] : [])],
    rows: series.flatMap(({ name, points }) => points.map((p) => [name, x.names?.[p.x] || p.x, p.y, ...(spread ? [p.spread ?? ''] : [])])),
  }
}

export const tableCsv = ({ columns, rows }: Table): string =>
  csvOf(
    columns.map(({ label }) => label),
    rows.map((row) => row.map((cell) => cell ?? '')),
  )
