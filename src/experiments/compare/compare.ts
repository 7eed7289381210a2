import { findings } from './findings.js'
import type { CompareResult, RunResult } from './result.js'
import { type DigitData, type RunHooks, type StepProgress, trainRun } from './run.js'
import { type CompareSettings, checkSettings, type RunConfig, runsOf } from './settings.js'

/** Where the comparison is: run `run` (from 1) of `runs`. */
export interface CompareProgress extends StepProgress, RunConfig {
  run: number
  runs: number
}

export interface CompareHooks extends Pick<RunHooks, 'pause' | 'signal'> {
  onProgress?: (progress: CompareProgress) => void
  /** Called when a run ends, however it does. */
  onRun?: (run: RunResult, number: number) => void
}

/**
 * Trains the same network, from the same weights and on the same images in the same order, with each norm at each batch size and learning
 * rate. A run whose loss stops being finite ends there, and that is its result; the others go on.
 * @throws ValueError for settings that can't run
 */
export async function compare(settings: CompareSettings, data: DigitData, hooks: CompareHooks = {}): Promise<CompareResult> {
  checkSettings(settings, data.train.length)
  const { onProgress, onRun, pause, signal } = hooks
  const configs = runsOf(settings)
  const runs: RunResult[] = []
  for (const [i, config] of configs.entries()) {
    if (signal?.aborted) break
    const onStep = (progress: StepProgress) => onProgress?.({ ...progress, ...config, run: i + 1, runs: configs.length })
    const run = await trainRun(config, settings, data, { onStep, pause, signal })
    runs.push(run)
    onRun?.(run, i + 1)
  }
  const complete = runs.length === configs.length && runs.every(({ status }) => status !== 'stopped')
  return { settings, trainingImages: data.train.length, testImages: data.test.length, complete, runs, findings: findings(runs, data.test.length) }
}
