import { describe, expect, it } from 'vitest'
import { F, keep, loadSafetensors, manualSeed, nn, optim, randn, saveSafetensors, steps, type Tensor, tensor } from '../../src/index.js'
import { makers, valuesOf } from './support.js'

/** Save, load and go on is to go on. */

const inputs = (): [Tensor, Tensor] => {
  manualSeed(5)
  return [keep(randn([16, 4])), keep(randn([16, 2]))]
}

function model(): nn.Sequential {
  manualSeed(6)
  return new nn.Sequential(new nn.Linear(4, 8), new nn.BatchNorm1d(8), new nn.ReLU(), new nn.Linear(8, 2))
}

function train(net: nn.Sequential, optimizer: optim.Optimizer, scheduler: { step(): void }, count: number): number[] {
  const [x, y] = inputs()
  const losses: number[] = []
  for (const _ of steps(count)) {
    optimizer.zeroGrad()
    const loss = F.mseLoss(net.forward(x), y)
    loss.backward()
    nn.utils.clipGradNorm_(net.parameters(), 1)
    optimizer.step()
    scheduler.step()
    losses.push(loss.item())
  }
  return losses
}

/** As files: the tensors in safetensors under `state.0.exp_avg`, the rest as JSON. */
function write({ state, param_groups }: optim.OptimizerStateDict, schedule: optim.lrScheduler.SchedulerStateDict): [Uint8Array, string] {
  const tensors = Object.entries(state).flatMap(([id, entries]) => Object.entries(entries).map(([name, t]): [string, Tensor] => [`${id}.${name}`, t]))
  return [saveSafetensors(Object.fromEntries(tensors)), JSON.stringify({ param_groups, schedule })]
}

function read([file, text]: [Uint8Array, string]): [optim.LoadableStateDict, optim.lrScheduler.SchedulerStateDict] {
  const state: Record<string, Record<string, Tensor>> = {}
  for (const [key, t] of Object.entries(loadSafetensors(file))) {
    const [id, name] = key.split('.')
    state[id] = { ...state[id], [name]: t }
  }
  const { param_groups, schedule } = JSON.parse(text)
  return [{ state, param_groups }, schedule]
}

describe('save, load and go on', () => {
  it.each(Object.keys(makers))('%s: as without interruption, bit for bit', (name) => {
    const net = model()
    const optimizer = makers[name](net.parameters())
    const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, 7, { etaMin: 1e-3 })
    train(net, optimizer, scheduler, 5)
    const weights = saveSafetensors(net.stateDict())
    const saved = write(optimizer.stateDict(), scheduler.stateDict())
    const losses = train(net, optimizer, scheduler, 6)

    const resumed = model()
    resumed.loadStateDict(loadSafetensors(weights))
    const other = makers[name](resumed.parameters())
    const schedule = new optim.lrScheduler.CosineAnnealingLR(other, 7, { etaMin: 1e-3 })
    const [state, epochs] = read(saved)
    other.loadStateDict(state)
    schedule.loadStateDict(epochs)
    expect(train(resumed, other, schedule, 6)).toEqual(losses)
    expect(valuesOf(resumed.parameters())).toEqual(valuesOf(net.parameters()))
    expect(other.stateDict().param_groups).toEqual(optimizer.stateDict().param_groups)
    for (const [id, entries] of Object.entries(optimizer.stateDict().state)) {
      for (const [key, t] of Object.entries(entries)) expect(other.stateDict().state[Number(id)][key].toArray()).toEqual(t.toArray())
    }
  })
})

