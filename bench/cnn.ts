import type { Workload } from './workload.js'
export const cnn: readonly Workload[] = []
