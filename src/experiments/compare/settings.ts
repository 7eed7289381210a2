import { ValueError } from '../../core/errors.js'
import { type NormName, normLabel, normNames } from '../../models/index.js'
import { choice, integer, list, positive, type SettingsOf, seed } from '../settings.js'

/** Of the digits in the package. */
export const TRAINING_IMAGES = 5000
export const TEST_IMAGES = 1000

const norm = choice<NormName>({
  default: 'batch',
  label: 'norm',
  help: 'Norms',
  choices: Object.fromEntries(normNames.map((name) => [name, normLabel(name)])) as Record<NormName, string>,
})
const batchSize = integer({ default: 32, label: 'batch size', help: 'Batch sizes', min: 1, max: TRAINING_IMAGES })
const learningRate = positive({ default: 0.05, label: 'learning rate', help: 'Learning rates' })

/** What is compared: every norm at every batch size and learning rate. The defaults are what a few minutes on two cores allow. */
export const settings = {
  norms: list(norm, { default: ['none', 'batch', 'layer'], flag: 'norm' }),
  batchSizes: list(batchSize, { default: [32, 2], flag: 'batch-size' }),
  learningRates: list(learningRate, { default: [0.05, 0.5], flag: 'lr' }),
  samples: integer({
    default: 10_000,
    label: 'images',
    help: 'Training images that each run sees, repetitions counted: fewer steps at larger batches, so that runs compare',
    min: 1,
    max: 1000 * TRAINING_IMAGES,
  }),
  seed: seed({ help: 'Of the initial weights and of the order of images, the same for all runs' }),
  imageSize: choice<'28' | '14'>({
    default: '28',
    label: 'image size',
    help: 'Pixels; 14 is a quarter of the work',
    choices: { 28: '28 x 28', 14: '14 x 14' },
  }),
}
export type CompareSettings = SettingsOf<typeof settings>

/** One cell of the comparison. */
export interface RunConfig {
  norm: NormName
  batchSize: number
  learningRate: number
  samples: number
  seed: number
  imageSize: '28' | '14'
}

/** Norms innermost: a comparison that ends early has whole groups to compare. */
export const runsOf = ({ norms, batchSizes, learningRates, samples, seed, imageSize }: CompareSettings): RunConfig[] =>
  batchSizes.flatMap((batchSize) => learningRates.flatMap((learningRate) => norms.map((norm) => ({ norm, batchSize, learningRate, samples, seed, imageSize }))))

/** @throws ValueError where a batch is larger than what a run sees */
export function checkCompare({ batchSizes, samples }: CompareSettings): void {
  const largest = Math.max(...batchSizes)
  if (samples < largest) throw new ValueError(`compare: samples must be at least one batch (${largest}), got ${samples}`)
}
