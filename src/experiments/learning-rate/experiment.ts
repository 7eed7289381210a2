import { firstSeed, seeds } from '../common-settings.js'
import type { Experiment, Figure, Finding, Measure, Result, Table } from '../experiment.js'
import { type Activation, activationNames, type FeatureNorm } from '../networks.js'
import { lookOfNorm, normLegend, normNames, someNorms } from '../norms.js'
import type { Chart, Series } from '../report/chart.js'
import { choice, integer, list, positive } from '../settings.js'
import { listed, percentText, type Spread, seedsOf, spreadOf, spreadText } from '../spread.js'
import { type LearningRateConfig, type LearningRateRun, learningRateRun, movingMeans, WINDOW } from './run.js'

const settings = {
  norms: list(choice<FeatureNorm>({ default: 'batch', label: 'norm', help: 'Norms', choices: someNorms('none', 'batch', 'layer', 'rms') }), {
    default: ['none', 'batch', 'layer'],
    flag: 'norm',
  }),
  activations: list(choice<Activation>({ default: 'relu', label: 'activation', help: 'Activations', choices: activationNames }), {
    default: ['relu'],
    flag: 'activation',
  }),
  learningRates: list(positive({ default: 0.1, label: 'learning rate', help: 'Learning rates' }), { default: [0.01, 0.03, 0.1, 0.3, 1, 3, 10], flag: 'lr' }),
  depth: integer({ default: 6, label: 'depth', help: 'Hidden layers', min: 1, max: 50 }),
  width: integer({ default: 64, label: 'width', help: 'Units of a hidden layer', min: 1, max: 512 }),
  batchSize: integer({ default: 64, label: 'batch size', help: 'Batch size', min: 2, max: 1024 }),
  steps: integer({ default: 150, label: 'steps', help: 'Updates of each run', min: WINDOW, max: 100_000 }),
  targetLoss: positive({ default: 0.5, label: 'target loss', help: `Training loss to reach, as the mean of ${WINDOW} steps` }),
  seeds: seeds(),
  seed: firstSeed(),
}
type Settings = typeof settings
type LearningRateResult = Result<Settings, LearningRateRun>

/** Below this share of right answers, of ten classes, a run has not learned its task. */
const LEARNED = 0.5

