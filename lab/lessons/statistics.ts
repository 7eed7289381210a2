import type { AxesRun } from '../../src/experiments/axes/axes.js'
import { listed } from '../../src/experiments/spread.js'
import { shortNumber } from '../parts/number.js'
import { lesson, only } from './lesson.js'

/** Lessons on what is averaged with what. */

const counts = { positions: '6', channel: '24', sample: '18' } as const

export const whichAxes = lesson<AxesRun>({
  id: 'axes',
  title: 'Four images, one mean',
  text: [
    'A batch holds 4 images of 3 channels and 2 × 3 pixels. A normalization layer subtracts a mean and divides by a spread; what sets the layers apart is which numbers go into that mean.',
  ],
  code: 'x = torch.randn(4, 3, 2, 3)\nnn.BatchNorm2d(3)(x)',
  question: 'How many numbers share one mean in BatchNorm2d(3)?',
  answers: {
    positions: '6: the pixels of one channel of one image',
    sample: '18: everything in one image',
    channel: '24: the pixels of one channel in all four images',
  },
  experiment: 'axes',
  flags: { norm: 'batch,layer', shape: '4,3,2,3' },
  measure: (runs) => {
    const [batch, layer] = (['batch', 'layer'] as const).map((norm) => only(runs, (run) => run.norm === norm))
    const shared = batch.statistics[0].count
    const answer = Object.entries(counts).find(([, count]) => count === String(shared))?.[0] ?? ''
    return {
      answer,
      text: `Changing one number moved ${batch.moved[0]} outputs of BatchNorm, and ${layer.moved[0]} of LayerNorm: its companions in the mean, and no others.`,
      readings: [
        { term: 'values in one mean of BatchNorm', value: shared },
        { term: 'means of BatchNorm', value: batch.statistics.length },
        { term: 'values in one mean of LayerNorm', value: layer.statistics[0].count },
        { term: 'means of LayerNorm', value: layer.statistics.length },
      ],
    }
  },
  why: [
    'BatchNorm keeps the channel apart and averages over everything else: N × H × W = 4 × 2 × 3. So an image’s output depends on the other images in its batch.',
    'LayerNorm does it the other way round: one mean for each image, over C × H × W = 18 numbers. No image knows of another.',
  ],
})

export const normalizedShape = lesson<AxesRun>({
  id: 'normalized-shape',
  title: 'What normalizedShape counts',
  text: [
    'LayerNorm takes the sizes of the last axes: those are averaged over, and every combination of the axes before them has a mean of its own.',
    'The input is a batch of 2 sentences of 4 words, each word a vector of 6 features.',
  ],
  code: 'x = torch.randn(2, 4, 6)\nnn.LayerNorm(6)(x)',
  question: 'How many means does LayerNorm(6) compute?',
  answers: { sentence: '2: one for each sentence', word: '8: one for each word', feature: '6: one for each feature' },
  experiment: 'axes',
  flags: { norm: 'layer', shape: '2,4,6', 'normalized-axes': '1' },
  measure: (runs) => {
    const { statistics, parameter, code } = only(runs)
    const means = statistics.length
    const weights = new Set(parameter).size
    return {
      answer: { 2: 'sentence', 8: 'word', 6: 'feature' }[means] ?? '',
      text: `${code.pytorch} took ${means} means of ${statistics[0].count} numbers each, and has ${weights} weights: one for each feature, shared by all words.`,
      readings: [
        { term: 'means', value: means },
        { term: 'values in each', value: statistics[0].count },
        { term: 'weights', value: weights },
      ],
    }
  },
  why: [
    'The statistic belongs to the word, (2 × 4), the weight to the feature, (6). That is why LayerNorm suits sentences of any length: a word is normalised the same wherever it stands.',
    'LayerNorm([4, 6]) would take one mean for each sentence instead, and 24 weights, one for each place: it would then take sentences of 4 words only.',
  ],
})

export const twoSamples = lesson<AxesRun>({
  id: 'two-samples',
  title: 'A batch of two',
  text: [
    'BatchNorm1d on a batch of two rows: in each feature there are two numbers. Their mean is subtracted, and the result divided by their spread.',
    'In one feature the two might be 3.2 and 7.9, in another 0.1 and 0.2.',
  ],
  code: 'x = torch.randn(2, 6)\nnn.BatchNorm1d(6, affine=False)(x)',
  question: 'What is left of the two numbers?',
  answers: {
    distance: 'How far they are apart',
    order: 'Which is the larger, and nothing else',
    nothing: 'Nothing: both become 0',
  },
  experiment: 'axes',
  flags: { norm: 'batch', shape: '2,6', 'normalized-axes': '1', affine: 'no' },
  measure: (runs) => {
    const { before, after } = only(runs)
    const features = before.length / 2
    const gaps = Array.from({ length: features }, (_, f) => Math.abs(before[f] - before[features + f]))
    const sizes = after.map(Math.abs)
    const largest = Math.max(...sizes)
    const alike = largest - Math.min(...sizes) < 0.01
    return {
      answer: !alike ? 'distance' : largest < 0.01 ? 'nothing' : 'order',
      text: `Apart by ${listed(gaps.map((gap) => shortNumber(gap, 2)))} before; after BatchNorm every pair is ${shortNumber(-largest, 2)} and ${shortNumber(largest, 2)}.`,
      readings: [
        { term: 'smallest distance before', value: Math.min(...gaps) },
        { term: 'largest before', value: Math.max(...gaps) },
        { term: 'smallest after', value: 2 * Math.min(...sizes) },
        { term: 'largest after', value: 2 * largest },
      ],
    }
  },
  why: [
    'With two numbers a and b the mean lies half-way and the spread is half their distance, so (a − mean) ÷ spread is +1 or −1 whatever they were. All that is left is a bit for each feature.',
    'In a convolutional network it is another matter: every position counts as a sample, so a batch of two 14 × 14 images still gives 392 numbers to each mean. The experiment batch-size shows how well that goes.',
  ],
})
