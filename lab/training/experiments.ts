import {
  type Experiment,
  experiments,
  flagOf,
  fromJson,
  type Result,
  type RunContext,
  type RunState,
  runExperiment,
  type SettingTable,
} from '../../src/experiments/index.js'
import { type ExperimentWords, settingWords } from '../experiments/words.js'
import type { ExperimentView, Report } from '../worker/protocol.js'

/** Experiments of the registry, run and drawn for the page. */

export const describeExperiments = (): ExperimentWords[] =>
  experiments.map(({ name, title, claim, settings, quick }) => ({
    name,
    title,
    claim,
    settings: Object.fromEntries(Object.entries(settings).map(([key, setting]) => [key, settingWords(setting)])),
    quick: Object.fromEntries(Object.entries(quick).map(([key, value]) => [key, settings[key].toText(value)])),
  }))

function named(name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name)
  if (!found) throw new Error(`There is no experiment “${name}”. There are: ${experiments.map((e) => e.name).join(', ')}.`)
  return found
}

let running: AbortController | undefined
export const cancelExperiment = (): void => running?.abort()

/** Runs with settings as the command line has them, by flag; figures are drawn anew whenever a run has ended. */
export async function runNamed(
  name: string,
  flags: Readonly<Record<string, string>>,
  report: (report: Report) => void,
  data: Pick<RunContext, 'digits' | 'text'> = {},
): Promise<ExperimentView> {
  const experiment = named(name)
  const given = Object.fromEntries(
    Object.entries(experiment.settings).flatMap(([key, setting]) => {
      const text = flags[flagOf(key, setting)]
      return text === undefined ? [] : [[key, setting.fromText(text)]]
    }),
  )
  running = new AbortController()
  const runs: RunState[] = []
  let drawn = 0
  const result = await runExperiment(experiment, given, {
    signal: running.signal,
    ...data,
    onProgress: ({ run, runs, step, steps, values, config }) => {
      const figures = Object.entries(values).map(([key, value]) => `${key} ${Number(value.toPrecision(3))}`)
      report({ type: 'progress', run, runs, share: (run - 1 + step / Math.max(1, steps)) / runs, text: [experiment.describe(config), ...figures].join(', ') })
    },
    onRun: (run) => {
      runs.push(run)
      if (performance.now() - drawn < 500) return
      drawn = performance.now()
      const planned = experiment.runs(settingsOf(experiment, given)).length
      const partial = { experiment: name, settings: settingsOf(experiment, given), complete: false, planned, runs: [...runs], findings: [] }
      report({ type: 'figures', view: viewOf(experiment, partial) })
    },
  })
  return viewOf(experiment, result)
}

const settingsOf = ({ settings }: Experiment, given: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(settings).map(([key, setting]) => [key, given[key] ?? setting.default])) as Result['settings']

function viewOf(experiment: Experiment, result: Result<SettingTable, RunState>): ExperimentView {
  return {
    result,
    title: experiment.title,
    summary: experiment.summary(result),
    findings: result.findings,
    figures: experiment.figures(result),
    method: experiment.method(result),
  }
}

/** Opens a results.json that the command wrote. @throws Error that says what is wrong with it */
export function readResults(text: string): ExperimentView {
  let parsed: unknown
  try {
    parsed = fromJson(text)
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const result = parsed as Partial<Result>
  if (typeof parsed !== 'object' || parsed === null || typeof result.experiment !== 'string' || !Array.isArray(result.runs)) {
    throw new Error('This JSON is not a results.json of evenkeel experiment: it has no experiment and runs.')
  }
  const experiment = named(result.experiment)
  try {
    return viewOf(experiment, parsed as Result)
  } catch (error) {
    throw new Error(`This results.json can’t be drawn: ${error instanceof Error ? error.message : String(error)}`)
  }
}
