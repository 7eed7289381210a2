import { normNames } from '../experiments/norms.js'
import { number, type Point, type Series } from '../experiments/report/chart.js'
import { element, escapeText, table } from '../experiments/report/markup.js'
import { type About, methodSection, page, section } from '../experiments/report/page.js'
import { figure } from '../experiments/report/report.js'
import { recipes } from './recipes.js'
import type { TrainingResult } from './result.js'

const CURVE_POINTS = 100
const TABLE_ROWS = 20

/** The page of a training run: the loss curve beside what is held out and what counting alone achieves, and how it was made. */
export function trainingReport(result: TrainingResult, about: About): string {
  const { settings, data, status, steps, kind } = result
  const { label } = recipes[settings.model]
  const lead = `${label.charAt(0).toUpperCase()}${label.slice(1)} with ${normNames[settings.norm]}, trained on ${data.name}: ${count(steps)} steps of ${settings.batchSize} ${kind === 'text' ? `sequences of ${settings.context} characters` : 'images'}.`
  const endings = { finished: '', stopped: `Stopped after ${count(steps)} of ${count(settings.steps)} steps.`, diverged: `Diverged at step ${count(steps)}.` }
  const notice = endings[status] && element('p', { class: 'notice' }, endings[status])
  const body = [
    `<header><h1>Training ${escapeText(label)}</h1><p class="lead">${escapeText(lead)}</p>${notice}</header>`,
    section('results', 'Results', results(result)),
    lossFigure(result),
    methodSection(method(result), about),
  ]
  return page(`Training ${label}`, body, about)
}

const count = (n: number): string => n.toLocaleString('en-US')

function results({ evaluations, references, kind }: TrainingResult): string {
  const last = evaluations.at(-1)
  const model = last ? [['This model', last.loss.toFixed(3), `${(100 * last.accuracy).toFixed(1)}%`]] : []
  const rows = [...model, ...references.map(({ name, loss }) => [name, loss.toFixed(3), null])]
  const columns = [
    { label: 'On what is held out' },
    { label: `Cross-entropy (nats${kind === 'text' ? ' per character' : ''})`, numeric: true },
    { label: 'Right', numeric: true },
  ]
  return table({ caption: 'Of the last evaluation, beside what needs no network.', columns, rows, strong: last ? [0] : [] })
}

/** Means of the losses in parts of as many steps. */
function curve(losses: readonly (number | null)[], parts: number): Point[] {
  const size = Math.max(1, Math.ceil(losses.length / parts))
  return Array.from({ length: Math.ceil(losses.length / size) }, (_, part) => {
    const values = losses.slice(part * size, (part + 1) * size).filter((loss) => loss !== null)
    return { x: part * size + values.length / 2, y: values.reduce((sum, v) => sum + v, 0) / values.length }
  }).filter(({ y }) => Number.isFinite(y))
}

function lossFigure({ losses, evaluations, references, settings }: TrainingResult): string {
  const end = Math.max(1, losses.length)
  const heldOut = evaluations.map(({ step, loss }) => ({ x: step, y: loss }))
  const lines: Series[] = [
    { name: 'training', look: 0, points: curve(losses, CURVE_POINTS) },
    { name: 'held out', look: 1, points: heldOut, markers: true },
    ...references.map(({ name, loss }, i) => ({
      name,
      look: 2 + i,
      points: [
        { x: 0, y: loss },
        { x: end, y: loss },
      ],
    })),
  ]
  const series = lines.filter(({ points }) => points.length > 0)
  if (series.length === 0) return ''
  const values = series.flatMap(({ points }) => points.map(({ y }) => y))
  const size = Math.max(1, Math.ceil(losses.length / CURVE_POINTS))
  const columns = [{ label: 'Around step' }, { label: 'Training loss', numeric: true }]
  const rows = curve(losses, TABLE_ROWS).map(({ x, y }) => [count(Math.round(x)), number(y)])
  return figure(
    {
      id: 'loss',
      heading: 'Loss',
      text: `Training loss, averaged over every ${count(size)} steps, before each update.`,
      charts: [
        {
          title: 'cross-entropy',
          description: series.map(({ name, points }) => `${name}: from ${number(points[0].y)} to ${number(points[points.length - 1].y)}`).join('; '),
          x: { label: 'step', domain: [0, end] },
          y: { label: 'cross-entropy (nats)', domain: [Math.min(...values), Math.max(...values)] },
          series,
        },
      ],
      columns: 1,
      legend: series,
      table: { caption: `Means of the training loss, of ${count(settings.steps)} steps planned`, columns, rows },
    },
    0,
  )
}

function method({ settings, data, kind, parameters, seconds, steps, references }: TrainingResult): [string, string][] {
  const { model, norm, cell, batchSize, lr, seed, context } = settings
  const held = kind === 'text' ? 'the last tenth of the text (at most 131,072 characters of it)' : 'images that are not learned from'
  return [
    ['Network', `${recipes[model].label}, ${model === 'charlm' ? `${cell.toUpperCase()}, ` : ''}${count(parameters)} parameters, ${normNames[norm]}`],
    ['Data', data.name],
    ['Held out', held],
    [
      'Training',
      `AdamW, learning rate ${lr} behind a linear warm-up of 100 steps, batch size ${batchSize}${kind === 'text' ? `, ${context} characters at a time` : ''}, gradients no longer than 1; seed ${seed}`,
    ],
    ...(references.some(({ name }) => name === 'bigram')
      ? [['Unigram, bigram', 'characters drawn by their frequency, alone and behind the one before, counted in the training text'] as [string, string]]
      : []),
    ['Time', `${seconds.toFixed(0)} s for ${count(steps)} steps`],
  ]
}
