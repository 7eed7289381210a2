import { describe, expect, test } from 'vitest'
import { countOf, drawHistograms, type Histograms, histogramRows, MOST_ROWS, rowsAround } from '../../lab/charts/histograms.js'
import { StepSeries, Thinned } from '../../lab/workbench/series.js'
import { difference, runName, runSettings } from '../../lab/workbench/settings.js'
import { defaultsOf } from '../../src/experiments/settings.js'
import { histogram, manualSeed, randn } from '../../src/index.js'

describe('histograms tell the truth', () => {
  const picture = (values: ArrayLike<number>, change: Partial<Histograms> = {}) => {
    const counted = histogram(values, { bins: 30 })
    const rows = [{ step: 1, histogram: counted }]
    const svg = drawHistograms({ title: 't', look: 0, rows, domain: [counted.low, counted.high], symlog: false, form: 'ridge', ...change })
    return { counted, bars: barsOf(svg), rows: histogramRows(rows).rows }
  }
  /** Left end, right end and height of each bar of the last outline in a picture. */
  const barsOf = (svg: string) => {
    const path = [...svg.matchAll(/<path class="(?:ridge|overlaid) front" d="([^"]*)"/g)].at(-1)?.[1] ?? ''
    const points = [...path.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)].map(([, x, y]) => [Number(x), Number(y)])
    const base = points[0][1]
    return points.slice(1, -1).flatMap(([from, top], i, inner) => (i % 2 === 0 ? [{ from, to: inner[i + 1][0], height: base - top }] : []))
  }

  test.each(['ridge', 'overlay'] as const)('%s: a narrow bell fills many bins, and every value is counted', (form) => {
    manualSeed(1)
    const { counted, rows, bars } = picture(randn([5000]).mul(0.001).add(0.97).toTypedArray() as Float32Array, { form })
    expect(bars.filter(({ height }) => height > 0).length).toBeGreaterThanOrEqual(10)
    expect(countOf(counted)).toBe(5000)
    expect(rows.reduce((sum, [, , , count]) => sum + count, 0)).toBe(5000)
  })

  test.each(['ridge', 'overlay'] as const)('%s: zeros and ones are two bars, with nothing drawn between', (form) => {
    const { rows, bars } = picture([0, 1, 1, 0, 1], { form })
    expect(rows.filter(([, , , count]) => count > 0).map(([, , , count]) => count)).toEqual([2, 3])
    expect(bars).toHaveLength(30)
    expect(bars.slice(1, -1).every(({ height }) => height === 0)).toBe(true)
    expect(bars[0].height / bars[29].height).toBeCloseTo(2 / 3, 1)
  })

  test('symlog spreads what lies near 0, and areas stay in proportion to the counts', () => {
    const values = Float64Array.from({ length: 999 }, (_, i) => Math.sign(i - 499) * 10 ** (Math.abs(i - 499) / 125 - 2))
    const [plain, spread] = [picture(values), picture(values, { symlog: true })]
    const width = ({ bars }: typeof plain) => bars[15].to - bars[15].from
    expect(width(spread)).toBeGreaterThan(3 * width(plain))
    const areas = spread.bars.map(({ from, to, height }) => (to - from) * height)
    const sum = areas.reduce((a, b) => a + b)
    // Ends and heights are written to a tenth of a pixel.
    for (const [i, area] of areas.entries()) expect(Math.abs(area / sum - spread.counted.counts[i] / 999)).toBeLessThan(0.02)
  })

  test('values that are all alike are one bar', () => {
    const { rows, bars } = picture([2, 2, 2])
    expect(rows).toEqual([[1, 2, 2, 3]])
    expect(bars).toHaveLength(1)
  })

  test('what lies beyond the bins has bars at the ends, and is counted', () => {
    const { bars, rows } = picture([Number.NEGATIVE_INFINITY, 0, 0.5, 1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN])
    const ends = bars.filter(({ height }) => height > 0)
    expect(ends[0].from).toBeLessThan(bars[2].from)
    expect((ends.at(-1)?.height ?? 0) / ends[0].height).toBeCloseTo(2, 1)
    expect(rows[0]).toEqual([1, Number.NEGATIVE_INFINITY, 0, 1])
    expect(rows.slice(-2)).toEqual([
      [1, 1, Number.POSITIVE_INFINITY, 2],
      [1, Number.NaN, Number.NaN, 1],
    ])
    expect(rows.reduce((sum, [, , , count]) => sum + count, 0)).toBe(7)
  })
})

describe('the rows around the cursor are drawn', () => {
  const steps = Array.from({ length: 24 }, (_, i) => i * 16 + 1)

  test('the last ones without it; around it, its row in the middle; the first ones where it is at the beginning', () => {
    expect(rowsAround(steps)).toEqual({ shown: steps.slice(-MOST_ROWS), front: MOST_ROWS - 1 })
    expect(rowsAround(steps, 12)).toEqual({ shown: steps.slice(5, 5 + MOST_ROWS), front: 7 })
    expect(rowsAround(steps, 0)).toEqual({ shown: steps.slice(0, MOST_ROWS), front: 0 })
    expect(rowsAround(steps.slice(0, 3), 1)).toEqual({ shown: steps.slice(0, 3), front: 1 })
    expect(rowsAround([])).toEqual({ shown: [], front: -1 })
  })

  test('every kept row stands out when the cursor is on it, and is among those that are drawn', () => {
    const rows = steps.map((step) => ({ step, histogram: histogram(Float64Array.of(step, step + 1), { bins: 4 }) }))
    for (const marked of steps.keys()) {
      const { shown, front } = rowsAround(rows, marked)
      expect(shown).toHaveLength(MOST_ROWS)
      expect(shown[front]).toBe(rows[marked])
      const svg = drawHistograms({ title: 't', look: 0, rows, domain: [1, 400], symlog: false, form: 'ridge', marked })
      expect([...svg.matchAll(/class="ridge( front)?"/g)].map(([, found]) => found !== undefined).indexOf(true)).toBe(front)
      expect(svg).toContain(`>${shown[0].step}<`)
      expect(svg).toContain(`Step ${steps[marked]}: 2 values`)
    }
  })
})

describe('the history of a run stays small', () => {
  test('a line keeps its mean and its length in steps', () => {
    const series = new StepSeries(64)
    for (let step = 1; step <= 5000; step++) series.push(step)
    const points = series.points(64)
    expect(points.length).toBeLessThanOrEqual(64)
    expect(points.at(-1)?.x).toBe(5000)
    // The mean of 1..n is (n + 1) / 2, whatever is joined.
    expect(points[0].y).toBe((points[0].x + 1) / 2)
    expect(series.latest).toBe(5000)
  })

  test('snapshots are thinned, the first and the latest kept', () => {
    const thinned = new Thinned<number>(10)
    for (let i = 0; i < 1000; i++) thinned.push(i)
    expect(thinned.items.length).toBeLessThanOrEqual(11)
    expect(thinned.items[0]).toBe(0)
    expect(thinned.items.at(-1)).toBe(999)
  })
})

describe('runs explain themselves', () => {
  const base = defaultsOf(runSettings)
  test('by what tells them from one another', () => {
    const faster = { ...base, learningRate: 0.5 }
    expect(runName(base, [base, faster])).toBe('BatchNorm, lr 0.1')
    expect(difference(runSettings, base, faster)).toBe('lr 0.1 → 0.5')
    expect(difference(runSettings, base, { ...base, norm: 'none' })).toBe('norm BatchNorm → no norm')
  })
})
