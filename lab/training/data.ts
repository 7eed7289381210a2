import { loadDigits, manualSeed, rand, randn, stack, type Tensor, TensorDataset, tensor } from '../../src/index.js'
import type { BenchSettings } from '../workbench/settings.js'

/** What a network of the bench learns. */
export interface BenchData {
  train: TensorDataset<[Tensor, Tensor]>
  test: TensorDataset<[Tensor, Tensor]>
  /** Shape of one input. */
  input: readonly number[]
  classes: number
}

/** A table of a user's own, read by `parseTable`. */
export interface OwnTable {
  features: number
  /** Row by row. */
  values: Float32Array
  labels: Int32Array
  classNames: readonly string[]
}

/** @param digitsFile the bytes of the file of digits; without it, where `loadDigits` looks */
export async function benchData({ data }: Pick<BenchSettings, 'data'>, own: OwnTable | null, digitsFile?: () => Promise<Uint8Array>): Promise<BenchData> {
  if (data === 'spirals') return spirals()
  if (data === 'own') {
    if (!own) throw new Error('There is no table of your own yet: drop a CSV file on the bench, or choose one.')
    return fromTable(own)
  }
  const size = data === 'digits28' ? 28 : 14
  const { train, test } = await loadDigits(digitsFile ? { size, source: await digitsFile() } : { size })
  return { train, test, input: [1, size, size], classes: 10 }
}

const ARMS = 3
const TURNS = 1.6

/** Points on three arms that wind around one another; the same for every run. */
function spirals(): BenchData {
  manualSeed(12)
  const part = (count: number) => {
    const labels = Array.from({ length: count }, (_, i) => i % ARMS)
    const radius = rand([count]).sqrt()
    const angle = radius.mul(TURNS * 2 * Math.PI).add(tensor(labels).mul((2 * Math.PI) / ARMS))
    const noise = randn([count, 2]).mul(0.04)
    const points = stack([radius.mul(angle.cos()), radius.mul(angle.sin())], 1)
      .add(noise)
      .mul(2)
    return new TensorDataset(points, tensor(labels, { dtype: 'int64' }))
  }
  return { train: part(1500), test: part(600), input: [2], classes: ARMS }
}

/** Every fifth row is kept for the test; columns are brought to mean 0 and deviation 1 by the rows that are trained on. */
function fromTable({ features, values, labels, classNames }: OwnTable): BenchData {
  const rows = Array.from(labels.keys())
  const isTest = (row: number) => row % 5 === 4
  const trained = rows.filter((row) => !isTest(row))
  const scale = Array.from({ length: features }, (_, column) => {
    const mean = trained.reduce((sum, row) => sum + values[row * features + column], 0) / trained.length
    const variance = trained.reduce((sum, row) => sum + (values[row * features + column] - mean) ** 2, 0) / trained.length
    return { mean, deviation: Math.sqrt(variance) || 1 }
  })
  const part = (chosen: number[]) => {
    const scaled = chosen.flatMap((row) => scale.map(({ mean, deviation }, column) => (values[row * features + column] - mean) / deviation))
    const classes = tensor(
      chosen.map((row) => labels[row]),
      { dtype: 'int64' },
    )
    return new TensorDataset(tensor(scaled).reshape([chosen.length, features]), classes)
  }
  return { train: part(trained), test: part(rows.filter(isTest)), input: [features], classes: classNames.length }
}

const MOST_ROWS = 20_000

/**
 * Reads a table of numbers whose last column names the class; a first line that has no numbers is taken for names.
 * @throws Error that names the line
 */
export function parseTable(text: string): OwnTable {
  const lines = text.split(/\r?\n/)
  const separator = [',', ';', '\t'].find((mark) => lines[0]?.includes(mark)) ?? ','
  const cells = lines.map((line) => line.split(separator).map((cell) => cell.trim()))
  const isNumber = (cell: string) => cell !== '' && Number.isFinite(Number(cell))
  const begin = cells[0]?.slice(0, -1).some(isNumber) ? 0 : 1
  const values: number[] = []
  const words: string[] = []
  let features = 0
  for (let i = begin; i < cells.length; i++) {
    const row = cells[i]
    if (row.length === 1 && row[0] === '') continue
    if (features === 0) features = row.length - 1
    if (features < 1) throw new Error(`Line ${i + 1}: one column only; the last column must name the class of the others.`)
    if (row.length !== features + 1) throw new Error(`Line ${i + 1}: ${row.length} columns, where the first row of numbers has ${features + 1}.`)
    const wrong = row.slice(0, -1).findIndex((cell) => !isNumber(cell))
    if (wrong >= 0) throw new Error(`Line ${i + 1}, column ${wrong + 1}: “${row[wrong].slice(0, 40)}” is not a number.`)
    if (row[features] === '') throw new Error(`Line ${i + 1}: the last column, which names the class, is empty.`)
    values.push(...row.slice(0, -1).map(Number))
    words.push(row[features])
    if (words.length > MOST_ROWS) throw new Error(`Line ${i + 1}: more than ${MOST_ROWS} rows, which is more than this page takes.`)
  }
  if (words.length < 10) throw new Error(`The table has ${words.length} rows of numbers; at least 10 are needed.`)
  const classNames = [...new Set(words)].sort()
  if (classNames.length < 2) throw new Error('Every row has the same class: the last column must name two classes or more.')
  if (classNames.length > 100) throw new Error(`The last column has ${classNames.length} different values, which is too many for classes (at most 100).`)
  return { features, values: Float32Array.from(values), labels: Int32Array.from(words, (word) => classNames.indexOf(word)), classNames }
}