/** The highest learning rate that trains, and the steps to a loss, with and without norm. */
export const learningRateExperiment: Experiment<Settings, LearningRateConfig, LearningRateRun> = {
  name: 'learning-rate',
  title: 'How high the learning rate may be',
  claim: 'Normalization allows higher learning rates, and with them faster training (Ioffe and Szegedy 2015).',
  settings,
  quick: { learningRates: [0.1, 10], steps: 20, seeds: 1 },
  runs: ({ norms, activations, learningRates, depth, width, batchSize, steps, targetLoss, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      activations.flatMap((activation) =>
        learningRates.flatMap((learningRate) => norms.map((norm) => ({ norm, activation, learningRate, depth, width, batchSize, steps, targetLoss, seed: s }))),
      ),
    ),
  introduction: ({ depth, width, steps, batchSize }) =>
    `A network of ${depth} hidden layers of ${width} units, from the same weights, at each learning rate: ${steps} steps of ${batchSize} digits.`,
  cost: ({ depth, steps, norm }) => steps * (depth + 1) * (norm === 'none' ? 1 : 1.5),
  describe: ({ norm, activation, learningRate, seed }) => `${normNames[norm]}, ${activationNames[activation]}, learning rate ${learningRate}, seed ${seed}`,
  measure: learningRateRun,
  outcome: ({ finalLoss, stepsToTarget, targetLoss }) =>
    `loss ${finalLoss?.toPrecision(3) ?? '–'}${stepsToTarget === null ? '' : `, ${targetLoss} after ${stepsToTarget} steps`}`,
  summary,
  findings,
  figures,
  measures,
  method: ({ settings }) => [
    ['Network', `perceptron, ${settings.depth} hidden layers of ${settings.width}, the norm before the activation, PyTorch's default weights, biases 0`],
    ['Training', `plain SGD, ${settings.steps} steps of ${settings.batchSize} digits of 14 x 14 pixels, in the same order for all`],
    ['Trains', `every seed finished and recognised more than ${100 * LEARNED}% of the test digits`],
    ['Steps to the target', `until the mean training loss of ${WINDOW} steps is at most ${settings.targetLoss}`],
  ],
}

const at = ({ runs }: LearningRateResult, norm: FeatureNorm, activation: Activation, learningRate: number): LearningRateRun[] =>
  runs.filter((run) => run.norm === norm && run.activation === activation && run.learningRate === learningRate)

const trains = (runs: readonly LearningRateRun[]): boolean => runs.length > 0 && runs.every((run) => !run.divergence && (run.testAccuracy ?? 0) > LEARNED)

/** The highest rate at which all seeds train, and the fewest steps to the target among all rates. */
function bests(result: LearningRateResult, norm: FeatureNorm, activation: Activation): { highest: number | null; steps: Spread | null; rate: number | null } {
  const rates = result.settings.learningRates
  const stable = rates.filter((rate) => trains(at(result, norm, activation, rate)))
  let steps: Spread | null = null
  let rate: number | null = null
  for (const candidate of rates) {
    const runs = at(result, norm, activation, candidate)
    const spread = runs.length > 0 && runs.every((run) => run.stepsToTarget !== null) ? spreadOf(runs.map((run) => run.stepsToTarget)) : null
    if (spread && (!steps || spread.mean < steps.mean)) {
      steps = spread
      rate = candidate
    }
  }
  return { highest: stable.length > 0 ? Math.max(...stable) : null, steps, rate }
}

function findings(result: LearningRateResult): Finding[] {
  const { norms, activations, learningRates, targetLoss } = result.settings
  const normed = norms.filter((norm) => norm !== 'none')
  if (!norms.includes('none') || normed.length === 0 || learningRates.length < 2) return []
  return activations.flatMap((activation): Finding[] => {
    const all = norms.map((norm) => ({ norm, ...bests(result, norm, activation) }))
    const plain = all.find(({ norm }) => norm === 'none')
    const others = all.filter(({ norm }) => norm !== 'none')
    if (!plain || result.runs.every((run) => run.activation !== activation)) return []
    const higher = others.map(({ highest }) => (highest ?? 0) > (plain.highest ?? 0))
    const faster = others.map(({ steps }) => steps !== null && (plain.steps === null || steps.mean + steps.std < plain.steps.mean - plain.steps.std))
    const reached = all.some(({ steps }) => steps !== null)
    const verdict = (holds: readonly boolean[]) => (holds.every(Boolean) ? 'holds' : holds.some(Boolean) ? 'depends' : 'does not hold')
    const top = Math.max(...learningRates)
    const censored = all.filter(({ highest }) => highest === top).map(({ norm }) => normNames[norm])
    return [
      {
        claim: `With ${activationNames[activation]}, a norm allows higher learning rates.`,
        // Where nothing trains without a norm there is no rate to be higher than.
        verdict: plain.highest === null ? null : verdict(higher),
        text: `The highest rate at which all seeds trained was ${listed(all.map(({ norm, highest }) => `${highest ?? 'none'} with ${normNames[norm]}`))}${
          censored.length > 0 ? ` (${top} is the highest that was tried, so ${listed(censored)} may go further)` : ''
        }.`,
      },
      {
        claim: `With ${activationNames[activation]}, a norm needs fewer steps to a loss of ${targetLoss}, each at its best learning rate.`,
        verdict: reached ? verdict(faster) : null,
        text: `${all.map(({ norm, steps, rate }) => (steps ? `${normNames[norm]} took ${spreadText(steps)} steps at ${rate}` : `${normNames[norm]} did not get there with all seeds at any rate`)).join('; ')}.`,
      },
    ]
  })
}

function summary(result: LearningRateResult): Table {
  const { norms, activations, learningRates } = result.settings
  return {
    caption: 'Test digits right, mean and standard deviation over seeds; where seeds diverged, how many.',
    columns: [
      { label: 'Norm' },
      { label: 'Activation' },
      ...learningRates.map((rate) => ({ label: `Learning rate ${rate}`, short: ['rate', String(rate)], numeric: true })),
    ],
    rows: activations.flatMap((activation) =>
      norms.map((norm) => [normNames[norm], activationNames[activation], ...learningRates.map((rate) => cell(at(result, norm, activation, rate)))]),
    ),
  }
}

function cell(runs: readonly LearningRateRun[]): string | null {
  const diverged = runs.filter(({ divergence }) => divergence !== null).length
  if (diverged > 0) return `${diverged} of ${runs.length} diverged`
  const spread = spreadOf(runs.map(({ testAccuracy }) => testAccuracy))
  return spread && percentText(spread)
}

function figures(result: LearningRateResult): Figure[] {
  const { norms, activations, learningRates, seed, steps } = result.settings
  const rates = [...learningRates].sort((a, b) => a - b)
  const legend = normLegend(norms)
  const accuracy = activations.map((activation): Chart => {
    const series = norms.map((norm) => ({
      name: normNames[norm],
      look: lookOfNorm(norm),
      markers: true,
      points: rates.flatMap((rate, x) => {
        const spread = spreadOf(at(result, norm, activation, rate).map((run) => (run.divergence ? 0 : run.testAccuracy)))
        return spread ? [{ x, y: 100 * spread.mean, ...(spread.count > 1 ? { spread: 100 * spread.std } : {}) }] : []
      }),
    }))
    return {
      title: activationNames[activation],
      description: series.map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${y.toFixed(1)} at ${rates[x]}`).join(', ')}`).join('; '),
      x: { label: 'learning rate', domain: [0, 1], names: rates.map(String) },
      y: { label: 'test digits right (%)', domain: [0, 100] },
      series,
    }
  })
  const curves = activations.flatMap((activation) => rates.map((rate) => lossCurves(result, activation, rate, seed, steps)))
  return [
    {
      id: 'accuracy',
      heading: 'Accuracy over learning rate',
      text: 'Test digits right after training; a run that diverged counts as 0. Lines up and down are one standard deviation over seeds.',
      charts: accuracy,
      columns: Math.min(3, activations.length),
      legend,
      table: summary(result),
    },
    {
      id: 'losses',
      heading: 'Training loss',
      text: `Of the first seed, mean of ${WINDOW} steps, on a logarithmic axis.`,
      charts: curves.filter(({ series }) => series.some(({ points }) => points.length > 0)),
      columns: Math.min(4, rates.length),
      legend,
      table: stepsTable(result),
    },
  ]
}

