import { ValueError } from '../../core/errors.js'
import { firstSeed, seeds, TEST_IMAGES } from '../common-settings.js'
import type { Experiment, Figure, Finding, Measure, Result, Table } from '../experiment.js'
import { lookOfNorm, normLegend, normNames, someNorms } from '../norms.js'
import { choice, integer, list, positive, type SettingsOf } from '../settings.js'
import { differ, listed, percentText, type Spread, seedsOf, spreadOf } from '../spread.js'
import { type BatchSizeConfig, type BatchSizeRun, batchSizeRun, type ImageNorm } from './run.js'

const settings = {
  norms: list(choice<ImageNorm>({ default: 'batch', label: 'norm', help: 'Norms', choices: someNorms('none', 'batch', 'layer', 'group', 'instance') }), {
    default: ['batch', 'layer', 'group', 'instance', 'none'],
    flag: 'norm',
  }),
  batchSizes: list(integer({ default: 32, label: 'batch size', help: 'Batch sizes', min: 1, max: 1024 }), {
    default: [2, 4, 8, 16, 32, 64],
    flag: 'batch-size',
  }),
  learningRate: positive({ default: 0.1, label: 'learning rate', help: 'Learning rate at batch size 32', flag: 'lr' }),
  scaling: choice<'linear' | 'none'>({
    default: 'linear',
    label: 'learning rate by batch size',
    help: 'Whether the learning rate grows with the batch (Goyal et al. 2017)',
    choices: { linear: 'in proportion', none: 'the same for all' },
  }),
  samples: integer({ default: 5000, label: 'images', help: 'Training images that each run sees', min: 1, max: 5_000_000 }),
  imageSize: choice<'28' | '14'>({ default: '14', label: 'image size', help: 'Pixels', choices: { 14: '14 x 14', 28: '28 x 28' } }),
  seeds: seeds(),
  seed: firstSeed(),
}
type Settings = typeof settings
type BatchSizeResult = Result<Settings, BatchSizeRun>

const REFERENCE_BATCH = 32

