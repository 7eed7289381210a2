/** The claims about normalization as runnable experiments. Knows neither Node nor a page. */

export { type AxesConfig, type AxesNorm, type AxesRun, axes, type SharedStatistic } from './axes/axes.js'
export { axesExperiment } from './axes/experiment.js'
export { type CompareHooks, type CompareProgress, compare } from './compare/compare.js'
export { findings, percent } from './compare/findings.js'
export type { CompareResult, Divergence, LayerSeries, LossPoint, RunResult, RunStatus } from './compare/result.js'
export type { DigitData } from './compare/run.js'
export { type CompareSettings, checkSettings, defaultSettings, type RunConfig, runsOf } from './compare/settings.js'
export {
  checkedSettings,
  type Experiment,
  type ExperimentHooks,
  type Figure,
  type Finding,
  type Measure,
  type Progress,
  type Result,
  type RunContext,
  type RunState,
  runExperiment,
  type StepProgress,
  type Table,
  type TableColumn,
} from './experiment.js'
export { lookOfNorm, type Norm, type NormCode, normCode, normNames } from './norms.js'
export { experiments } from './registry.js'
export { csv } from './report/csv.js'
export { type About, isBest, type ResultColumn, report, resultColumns } from './report/report.js'
export { defaultsOf, flagOf, type Setting, type SettingsOf, type SettingTable } from './settings.js'
export { walkthrough } from './walkthrough.js'
