import { describe, expect, test } from 'vitest'
import type { Measured } from '../../lab/lessons/lesson.js'
import { lessons } from '../../lab/lessons/lessons.js'
import { describeExperiments, runNamed } from '../../lab/training/experiments.js'
import { experiments, flagOf } from '../../src/experiments/index.js'

const reading = ({ readings }: Measured, term: string): number => readings.find((r) => r.term === term)?.value ?? Number.NaN

/** What the texts of the lessons say, asserted on the run that the page makes. */
const claims: Readonly<Record<string, (measured: Measured) => void>> = {
  axes: (m) => {
    expect(m.answer).toBe('channel')
    expect([reading(m, 'values in one mean of BatchNorm'), reading(m, 'means of BatchNorm')]).toEqual([24, 3])
    expect([reading(m, 'values in one mean of LayerNorm'), reading(m, 'means of LayerNorm')]).toEqual([18, 4])
    expect(m.text).toContain('moved 24 outputs of BatchNorm, and 18 of LayerNorm')
  },
  'normalized-shape': (m) => {
    expect(m.answer).toBe('word')
    expect([reading(m, 'means'), reading(m, 'values in each'), reading(m, 'weights')]).toEqual([8, 6, 6])
  },
  'two-samples': (m) => {
    expect(m.answer).toBe('order')
    expect(reading(m, 'largest before')).toBeGreaterThan(3 * reading(m, 'smallest distance before'))
    // 2 (1 - eps / (2 variance)): what eps takes off a pair that is 0.32 apart or more.
    expect(reading(m, 'smallest after')).toBeCloseTo(2, 3)
    expect(reading(m, 'largest after')).toBeCloseTo(2, 3)
  },
  'learning-rate': (m) => {
    expect(m.answer).toBe('much')
    expect(reading(m, 'factor')).toBeGreaterThanOrEqual(9)
    expect(m.text).toMatch(/1 of 10 runs ended in NaN/)
  },
  'dead-relu': (m) => {
    expect(m.answer).toBe('none')
    expect(reading(m, 'dead without norm')).toBeGreaterThan(0.2)
    expect(reading(m, 'with BatchNorm')).toBeLessThan(0.02)
  },
  gap: (m) => {
    expect(m.answer).toBe('higher')
    expect(reading(m, 'ratio')).toBeGreaterThan(1.2)
  },
  stack: (m) => {
    expect(m.answer).toBe('smaller')
    expect(reading(m, 'predicted')).toBeCloseTo((63 / 64) ** 10, 12)
    expect(reading(m, 'measured')).toBeCloseTo(0.8543, 4)
  },
  momentum: (m) => {
    expect(m.answer).toBe('none')
    expect(reading(m, 'ratio, momentum 0.1')).toBeGreaterThan(1.2)
    expect(Math.abs(Math.log(reading(m, 'ratio, None')))).toBeLessThan(Math.log(1.1))
  },
  'pre-post': (m) => {
    expect(m.answer).toBe('pre')
    expect(reading(m, 'layer 30')).toBeGreaterThan(2 * reading(m, 'pre-norm, layer 1'))
    expect(reading(m, 'post-norm, layer 1')).toBeCloseTo(1, 2)
    expect(reading(m, 'layer 30 of post-norm')).toBeCloseTo(1, 2)
  },
  padding: (m) => {
    expect(m.answer).toBe('layer')
    expect(reading(m, 'LayerNorm, masked')).toBeGreaterThan(reading(m, 'BatchNorm, masked') + 0.05)
  },
}

test('every lesson has its claim, an answer that can be guessed, and settings that its experiment has', () => {
  expect(lessons.map(({ id }) => id).sort()).toEqual(Object.keys(claims).sort())
  expect(lessons.length).toBeGreaterThanOrEqual(8)
  for (const { answers, experiment, flags } of lessons) {
    expect(Object.keys(answers).length).toBeGreaterThanOrEqual(2)
    expect(Object.keys(answers).length).toBeLessThanOrEqual(4)
    const settings = Object.entries(experiments.find(({ name }) => name === experiment)?.settings ?? {})
    for (const [flag, text] of Object.entries(flags)) {
      const setting = settings.find(([key, s]) => flagOf(key, s) === flag)
      expect(setting?.[1].fromText(text), `${experiment} --${flag} ${text}`).toBeDefined()
    }
  }
  expect(describeExperiments()).toHaveLength(experiments.length)
})

describe.each(lessons)('lesson $id', ({ id, experiment, flags, figure, answers, measure }) => {
  test('says what its run says', async () => {
    const { result, figures } = await runNamed(experiment, flags, () => {})
    expect(result.complete).toBe(true)
    const measured = measure(result.runs)
    console.log(`${id}: ${measured.text}`)
    expect(answers).toHaveProperty(measured.answer)
    claims[id](measured)
    if (figure) expect(figures.find((f) => f.id === figure)?.charts.length).toBeGreaterThan(0)
  })
})
