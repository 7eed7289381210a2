import { normNames } from '../../src/experiments/norms.js'
import { element, escapeText } from '../../src/experiments/report/markup.js'
import { type Rows, titleWidth } from '../charts/export.js'
import { activationNames } from '../workbench/settings.js'
import type { Cell, GridSettings } from './grid.js'
import type { Outcome } from './trials.js'

/** The grid of one activation as a picture that stands alone, and all cells as rows. */

const WIDTH = 58
const HEIGHT = 36
const LEFT = 96
const TOP = 64
const GAP = 3

/** From the ground to the page's accent, as far as text on it can be read. */
const [ground, full] = [
  [241, 239, 233],
  [93, 156, 161],
]
const shade = (share: number): string => `rgb(${ground.map((from, i) => Math.round(from + (full[i] - from) * share)).join(', ')})`

type Outcomes = readonly (Outcome | undefined)[]

/** `48`, `✕ 6` for one that diverged at step 6, `!` for one that the layer refused, `·` for one that has not run. */
export function cellText(outcome: Outcome | undefined): string {
  const { trial, problem } = outcome ?? {}
  if (trial?.evaluation) return String(Math.round(100 * trial.evaluation.testAccuracy))
  if (trial?.divergence) return `✕ ${trial.divergence.step}`
  return problem ? '!' : '·'
}

export const gridTitle = ({ steps }: GridSettings, activation: Cell['activation']): string =>
  `${activationNames[activation]}: test data right after ${steps} steps (%), ✕ diverged at step`

export function gridPicture(settings: GridSettings, activation: Cell['activation'], cells: readonly Cell[], outcomes: Outcomes): string {
  const { norms, rates } = settings
  const title = gridTitle(settings, activation)
  const middle = (column: number) => LEFT + column * WIDTH + WIDTH / 2
  const squares = cells.flatMap((cell, i) => {
    if (cell.activation !== activation) return []
    const [row, column] = [norms.indexOf(cell.norm), rates.indexOf(cell.rate)]
    const accuracy = outcomes[i]?.trial?.evaluation?.testAccuracy
    const fill = accuracy === undefined ? (outcomes[i]?.trial?.divergence ? '#fdeee6' : shade(0)) : shade(accuracy)
    const box = { x: LEFT + column * WIDTH, y: TOP + row * HEIGHT, width: WIDTH - GAP, height: HEIGHT - GAP, rx: 5, fill }
    return [
      element('rect', box) +
        element('text', { x: middle(column) - GAP / 2, y: box.y + HEIGHT / 2 + 3, 'text-anchor': 'middle' }, escapeText(cellText(outcomes[i]))),
    ]
  })
  const heads = rates.map((rate, column) => element('text', { x: middle(column) - GAP / 2, y: TOP - 8, 'text-anchor': 'middle' }, String(rate)))
  const names = norms.map((norm, row) => element('text', { x: LEFT - 10, y: TOP + row * HEIGHT + HEIGHT / 2 + 3, 'text-anchor': 'end' }, normNames[norm]))
  const content = [
    element('text', { class: 'title', x: 8, y: 20 }, escapeText(title)),
    element('text', { x: LEFT - 10, y: TOP - 8, 'text-anchor': 'end' }, 'learning rate'),
    ...heads,
    ...names,
    ...squares,
  ]
  const width = Math.max(LEFT + rates.length * WIDTH + 8, titleWidth(title))
  return element('svg', { viewBox: `0 0 ${width} ${TOP + norms.length * HEIGHT + 8}`, role: 'img', 'aria-label': title }, content.join(''))
}

/** Every cell that has been run. @param activation of one grid; without it, of all */
export function gridRows(cells: readonly Cell[], outcomes: Outcomes, activation?: Cell['activation']): Rows {
  const rows = cells.flatMap((cell, i) => {
    const outcome = outcomes[i]
    if (!outcome || (activation && cell.activation !== activation)) return []
    const { trial, problem } = outcome
    const said = trial?.divergence ? `${trial.divergence.loss} at step ${trial.divergence.step}` : (problem ?? '')
    return [[activationNames[cell.activation], normNames[cell.norm], cell.rate, trial?.evaluation?.testAccuracy ?? '', said]]
  })
  return { header: ['activation', 'norm', 'learning rate', 'test accuracy', 'said'], rows }
}
