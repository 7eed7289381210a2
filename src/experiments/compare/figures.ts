import { type NormName, normLabel, normNames } from '../../models/index.js'
import type { Figure, Table } from '../experiment.js'
import { type Axis, type Chart, lookCount, number, type Point, type Series } from '../report/chart.js'
import { median } from '../train.js'
import { percent } from './findings.js'
import type { CompareResult, RunResult } from './result.js'
import { TEST_IMAGES } from './settings.js'

/** The figures of the report: small charts, one per batch size and learning rate, on the same axes, with a line per norm. */

const order: readonly NormName[] = ['batch', 'layer', 'none', ...normNames]
const lookOf = (norm: NormName): number => order.indexOf(norm) % lookCount

/** One per question, small charts that share their axes. */
export const figures = (result: CompareResult): Figure[] =>
  [accuracy, losses, activations, gradients, firstGradient].map((draw) => draw(result)).filter(({ charts }) => charts.length > 0)

const legend = ({ settings }: CompareResult) => settings.norms.map((norm) => ({ name: normLabel(norm), look: lookOf(norm) }))

/** Runs by batch size and learning rate, in the order of the settings. */
function panels({ settings, runs }: CompareResult): { title: string; runs: RunResult[] }[] {
  return settings.batchSizes
    .flatMap((batchSize) =>
      settings.learningRates.map((learningRate) => ({
        title: `batch size ${batchSize}, learning rate ${learningRate}`,
        runs: runs.filter((run) => run.batchSize === batchSize && run.learningRate === learningRate),
      })),
    )
    .filter((panel) => panel.runs.length > 0)
}

const finite = (points: readonly Point[], log = false): Point[] => points.filter(({ y }) => Number.isFinite(y) && (!log || y > 0))

/** One domain for all charts of a figure. */
function shared(charts: readonly { series: readonly Series[] }[]): [number, number] {
  const values = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.flatMap(({ y, spread = 0 }) => [y - spread, y + spread])))
  return values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 1]
}

/** The charts of a figure, one per panel, on the same axes. */
function smallMultiples(
  result: CompareResult,
  x: Omit<Axis, 'domain'>,
  y: Omit<Axis, 'domain'>,
  draw: (run: RunResult) => Partial<Series> & Pick<Series, 'points'>,
  apart = false,
): Chart[] {
  const charts = panels(result).map(({ title, runs }) => ({
    title,
    series: runs.map((run) => {
      const drawn = draw(run)
      return { name: normLabel(run.norm), look: lookOf(run.norm), ...drawn, points: finite(drawn.points, y.log) }
    }),
  }))
  if (charts.every(({ series }) => series.every(({ points }) => points.length === 0))) return []
  const domain = shared(charts)
  return charts.map(({ title, series }) => ({
    title,
    description: `${y.label} over ${x.label}. ${series.map(describe).join('; ')}.`,
    x: { ...x, domain: [0, result.settings.samples] as const },
    y: { ...y, domain },
    series,
    apart,
    note: y.log ? missing(series) : undefined,
  }))
}

/** Lines of which a logarithmic axis has no point. */
function missing(series: readonly Series[]): string | undefined {
  const names = series.filter(({ points }) => points.length === 0).map(({ name }) => name)
  return names.length > 0 ? `${names.join(', ')}: 0 throughout` : undefined
}

function describe({ name, points, end }: Series): string {
  const [first, last] = [points[0], points[points.length - 1]]
  return first ? `${name}: from ${number(first.y)} to ${number(last.y)}${end ? `, ${end}` : ''}` : `${name}: no values`
}

const runColumns = [{ label: 'Run' }, { label: 'Batch size', numeric: true }, { label: 'Learning rate', numeric: true }]
const runCells = (run: RunResult): string[] => [normLabel(run.norm), String(run.batchSize), String(run.learningRate)]

function dataTable(caption: string, { runs }: CompareResult, columns: readonly string[], values: (run: RunResult) => readonly (string | null)[]): Table {
  return {
    caption,
    columns: [...runColumns, ...columns.map((label) => ({ label, numeric: true }))],
    rows: runs.map((run) => [...runCells(run), ...values(run)]),
  }
}

