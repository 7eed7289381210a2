import type { Histogram } from '../../src/inspect/index.js'

/** What a run tells about itself; plain numbers that a message can carry. */

export interface StepRecord {
  /** From 1. */
  step: number
  /** Of the batch, before the update. */
  loss: number
  accuracy: number
}

export interface ChannelStatistics {
  mean: number[]
  /** Biased. */
  variance: number[]
}

/** What comes out of a part of a block. */
export interface Values {
  mean: number
  std: number
  histogram: Histogram
}

/** A block in one step. */
export interface BlockSnapshot {
  /** Into the activation. */
  into: Values
  /** Out of the activation. */
  out: Values
  /** Share that is exactly 0, and share at the ends of the range; null for activations without ends. */
  dead: number
  saturated: number | null
  /** Length of the gradient of the weight. */
  gradient: number
  /** The same in lengths of the weight. */
  ratio: number
  /** Of what goes into a norm over the batch, and its running averages; null for the other norms. */
  statistics: { batch: ChannelStatistics; running: ChannelStatistics } | null
}

export interface Snapshot {
  step: number
  blocks: BlockSnapshot[]
}

export interface Evaluation {
  /** Steps done. */
  step: number
  /** Loss of the same samples of the training data with the same weights: in batches in train(), and in eval(). */
  train: number
  eval: number
  testLoss: number
  testAccuracy: number
  /** What each norm sees over many samples at once. */
  dataset: ChannelStatistics[]
  /** How many those are. */
  samples: number
}

/** The first loss that was no finite number. */
export interface Divergence {
  step: number
  loss: string
  /** The layer and which of its tensors was the first. */
  layer: string
  tensor: string
}

/** One part of a step, for slow motion. */
export interface Part {
  name: 'batch' | 'forward' | 'statistics' | 'running' | 'loss' | 'backward' | 'update'
  text: string
  columns: string[]
  rows: (string | number)[][]
  /** The first inputs of the batch, where they are pictures. */
  pictures?: { size: number; pixels: Float32Array; labels: number[] }
}
