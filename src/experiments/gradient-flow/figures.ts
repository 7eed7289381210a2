import type { Figure, Table } from '../experiment.js'
import { activationNames, initNames, placeNames } from '../networks.js'
import { lookOfNorm, normLegend, normNames } from '../norms.js'
import { type Chart, number, type Point, type Series } from '../report/chart.js'
import { type FlowGroup, type FlowResult, groupsOf } from './ratio.js'
import type { FlowLayer } from './run.js'

/** Charts over the layers of the deepest networks, one per place, activation and initialisation, and one of the ratio over depth. */
export function figures(result: FlowResult): Figure[] {
  const groups = groupsOf(result)
  const legend = normLegend(result.settings.norms)
  const over = (
    id: string,
    heading: string,
    text: string,
    label: string,
    log: boolean,
    when: 'start' | 'end',
    value: (layer: FlowLayer) => number | null,
  ): Figure => ({
    id,
    heading,
    text,
    charts: layerCharts(groups, label, log, when, value),
    columns: 2,
    legend,
    table: layerTable(heading, groups, when, value),
  })
  return [
    over(
      'gradients',
      'Gradient of each layer at the start',
      'Mean over seeds, on a logarithmic axis; the loss is to the right. A gradient of 0 has no point.',
      'gradient norm',
      true,
      'start',
      (l) => l.gradientNorm,
    ),
    over('gradients-end', 'Gradient of each layer after training', 'The same at the last step.', 'gradient norm', true, 'end', (l) => l.gradientNorm),
    over(
      'activations',
      'Spread of the activations at the start',
      'Standard deviation of what each layer gives to the next, on a logarithmic axis.',
      'standard deviation',
      true,
      'start',
      (l) => l.std,
    ),
    over(
      'dead',
      'Dead units after training',
      'Share of units whose activation is 0 for the whole batch, in percent.',
      'dead units (%)',
      false,
      'end',
      (l) => 100 * l.dead,
    ),
    ratioFigure(result),
  ].filter(({ charts }) => charts.length > 0)
}

const nameOf = ({ place, activation, init }: FlowGroup): string => `${activationNames[activation]}, ${placeNames[place].split(':')[0]}, ${initNames[init]}`

function panels(groups: readonly FlowGroup[]): Map<string, FlowGroup[]> {
  const found = new Map<string, FlowGroup[]>()
  for (const group of groups) found.set(nameOf(group), [...(found.get(nameOf(group)) ?? []), group])
  return found
}

/** Mean over the seeds, of each layer. */
function means({ runs, depth }: FlowGroup, when: 'start' | 'end', value: (layer: FlowLayer) => number | null): Point[] {
  return Array.from({ length: depth }, (_, i) => {
    const values = runs.flatMap((run) => {
      const v = run[when][i] ? value(run[when][i]) : null
      return v === null ? [] : [v]
    })
    return { x: i + 1, y: values.reduce((sum, v) => sum + v, 0) / values.length }
  }).filter(({ y }) => Number.isFinite(y))
}

function layerCharts(groups: readonly FlowGroup[], label: string, log: boolean, when: 'start' | 'end', value: (layer: FlowLayer) => number | null): Chart[] {
  const charts = [...panels(groups)].map(([title, members]) => ({
    title,
    depth: members[0].depth,
    series: members.map((group): Series => {
      const points = means(group, when, value)
      return { name: normNames[group.norm], look: lookOfNorm(group.norm), points: log ? points.filter(({ y }) => y > 0) : points }
    }),
  }))
  const values = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ y }) => y)))
  if (values.length === 0) return []
  const domain: [number, number] = log ? [Math.min(...values), Math.max(...values)] : [0, 100]
  return charts.map(({ title, depth, series }) => ({
    title,
    description: `${label} over the layers. ${series.map(describe).join('; ')}.`,
    x: { label: 'hidden layer', domain: [1, Math.max(2, depth)] as const },
    y: { label, domain, log },
    series,
  }))
}

function describe({ name, points }: Series): string {
  const [first, last] = [points[0], points[points.length - 1]]
  return first ? `${name}: from ${number(first.y)} in the first to ${number(last.y)} in the last` : `${name}: no values`
}

function layerTable(caption: string, groups: readonly FlowGroup[], when: 'start' | 'end', value: (layer: FlowLayer) => number | null): Table {
  const depth = Math.max(0, ...groups.map((group) => group.depth))
  const layers = Array.from({ length: depth }, (_, i) => i + 1)
  return {
    caption,
    columns: [{ label: 'Norm' }, { label: 'Network' }, ...layers.map((layer) => ({ label: String(layer), numeric: true }))],
    rows: groups.map((group) => {
      const points = new Map(means(group, when, value).map(({ x, y }) => [x, y]))
      return [normNames[group.norm], nameOf(group), ...layers.map((layer) => (points.has(layer) ? number(points.get(layer) ?? 0) : null))]
    }),
  }
}

function ratioFigure(result: FlowResult): Figure {
  const depths = [...result.settings.depths].sort((a, b) => a - b)
  const all = depths.flatMap((depth) => groupsOf(result, depth))
  const charts = [...panels(all)].map(([title, members]) => ({
    title,
    series: result.settings.norms.map(
      (norm): Series => ({
        name: normNames[norm],
        look: lookOfNorm(norm),
        markers: true,
        points: depths.flatMap((depth, x) => {
          const ratio = members.find((group) => group.norm === norm && group.depth === depth)?.ratio ?? null
          return ratio === null || ratio === 0 ? [] : [{ x, y: ratio }]
        }),
      }),
    ),
  }))
  const values = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ y }) => y)))
  return {
    id: 'ratio',
    heading: 'From the last layer to the first',
    text: 'Gradient of the first hidden layer over that of the last at the start, geometric mean over seeds: 1 is what one would wish for.',
    charts:
      values.length === 0
        ? []
        : charts.map(({ title, series }) => ({
            title,
            description: series.map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${number(y)} at depth ${depths[x]}`).join(', ')}`).join('; '),
            x: { label: 'hidden layers', domain: [0, 1] as const, names: depths.map(String) },
            y: { label: 'first to last', domain: [Math.min(...values), Math.max(...values)] as const, log: true },
            series,
          })),
    columns: 2,
    legend: normLegend(result.settings.norms),
    table: {
      caption: 'Gradient of the first hidden layer over that of the last',
      columns: [{ label: 'Norm' }, { label: 'Network' }, { label: 'Depth', numeric: true }, { label: 'First to last', numeric: true }],
      rows: all.map((group) => [normNames[group.norm], nameOf(group), String(group.depth), group.ratio === null ? null : number(group.ratio)]),
    },
  }
}
