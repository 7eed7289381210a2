import { describe, expect, it } from 'vitest'
import { DataLoader, manualSeed, memory, nn, noGrad, optim, randn, type Tensor } from '../../src/index.js'

const { AveragedModel, getEmaAvgFn, updateBn } = optim.swaUtils
const values = (t: Tensor | null | undefined) => t?.detach().toArray()

describe('updateBn', () => {
  it('averages over the batches, and leaves modes and momenta as they were', () => {
    manualSeed(0)
    const model = new nn.Sequential(new nn.BatchNorm1d(2, { dtype: 'float64' }), new nn.Dropout({ p: 0.5 }))
    const norm = model.at(0) as nn.BatchNorm1d
    model.at(1).eval()
    const batches = [randn([5, 2], { dtype: 'float64' }), randn([3, 2], { dtype: 'float64' })]
    updateBn(
      batches.map((x) => [x, 'label'] as const),
      model,
    )
    const mean = batches
      .map((x) => x.mean(0))
      .reduce((a, b) => a.add(b))
      .div(2)
    expect(norm.runningMean?.sub(mean).abs().max().item()).toBeLessThan(1e-15)
    expect(norm.numBatchesTracked?.item()).toBe(2)
    expect(norm.momentum).toBe(0.1)
    expect(model.modules().map((m) => m.training)).toEqual([true, true, false])
  })

  it('restores them when a batch does not fit, leaves frozen layers alone, and does nothing without a norm', () => {
    const norm = new nn.BatchNorm1d(2)
    const frozen = new nn.BatchNorm1d(2)
    noGrad(() => frozen.runningMean?.fill_(3))
    nn.freezeBatchNorm(frozen)
    const model = new nn.Sequential(frozen, norm).eval()
    expect(() => updateBn([randn([2, 5])], model)).toThrow()
    expect([norm.momentum, model.training]).toEqual([0.1, false])
    updateBn(new DataLoader([...randn([6, 2]).unbind(0)], { batchSize: 3 }), model)
    expect(values(frozen.runningMean)).toEqual([3, 3])
    expect(norm.numBatchesTracked?.item()).toBe(2)
    const fail = {
      [Symbol.iterator]: () => {
        throw new Error('was read')
      },
    }
    updateBn(fail as Iterable<Tensor>, new nn.Sequential(new nn.ReLU()))
  })
})

describe('AveragedModel', () => {
  it('is the mean of what it saw, and does not share with the model', () => {
    const model = new nn.Linear(1, 1, { bias: false, dtype: 'float64' })
    const averaged = new AveragedModel(model)
    for (const w of [1, 2, 6]) {
      noGrad(() => model.weight.fill_(w))
      averaged.updateParameters(model)
    }
    expect(values(averaged.module.weight)).toEqual([[3]])
    expect(values(model.weight)).toEqual([[6]])
    expect(averaged.nAveraged.item()).toBe(3)
    expect(Object.keys(averaged.stateDict())).toEqual(['n_averaged', 'module.weight'])
    expect(values(averaged.forward(...([randn([2, 1], { dtype: 'float64' }).fill_(1)] as never[])) as Tensor)).toEqual([[3], [3]])
  })

  it('takes over buffers, or averages them, and takes another average', () => {
    const model = new nn.BatchNorm1d(1)
    const [latest, mean, decaying] = [
      new AveragedModel(model),
      new AveragedModel(model, { useBuffers: true }),
      new AveragedModel(model, { useBuffers: true, avgFn: getEmaAvgFn(0.75) }),
    ]
    for (const m of [0, 4]) {
      noGrad(() => model.runningMean?.fill_(m))
      for (const a of [latest, mean, decaying]) a.updateParameters(model)
    }
    expect([latest, mean, decaying].map((a) => a.module.runningMean?.item())).toEqual([4, 2, 1])
    expect(() => getEmaAvgFn(2)).toThrow('Invalid decay value 2.0 provided. Please provide a value in [0,1] range.')
  })

  it('leaves no tensors behind', () => {
    const model = new nn.Sequential(new nn.Linear(3, 3), new nn.BatchNorm1d(3))
    const averaged = new AveragedModel(model, { avgFn: getEmaAvgFn(), useBuffers: true })
    averaged.updateParameters(model)
    const before = memory().tensors
    for (let i = 0; i < 5; i++) averaged.updateParameters(model)
    updateBn([], model)
    expect(memory().tensors).toBe(before)
  })
})
