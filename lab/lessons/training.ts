import { deadShare, ratio } from '../../src/experiments/gradient-flow/ratio.js'
import type { GradientFlowRun } from '../../src/experiments/gradient-flow/run.js'
import type { LearningRateRun } from '../../src/experiments/learning-rate/run.js'
import type { SequenceRun } from '../../src/experiments/sequence-length/run.js'
import { percent, shortNumber } from '../parts/number.js'
import { lesson, only } from './lesson.js'

/** Lessons on what norms do for training. */

/** Of ten classes: below this a network has not learned its task. */
const LEARNED = 0.5

const highest = (runs: readonly LearningRateRun[], norm: LearningRateRun['norm']): number =>
  Math.max(0, ...runs.filter((run) => run.norm === norm && (run.testAccuracy ?? 0) > LEARNED).map(({ learningRate }) => learningRate))

export const learningRate = lesson<LearningRateRun>({
  id: 'learning-rate',
  title: 'How fast may one go?',
  text: [
    'The same network of three hidden layers, from the same weights, once without norm and once with BatchNorm before each ReLU. Each is trained for 100 steps at the learning rates 0.03, 0.1, 0.3, 1 and 3.',
    'A rate is too high where the network ends no better than guessing, or its loss becomes NaN.',
  ],
  code: 'nn.Sequential(nn.Linear(196, 64), nn.BatchNorm1d(64), nn.ReLU(), ...)\ntorch.optim.SGD(model.parameters(), lr=lr)',
  question: 'By how much does BatchNorm raise the highest rate that still trains?',
  answers: { same: 'Not at all', little: 'About two times', much: 'Ten times or more' },
  experiment: 'learning-rate',
  flags: { norm: 'none,batch', lr: '0.03,0.1,0.3,1,3', depth: '3', steps: '100', seeds: '1' },
  figure: 'accuracy',
  measure: (runs) => {
    const [plain, normed] = (['none', 'batch'] as const).map((norm) => highest(runs, norm))
    const factor = normed / plain
    const diverged = runs.filter(({ divergence }) => divergence)
    return {
      answer: factor >= 9 ? 'much' : factor > 1.4 ? 'little' : 'same',
      text: `Without norm the highest rate that trained was ${plain}, with BatchNorm ${normed}${diverged.length > 0 ? `; ${diverged.length} of ${runs.length} runs ended in NaN` : ''}.`,
      readings: [
        { term: 'highest rate without norm', value: plain },
        { term: 'with BatchNorm', value: normed },
        { term: 'factor', value: factor },
      ],
    }
  },
  why: [
    'Behind a norm the size of a weight does not matter: twice the weights give the same output. A step that is too long makes the weights longer, and the next steps, seen from there, shorter. The network brakes itself.',
    'Without norm a step that is too long makes all numbers larger, and with them the next gradient and the next step.',
  ],
})

/** Of post-norm: what a norm leaves is 1, nearly. */
const ABOUT_ONE = 0.05

export const residual = lesson<GradientFlowRun>({
  id: 'pre-post',
  title: 'Before the branch, or behind the sum',
  text: [
    'Thirty residual layers. In pre-norm the norm stands in the branch, x + f(norm(x)); in post-norm behind the sum, norm(x + f(x)), as in the first transformers.',
    'Look at the spread of the numbers that one layer hands to the next, before any training.',
  ],
  code: 'x = x + f(norm(x))   # pre-norm\nx = norm(x + f(x))   # post-norm',
  question: 'From the first layer to the thirtieth, the spread …',
  answers: {
    both: 'stays at 1 in both',
    pre: 'grows in pre-norm and stays at 1 in post-norm',
    post: 'stays at 1 in pre-norm and grows in post-norm',
  },
  experiment: 'gradient-flow',
  flags: { norm: 'layer', place: 'pre-norm,post-norm', activation: 'relu', depth: '30', steps: '0', seeds: '1' },
  figure: 'activations',
  measure: (runs) => {
    const [pre, post] = (['pre-norm', 'post-norm'] as const).map((place) => {
      const { start } = only(runs, (run) => run.place === place)
      return { first: start[0].std, last: start[start.length - 1].std, gradient: ratio(start) ?? Number.NaN }
    })
    const grows = ({ first, last }: typeof pre) => last > first * (1 + ABOUT_ONE)
    return {
      answer: grows(pre) === grows(post) ? 'both' : grows(pre) ? 'pre' : 'post',
      text: `In pre-norm from ${shortNumber(pre.first, 2)} to ${shortNumber(pre.last, 2)}, in post-norm from ${shortNumber(post.first, 2)} to ${shortNumber(post.last, 2)}. The gradient of the first layer was ${shortNumber(pre.gradient, 1)} and ${shortNumber(post.gradient, 1)} times that of the last.`,
      readings: [
        { term: 'pre-norm, layer 1', value: pre.first },
        { term: 'layer 30', value: pre.last },
        { term: 'post-norm, layer 1', value: post.first },
        { term: 'layer 30 of post-norm', value: post.last },
      ],
    }
  },
  why: [
    'In pre-norm nothing stands in the way of the sum: each layer adds to it, and what is added piles up. That same open road carries gradients from the last layer to the first, and it is why pre-norm needs one more norm at the end.',
    'In post-norm every sum is brought back to 1 and every gradient passes every norm. That post-norm starves the first layers is said of transformers with attention; in this small network both let the gradient through, as the figure shows.',
  ],
})

