import type { Experiment, Finding, Measure, Result } from '../experiment.js'
import { normNames, someNorms } from '../norms.js'
import { number as significant } from '../report/chart.js'
import { choice, integer, list, positive, type SettingsOf, seed, shape, toggle } from '../settings.js'
import { type AxesConfig, type AxesNorm, type AxesRun, axes, checkAxes } from './axes.js'

const settings = {
  norms: list(choice<AxesNorm>({ default: 'batch', label: 'norm', help: 'Norms', choices: someNorms('batch', 'layer', 'group', 'instance', 'rms') }), {
    flag: 'norm',
    default: ['batch', 'layer', 'group', 'instance', 'rms'],
  }),
  shape: shape({ default: [2, 4, 2, 3], label: 'shape', help: 'Sizes of the input: N,C,H,W or N,C,L or N,C; for LayerNorm and RMSNorm also N,L,C' }),
  groups: integer({ default: 2, label: 'groups', help: 'Groups of GroupNorm', min: 1, max: 4096 }),
  normalizedAxes: integer({ default: 3, label: 'normalized axes', help: 'Trailing axes of LayerNorm and RMSNorm', min: 1, max: 4 }),
  affine: toggle({ default: true, label: 'weight and bias', help: 'Whether a weight and bias follow, drawn by the seed' }),
  eps: positive({ default: 1e-5, label: 'eps', help: 'Added to the variance' }),
  seed: seed({ help: 'Of the values' }),
}
type Settings = typeof settings
type AxesResult = Result<Settings, AxesRun>

/** Which elements share a statistic, and all the numbers. */
export const axesExperiment: Experiment<Settings, AxesConfig, AxesRun> = {
  name: 'axes',
  title: 'Which elements share a statistic',
  claim: 'Norms differ only in which elements share one mean and variance.',
  settings,
  quick: { shape: [2, 4, 3], normalizedAxes: 2 },
  check: checkAxes,
  runs: ({ norms, ...rest }: SettingsOf<Settings>) => norms.map((norm) => ({ norm, ...rest })),
  introduction: ({ shape }) => `Elements that share a mean and variance, for an input of [${shape.join(', ')}].`,
  cost: () => 1,
  describe: ({ norm, shape }) => `${normNames[norm]} on [${shape.join(', ')}]`,
  measure: async (config) => axes(config),
  outcome: ({ error, statistics }) => error ?? `${statistics.length} statistics of ${statistics[0].count} elements each`,
  summary: ({ runs }) => ({
    caption: 'One row a norm.',
    columns: [
      { label: 'Norm' },
      { label: 'One statistic per' },
      { label: 'taken over' },
      { label: 'Statistics', numeric: true },
      { label: 'Elements of each', short: ['elements', 'of each'], numeric: true },
      { label: 'In PyTorch' },
    ],
    rows: runs.map(({ norm, error, statistics, statisticsPer, statisticsOver, code }) =>
      error
        ? [normNames[norm], error, null, null, null, code.pytorch]
        : [normNames[norm], statisticsPer, statisticsOver, String(statistics.length), String(statistics[0].count), code.pytorch],
    ),
  }),
  findings,
  figures: () => [],
  measures,
  method: ({ settings }) => [
    ['Values', `normal, each channel (axis 1) with a mean and deviation of its own; seed ${settings.seed}`],
    ['Statistics', 'biased variances in float64; RMSNorm has the mean square in place of the variance, and no mean'],
    ['Who depends on whom', 'each element is changed by 1 in turn, and the outputs that move are counted'],
  ],
}

/** The members of a group are found by changing an element and looking which outputs move. */
function findings({ runs }: AxesResult): Finding[] {
  const worked = runs.filter(({ error }) => error === null)
  const refused = runs.filter(({ error }) => error !== null)
  const exceptions = worked.filter((run) => run.strays > 0 || run.moved.some((count, i) => count !== run.statistics[run.group[i]].count))
  const rebuilt = Math.max(0, ...worked.map(largestDifference))
  const sizes = worked.map(({ norm, statistics }) => `${statistics[0].count} with ${normNames[norm]}`).join(', ')
  const claimed: Finding[] =
    worked.length === 0
      ? []
      : [
          {
            claim: axesExperiment.claim,
            verdict: exceptions.length === 0 && rebuilt < 1e-9 ? 'holds' : 'does not hold',
            text: `Changing one element moved the outputs of its group and no other (${sizes})${
              exceptions.length > 0 ? `, except with ${exceptions.map(({ norm }) => normNames[norm]).join(', ')}` : ''
            }. (x - mean) / sqrt(variance + eps) * weight + bias of these groups is what the layers give, to ${significant(rebuilt)}.`,
          },
        ]
  return [...claimed, ...refused.map(({ norm, error }) => ({ claim: '', verdict: null, text: `${normNames[norm]} refuses this input: ${error}` }))]
}

/** Between what the layer gives and the formula with the numbers that are shown. */
function largestDifference({ after, standardized, parameter, weight, bias }: AxesRun): number {
  const formula = (x: number, i: number) => x * (weight[parameter[i]] ?? 1) + (bias[parameter[i]] ?? 0)
  return Math.max(...standardized.map((x, i) => Math.abs(formula(x, i) - after[i])))
}

function* measures({ before, standardized, after, group, statistics }: AxesRun): Generator<Measure> {
  for (const [step, value] of before.entries()) yield { step, layer: 'element', measure: 'before', value }
  for (const [step, value] of standardized.entries()) yield { step, layer: 'element', measure: 'standardized', value }
  for (const [step, value] of after.entries()) yield { step, layer: 'element', measure: 'after', value }
  for (const [step, value] of group.entries()) yield { step, layer: 'element', measure: 'group', value }
  for (const [step, { mean, variance, rstd }] of statistics.entries()) {
    yield { step, layer: 'group', measure: 'mean', value: mean }
    yield { step, layer: 'group', measure: 'variance', value: variance }
    yield { step, layer: 'group', measure: 'rstd', value: rstd }
  }
}
