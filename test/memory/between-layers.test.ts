import { F, memory, nn, noGrad, randn, resetPeakMemory, scope, type Tensor } from 'evenkeel'
import { describe, expect, test } from 'vitest'

/** What lies between two layers of a Sequential belongs to the graph alone, unless someone may hold it. */

const C = 4
const conv = (): nn.Layer => new nn.Conv2d(C, C, 3, { padding: 1 })
const image = (requiresGrad = false): Tensor => randn([2, C, 8, 8], { requiresGrad })

class Twice extends nn.Module {
  kept: Tensor[] = []
  override forward(x: Tensor): Tensor {
    const y = x.mul(2)
    this.kept.push(x, y)
    return y
  }
}

const layers: Record<string, () => nn.Layer> = {
  conv,
  'batch norm': () => new nn.BatchNorm2d(C),
  'group norm': () => new nn.GroupNorm(2, C),
  'instance norm': () => new nn.InstanceNorm2d(C),
  'layer norm': () => new nn.LayerNorm([8, 8]),
  'rms norm': () => new nn.RMSNorm([8]),
  linear: () => new nn.Linear(8, 8),
  relu: () => new nn.ReLU(),
  'relu in place': () => new nn.ReLU({ inplace: true }),
  gelu: () => new nn.GELU(),
  silu: () => new nn.SiLU(),
  tanh: () => new nn.Tanh(),
  elu: () => new nn.ELU(),
  softmax: () => new nn.Softmax(1),
  'max pool': () => new nn.MaxPool2d(2),
  'average pool': () => new nn.AvgPool2d(2),
  'adaptive pool': () => new nn.AdaptiveAvgPool2d(4),
  dropout: () => new nn.Dropout(0.5),
  'dropout that does nothing': () => new nn.Dropout(0.5).eval(),
  identity: () => new nn.Identity(),
  flatten: () => new nn.Flatten(2, -1),
  'a layer of the user': () => new Twice(),
}

/** Gradients of a step, once as it is and once under hooks, which may hold everything. */
function gradients(model: nn.Sequential, x: Tensor): Float32Array[] {
  model.zeroGrad()
  x.grad = null
  model.forward(x).square().sum().backward()
  return [x, ...model.parameters()].map((t) => t.grad!.toTypedArray() as Float32Array)
}

describe('between layers of a Sequential', () => {
  test.each(Object.entries(layers))('%s: the gradients are those of a model with hooks, and the tensors are gone after backward', (_, make) => {
    const model = new nn.Sequential(conv(), new nn.SiLU(), make(), make(), new nn.Identity(), new nn.Tanh())
    const random = [...model].some((layer) => layer instanceof nn.Dropout && layer.training)
    const x = image(true)
    scope(() => {
      const free = gradients(model, x)
      const handles = [...model].map((layer) => layer.registerForwardHook(() => {}))
      const hooked = gradients(model, x)
      for (const handle of handles) handle.remove()
      if (!random) for (const [i, grad] of free.entries()) for (const [j, value] of grad.entries()) expect(value).toBeCloseTo(hooked[i][j], 4)
    })
  })

  test('after backward only the result is left of a forward pass, and without a graph only that in the first place', () => {
    const model = new nn.Sequential(conv(), new nn.BatchNorm2d(C), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(C * 16, 3))
    const x = image()
    scope(() => {
      model.forward(x).sum().backward()
      const before = memory().tensors
      const y = model.forward(x)
      y.sum().backward()
      // The result, its sum, and the one that backward starts from.
      expect(memory().tensors - before).toBe(3)
      const quiet = memory().tensors
      const z = noGrad(() => model.forward(x))
      expect(memory().tensors - quiet).toBe(1)
      expect(z.shape).toEqual([2, 3])
    })
  })

  test('hooks, probes of a user and layers of a user may hold what they see', () => {
    const twice = new Twice()
    const model = new nn.Sequential(conv(), twice, conv(), new nn.ReLU(), conv())
    const seen: Tensor[] = []
    model.at(2).registerForwardHook((_, [x], y) => void seen.push(x, y))
    scope(() => {
      model.forward(image()).sum().backward()
      for (const t of [...twice.kept, ...seen]) expect(Number.isFinite(t.sum().item())).toBe(true)
      expect(seen).toHaveLength(2)
      expect(twice.kept).toHaveLength(2)
    })
  })

  test('the input, the result and views of either stay', () => {
    const x = image(true)
    for (const model of [
      new nn.Sequential(new nn.Identity(), new nn.Flatten(), new nn.Linear(C * 64, 2)),
      new nn.Sequential(new nn.Flatten(), new nn.Identity()),
      new nn.Sequential(conv(), new nn.Flatten(), new nn.Identity()),
    ]) {
      scope(() => {
        const y = model.forward(x)
        y.sum().backward()
        expect(Number.isFinite(x.sum().item() + y.sum().item())).toBe(true)
      })
    }
  })

  test('the graph can be gone through twice, and differentiated again', () => {
    const shared = conv()
    const model = new nn.Sequential(shared, new nn.Tanh(), new nn.GroupNorm(2, C), new nn.SiLU(), shared, new nn.MaxPool2d(2), shared)
    const x = image(true)
    scope(() => {
      const loss = model.forward(x).square().mean()
      loss.backward(undefined, { retainGraph: true })
      const once = x.grad!.toTypedArray() as Float32Array
      x.grad = null
      loss.backward()
      expect(x.grad!.toTypedArray()).toEqual(once)
      expect(() => loss.backward()).toThrow(/second time/)
    })
    scope(() => {
      const weight = shared.parameters()[0]
      weight.grad = null
      const loss = F.mseLoss(model.forward(x), image().narrow(2, 0, 4).narrow(3, 0, 4))
      loss.backward(undefined, { createGraph: true })
      const slope = weight.grad!.square().sum()
      weight.grad = null
      slope.backward()
      expect(Number.isFinite(weight.grad!.square().sum().item())).toBe(true)
    })
  })

  test('without a graph a chain of any length holds a few tensors at a time', () => {
    const block = () => [new nn.BatchNorm2d(C), new nn.MaxPool2d(1), new nn.Flatten(2, -1), new nn.Unflatten(2, [8, 8])]
    const x = image()
    const peaks = [2, 20].map((blocks) => {
      const model = new nn.Sequential(...Array.from({ length: blocks }, block).flat())
      const before = memory().bytes
      resetPeakMemory()
      scope(() => noGrad(() => void model.forward(x)))
      return memory().peakBytes - before
    })
    expect(peaks[0]).toBeGreaterThanOrEqual(2 * x.numel() * 4)
    expect(peaks[1]).toBe(peaks[0])
  })
})
