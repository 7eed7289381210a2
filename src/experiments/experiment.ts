import type { Chart } from './report/chart.js'
import { completeSettings, type SettingsOf, type SettingTable } from './settings.js'

/** NaN or an infinity came up: where the first one was. */
export interface Divergence {
  /** The step, from 1, whose loss was not finite. */
  step: number
  /** What the loss was: NaN or an infinity. */
  loss: string
  /** The first parameter with such a value, else the first layer whose output has one. */
  where: string
}

export type RunStatus = 'finished' | 'diverged' | 'stopped'

/** How a run ended. */
export interface RunState {
  status: RunStatus
  divergence: Divergence | null
}

/** What a run gets from its host: the command, a worker, a test. */
export interface RunContext {
  /** Ends the run before its next step; what was measured is kept. */
  signal?: AbortSignal
  /** Lets the host do what waits (signals, messages, drawing) between two steps. Default: a timer of 0 ms. */
  pause?: () => Promise<void>
  /** Called about 20 times a second, and at the end. */
  onStep?: (progress: StepProgress) => void
  /** Where the digits are, as in `loadDigits`, for pages whose bundler does not carry them along. */
  digits?: string | URL | Uint8Array
  /** The folder of the novel, as in `loadMobyDick`, or what gives the bytes of its first file, likewise. */
  text?: string | URL | (() => Promise<Uint8Array>)
}

export interface StepProgress {
  /** Steps done. */
  step: number
  steps: number
  /** What is measured now, by name: `{ loss: 0.25 }`. */
  values: Readonly<Record<string, number>>
}

/** Where an experiment is: run `run` (from 1) of `runs`. */
export interface Progress<C = object> extends StepProgress {
  run: number
  runs: number
  config: C
}

/** What is commonly said, and what these runs say to it. */
export interface Finding {
  /** The claim in a sentence, '' for an observation that belongs to no claim. */
  claim: string
  /** null for an observation. */
  verdict: 'holds' | 'does not hold' | 'depends' | null
  /** The figures, in a sentence or two. */
  text: string
}

/** A table; cells are text, null is a dash. The first column heads its row. */
export interface Table {
  caption: string
  columns: readonly TableColumn[]
  rows: readonly (readonly (string | null)[])[]
  /** Rows that stand out. */
  strong?: readonly number[]
}

export interface TableColumn {
  label: string
  /** The same for a narrow place, in lines. */
  short?: readonly string[]
  /** Numbers stand to the right. */
  numeric?: boolean
}

/** A figure of one or more charts on the same axes. */
export interface Figure {
  id: string
  heading: string
  /** What to look for. */
  text: string
  charts: readonly Chart[]
  /** Charts side by side. */
  columns: number
  legend: readonly { name: string; look: number }[]
  /** The numbers behind it. */
  table: Table
}

/** A number that a run measured, for the CSV. A figure of a whole run has no step, one of the whole network no layer. */
export interface Measure {
  step?: number
  layer?: string
  measure: string
  value: number | null
}

/**
 * A claim about normalization that can be run: a grid of independent runs, each with a configuration C that decides all its numbers (the seed is in
 * it) and a result R that JSON can hold.
 */
export interface Experiment<T extends SettingTable = SettingTable, C extends object = object, R extends C & RunState = C & RunState> {
  /** As the command calls it: `batch-size`. */
  readonly name: string
  readonly title: string
  /** What is commonly said, in a sentence. The findings say whether it holds. */
  readonly claim: string
  readonly settings: T
  /** In place of the defaults, for a look that takes seconds. */
  readonly quick: Partial<SettingsOf<T>>
  /** @throws ValueError for settings that are right one by one but not together */
  check?(settings: SettingsOf<T>): void
  /** Everything to measure, in an order in which an early end leaves whole groups to compare. */
  runs(settings: SettingsOf<T>): C[]
  /** What is done with these settings, in a sentence. */
  introduction(settings: SettingsOf<T>): string
  /** What a run costs beside the others, for the time left. */
  cost(config: C): number
  /** A run's name: `BatchNorm, batch size 4, seed 0`. */
  describe(config: C): string
  measure(config: C, context: RunContext): Promise<R>
  /** What came out of a run, in a line. */
  outcome(run: R): string
  /** The result at a glance. */
  summary(result: Result<T, R>): Table
  findings(result: Result<T, R>): Finding[]
  figures(result: Result<T, R>): Figure[]
  /** Every number of a run. */
  measures(run: R): Iterable<Measure>
  /** How it was measured: terms and what they mean. */
  method(result: Result<T, R>): readonly (readonly [term: string, text: string])[]
}

/** What an experiment gives, and what results.json holds. */
export interface Result<T extends SettingTable = SettingTable, R = RunState> {
  experiment: string
  settings: SettingsOf<T>
  /** Whether every run was made; false where it was stopped. */
  complete: boolean
  /** Runs that were planned. */
  planned: number
  runs: R[]
  findings: Finding[]
}

export interface ExperimentHooks<C = object, R = RunState> extends Omit<RunContext, 'onStep'> {
  onProgress?: (progress: Progress<C>) => void
  /** Called when a run ends, however it does. */
  onRun?: (run: R, number: number) => void
  /** A run of this configuration that was made before; it is not made again. */
  made?: (config: C) => R | undefined
}

/**
 * Makes the runs of an experiment one after the other. A run whose loss stops being finite ends there, and that is its result; the others go on.
 * @throws TypeError or ValueError for settings that can't run, before anything does
 */
export async function runExperiment<T extends SettingTable, C extends object, R extends C & RunState>(
  experiment: Experiment<T, C, R>,
  given: Partial<SettingsOf<T>> = {},
  hooks: ExperimentHooks<C, R> = {},
): Promise<Result<T, R>> {
  const settings = checkedSettings(experiment, given)
  const { onProgress, onRun, made, ...context } = hooks
  const configs = experiment.runs(settings)
  const runs: R[] = []
  for (const [i, config] of configs.entries()) {
    const before = made?.(config)
    if (before === undefined && context.signal?.aborted) break
    const onStep = (progress: StepProgress) => onProgress?.({ ...progress, config, run: i + 1, runs: configs.length })
    const run = before ?? (await experiment.measure(config, { ...context, onStep }))
    runs.push(run)
    if (before === undefined) onRun?.(run, i + 1)
  }
  const complete = runs.length === configs.length && runs.every(({ status }) => status !== 'stopped')
  return withFindings(experiment, { experiment: experiment.name, settings, complete, planned: configs.length, runs, findings: [] })
}

/** @throws TypeError or ValueError where an experiment can't run with these */
export function checkedSettings<T extends SettingTable>(
  experiment: Pick<Experiment<T>, 'name' | 'settings' | 'check'>,
  given: Partial<SettingsOf<T>>,
): SettingsOf<T> {
  const settings = completeSettings(experiment.name, experiment.settings, given)
  experiment.check?.(settings)
  return settings
}

/** Runs that were stopped count for nothing. */
function withFindings<T extends SettingTable, C extends object, R extends C & RunState>(experiment: Experiment<T, C, R>, result: Result<T, R>): Result<T, R> {
  return { ...result, findings: experiment.findings({ ...result, runs: result.runs.filter(({ status }) => status !== 'stopped') }) }
}
