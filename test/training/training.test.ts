import { beforeAll, describe, expect, it } from 'vitest'
import { RuntimeError, ValueError } from '../../src/core/errors.js'
import { manualSeed } from '../../src/core/random.js'
import { keep, memory } from '../../src/core/storage.js'
import { TensorDataset } from '../../src/data/index.js'
import { loadSafetensors } from '../../src/io/index.js'
import { LayerNormGRU } from '../../src/nn/index.js'
import { randint, randn } from '../../src/ops/index.js'
import {
  completeTrainSettings,
  imageData,
  type ModelName,
  readCheckpoint,
  recipes,
  sample,
  Training,
  type TrainingData,
  textData,
  trainingResult,
} from '../../src/training/index.js'
import { settingDifferences } from '../../src/training/settings.js'

/** 22 samples in batches of 4: a pass is 5 steps, and a last group that is not full is left out. */
let data: TrainingData
beforeAll(() => {
  manualSeed(0)
  const images = (n: number) => new TensorDataset(keep(randn([n, 1, 8, 8])), keep(randint(3, [n])))
  data = imageData({ name: 'noise', path: null, fingerprint: 'noise' }, images(22), images(6), ['a', 'b', 'c'])
})

const settings = completeTrainSettings({ model: 'resnet', steps: 12, batchSize: 4, seed: 3 })

/** Everything that decides how it goes on; the time it took does not. */
const stateOf = (bytes: Uint8Array) => {
  const tensors = Object.entries(loadSafetensors(bytes)).map(([name, t]) => [
    name,
    t.dtype,
    t.shape,
    Buffer.from(new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength)).toString('hex'),
  ])
  const { seconds: _, model: __, optimizer: ___, ...rest } = readCheckpoint(bytes)
  return { tensors, rest }
}

describe('Training', () => {
  it('goes on from any checkpoint bit for bit, in the middle of a pass and at its end', async () => {
    const whole: Uint8Array[] = []
    await new Training(settings, data).run({ checkpointEvery: 1, onCheckpoint: (bytes) => whole.push(bytes) })
    expect(whole.length).toBe(13)
    const end = stateOf(whole[12])
    expect(end.rest.losses).toHaveLength(12)
    expect(new Set(end.rest.losses).size).toBe(12)
    for (const at of [0, 3, 5, 11]) {
      manualSeed(1000 + at)
      const rest: Uint8Array[] = []
      const training = Training.resume(readCheckpoint(whole[at]), settings, data)
      expect(training.step).toBe(at)
      await training.run({ checkpointEvery: 1, onCheckpoint: (bytes) => rest.push(bytes) })
      expect(stateOf(rest[rest.length - 1]), `from step ${at}`).toEqual(end)
    }
  })

  it('can be made longer, as if it had been planned so', async () => {
    const short = new Training({ ...settings, steps: 4 }, data)
    await short.run()
    const longer = Training.resume(readCheckpoint(short.save()), { ...settings, steps: 7 }, data)
    await longer.run()
    const whole = new Training({ ...settings, steps: 7 }, data)
    await whole.run()
    expect(longer.losses).toEqual(whole.losses)
    expect(loadSafetensors(longer.save())['model.fc.weight'].equal(loadSafetensors(whole.save())['model.fc.weight'])).toBe(true)
  })

  it('stops at the signal and says how it went', async () => {
    const controller = new AbortController()
    const training = new Training(settings, data)
    await training.run({ signal: controller.signal, onStep: () => controller.abort(), pause: () => Promise.resolve() })
    const result = trainingResult(training)
    expect(result).toMatchObject({ status: 'stopped', kind: 'images', steps: training.step, references: [{ name: 'a guess', loss: Math.log(3) }] })
    expect(training.step).toBeLessThan(12)
    await training.run()
    expect(trainingResult(training).status).toBe('finished')
    expect(training.evaluations.map(({ step }) => step)).toEqual([12])
  })

  it('ends where the loss is no finite number, and keeps the steps before', async () => {
    const training = new Training({ ...settings, norm: 'none', lr: 1e20, steps: 200 }, data)
    await training.run()
    const { status, losses, steps } = trainingResult(training)
    expect(status).toBe('diverged')
    expect(losses).toHaveLength(steps)
    expect(losses.at(-1)).toBe(null)
    expect(losses.slice(0, -1).every((loss) => Number.isFinite(loss))).toBe(true)
  })

  it('runs in constant memory', async () => {
    const counts: number[] = []
    const training = new Training({ ...settings, steps: 40 }, data)
    await training.run({ checkpointEvery: 8, onCheckpoint: () => counts.push(memory().tensors) })
    // The last one is made when the loop has ended, with the batch of the last turn or without.
    const [, first, ...more] = counts
    for (const count of more) expect(Math.abs(count - first)).toBeLessThanOrEqual(2)
  })

  it('names every setting that differs', async () => {
    const training = new Training({ ...settings, steps: 2 }, data)
    await training.run()
    const checkpoint = readCheckpoint(training.save())
    const resume = (changed: object, other = data) => Training.resume(checkpoint, { ...settings, ...changed }, other)
    expect(() => resume({ norm: 'group', lr: 0.5 })).toThrow(
      new RuntimeError('it was trained otherwise: --norm is batch there, group here; --lr is 0.002 there, 0.5 here'),
    )
    expect(() => resume({ steps: 1 })).toThrow('--steps is 1, and 2 are done there')
    expect(() => resume({}, { ...data, fingerprint: 'other', name: 'other noise' })).toThrow('the data are noise there, other noise here')
    expect(() => new Training({ ...settings, batchSize: 23 }, data)).toThrow(new ValueError('a batch of 23 is more than the 22 samples of noise'))
  })
})

