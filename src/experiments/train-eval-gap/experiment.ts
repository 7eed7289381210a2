import { firstSeed, seeds, TEST_IMAGES } from '../common-settings.js'
import type { Experiment, Figure, Finding, Measure, Result, Table } from '../experiment.js'
import type { Chart, Series } from '../report/chart.js'
import { choice, integer, list, number, orNone, positive } from '../settings.js'
import { differ, listed, percentText, type Spread, seedsOf, spreadOf, spreadText, unique } from '../spread.js'
import { type StackConfig, type StackRun, stackRun } from './stack.js'
import { type GapConfig, type GapLook, type GapRun, gapRun, UPDATE_IMAGES } from './training.js'

type Config = StackConfig | GapConfig

const settings = {
  parts: list(
    choice<Config['part']>({
      default: 'stack',
      label: 'part',
      help: 'What is measured',
      choices: { stack: 'BatchNorms one after the other', training: 'a network in training' },
    }),
    { default: ['stack', 'training'], flag: 'part' },
  ),
  momenta: list(orNone(number({ default: 0.1, label: 'momentum', help: 'Momenta of the running averages; none is the plain average', min: 0, max: 1 })), {
    default: [0.1, 0.01, null],
    flag: 'momentum',
  }),
  stackBatchSizes: list(integer({ default: 64, label: 'batch size of the stack', help: 'Batch sizes for BatchNorms one after the other', min: 2, max: 4096 }), {
    default: [4, 16, 64],
  }),
  stackLayers: list(integer({ default: 20, label: 'layers of the stack', help: 'Numbers of BatchNorms one after the other', min: 1, max: 200 }), {
    default: [1, 5, 20],
  }),
  batchSize: integer({ default: 32, label: 'batch size', help: 'Batch size of training', min: 2, max: 1024 }),
  learningRate: positive({ default: 0.1, label: 'learning rate', help: 'Learning rate', flag: 'lr' }),
  steps: integer({ default: 200, label: 'steps', help: 'Updates', min: 1, max: 100_000 }),
  scale: number({ default: 0.5, label: 'contrast at inference', help: 'Images at inference are this times x', min: -10, max: 10 }),
  offset: number({ default: 1, label: 'brightness at inference', help: 'and this is added, in standard deviations of the pixels', min: -10, max: 10 }),
  seeds: seeds(),
  seed: firstSeed(),
}
type Settings = typeof settings
type Run = StackRun | GapRun
type GapResult = Result<Settings, Run>

