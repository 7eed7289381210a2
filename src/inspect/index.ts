/** What a model's layers look like while it trains. */
export { type Diagnosis, type DoctorOptions, diagnose, type Finding } from './doctor.js'
export type { Problem } from './doctor-advice.js'
export { type Histogram, type HistogramOptions, histogram } from './histogram.js'
export { type NormSummary, type NormSummaryRow, normSummary } from './norm-summary.js'
export { type LayerRecord, observe, type ParameterRecord, Probe, type ProbeOptions } from './probe.js'
export { type Summary, summarize } from './summary.js'
