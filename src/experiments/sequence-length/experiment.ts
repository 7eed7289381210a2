import { firstSeed, seeds, TEST_IMAGES } from '../common-settings.js'
import type { Experiment, Figure, Finding, Measure, Result, Table } from '../experiment.js'
import { lookOfNorm, normLegend, normNames, someNorms } from '../norms.js'
import { choice, integer, list, positive } from '../settings.js'
import { differ, listed, percentText, type Spread, seedsOf, spreadOf } from '../spread.js'
import type { Cell, SequenceNorm } from './cell.js'
import { type Padding, ROWS, type SequenceConfig, type SequenceRun, sequenceRun } from './run.js'

const cellNames = { rnn: 'RNN', gru: 'GRU', lstm: 'LSTM' } as const
const paddingNames = { masked: 'padding masked', data: 'padding taken for data' } as const

const settings = {
  cells: list(choice<Cell>({ default: 'lstm', label: 'cell', help: 'Recurrent cells', choices: cellNames }), { default: ['lstm'], flag: 'cell' }),
  norms: list(choice<SequenceNorm>({ default: 'layer', label: 'norm', help: 'Norms at each step', choices: someNorms('none', 'layer', 'batch') }), {
    default: ['none', 'layer', 'batch'],
    flag: 'norm',
  }),
  shortest: list(integer({ default: 5, label: 'shortest sequence', help: `Rows of the shortest sequence; the longest has ${ROWS}`, min: 1, max: ROWS }), {
    default: [ROWS, 7],
  }),
  paddings: list(choice<Padding>({ default: 'masked', label: 'padding', help: 'What is done with padding', choices: paddingNames }), {
    default: ['masked', 'data'],
    flag: 'padding',
  }),
  gamma: positive({
    default: 0.1,
    label: 'first weight of BatchNorm',
    help: 'What the weights of BatchNorm start as; with 1 gates saturate (Cooijmans et al. 2016)',
  }),
  hidden: integer({ default: 48, label: 'hidden units', help: 'Units of the recurrent layer', min: 1, max: 512 }),
  batchSize: integer({ default: 32, label: 'batch size', help: 'Batch size', min: 2, max: 1024 }),
  learningRate: positive({ default: 0.003, label: 'learning rate', help: 'Learning rate of Adam', flag: 'lr' }),
  steps: integer({ default: 150, label: 'steps', help: 'Updates of each run', min: 1, max: 100_000 }),
  seeds: seeds(),
  seed: firstSeed(),
}
type Settings = typeof settings
type SequenceResult = Result<Settings, SequenceRun>

