import { type Chart, hasPlace, type Point, type Series } from '../../src/experiments/report/chart.js'
import type { BlockSnapshot, Snapshot } from '../training/records.js'
import { runName } from './settings.js'
import type { Earlier, Track } from './track.js'

/** The charts of the bench, made from what the runs have told. A run has the same look in all of them: its place on the bench. */

/** Points of a line; each is the mean of as many steps as it takes, so that a line is no haze. */
const MOST_POINTS = 72

function domainOf(points: readonly Point[], fallback: readonly [number, number]): readonly [number, number] {
  if (points.length === 0) return fallback
  let low = points[0].y
  let high = low
  for (const { y } of points) {
    low = Math.min(low, y)
    high = Math.max(high, y)
  }
  return [low, high]
}

export const nameOf = (run: Track, runs: readonly Track[]): string => {
  const name = runName(
    run.settings,
    runs.map(({ settings }) => settings),
  )
  const same = runs.filter(
    (other) =>
      runName(
        other.settings,
        runs.map(({ settings }) => settings),
      ) === name,
  )
  return same.length > 1 ? `${name} (${runs.indexOf(run) + 1})` : name
}

const describe = (chart: Pick<Chart, 'series'>): string =>
  chart.series
    .map(({ name, points }) => `${name}: ${points.length > 0 ? `${points[points.length - 1].y.toPrecision(3)} at the end` : 'nothing yet'}`)
    .join('; ')

/** A domain that reaches at least so far to both sides of 0. */
const atLeast = ([low, high]: readonly [number, number], least = 0): readonly [number, number] =>
  least > 0 ? [Math.min(low, -least), Math.max(high, least)] : [low, high]

/** A chart over the steps with a line for each run. */
function overSteps(
  runs: readonly Track[],
  title: string,
  label: string,
  pointsOf: (run: Track) => readonly Point[],
  options: { log?: boolean; domain?: readonly [number, number]; markers?: boolean; earlier?: readonly Earlier[]; least?: number } = {},
): Chart {
  const { log = false, markers = false, earlier = [] } = options
  const series: Series[] = [
    ...earlier.map(({ name, points, look }) => ({ name, look, points })),
    ...runs.map((run, look) => ({
      name: nameOf(run, runs),
      look,
      markers,
      points: pointsOf(run),
      end: run.divergence ? `${run.divergence.loss} at step ${run.divergence.step}` : undefined,
    })),
  ]
  const all = series.flatMap(({ points }) => points.filter(({ y }) => hasPlace({ log }, y)))
  // Where a run ended is said at its last point, or where there is none in the chart itself.
  const unseen = series.filter(({ end, points }) => end && !points.some(({ y }) => hasPlace({ log }, y)))
  const chart = {
    title,
    x: { label: 'step', domain: [0, Math.max(10, ...runs.map(({ step }) => step), ...all.map(({ x }) => x))] as const },
    y: { label, log, domain: options.domain ?? atLeast(domainOf(all, log ? [0.1, 1] : [0, 0]), options.least) },
    series,
    note: unseen.map(({ name, end }) => `${name}: ${end}`).join('; ') || undefined,
  }
  return { ...chart, description: describe(chart) }
}

export const lossChart = (runs: readonly Track[], earlier: readonly Earlier[]): Chart =>
  overSteps(runs, 'Training loss', 'cross-entropy (nats)', (run) => run.loss.points(MOST_POINTS), { log: true, earlier })

export const accuracyChart = (runs: readonly Track[]): Chart =>
  overSteps(
    runs,
    'Test accuracy in eval()',
    'right answers (%)',
    (run) => run.evaluations.items.map(({ step, testAccuracy }) => ({ x: step, y: 100 * testAccuracy })),
    {
      domain: [0, 100],
      markers: true,
    },
  )

export const gapChart = (runs: readonly Track[]): Chart =>
  overSteps(
    runs,
    'Gap: loss in eval() − loss in train()',
    'difference (nats)',
    (run) => run.evaluations.items.map((e) => ({ x: e.step, y: e.eval - e.train })),
    // Rounding is no gap.
    { markers: true, least: 0.01 },
  )

/** The snapshot that was current at a step; the latest without one. */
export function snapshotAt(run: Track, step: number | null): Snapshot | undefined {
  const { items } = run.snapshots
  if (step === null) return items[items.length - 1]
  return [...items].reverse().find((snapshot) => snapshot.step <= step) ?? items[0]
}