describe('every model with every norm', () => {
  const words = 'call me ishmael. '.repeat(20)
  const text = textData(words, { name: 'words', path: null, fingerprint: 'words' }, 8)
  const cases = Object.entries(recipes).flatMap(([model, { norms }]) => norms.map((norm) => [model as ModelName, norm] as const))

  it.each(cases)('%s, %s: learns, and goes on bit for bit', async (model, norm) => {
    const own = completeTrainSettings({ model, norm, steps: 3, batchSize: 4, seed: 1, ...(recipes[model].data === 'text' ? { context: 8 } : {}) })
    const source = recipes[model].data === 'text' ? text : data
    const saved: Uint8Array[] = []
    const training = new Training(own, source)
    await training.run({ checkpointEvery: 1, onCheckpoint: (bytes) => saved.push(bytes) })
    expect(training.losses).toHaveLength(3)
    expect(training.diverged).toBe(false)
    const before = loadSafetensors(saved[0])
    const after = loadSafetensors(saved[3])
    const weights = Object.keys(before).filter((name) => name.startsWith('model.') && name.endsWith('weight'))
    for (const name of weights) expect(before[name].equal(after[name]), `${name} has learned`).toBe(false)
    const resumed = Training.resume(readCheckpoint(saved[1]), own, source)
    await resumed.run()
    expect(stateOf(resumed.save())).toEqual(stateOf(saved[3]))
  })
})

it('a character model of another cell learns, writes, and goes on with that cell alone', async () => {
  const text = textData('call me ishmael. '.repeat(20), { name: 'words', path: null, fingerprint: 'words' }, 8)
  const own = completeTrainSettings({ cell: 'gru', norm: 'layer', steps: 2, batchSize: 4, seed: 1, context: 8 })
  const training = new Training(own, text)
  expect(training.model).toMatchObject({ rnn: expect.any(LayerNormGRU) })
  await training.run()
  const checkpoint = readCheckpoint(training.save())
  expect(sample(checkpoint, 'call', { length: 5, temperature: 1, topK: 0, seed: 0 })).toMatch(/^call.{5}$/s)
  expect(() => Training.resume(checkpoint, { ...own, cell: 'lstm' }, text)).toThrow('--cell is gru there, lstm here')
  const { cell: _, ...older } = checkpoint.settings
  expect(settingDifferences(older as typeof own, { ...own, cell: 'lstm' })).toEqual([])
})

it('settings have defaults of each model and are checked against it', () => {
  expect(completeTrainSettings({ model: 'resnet' })).toMatchObject({ norm: 'batch', batchSize: 32, seed: 0 })
  expect(() => completeTrainSettings({ model: 'resnet', norm: 'rms' })).toThrow("resnet takes no norm 'rms'. Its norms: batch, group, layer, instance, none")
  expect(() => completeTrainSettings({ model: 'resnet', context: 5 })).toThrow('resnet learns from images, which have no context')
  expect(() => completeTrainSettings({ model: 'gpt', cell: 'gru' })).toThrow('gpt has no cell: only charlm is a recurrent network')
  expect(() => completeTrainSettings({ cell: 'elman' as never })).toThrow('cell must be one of lstm, gru, rnn')
  expect(() => completeTrainSettings({ model: 'resnet', steps: 0 })).toThrow('steps must be a whole number from 1')
  expect(() => completeTrainSettings({ model: 'alexnet' as never })).toThrow('model must be one of')
})
