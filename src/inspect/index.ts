/** What a model's layers look like while it trains. */
export { type Histogram, type HistogramOptions, histogram } from './histogram.js'
export { type LayerRecord, observe, type ParameterRecord, Probe, type ProbeOptions } from './probe.js'
export { type Summary, summarize } from './summary.js'