describe('stateDict and loadStateDict', () => {
  const stepped = (): [optim.Adam, nn.Parameter] => {
    const p = new nn.Parameter(tensor([1, 2]))
    const optimizer = new optim.Adam([p], { lr: 0.5 })
    p.grad = tensor([1, -1])
    optimizer.step()
    return [optimizer, p]
  }

  it("has PyTorch's layout", () => {
    const [optimizer] = stepped()
    const { state, param_groups } = optimizer.stateDict()
    expect(Object.keys(state[0])).toEqual(['step', 'exp_avg', 'exp_avg_sq'])
    expect(state[0].step.shape).toEqual([])
    expect(state[0].step.item()).toBe(1)
    expect(param_groups).toEqual([{ lr: 0.5, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false, maximize: false, params: [0] }])
  })

  it('numbers parameters across groups, and leaves out those without state', () => {
    const [a, b, c] = [1, 2, 3].map((v) => new nn.Parameter(tensor([v])))
    const optimizer = new optim.SGD([{ params: [a] }, { params: [b, c], momentum: 0.5 }], { lr: 1 })
    for (const p of [a, c]) p.grad = tensor([1])
    optimizer.step()
    const { state, param_groups } = optimizer.stateDict()
    expect(param_groups.map((group) => group.params)).toEqual([[0], [1, 2]])
    expect(Object.keys(state)).toEqual(['2'])
    expect(state[2].momentum_buffer.toArray()).toEqual([1])
  })

  it('copies what it loads: the source goes its own way', () => {
    const [source, p] = stepped()
    const target = new optim.Adam([new nn.Parameter(tensor([1, 2]))])
    target.loadStateDict(source.stateDict())
    const before = target.stateDict().state[0].exp_avg.toArray()
    p.grad = tensor([5, 5])
    source.step()
    expect(target.stateDict().state[0].exp_avg.toArray()).toEqual(before)
    expect(target.stateDict().state[0].step.item()).toBe(1)
  })

  it("converts to the parameter's dtype, and takes a step that is a number and a buffer that is null", () => {
    const p = new nn.Parameter(tensor([1, 2], { dtype: 'float64' }))
    const adam = new optim.Adam([p])
    const moments = { exp_avg: tensor([1, 2]), exp_avg_sq: tensor([3, 4]) }
    adam.loadStateDict({ state: { 7: { step: 3, ...moments } }, param_groups: [{ lr: 0.1, params: [7] }] })
    expect(adam.state.get(p)?.expAvg?.dtype).toBe('float64')
    expect(adam.state.get(p)?.step?.item()).toBe(3)
    expect(adam.paramGroups[0].lr).toBe(0.1)
    const sgd = new optim.SGD([p], { lr: 1, momentum: 0.5 })
    sgd.loadStateDict({ state: { 0: { momentum_buffer: null } }, param_groups: [{ params: [0] }] })
    p.grad = tensor([1, 1], { dtype: 'float64' })
    sgd.step()
    expect(p.toArray()).toEqual([0, 1])
  })

  it("keeps what users and schedulers put beside the options, not what only chooses PyTorch's implementation", () => {
    const [optimizer] = stepped()
    const saved = optimizer.stateDict()
    Object.assign(saved.param_groups[0], { foreach: true, fused: null, name: 'all', initial_lr: 0.25 })
    optimizer.loadStateDict(saved)
    expect(optimizer.paramGroups[0]).toMatchObject({ name: 'all', initialLr: 0.25 })
    expect(Object.keys(optimizer.paramGroups[0])).not.toContain('foreach')
  })

  const group = { params: [0] }
  const two = () => tensor([1, 2])
  const cases: [string, () => unknown, string, string][] = [
    ['no state dict', () => null, 'TypeError', 'Adam.loadStateDict: expected an object { state, param_groups }'],
    ['another number of groups', () => ({ state: {}, param_groups: [] }), 'ValueError', 'loaded state dict has a different number of parameter groups'],
    [
      'a group of another size',
      () => ({ state: {}, param_groups: [{ params: [0, 1] }] }),
      'ValueError',
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    ],
    [
      'the state of another optimizer',
      () => ({ state: { 0: { momentum_buffer: two() } }, param_groups: [group] }),
      'ValueError',
      "Adam.loadStateDict: the state of parameter 0 has an entry 'momentum_buffer', which Adam does not have. Was it saved by another optimizer?",
    ],
    [
      'a moment of another shape',
      () => ({ state: { 0: { exp_avg: tensor([1]) } }, param_groups: [group] }),
      'ValueError',
      "has 'exp_avg' of shape [1], expected [2]",
    ],
    ['a moment that is a number', () => ({ state: { 0: { exp_avg: 1 } }, param_groups: [group] }), 'ValueError', "has an entry 'exp_avg' that is no tensor"],
    ['a step that is no number', () => ({ state: { 0: { step: two() } }, param_groups: [group] }), 'ValueError', "has an entry 'step' that is no number"],
    [
      'a learning rate in words',
      () => ({ state: {}, param_groups: [{ ...group, lr: '0.1' }] }),
      'TypeError',
      'Adam.loadStateDict: lr must be a number, got string',
    ],
    [
      'one beta',
      () => ({ state: {}, param_groups: [{ ...group, betas: [0.9] }] }),
      'TypeError',
      'Adam.loadStateDict: betas must be an array of two numbers, got an array',
    ],
  ]
  it.each(cases)('%s is refused, and nothing changes', (_, saved, type, message) => {
    const [optimizer] = stepped()
    const snapshot = () => JSON.stringify(optimizer.stateDict(), (_, v) => (v !== null && typeof v === 'object' && 'toArray' in v ? v.toArray() : v))
    const before = snapshot()
    const load = () => optimizer.loadStateDict(saved() as optim.LoadableStateDict)
    expect(load).toThrow(message)
    expect(load).toThrow(expect.objectContaining({ name: type }))
    expect(snapshot()).toBe(before)
  })
})
