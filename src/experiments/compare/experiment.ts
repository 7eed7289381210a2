import { normLabel } from '../../models/index.js'
import type { Experiment, Measure, Table } from '../experiment.js'
import { number } from '../report/chart.js'
import { figures } from './figures.js'
import { findings, percent } from './findings.js'
import { type CompareResult, checkpoints, type RunResult } from './result.js'
import { trainRun } from './run.js'
import { checkCompare, type RunConfig, runsOf, settings, TEST_IMAGES, TRAINING_IMAGES } from './settings.js'

const count = (n: number): string => n.toLocaleString('en-US')

/** The same network with each norm, at each batch size and learning rate. */
export const compareExperiment: Experiment<typeof settings, RunConfig, RunResult> = {
  name: 'compare',
  title: 'What normalization does to training',
  claim: 'Normalization makes training faster and more stable.',
  settings,
  quick: { samples: 640, imageSize: '14', batchSizes: [32] },
  check: checkCompare,
  runs: runsOf,
  introduction: ({ norms, batchSizes, learningRates, samples, imageSize }) =>
    `The same convolutional network, from the same initial weights and on the same handwritten digits in the same order, trained with ${norms
      .map(normLabel)
      .join(
        ', ',
      )}; batch size ${batchSizes.join(', ')}; learning rate ${learningRates.join(', ')}. Each run sees ${count(samples)} images of ${imageSize} x ${imageSize} pixels.`,
  // A step costs about as much as 1.3 images before it sees the first one.
  cost: ({ batchSize, samples }) => Math.floor(samples / batchSize) * (batchSize + 1.3),
  describe: ({ norm, batchSize, learningRate }) => `${normLabel(norm)}, batch size ${batchSize}, learning rate ${learningRate}`,
  measure: trainRun,
  outcome: ({ testAccuracy, lossAt, msPerStep }) =>
    `${percent(testAccuracy ?? 0)} of the test digits right, training loss ${lossAt.at(-1)?.loss?.toFixed(3) ?? '–'}, ${(msPerStep ?? 0).toFixed(2)} ms per step`,
  summary,
  findings: ({ runs }) => findings(runs, TEST_IMAGES).map((text) => ({ claim: '', verdict: null, text })),
  figures,
  measures,
  method,
}

/** Rows are bold where no other run at the same batch size and learning rate recognises more. */
function summary({ settings, runs }: CompareResult): Table {
  const marks = checkpoints(settings.samples).at
  return {
    caption: 'One row a run; the best test accuracy of each batch size and learning rate is bold.',
    columns: [
      { label: 'Norm', short: ['norm'] },
      { label: 'Batch size', short: ['batch', 'size'], numeric: true },
      { label: 'Learning rate', short: ['learn.', 'rate'], numeric: true },
      { label: 'Steps', short: ['steps'], numeric: true },
      { label: `Test accuracy (${count(TEST_IMAGES)} digits)`, short: ['test', 'acc.'], numeric: true },
      ...marks.map((samples) => ({ label: `Training loss at ${count(samples)}`, short: ['loss at', count(samples)], numeric: true })),
      { label: 'ms per step', short: ['ms per', 'step'], numeric: true },
      { label: 'Gradient norm, first layer', short: ['gradient', 'norm, 1st'], numeric: true },
    ],
    rows: runs.map((run) => [
      normLabel(run.norm),
      String(run.batchSize),
      String(run.learningRate),
      run.divergence ? `diverged at ${run.divergence.step}` : run.status === 'stopped' ? `stopped after ${run.steps}` : count(run.steps),
      run.testAccuracy === null ? null : percent(run.testAccuracy),
      ...marks.map((_, i) => run.lossAt[i]?.loss?.toFixed(3) ?? null),
      run.msPerStep === null ? null : run.msPerStep.toFixed(2),
      run.firstLayerGradientNorm === null ? null : number(run.firstLayerGradientNorm),
    ]),
    strong: runs.flatMap((run, i) => (isBest(run, runs) ? [i] : [])),
  }
}

const isBest = (run: RunResult, runs: readonly RunResult[]): boolean =>
  run.testAccuracy !== null &&
  runs
    .filter((other) => other.batchSize === run.batchSize && other.learningRate === run.learningRate)
    .every((other) => (other.testAccuracy ?? 0) <= (run.testAccuracy ?? 0))

function* measures(run: RunResult): Generator<Measure> {
  for (const [step, value] of run.losses.entries()) yield { step, measure: 'training_loss', value }
  for (const { layer, samples, mean, std, gradientNorm, weightGradientNorm } of run.layers) {
    for (const [i, seen] of samples.entries()) {
      const step = seen / run.batchSize
      yield { step, layer, measure: 'activation_mean', value: mean[i] }
      yield { step, layer, measure: 'activation_std', value: std[i] }
      yield { step, layer, measure: 'activation_gradient_norm', value: gradientNorm[i] }
      yield { step, layer, measure: 'weight_gradient_norm', value: weightGradientNorm?.[i] ?? null }
    }
  }
  yield { measure: 'test_accuracy', value: run.testAccuracy }
  yield { measure: 'test_loss', value: run.testLoss }
  yield { measure: 'ms_per_step', value: run.msPerStep }
  yield { layer: 'conv1', measure: 'median_weight_gradient_norm', value: run.firstLayerGradientNorm }
}

function method({ settings }: CompareResult): [string, string][] {
  return [
    [
      'Network',
      'four 3 x 3 convolutions (8, 16, 16, 32 channels), each with the norm and a ReLU behind it; 2 x 2 max pooling behind the first, second and fourth; a linear layer',
    ],
    ['Norms', 'BatchNorm2d(C); LayerNorm([C, H, W]); without norm, convolutions have a bias that starts at 0'],
    ['Data', `MNIST, the first ${count(TRAINING_IMAGES)} training and ${count(TEST_IMAGES)} test images (LeCun, Cortes; CC BY-SA 3.0)`],
    ['Training', `plain SGD with cross-entropy, constant learning rate; seed ${settings.seed} for weights and order`],
    ['Training loss at n', `mean over the last ${count(checkpoints(settings.samples).window)} images before n (at least one step), before the update`],
    ['Test accuracy', 'in evaluation mode after the last step: BatchNorm uses its running averages'],
    ['Milliseconds per step', 'median over the steps of a run: loading, forward, backward, update'],
    ['Gradient norm', 'Euclidean length of the gradient with respect to the weight, median over the observed steps'],
  ]
}