function lossCurves(result: LearningRateResult, activation: Activation, rate: number, seed: number, steps: number): Chart {
  const series = result.settings.norms.flatMap((norm): Series[] =>
    at(result, norm, activation, rate)
      .filter((run) => run.seed === seed)
      .map((run) => ({
        name: normNames[norm],
        look: lookOfNorm(norm),
        points: movingMeans(run.losses).flatMap((y, i) => (y > 0 ? [{ x: i + WINDOW, y: Math.min(y, HIGHEST_LOSS) }] : [])),
        end: run.divergence ? `diverged at step ${run.divergence.step}` : undefined,
      })),
  )
  return {
    title: `${activationNames[activation]}, learning rate ${rate}`,
    description: series
      .map(({ name, points, end }) => `${name}: ${points.at(-1)?.y.toPrecision(3) ?? 'no mean'} at the end${end ? `, ${end}` : ''}`)
      .join('; '),
    x: { label: 'step', domain: [0, steps] },
    y: { label: 'training loss (nats)', domain: [0.01, HIGHEST_LOSS], log: true },
    series,
  }
}

/** Of the charts: beyond it a loss is as good as lost. */
const HIGHEST_LOSS = 100

function stepsTable(result: LearningRateResult): Table {
  const { norms, activations, learningRates, targetLoss } = result.settings
  return {
    caption: `Steps to a training loss of ${targetLoss}, where all seeds got there`,
    columns: [{ label: 'Norm' }, { label: 'Activation' }, ...learningRates.map((rate) => ({ label: String(rate), numeric: true }))],
    rows: activations.flatMap((activation) =>
      norms.map((norm) => [
        normNames[norm],
        activationNames[activation],
        ...learningRates.map((rate) => {
          const runs = at(result, norm, activation, rate)
          const spread = runs.every((run) => run.stepsToTarget !== null) ? spreadOf(runs.map((run) => run.stepsToTarget)) : null
          return spread && spreadText(spread)
        }),
      ]),
    ),
  }
}

function* measures({ losses, stepsToTarget, finalLoss, testAccuracy }: LearningRateRun): Generator<Measure> {
  for (const [step, value] of losses.entries()) yield { step, measure: 'training_loss', value }
  yield { measure: 'steps_to_target', value: stepsToTarget }
  yield { measure: 'final_loss', value: finalLoss }
  yield { measure: 'test_accuracy', value: testAccuracy }
}