function accuracy(result: CompareResult): Figure {
  const { settings, runs } = result
  const tested = runs.filter((run) => run.testAccuracy !== null)
  const lowest = Math.min(...tested.map((run) => run.testAccuracy ?? 1))
  const charts = settings.batchSizes.map((batchSize): Chart => {
    const series = [...new Set(settings.norms)].map((norm) => ({
      name: normLabel(norm),
      look: lookOf(norm),
      markers: true,
      points: settings.learningRates.flatMap((learningRate, x) => {
        const run = tested.find((r) => r.norm === norm && r.batchSize === batchSize && r.learningRate === learningRate)
        return run?.testAccuracy == null ? [] : [{ x, y: 100 * run.testAccuracy }]
      }),
    }))
    return {
      title: `batch size ${batchSize}`,
      description: `Test digits right, in percent, by learning rate. ${series.map((s) => `${s.name}: ${s.points.map((p) => `${number(p.y)} at ${settings.learningRates[p.x]}`).join(', ') || 'none'}`).join('; ')}.`,
      x: { label: 'learning rate', domain: [0, 1], names: settings.learningRates.map(String) },
      y: { label: 'test digits right (%)', domain: [Math.floor(10 * lowest) * 10, 100] },
      series,
      apart: true,
    }
  })
  return {
    id: 'accuracy',
    heading: 'Test accuracy',
    text: `Share of the ${TEST_IMAGES.toLocaleString('en-US')} test digits that the trained network recognises, in evaluation mode. A run that diverged has no point.`,
    charts: tested.length > 0 ? charts : [],
    columns: settings.batchSizes.length,
    legend: legend(result),
    table: dataTable('Test accuracy and test loss', result, ['Test digits right', 'Test loss'], (run) => [
      run.testAccuracy === null ? null : percent(run.testAccuracy),
      run.testLoss === null ? null : number(run.testLoss),
    ]),
  }
}

const LOSS_BINS = 50
const DATA_POINTS = 10

/** Means of the losses in parts of equal numbers of images, so that batch sizes are smoothed alike. */
export function smoothed({ losses, batchSize }: RunResult, samples: number, bins: number): Point[] {
  const sums = Array.from({ length: bins }, () => ({ sum: 0, count: 0, x: 0 }))
  losses.forEach((loss, step) => {
    const middle = (step + 0.5) * batchSize
    const bin = sums[Math.min(bins - 1, Math.floor((middle / samples) * bins))]
    bin.sum += loss
    bin.x += middle
    bin.count++
  })
  return sums.filter(({ count }) => count > 0).map(({ sum, count, x }) => ({ x: x / count, y: sum / count }))
}

function losses(result: CompareResult): Figure {
  const { samples } = result.settings
  const x = { label: 'training images seen' }
  const charts = smallMultiples(result, x, { label: 'training loss (nats)', log: true }, (run) => ({
    points: smoothed(run, samples, LOSS_BINS),
    end: run.divergence ? `diverged at step ${run.divergence.step}` : run.status === 'stopped' ? 'stopped' : undefined,
  }))
  const at = Array.from({ length: DATA_POINTS }, (_, i) => Math.round(((i + 0.5) / DATA_POINTS) * samples))
  return {
    id: 'losses',
    heading: 'Training loss',
    text: `Cross-entropy on a logarithmic axis, averaged over every ${Math.round(samples / LOSS_BINS)} images. A guess among ten digits costs 2.30.`,
    charts,
    columns: result.settings.learningRates.length,
    legend: legend(result),
    table: dataTable(
      `Training loss, averaged over every ${Math.round(samples / DATA_POINTS)} images, around a number of images seen`,
      result,
      at.map((n) => n.toLocaleString('en-US')),
      (run) => {
        const means = smoothed(run, samples, DATA_POINTS)
        return at.map((_, i) => {
          const mean = means.find(({ x }) => Math.floor((x / samples) * DATA_POINTS) === i)
          return mean && Number.isFinite(mean.y) ? number(mean.y) : null
        })
      },
    ),
  }
}

const normLayers = ['norm1', 'norm2', 'norm3', 'norm4']
const weightLayers = ['conv1', 'conv2', 'conv3', 'conv4', 'fc']

