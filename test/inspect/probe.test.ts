import { expect, test } from 'vitest'
import { F, manualSeed, memory, nn, noGrad, ones, optim, randn, steps, tensor } from '../../src/index.js'
import { observe } from '../../src/inspect/index.js'

const twoLayers = () => {
  manualSeed(1)
  return new nn.Sequential({ first: new nn.Linear(3, 4), relu: new nn.ReLU(), second: new nn.Linear(4, 2) })
}

test('records what came out, what came back, and the parameters, as PyTorch-like operations see them', () => {
  const model = twoLayers()
  const probe = observe(model, { histogramBins: 5 })
  const x = randn([6, 3])
  const out = model.forward(x)
  const target = ones([6, 2])
  F.mseLoss(out, target).backward()
  expect(probe.records.map(({ layer, step }) => `${step} ${layer}`)).toEqual(['0 first', '0 relu', '0 second'])

  const [second] = probe.of('second')
  expect(second.activation.count).toBe(12)
  expect(second.activation.mean).toBeCloseTo(out.mean().item(), 6)
  expect(second.activation.std).toBeCloseTo(out.std(null, { correction: 0 }).item(), 6)
  // d mse / d out = 2 (out - target) / n
  const expected = out
    .detach()
    .sub(target)
    .mul(2 / 12)
  expect(second.gradient?.norm).toBeCloseTo(expected.norm().item(), 6)
  const weight = model.at(2).parameters()[0]
  expect(second.parameters.weight.value.norm).toBeCloseTo(weight.norm().item(), 5)
  expect(second.parameters.weight.gradient?.norm).toBeCloseTo(weight.grad?.norm().item() ?? Number.NaN, 6)
  expect(second.parameters.weight.gradientToWeight).toBeCloseTo((weight.grad?.norm().item() ?? Number.NaN) / weight.norm().item(), 6)
  expect(Object.keys(second.parameters)).toEqual(['weight', 'bias'])
  expect(second.activation.histogram?.counts.reduce((a, b) => a + b)).toBe(12)
  expect(second.parameters.weight.gradient?.histogram?.counts).toHaveLength(5)

  const [relu] = probe.of('relu')
  const negative = probe.of('first')[0].activation
  expect(relu.activation.zeros).toBeGreaterThan(0)
  expect(relu.activation.zeros).toBeLessThan(1)
  expect(negative.zeros).toBe(0)
})

test('the gradient of a step is that of this step, also where gradients add up', () => {
  const model = twoLayers()
  const probe = observe(model, { layers: ['first'] })
  const x = randn([2, 3])
  for (let i = 0; i < 2; i++) model.forward(x).sum().backward()
  const [a, b] = probe.of('first')
  expect(a.parameters.weight.gradient?.norm).toBeGreaterThan(0)
  expect(b.parameters.weight.gradient?.norm).toBe(a.parameters.weight.gradient?.norm)
  expect(model.at(0).parameters()[0].grad?.norm().item()).toBeCloseTo(2 * (a.parameters.weight.gradient?.norm ?? 0), 5)
})

test('saturation: tanh beyond 0.97, sigmoid at the same inputs, null elsewhere', () => {
  const model = new nn.Sequential({ tanh: new nn.Tanh(), inner: new nn.Identity() })
  const probe = observe(model)
  const edge = Math.atanh(0.97)
  model.forward(tensor([-edge - 0.01, -edge + 0.01, 0, edge + 0.01]))
  expect(probe.of('tanh')[0].activation.saturated).toBe(0.5)
  expect(probe.of('inner')[0].activation.saturated).toBeNull()

  const sigmoid = new nn.Sequential({ sigmoid: new nn.Sigmoid() })
  const other = observe(sigmoid)
  sigmoid.forward(tensor([-2 * edge - 0.02, -2 * edge + 0.02, 0, 2 * edge + 0.02]))
  expect(other.of('sigmoid')[0].activation.saturated).toBe(0.5)
})

test('every n-th training step, and no evaluation', () => {
  const model = twoLayers()
  const probe = observe(model, { layers: ['second'], every: 3 })
  for (let i = 0; i < 7; i++)
    model
      .forward(randn([1, 3]))
      .sum()
      .backward()
  noGrad(() => model.forward(randn([1, 3])))
  model.eval()
  model.forward(randn([1, 3]))
  expect(probe.of('second').map(({ step }) => step)).toEqual([0, 3, 6])
})

test('changes nothing in training, and nothing is left when it is detached', () => {
  const train = (watched: boolean) => {
    const model = twoLayers()
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
    const probe = watched ? observe(model) : null
    for (let i = 0; i < 5; i++) {
      optimizer.zeroGrad()
      model
        .forward(randn([4, 3]))
        .square()
        .mean()
        .backward()
      optimizer.step()
    }
    probe?.detach()
    model.forward(randn([4, 3]))
    expect(Object.getOwnPropertyNames(model)).not.toContain('forward')
    expect(Object.getOwnPropertyNames(model.at(0))).not.toContain('forward')
    expect(model.parameters().every((p) => (p.gradHooks?.size ?? 0) === 0)).toBe(true)
    if (probe) expect(probe.records).toHaveLength(15)
    return model.at(2).parameters()[0].toArray()
  }
  expect(train(true)).toEqual(train(false))
})

test('keeps numbers, no tensors: a loop with a probe stays in constant memory', () => {
  const model = twoLayers()
  const probe = observe(model, { histogramBins: 4 })
  const use: number[] = []
  for (const _ of steps(60)) {
    model.zeroGrad()
    model
      .forward(randn([4, 3]))
      .sum()
      .backward()
    use.push(memory().bytes)
  }
  expect(probe.records).toHaveLength(180)
  expect(use[59]).toBe(use[10])
})

test('a layer that is not there is named, with the nearest that is', () => {
  expect(() => observe(twoLayers(), { layers: ['secnd'] })).toThrow("there is no layer 'secnd'. Did you mean 'second'?")
  expect(() => observe(twoLayers(), { every: 0 })).toThrow('every must be a positive whole number, got 0')
  expect(() => observe(twoLayers(), { evry: 1 } as object)).toThrow("Did you mean 'every'?")
})
