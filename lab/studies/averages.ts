import type { Chart, Point, Series } from '../../src/experiments/report/chart.js'
import { choice, integer, number, orNone, type SettingsOf, seed } from '../../src/experiments/settings.js'
import type { ChannelStatistics } from '../training/records.js'
import { type BenchSettings, playSettings, type RunSettings } from '../workbench/settings.js'
import type { Track } from '../workbench/track.js'

export const averagesSettings = {
  data: choice<'digits14' | 'spirals'>({
    default: 'digits14',
    label: 'data',
    help: 'What is learned',
    choices: { digits14: 'handwritten digits, 14 × 14', spirals: 'three spirals in the plane' },
  }),
  depth: integer({ default: 3, min: 1, max: 8, label: 'depth', help: 'Hidden layers, fully connected' }),
  batchSize: integer({ default: 16, min: 2, max: 256, label: 'batch size', help: 'Samples in a step' }),
  learningRate: number({ default: 0.2, min: 1e-5, max: 100, label: 'learning rate', help: 'Of plain gradient descent', flag: 'lr' }),
  momentum: orNone(
    number({ default: 0.1, min: 0, max: 1, label: 'momentum', help: 'Weight of a new batch in the running averages; none for the plain average' }),
  ),
  seed: seed(),
  stopEvery: { ...playSettings.stopEvery, default: 1000 },
}
export type AveragesSettings = SettingsOf<typeof averagesSettings>

export const benchOf = ({ data, depth, seed }: AveragesSettings): BenchSettings => ({ data, depth, seed, network: 'mlp' })
export const runOf = ({ batchSize, learningRate, momentum }: AveragesSettings): RunSettings => ({
  norm: 'batch',
  place: 'before',
  activation: 'relu',
  batchSize,
  learningRate,
  momentum,
})

/** Where the slider stops, from none to a share that forgets all but the last batch. */
export const momenta: readonly (number | null)[] = [null, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 1]

const describe = (series: readonly Series[]): string =>
  series.map(({ name, points }) => `${name}: ${points.length > 0 ? `${points[points.length - 1].y.toPrecision(3)} at the end` : 'nothing yet'}`).join('; ')

function overSteps(track: Track, title: string, label: string, series: readonly Series[], log: boolean): Chart {
  const values = series.flatMap(({ points }) => points.map(({ y }) => y))
  return {
    title,
    description: describe(series),
    x: { label: 'step', domain: [0, Math.max(10, track.step)] },
    y: { label, log, domain: values.length > 0 ? [Math.min(...values), Math.max(...values)] : log ? [0.1, 3] : [0, 1] },
    series,
  }
}

/** The loss of the same samples with the same weights, in both modes. */
export function bothModes(track: Track): Chart {
  const line = (key: 'train' | 'eval'): Point[] => track.evaluations.items.map((e) => ({ x: e.step, y: e[key] })).filter(({ y }) => Number.isFinite(y) && y > 0)
  return overSteps(
    track,
    'Loss of the same samples',
    'cross-entropy (nats)',
    [
      { name: 'in eval()', look: 0, markers: true, points: line('eval') },
      { name: 'in train()', look: 1, markers: true, points: line('train') },
    ],
    true,
  )
}

/** One channel over the steps: what the batches had, what is remembered, and what is true. */
export function channelChart(track: Track, block: number, channel: number, variance: boolean): Chart {
  const read = (s: ChannelStatistics | undefined) => (variance ? s?.variance : s?.mean)?.[channel]
  const points = (list: readonly { step: number; value: number | undefined }[]): Point[] =>
    list.flatMap(({ step, value }) => (value !== undefined && Number.isFinite(value) ? [{ x: step, y: value }] : []))
  const looked = track.snapshots.items.map(({ step, blocks }) => ({ step, statistics: blocks[block]?.statistics }))
  return overSteps(
    track,
    `${variance ? 'Variance' : 'Mean'} of channel ${channel}, block ${block}`,
    variance ? 'variance' : 'mean',
    [
      { name: 'this batch', look: 1, markers: true, points: points(looked.map(({ step, statistics }) => ({ step, value: read(statistics?.batch) }))) },
      { name: 'running average', look: 0, markers: true, points: points(looked.map(({ step, statistics }) => ({ step, value: read(statistics?.running) }))) },
      { name: 'the data', look: 2, markers: true, points: points(track.evaluations.items.map(({ step, dataset }) => ({ step, value: read(dataset[block]) }))) },
    ],
    false,
  )
}
