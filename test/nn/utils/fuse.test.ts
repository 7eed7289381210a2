import { describe, expect, it } from 'vitest'
import { AssertionError, manualSeed, memory, nn, noGrad, randn, type Tensor } from '../../../src/index.js'

const { fuse, fuseConvBn, fuseLinearBn } = nn.utils
const difference = (a: Tensor, b: Tensor) => a.detach().sub(b.detach()).abs().max().item()

/** Norms as after some training: nothing is 0 or 1. */
function trained<M extends nn.Module>(model: M): M {
  for (const m of model.modules()) {
    if (!(m instanceof nn.BatchNorm1d || m instanceof nn.BatchNorm2d)) continue
    noGrad(() => {
      m.runningMean?.normal_()
      m.runningVar?.uniform_(0.5, 2)
      m.weight?.normal_()
      m.bias?.normal_()
    })
  }
  return model.double().eval()
}

class Block extends nn.Module {
  // The order of the attributes is not that of the calls, and one norm comes behind an activation.
  norm2 = new nn.BatchNorm2d(4)
  norm1 = new nn.BatchNorm2d(4)
  late = new nn.BatchNorm2d(4)
  conv1 = new nn.Conv2d(3, 4, 3, { padding: 1, bias: false })
  conv2 = new nn.Conv2d(4, 4, 3, { padding: 1 })
  conv3 = new nn.Conv2d(4, 4, 1)
  head = new nn.Sequential(new nn.Linear(4, 5), new nn.BatchNorm1d(5), new nn.ReLU(), new nn.Linear(5, 2))
  override forward(x: Tensor): Tensor {
    const y = this.norm1.forward(this.conv1.forward(x)).relu()
    const z = this.norm2.forward(this.conv2.forward(y)).add(y)
    return this.head.forward(this.late.forward(this.conv3.forward(z).relu()).mean([2, 3]))
  }
}

/** The convolution's output is read twice: folding would change the sum. */
class Twice extends nn.Module {
  conv = new nn.Conv2d(3, 3, 1)
  norm = new nn.BatchNorm2d(3)
  conv2 = new nn.Conv2d(3, 2, 1)
  norm2 = new nn.BatchNorm2d(2)
  override forward(x: Tensor): Tensor {
    const y = this.conv.forward(x)
    return this.norm2.forward(this.conv2.forward(this.norm.forward(y).add(y)))
  }
}

describe('fuse', () => {
  it('finds pairs by what is called, in attributes and Sequentials, and changes outputs by rounding only', () => {
    manualSeed(0)
    const model = trained(new Block())
    const before = Object.keys(model.stateDict())
    const { model: fused, fused: pairs, difference: reported } = fuse(model)
    expect(pairs.map(({ layer, norm }) => `${layer} ${norm}`).sort()).toEqual(['conv1 norm1', 'conv2 norm2', 'head.0 head.1'])
    expect(reported).toBeLessThan(1e-12)
    const x = randn([3, 3, 8, 8], { dtype: 'float64' })
    expect(difference(fused.forward(x), model.forward(x))).toBeLessThan(1e-10)
    expect(fused).toBeInstanceOf(Block)
    expect(fused.norm1).toBeInstanceOf(nn.Identity)
    expect(fused.late).toBeInstanceOf(nn.BatchNorm2d)
    expect(Object.keys(model.stateDict())).toEqual(before)
  })

  it('leaves a pair alone whose output something else reads', () => {
    manualSeed(1)
    const model = trained(new Twice())
    const { model: fused, fused: pairs } = fuse(model)
    expect(pairs).toEqual([{ layer: 'conv2', norm: 'norm2' }])
    const x = randn([2, 3, 4, 4], { dtype: 'float64' })
    expect(difference(fused.forward(x), model.forward(x))).toBeLessThan(1e-10)
  })

  it('leaves layers that are called twice, and Linear layers whose norm has another axis', () => {
    const conv = new nn.Conv2d(2, 2, 1)
    const shared = trained(new nn.Sequential(conv, new nn.BatchNorm2d(2), conv, new nn.BatchNorm2d(2)))
    expect(fuse(shared).fused).toEqual([])
    const linear = trained(new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4)))
    expect(fuse(linear, { input: randn([2, 4, 3], { dtype: 'float64' }) }).fused).toEqual([])
    expect(fuse(linear).fused).toHaveLength(1)
  })

  it('takes every input of the model, and says when it can guess none', () => {
    class Two extends nn.Module {
      fc = new nn.Linear(2, 3)
      norm = new nn.BatchNorm1d(3)
      override forward(a: Tensor, b: Tensor): Tensor {
        return this.norm.forward(this.fc.forward(a.add(b)))
      }
    }
    const model = trained(new Two())
    expect(() => fuse(model)).toThrow(/^fuse: the model takes none of the inputs that were tried \(.*\): give one with \{ input \}$/)
    const [a, b] = [randn([4, 2], { dtype: 'float64' }), randn([4, 2], { dtype: 'float64' })]
    expect(fuse(model, { input: [a, b] }).fused).toEqual([{ layer: 'fc', norm: 'norm' }])
    expect(() => fuse(new nn.Sequential(new nn.ReLU()))).toThrow('no convolution or linear layer to guess an input from')
  })

  it("does not touch the default generator's numbers", () => {
    const model = trained(new Block())
    manualSeed(9)
    const want = randn([3]).toArray()
    manualSeed(9)
    fuse(model)
    expect(randn([3]).toArray()).toEqual(want)
    expect(memory().tensors).toBeGreaterThan(0)
  })
})

