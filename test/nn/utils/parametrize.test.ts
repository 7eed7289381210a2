import { describe, expect, it } from 'vitest'
import { gradcheck, gradgradcheck } from '../../../src/autograd/gradcheck.js'
import { manualSeed, nn, noGrad, optim, randn, type Tensor, tensor } from '../../../src/index.js'
import { _SpectralNorm } from '../../../src/nn/utils/parametrizations/spectral-norm.js'
import { _WeightNorm } from '../../../src/nn/utils/parametrizations/weight-norm.js'

const { isParametrized, registerParametrization, removeParametrizations } = nn.utils.parametrize
const values = (t: Tensor) => t.detach().toArray()
const keys = (m: nn.Module) => Object.keys(m.stateDict())

class Symmetric extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.triu().add(x.triu(1).t())
  }
  rightInverse(x: Tensor): Tensor {
    return x.triu()
  }
}

class Doubled extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.mul(2)
  }
}

const weightOf = (m: nn.Module) => Reflect.get(m, 'weight') as Tensor

describe('registerParametrization', () => {
  it('computes the tensor from an original that the optimizer already knows', () => {
    const layer = new nn.Linear(3, 3)
    const original = layer.weight
    const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 })
    registerParametrization(layer, 'weight', new Symmetric())
    expect(isParametrized(layer)).toBe(true)
    expect(isParametrized(layer, 'bias')).toBe(false)
    expect(layer).toBeInstanceOf(nn.Linear)
    expect(String(layer).split('\n')[0]).toBe('ParametrizedLinear(')
    expect(keys(layer)).toEqual(['bias', 'parametrizations.weight.original'])
    expect(layer.parameters()).toContain(original)
    layer
      .forward(randn([4, 3]))
      .square()
      .sum()
      .backward()
    optimizer.step()
    const weight = weightOf(layer)
    expect(values(weight)).toEqual(values(weight.t()))
  })

  it('chains parametrizations, and assigning sets the original through the inverses', () => {
    const layer = registerParametrization(new nn.Linear(2, 2), 'weight', new Symmetric())
    const symmetric = tensor([
      [1, 2],
      [2, 3],
    ])
    Reflect.set(layer, 'weight', symmetric)
    expect(values(weightOf(layer))).toEqual(values(symmetric))
    registerParametrization(layer, 'weight', new Doubled())
    expect(values(weightOf(layer))).toEqual(values(symmetric.mul(2)))
    expect(() => Reflect.set(layer, 'weight', symmetric)).toThrow('parametrization Doubled does not implement right_inverse.')
  })

  it('refuses what changes shape or dtype, in the words of PyTorch', () => {
    class Flat extends nn.Module {
      override forward(x: Tensor): Tensor {
        return x.flatten()
      }
    }
    class Wide extends nn.Module {
      override forward(x: Tensor): Tensor {
        return x.to('float64')
      }
    }
    expect(() => registerParametrization(new nn.Linear(2, 3), 'weight', new Flat())).toThrow(
      'Registering a parametrization may not change the shape of the tensor, unless `unsafe` flag is enabled.\nunparametrized shape: torch.Size([3, 2])\nparametrized shape: torch.Size([6])',
    )
    const layer = registerParametrization(new nn.Linear(2, 3), 'weight', new Doubled())
    expect(() => registerParametrization(layer, 'weight', new Wide())).toThrow(
      'Registering a parametrization may not change the dtype of the tensor, unless the `unsafe` flag is enabled.\nmodule.weight.dtype: torch.float32\nparametrization(module.weight).dtype: torch.float64',
    )
    expect(() => registerParametrization(layer, 'wait', new Doubled())).toThrow(
      "does not have a parameter, a buffer, or a parametrized element with name 'wait'",
    )
  })

  it('leaves the computed value or the original when it is removed', () => {
    const layer = new nn.Linear(2, 2)
    const before = values(layer.weight)
    const doubled = values(layer.weight.mul(2))
    const original = layer.weight
    registerParametrization(layer, 'weight', new Doubled())
    removeParametrizations(layer, 'weight')
    expect(layer.weight).toBe(original)
    expect(values(layer.weight)).toEqual(doubled)
    expect(String(layer)).toBe('Linear(in_features=2, out_features=2, bias=True)')
    expect(keys(layer)).toEqual(['bias', 'weight'])
    noGrad(() => layer.weight.copy_(tensor(before)))
    registerParametrization(layer, 'weight', new Doubled())
    removeParametrizations(layer, 'weight', { leaveParametrized: false })
    expect(values(layer.weight)).toEqual(before)
    expect(() => removeParametrizations(layer, 'weight')).toThrow('does not have a parametrization on weight')
  })

  it('works on buffers, converts with the module, and copies with it', () => {
    const norm = new nn.BatchNorm1d(2)
    registerParametrization(norm, 'runningVar', new Doubled())
    expect(keys(norm)).toContain('parametrizations.running_var.original')
    expect(norm.namedParameters().map(([name]) => name)).toEqual(['weight', 'bias'])
    norm.double()
    expect(norm.runningVar?.dtype).toBe('float64')
    const copy = norm.clone()
    noGrad(() => copy.buffers().forEach((b) => void b.fill_(5)))
    expect(values(norm.runningVar as Tensor)).toEqual([2, 2])
    expect(values(copy.runningVar as Tensor)).toEqual([10, 10])
  })
})

