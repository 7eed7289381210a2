import { expect, test } from 'vitest'
import {
  advise,
  axes,
  axesExperiment,
  type Experiment,
  experiments,
  gradientFlowExperiment,
  learningRateExperiment,
  type Result,
  runExperiment,
  sequenceLengthExperiment,
  trainEvalGapExperiment,
} from '../../src/experiments/index.js'
import { csv } from '../../src/experiments/report/csv.js'

const base = { groups: 2, normalizedAxes: 3, affine: true, eps: 1e-5, seed: 0 }

test('axes: groups, their members and the numbers are those of the layers', () => {
  const shape = [2, 4, 2, 3]
  const counts = { batch: [4, 12], layer: [2, 24], group: [4, 12], instance: [8, 6], rms: [2, 24] } as const
  for (const [norm, [groups, members]] of Object.entries(counts)) {
    const run = axes({ ...base, norm: norm as keyof typeof counts, shape })
    expect(run.statistics).toHaveLength(groups)
    expect(run.statistics.every(({ count }) => count === members)).toBe(true)
    expect(run.moved).toEqual(run.before.map(() => members))
    expect(run.strays).toBe(0)
    const own = run.before.filter((_, i) => run.group[i] === 0)
    const mean = norm === 'rms' ? 0 : own.reduce((sum, v) => sum + v, 0) / members
    expect(run.statistics[0].mean).toBeCloseTo(mean, 12)
    expect(run.statistics[0].variance).toBeCloseTo(own.reduce((sum, v) => sum + (v - mean) ** 2, 0) / members, 12)
    expect(run.after[5]).toBeCloseTo(run.standardized[5] * run.weight[run.parameter[5]] + (run.bias[run.parameter[5]] ?? 0), 12)
  }
  // BatchNorm: the channel of element (0, 1, 0, 0) is that of (1, 1, 0, 0).
  const { group } = axes({ ...base, norm: 'batch', shape })
  expect([group[0], group[6], group[24 + 6]]).toEqual([0, 1, 1])
})

test('axes: what refuses an input says so in words of PyTorch', () => {
  expect(axes({ ...base, norm: 'batch', shape: [1, 3] }).error).toMatch(/^Expected more than 1 value per channel when training/)
  expect(axes({ ...base, norm: 'group', shape: [2, 3, 2], groups: 2, normalizedAxes: 1 }).error).toMatch(/divisible by num_groups/)
})

test('twenty BatchNorms shrink by 0.8543 in evaluation at 64 rows', async () => {
  const { runs } = await runExperiment(trainEvalGapExperiment, { ...trainEvalGapExperiment.quick, steps: 2 })
  const stack = runs.find((run) => run.part === 'stack')
  if (stack?.part !== 'stack') throw new Error('no stack')
  expect(stack.predicted).toBeCloseTo(0.8543, 4)
  expect(stack.evalStd / stack.trainStd).toBeCloseTo(stack.predicted, 4)
  const gap = runs.find((run) => run.part === 'training')
  if (gap?.part !== 'training') throw new Error('no training')
  // A step of momentum 0.1 from a running variance of 1: 0.9 + 0.1 n / (n - 1) of the batch's, n values of 32 images of 3 x 3.
  const n = 32 * 9
  expect(gap.runningVar[0]).toBeCloseTo(0.9 + (0.1 * gap.batchVar[0] * n) / (n - 1), 5)
  expect(gap.runningMean[0]).toBeCloseTo(0.1 * gap.batchMean[0], 6)
})

test('learning-rate: a rate without bounds diverges at a step, in a tensor, and the others go on', async () => {
  const { runs, findings } = await runExperiment(learningRateExperiment, {
    norms: ['none', 'batch'],
    learningRates: [1e30, 0.1],
    depth: 2,
    steps: 12,
    seeds: 1,
  })
  const [plain, , ok] = runs
  expect(plain.status).toBe('diverged')
  expect(plain.divergence?.step).toBe(plain.losses.length + 1)
  expect(plain.divergence?.where).toMatch(/^((hidden\d\.linear|head)\.(weight|bias)|the output of [\w.]+)$/)
  expect(ok.status).toBe('finished')
  expect(ok.losses).toHaveLength(12)
  expect(findings[0].claim).toMatch(/higher learning rates/)
})

