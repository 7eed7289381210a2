/** The claims about normalization as runnable experiments. Knows neither Node nor a page. */
export { type CompareHooks, type CompareProgress, compare } from './compare/compare.js'
export { findings, percent } from './compare/findings.js'
export type { CompareResult, Divergence, LayerSeries, LossPoint, RunResult, RunStatus } from './compare/result.js'
export type { DigitData } from './compare/run.js'
export { type CompareSettings, checkSettings, defaultSettings, type RunConfig, runsOf } from './compare/settings.js'
export { csv } from './report/csv.js'
export { type About, isBest, type ResultColumn, report, resultColumns } from './report/report.js'
export { walkthrough } from './walkthrough.js'