describe('weightNorm', () => {
  it('has gradients of first and second order, for each axis', () => {
    manualSeed(0)
    for (const [dim, shape] of [
      [0, [3, 1, 1]],
      [1, [1, 2, 1]],
      [2, [1, 1, 2]],
      [null, []],
      [-1, []],
    ] as const) {
      const formula = new _WeightNorm(dim)
      const inputs = [randn(shape, { dtype: 'float64', requiresGrad: true }), randn([3, 2, 2], { dtype: 'float64', requiresGrad: true })]
      const fn = (g: Tensor, v: Tensor) => formula.forward(g, v)
      expect(gradcheck(fn, inputs)).toBe(true)
      expect(gradgradcheck(fn, inputs)).toBe(true)
    }
  })

  it('leaves the layer as it was, and loads files of the older form', () => {
    const layer = new nn.Conv1d(2, 3, 2)
    const before = values(layer.weight)
    const older = nn.utils.weightNorm(layer.clone())
    const newer = nn.utils.parametrizations.weightNorm(layer)
    expect(weightOf(newer).sub(tensor(before)).abs().max().item()).toBeLessThan(1e-7)
    expect(keys(older)).toEqual(['bias', 'weight_g', 'weight_v'])
    noGrad(() => older.parameters().forEach((p) => void p.mul_(1.5)))
    newer.loadStateDict(older.stateDict())
    expect(values(weightOf(newer))).toEqual(values(weightOf(older)))
    expect(newer.stateDict()['parametrizations.weight.original0'].shape).toEqual([3, 1, 1])
    // Inside a model, too.
    const model = new nn.Sequential(newer)
    const state = new nn.Sequential(older).stateDict()
    expect(model.loadStateDict(state)).toEqual({ missingKeys: [], unexpectedKeys: [] })
    delete state['0.weight_g']
    expect(() => model.loadStateDict(state)).toThrow('Missing key(s) in state_dict: "0.parametrizations.weight.original0".')
  })

  it('the older form can be removed, and not be applied twice', () => {
    const layer = nn.utils.weightNorm(new nn.Linear(2, 3))
    expect(() => nn.utils.weightNorm(layer)).toThrow('Cannot register two weight_norm hooks on the same parameter weight')
    const copy = layer.clone()
    noGrad(() => copy.parameters().forEach((p) => void p.zero_()))
    const weight = values(weightOf(layer))
    nn.utils.removeWeightNorm(layer)
    expect(values(layer.weight)).toEqual(weight)
    expect(keys(layer)).toEqual(['bias', 'weight'])
    expect(() => nn.utils.removeWeightNorm(layer)).toThrow("weight_norm of 'weight' not found in Linear(")
  })
})

