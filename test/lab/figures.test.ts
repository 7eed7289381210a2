import { describe, expect, test } from 'vitest'
import { countOf, ridge, ridgeRows } from '../../lab/charts/ridge.js'
import { parseTable } from '../../lab/training/data.js'
import { StepSeries, Thinned } from '../../lab/workbench/series.js'
import { difference, runName, runSettings } from '../../lab/workbench/settings.js'
import { defaultsOf } from '../../src/experiments/settings.js'
import { histogram, manualSeed, randn } from '../../src/index.js'

describe('histograms tell the truth', () => {
  const picture = (values: ArrayLike<number>) => {
    const counted = histogram(values, { bins: 30 })
    const rows = [{ step: 1, histogram: counted }]
    return { counted, svg: ridge({ title: 't', look: 0, rows, domain: [counted.low, counted.high], symlog: false }), rows: ridgeRows(rows).rows }
  }

  test('a narrow bell fills many bins, and every value is counted', () => {
    manualSeed(1)
    const { counted, rows } = picture(randn([5000]).mul(0.001).add(0.97).toTypedArray() as Float32Array)
    expect(rows.filter(([, , , count]) => count > 0).length).toBeGreaterThanOrEqual(10)
    expect(countOf(counted)).toBe(5000)
    expect(rows.reduce((sum, [, , , count]) => sum + count, 0)).toBe(5000)
  })

  test('zeros and ones are two bars, with nothing drawn between', () => {
    const { rows, svg } = picture([0, 1, 1, 0, 1])
    expect(rows.filter(([, , , count]) => count > 0).map(([, , , count]) => count)).toEqual([2, 3])
    const heights = [...svg.matchAll(/L[\d.]+ ([\d.]+)L[\d.]+ \1/g)].map(([, y]) => Number(y))
    expect(heights).toHaveLength(30)
    expect(heights.slice(1, -1).every((y) => y === Math.max(...heights))).toBe(true)
    expect(heights[0]).toBeGreaterThan(heights[29])
  })

  test('values that are all alike are one bar', () => {
    expect(picture([2, 2, 2]).rows).toEqual([[1, 2, 2, 3]])
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

describe('a table of one’s own', () => {
  const rows = (n: number) => Array.from({ length: n }, (_, i) => `${i},${i % 3},${i % 2 ? 'odd' : 'even'}`)
  test('is read with and without names', () => {
    const table = parseTable(['a,b,class', ...rows(12)].join('\n'))
    expect(table).toMatchObject({ features: 2, classNames: ['even', 'odd'] })
    expect([...table.labels.slice(0, 3)]).toEqual([0, 1, 0])
    expect([...parseTable(rows(12).join('\r\n')).values]).toEqual([...table.values])
  })

  test.each([
    [[...rows(10), '1,x,odd'], 'Line 11, column 2: “x” is not a number.'],
    [[...rows(10), '1,2,3,odd'], 'Line 11: 4 columns, where the first row of numbers has 3.'],
    [[...rows(10), '1,2,'], 'Line 11: the last column, which names the class, is empty.'],
    [rows(3), 'The table has 3 rows of numbers; at least 10 are needed.'],
    [rows(20).map((row) => row.replace('odd', 'even')), 'Every row has the same class'],
  ])('a broken one names the line', (lines, message) => {
    expect(() => parseTable(lines.join('\n'))).toThrow(message)
  })
})
