import { describe, expect, test } from 'vitest'
import { findings } from '../../src/experiments/compare/findings.js'
import type { NormName } from '../../src/models/index.js'
import { madeUpRun } from './made-up.js'

const at = (batchSize: number, learningRate: number, accuracies: Partial<Record<NormName, number>>) =>
  Object.entries(accuracies).map(([norm, testAccuracy]) => madeUpRun({ norm: norm as NormName, batchSize, learningRate }, { testAccuracy }))
const said = (runs: ReturnType<typeof at>, n = 1000) => findings(runs, n)

describe('which norm was best', () => {
  test('by how much, in points', () => {
    expect(said(at(32, 0.1, { none: 0.8, batch: 0.96, layer: 0.9 }))).toContain(
      'At batch size 32 and learning rate 0.1 BatchNorm was best with 96.0% of the test digits right, 6.0 points ahead of LayerNorm and 16.0 points ahead of the network without norm.',
    )
  })

  test('it may be the network without norm', () => {
    expect(said(at(32, 0.1, { none: 0.97, batch: 0.9, layer: 0.6 }))[0]).toBe(
      'At batch size 32 and learning rate 0.1 the network without norm was best with 97.0% of the test digits right, 7.0 points ahead of BatchNorm and 37.0 points ahead of LayerNorm.',
    )
  })

  test('a difference within the sampling error is none; with more images it is one', () => {
    const runs = at(32, 0.1, { batch: 0.95, layer: 0.94 })
    expect(said(runs, 1000)[0]).toBe(
      'At batch size 32 and learning rate 0.1 BatchNorm had 95.0% of the test digits right, level with LayerNorm (94.0%) within the sampling error of 1,000 test images.',
    )
    expect(said(runs, 10_000)[0]).toBe(
      'At batch size 32 and learning rate 0.1 BatchNorm was best with 95.0% of the test digits right, 1.0 points ahead of LayerNorm.',
    )
  })

  test('runs that diverged or stayed near chance are said to have', () => {
    const runs = at(2, 0.5, { none: 0.11, batch: 0.93 })
    const diverged = madeUpRun(
      { norm: 'layer', batchSize: 2, learningRate: 0.5 },
      { status: 'diverged', divergence: { step: 7, loss: 'NaN', where: 'fc.weight' }, testAccuracy: null, testLoss: null },
    )
    expect(said([...runs, diverged])[0]).toBe(
      'At batch size 2 and learning rate 0.5 only BatchNorm trained, with 93.0% of the test digits right; the network without norm reached only 11.0% and LayerNorm diverged at step 7 (its loss was NaN).',
    )
    expect(said(at(2, 0.5, { none: 0.1, batch: 0.12 }))[0]).toMatch(/nothing trained/)
  })
})

describe('BatchNorm at small batches', () => {
  const large = at(32, 0.1, { batch: 0.97, layer: 0.95 })
  test.each([
    [
      0.85,
      0.95,
      'BatchNorm fell behind LayerNorm at batch size 2 and learning rate 0.1: 85.0% right against 95.0%; at batch size 32 it was 97.0% against 95.0%.',
    ],
    [
      0.98,
      0.9,
      'BatchNorm stayed ahead of LayerNorm at batch size 2 and learning rate 0.1: 98.0% right against 90.0%; at batch size 32 it was 97.0% against 95.0%.',
    ],
    [
      0.94,
      0.945,
      'BatchNorm kept up with LayerNorm at batch size 2 and learning rate 0.1: 94.0% right against 94.5%; at batch size 32 it was 97.0% against 95.0%.',
    ],
    [0.1, 0.9, 'BatchNorm failed at batch size 2 and learning rate 0.1, where LayerNorm trained: BatchNorm reached only 10.0%.'],
    [0.9, 0.1, 'BatchNorm trained at batch size 2 and learning rate 0.1, where LayerNorm reached only 10.0%.'],
  ])('%d against %d', (batch, layer, sentence) => {
    expect(said([...large, ...at(2, 0.1, { batch, layer })])).toContain(sentence)
  })

  test('nothing is said with one batch size', () => {
    expect(said(large).join(' ')).not.toMatch(/kept up|fell behind|stayed ahead/)
  })
})

test('the highest learning rate that trained, per norm and batch size', () => {
  const runs = [...at(32, 0.05, { none: 0.9, batch: 0.9, layer: 0.3 }), ...at(32, 0.5, { none: 0.1, batch: 0.9, layer: 0.1 })]
  expect(said(runs)).toContain(
    'The highest learning rate that trained at batch size 32 was 0.05 for the network without norm, 0.5 for BatchNorm and no rate for LayerNorm.',
  )
})

test("BatchNorm's loss with running averages, where it is unlike the others'", () => {
  const pair = (batchTest: number) => [
    madeUpRun({ norm: 'batch', batchSize: 2, learningRate: 0.1 }, { testLoss: batchTest }),
    madeUpRun({ norm: 'layer', batchSize: 2, learningRate: 0.1 }, { testLoss: 0.5 }),
  ]
  const sentence = (testLoss: number) => said(pair(testLoss)).find((s) => s.includes('running averages'))
  expect(sentence(1)).toBe(
    "With running averages in place of each batch's statistics, BatchNorm's loss on the test digits at batch size 2 and learning rate 0.1 was 4.0 times its training loss, more than without BatchNorm (2.0 times).",
  )
  expect(sentence(0.2)).toMatch(/was 0.8 times its training loss, less than/)
  expect(sentence(0.55)).toBeUndefined()
})

test('first-layer gradients are compared where they differ most; a length of 0 is left out', () => {
  const run = (norm: NormName, batchSize: number, firstLayerGradientNorm: number) =>
    madeUpRun({ norm, batchSize, learningRate: 0.1 }, { firstLayerGradientNorm })
  expect(said([run('none', 32, 0.02), run('batch', 32, 1), run('layer', 32, 0), run('none', 2, 1), run('batch', 2, 0.5)])).toContain(
    'The gradient of the first layer differed most at batch size 32 and learning rate 0.1: with BatchNorm it was 50 times as long as with the network without norm (median 1 against 0.02).',
  )
})

test('runs that were stopped count for nothing', () => {
  expect(said([madeUpRun({ norm: 'batch', batchSize: 2, learningRate: 0.1 }, { status: 'stopped' })])).toEqual([])
})
