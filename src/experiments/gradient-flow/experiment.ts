import { firstSeed, seeds } from '../common-settings.js'
import type { Experiment, Measure, Table } from '../experiment.js'
import { type Activation, activationNames, type FeatureNorm, type Init, initNames, type Place, placeNames } from '../networks.js'
import { normNames, someNorms } from '../norms.js'
import { choice, integer, list, positive } from '../settings.js'
import { seedsOf, spreadOf, spreadText } from '../spread.js'
import { figures } from './figures.js'
import { endLoss, findings } from './findings.js'
import { deadShare, type FlowResult, groupsOf, ratio } from './ratio.js'
import { type FlowLayer, type GradientFlowConfig, type GradientFlowRun, gradientFlowRun } from './run.js'

export const settings = {
  norms: list(choice<FeatureNorm>({ default: 'batch', label: 'norm', help: 'Norms', choices: someNorms('none', 'batch', 'layer', 'rms') }), {
    default: ['none', 'batch', 'layer'],
    flag: 'norm',
  }),
  places: list(choice<Place>({ default: 'before', label: 'place', help: 'Where the norm stands', choices: placeNames }), {
    default: ['before', 'pre-norm'],
    flag: 'place',
  }),
  activations: list(choice<Activation>({ default: 'relu', label: 'activation', help: 'Activations', choices: activationNames }), {
    default: ['relu', 'tanh'],
    flag: 'activation',
  }),
  inits: list(choice<Init>({ default: 'default', label: 'initialisation', help: 'Initialisations of the weights', choices: initNames }), {
    default: ['default'],
    flag: 'init',
  }),
  depths: list(integer({ default: 20, label: 'depth', help: 'Numbers of hidden layers', min: 1, max: 100 }), { default: [2, 10, 30], flag: 'depth' }),
  width: integer({ default: 64, label: 'width', help: 'Units of a hidden layer', min: 2, max: 512 }),
  batchSize: integer({ default: 64, label: 'batch size', help: 'Batch size', min: 2, max: 1024 }),
  learningRate: positive({ default: 0.05, label: 'learning rate', help: 'Learning rate', flag: 'lr' }),
  steps: integer({ default: 60, label: 'steps', help: 'Updates between the first look and the second; 0 for the first alone', min: 0, max: 100_000 }),
  seeds: seeds(),
  seed: firstSeed(),
}

/** What arrives of the gradient at each layer, at initialisation and in training. */
export const gradientFlowExperiment: Experiment<typeof settings, GradientFlowConfig, GradientFlowRun> = {
  name: 'gradient-flow',
  title: 'What arrives of the gradient in deep networks',
  claim: 'Without a norm, gradients vanish or explode with depth; with one they do not.',
  settings,
  quick: { depths: [2, 10], activations: ['relu'], places: ['before'], steps: 5, seeds: 1 },
  runs: ({ norms, places, activations, inits, depths, width, batchSize, learningRate, steps, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      depths.flatMap((depth) =>
        places.flatMap((place) =>
          activations.flatMap((activation) =>
            inits.flatMap((init) => norms.map((norm) => ({ norm, place, activation, init, depth, width, batchSize, learningRate, steps, seed: s }))),
          ),
        ),
      ),
    ),
  introduction: ({ depths, width, steps }) =>
    `Networks of ${depths.join(', ')} hidden layers of ${width} units: what each layer gives and what gradient comes back to it, at the start and after ${steps} updates.`,
  cost: ({ depth, steps, norm }) => (steps + 5) * (depth + 1) * (norm === 'none' ? 1 : 1.5),
  describe: ({ norm, place, activation, init, depth, seed }) =>
    [
      normNames[norm],
      ...(norm === 'none' && !place.includes('-') ? [] : [place]),
      activationNames[activation],
      initNames[init],
      `depth ${depth}`,
      `seed ${seed}`,
    ].join(', '),
  measure: gradientFlowRun,
  outcome: (run) => `gradient of the first layer ${(ratio(run.start) ?? 0).toPrecision(2)} of the last, loss ${endLoss(run)?.toPrecision(3) ?? '–'} at the end`,
  summary,
  findings,
  figures,
  measures,
  method: ({ settings }) => [
    ['Network', `perceptron of ${settings.width} units a layer on digits of 14 x 14 pixels; biases start at 0; the same weights for all norms`],
    ['Gradient', 'Euclidean length of the gradient of the loss with respect to what a layer gives to the next one, on one batch'],
    ['First to last', 'that of the first hidden layer divided by that of the last: below 1 it vanishes on the way back, above 1 it grows'],
    ['Dead units', 'share of units whose activation is 0 for every image of the batch'],
    ['Training', `plain SGD, learning rate ${settings.learningRate}, ${settings.steps} steps of ${settings.batchSize} digits`],
  ],
}

function summary(result: FlowResult): Table {
  return {
    caption: 'At the greatest depth, mean over seeds (of the ratio, the geometric mean).',
    columns: [
      { label: 'Norm' },
      { label: 'Place' },
      { label: 'Activation' },
      { label: 'Weights' },
      { label: 'Gradient, first to last layer, at the start', short: ['first to last', 'gradient'], numeric: true },
      { label: 'Dead units at the end', short: ['dead', 'units'], numeric: true },
      { label: 'Training loss at the end', short: ['loss at', 'the end'], numeric: true },
    ],
    rows: groupsOf(result).map(({ norm, place, activation, init, runs, ratio: gradient }) => {
      const dead = spreadOf(runs.map(({ end }) => deadShare(end)))
      const loss = spreadOf(runs.map(endLoss))
      return [
        normNames[norm],
        placeNames[place],
        activationNames[activation],
        initNames[init],
        gradient === null ? null : gradient.toPrecision(2),
        dead && `${(100 * dead.mean).toFixed(0)}%`,
        loss && spreadText(loss),
      ]
    }),
  }
}

function* measures({ losses, start, end }: GradientFlowRun): Generator<Measure> {
  for (const [step, value] of losses.entries()) yield { step, measure: 'training_loss', value }
  yield* layerMeasures(start, 0)
  yield* layerMeasures(end, losses.length - 1)
}

function* layerMeasures(layers: readonly FlowLayer[], step: number): Generator<Measure> {
  for (const { layer, ...numbers } of layers) {
    for (const [name, value] of Object.entries(numbers)) {
      yield { step, layer: `hidden${layer}`, measure: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value }
    }
  }
}
