import type { Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { experiments, flagOf, runExperiment } from '../../../src/experiments/index.js'
import { Lab } from './lab.js'

let lab: Lab
let page: Page
beforeAll(async () => {
  lab = await Lab.start()
  page = await lab.open('#/experiments')
})
afterAll(() => lab.end())

/** The least that each can be asked, beside its quick settings. */
const tiny: Readonly<Record<string, Record<string, unknown>>> = {
  axes: {},
  compare: { samples: 64, norms: ['batch', 'layer'] },
  'batch-size': { samples: 64, batchSizes: [32] },
  'learning-rate': { steps: 10, learningRates: [0.1] },
  'gradient-flow': { depths: [2], steps: 2 },
  'train-eval-gap': { steps: 3, stackLayers: [4] },
  'sequence-length': { steps: 2 },
  'long-sequences': {},
  'vision-transformer': { steps: 1 },
}

/** Every number of a result, by where it stands; how long it took is no result. */
function numbersOf(value: unknown, path = '', found = new Map<string, number>()): Map<string, number> {
  if (typeof value === 'number') found.set(path, value)
  else if (value && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) if (!/^ms[A-Z]|second|duration/i.test(key)) numbersOf(inner, `${path}.${key}`, found)
  }
  return found
}

test('there is a smallest form of each', () => {
  expect(Object.keys(tiny)).toEqual(experiments.map(({ name }) => name))
})

test.each(Object.keys(tiny))('%s: the numbers of the page are those of Node', async (name) => {
  const experiment = experiments.find((e) => e.name === name)
  if (!experiment) throw new Error(`there is no experiment ${name}`)
  const given = { ...experiment.quick, ...tiny[name] }
  const flags = Object.fromEntries(Object.entries(given).map(([key, value]) => [flagOf(key, experiment.settings[key]), experiment.settings[key].toText(value)]))
  const answer = await page.evaluate(
    async ([name, settings]) => {
      const worker = new Worker('/worker.js', { type: 'module' })
      const fetched = (file: string) => fetch(file).then((answer) => answer.blob())
      const [digits, text] = await Promise.all(['/data/digits/mnist-5000-1000.bin.gz', '/data/moby-dick/part-1.txt.gz'].map(fetched))
      const answered = new Promise<{ answer?: { view: { result: { runs: unknown } } }; error?: string }>((resolve) => {
        worker.onmessage = ({ data }) => (data.answer || data.error) && resolve(data)
        worker.onerror = ({ message }) => resolve({ error: message })
      })
      worker.postMessage({ type: 'digits', file: digits })
      worker.postMessage({ type: 'experiment', id: 1, name, settings, text })
      const { answer, error } = await answered
      worker.terminate()
      return { runs: answer?.view.result.runs, error }
    },
    [name, flags] as const,
  )
  expect(answer.error).toBeUndefined()
  const here = numbersOf((await runExperiment(experiment, given)).runs)
  const there = numbersOf(answer.runs)
  expect(here.size).toBeGreaterThan(3)
  expect([...there.keys()]).toEqual([...here.keys()])
  for (const [path, value] of there) {
    const expected = here.get(path) ?? Number.NaN
    if (Number.isFinite(expected)) expect(Math.abs(value - expected), path).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected)))
    else expect(value, path).toBe(expected)
  }
})