/** BatchNorm in training and in evaluation are two functions: when they disagree, and what helps. */
export const trainEvalGapExperiment: Experiment<Settings, Config, Run> = {
  name: 'train-eval-gap',
  title: 'BatchNorm in training and in evaluation',
  claim: 'With BatchNorm, evaluation is another function than training, and after few steps or on shifted data a worse one.',
  settings,
  quick: { momenta: [0.1], stackBatchSizes: [64], stackLayers: [20], steps: 10, seeds: 1 },
  runs: ({ parts, momenta, stackBatchSizes, stackLayers, batchSize, learningRate, steps, scale, offset, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      [
        ...stackBatchSizes.flatMap((n) => stackLayers.map((layers): Config => ({ part: 'stack', batchSize: n, layers, seed: s }))),
        ...momenta.map((momentum): Config => ({ part: 'training', momentum, batchSize, learningRate, steps, scale, offset, seed: s })),
      ].filter(({ part }) => parts.includes(part)),
    ),
  introduction: ({ steps }) =>
    `BatchNorms one after the other on one batch; and a network that is tested with running averages and with batch statistics in the course of ${steps} updates.`,
  cost: (config) => (config.part === 'stack' ? 1 : config.steps * 10 + 3000),
  describe: (config) =>
    config.part === 'stack'
      ? `${config.layers} BatchNorms, batch size ${config.batchSize}, seed ${config.seed}`
      : `training, momentum ${momentumText(config.momentum)}, seed ${config.seed}`,
  measure: async (config, context) => (config.part === 'stack' ? stackRun(config) : gapRun(config, context)),
  outcome: (run) => (run.part === 'stack' ? stackOutcome(run) : gapOutcome(run)),
  summary,
  findings: (result) => [...stackFinding(result), ...stepFindings(result), ...shiftFinding(result)],
  figures: (result) => [stackFigure(result), lossFigure(result), channelFigure(result)].filter(({ charts }) => charts.length > 0),
  measures,
  method: ({ settings }) => [
    [
      'Stack',
      'BatchNorm1d(256) without weight and bias, momentum 1, one batch of normal numbers: standard deviation of the output in eval() over that in train()',
    ],
    ['Network', 'four convolutions with BatchNorm on digits of 14 x 14 pixels, plain SGD'],
    ['Batch statistics', 'the test digits in batches of 250, each normalised with its own mean and variance'],
    ['Shifted', `test digits become ${settings.scale} x + ${settings.offset}; updateBn averages over ${UPDATE_IMAGES} training digits that are shifted alike`],
  ],
}

const momentumText = (momentum: number | null): string => (momentum === null ? 'None' : String(momentum))
const stackOutcome = ({ trainStd, evalStd, predicted }: StackRun): string =>
  `eval is ${(evalStd / trainStd).toFixed(4)} of train, predicted ${predicted.toFixed(4)}`

function gapOutcome({ looks }: GapRun): string {
  const last = looks.at(-1)
  return last ? `test loss ${last.evalLoss.toFixed(3)} in eval, ${last.batchLoss.toFixed(3)} with batch statistics` : 'no look'
}

const stacks = ({ runs }: GapResult): StackRun[] => runs.filter((run) => run.part === 'stack')
const trainings = ({ runs }: GapResult, momentum?: number | null): GapRun[] =>
  runs.filter((run): run is GapRun => run.part === 'training' && (momentum === undefined || run.momentum === momentum))

/** Shrinkage by number of rows and layers, over the seeds. */
function stackGroups(result: GapResult): { batchSize: number; layers: number; measured: Spread; predicted: number }[] {
  const all = stacks(result)
  return unique(all.map(({ batchSize, layers }) => `${batchSize} ${layers}`)).flatMap((key) => {
    const runs = all.filter(({ batchSize, layers }) => `${batchSize} ${layers}` === key)
    const measured = spreadOf(runs.map(({ evalStd, trainStd }) => evalStd / trainStd))
    return measured ? [{ batchSize: runs[0].batchSize, layers: runs[0].layers, predicted: runs[0].predicted, measured }] : []
  })
}

/** What float32 leaves of a prediction that is exact. */
const STACK_TOLERANCE = 1e-3

function stackFinding(result: GapResult): Finding[] {
  const groups = stackGroups(result)
  if (groups.length === 0) return []
  const worst = Math.max(...groups.map(({ measured, predicted }) => Math.abs(measured.mean / predicted - 1)))
  return [
    {
      claim: 'L BatchNorms without weight and bias shrink what they give in evaluation by ((n - 1) / n)^(L / 2), n the batch size.',
      verdict: worst < STACK_TOLERANCE ? 'holds' : 'does not hold',
      text: `${groups.map(({ batchSize, layers, measured, predicted }) => `n = ${batchSize}, L = ${layers}: ${measured.mean.toFixed(4)} measured, ${predicted.toFixed(4)} predicted`).join('; ')}. Running variances hold the unbiased estimate.`,
    },
  ]
}

/** The seeds' looks after a number of updates. */
const lookAt = (runs: readonly GapRun[], step: number): GapLook[] => runs.flatMap(({ looks }) => looks.filter((look) => look.step === step))
const lossRatio = (looks: readonly GapLook[]): Spread | null => spreadOf(looks.map(({ evalLoss, batchLoss }) => evalLoss / batchLoss))

/** A loss that is more than this times another is worse, if seeds don't make as much of a difference. */
const WORSE = 1.1
const isWorse = ({ mean, std, count }: Spread): boolean => mean > WORSE && mean - 1 > (2 * std) / Math.sqrt(count)
const FEW_STEPS = 10

function stepFindings(result: GapResult): Finding[] {
  const { momenta, steps } = result.settings
  const few = Math.min(FEW_STEPS, steps)
  const groups = momenta.flatMap((momentum) => {
    const runs = trainings(result, momentum)
    const [early, late] = [lookAt(runs, few), lookAt(runs, steps)].map(lossRatio)
    return early && late ? [{ momentum, early, late }] : []
  })
  if (groups.length === 0) return []
  const verdict = (holds: readonly boolean[]) => (holds.every(Boolean) ? 'holds' : holds.some(Boolean) ? 'depends' : 'does not hold')
  const text = (which: 'early' | 'late') => listed(groups.map((g) => `${spreadText(g[which])} times with momentum ${momentumText(g.momentum)}`))
  return [
    {
      claim: `After ${few} steps the loss with running averages is worse than with batch statistics.`,
      verdict: verdict(groups.map(({ early }) => isWorse(early))),
      text: `On the test digits it was ${text('early')}.`,
    },
    ...(steps > few
      ? [
          {
            claim: `After ${steps} steps the gap is gone.`,
            verdict: verdict(groups.map(({ late }) => !isWorse(late))),
            text: `The loss with running averages was ${text('late')} that with batch statistics.`,
          } satisfies Finding,
        ]
      : []),
  ]
}

function shiftFinding(result: GapResult): Finding[] {
  const runs = trainings(result)
  const clean = spreadOf(runs.map(({ looks, shifted }) => (shifted ? looks.at(-1)?.evalAccuracy : null)))
  const [shifted, batch, updated] = (['evalAccuracy', 'batchAccuracy', 'updatedAccuracy'] as const).map((key) =>
    spreadOf(runs.map((run) => run.shifted?.[key])),
  )
  if (!clean || !shifted || !batch || !updated) return []
  const hurt = shifted.mean < clean.mean && differ(clean, shifted, TEST_IMAGES)
  const recovered = (updated.mean - shifted.mean) / (clean.mean - shifted.mean)
  const { scale, offset } = result.settings
  return [
    {
      claim: 'Shifted data at inference spoil a network with BatchNorm, and updateBn is the cure.',
      verdict: !hurt
        ? 'does not hold'
        : updated.mean >= clean.mean || !differ(clean, updated, TEST_IMAGES)
          ? 'holds'
          : recovered > 0.5
            ? 'depends'
            : 'does not hold',
      text: `${percentText(clean)} of the test digits right; ${percentText(shifted)} once they are ${scale} x + ${offset}; ${percentText(batch)} with the statistics of each batch; ${percentText(updated)} in evaluation after updateBn on ${UPDATE_IMAGES} shifted training digits.`,
    },
  ]
}

function summary(result: GapResult): Table {
  const { momenta, steps } = result.settings
  return {
    caption: 'Test loss with running averages over that with batch statistics, and accuracy on shifted digits; mean and standard deviation over seeds.',
    columns: [
      { label: 'Momentum' },
      { label: `Loss ratio after ${Math.min(FEW_STEPS, steps)} steps`, short: ['ratio,', 'few steps'], numeric: true },
      { label: `After ${steps} steps`, short: ['ratio,', `${steps} steps`], numeric: true },
      { label: 'Accuracy', short: ['accuracy'], numeric: true },
      { label: 'Shifted', short: ['shifted'], numeric: true },
      { label: 'Shifted, after updateBn', short: ['after', 'updateBn'], numeric: true },
    ],
    rows: momenta.map((momentum) => {
      const runs = trainings(result, momentum)
      const [early, late] = [lookAt(runs, Math.min(FEW_STEPS, steps)), lookAt(runs, steps)].map(lossRatio)
      const shares = [
        spreadOf(lookAt(runs, steps).map(({ evalAccuracy }) => evalAccuracy)),
        spreadOf(runs.map(({ shifted }) => shifted?.evalAccuracy)),
        spreadOf(runs.map(({ shifted }) => shifted?.updatedAccuracy)),
      ]
      return [momentumText(momentum), early && spreadText(early), late && spreadText(late), ...shares.map((share) => share && percentText(share))]
    }),
  }
}

function stackFigure(result: GapResult): Figure {
  const groups = stackGroups(result)
  const sizes = unique(groups.map(({ batchSize }) => batchSize))
  const layers = unique(groups.map((group) => group.layers)).sort((a, b) => a - b)
  const points = (size: number, of: (group: (typeof groups)[number]) => number) =>
    groups.filter(({ batchSize }) => batchSize === size).map((group) => ({ x: layers.indexOf(group.layers), y: of(group) }))
  const chart = (size: number): Chart => ({
    title: `batch size ${size}`,
    description: groups
      .filter(({ batchSize }) => batchSize === size)
      .map((g) => `${g.layers} layers: ${g.measured.mean.toFixed(4)} measured, ${g.predicted.toFixed(4)} predicted`)
      .join('; '),
    x: { label: 'BatchNorms one after the other', domain: [0, 1], names: layers.map(String) },
    y: { label: 'eval over train', domain: [0, 1] },
    series: [
      { name: 'measured', look: 0, markers: true, points: points(size, ({ measured }) => measured.mean) },
      { name: 'predicted', look: 1, points: points(size, ({ predicted }) => predicted) },
    ],
  })
  return {
    id: 'stack',
    heading: 'What evaluation makes of the same batch',
    text: 'Standard deviation of the output in evaluation over that in training, and ((n - 1) / n)^(L / 2).',
    charts: groups.length > 0 ? sizes.map(chart) : [],
    columns: Math.min(3, sizes.length),
    legend: [
      { name: 'measured', look: 0 },
      { name: 'predicted', look: 1 },
    ],
    table: {
      caption: 'Evaluation over training',
      columns: [{ label: 'Batch size' }, { label: 'Layers', numeric: true }, { label: 'Measured', numeric: true }, { label: 'Predicted', numeric: true }],
      rows: groups.map((g) => [String(g.batchSize), String(g.layers), g.measured.mean.toFixed(4), g.predicted.toFixed(4)]),
    },
  }
}

const modes = [
  { name: 'running averages', look: 0 },
  { name: 'batch statistics', look: 1 },
] as const

function lossFigure(result: GapResult): Figure {
  const groups = result.settings.momenta.map((momentum) => ({ momentum, runs: trainings(result, momentum) })).filter(({ runs }) => runs.length > 0)
  const steps = unique(groups.flatMap(({ runs }) => runs.flatMap(({ looks }) => looks.map(({ step }) => step)))).sort((a, b) => a - b)
  const loss = (runs: readonly GapRun[], step: number, key: 'evalLoss' | 'batchLoss') => spreadOf(lookAt(runs, step).map((look) => look[key]))
  const charts = groups.map(({ momentum, runs }) => ({
    title: `momentum ${momentumText(momentum)}`,
    series: (['evalLoss', 'batchLoss'] as const).map(
      (key, i): Series => ({
        ...modes[i],
        markers: true,
        points: steps.flatMap((step, x) => {
          const spread = loss(runs, step, key)
          return spread && spread.mean > 0 ? [{ x, y: spread.mean }] : []
        }),
      }),
    ),
  }))
  const values = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ y }) => y)))
  return {
    id: 'loss',
    heading: 'Test loss in both modes',
    text: 'Of the same weights at the same moment, mean over seeds, on a logarithmic axis.',
    charts:
      values.length === 0
        ? []
        : charts.map(({ title, series }) => ({
            title,
            description: series
              .map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${y.toPrecision(3)} after ${steps[x]}`).join(', ')}`)
              .join('; '),
            x: { label: 'updates', domain: [0, 1] as const, names: steps.map(String) },
            y: { label: 'test loss (nats)', domain: [Math.min(...values), Math.max(...values)] as const, log: true },
            series,
          })),
    columns: Math.min(3, Math.max(1, charts.length)),
    legend: modes,
    table: {
      caption: 'Test loss with running averages / with batch statistics',
      columns: [{ label: 'Momentum' }, ...steps.map((step) => ({ label: `after ${step}`, numeric: true }))],
      rows: groups.map(({ momentum, runs }) => [
        momentumText(momentum),
        ...steps.map((step) => {
          const [own, batch] = [loss(runs, step, 'evalLoss'), loss(runs, step, 'batchLoss')]
          return own && batch ? `${own.mean.toPrecision(3)} / ${batch.mean.toPrecision(3)}` : null
        }),
      ]),
    },
  }
}