/** Numbers from 0, as many of them as there is room for. */
function everyFew(count: number, room: number): string[] {
  const every = [1, 2, 4, 8, 16].find((n) => count / n <= room) ?? count
  return Array.from({ length: count }, (_, i) => (i % every === 0 ? String(i) : ''))
}

/** A chart over the blocks of the networks, at the step of the cursor. */
function overBlocks(
  runs: readonly Track[],
  step: number | null,
  title: string,
  label: string,
  value: (block: BlockSnapshot) => number | null,
  options: { log?: boolean; domain?: readonly [number, number] } = {},
): Chart {
  const { log = false } = options
  const series = runs.map((run, look) => ({
    name: nameOf(run, runs),
    look,
    markers: true,
    points: (snapshotAt(run, step)?.blocks ?? []).flatMap((block, x) => {
      const y = value(block)
      return y === null ? [] : [{ x, y }]
    }),
  }))
  const depth = runs[0]?.bench.depth ?? 1
  const all = series.flatMap(({ points }) => points.filter(({ y }) => hasPlace({ log }, y)))
  const notes = series.flatMap(({ name, points }) => {
    const wild = points.filter(({ y }) => !Number.isFinite(y)).map(({ x }) => x)
    if (wild.length > 0) return [`${name}: not finite in ${wild.length === points.length ? 'any block' : `block ${wild.join(', ')}`}`]
    return log && points.length > 0 && points.every(({ y }) => y === 0) ? [`${name}: 0 throughout`] : []
  })
  const chart = {
    title,
    x: { label: 'block', domain: [0, depth - 1] as const, names: everyFew(depth, 12) },
    y: { label, log, domain: options.domain ?? domainOf(all, log ? [1e-3, 1] : [0, 1]) },
    series,
    note: notes.join('; ') || undefined,
  }
  return { ...chart, description: describe(chart) }
}

export const gradientChart = (runs: readonly Track[], step: number | null, ratio: boolean): Chart =>
  ratio
    ? overBlocks(runs, step, 'Gradient in lengths of the weight', 'gradient / weight', (block) => block.ratio, { log: true })
    : overBlocks(runs, step, 'Gradient that reaches each block', 'length of the gradient', (block) => block.gradient, { log: true })

export const deadChart = (runs: readonly Track[], step: number | null): Chart => {
  const saturating = runs.some(({ settings }) => settings.activation === 'tanh' || settings.activation === 'sigmoid')
  const title = saturating ? 'Saturated (tanh, sigmoid) or exactly 0' : 'Outputs that are exactly 0'
  return overBlocks(runs, step, title, 'share (%)', (block) => 100 * (block.saturated ?? block.dead), { domain: [0, 100] })
}

/** Batch against running average against data set, channel by channel. */
export function statisticsChart(run: Track, block: number, step: number | null, variance: boolean): Chart | null {
  const snapshot = snapshotAt(run, step)
  const statistics = snapshot?.blocks[block]?.statistics
  if (!snapshot || !statistics) return null
  const evaluations = run.evaluations.items
  const evaluation = [...evaluations].reverse().find((e) => e.step <= snapshot.step) ?? evaluations[0]
  const read = (s: { mean: number[]; variance: number[] } | undefined) => (variance ? s?.variance : s?.mean) ?? []
  const dataset = read(evaluation?.dataset[block])
  const points = (values: readonly number[]) => values.map((y, x) => ({ x, y })).filter(({ y }) => Number.isFinite(y))
  const series = [
    { name: 'this batch', look: 1, markers: true, points: points(read(statistics.batch)) },
    { name: 'running average', look: 0, markers: true, points: points(read(statistics.running)) },
    { name: `${(evaluation?.samples ?? 0).toLocaleString('en-US')} samples at once`, look: 2, markers: true, points: points(dataset) },
  ]
  const count = statistics.batch.mean.length
  const chart = {
    title: `${variance ? 'Variance' : 'Mean'} of each channel, block ${block}, step ${snapshot.step}`,
    x: { label: 'channel', domain: [0, count - 1] as const, names: everyFew(count, 16) },
    y: {
      label: variance ? 'variance' : 'mean',
      domain: domainOf(
        series.flatMap((s) => s.points),
        [0, 1],
      ),
    },
    series,
    // Channels are in no order: a line between them would say something.
    apart: true,
  }
  return { ...chart, description: describe(chart) }
}
