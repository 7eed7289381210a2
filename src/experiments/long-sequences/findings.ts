import type { Finding, Result } from '../experiment.js'
import { differ, type Spread, spreadOf, spreadText } from '../spread.js'
import type { Settings } from './experiment.js'
import { cellNames, type LongSequencesRun, type TextNorm } from './run.js'

export type LongSequencesResult = Result<Settings, LongSequencesRun>
type Cell = LongSequencesRun['cell']

/** Runs with everything but the seed alike. */
export const runsOf = ({ runs }: LongSequencesResult, cell: Cell, norm: TextNorm, length: number, rate: number): LongSequencesRun[] =>
  runs.filter((run) => run.cell === cell && run.norm === norm && run.length === length && run.learningRate === rate)

/** Held-out losses of those that did not diverge. */
export const lossOf = (runs: readonly LongSequencesRun[]): Spread | null => spreadOf(runs.map((run) => run.heldOutLoss))

/** A learning rate with and without LayerNorm. */
interface Pair {
  rate: number
  layer: Spread
  none: Spread
  /** Beyond two standard errors of the seeds. */
  better: boolean
  worse: boolean
}

function pairsOf(result: LongSequencesResult, cell: Cell, length: number): Pair[] {
  return result.settings.learningRates.flatMap((rate) => {
    const [layer, none] = (['layer', 'none'] as const).map((norm) => {
      const runs = runsOf(result, cell, norm, length, rate)
      return runs.some(({ divergence }) => divergence) ? null : lossOf(runs)
    })
    if (!layer || !none) return []
    const apart = differ(layer, none, Number.POSITIVE_INFINITY)
    return [{ rate, layer, none, better: apart && layer.mean < none.mean, worse: apart && layer.mean > none.mean }]
  })
}

/** Seeds tell what is chance; a single one decides nothing, and its figures are an observation. */
function judged(subject: string, claim: string, verdict: Finding['verdict'], pairs: readonly Pair[], text: string): Finding {
  const decided = pairs.every(({ layer, none }) => layer.count > 1 && none.count > 1)
  return decided ? { claim: `${subject}: ${claim}`, verdict, text } : { claim: '', verdict: null, text: `${subject}, one seed: ${text}` }
}

const subjectOf = (cell: Cell, length: number): string => `${cellNames[cell]}, ${length} characters a sequence`
const word = ({ better, worse, layer }: Pair): string => (layer.count < 2 ? '' : better ? ' (better)' : worse ? ' (worse)' : ' (level)')
const pairText = (pair: Pair): string => `at ${pair.rate} ${spreadText(pair.layer)} with LayerNorm and ${spreadText(pair.none)} without${word(pair)}`

export function findings(result: LongSequencesResult): Finding[] {
  const { cells, lengths } = result.settings
  const sorted = [...lengths].sort((a, b) => a - b)
  return cells.flatMap((cell) => [
    ...sorted.flatMap((length) => [...atEveryRate(result, cell, length), ...atTheBestRate(result, cell, length)]),
    ...moreWhenLonger(result, cell, sorted),
    ...diverged(result, cell),
  ])
}

function atEveryRate(result: LongSequencesResult, cell: Cell, length: number): Finding[] {
  const pairs = pairsOf(result, cell, length)
  if (pairs.length === 0) return []
  const better = pairs.filter((pair) => pair.better).length
  const verdict = better === pairs.length ? 'holds' : better > 0 ? 'depends' : 'does not hold'
  const text = `Held-out loss in nats a character: ${pairs.map(pairText).join('; ')}.`
  return [judged(subjectOf(cell, length), 'LayerNorm learns more at every learning rate.', verdict, pairs, text)]
}

function atTheBestRate(result: LongSequencesResult, cell: Cell, length: number): Finding[] {
  const pairs = pairsOf(result, cell, length)
  if (pairs.length < 2) return []
  const least = (norm: 'layer' | 'none') => pairs.reduce((a, b) => (b[norm].mean < a[norm].mean ? b : a))
  const [layer, none] = [least('layer'), least('none')]
  const apart = differ(layer.layer, none.none, Number.POSITIVE_INFINITY)
  const verdict = apart && layer.layer.mean < none.none.mean ? 'holds' : 'does not hold'
  const text = `${spreadText(layer.layer)} with LayerNorm at ${layer.rate}; ${spreadText(none.none)} without at ${none.rate}.`
  return [judged(subjectOf(cell, length), 'LayerNorm learns more, each at its best learning rate.', verdict, pairs, text)]
}

/** Whether what LayerNorm gains grows with the length. */
function moreWhenLonger(result: LongSequencesResult, cell: Cell, sorted: readonly number[]): Finding[] {
  if (sorted.length < 2) return []
  const [short, long] = [sorted[0], sorted[sorted.length - 1]]
  const gain = ({ layer, none }: Pair): Spread => ({ mean: none.mean - layer.mean, std: Math.hypot(none.std, layer.std), count: layer.count })
  const ofLong = pairsOf(result, cell, long)
  const compared = pairsOf(result, cell, short).flatMap((pair) => {
    const other = ofLong.find(({ rate }) => rate === pair.rate)
    if (!other) return []
    const [a, b] = [gain(pair), gain(other)]
    return [{ rate: pair.rate, a, b, pairs: [pair, other], more: b.mean > a.mean && differ(a, b, Number.POSITIVE_INFINITY) }]
  })
  if (compared.length === 0) return []
  const more = compared.filter((entry) => entry.more).length
  const verdict = more === compared.length ? 'holds' : more > 0 ? 'depends' : 'does not hold'
  const figures = compared.map(({ rate, a, b }) => `at ${rate} ${spreadText(b)} with ${long} and ${spreadText(a)} with ${short}`)
  const all = compared.flatMap(({ pairs }) => pairs)
  const text = `Nats a character that it gains: ${figures.join('; ')}.`
  return [judged(cellNames[cell], `LayerNorm gains more with ${long} characters a sequence than with ${short}.`, verdict, all, text)]
}

function diverged(result: LongSequencesResult, cell: Cell): Finding[] {
  const runs = result.runs.filter((run) => run.cell === cell && run.divergence)
  if (runs.length === 0) return []
  const names = runs.map(({ norm, length, learningRate }) => `${norm === 'layer' ? 'with' : 'without'} LayerNorm, ${length} characters, rate ${learningRate}`)
  return [{ claim: '', verdict: null, text: `${cellNames[cell]}, diverged and compared with nothing: ${names.join('; ')}.` }]
}