/** Mean over the last quarter of the observed steps. */
function atEnd(values: readonly number[]): number {
  const part = values.slice(Math.floor(values.length * 0.75)).filter(Number.isFinite)
  return part.reduce((sum, v) => sum + v, 0) / part.length
}

function activations(result: CompareResult): Figure {
  const series = (run: RunResult) => normLayers.map((name) => run.layers.find(({ layer }) => layer === name))
  const x = { label: 'layer', names: normLayers }
  const charts = smallMultiples(
    result,
    x,
    { label: 'activation: mean ± spread' },
    (run) => ({ markers: true, points: series(run).flatMap((s, x) => (s ? [{ x, y: atEnd(s.mean), spread: atEnd(s.std) }] : [])) }),
    true,
  )
  return {
    id: 'activations',
    heading: 'Activations of each layer',
    text: 'What goes into each ReLU, behind the norm where there is one: its mean, and one standard deviation to both sides, over the last quarter of training.',
    charts,
    columns: result.settings.learningRates.length,
    legend: legend(result),
    table: dataTable('Mean ± standard deviation of the activations, last quarter of training', result, normLayers, (run) =>
      series(run).map((s) => (s && s.mean.length > 0 ? `${number(atEnd(s.mean))} ± ${number(atEnd(s.std))}` : null)),
    ),
  }
}

function gradients(result: CompareResult): Figure {
  const norms = (run: RunResult) => weightLayers.map((name) => median(run.layers.find(({ layer }) => layer === name)?.weightGradientNorm ?? []))
  const charts = smallMultiples(result, { label: 'layer', names: weightLayers }, { label: 'gradient norm of the weight', log: true }, (run) => ({
    markers: true,
    points: norms(run).flatMap((y, x) => (y === null ? [] : [{ x, y }])),
  }))
  return {
    id: 'gradients',
    heading: 'Gradient of each layer',
    text: 'Euclidean length of the gradient with respect to each weight, median over training, on a logarithmic axis. A length of 0 has no point there: that layer has stopped learning.',
    charts,
    columns: result.settings.learningRates.length,
    legend: legend(result),
    table: dataTable('Median length of the gradient with respect to the weight', result, weightLayers, (run) =>
      norms(run).map((v) => (v === null ? null : number(v))),
    ),
  }
}

const GRADIENT_BINS = 20

/** Medians of parts of equal numbers of images. */
function medians(points: readonly Point[], samples: number, bins: number): Point[] {
  return Array.from({ length: bins }, (_, bin) => {
    const part = points.filter(({ x }) => Math.floor((x / samples) * bins) === bin)
    return { x: ((bin + 0.5) / bins) * samples, y: median(part.map(({ y }) => y)) }
  }).flatMap(({ x, y }) => (y === null ? [] : [{ x, y }]))
}

function firstGradient(result: CompareResult): Figure {
  const { samples } = result.settings
  const series = (run: RunResult) => run.layers.find(({ layer }) => layer === 'conv1')
  const points = (run: RunResult) =>
    medians(
      (series(run)?.weightGradientNorm ?? []).map((y, i) => ({ x: series(run)?.samples[i] ?? 0, y })),
      samples,
      GRADIENT_BINS,
    )
  const charts = smallMultiples(result, { label: 'training images seen' }, { label: 'gradient norm, conv1', log: true }, (run) => ({ points: points(run) }))
  const at = Array.from({ length: GRADIENT_BINS }, (_, bin) => ((bin + 0.5) / GRADIENT_BINS) * samples)
  return {
    id: 'first-gradient',
    heading: 'Gradient of the first layer in the course of training',
    text: 'The first convolution is the farthest from the loss: its gradient shows what arrives through all the layers. Median over each twentieth of training.',
    charts,
    columns: result.settings.learningRates.length,
    legend: legend(result),
    table: dataTable(
      'Median length of the gradient of conv1.weight around a number of images seen',
      result,
      at.map((n) => Math.round(n).toLocaleString('en-US')),
      (run) => {
        const all = points(run)
        return at.map((n) => {
          const point = all.find(({ x }) => x === n)
          return point ? number(point.y) : null
        })
      },
    ),
  }
}