function channelFigure(result: GapResult): Figure {
  const first = result.settings.seed
  const runs = trainings(result).filter(({ seed, batchVar }) => seed === first && batchVar.length > 0)
  const values = runs.flatMap(({ batchVar, runningVar }) => [...batchVar, ...runningVar]).filter((v) => v > 0)
  const line = (list: readonly number[]) => list.flatMap((y, i) => (y > 0 ? [{ x: i + 1, y }] : []))
  return {
    id: 'channel',
    heading: 'Running variance and batch variance, step by step',
    text: 'Channel 0 of the last BatchNorm, first seed, on a logarithmic axis. The running average starts at 1.',
    charts:
      values.length === 0
        ? []
        : runs.map((run) => ({
            title: `momentum ${momentumText(run.momentum)}`,
            description: `At the end the batch had ${run.batchVar.at(-1)?.toPrecision(3)}, the running average ${run.runningVar.at(-1)?.toPrecision(3)}.`,
            x: { label: 'update', domain: [1, Math.max(2, run.batchVar.length)] as const },
            y: { label: 'variance', domain: [Math.min(...values), Math.max(...values)] as const, log: true },
            series: [
              { ...modes[1], points: line(run.batchVar) },
              { ...modes[0], points: line(run.runningVar) },
            ],
          })),
    columns: Math.min(3, Math.max(1, runs.length)),
    legend: modes,
    table: {
      caption: 'At the last update',
      columns: [{ label: 'Momentum' }, ...['Batch mean', 'Running mean', 'Batch variance', 'Running variance'].map((label) => ({ label, numeric: true }))],
      rows: runs.map((run) => [
        momentumText(run.momentum),
        ...[run.batchMean, run.runningMean, run.batchVar, run.runningVar].map((list) => list.at(-1)?.toPrecision(3) ?? null),
      ]),
    },
  }
}

