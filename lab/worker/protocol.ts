import type { AxesSettings } from '../axes/settings.js'
import type { AxesNumbers } from '../training/axes.js'

/** What the page and its workers say to one another. Every job has a worker of its own; answers carry the number of the question. */
export type Question = { type: 'axes'; settings: AxesSettings } | { type: 'hello' }

export type Answer = { type: 'axes'; numbers: AxesNumbers } | { type: 'hello'; backend: Backend }

/** What computes. */
export interface Backend {
  simd: boolean
  isolated: boolean
  threads: number
}

export type ToWorker = Question & { id: number }
export type FromWorker = (Answer & { id: number }) | { type: 'error'; id: number; message: string }
