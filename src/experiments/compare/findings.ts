import { type NormName, normLabel } from '../../models/index.js'
import type { RunResult } from './result.js'
import type { RunConfig } from './settings.js'

/**
 * What the figures say, one sentence each. Nothing here expects an outcome: which norm is best, whether BatchNorm falls behind at small
 * batches and which learning rates train is read off the runs, and a difference within the sampling error is called none.
 */
export function findings(runs: readonly RunResult[], testImages: number): string[] {
  const ended = runs.filter(({ status }) => status !== 'stopped')
  return [
    ...settingsOf(ended).flatMap((group) => best(group, testImages)),
    ...smallBatch(ended, testImages),
    ...stableRates(ended),
    ...trainingAndTest(ended),
    ...firstLayerGradients(ended),
    ...speed(ended),
  ]
}

/** Below this share of right answers, of ten classes, a run has not learned its task. */
const LEARNED = 0.5

type Learned = RunResult & { testAccuracy: number }
const learned = (run: RunResult): run is Learned => run.testAccuracy !== null && run.testAccuracy >= LEARNED

export const percent = (share: number): string => `${(100 * share).toFixed(1)}%`
const points = (difference: number): string => `${(100 * difference).toFixed(1)} points`
const settingText = ({ batchSize, learningRate }: Pick<RunConfig, 'batchSize' | 'learningRate'>) => `batch size ${batchSize} and learning rate ${learningRate}`
const name = (run: Pick<RunConfig, 'norm'>): string => (run.norm === 'none' ? 'the network without norm' : normLabel(run.norm))
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const list = (parts: readonly string[]): string => (parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`)
const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]

function settingsOf(runs: readonly RunResult[]): RunResult[][] {
  const groups = new Map<string, RunResult[]>()
  for (const run of runs) {
    const key = settingText(run)
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()].filter((group) => group.length > 1)
}

/** Two standard errors of the difference of two shares, each of n test images. */
const samplingError = (a: number, b: number, n: number): number => 2 * Math.sqrt((a * (1 - a) + b * (1 - b)) / n)
const differ = (a: Learned, b: Learned, n: number): boolean => Math.abs(a.testAccuracy - b.testAccuracy) > samplingError(a.testAccuracy, b.testAccuracy, n)

function failure(run: RunResult): string {
  if (run.divergence) return `${name(run)} diverged at step ${run.divergence.step} (its loss was ${run.divergence.loss})`
  return `${name(run)} reached only ${percent(run.testAccuracy ?? 0)}`
}

function best(group: RunResult[], n: number): string[] {
  const [winner, ...others] = group.filter(learned).sort((a, b) => b.testAccuracy - a.testAccuracy)
  const failed = group.filter((run) => !learned(run))
  const start = `At ${settingText(group[0])}`
  if (!winner) return [`${start} nothing trained: ${list(failed.map(failure))}.`]
  const tail = failed.length > 0 ? `; ${list(failed.map(failure))}` : ''
  const [second] = others
  const right = `${percent(winner.testAccuracy)} of the test digits right`
  if (!second) return [`${start} only ${name(winner)} trained, with ${right}${tail}.`]
  const level = others.filter((run) => !differ(winner, run, n))
  const behind = others.filter((run) => differ(winner, run, n)).map((run) => `${points(winner.testAccuracy - run.testAccuracy)} ahead of ${name(run)}`)
  if (level.length === 0) return [`${start} ${name(winner)} was best with ${right}, ${list(behind)}${tail}.`]
  const tie = level.map((run) => `${name(run)} (${percent(run.testAccuracy)})`)
  const ahead = behind.length > 0 ? `, ${list(behind)}` : ''
  return [
    `${start} ${name(winner)} had ${right}, level with ${list(tie)} within the sampling error of ${n.toLocaleString('en-US')} test images${ahead}${tail}.`,
  ]
}

/** Whether BatchNorm falls behind where a batch is too small to estimate its statistics. */
function smallBatch(runs: readonly RunResult[], n: number): string[] {
  const sizes = unique(runs.map(({ batchSize }) => batchSize)).sort((a, b) => a - b)
  if (sizes.length < 2) return []
  const [small] = sizes
  return unique(runs.map(({ learningRate }) => learningRate)).flatMap((rate) => {
    const at = (size: number) => runs.filter((run) => run.batchSize === size && run.learningRate === rate)
    const batch = at(small).find(({ norm }) => norm === 'batch')
    const rival = at(small).find(({ norm }) => norm === 'layer') ?? at(small).find(({ norm }) => norm === 'none')
    if (!batch || !rival || !(learned(batch) || learned(rival))) return []
    const start = `batch size ${small} and learning rate ${rate}`
    if (!learned(batch)) return [`BatchNorm failed at ${start}, where ${name(rival)} trained: ${failure(batch)}.`]
    if (!learned(rival)) return [`BatchNorm trained at ${start}, where ${failure(rival)}.`]
    const figures = `${percent(batch.testAccuracy)} right against ${percent(rival.testAccuracy)}`
    const verdict = !differ(batch, rival, n) ? 'kept up with' : batch.testAccuracy < rival.testAccuracy ? 'fell behind' : 'stayed ahead of'
    const large = Math.max(...sizes)
    const [batchLarge, rivalLarge] = [batch, rival].map(({ norm }) => at(large).find((run) => run.norm === norm))
    const before =
      batchLarge && rivalLarge && learned(batchLarge) && learned(rivalLarge)
        ? `; at batch size ${large} it was ${percent(batchLarge.testAccuracy)} against ${percent(rivalLarge.testAccuracy)}`
        : ''
    return [`BatchNorm ${verdict} ${name(rival)} at ${start}: ${figures}${before}.`]
  })
}

function stableRates(runs: readonly RunResult[]): string[] {
  if (unique(runs.map(({ learningRate }) => learningRate)).length < 2) return []
  return unique(runs.map(({ batchSize }) => batchSize)).flatMap((size) => {
    const here = runs.filter(({ batchSize }) => batchSize === size)
    const rates = unique(here.map(({ norm }) => norm)).map((norm: NormName) => {
      const trained = here.filter((run) => run.norm === norm && learned(run)).map(({ learningRate }) => learningRate)
      return `${trained.length > 0 ? Math.max(...trained) : 'no rate'} for ${name({ norm })}`
    })
    return here.length > 1 ? [`The highest learning rate that trained at batch size ${size} was ${list(rates)}.`] : []
  })
}

/** How many times its last training loss a run's loss on the test digits is; null where one of them is missing. */
function testToTraining(run: RunResult): number | null {
  const training = run.lossAt.at(-1)?.loss ?? null
  return learned(run) && training !== null && training > 0 && run.testLoss !== null && Number.isFinite(run.testLoss) ? run.testLoss / training : null
}

/** BatchNorm is another function in evaluation. Where its test loss is farther from its training loss than that of others, that shows. */
function trainingAndTest(runs: readonly RunResult[]): string[] {
  return settingsOf(runs).flatMap((group) => {
    const batch = group.find(({ norm }) => norm === 'batch')
    const ratio = batch ? testToTraining(batch) : null
    const others = group.filter(({ norm }) => norm !== 'batch').flatMap((run) => testToTraining(run) ?? [])
    if (ratio === null || others.length === 0) return []
    const relation = ratio > 1.5 * Math.max(...others) ? 'more' : ratio < Math.min(...others) / 1.5 ? 'less' : null
    if (!relation) return []
    const times = others.map((r) => r.toFixed(1)).join(' and ')
    return [
      `With running averages in place of each batch's statistics, BatchNorm's loss on the test digits at ${settingText(group[0])} was ${ratio.toFixed(1)} times its training loss, ${relation} than without BatchNorm (${times} times).`,
    ]
  })
}

function firstLayerGradients(runs: readonly RunResult[]): string[] {
  return settingsOf(runs)
    .map((group) => {
      const known = group.filter((run): run is RunResult & { firstLayerGradientNorm: number } => (run.firstLayerGradientNorm ?? 0) > 0)
      const sorted = known.sort((a, b) => a.firstLayerGradientNorm - b.firstLayerGradientNorm)
      const [low, high] = [sorted[0], sorted[sorted.length - 1]]
      return low === undefined || low === high ? null : { low, high, ratio: high.firstLayerGradientNorm / low.firstLayerGradientNorm }
    })
    .filter((entry) => entry !== null)
    .sort((a, b) => b.ratio - a.ratio)
    .slice(0, 1)
    .map(({ low, high, ratio }) => {
      const figures = `${Number(high.firstLayerGradientNorm.toPrecision(2))} against ${Number(low.firstLayerGradientNorm.toPrecision(2))}`
      return `The gradient of the first layer differed most at ${settingText(low)}: with ${name(high)} it was ${Number(ratio.toPrecision(2))} times as long as with ${name(low)} (median ${figures}).`
    })
}

function speed(runs: readonly RunResult[]): string[] {
  return unique(runs.map(({ batchSize }) => batchSize)).flatMap((size) => {
    const here = runs.filter(({ batchSize, msPerStep }) => batchSize === size && msPerStep !== null)
    const times = unique(here.map(({ norm }) => norm)).map((norm) => {
      const steps = here.filter((run) => run.norm === norm).map(({ msPerStep }) => msPerStep ?? 0)
      return `${Math.min(...steps).toFixed(1)} ms with ${name({ norm })}`
    })
    return times.length > 1 ? [capital(`a step at batch size ${size} took ${list(times)}.`)] : []
  })
}
