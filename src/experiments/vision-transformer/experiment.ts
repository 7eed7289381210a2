import { firstSeed, seeds, TEST_IMAGES } from '../common-settings.js'
import type { Experiment, Figure, Finding, Measure, Result, Table } from '../experiment.js'
import { lookOfNorm, normLegend, normNames, someNorms } from '../norms.js'
import type { Chart, Series } from '../report/chart.js'
import { choice, integer, list, positive } from '../settings.js'
import { differ, listed, percentText, type Spread, seedsOf, spreadOf } from '../spread.js'
import { type Network, type NormPlace, type ViTConfig, type ViTNorm, type ViTRun, vitInWords, vitRun } from './run.js'

const networkNames = { vit: 'vision transformer', cnn: 'convolutional network' } as const

const settings = {
  networks: list(choice<Network>({ default: 'vit', label: 'network', help: 'Networks', choices: networkNames }), { default: ['vit', 'cnn'], flag: 'network' }),
  norms: list(choice<ViTNorm>({ default: 'layer', label: 'norm', help: 'Norms', choices: someNorms('layer', 'rms', 'batch', 'none') }), {
    default: ['layer', 'rms', 'batch', 'none'],
    flag: 'norm',
  }),
  place: choice<NormPlace>({
    default: 'pre',
    label: 'place in the transformer',
    help: 'Whether the norm stands before attention and feed-forward or behind the sums',
    choices: { pre: 'pre-norm', post: 'post-norm' },
  }),
  learningRate: positive({ default: 0.003, label: 'learning rate', help: 'Learning rate of Adam', flag: 'lr' }),
  batchSize: integer({ default: 32, label: 'batch size', help: 'Batch size', min: 2, max: 1024 }),
  steps: integer({ default: 250, label: 'steps', help: 'Updates of each run', min: 1, max: 100_000 }),
  seeds: seeds(),
  seed: firstSeed(),
}
type Settings = typeof settings
type ViTResult = Result<Settings, ViTRun>

