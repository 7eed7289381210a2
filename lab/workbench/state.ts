import { defaultsOf, type SettingsOf } from '../../src/experiments/settings.js'
import { flagsOf, readSettings, strayNotes, writeSettings } from '../state/url.js'
import { type BenchSettings, benchSettings, type PlaySettings, playSettings, type RunSettings, runSettings } from './settings.js'

/** What the address says about the bench: a preset, and what differs from it. */
export interface BenchState {
  preset: string
  bench: BenchSettings
  play: PlaySettings
  runs: RunSettings[]
}

export const MOST_RUNS = 3

interface Preset {
  label: string
  /** What to look for. */
  text: string
  bench?: Partial<BenchSettings>
  runs: readonly Partial<RunSettings>[]
}

export const presets: Readonly<Record<string, Preset>> = {
  digits: {
    label: 'With and without',
    text: 'The same network from the same weights, on the same digits in the same order. Which one learns first, and what do its layers look like?',
    runs: [{ norm: 'none' }, { norm: 'batch' }, { norm: 'layer' }],
  },
  spirals: {
    label: 'Spirals, small and quick',
    text: 'Three interleaved spirals and a small network: hundreds of steps in seconds.',
    bench: { data: 'spirals', network: 'mlp', depth: 4 },
    runs: [{ norm: 'none' }, { norm: 'batch' }, { norm: 'layer' }],
  },
  tiny: {
    label: 'A batch of two',
    text: 'BatchNorm takes its mean and variance from the batch. What is left of that with two samples?',
    bench: { data: 'digits14', network: 'mlp', depth: 3 },
    runs: [
      { norm: 'batch', batchSize: 2, learningRate: 0.02 },
      { norm: 'layer', batchSize: 2, learningRate: 0.02 },
      { norm: 'none', batchSize: 2, learningRate: 0.02 },
    ],
  },
  deep: {
    label: 'Sixteen sigmoids deep',
    text: 'Sixteen layers of sigmoids: look how long a gradient is when it arrives at the first.',
    bench: { data: 'spirals', network: 'mlp', depth: 16 },
    runs: [
      { norm: 'none', activation: 'sigmoid', learningRate: 0.3 },
      { norm: 'batch', activation: 'sigmoid', learningRate: 0.3 },
      { norm: 'layer', activation: 'sigmoid', learningRate: 0.3 },
    ],
  },
  hot: {
    label: 'Too fast a rate',
    text: 'A learning rate that blows one network up. The page says at which step and where; the others go on.',
    bench: { data: 'spirals', network: 'mlp', depth: 6 },
    runs: [
      { norm: 'none', learningRate: 20 },
      { norm: 'batch', learningRate: 20 },
      { norm: 'layer', learningRate: 20 },
    ],
  },
}

/** On a phone the quick one. */
export const firstPreset = (narrow: boolean): string => (narrow ? 'spirals' : 'digits')

const runKeys = Array.from({ length: MOST_RUNS }, (_, i) => `run${i + 1}`)
const filled = (changes: Partial<RunSettings>): RunSettings => ({ ...defaultsOf(runSettings), ...changes })

function startOf(preset: string): BenchState {
  const { bench, runs } = presets[preset]
  return { preset, bench: { ...defaultsOf(benchSettings), ...bench }, play: defaultsOf(playSettings), runs: runs.map(filled) }
}

/** `norm:none;learning-rate:0.5` as a map. */
const pairs = (text: string): Map<string, string> =>
  new Map(
    text
      .split(';')
      .filter(Boolean)
      .map((pair): [string, string] => {
        const at = pair.indexOf(':')
        return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
      }),
  )

/** @param fallback the preset where the address names none */
export function readBench(params: ReadonlyMap<string, string>, fallback: string): { state: BenchState; notes: string[] } {
  const asked = params.get('preset') ?? fallback
  const known = Object.hasOwn(presets, asked)
  const start = startOf(known ? asked : fallback)
  const notes = strayNotes(params, ['preset', 'runs', ...runKeys, ...flagsOf(benchSettings), ...flagsOf(playSettings)])
  if (!known) notes.push(`The address names a preset “${asked}”, which this page doesn’t have: “${presets[fallback].label}” is shown.`)
  const { values: bench, notes: benchNotes } = readSettings(benchSettings, params, start.bench)
  const { values: play, notes: playNotes } = readSettings(playSettings, params)
  notes.push(...benchNotes, ...playNotes)

  const count = countOf(params.get('runs'), start.runs.length, notes)
  const runs = Array.from({ length: count }, (_, i) => {
    const own = pairs(params.get(runKeys[i]) ?? '')
    const reading = readSettings(runSettings, own, start.runs[i] ?? filled({}))
    const strays = strayNotes(own, flagsOf(runSettings))
    notes.push(...[...reading.notes, ...strays].map((note) => `Run ${i + 1}: ${note}`))
    return reading.values
  })
  return { state: fitted({ preset: start.preset, bench, play, runs }, notes), notes }
}

function countOf(text: string | undefined, fallback: number, notes: string[]): number {
  if (text === undefined) return fallback
  const asked = Number(text)
  const count = Number.isFinite(asked) ? Math.min(MOST_RUNS, Math.max(1, Math.round(asked))) : fallback
  if (String(count) !== text) notes.push(`The address asks for “${text.slice(0, 20)}” runs; there can be 1 to ${MOST_RUNS}: ${count} are shown.`)
  return count
}

/** Convolutions need pictures; whether the user's own data are such is known when they have been read. */
function fitted(state: BenchState, notes: string[]): BenchState {
  const { bench } = state
  if (bench.network !== 'cnn' || bench.data !== 'spirals') return state
  notes.push('Convolutions need pictures: on this data the network is fully connected.')
  return { ...state, bench: { ...bench, network: 'mlp' } }
}

export function writeBench({ preset, bench, play, runs }: BenchState, fallback: string): [string, string][] {
  const start = startOf(preset)
  const own = runs.flatMap((run, i): [string, string][] => {
    const text = writeSettings(runSettings, run, start.runs[i] ?? filled({}))
      .map(([name, value]) => `${name}:${value}`)
      .join(';')
    return text ? [[runKeys[i], text]] : []
  })
  return [
    ...(preset === fallback ? [] : ([['preset', preset]] as [string, string][])),
    ...writeSettings(benchSettings, bench as SettingsOf<typeof benchSettings>, start.bench),
    ...writeSettings(playSettings, play),
    ...(runs.length === start.runs.length ? [] : ([['runs', String(runs.length)]] as [string, string][])),
    ...own,
  ]
}
