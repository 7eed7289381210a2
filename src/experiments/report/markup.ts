import type { Table } from '../experiment.js'

/** Text for HTML and SVG. */

export const escapeText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

type Attributes = Readonly<Record<string, string | number | undefined>>

/** Finer than a pixel, and short. */
export const tenth = (value: number): number => Math.round(value * 10) / 10

/** An element; `content` is markup. Numbers are rounded to a tenth. */
export function element(name: string, attributes: Attributes, content?: string): string {
  const text = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? tenth(value) : escapeText(String(value))}"`)
    .join('')
  return content === undefined ? `<${name}${text}/>` : `<${name}${text}>${content}</${name}>`
}

/** The first column heads its row; rows that stand out are bold. */
export function table({ caption, columns, rows, strong = [] }: Table): string {
  const head = columns.map(({ label, numeric }) => element('th', { scope: 'col', class: numeric ? 'number' : undefined }, escapeText(label))).join('')
  const body = rows.map((cells, row) => {
    const tds = cells.map((cell, column) => {
      const text = escapeText(cell ?? '–')
      const content = strong.includes(row) ? element('strong', {}, text) : text
      return column === 0 ? element('th', { scope: 'row' }, content) : element('td', { class: columns[column].numeric ? 'number' : undefined }, content)
    })
    return `<tr>${tds.join('')}</tr>`
  })
  const inner = `<caption>${escapeText(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody>`
  // Wide tables scroll by themselves, with the keyboard too.
  return element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption }, element('table', {}, inner))
}
