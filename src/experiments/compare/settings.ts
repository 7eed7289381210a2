import { checkOptions, ValueError } from '../../core/errors.js'
import { isNormName, type NormName, normNames } from '../../models/index.js'

/** What is compared: every norm at every batch size and learning rate. */
export interface CompareSettings {
  norms: readonly NormName[]
  batchSizes: readonly number[]
  learningRates: readonly number[]
  /** Training images that each run sees, repetitions counted: fewer steps at larger batches, so that runs compare. */
  samples: number
  /** Of the initial weights and of the order of images; the same for all runs. */
  seed: number
  imageSize: 28 | 14
}

/** The main job: what a few minutes on two cores allow. */
export const defaultSettings: CompareSettings = {
  norms: ['none', 'batch', 'layer'],
  batchSizes: [32, 2],
  learningRates: [0.05, 0.5],
  samples: 10_000,
  seed: 0,
  imageSize: 28,
}

/** One cell of the comparison. */
export interface RunConfig {
  norm: NormName
  batchSize: number
  learningRate: number
}

/** Norms innermost: a comparison that ends early has whole groups to compare. */
export const runsOf = ({ norms, batchSizes, learningRates }: CompareSettings): RunConfig[] =>
  batchSizes.flatMap((batchSize) => learningRates.flatMap((learningRate) => norms.map((norm) => ({ norm, batchSize, learningRate }))))

/** @throws ValueError, or TypeError for unknown fields, where an experiment could not run */
export function checkSettings(settings: CompareSettings, trainingImages: number): void {
  checkOptions('compare', settings, Object.keys(defaultSettings))
  const { norms, batchSizes, learningRates, samples, seed, imageSize } = settings
  for (const [name, list] of Object.entries({ norms, batchSizes, learningRates })) {
    if (!Array.isArray(list) || list.length === 0) throw new ValueError(`compare: ${name} must be a list with at least one entry`)
  }
  for (const norm of norms) if (!isNormName(norm)) throw new ValueError(`compare: unknown norm '${String(norm)}', expected ${normNames.join(', ')}`)
  for (const size of batchSizes) {
    if (!(Number.isInteger(size) && size >= 1 && size <= trainingImages)) {
      throw new ValueError(`compare: a batch size must be a whole number from 1 to ${trainingImages}, the number of training images, got ${size}`)
    }
  }
  for (const lr of learningRates) {
    if (!(Number.isFinite(lr) && lr > 0)) throw new ValueError(`compare: a learning rate must be a finite number above 0, got ${lr}`)
  }
  if (!(Number.isInteger(samples) && samples >= Math.max(...batchSizes))) {
    throw new ValueError(`compare: samples must be a whole number of at least one batch (${Math.max(...batchSizes)}), got ${samples}`)
  }
  if (!(Number.isInteger(seed) && seed >= 0)) throw new ValueError(`compare: seed must be a whole number from 0 up, got ${seed}`)
  if (imageSize !== 28 && imageSize !== 14) throw new ValueError(`compare: imageSize must be 28 or 14, got ${String(imageSize)}`)
}
