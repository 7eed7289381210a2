import { describe, expect, test } from 'vitest'
import { parseHash } from '../../lab/state/url.js'
import { bothModes, channelChart } from '../../lab/studies/averages.js'
import { accuracyChart, batchSizes, sweepCharts, sweepRuns, sweepSettings } from '../../lab/studies/batch-size.js'
import { cellsOf, gridSettings, workbenchHash } from '../../lab/studies/grid.js'
import type { Outcome } from '../../lab/studies/trials.js'
import { benchData } from '../../lab/training/data.js'
import { Session } from '../../lab/training/session.js'
import { runTrial } from '../../lab/training/trial.js'
import { statisticsChart } from '../../lab/workbench/figures.js'
import { readBench } from '../../lab/workbench/state.js'
import { Track } from '../../lab/workbench/track.js'
import { defaultsOf } from '../../src/experiments/settings.js'
import { backendInfo } from '../../src/index.js'

const grid = { ...defaultsOf(gridSettings), data: 'spirals', depth: 3 } as const
const sweep = { ...defaultsOf(sweepSettings), data: 'spirals', samples: 128 } as const

/** The run that a link to the workbench leads to. */
async function linked(hash: string, steps: number) {
  const { state, notes } = readBench(parseHash(hash).params, 'digits')
  expect(notes).toEqual([])
  expect(state.runs).toHaveLength(1)
  const session = new Session({ ...state.bench, ...state.runs[0] }, await benchData(state.bench, null))
  return Array.from({ length: steps }, () => session.next())
}

describe('the grid of learning rates', () => {
  test('has every combination once', () => {
    const cells = cellsOf(defaultsOf(gridSettings))
    expect(cells).toHaveLength(3 * 4 * 7)
    expect(new Set(cells.map(({ config }) => JSON.stringify(config))).size).toBe(cells.length)
  })

  test.each(['none', 'batch', 'layer', 'group', 'rms'] as const)('a cell with %s has the value of the run that it opens as, bit for bit', async (norm) => {
    const [cell] = cellsOf({ ...grid, norms: [norm], activations: ['tanh'], rates: [0.3] })
    const trial = await runTrial(cell.config, cell.steps)
    const run = await linked(workbenchHash(cell.config, 'digits'), cell.steps)
    expect(trial.evaluation).not.toBeNull()
    expect(trial.evaluation).toEqual(run[cell.steps - 1].evaluation)
    expect([...trial.losses]).toEqual(run.map(({ record }) => record.loss))
  })

  test('a cell that diverges says at which step, as its run does', async () => {
    const [cell] = cellsOf({ ...grid, norms: ['none'], activations: ['relu'], rates: [100] })
    const trial = await runTrial(cell.config, cell.steps)
    expect(trial.evaluation).toBeNull()
    const { step } = trial.divergence ?? { step: 0 }
    const run = await linked(workbenchHash(cell.config, 'digits'), step)
    expect(run[step - 1].divergence).toEqual(trial.divergence)
  })

  test('many cells one after the other hold no more memory than one', async () => {
    const [cell] = cellsOf({ ...grid, norms: ['batch'], activations: ['relu'], rates: [0.1] })
    await runTrial(cell.config, 5)
    const { tensors } = backendInfo().memory
    for (let i = 0; i < 4; i++) await runTrial(cell.config, 5)
    expect(backendInfo().memory.tensors).toBe(tensors)
  })
})

describe('the sweep over batch sizes', () => {
  test('each size sees the same samples, at a rate in proportion or at one for all', () => {
    const runs = sweepRuns(sweep)
    expect(runs).toHaveLength(batchSizes.length * 3)
    for (const { batchSize, steps, config } of runs) {
      expect(steps * batchSize).toBe(128)
      expect(config.learningRate).toBeCloseTo((0.1 * batchSize) / 32, 12)
    }
    expect(new Set(sweepRuns({ ...sweep, scaling: 'none' }).map(({ config }) => config.learningRate))).toEqual(new Set([0.1]))
  })

  test('BatchNorm refuses a batch of one in PyTorch’s words, the others learn; charts hold every run', async () => {
    const runs = sweepRuns(sweep)
    const outcomes: Outcome[] = []
    for (const { config, steps } of runs) {
      outcomes.push(
        await runTrial(config, steps).then(
          (trial) => ({ trial, problem: null }),
          (error: Error) => ({ trial: null, problem: error.message }),
        ),
      )
    }
    const problems = runs.flatMap(({ norm, batchSize }, i) => (outcomes[i].problem === null ? [] : [[norm, batchSize, outcomes[i].problem]]))
    expect(problems).toEqual([['batch', 1, 'Expected more than 1 value per channel when training, got input size torch.Size([1, 64])']])
    const charts = sweepCharts(sweep, runs, outcomes)
    expect(charts.map(({ title }) => title)).toEqual(batchSizes.map((size) => `Batch size ${size}`))
    for (const [i, { series }] of charts.entries()) {
      for (const { name, points } of series) {
        if (i === 0 && name === 'BatchNorm') expect(points).toEqual([])
        else expect(points.at(-1)?.x).toBe(128)
      }
    }
    const [, layer] = accuracyChart(sweep, runs, outcomes).series
    const at = runs.findIndex(({ norm, batchSize }) => norm === 'layer' && batchSize === 1)
    expect(layer.points[0]).toEqual({ x: 0, y: 100 * (outcomes[at].trial?.evaluation?.testAccuracy ?? Number.NaN) })
  })
})

test('running averages: batch, memory and data of a channel, and both losses, are those of the run', async () => {
  const run = { ...readBench(new Map([['preset', 'spirals']]), 'digits').state.runs[1], momentum: null }
  const { bench } = readBench(new Map([['preset', 'spirals']]), 'digits').state
  const data = await benchData(bench, null)
  const session = new Session({ ...bench, ...run }, data)
  const track = new Track(run, bench)
  const means: number[] = []
  for (let i = 0; i < 25; i++) {
    const { record, snapshot, evaluation } = session.next()
    track.add({ steps: [record], snapshots: snapshot ? [snapshot] : [], evaluations: evaluation ? [evaluation] : [] })
    if (snapshot) means.push(snapshot.blocks[0].statistics?.batch.mean[3] ?? Number.NaN)
  }
  const [batch, running, all] = channelChart(track, 0, 3, false).series
  expect(batch.points.map(({ y }) => y)).toEqual(means)
  // The plain average of one batch is that batch.
  expect(running.points[0].y).toBeCloseTo(means[0], 5)
  // Each sample once: the true mean of what the first layer makes of the whole of the data.
  const { dataset, samples } = track.evaluations.items[0]
  expect(samples).toBe(data.train.length)
  expect(all.points[0]).toEqual({ x: 1, y: dataset[0].mean[3] })
  const { series } = bothModes(track)
  expect(series.map(({ points }) => points.at(-1)?.y)).toEqual([track.evaluations.items[2].eval, track.evaluations.items[2].train])
  expect(statisticsChart(track, 0, null, false)?.series[2].name).toBe('1,500 samples at once')
})
