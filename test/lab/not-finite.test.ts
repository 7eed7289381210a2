import { describe, expect, test } from 'vitest'
import { drawHistograms, type Histograms, histogramRows } from '../../lab/charts/histograms.js'
import { benchData } from '../../lab/training/data.js'
import type { BlockSnapshot, Snapshot } from '../../lab/training/records.js'
import { Session } from '../../lab/training/session.js'
import { accuracyChart, deadChart, gapChart, gradientChart, lossChart } from '../../lab/workbench/figures.js'
import { benchSettings, runSettings } from '../../lab/workbench/settings.js'
import { readBench } from '../../lab/workbench/state.js'
import { Track } from '../../lab/workbench/track.js'
import { type Chart, chart } from '../../src/experiments/report/chart.js'
import { defaultsOf } from '../../src/experiments/settings.js'
import { histogram } from '../../src/index.js'

/** Infinities and NaN in a run: said where they are, and never a coordinate. */

const { NaN: nan, POSITIVE_INFINITY: inf } = Number
const bench = { ...defaultsOf(benchSettings), data: 'spirals', network: 'mlp' } as const
const settings = defaultsOf(runSettings)

const numberless = (svg: string) => expect(svg.replace(/<(title|text)[^>]*>[^<]*<\/\1>| aria-label="[^"]*"/g, '')).not.toMatch(/NaN|Infinity|undefined|null/)
const drawn = (one: Chart): string => {
  const svg = chart(one)
  numberless(svg)
  return svg
}
/** The lines of a picture, as the places of their points. */
const lines = (svg: string): string[] => [...svg.matchAll(/class="line" d="([^"]*)"/g)].map(([, d]) => d.replace(/[\d. -]+/g, '·'))

describe('lines', () => {
  const axes = { title: 't', description: 'd', x: { label: 'x', domain: [0, 5] as const } }
  const of = (values: readonly number[]) => [{ name: 's', look: 0, markers: true, points: values.map((y, x) => ({ x, y })) }]

  test.each([
    [[1, 2, nan, 3, 4], 'M·L·M·L·'],
    [[inf, 2, 3, -inf, 4], 'M·L·M·'],
    [[nan, nan, nan], ''],
    [[1, 2, 0, 3], 'M·L·L·L·'],
  ])('%j has gaps where a value has no place', (values, path) => {
    const svg = drawn({ ...axes, y: { label: 'y', domain: [0, 4] }, series: of(values) })
    expect(lines(svg)).toEqual(path ? [path] : [])
    expect(svg.match(/class="marker"/g) ?? []).toHaveLength(values.filter(Number.isFinite).length)
  })

  test('a logarithm has no place for 0', () => {
    expect(lines(drawn({ ...axes, y: { label: 'y', domain: [1, 4], log: true }, series: of([1, 2, 0, 3, -1, 4]) }))).toEqual(['M·L·M·M·'])
  })
})

describe('a run that diverges', () => {
  test.each([
    ['in the middle', 'learning-rate:100'],
    ['at once', 'learning-rate:0.1'],
  ])('%s: its line ends where it does, and says so', async (when, run) => {
    const { state } = readBench(new Map(Object.entries({ preset: 'spirals', runs: '1', depth: '6', run1: `norm:none;${run}` })), 'digits')
    const data = await benchData(state.bench, null)
    if (when === 'at once') data.train.tensors[0].fill_(inf)
    const session = new Session({ ...state.bench, ...state.runs[0] }, data)
    const track = new Track(state.runs[0], state.bench)
    while (!track.divergence) {
      const { record, snapshot, evaluation, divergence } = session.next()
      track.add({ steps: [record], snapshots: snapshot ? [snapshot] : [], evaluations: evaluation ? [evaluation] : [] })
      track.divergence = divergence
      expect(record.step).toBeLessThan(100)
    }
    const said = `${track.divergence.loss} at step ${track.step}`
    for (const figure of [lossChart([track], []), accuracyChart([track])]) {
      const svg = drawn(figure)
      expect(svg.match(new RegExp(`>[^<]*${said}<`, 'g'))).toHaveLength(1)
    }
    expect(lossChart([track], []).series[0].points.at(-1)).toEqual({ x: track.step, y: nan })
    for (const figure of [gapChart([track]), gradientChart([track], null, false), deadChart([track], null)]) drawn(figure)
  })
})

describe('layers', () => {
  const values = { mean: 0, std: 1, histogram: histogram([0, 1]) }
  const block = (gradient: number): BlockSnapshot => ({ into: values, out: values, dead: 0, saturated: null, gradient, ratio: gradient, statistics: null })
  const trackOf = (...gradients: number[]): Track => {
    const snapshot: Snapshot = { step: 1, blocks: gradients.map(block) }
    const track = new Track(settings, { ...bench, depth: gradients.length })
    track.add({ steps: [{ step: 1, loss: 1, accuracy: 0 }], snapshots: [snapshot], evaluations: [] })
    return track
  }

  test.each([
    [[0.1, inf, 0.2, 0.3], 'not finite in block 1', 'M·M·L·'],
    [[nan, nan, 0.2, 0.3], 'not finite in block 0, 1', 'M·L·'],
    [[nan, inf], 'not finite in any block', ''],
    [[0, 0, 0], '0 throughout', ''],
    [[0.1, 0, 0.2], '', 'M·M·'],
  ])('gradients of %j', (gradients, note, path) => {
    const figure = gradientChart([trackOf(...gradients)], null, false)
    expect(figure.note ?? '').toBe(note && `BatchNorm: ${note}`)
    expect(lines(drawn(figure))).toEqual(path ? [path] : [])
  })
})

describe('histograms', () => {
  const picture = (all: readonly (readonly number[])[], change: Partial<Histograms> = {}) => {
    const rows = all.map((values, i) => ({ step: i + 1, histogram: histogram(values) }))
    const ends = rows.flatMap(({ histogram: { low, high } }) => [low, high])
    const svg = drawHistograms({ title: 't', look: 0, rows, domain: [Math.min(...ends), Math.max(...ends)], symlog: false, form: 'ridge', ...change })
    numberless(svg)
    return { svg, counted: histogramRows(rows).rows.reduce((sum, [, , , count]) => sum + count, 0) }
  }

  test.each([
    ['NaN alone', [[nan, nan]]],
    ['infinities alone', [[inf, -inf, inf]]],
    ['a row of each, after one of numbers', [[-1, 0, 2], [inf, 1, nan], [nan], [-inf]]],
    ['none at all', [[]]],
    ['the ends of float32', [[-3.4e38, 3.4e38, 1]]],
  ])('%s: every value is counted, and the picture has none that is no number', (_, all) => {
    for (const form of ['ridge', 'overlay'] as const) for (const symlog of [false, true]) expect(picture(all, { form, symlog }).counted).toBe(all.flat().length)
  })

  test('what is beside the numbers is said', () => {
    expect(picture([[nan, inf, -inf, 1]]).svg).toContain('4 values from 1 to 1, 1 below, 1 above, 1 not a number.')
    // No number at all has no range that could be said.
    expect(picture([[nan, inf]]).svg).toContain('2 values – none of them finite: 0 below, 1 above, 1 not a number.')
  })
})
