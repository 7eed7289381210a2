import { normNames } from '../../src/experiments/norms.js'
import { choice, defaultsOf, integer, list, number, type SettingsOf, seed } from '../../src/experiments/settings.js'
import { formatHash, URL_VERSION } from '../state/url.js'
import { activationNames, playSettings, type RunSettings, runSettings, type TrainConfig } from '../workbench/settings.js'
import { type BenchState, writeBench } from '../workbench/state.js'
import type { Task } from './trials.js'

type GridNorm = 'none' | 'batch' | 'layer' | 'group' | 'rms'
type GridActivation = 'relu' | 'gelu' | 'tanh' | 'sigmoid'
const { none, batch, layer, group, rms } = normNames
const { relu, gelu, tanh, sigmoid } = activationNames

export const gridSettings = {
  data: choice<'digits14' | 'spirals'>({
    default: 'digits14',
    label: 'data',
    help: 'What is learned',
    choices: { digits14: 'handwritten digits, 14 × 14', spirals: 'three spirals in the plane' },
  }),
  depth: integer({ default: 6, min: 1, max: 24, label: 'depth', help: 'Hidden layers, fully connected' }),
  batchSize: integer({ default: 32, min: 2, max: 256, label: 'batch size', help: 'Samples in a step' }),
  // The workbench tests its networks at these steps, so that a cell's value can be read there.
  steps: choice<'50' | '100' | '200'>({ default: '50', label: 'steps', help: 'Updates of each run', choices: { 50: '50', 100: '100', 200: '200' } }),
  seed: seed(),
  norms: list(choice<GridNorm>({ default: 'none', label: 'norms', help: 'Rows', choices: { none, batch, layer, group, rms } }), {
    default: ['none', 'batch', 'layer'],
    flag: 'norm',
  }),
  activations: list(choice<GridActivation>({ default: 'relu', label: 'activations', help: 'One grid for each', choices: { relu, gelu, tanh, sigmoid } }), {
    default: ['relu', 'gelu', 'tanh', 'sigmoid'],
    flag: 'activation',
  }),
  rates: list(number({ default: 0.1, min: 1e-5, max: 100, label: 'learning rates', help: 'Columns' }), {
    default: [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    flag: 'lr',
    most: 12,
  }),
}
export type GridSettings = SettingsOf<typeof gridSettings>

/** A cell, and the run that fills it. */
export interface Cell extends Task {
  norm: GridNorm
  activation: GridActivation
  rate: number
}

/** All cells; rates innermost, then norms: row after row of one grid after the other. */
export function cellsOf({ data, depth, batchSize, steps, seed, norms, activations, rates }: GridSettings): Cell[] {
  return activations.flatMap((activation) =>
    norms.flatMap((norm) =>
      rates.map((rate): Cell => {
        const run: RunSettings = { ...defaultsOf(runSettings), norm, activation, batchSize, learningRate: rate }
        return { norm, activation, rate, config: { data, network: 'mlp', depth, seed, ...run }, steps: Number(steps) }
      }),
    ),
  )
}

/** The workbench with this run alone. @param fallback the preset where an address names none */
export function workbenchHash({ data, network, depth, seed, ...run }: TrainConfig, fallback: string): string {
  const state: BenchState = { preset: 'spirals', bench: { data, network, depth, seed }, play: defaultsOf(playSettings), runs: [run] }
  return formatHash({ path: ['workbench'], params: new Map([['v', String(URL_VERSION)], ...writeBench(state, fallback)]) })
}

/** Below this share of right answers, of ten classes, a run has not learned its task. */
export const LEARNED = 0.5
