import { describe, expect, test } from 'vitest'
import { type Finding, longSequencesExperiment, runExperiment } from '../../src/experiments/index.js'
import { findings } from '../../src/experiments/long-sequences/findings.js'
import type { LongSequencesRun, TextNorm } from '../../src/experiments/long-sequences/run.js'

const short = { lengths: [8, 32], learningRates: [0.005, 0.1], steps: 4, seeds: 2, hidden: 12, batchSize: 4 }

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
const deviation = (values: readonly number[]) => Math.sqrt(values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / (values.length - 1))

/** Held-out losses of the seeds. */
const losses = (runs: readonly LongSequencesRun[], norm: TextNorm, length: number, rate: number) =>
  runs.filter((run) => run.norm === norm && run.length === length && run.learningRate === rate).map((run) => run.heldOutLoss as number)

/** What a reader of the figures would say, from two standard errors. */
function compared(runs: readonly LongSequencesRun[], length: number, rate: number): 'better' | 'worse' | 'level' {
  const [layer, none] = (['layer', 'none'] as const).map((norm) => losses(runs, norm, length, rate))
  const error = Math.hypot(deviation(layer), deviation(none)) / Math.sqrt(layer.length)
  const difference = mean(none) - mean(layer)
  return Math.abs(difference) <= 2 * error ? 'level' : difference > 0 ? 'better' : 'worse'
}

test('a short form: figures are finite and the same again, and the sentences say what the figures say', async () => {
  const [result, again] = [await runExperiment(longSequencesExperiment, short), await runExperiment(longSequencesExperiment, short)]
  const { runs } = result
  expect(again.runs).toEqual(runs)
  expect(runs).toHaveLength(2 * 2 * 2 * 2)
  for (const { losses, heldOutLoss, status } of runs) {
    expect(status).toBe('finished')
    expect(losses).toHaveLength(4)
    for (const loss of [...losses, heldOutLoss]) expect(loss).toSatisfy(Number.isFinite)
    // A network begins with a guess among 80 characters.
    expect(Math.abs(losses[0] - Math.log(80))).toBeLessThan(0.5)
  }
  for (const length of short.lengths) {
    const finding = result.findings.find(({ claim }) => claim === `RNN, ${length} characters a sequence: LayerNorm learns more at every learning rate.`)
    const words = short.learningRates.map((rate) => compared(runs, length, rate))
    expect(finding?.text.match(/\((better|worse|level)\)/g)).toEqual(words.map((word) => `(${word})`))
    const better = words.filter((word) => word === 'better').length
    expect(finding?.verdict).toBe(better === words.length ? 'holds' : better > 0 ? 'depends' : 'does not hold')
    for (const rate of short.learningRates) {
      for (const norm of ['layer', 'none'] as const) expect(finding?.text).toContain(`${Number(mean(losses(runs, norm, length, rate)).toPrecision(3))} ±`)
    }
  }
})

describe('verdicts', () => {
  const made = (norm: TextNorm, length: number, learningRate: number, seed: number, heldOutLoss: number | null): LongSequencesRun => ({
    cell: 'rnn',
    norm,
    length,
    learningRate,
    seed,
    hidden: 8,
    batchSize: 4,
    steps: 1,
    status: heldOutLoss === null ? 'diverged' : 'finished',
    divergence: heldOutLoss === null ? { step: 1, loss: 'NaN', where: 'the loss' } : null,
    losses: [],
    heldOutLoss,
  })
  /** Of seeds 0.01 apart; rows are [length, rate, LayerNorm's loss, that without]. */
  function said(rows: readonly [length: number, rate: number, layer: number, none: number | null][], seeds = 3): Finding[] {
    const runs = rows.flatMap(([length, rate, layer, none]) =>
      Array.from({ length: seeds }, (_, s) => [
        made('layer', length, rate, s, layer + 0.01 * s),
        made('none', length, rate, s, none === null ? null : none + 0.01 * s),
      ]).flat(),
    )
    const settings = {
      cells: ['rnn' as const],
      norms: ['none' as const, 'layer' as const],
      lengths: [...new Set(rows.map(([length]) => length))],
      learningRates: [...new Set(rows.map(([, rate]) => rate))],
      hidden: 8,
      batchSize: 4,
      steps: 1,
      seeds,
      seed: 0,
    }
    return findings({ experiment: 'long-sequences', settings, complete: true, planned: runs.length, runs, findings: [] })
  }

  test('ahead at some rates, but not at the best ones', () => {
    const [every, best] = said([
      [50, 0.01, 2, 2.5],
      [50, 0.1, 1.9, 1.8],
    ])
    expect(every.verdict).toBe('depends')
    expect(every.text).toBe(
      'Held-out loss in nats a character: at 0.01 2.01 ± 0.01 with LayerNorm and 2.51 ± 0.01 without (better); at 0.1 1.91 ± 0.01 with LayerNorm and 1.81 ± 0.01 without (worse).',
    )
    expect(best).toMatchObject({ verdict: 'does not hold', text: '1.91 ± 0.01 with LayerNorm at 0.1; 1.81 ± 0.01 without at 0.1.' })
  })

  test('a gain that grows with the length, and one that does not', () => {
    const verdict = (long: number) =>
      said([
        [10, 0.01, 2, 2.1],
        [90, 0.01, 2, long],
      ]).find(({ claim }) => claim === 'RNN: LayerNorm gains more with 90 characters a sequence than with 10.')?.verdict
    expect(verdict(2.5)).toBe('holds')
    expect(verdict(2.11)).toBe('does not hold')
  })

  test('a single seed decides nothing, and what diverged is compared with nothing but named', () => {
    expect(said([[50, 0.01, 2, 2.5]], 1)[0]).toEqual({
      claim: '',
      verdict: null,
      text: 'RNN, 50 characters a sequence, one seed: Held-out loss in nats a character: at 0.01 2 with LayerNorm and 2.5 without.',
    })
    const all = said([
      [50, 0.01, 2, 2.5],
      [50, 0.1, 2, null],
    ])
    expect(all[0].text).not.toContain('at 0.1')
    expect(all.at(-1)?.text).toMatch(/^RNN, diverged and compared with nothing: without LayerNorm, 50 characters, rate 0.1;/)
  })
})
