import { normNames } from '../../src/experiments/norms.js'
import type { Chart, Point, Series } from '../../src/experiments/report/chart.js'
import { choice, defaultsOf, integer, list, positive, type SettingsOf, seed } from '../../src/experiments/settings.js'
import { type RunSettings, runSettings } from '../workbench/settings.js'
import type { Outcome, Task } from './trials.js'

type SweepNorm = 'none' | 'batch' | 'layer' | 'group' | 'rms'
const { none, batch, layer, group, rms } = normNames

export const sweepSettings = {
  data: choice<'digits14' | 'spirals'>({
    default: 'digits14',
    label: 'data',
    help: 'What is learned',
    choices: { digits14: 'handwritten digits, 14 × 14', spirals: 'three spirals in the plane' },
  }),
  network: choice<'mlp' | 'cnn'>({ default: 'mlp', label: 'network', help: 'What learns', choices: { mlp: 'fully connected', cnn: 'convolutions' } }),
  depth: integer({ default: 3, min: 1, max: 24, label: 'depth', help: 'Blocks of layer, norm and activation' }),
  learningRate: positive({ default: 0.1, label: 'learning rate at 32', help: 'Learning rate at batch size 32', flag: 'lr' }),
  scaling: choice<'linear' | 'none'>({
    default: 'linear',
    label: 'by batch size',
    help: 'Whether the learning rate grows with the batch (Goyal et al. 2017)',
    choices: { linear: 'in proportion', none: 'the same for all' },
  }),
  samples: integer({ default: 1280, min: 128, max: 100_000, label: 'samples', help: 'Samples that each run sees: fewer steps at larger batches' }),
  seed: seed(),
  norms: list(choice<SweepNorm>({ default: 'batch', label: 'norms', help: 'Lines', choices: { batch, layer, none, group, rms } }), {
    default: ['batch', 'layer', 'none'],
    flag: 'norm',
  }),
}
export type SweepSettings = SettingsOf<typeof sweepSettings>

export const batchSizes = [1, 2, 4, 8, 16, 32, 64, 128] as const
const REFERENCE = 32

export interface SweepRun extends Task {
  norm: SweepNorm
  batchSize: number
}

export function sweepRuns({ data, network, depth, learningRate, scaling, samples, seed, norms }: SweepSettings): SweepRun[] {
  // Convolutions need pictures.
  const bench = { data, network: data === 'spirals' ? 'mlp' : network, depth, seed } as const
  // The largest batches first: they take the fewest steps, and there is something to see soon.
  return [...batchSizes].reverse().flatMap((batchSize) =>
    norms.map((norm): SweepRun => {
      const rate = scaling === 'linear' ? (learningRate * batchSize) / REFERENCE : learningRate
      const run: RunSettings = { ...defaultsOf(runSettings), norm, batchSize, learningRate: rate }
      return { norm, batchSize, config: { ...bench, ...run }, steps: Math.floor(samples / batchSize) }
    }),
  )
}

/** A line for each norm, the same look in every chart. */
const lookOf = ({ norms }: SweepSettings, norm: SweepNorm): number => norms.indexOf(norm)

const POINTS = 48

/** Losses over samples; each point is the mean of as many steps as it takes. */
function lossPoints(losses: ArrayLike<number>, batchSize: number): Point[] {
  const join = Math.max(1, Math.ceil(losses.length / POINTS))
  return Array.from({ length: Math.ceil(losses.length / join) }, (_, i) => {
    const part = Array.from(losses).slice(i * join, (i + 1) * join)
    return { x: (i * join + part.length) * batchSize, y: part.reduce((sum, v) => sum + v, 0) / part.length }
  }).filter(({ y }) => Number.isFinite(y) && y > 0)
}

/** One chart a batch size, all on the same axes. */
export function sweepCharts(settings: SweepSettings, runs: readonly SweepRun[], outcomes: readonly (Outcome | undefined)[]): Chart[] {
  const lines = runs.map(({ norm, batchSize }, i) => {
    const { trial } = outcomes[i] ?? {}
    const series: Series = {
      name: normNames[norm],
      look: lookOf(settings, norm),
      points: trial ? lossPoints(trial.losses, batchSize) : [],
      end: trial?.divergence ? `${trial.divergence.loss} at step ${trial.divergence.step}` : undefined,
    }
    return { batchSize, series }
  })
  const values = lines.flatMap(({ series }) => series.points.map(({ y }) => y))
  const domain = values.length > 0 ? ([Math.min(...values), Math.max(...values)] as const) : ([0.1, 3] as const)
  return batchSizes.map((size) => {
    const series = lines.filter(({ batchSize }) => batchSize === size).map((line) => line.series)
    return {
      title: `Batch size ${size}`,
      description: series
        .map(({ name, points }) => `${name}: ${points.length > 0 ? `${points[points.length - 1].y.toPrecision(3)} at the end` : 'no value'}`)
        .join('; '),
      x: { label: 'samples seen', domain: [0, settings.samples] as const },
      y: { label: 'training loss (nats)', domain, log: true },
      series,
    }
  })
}

/** Test accuracy over batch size. */
export function accuracyChart(settings: SweepSettings, runs: readonly SweepRun[], outcomes: readonly (Outcome | undefined)[]): Chart {
  const series = settings.norms.map(
    (norm): Series => ({
      name: normNames[norm],
      look: lookOf(settings, norm),
      markers: true,
      points: batchSizes.flatMap((size, x) => {
        const at = runs.findIndex((run) => run.norm === norm && run.batchSize === size)
        const accuracy = outcomes[at]?.trial?.evaluation?.testAccuracy
        return accuracy === undefined ? [] : [{ x, y: 100 * accuracy }]
      }),
    }),
  )
  return {
    title: 'Test data right in eval(), at the end',
    description: series.map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${y.toFixed(1)} at ${batchSizes[x]}`).join(', ')}`).join('; '),
    x: { label: 'batch size', domain: [0, 1], names: batchSizes.map(String) },
    y: { label: 'right answers (%)', domain: [0, 100] },
    series,
  }
}
