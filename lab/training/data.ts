import { keep } from '../../src/core/storage.js'
import { emptyTensor } from '../../src/core/tensor.js'
import { loadDigits, manualSeed, rand, randn, stack, type Tensor, TensorDataset, tensor } from '../../src/index.js'
import type { BenchSettings } from '../workbench/settings.js'
import type { OwnData } from './own.js'

/** What a network of the bench learns. */
export interface BenchData {
  train: TensorDataset<[Tensor, Tensor]>
  test: TensorDataset<[Tensor, Tensor]>
  /** Shape of one input. */
  input: readonly number[]
  classes: number
}

/** @param digitsFile the bytes of the file of digits; without it, where `loadDigits` looks */
export async function benchData({ data }: Pick<BenchSettings, 'data'>, own: OwnData | null, digitsFile?: () => Promise<Uint8Array>): Promise<BenchData> {
  if (data === 'spirals') return spirals()
  if (data === 'own') {
    if (!own) throw new Error('There is no data of your own yet: drop a CSV file, a text or PNG images on the bench, or choose them.')
    return fromOwn(own)
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

/**
 * Every fifth row or picture is kept for the test; of a text, whose windows overlap, the last fifth. Columns of a table and the pixels of all pictures are
 * brought to mean 0 and deviation 1 by what is trained on.
 */
function fromOwn({ kind, input, values, labels, classNames }: OwnData): BenchData {
  const size = input.reduce((product, n) => product * n, 1)
  const samples = Array.from(labels.keys())
  const isTest = (i: number) => (kind === 'text' ? i >= 0.8 * labels.length : i % 5 === 4)
  const trained = samples.filter((i) => !isTest(i))
  // Numbers that share a mean: a column of a table, all pixels of pictures.
  const columns = kind === 'table' ? size : 1
  const scale = Array.from({ length: kind === 'text' ? 0 : columns }, (_, column) => {
    const sumOf = (f: (value: number) => number) => {
      let sum = 0
      for (const i of trained) for (let at = column; at < size; at += columns) sum += f(values[i * size + at])
      return sum / ((trained.length * size) / columns)
    }
    const mean = sumOf((v) => v)
    return { mean, deviation: Math.sqrt(sumOf((v) => (v - mean) ** 2)) || 1 }
  })
  const part = (chosen: readonly number[]) => {
    const inputs = keep(emptyTensor([chosen.length, ...input], 'float32'))
    const data = inputs.data
    for (const [row, i] of chosen.entries()) {
      for (let at = 0; at < size; at++) {
        const { mean, deviation } = scale[at % columns] ?? { mean: 0, deviation: 1 }
        data[row * size + at] = (values[i * size + at] - mean) / deviation
      }
    }
    const classes = tensor(
      chosen.map((i) => labels[i]),
      { dtype: 'int64' },
    )
    return new TensorDataset(inputs, classes)
  }
  return { train: part(trained), test: part(samples.filter(isTest)), input, classes: classNames.length }
}

/** Both parts by name, for `saveSafetensors`. */
export const dataTensors = ({ train, test }: BenchData): Record<string, Tensor> => ({
  'train.inputs': train.tensors[0],
  'train.labels': train.tensors[1],
  'test.inputs': test.tensors[0],
  'test.labels': test.tensors[1],
})
