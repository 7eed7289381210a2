import { element, escapeText } from '../../src/experiments/report/markup.js'
import { type Rows, titleWidth } from '../charts/export.js'
import type { AxesNumbers } from '../training/axes.js'
import { type Block, positionOf } from './block.js'
import { CELL, layoutOf, outline } from './layout.js'

/** The block as a picture that stands alone, and its numbers as rows. */

const TITLE = 30

/** Hues as far apart as the number of groups allows. */
export const hueOf = (group: number, groups: number): number => (groups <= 12 ? 25 + (360 / Math.max(groups, 5)) * group : group * 137.508) % 360

/** `4 statistics of 27 values: one for each C, over N, H, W` */
export function sharedInWords({ groups, members, words }: Block): string {
  const size = members[0].length
  const count = `${groups} ${groups === 1 ? 'statistic' : 'statistics'} of ${size} ${size === 1 ? 'value' : 'values'}`
  return `${count}: ${words.each ? `one for each ${words.each}` : 'one for everything'}, over ${words.over || 'nothing but itself'}`
}

/** One decimal; no sign where that leaves 0. */
export const inCell = (value: number): string =>
  value
    .toFixed(1)
    .replace(/^-(0\.0)$/, '$1')
    .replace('-', '−')

/** @param values of every cell, in order */
export function blockPicture(block: Block, values: ArrayLike<number>, title: string): string {
  const layout = layoutOf(block)
  const cells = Array.from(block.groupOf, (group, i) => {
    const [x, y] = [layout.x[i], layout.y[i]]
    // With commas, as older programs read it.
    const fill = `hsl(${hueOf(group, block.groups).toFixed(0)}, 62%, 86%)`
    const rect = element('rect', { x, y, width: CELL, height: CELL, fill, stroke: '#ffffff' })
    return rect + element('text', { x: x + CELL / 2, y: y + CELL / 2 + 5, 'text-anchor': 'middle' }, inCell(values[i]))
  })
  const labels = layout.labels.map(({ text, x, y, end }) => element('text', { x, y, 'text-anchor': end ? 'end' : 'middle' }, escapeText(text)))
  const borders = element('path', { d: outline(layout, block.groupOf, () => true), fill: 'none', stroke: '#56606b', 'stroke-width': 1.5 })
  const content = [
    element('text', { class: 'title', x: 8, y: 20 }, escapeText(title)),
    element('g', { transform: `translate(0 ${TITLE})` }, [...cells, borders, ...labels].join('')),
  ]
  const width = Math.max(layout.width, titleWidth(title))
  return element('svg', { viewBox: `0 0 ${width} ${layout.height + TITLE}`, role: 'img', 'aria-label': title }, content.join(''))
}

/** Every cell: where it is, which statistic it shares, and its numbers. */
export function blockRows(block: Block, numbers: AxesNumbers): Rows {
  return {
    header: [...block.names, 'statistic', 'mean', block.norm.centered ? 'variance' : 'mean square', 'before', 'normalised', 'after'],
    rows: Array.from(block.groupOf, (group, i) => [
      ...positionOf(block.shape, i).map((at) => at + 1),
      group + 1,
      numbers.mean[group],
      numbers.variance[group],
      numbers.before[i],
      numbers.standardized[i],
      numbers.after[i],
    ]),
  }
}