/** Recurrent networks on sequences of one length and of many. */
export const sequenceLengthExperiment: Experiment<Settings, SequenceConfig, SequenceRun> = {
  name: 'sequence-length',
  title: 'Sequences of varying length',
  claim: 'BatchNorm does not suit sequences of varying length; LayerNorm does (Ba et al. 2016).',
  settings,
  quick: { shortest: [7], steps: 5, seeds: 1, hidden: 8 },
  // Without padding, masking it is nothing.
  runs: ({ cells, norms, shortest, paddings, gamma, hidden, batchSize, learningRate, steps, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      cells.flatMap((cell) =>
        shortest.flatMap((rows) =>
          (rows === ROWS ? paddings.slice(0, 1) : paddings).flatMap((padding) =>
            norms.map((norm) => ({ cell, norm, shortest: rows, padding, gamma, hidden, batchSize, learningRate, steps, seed: s })),
          ),
        ),
      ),
    ),
  introduction: ({ shortest, steps, batchSize }) =>
    `A recurrent network reads digits row by row, at least ${listed(shortest.map(String))} of their ${ROWS} rows: ${steps} steps of ${batchSize} digits.`,
  cost: ({ norm, steps, shortest }) => steps * (norm === 'none' ? 1 : norm === 'layer' ? 1.3 : 1.6) * (shortest === ROWS ? 1 : 1.3),
  describe: (config) => `${cellNames[config.cell]}, ${normNames[config.norm]}, ${caseName(config)}, seed ${config.seed}`,
  measure: sequenceRun,
  outcome: ({ testAccuracy }) => `${(100 * (testAccuracy ?? 0)).toFixed(1)}% of the test digits right`,
  summary,
  findings,
  figures,
  measures,
  method: ({ settings }) => [
    ['Data', `digits of ${ROWS} x ${ROWS} pixels as sequences of rows from the top; the number of rows is drawn evenly, and what follows is 0`],
    ['Network', `one recurrent layer of ${settings.hidden} units whose two pre-activations are normalised at each step; a linear layer on the last state`],
    [
      'BatchNorm',
      `statistics, weight and bias for each step, weights from ${settings.gamma}; a step that has a single sequence left uses its running averages`,
    ],
    ['Masked', 'past its end a sequence keeps its state and enters no statistic; otherwise padding is read like any row'],
    ['Training', `Adam, learning rate ${settings.learningRate}, gradients clipped to length 1, ${settings.steps} steps of ${settings.batchSize}`],
    ['Accuracy', `share of ${TEST_IMAGES} test digits, cut alike, in evaluation mode`],
  ],
}

const caseName = ({ shortest, padding }: Pick<SequenceConfig, 'shortest' | 'padding'>): string =>
  shortest === ROWS ? `${ROWS} rows` : `${shortest} to ${ROWS} rows, ${paddingNames[padding]}`

/** What is compared for a cell: lengths and padding, in the order of the settings. */
function casesOf({ settings }: SequenceResult): { shortest: number; padding: Padding }[] {
  return settings.shortest.flatMap((shortest) =>
    (shortest === ROWS ? settings.paddings.slice(0, 1) : settings.paddings).map((padding) => ({ shortest, padding })),
  )
}

const accuracy = ({ runs }: SequenceResult, cell: Cell, norm: SequenceNorm, { shortest, padding }: { shortest: number; padding: Padding }): Spread | null =>
  spreadOf(
    runs
      .filter((run) => run.cell === cell && run.norm === norm && run.shortest === shortest && run.padding === padding)
      .map((run) => (run.divergence ? 0 : run.testAccuracy)),
  )

function findings(result: SequenceResult): Finding[] {
  return result.settings.cells.flatMap((cell) => [...normFindings(result, cell), ...maskFindings(result, cell)])
}

function normFindings(result: SequenceResult, cell: Cell): Finding[] {
  const compared = casesOf(result).flatMap((c) => {
    const [batch, layer, none] = (['batch', 'layer', 'none'] as const).map((norm) => accuracy(result, cell, norm, c))
    return batch && layer ? [{ c, batch, layer, none, behind: batch.mean < layer.mean && differ(batch, layer, TEST_IMAGES) }] : []
  })
  const varied = compared.filter(({ c }) => c.shortest < ROWS)
  if (varied.length === 0) return []
  const behind = varied.filter((entry) => entry.behind).length
  const alike = compared.find(({ c }) => c.shortest === ROWS)
  const figure = ({ c, batch, layer, none }: (typeof compared)[number]) =>
    `${caseName(c)}: BatchNorm ${percentText(batch)}, LayerNorm ${percentText(layer)}${none ? `, no norm ${percentText(none)}` : ''}`
  return [
    {
      claim: `${cellNames[cell]}: on sequences of varying length, LayerNorm is better than BatchNorm.`,
      verdict: behind === varied.length ? 'holds' : behind > 0 ? 'depends' : 'does not hold',
      text: `${compared.map(figure).join('; ')}.${alike ? ` On sequences of one length BatchNorm was ${alike.behind ? 'behind, too, so that is not their lengths alone' : 'not behind'}.` : ''}`,
    },
  ]
}

function maskFindings(result: SequenceResult, cell: Cell): Finding[] {
  const pairs = result.settings.shortest
    .filter((shortest) => shortest < ROWS)
    .flatMap((shortest) =>
      result.settings.norms.flatMap((norm) => {
        const [masked, data] = (['masked', 'data'] as const).map((padding) => accuracy(result, cell, norm, { shortest, padding }))
        return masked && data ? [{ norm, shortest, masked, data, helps: masked.mean > data.mean && differ(masked, data, TEST_IMAGES) }] : []
      }),
    )
  if (pairs.length === 0) return []
  const helped = pairs.filter(({ helps }) => helps).length
  return [
    {
      claim: `${cellNames[cell]}: padding should be masked.`,
      verdict: helped === pairs.length ? 'holds' : helped > 0 ? 'depends' : 'does not hold',
      text: `By more than two standard errors, it was better with ${helped} of ${pairs.length}: ${pairs.map(({ norm, shortest, masked, data }) => `${normNames[norm]}, from ${shortest} rows: ${percentText(masked)} masked, ${percentText(data)} with padding taken for data`).join('; ')}.`,
    },
  ]
}

function summary(result: SequenceResult): Table {
  const cases = casesOf(result)
  return {
    caption: 'Test digits right, mean and standard deviation over seeds. A run that diverged counts as 0.',
    columns: [{ label: 'Cell' }, { label: 'Norm' }, ...cases.map((c) => ({ label: caseName(c), short: caseName(c).split(', '), numeric: true }))],
    rows: result.settings.cells.flatMap((cell) =>
      result.settings.norms.map((norm) => [
        cellNames[cell],
        normNames[norm],
        ...cases.map((c) => {
          const spread = accuracy(result, cell, norm, c)
          return spread && percentText(spread)
        }),
      ]),
    ),
  }
}

function figures(result: SequenceResult): Figure[] {
  const { cells, norms } = result.settings
  const cases = casesOf(result)
  return [
    {
      id: 'accuracy',
      heading: 'Accuracy by length and padding',
      text: 'Test digits right in evaluation mode; lines up and down are one standard deviation over seeds.',
      charts: cells.map((cell) => {
        const series = norms.map((norm) => ({
          name: normNames[norm],
          look: lookOfNorm(norm),
          markers: true,
          points: cases.flatMap((c, x) => {
            const spread = accuracy(result, cell, norm, c)
            return spread ? [{ x, y: 100 * spread.mean, ...(spread.count > 1 ? { spread: 100 * spread.std } : {}) }] : []
          }),
        }))
        return {
          title: cellNames[cell],
          description: series
            .map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${y.toFixed(1)} with ${caseName(cases[x])}`).join(', ')}`)
            .join('; '),
          x: {
            label: 'rows',
            domain: [0, 1] as const,
            names: cases.map(({ shortest, padding }) => (shortest === ROWS ? `${ROWS}` : `${shortest}-${ROWS}, ${padding}`)),
          },
          y: { label: 'test digits right (%)', domain: [0, 100] as const },
          series,
          apart: true,
        }
      }),
      columns: cells.length,
      legend: normLegend(norms),
      table: summary(result),
    },
  ]
}

function* measures({ losses, testAccuracy, testLoss }: SequenceRun): Generator<Measure> {
  for (const [step, value] of losses.entries()) yield { step, measure: 'training_loss', value }
  yield { measure: 'test_accuracy', value: testAccuracy }
  yield { measure: 'test_loss', value: testLoss }
}
