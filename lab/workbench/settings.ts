import { normNames } from '../../src/experiments/norms.js'
import { choice, integer, number, orNone, type SettingsOf, type SettingTable, seed } from '../../src/experiments/settings.js'

export const activationNames = { relu: 'ReLU', leaky: 'LeakyReLU', gelu: 'GELU', silu: 'SiLU', tanh: 'tanh', sigmoid: 'sigmoid' } as const

/** What all runs on the bench share, so that they compare. */
export const benchSettings = {
  data: choice({
    default: 'digits14',
    label: 'data',
    help: 'What is learned',
    choices: { digits14: 'handwritten digits, 14 × 14', digits28: 'handwritten digits, 28 × 28', spirals: 'three spirals in the plane', own: 'your own files' },
  }),
  network: choice({ default: 'cnn', label: 'network', help: 'What learns', choices: { cnn: 'convolutions', mlp: 'fully connected' } }),
  depth: integer({ default: 4, min: 1, max: 64, label: 'depth', help: 'Blocks of layer, norm and activation' }),
  seed: seed(),
}
export type BenchSettings = SettingsOf<typeof benchSettings>

/** How play goes; nothing of it changes a number. */
export const playSettings = {
  stopEvery: integer({ default: 2000, min: 1, max: 1_000_000, label: 'stop every', help: 'Steps: play stops all runs at the next multiple' }),
}
export type PlaySettings = SettingsOf<typeof playSettings>

/** Where a play that begins at a step ends. */
export const nextStop = ({ stopEvery }: PlaySettings, step: number): number => (Math.floor(step / stopEvery) + 1) * stopEvery

/** What a run has of its own. */
export const runSettings = {
  norm: choice({ default: 'batch', label: 'norm', help: 'Which layer normalises', choices: normNames }),
  place: choice({
    default: 'before',
    label: 'place',
    help: 'Where in each block the norm stands',
    choices: { before: 'before the activation', after: 'after the activation' },
  }),
  activation: choice({ default: 'relu', label: 'activation', help: 'What bends', choices: activationNames }),
  batchSize: integer({ default: 32, min: 1, max: 256, label: 'batch size', help: 'Samples in a step' }),
  learningRate: number({ default: 0.1, min: 1e-5, max: 100, label: 'learning rate', help: 'Of plain gradient descent' }),
  momentum: orNone(
    number({ default: 0.1, min: 0, max: 1, label: 'momentum', help: 'Weight of a new batch in BatchNorm’s running averages; none for the plain average' }),
  ),
}
export type RunSettings = SettingsOf<typeof runSettings>

/** Changing these leaves the network as it is. */
export const whileRunning: readonly (keyof RunSettings)[] = ['batchSize', 'learningRate', 'momentum']

/** Everything that decides the numbers of a run. */
export interface TrainConfig extends BenchSettings, RunSettings {}

/** Short names for labels. */
const short: Readonly<Record<string, string>> = { batchSize: 'batch', learningRate: 'lr' }

/** How a run is called: its norm, and what tells it from the others. */
export function runName(settings: RunSettings, others: readonly RunSettings[]): string {
  const differs = (key: keyof RunSettings) => others.some((other) => other[key] !== settings[key])
  const { norm, place, activation, batchSize, learningRate, momentum } = settings
  return [
    normNames[norm],
    differs('place') && norm !== 'none' && (place === 'after' ? 'after activation' : 'before activation'),
    differs('activation') && activationNames[activation],
    differs('batchSize') && `batch ${batchSize}`,
    differs('learningRate') && `lr ${learningRate}`,
    differs('momentum') && `momentum ${momentum ?? 'none'}`,
  ]
    .filter(Boolean)
    .join(', ')
}

/** `lr 0.1 → 0.5`: what changed between two settings, '' for nothing. */
export function difference<T extends SettingTable>(table: T, before: SettingsOf<T>, after: SettingsOf<T>): string {
  return Object.entries(table)
    .flatMap(([name, setting]) => {
      const [from, to] = [before[name], after[name]].map((value) => setting.toText(value))
      const word = (text: string) => setting.choices?.[text] ?? text
      return from === to ? [] : [`${short[name] ?? setting.label} ${word(from)} → ${word(to)}`]
    })
    .join(', ')
}