export const dead = lesson<GradientFlowRun>({
  id: 'dead-relu',
  title: 'Units that say nothing',
  text: [
    'A ReLU gives 0 for everything below 0. A unit whose input is below 0 for every sample gives 0 always, gets no gradient, and never comes back: it is dead.',
    'Six layers of 64 ReLUs are trained for 60 steps at a learning rate of 1, without norm and with BatchNorm.',
  ],
  code: 'nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), ...)',
  question: 'How many of the units are dead with BatchNorm?',
  answers: { none: 'None, or nearly', fewer: 'Half as many as without', same: 'As many as without' },
  experiment: 'gradient-flow',
  flags: { norm: 'none,batch', place: 'before', activation: 'relu', depth: '6', lr: '1', steps: '60', seeds: '1' },
  figure: 'dead',
  measure: (runs) => {
    const [plain, normed] = (['none', 'batch'] as const).map((norm) => deadShare(only(runs, (run) => run.norm === norm).end) ?? Number.NaN)
    return {
      answer: normed < 0.02 ? 'none' : normed < 0.75 * plain ? 'fewer' : 'same',
      text: `${percent(plain, 0)} of the units were dead without norm, ${percent(normed, 0)} with BatchNorm.`,
      readings: [
        { term: 'dead without norm', value: plain, text: percent(plain) },
        { term: 'with BatchNorm', value: normed, text: percent(normed) },
      ],
    }
  },
  why: [
    'BatchNorm gives every unit inputs of mean 0 over the batch: some lie above, some below. Unless its bias drifts far off, no unit can be below 0 for all of them.',
    'LayerNorm can’t promise that: it makes the mean 0 over the units of one sample, so a single unit may still be below 0 for every sample.',
  ],
})

export const padding = lesson<SequenceRun>({
  id: 'padding',
  title: 'Does masking save BatchNorm?',
  text: [
    'An LSTM reads digits row by row; each is cut after 7 to 14 rows, and the rest of the batch is padding. BatchNorm takes statistics over the batch for each step, LayerNorm within each sequence.',
    'Padding can be masked, so that it enters neither a state nor a statistic. Both norms are trained for 60 steps, with padding masked and with padding taken for data.',
  ],
  code: 'h = torch.where(t < lengths, new_h, h)  # masked',
  question: 'With the padding masked, is BatchNorm level with LayerNorm?',
  answers: { level: 'Yes: padding was the trouble', layer: 'No, LayerNorm is still ahead', batch: 'BatchNorm is ahead' },
  experiment: 'sequence-length',
  flags: { norm: 'layer,batch', shortest: '7', hidden: '24', steps: '60', seeds: '1' },
  figure: 'accuracy',
  measure: (runs) => {
    const accuracy = (norm: SequenceRun['norm'], wanted: SequenceRun['padding']) =>
      only(runs, (run) => run.norm === norm && run.padding === wanted).testAccuracy ?? 0
    const [layer, batch] = (['layer', 'batch'] as const).map((norm) => accuracy(norm, 'masked'))
    const [layerData, batchData] = (['layer', 'batch'] as const).map((norm) => accuracy(norm, 'data'))
    // Two standard errors of a difference of shares of 1000 digits.
    const error = 2 * Math.sqrt((layer * (1 - layer) + batch * (1 - batch)) / 1000)
    return {
      answer: Math.abs(layer - batch) < error ? 'level' : layer > batch ? 'layer' : 'batch',
      text: `Masked: LayerNorm ${percent(layer)}, BatchNorm ${percent(batch)} of the test digits right. Taken for data: ${percent(layerData)} and ${percent(batchData)}.`,
      readings: [
        { term: 'LayerNorm, masked', value: layer, text: percent(layer) },
        { term: 'BatchNorm, masked', value: batch, text: percent(batch) },
        { term: 'LayerNorm, as data', value: layerData, text: percent(layerData) },
        { term: 'BatchNorm, as data', value: batchData, text: percent(batchData) },
      ],
    }
  },
  why: [
    'Masked or not, BatchNorm has a mean for every step, and the later the step, the fewer sequences are left to take it from. Running averages of late steps see few samples and few updates.',
    'LayerNorm has one layer for all steps and asks for nobody else. Whether masking helps the rest of the network depends on rate and cell: the experiment runs both, on your settings.',
  ],
})
