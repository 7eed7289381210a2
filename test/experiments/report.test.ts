import { describe, expect, test } from 'vitest'
import { smoothed } from '../../src/experiments/compare/figures.js'
import { compareExperiment, csv, report } from '../../src/experiments/index.js'
import { linearScale, logScale } from '../../src/experiments/report/scale.js'
import { madeUpResult, madeUpRun } from './made-up.js'

const about = { date: '2026-11-24T09:00:00.000Z', version: '1.2.3', runtime: 'Node v20', machine: '2 x "CPU" <fast>', command: "evenkeel compare --out 'a b'" }
const runs = [
  madeUpRun(
    { norm: 'none', batchSize: 32, learningRate: 0.5 },
    {
      status: 'diverged',
      divergence: { step: 3, loss: 'NaN', where: 'fc.weight' },
      losses: [2.3, 9],
      testAccuracy: null,
      testLoss: null,
    },
  ),
  madeUpRun({ norm: 'batch', batchSize: 32, learningRate: 0.5 }, { testAccuracy: 0.8766, testLoss: 0.4321, firstLayerGradientNorm: 0.1234 }),
  madeUpRun({ norm: 'layer', batchSize: 32, learningRate: 0.5 }, { testAccuracy: 0.5 }),
]
const page = report(
  compareExperiment,
  madeUpResult(runs, { findings: [{ claim: 'Less < more.', verdict: 'depends', text: 'BatchNorm < LayerNorm & more.' }] }),
  about,
)

describe('the page', () => {
  test('is one file that loads nothing', () => {
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|src=|href=/)
    expect(page).toContain("default-src 'none'")
  })

  test('is well-formed: every element is closed in order', () => {
    const open: string[] = []
    for (const [, close, name, empty] of page.replace(/<style>[\s\S]*?<\/style>/g, '').matchAll(/<(\/?)([a-zA-Z][\w]*)[^>]*?(\/?)>/g)) {
      if (empty || name === 'meta') continue
      if (close) expect(open.pop()).toBe(name)
      else open.push(name)
    }
    expect(open).toEqual([])
  })

  test('has the figures, findings and machine, escaped', () => {
    for (const text of [
      '87.7%',
      '0.432',
      '0.123',
      'Less &lt; more. <strong>Depends.</strong> BatchNorm &lt; LayerNorm &amp; more.',
      '2 x &quot;CPU&quot; &lt;fast&gt;',
      'diverged at 3',
      'evenkeel 1.2.3',
    ])
      expect(page).toContain(text)
    expect(page).toMatch(/<strong>87\.7%<\/strong>/)
    expect(page).not.toMatch(/<strong>50\.0%<\/strong>/)
  })

  test('has no number that is none', () => {
    expect(page).not.toMatch(/NaN|Infinity|undefined|null/)
  })

  test('gives every chart a text and every figure a table', () => {
    const charts = [...page.matchAll(/<svg class="chart"[^>]*>/g)].map(([tag]) => tag)
    expect(charts).toHaveLength(5)
    for (const tag of charts) expect(tag).toMatch(/role="img" aria-label="[^"]{40,}"/)
    expect(page.match(/<figure /g)).toHaveLength(5)
    expect(page.match(/<details><summary>The numbers of figure \d<\/summary><div class="scroll"[^>]*><table>/g)).toHaveLength(5)
    expect(page).toMatch(/no norm: from 2\.3 to 9, diverged at step 3/)
  })

  test('says where it was stopped', () => {
    expect(page).not.toContain('Stopped early')
    expect(report(compareExperiment, madeUpResult(runs, { complete: false }), about)).toContain('Stopped early: 3 of 3 runs were begun')
  })

  test('lines differ by dash and marker', () => {
    const looks = [...page.matchAll(/<g class="series look-(\d)"><path class="line"[^>]*?(stroke-dasharray="[^"]*")?\/>/g)].map(
      ([, look, dash]) => `${look} ${dash}`,
    )
    expect(new Set(looks).size).toBe(new Set(looks.map((l) => l[0])).size)
    expect(new Set(looks).size).toBe(3)
  })
})

test('the CSV has every number, in a row of its own', () => {
  const lines = csv(compareExperiment, madeUpResult(runs)).trimEnd().split('\n')
  expect(lines[0]).toBe('norm,batch_size,learning_rate,samples,seed,image_size,step,layer,measure,value')
  expect(lines).toEqual(
    expect.arrayContaining([
      'none,32,0.5,1000,0,28,3,fc.weight,diverged,NaN',
      'batch,32,0.5,1000,0,28,1,,training_loss,1.2',
      'batch,32,0.5,1000,0,28,,,test_accuracy,0.8766',
      'batch,32,0.5,1000,0,28,0,conv1,weight_gradient_norm,0.5',
    ]),
  )
  expect(lines.filter((l) => l.startsWith('none,') && l.includes('test_accuracy'))).toEqual([])
  expect(lines.every((l) => l.split(',').length === 10)).toBe(true)
})

test('smoothing takes means over equal numbers of images', () => {
  const run = madeUpRun({ norm: 'batch', batchSize: 10, learningRate: 1 }, { losses: [1, 3, 5, 7] })
  expect(smoothed(run, 40, 2)).toEqual([
    { x: 10, y: 2 },
    { x: 30, y: 6 },
  ])
})

describe('axes', () => {
  const labels = (scale: { ticks: { label: string }[] }) => scale.ticks.map(({ label }) => label)
  test('linear ticks are round and cover the data', () => {
    expect(labels(linearScale([-0.3, 1.1], 0, 100))).toEqual(['-0.5', '0.0', '0.5', '1.0', '1.5'])
    // What would not fit beside an axis is said shorter.
    expect(labels(linearScale([-5e6, 1e7], 0, 100))).toEqual(['-5M', '0', '5M', '10M'])
    expect(labels(linearScale([0, 4e18], 0, 100, { count: 4 }))).toEqual(['0', '1e18', '2e18', '3e18', '4e18'])
    expect(labels(linearScale([0, 4e-6], 0, 100, { count: 4 }))).toEqual(['0', '1e-6', '2e-6', '3e-6', '4e-6'])
    expect(labels(linearScale([0, 10_000], 0, 100, { count: 4, exact: true }))).toEqual(['0', '5,000', '10,000'])
    expect(linearScale([0, 4900], 0, 98, { exact: true }).at(4900)).toBe(98)
    expect(linearScale([3, 3], 0, 100).at(3)).toBeGreaterThan(0)
  })

  test('logarithmic ticks are powers of ten, with some between where these are few', () => {
    expect(labels(logScale([0.0002, 30], 0, 100))).toEqual(['10⁻⁴', '0.001', '0.01', '0.1', '1', '10', '100'])
    expect(labels(logScale([0.06, 8], 0, 100))).toEqual(['0.03', '0.1', '0.3', '1', '3', '10'])
    const { at } = logScale([0.1, 10], 0, 100)
    expect(at(1) - at(0.1)).toBeCloseTo(at(10) - at(1), 9)
    expect(at(1e-9)).toBe(at(0.1))
  })
})