/** Accuracy over batch size, for each norm. */
export const batchSizeExperiment: Experiment<Settings, BatchSizeConfig, BatchSizeRun> = {
  name: 'batch-size',
  title: 'Where BatchNorm breaks down: the batch size',
  claim: 'BatchNorm needs large batches; norms within a sample do not care (Wu and He 2018).',
  settings,
  quick: { norms: ['batch', 'layer'], batchSizes: [2, 32], samples: 640, seeds: 1 },
  check: ({ batchSizes, samples }: SettingsOf<Settings>) => {
    const largest = Math.max(...batchSizes)
    if (samples < largest) throw new ValueError(`batch-size: samples must be at least one batch (${largest}), got ${samples}`)
  },
  runs: ({ norms, batchSizes, learningRate, scaling, samples, imageSize, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      batchSizes.flatMap((batchSize) =>
        norms.map((norm) => ({
          norm,
          batchSize,
          learningRate: scaling === 'linear' ? (learningRate * batchSize) / REFERENCE_BATCH : learningRate,
          samples,
          imageSize,
          seed: s,
        })),
      ),
    ),
  introduction: ({ samples, imageSize }) =>
    `The same convolutional network with each norm at each batch size; every run sees ${samples.toLocaleString('en-US')} digits of ${imageSize} x ${imageSize} pixels.`,
  cost: ({ batchSize, samples }) => (samples / batchSize) * (batchSize + 4),
  describe: ({ norm, batchSize, seed }) => `${normNames[norm]}, batch size ${batchSize}, seed ${seed}`,
  measure: batchSizeRun,
  outcome: ({ testAccuracy }) => `${(100 * (testAccuracy ?? 0)).toFixed(1)}% of the test digits right`,
  summary,
  findings,
  figures,
  measures,
  method: ({ settings }) => [
    ['Network', 'four 3 x 3 convolutions (8, 16, 16, 32 channels), each with the norm and a ReLU behind it; pooling; a linear layer'],
    ['Norms', 'BatchNorm2d(C); LayerNorm([C, H, W]); GroupNorm with 4 channels a group; InstanceNorm2d with weight and bias; without norm a bias'],
    [
      'Training',
      `plain SGD, learning rate ${settings.learningRate}${settings.scaling === 'linear' ? ` x batch size / ${REFERENCE_BATCH}` : ''}, ${settings.samples} images, the same order for all norms`,
    ],
    ['Accuracy', `share of ${TEST_IMAGES} test digits in evaluation mode: BatchNorm uses its running averages`],
    ['Difference', 'more than two standard errors, of the seeds and of the test set together'],
  ],
}

/** A run that diverged has recognised nothing. */
const accuracy = ({ runs }: BatchSizeResult, norm: ImageNorm, batchSize: number): Spread | null =>
  spreadOf(runs.filter((run) => run.norm === norm && run.batchSize === batchSize).map((run) => (run.divergence ? 0 : run.testAccuracy)))

function findings(result: BatchSizeResult): Finding[] {
  const { norms, batchSizes } = result.settings
  const rivals = norms.filter((norm) => norm === 'layer' || norm === 'group' || norm === 'instance')
  if (!norms.includes('batch') || rivals.length === 0 || batchSizes.length < 2) return []
  const compared = [...batchSizes]
    .sort((a, b) => a - b)
    .flatMap((size) => {
      const own = accuracy(result, 'batch', size)
      const others = rivals.flatMap((norm) => {
        const spread = accuracy(result, norm, size)
        return spread ? [{ norm, spread }] : []
      })
      if (!own || others.length === 0) return []
      const best = others.reduce((a, b) => (b.spread.mean > a.spread.mean ? b : a))
      const behind = own.mean < best.spread.mean && differ(own, best.spread, TEST_IMAGES)
      return [{ size, own, best, behind }]
    })
  if (compared.length < 2) return []
  const [small, large] = [compared[0], compared[compared.length - 1]]
  const figures = compared.map(({ size, own, best }) => `${percentText(own)} against ${percentText(best.spread)} with ${normNames[best.norm]} at ${size}`)
  const broken = compared.filter(({ behind }) => behind).map(({ size }) => String(size))
  const verdict = !small.behind ? 'does not hold' : large.behind ? 'depends' : 'holds'
  const where = `By more than two standard errors, BatchNorm was behind ${broken.length > 0 ? `at batch size ${listed(broken)}` : 'at no batch size'}`
  const positions = Number(result.settings.imageSize) ** 2
  return [
    {
      claim: 'BatchNorm breaks down at small batches.',
      verdict,
      text: `${where}: ${figures.join('; ')}. Every position of an image counts: ${small.size} of them give a channel of the first layer ${small.size * positions} values.`,
    },
    ...withinSample(result, rivals, small.size, large.size),
  ]
}

function withinSample(result: BatchSizeResult, rivals: readonly ImageNorm[], small: number, large: number): Finding[] {
  const moved = rivals.flatMap((norm) => {
    const [a, b] = [accuracy(result, norm, small), accuracy(result, norm, large)]
    return a && b ? [{ norm, a, b, moves: differ(a, b, TEST_IMAGES) }] : []
  })
  if (moved.length === 0) return []
  const updates = (size: number) => Math.floor(result.settings.samples / size).toLocaleString('en-US')
  const moving = moved.filter(({ moves }) => moves)
  return [
    {
      claim: 'Norms within a sample are as good at any batch size.',
      verdict: moving.length === 0 ? 'holds' : moving.length === moved.length ? 'does not hold' : 'depends',
      text: `From batch size ${small} to ${large}: ${moved.map(({ norm, a, b }) => `${normNames[norm]} ${percentText(a)} and ${percentText(b)}`).join('; ')}. These are ${updates(small)} updates and ${updates(large)}: what differs may be that, and not the batch.`,
    },
  ]
}

function summary(result: BatchSizeResult): Table {
  const { norms, batchSizes } = result.settings
  return {
    caption: 'Test digits right, mean and standard deviation over seeds. A run that diverged counts as 0.',
    columns: [{ label: 'Norm' }, ...batchSizes.map((size) => ({ label: `Batch size ${size}`, short: ['batch', String(size)], numeric: true }))],
    rows: norms.map((norm) => [
      normNames[norm],
      ...batchSizes.map((size) => {
        const spread = accuracy(result, norm, size)
        return spread && percentText(spread)
      }),
    ]),
  }
}

function figures(result: BatchSizeResult): Figure[] {
  const { norms, batchSizes } = result.settings
  const sizes = [...batchSizes].sort((a, b) => a - b)
  const series = norms.map((norm) => ({
    name: normNames[norm],
    look: lookOfNorm(norm),
    markers: true,
    points: sizes.flatMap((size, x) => {
      const spread = accuracy(result, norm, size)
      return spread ? [{ x, y: 100 * spread.mean, ...(spread.count > 1 ? { spread: 100 * spread.std } : {}) }] : []
    }),
  }))
  const lowest = Math.min(100, ...series.flatMap(({ points }) => points.map(({ y }) => y)))
  return [
    {
      id: 'accuracy',
      heading: 'Accuracy over batch size',
      text: 'Test digits right in evaluation mode; lines up and down are one standard deviation over seeds.',
      charts: [
        {
          title: 'test accuracy',
          description: series.map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${y.toFixed(1)} at ${sizes[x]}`).join(', ')}`).join('; '),
          x: { label: 'batch size', domain: [0, 1], names: sizes.map(String) },
          y: { label: 'test digits right (%)', domain: [Math.floor(lowest / 10) * 10, 100] },
          series,
        },
      ],
      columns: 1,
      legend: normLegend(norms),
      table: summary(result),
    },
  ]
}

function* measures({ losses, testAccuracy, testLoss, msPerStep }: BatchSizeRun): Generator<Measure> {
  for (const [step, value] of losses.entries()) yield { step, measure: 'training_loss', value }
  yield { measure: 'test_accuracy', value: testAccuracy }
  yield { measure: 'test_loss', value: testLoss }
  yield { measure: 'ms_per_step', value: msPerStep }
}