describe('fuseConvBn and fuseLinearBn', () => {
  it.each([
    ['groups', () => new nn.Conv2d(4, 6, 3, { groups: 2 }), new nn.BatchNorm2d(6)],
    ['a transposed convolution with groups', () => new nn.ConvTranspose2d(4, 6, 2, { groups: 2, stride: 2 }), new nn.BatchNorm2d(6)],
    ['reflected padding', () => new nn.Conv2d(4, 2, 3, { padding: 1, paddingMode: 'reflect' }), new nn.BatchNorm2d(2)],
    ['a weight norm', () => nn.utils.parametrizations.weightNorm(new nn.Conv2d(4, 2, 3)), new nn.BatchNorm2d(2)],
    ['a spectral norm', () => nn.utils.parametrizations.spectralNorm(new nn.Conv2d(4, 2, 3)), new nn.BatchNorm2d(2)],
  ])('%s', (_, make, norm) => {
    manualSeed(2)
    const pair = trained(new nn.Sequential(make(), norm))
    const x = randn([2, 4, 5, 5], { dtype: 'float64' })
    const fused = fuseConvBn(pair.at(0) as nn.Conv2d, norm)
    expect(difference(fused.forward(x), pair.forward(x))).toBeLessThan(1e-12)
    expect(fused.parameters()).toHaveLength(2)
  })

  it('refuse what they cannot fold', () => {
    const eval_ = <M extends nn.Module>(m: M): M => m.eval()
    expect(() => fuseConvBn(new nn.Conv2d(1, 2, 1), new nn.BatchNorm2d(2))).toThrow(new AssertionError('Fusion only for eval!'))
    expect(() => fuseConvBn(eval_(new nn.Conv2d(1, 2, 1)), eval_(new nn.BatchNorm2d(3)))).toThrow('the convolution gives 2 channels, the norm takes 3')
    expect(() => fuseConvBn(eval_(new nn.Conv2d(1, 2, 1)), eval_(new nn.BatchNorm2d(2, { trackRunningStats: false })))).toThrow('no running averages')
    expect(() => fuseConvBn(eval_(new nn.WSConv2d(3, 2, 3)), eval_(new nn.BatchNorm2d(2)))).toThrow('WSConv2d may do more than multiply by its weight')
    expect(() => fuseConvBn(eval_(nn.utils.weightNorm(new nn.Conv2d(3, 2, 3))), eval_(new nn.BatchNorm2d(2)))).toThrow('call removeWeightNorm')
    expect(() => fuseLinearBn(eval_(new nn.Linear(2, 3)), eval_(new nn.BatchNorm1d(4)))).toThrow(
      'To fuse, linear.out_features == bn.num_features or bn.num_features == 1',
    )
  })
})