function* measures(run: Run): Generator<Measure> {
  if (run.part === 'stack') {
    yield { measure: 'train_std', value: run.trainStd }
    yield { measure: 'eval_std', value: run.evalStd }
    yield { measure: 'predicted_ratio', value: run.predicted }
    return
  }
  for (const [step, value] of run.losses.entries()) yield { step, measure: 'training_loss', value }
  for (const { step, ...look } of run.looks) {
    yield { step, measure: 'eval_loss', value: look.evalLoss }
    yield { step, measure: 'batch_loss', value: look.batchLoss }
    yield { step, measure: 'eval_accuracy', value: look.evalAccuracy }
    yield { step, measure: 'batch_accuracy', value: look.batchAccuracy }
  }
  for (const [step, value] of run.batchMean.entries()) yield { step, layer: 'norm4.0', measure: 'batch_mean', value }
  for (const [step, value] of run.runningMean.entries()) yield { step, layer: 'norm4.0', measure: 'running_mean', value }
  for (const [step, value] of run.batchVar.entries()) yield { step, layer: 'norm4.0', measure: 'batch_variance', value }
  for (const [step, value] of run.runningVar.entries()) yield { step, layer: 'norm4.0', measure: 'running_variance', value }
  yield { measure: 'shifted_eval_accuracy', value: run.shifted?.evalAccuracy ?? null }
  yield { measure: 'shifted_batch_accuracy', value: run.shifted?.batchAccuracy ?? null }
  yield { measure: 'shifted_updated_accuracy', value: run.shifted?.updatedAccuracy ?? null }
}
