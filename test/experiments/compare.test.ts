import { describe, expect, test } from 'vitest'
import { initialModel, trainRun } from '../../src/experiments/compare/run.js'
import { runsOf } from '../../src/experiments/compare/settings.js'
import { compareExperiment, defaultsOf, runExperiment, type SettingsOf } from '../../src/experiments/index.js'
import { memory } from '../../src/index.js'

type Settings = SettingsOf<typeof compareExperiment.settings>
type Hooks = Parameters<typeof runExperiment<typeof compareExperiment.settings, Config, Run>>[2]
type Config = ReturnType<typeof runsOf>[number]
type Run = Awaited<ReturnType<typeof trainRun>>
const compare = (settings: Settings, hooks?: Hooks) => runExperiment(compareExperiment, settings, hooks)
const defaults = defaultsOf(compareExperiment.settings)

const small: Settings = { norms: ['none', 'batch', 'layer'], batchSizes: [16], learningRates: [0.1], samples: 160, seed: 3, imageSize: '14' }
/** Everything but the times. */
const figures = (runs: readonly Run[]) => runs.map(({ msPerStep: _, ...rest }) => rest)

test('the same seed gives the same figures, another seed others', async () => {
  const [a, b, c] = [await compare(small), await compare(small), await compare({ ...small, seed: 4 })]
  expect(figures(a.runs)).toEqual(figures(b.runs))
  expect(a.runs[1].losses).not.toEqual(c.runs[1].losses)
  expect(a.complete).toBe(true)
  for (const run of a.runs) {
    expect(run).toMatchObject({ status: 'finished', steps: 10, stepsPlanned: 10 })
    expect(run.losses).toHaveLength(10)
    expect(run.msPerStep).toBeGreaterThan(0)
    expect(run.testAccuracy).toBeGreaterThanOrEqual(0.05)
    expect(run.layers.map(({ layer }) => layer)).toEqual(['conv1', 'norm1', 'conv2', 'norm2', 'conv3', 'norm3', 'conv4', 'norm4', 'fc'])
    expect(run.layers[0].samples).toEqual([0, 16, 32, 48, 64, 80, 96, 112, 128, 144])
    expect(run.layers[0].weightGradientNorm?.every((v) => v > 0)).toBe(true)
    expect(run.lossAt[3].loss).toBeCloseTo(run.losses[9], 12)
  }
})

test('two networks without norm have the same curves, bit for bit', async () => {
  const [config] = runsOf(small)
  expect(figures([await trainRun(config, {})])).toEqual(figures([await trainRun(config, {})]))
})

test('norms start from the same weights', () => {
  const [none, batch, layer] = runsOf(small).map((config) => initialModel(config).stateDict())
  for (const key of ['conv1.weight', 'conv4.weight', 'fc.weight', 'fc.bias']) {
    expect(batch[key].toArray()).toEqual(none[key].toArray())
    expect(layer[key].toArray()).toEqual(none[key].toArray())
  }
  expect(none['conv1.bias'].abs().sum().item()).toBe(0)
})

test('every combination runs, norms innermost', () => {
  const runs = runsOf({ ...small, norms: ['batch', 'layer'], batchSizes: [2, 4], learningRates: [1, 2] })
  expect(runs.map(({ norm, batchSize, learningRate }) => `${batchSize} ${learningRate} ${norm}`)).toEqual([
    '2 1 batch',
    '2 1 layer',
    '2 2 batch',
    '2 2 layer',
    '4 1 batch',
    '4 1 layer',
    '4 2 batch',
    '4 2 layer',
  ])
})

test('a run that diverges ends there and says where, and the others go on', async () => {
  const { runs, complete } = await compare({ ...small, norms: ['none', 'layer'], learningRates: [1e30, 0.1] })
  expect(runs.map(({ learningRate, status }) => `${learningRate} ${status}`)).toEqual(['1e+30 diverged', '1e+30 diverged', '0.1 finished', '0.1 finished'])
  const [{ divergence, losses, testAccuracy, steps }] = runs
  expect(divergence?.step).toBe(losses.length + 1)
  expect(['NaN', 'Infinity', 'not computed']).toContain(divergence?.loss)
  expect(divergence?.where).toMatch(/^(conv|fc)\d?\.(weight|bias)$|^the output of \w+$/)
  expect(losses.every(Number.isFinite)).toBe(true)
  expect(steps).toBe(losses.length)
  expect(testAccuracy).toBeNull()
  expect(complete).toBe(true)
})

describe('ending early', () => {
  test('keeps what was measured', async () => {
    const controller = new AbortController()
    let pauses = 0
    const result = await compare(
      { ...small, samples: 100_000 },
      {
        signal: controller.signal,
        pause: async () => {
          if (++pauses === 2) controller.abort()
        },
      },
    )
    expect(result.complete).toBe(false)
    expect(result.runs).toHaveLength(1)
    expect(result.runs[0].status).toBe('stopped')
    expect(result.runs[0].steps).toBeGreaterThan(0)
    expect(result.runs[0].losses).toHaveLength(result.runs[0].steps)
    expect(result.runs[0].testAccuracy).toBeNull()
    expect(result.findings).toEqual([])
  })

  test('before the first step nothing is measured', async () => {
    const { runs, complete } = await compare(small, { signal: AbortSignal.abort() })
    expect(runs).toEqual([])
    expect(complete).toBe(false)
  })
})

test('progress tells run, step and loss, and each run is handed over as it ends', async () => {
  const seen: string[] = []
  const ended: string[] = []
  await compare(
    { ...small, norms: ['batch'], learningRates: [0.1, 0.2] },
    {
      onProgress: ({ run, runs, step, steps, values }) => seen.push(`${run}/${runs} ${step}/${steps} ${Number.isFinite(values.loss)}`),
      onRun: ({ learningRate }, number) => ended.push(`${number}: ${learningRate}`),
    },
  )
  expect(seen).toContain('2/2 10/10 true')
  expect(ended).toEqual(['1: 0.1', '2: 0.2'])
})

test('leaves no tensors behind that grow with the number of runs', async () => {
  const settings: Settings = { ...small, norms: ['batch'], samples: 32 }
  await compare(settings)
  const before = memory().tensors
  for (let i = 0; i < 5; i++) await compare(settings)
  // The last batch of each loop, and the network that the weights were copied from, wait for the garbage collector; nothing of the training does.
  expect(memory().tensors - before).toBeLessThanOrEqual(5 * 16)
})

test.each<[Partial<Settings>, string]>([
  [{ batchSizes: [0] }, 'each a whole number from 1 to 5000, got [0]'],
  [{ batchSizes: [] }, 'compare: batchSizes must be 1 to 64 entries'],
  [{ learningRates: [Number.POSITIVE_INFINITY] }, 'each a finite number above 0, got [Infinity]'],
  [{ samples: 8 }, 'samples must be at least one batch (16), got 8'],
  [{ norms: ['bacth' as 'batch'] }, "each one of none, batch, layer, got ['bacth']"],
  [{ seed: -1 }, 'seed must be a whole number from 0 to 9007199254740991, got -1'],
  [{ imageSize: '20' as '28' }, "imageSize must be one of 14, 28, got '20'"],
])('refuses %o', async (wrong, message) => {
  await expect(compare({ ...small, ...wrong })).rejects.toThrow(message)
})

test('the main job has the twelve runs that the walk-through announces', () => {
  expect(runsOf(defaults)).toHaveLength(12)
})