test('gradient-flow: gradients vanish on the way back without norm, and dead units are counted', async () => {
  const { runs } = await runExperiment(gradientFlowExperiment, {
    norms: ['none', 'layer'],
    places: ['before'],
    activations: ['relu'],
    depths: [12],
    steps: 1,
    seeds: 1,
  })
  const ratio = ({ start }: (typeof runs)[number]) => (start[0].gradientNorm ?? 0) / (start[11].gradientNorm ?? 1)
  expect(ratio(runs[0])).toBeLessThan(0.01)
  expect(ratio(runs[1])).toBeGreaterThan(0.1)
  expect(runs[0].start).toHaveLength(12)
  expect(runs[0].end).toHaveLength(12)
  for (const { dead, gradientToWeight } of runs[1].start) {
    expect(dead).toBeGreaterThanOrEqual(0)
    expect(dead).toBeLessThan(0.5)
    expect(gradientToWeight).toBeGreaterThan(0)
  }
})

test('sequence-length: with padding masked, what follows a sequence changes nothing', async () => {
  const settings = { norms: ['layer' as const], shortest: [7], steps: 2, seeds: 1, hidden: 8 }
  const { runs } = await runExperiment(sequenceLengthExperiment, settings)
  expect(runs.map(({ padding }) => padding)).toEqual(['masked', 'data'])
  expect(runs[0].losses[0]).not.toBe(runs[1].losses[0])
})

test('runs that were made are not made again, and an end keeps what there is', async () => {
  const settings = { norms: ['batch' as const, 'layer' as const, 'rms' as const] }
  const controller = new AbortController()
  const first = await runExperiment(axesExperiment, settings, { signal: controller.signal, onRun: (_, number) => number === 2 && controller.abort() })
  expect(first.complete).toBe(false)
  expect(first.runs).toHaveLength(2)
  const made: string[] = []
  const second = await runExperiment(axesExperiment, settings, {
    made: ({ norm }) => first.runs.find((run) => run.norm === norm),
    onRun: ({ norm }) => made.push(norm),
  })
  expect(made).toEqual(['rms'])
  expect(second.complete).toBe(true)
  expect(second.runs.slice(0, 2)).toEqual(first.runs)
})

test.each(experiments.map((experiment) => [experiment.name, experiment] as const))(
  '%s: its quick settings are allowed, and texts of settings are read back',
  (_, experiment) => {
    expect(
      experiment.runs({ ...Object.fromEntries(Object.entries(experiment.settings).map(([k, s]) => [k, s.default])), ...experiment.quick }).length,
    ).toBeGreaterThan(0)
    for (const setting of Object.values(experiment.settings)) {
      expect(setting.isValid(setting.default)).toBe(true)
      expect(setting.fromText(setting.toText(setting.default))).toEqual(setting.default)
    }
  },
)

test('the CSV has a row for each number', async () => {
  const result = await runExperiment(axesExperiment, { norms: ['batch'], shape: [2, 2, 2], normalizedAxes: 1 })
  const lines = csv(axesExperiment as Experiment, result as Result)
    .trimEnd()
    .split('\n')
  expect(lines[0]).toBe('norm,shape,groups,normalized_axes,affine,eps,seed,step,layer,measure,value')
  expect(lines).toHaveLength(1 + 4 * 8 + 3 * 2)
  expect(lines[1]).toBe(`batch,2 2 2,2,1,true,0.00001,0,0,element,before,${result.runs[0].before[0]}`)
})

test.each([
  [{ arch: 'cnn', batchSize: 32 }, 'BatchNorm2d', 'nn.BatchNorm2d(64)'],
  [{ arch: 'cnn', batchSize: 4 }, 'GroupNorm', 'nn.GroupNorm(32, 64)'],
  [{ arch: 'cnn', batchSize: 4, replicas: 8 }, 'SyncBatchNorm', 'nn.SyncBatchNorm(64)'],
  [{ arch: 'cnn', batchSize: 32, image: false }, 'BatchNorm1d', 'nn.BatchNorm1d(64)'],
  [{ arch: 'transformer', batchSize: 1 }, 'LayerNorm', 'nn.LayerNorm(64)'],
  [{ arch: 'rnn', sequenceVariability: 'much' }, 'LayerNorm', 'nn.LayerNorm(64)'],
  [{ arch: 'mlp', batchSize: 1 }, 'LayerNorm', 'nn.LayerNorm(64)'],
  [{ arch: 'generator', channels: 6 }, 'InstanceNorm2d', 'nn.InstanceNorm2d(6, affine=True)'],
] as const)('advise %o', (settings, norm, line) => {
  const advice = advise(settings)
  expect(advice.norm).toBe(norm)
  expect(advice.code.pytorch).toContain(line)
  for (const { experiment } of advice.reasons) expect(experiments.map(({ name }) => name)).toContain(experiment)
})

test('advise refuses what it does not know', () => {
  expect(() => advise({ batchSize: 0 })).toThrow('advise: batchSize must be a whole number from 1 to 1000000, got 0')
  expect(() => advise({ batchsize: 3 } as object)).toThrow("Did you mean 'batchSize'?")
})