describe('spectralNorm', () => {
  const largestSingularValue = (w: Tensor) => {
    // The power method, long enough to be exact, on the matrix that is given.
    let v = randn([w.shape[1]], { dtype: w.dtype })
    for (let i = 0; i < 2000; i++) {
      v = w.t().matmul(w.matmul(v))
      v = v.div(v.norm())
    }
    return w.matmul(v).norm().item()
  }

  it('divides by the largest singular value', () => {
    manualSeed(3)
    const layer = new nn.Linear(6, 4, { dtype: 'float64' })
    const sigma = largestSingularValue(layer.weight.detach())
    const original = layer.weight.detach().clone()
    nn.utils.parametrizations.spectralNorm(layer, 'weight', { nPowerIterations: 500 })
    const got = weightOf(layer)
    expect(got.sub(original.div(sigma)).abs().max().item()).toBeLessThan(1e-10)
    expect(nn.utils.parametrizations.spectralNorm(new nn.ConvTranspose2d(3, 5, 2)).stateDict()['parametrizations.weight.0._u'].shape).toEqual([5])
  })

  it('turns its vectors at each read in training, and not in evaluation', () => {
    const layer = nn.utils.parametrizations.spectralNorm(new nn.Linear(8, 7))
    const u = () => values(layer.stateDict()['parametrizations.weight.0._u'])
    layer.eval()
    const before = u()
    const first = values(weightOf(layer))
    expect(values(weightOf(layer))).toEqual(first)
    expect(u()).toEqual(before)
    layer.train()
    weightOf(layer)
    expect(u()).not.toEqual(before)
  })

  it('has gradients of first and second order, u and v being constants; also for two passes before one backward', () => {
    manualSeed(1)
    const weight = randn([3, 2, 2], { dtype: 'float64' })
    for (const dim of [0, 1]) {
      const formula = new _SpectralNorm(weight, { dim, eps: 1e-12, nPowerIterations: 1 }).eval()
      const fn = (w: Tensor) => formula.forward(w)
      const input = [weight.clone().requiresGrad_()]
      expect(gradcheck(fn, input)).toBe(true)
      expect(gradgradcheck(fn, input)).toBe(true)
    }
    const layer = nn.utils.parametrizations.spectralNorm(new nn.Linear(3, 2))
    const [real, generated] = [randn([4, 3]), randn([4, 3])]
    layer.forward(real).sum().sub(layer.forward(generated).sum()).backward()
    expect(layer.parameters().every((p) => p.grad !== null)).toBe(true)
  })

  it('normalises a vector by its length', () => {
    const norm = nn.utils.parametrizations.spectralNorm(new nn.BatchNorm1d(2))
    Reflect.set(norm, 'weight', tensor([3, 4]))
    expect(
      weightOf(norm)
        .sub(tensor([0.6, 0.8]))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-7)
  })

  it('the older form keeps its members on the module and can be removed', () => {
    const layer = nn.utils.spectralNorm(new nn.Linear(3, 2))
    expect(keys(layer)).toEqual(['bias', 'weight_orig', 'weight_u', 'weight_v'])
    expect(() => nn.utils.spectralNorm(layer)).toThrow('Cannot register two spectral_norm hooks on the same parameter weight')
    layer.eval()
    const weight = values(weightOf(layer))
    nn.utils.removeSpectralNorm(layer.train())
    expect(layer.training).toBe(true)
    expect(values(layer.weight)).toEqual(weight)
    expect(() => nn.utils.removeSpectralNorm(layer)).toThrow("spectral_norm of 'weight' not found in Linear(")
  })
})
