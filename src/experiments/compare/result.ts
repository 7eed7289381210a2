import type { Result, RunState } from '../experiment.js'
import type { RunConfig, settings } from './settings.js'

/** A layer over the course of a run: one entry per observed step in each list. */
export interface LayerSeries {
  /** As in the model: `conv1`, `norm1`, ..., `fc`. */
  layer: string
  /** Training images seen when the step began. */
  samples: number[]
  /** Of the layer's output. */
  mean: number[]
  std: number[]
  /** Length of the gradient of the loss with respect to the output. */
  gradientNorm: number[]
  /** Length of the gradient with respect to the weight; null for layers without. */
  weightGradientNorm: number[] | null
}

export interface RunResult extends RunConfig, RunState {
  /** Steps done. */
  steps: number
  stepsPlanned: number
  /** Training loss of every step, before its update; all finite. */
  losses: number[]
  /** Mean training loss of the steps that led up to a number of images seen; null where the run didn't come so far. */
  lossAt: LossPoint[]
  /** Share of the test images that are recognised, in evaluation mode; null unless finished. */
  testAccuracy: number | null
  /** In evaluation mode: BatchNorm uses its running averages. Null unless finished. */
  testLoss: number | null
  /** Median. */
  msPerStep: number | null
  /** Median over the observed steps of the gradient of the first convolution's weight. */
  firstLayerGradientNorm: number | null
  layers: LayerSeries[]
}

export interface LossPoint {
  samples: number
  loss: number | null
}

export type CompareResult = Result<typeof settings, RunResult>

/** At which numbers of images seen the training loss is read, and over how many images before. */
export function checkpoints(samples: number): { at: number[]; window: number } {
  return { at: [1 / 8, 1 / 4, 1 / 2, 1].map((share) => Math.round(share * samples)), window: Math.round(samples / 16) }
}

/** Means of the losses of the steps that end in the `window` images before each point, at least one step. */
export function lossesAt(losses: readonly number[], batchSize: number, samples: number, stepsPlanned: number): LossPoint[] {
  const { at, window } = checkpoints(samples)
  return at.map((point) => {
    const end = Math.min(stepsPlanned, Math.max(1, Math.round(point / batchSize)))
    if (losses.length < end) return { samples: point, loss: null }
    const part = losses.slice(Math.max(0, Math.min(end - 1, end - Math.round(window / batchSize))), end)
    const mean = part.reduce((sum, loss) => sum + loss, 0) / part.length
    return { samples: point, loss: Number.isFinite(mean) ? mean : null }
  })
}