/** Whether images want BatchNorm: the same digits, a transformer and a convolutional network. */
export const visionTransformerExperiment: Experiment<Settings, ViTConfig, ViTRun> = {
  name: 'vision-transformer',
  title: 'Do images want BatchNorm?',
  claim: 'Images want BatchNorm.',
  settings,
  quick: { norms: ['layer', 'batch'], steps: 10, seeds: 1 },
  runs: ({ networks, norms, place, learningRate, batchSize, steps, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      networks.flatMap((network) => norms.map((norm) => ({ network, norm, place, learningRate, batchSize, steps, seed: s }))),
    ),
  introduction: ({ steps, batchSize }) => `Two kinds of networks on the same images, each with every norm: ${steps} steps of ${batchSize} digits.`,
  cost: ({ network, steps }) => steps * (network === 'vit' ? 5 : 1),
  describe: ({ network, norm, seed }) => `${networkNames[network]}, ${normNames[norm]}, seed ${seed}`,
  measure: vitRun,
  outcome: ({ testAccuracy }) => `${(100 * (testAccuracy ?? 0)).toFixed(1)}% of the test digits right`,
  summary,
  findings,
  figures,
  measures,
  method: ({ settings }) => [
    ['Vision transformer', `${vitInWords}; ${settings.place}-norm. BatchNorm shares its statistics over all patches of all images`],
    [
      'Convolutional network',
      'four 3 x 3 convolutions, each with the norm and a ReLU behind it, pooling, a linear layer; LayerNorm and RMSNorm over C, H and W',
    ],
    ['Training', `Adam, learning rate ${settings.learningRate}, ${settings.steps} steps of ${settings.batchSize} digits of 14 x 14 pixels`],
    ['Accuracy', `share of ${TEST_IMAGES} test digits in evaluation mode`],
    ['Difference', 'more than two standard errors, of the seeds and of the test set together'],
  ],
}

const accuracy = ({ runs }: ViTResult, network: Network, norm: ViTNorm): Spread | null =>
  spreadOf(runs.filter((run) => run.network === network && run.norm === norm).map((run) => (run.divergence ? 0 : run.testAccuracy)))

function findings(result: ViTResult): Finding[] {
  const { networks, norms } = result.settings
  const compared = networks.flatMap((network) => {
    const batch = accuracy(result, network, 'batch')
    const others = norms
      .filter((norm) => norm === 'layer' || norm === 'rms')
      .flatMap((norm) => {
        const spread = accuracy(result, network, norm)
        return spread ? [{ norm, spread }] : []
      })
    if (!batch || others.length === 0) return []
    const best = others.reduce((a, b) => (b.spread.mean > a.spread.mean ? b : a))
    const rest = others.filter((other) => other !== best).map(({ norm, spread }) => `${normNames[norm]} ${percentText(spread)}`)
    const relation = !differ(batch, best.spread, TEST_IMAGES) ? 'level' : batch.mean > best.spread.mean ? 'ahead' : 'behind'
    return [{ network, batch, best, relation, rest }]
  })
  if (compared.length === 0) return []
  const words = { level: 'level with', ahead: 'ahead of', behind: 'behind' } as const
  const ahead = compared.filter(({ relation }) => relation === 'ahead').length
  const none = networks.flatMap((network) => {
    const spread = accuracy(result, network, 'none')
    return spread ? [`${networkNames[network]} ${percentText(spread)}`] : []
  })
  return [
    {
      claim: 'Images want BatchNorm, whatever the network.',
      verdict: ahead === compared.length ? 'holds' : ahead > 0 ? 'depends' : 'does not hold',
      text: `${capital(
        compared
          .map(
            ({ network, batch, best, relation, rest }) =>
              `in the ${networkNames[network]} BatchNorm (${percentText(batch)}) was ${words[relation as keyof typeof words]} ${normNames[best.norm]} (${percentText(best.spread)}${rest.length > 0 ? `; ${listed(rest)}` : ''})`,
          )
          .join('; '),
      )}.${none.length > 0 ? ` Without norm: ${none.join(', ')}.` : ''} After ${result.settings.steps} steps.`,
    },
  ]
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function summary(result: ViTResult): Table {
  const { networks, norms } = result.settings
  return {
    caption: 'Test digits right, mean and standard deviation over seeds. A run that diverged counts as 0.',
    columns: [{ label: 'Norm' }, ...networks.map((network) => ({ label: networkNames[network], numeric: true }))],
    rows: norms.map((norm) => [
      normNames[norm],
      ...networks.map((network) => {
        const spread = accuracy(result, network, norm)
        return spread && percentText(spread)
      }),
    ]),
  }
}

/** Steps over which losses are averaged in the chart. */
const WINDOW = 10

function figures(result: ViTResult): Figure[] {
  const { networks, norms, seed } = result.settings
  const charts = networks.map((network) => ({
    network,
    series: norms.flatMap((norm): Series[] =>
      result.runs
        .filter((run) => run.network === network && run.norm === norm && run.seed === seed)
        .map((run) => ({
          name: normNames[norm],
          look: lookOfNorm(norm),
          points: smooth(run.losses),
          end: run.divergence ? `diverged at step ${run.divergence.step}` : undefined,
        })),
    ),
  }))
  const values = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ y }) => y)))
  if (values.length === 0) return []
  const domain = [Math.min(...values), Math.max(...values)] as const
  return [
    {
      id: 'losses',
      heading: 'Training loss',
      text: `Of the first seed, means of ${WINDOW} steps, on a logarithmic axis.`,
      charts: charts.map(
        ({ network, series }): Chart => ({
          title: networkNames[network],
          description: series.map(({ name, points }) => `${name}: ${points.at(-1)?.y.toPrecision(3) ?? 'no value'} at the end`).join('; '),
          x: { label: 'step', domain: [0, result.settings.steps] },
          y: { label: 'training loss (nats)', domain, log: true },
          series,
        }),
      ),
      columns: networks.length,
      legend: normLegend(norms),
      table: summary(result),
    },
  ]
}

const smooth = (losses: readonly number[]) =>
  Array.from({ length: Math.ceil(losses.length / WINDOW) }, (_, i) => {
    const part = losses.slice(i * WINDOW, (i + 1) * WINDOW)
    return { x: i * WINDOW + part.length / 2, y: part.reduce((sum, v) => sum + v, 0) / part.length }
  }).filter(({ y }) => y > 0)

function* measures({ losses, testAccuracy, testLoss }: ViTRun): Generator<Measure> {
  for (const [step, value] of losses.entries()) yield { step, measure: 'training_loss', value }
  yield { measure: 'test_accuracy', value: testAccuracy }
  yield { measure: 'test_loss', value: testLoss }
}
