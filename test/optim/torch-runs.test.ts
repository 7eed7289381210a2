import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { noGrad, optim, tensor } from '../../src/index.js'
import { largestDifference, makeOptimizer, makeScheduler, newParameters, optionsOf, revive, stepWithWave, valuesOf } from './support.js'

/** Runs of PyTorch's own optimizers and schedulers with options that the golden data leave out; torch-runs.py made them. */
type Nested = number | Nested[]
type Kwargs = Record<string, unknown>
interface Runs {
  optimizers: { name: string; kwargs: Kwargs; values: Nested[]; middle: unknown }[]
  schedulers: { name: string; args: unknown[]; kwargs: Kwargs; rates: [number, number][][]; middle: { optimizer: unknown; scheduler: Kwargs } }[]
  plateaus: { kwargs: Kwargs; metrics: number[]; rates: number[][]; end: Kwargs }[]
}
const runs: Runs = JSON.parse(readFileSync(new URL('torch-runs.json', import.meta.url), 'utf8'))
const flat = (value: Nested): number[] => (Array.isArray(value) ? value.flatMap(flat) : [value])
const MIDDLE = 6

describe("optimizers beside PyTorch's", () => {
  for (const { name, kwargs, values, middle } of runs.optimizers) {
    const title = `${name} ${JSON.stringify(kwargs)}`

    it(`${title}: the parameters after each step`, () => {
      const params = newParameters()
      const optimizer = makeOptimizer(name, params, optionsOf(kwargs))
      for (const [i, want] of values.entries()) {
        stepWithWave(optimizer, params, i)
        expect(largestDifference(valuesOf(params), flat(want))).toBeLessThan(1e-13)
      }
    })

    it(`${title}: goes on from PyTorch's state, and saves the same keys`, () => {
      const params = newParameters()
      const optimizer = makeOptimizer(name, params, { lr: 0.777 })
      const state = revive(middle) as optim.LoadableStateDict
      optimizer.loadStateDict(state)
      let start = 0
      for (const p of params) {
        const part = flat(values[MIDDLE - 1]).slice(start, start + p.numel())
        noGrad(() => p.copy_(tensor(part, { dtype: 'float64' }).reshape(p.shape)))
        start += p.numel()
      }
      const saved = optimizer.stateDict()
      expect(Object.keys(saved.state[0]).sort()).toEqual(Object.keys(state.state[0]).sort())
      expect(saved.param_groups).toEqual(
        state.param_groups.map((group) =>
          Object.fromEntries(Object.entries(group).filter(([k]) => !['foreach', 'fused', 'capturable', 'differentiable'].includes(k))),
        ),
      )
      for (let i = MIDDLE; i < values.length; i++) {
        stepWithWave(optimizer, params, i)
        expect(largestDifference(valuesOf(params), flat(values[i]))).toBeLessThan(1e-13)
      }
    })
  }
})

function grouped(): optim.SGD {
  const [w, b] = newParameters()
  return new optim.SGD([{ params: [w] }, { params: [b], lr: 0.02 }], { lr: 0.1, momentum: 0.9 })
}

function scheduled(name: string, args: readonly unknown[], kwargs: Kwargs): { optimizer: optim.SGD; scheduler: ReturnType<typeof makeScheduler> } {
  const optimizer = grouped()
  const { lrScheduler } = optim
  const all =
    name === 'SequentialLR'
      ? [
          [
            new lrScheduler.ConstantLR(optimizer, { factor: 0.1, totalIters: 2 }),
            new lrScheduler.CosineAnnealingWarmRestarts(optimizer, 3, { T_mult: 2 }),
            new lrScheduler.StepLR(optimizer, 2, { gamma: 0.5 }),
          ],
          [3, 13],
        ]
      : [...args, optionsOf(kwargs)]
  return { optimizer, scheduler: makeScheduler(name, [optimizer, ...all]) }
}

const ratesOf = (optimizer: optim.SGD): number[] => optimizer.paramGroups.flatMap((group) => [group.lr, group.momentum])

describe("schedulers beside PyTorch's", () => {
  for (const { name, args, kwargs, rates, middle } of runs.schedulers) {
    const title = `${name} ${JSON.stringify([...args, kwargs])}`

    it(`${title}: learning rate and momentum of each epoch`, () => {
      const { optimizer, scheduler } = scheduled(name, args, kwargs)
      for (const want of rates) {
        expect(largestDifference(ratesOf(optimizer), flat(want))).toBeLessThan(1e-15)
        expect(scheduler.getLastLr()).toEqual(optimizer.paramGroups.map((group) => group.lr))
        optimizer.step()
        scheduler.step()
      }
    })

    it(`${title}: goes on from PyTorch's state`, () => {
      const { optimizer, scheduler } = scheduled(name, args, kwargs)
      optimizer.loadStateDict(middle.optimizer as optim.LoadableStateDict)
      scheduler.loadStateDict(middle.scheduler)
      for (const want of rates.slice(MIDDLE)) {
        expect(largestDifference(ratesOf(optimizer), flat(want))).toBeLessThan(1e-15)
        optimizer.step()
        scheduler.step()
      }
    })
  }

  for (const { kwargs, metrics, rates, end } of runs.plateaus) {
    it(`ReduceLROnPlateau ${JSON.stringify(kwargs)}: learning rates and state`, () => {
      const optimizer = grouped()
      const scheduler = new optim.lrScheduler.ReduceLROnPlateau(optimizer, optionsOf(kwargs))
      for (const [i, metric] of metrics.entries()) {
        scheduler.step(i % 2 ? metric : tensor(metric, { dtype: 'float64' }))
        expect(largestDifference(scheduler.getLastLr(), rates[i])).toBeLessThan(1e-15)
      }
      const { verbose: _, ...state } = end
      expect(scheduler.stateDict()).toEqual(state)
    })
  }
})
