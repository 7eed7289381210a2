/** The claims about normalization as runnable experiments. Knows neither Node nor a page. */

export { type Advice, type AdviseSettings, type Architecture, advise, adviseSettings, type Reason } from './advise.js'
export { type AxesConfig, type AxesNorm, type AxesRun, axes, type SharedStatistic } from './axes/axes.js'
export { axesExperiment } from './axes/experiment.js'
export { batchSizeExperiment } from './batch-size/experiment.js'
export { compareExperiment } from './compare/experiment.js'
export {
  checkedSettings,
  type Divergence,
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
export { gradientFlowExperiment } from './gradient-flow/experiment.js'
export { fromJson, toJson } from './json.js'
export { learningRateExperiment } from './learning-rate/experiment.js'
export { longSequencesExperiment } from './long-sequences/experiment.js'
export { lookOfNorm, type Norm, type NormCode, normCode, normNames } from './norms.js'
export { experiments } from './registry.js'
export { type Axis, type Chart, chart, legend, type Point, type Series } from './report/chart.js'
export { csv } from './report/csv.js'
export type { About } from './report/page.js'
export { report } from './report/report.js'
export { sequenceLengthExperiment } from './sequence-length/experiment.js'
export { completeSettings, defaultsOf, flagOf, type Setting, type SettingsOf, type SettingTable } from './settings.js'
export { trainEvalGapExperiment } from './train-eval-gap/experiment.js'
export { visionTransformerExperiment } from './vision-transformer/experiment.js'
export { walkthrough } from './walkthrough.js'
