import type { Tensor } from '../core/tensor.js'
import type { Module } from '../nn/module.js'
import { type NormKind, normInWords } from '../ops/norm/axes.js'

/** One norm of a model. */
export interface NormSummaryRow {
  /** Path of the layer in the model. */
  readonly name: string
  /** Its class: `BatchNorm2d`. */
  readonly layer: string
  /** What has a mean and variance of its own: `C` (each channel), `N, G` (each group of each sample). */
  readonly statistics: string
  /** What such a statistic is taken over: `N, L` (the batch and all positions). */
  readonly over: string
  /** What has a weight and bias of its own, '' where none are learned. */
  readonly parameters: string
  /** How many numbers are learned. */
  readonly parameterCount: number
  /** What has running averages, null where none are kept. */
  readonly running: string | null
  /** Batches that the running averages have seen, null where none are kept. */
  readonly batches: number | null
  /** What it normalises with in its present mode. */
  readonly source: 'its batch' | 'each sample' | 'running averages'
  readonly eps: number | null
}

/** Every norm of a model; `toString()` is a table. */
export interface NormSummary {
  readonly rows: readonly NormSummaryRow[]
  toString(): string
}

const isKind = (value: unknown): value is NormKind => value !== null && typeof value === 'object' && 'shared' in value && 'axes' in value

/**
 * Which norms a model has, over which axes each takes its statistics, what it learns, what it averages, and what it normalises with in its present
 * mode.
 * @example console.log(String(normSummary(model)))
 */
export function normSummary(model: Module): NormSummary {
  const rows = model.namedModules().flatMap(([name, layer]) => {
    const kind: unknown = Reflect.get(layer, 'kind')
    return isKind(kind) ? [rowOf(name, layer, kind)] : []
  })
  return { rows, toString: () => table(rows) }
}

function rowOf(name: string, layer: Module, kind: NormKind): NormSummaryRow {
  const field = (key: string): unknown => Reflect.get(layer, key)
  const words = normInWords(kind)
  const parameterCount = layer.ownState().reduce((n, [, t]) => n + (t.requiresGrad || t === field('weight') || t === field('bias') ? t.numel() : 0), 0)
  const tracked = field('runningMean') !== null && field('runningMean') !== undefined
  const batches = field('numBatchesTracked') as Tensor | null | undefined
  const ownStatistics = kind.shared.includes(0) ? 'its batch' : 'each sample'
  const eps = field('eps')
  return {
    name,
    layer: layer.constructor.name,
    statistics: words.statistics,
    over: words.over,
    parameters: parameterCount > 0 ? words.parameters : '',
    parameterCount,
    running: tracked ? words.running : null,
    batches: tracked && batches ? batches.item() : null,
    source: tracked && (!layer.training || field('frozen') === true) ? 'running averages' : ownStatistics,
    eps: typeof eps === 'number' ? eps : null,
  }
}

const columns: readonly (readonly [title: string, cell: (row: NormSummaryRow) => string])[] = [
  ['layer', (r) => `${r.name || '(root)'} ${r.layer}`],
  ['one mean and variance per', (r) => r.statistics || 'everything'],
  ['taken over', (r) => r.over],
  ['weight and bias per', (r) => (r.parameterCount > 0 ? `${r.parameters} (${r.parameterCount})` : 'none')],
  ['running averages', (r) => (r.running === null ? 'none' : `${r.running}, ${r.batches ?? '?'} batches`)],
  ['normalises with', (r) => r.source],
]

function table(rows: readonly NormSummaryRow[]): string {
  if (rows.length === 0) return 'no norms'
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  return lines
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
