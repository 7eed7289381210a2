import type { CharCell } from '../../models/index.js'
import { firstSeed, seeds } from '../common-settings.js'
import type { Experiment, Figure, Measure, Table } from '../experiment.js'
import { lookOfNorm, normLegend, normNames, someNorms } from '../norms.js'
import { choice, integer, list, positive } from '../settings.js'
import { listed, seedsOf, spreadText } from '../spread.js'
import { findings, type LongSequencesResult, lossOf, runsOf } from './findings.js'
import { cellNames, HELD_OUT, type LongSequencesConfig, type LongSequencesRun, longSequencesRun, type TextNorm } from './run.js'

const settings = {
  cells: list(choice<CharCell>({ default: 'rnn', label: 'cell', help: 'Recurrent cells', choices: cellNames }), { default: ['rnn'], flag: 'cell' }),
  norms: list(choice<TextNorm>({ default: 'layer', label: 'norm', help: 'Norms inside of the recurrence', choices: someNorms('none', 'layer') }), {
    default: ['none', 'layer'],
    flag: 'norm',
  }),
  lengths: list(integer({ default: 200, label: 'length', help: 'Characters of a sequence', min: 2, max: 2000 }), { default: [25, 200], flag: 'length' }),
  learningRates: list(positive({ default: 0.02, label: 'learning rate', help: 'Learning rates of Adam' }), { default: [0.002, 0.02, 0.1], flag: 'lr' }),
  hidden: integer({ default: 96, label: 'hidden units', help: 'Units of the recurrent layer', min: 1, max: 512 }),
  batchSize: integer({ default: 16, label: 'batch size', help: 'Sequences in a step', min: 1, max: 512 }),
  steps: integer({ default: 80, label: 'steps', help: 'Updates of each run', min: 1, max: 100_000 }),
  seeds: seeds(),
  seed: firstSeed(),
}
export type Settings = typeof settings

/** LayerNorm in recurrent language models: short sequences and long ones, low learning rates and high ones. */
export const longSequencesExperiment: Experiment<Settings, LongSequencesConfig, LongSequencesRun> = {
  name: 'long-sequences',
  title: 'LayerNorm on long sequences',
  claim: 'LayerNorm makes recurrent networks faster to train, on long sequences above all (Ba et al. 2016).',
  settings,
  quick: { lengths: [16, 64], learningRates: [0.02], steps: 5, seeds: 1, hidden: 16, batchSize: 4 },
  runs: ({ cells, norms, lengths, learningRates, hidden, batchSize, steps, seeds, seed }) =>
    seedsOf(seed, seeds).flatMap((s) =>
      cells.flatMap((cell) =>
        lengths.flatMap((length) =>
          learningRates.flatMap((learningRate) => norms.map((norm) => ({ cell, norm, length, learningRate, hidden, batchSize, steps, seed: s }))),
        ),
      ),
    ),
  introduction: ({ lengths, steps, batchSize }) =>
    `A recurrent network reads Moby Dick and says which character comes next: ${steps} steps of ${batchSize} sequences of ${listed(lengths.map(String))} characters.`,
  cost: ({ cell, norm, length, batchSize, steps }) =>
    (steps * batchSize * length + HELD_OUT) * (norm === 'none' ? 1 : 1.3) * { rnn: 1, gru: 2, lstm: 2.5 }[cell],
  describe: (config) =>
    `${cellNames[config.cell]}, ${normNames[config.norm]}, ${config.length} characters, learning rate ${config.learningRate}, seed ${config.seed}`,
  measure: longSequencesRun,
  outcome: ({ heldOutLoss }) => `${heldOutLoss?.toPrecision(4) ?? '–'} nats a character on held-out text`,
  summary,
  findings,
  figures,
  measures,
  method: ({ settings }) => [
    [
      'Data',
      `the first 300,000 characters of Moby Dick, of which the last tenth is held out; ${HELD_OUT.toLocaleString('en-US')} characters of that are tested`,
    ],
    [
      'Network',
      `characters embedded, one recurrent layer of ${settings.hidden} units from a state of 0, a linear layer; LayerNorm as in nn.LayerNormRNN, LayerNormLSTM and LayerNormGRU`,
    ],
    [
      'Training',
      `Adam, gradients clipped to length 1, ${settings.steps} steps of ${settings.batchSize} sequences, in the same order for all; longer sequences are more characters a step`,
    ],
    ['Loss', 'cross-entropy of the next character, in nats, over sequences as long as those in training'],
    ['Better', 'by more than two standard errors over seeds; a single seed decides nothing'],
  ],
}

/** What of a cell's runs are alike, in the order of the settings. */
const rowsOf = ({ settings: { cells, lengths, norms } }: LongSequencesResult) =>
  cells.flatMap((cell) => lengths.flatMap((length) => norms.map((norm) => ({ cell, length, norm }))))

function summary(result: LongSequencesResult): Table {
  const rates = result.settings.learningRates
  return {
    caption: 'Held-out loss in nats a character, mean and standard deviation over seeds that did not diverge.',
    columns: [
      { label: 'Cell' },
      { label: 'Characters', numeric: true },
      { label: 'Norm' },
      ...rates.map((rate) => ({ label: `Learning rate ${rate}`, short: ['rate', String(rate)], numeric: true })),
    ],
    rows: rowsOf(result).map(({ cell, length, norm }) => [
      cellNames[cell],
      String(length),
      normNames[norm],
      ...rates.map((rate) => {
        const runs = runsOf(result, cell, norm, length, rate)
        const lost = runs.filter(({ divergence }) => divergence).length
        const spread = lossOf(runs)
        return [spread && spreadText(spread), lost > 0 ? `${lost} diverged` : null].filter((part) => part !== null).join(', ') || null
      }),
    ]),
  }
}

function figures(result: LongSequencesResult): Figure[] {
  const { cells, lengths, norms, learningRates } = result.settings
  const rates = [...learningRates].sort((a, b) => a - b)
  const charts = cells.flatMap((cell) =>
    lengths.map((length) => {
      const series = norms.map((norm) => ({
        name: normNames[norm],
        look: lookOfNorm(norm),
        markers: true,
        points: rates.flatMap((rate, x) => {
          const spread = lossOf(runsOf(result, cell, norm, length, rate))
          return spread ? [{ x, y: spread.mean, ...(spread.count > 1 ? { spread: spread.std } : {}) }] : []
        }),
      }))
      return { title: `${cellNames[cell]}, ${length} characters`, series }
    }),
  )
  const all = charts.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ y }) => y)))
  const domain = all.length > 0 ? ([Math.floor(Math.min(...all) * 5) / 5, Math.ceil(Math.max(...all) * 5 + 0.1) / 5] as const) : ([0, 1] as const)
  return [
    {
      id: 'loss',
      heading: 'Held-out loss over learning rate',
      text: 'Lower is better; lines up and down are one standard deviation over seeds.',
      charts: charts.map(({ title, series }) => ({
        title,
        description: series.map(({ name, points }) => `${name}: ${points.map(({ x, y }) => `${y.toFixed(2)} at ${rates[x]}`).join(', ')}`).join('; '),
        x: { label: 'learning rate', domain: [0, 1] as const, names: rates.map(String) },
        y: { label: 'nats a character', domain },
        series,
      })),
      columns: Math.min(2, charts.length),
      legend: normLegend(norms),
      table: summary(result),
    },
  ]
}

function* measures({ losses, heldOutLoss }: LongSequencesRun): Generator<Measure> {
  for (const [step, value] of losses.entries()) yield { step, measure: 'training_loss', value }
  yield { measure: 'held_out_loss', value: heldOutLoss }
}
