import { describe, expect, it } from 'vitest'
import { F, gradcheck, manualSeed, nn, optim, randn, type Tensor, tensor } from '../../../src/index.js'

const numbers = (x: Tensor | null): number[] => Array.from((x as Tensor).toTypedArray(), Number)
const close = (got: Tensor, want: Tensor, digits = 5): void => {
  const w = numbers(want)
  expect(got.shape).toEqual(want.shape)
  numbers(got).forEach((v, i) => void expect(v).toBeCloseTo(w[i], digits))
}

describe('batch renormalization', () => {
  it('with rMax 1 and dMax 0 is BatchNorm, running averages included', () => {
    manualSeed(0)
    const [a, b] = [new nn.BatchRenorm2d(3, { rMax: 1, dMax: 0 }), new nn.BatchNorm2d(3)]
    for (let i = 0; i < 3; i++) {
      const x = randn([4, 3, 2, 2]).mul(2).add(1)
      close(a.forward(x), b.forward(x))
    }
    expect(numbers(a.runningVar)).toEqual(numbers(b.runningVar))
    expect(Object.keys(a.stateDict())).toEqual(Object.keys(b.stateDict()))
  })

  it('within its bounds gives in training what evaluation gives with the averages before', () => {
    manualSeed(1)
    const norm = new nn.BatchRenorm1d(3, { rMax: 1e3, dMax: 1e3 })
    norm.forward(randn([16, 3]))
    const x = randn([4, 3]).mul(1.3).add(0.4)
    norm.eval()
    const want = norm.forward(x)
    norm.train()
    close(norm.forward(x), want)
  })

  it('beyond its bounds follows the formula, with r and d as constants to the gradient', () => {
    const x = tensor([1, 2, 4, 9], { shape: [4, 1], dtype: 'float64', requiresGrad: true })
    const [mean, variance] = [4, 9.5]
    const running = () => [tensor([-50], { dtype: 'float64' }), tensor([0.04], { dtype: 'float64' })] as const
    const y = F.batchRenorm(x, ...running(), null, null, { training: true, eps: 0, rMax: 2, dMax: 1.5 })
    // r = sqrt(9.5) / 0.2 and d = 54 / 0.2, cut to 2 and 1.5.
    close(y, x.detach().sub(mean).div(Math.sqrt(variance)).mul(2).add(1.5), 10)
    expect(gradcheck((t: Tensor) => F.batchRenorm(t, ...running(), null, null, { training: true, rMax: 2, dMax: 1.5 }), [x])).toBe(true)
  })

  it('refuses bounds that leave nothing', () => {
    const bad = (options: object) => () => new nn.BatchRenorm1d(2, options).forward(randn([4, 2]))
    expect(bad({ rMax: 0.5 })).toThrow('rMax must be at least 1, got 0.5')
    expect(bad({ dMax: -1 })).toThrow('dMax must be at least 0, got -1')
    expect(bad({ trackRunningStats: false })).toThrow("BatchRenorm1d: got an unexpected option 'trackRunningStats'")
  })

  it('prints its bounds', () => {
    expect(new nn.BatchRenorm3d(4).toString()).toBe('BatchRenorm3d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, r_max=3.0, d_max=5.0)')
  })
})

describe('weight standardization', () => {
  it('gives each output channel mean 0 and variance 1 over inputs and kernel', () => {
    manualSeed(2)
    const w = F.standardizeWeight(randn([5, 3, 3, 3]).mul(0.1).add(2))
    expect(w.mean([1, 2, 3]).abs().max().item()).toBeLessThan(1e-6)
    expect(w.square().mean([1, 2, 3]).sub(1).abs().max().item()).toBeLessThan(2e-3)
  })

  it.for([
    [nn.WSConv1d, F.conv1d, [2, 3, 8]],
    [nn.WSConv2d, F.conv2d, [2, 3, 6, 5]],
    [nn.WSConv3d, F.conv3d, [1, 3, 4, 4, 3]],
  ] as const)('convolves with it: %o', ([Layer, conv, shape]) => {
    manualSeed(3)
    const layer = new Layer(3, 4, 3, { padding: 1, stride: 2 })
    const x = randn([...shape])
    close(layer.forward(x), conv(x, F.standardizeWeight(layer.weight), layer.bias, { padding: 1, stride: 2 }), 6)
  })

  it('makes the result blind to scale and offset of the weights, and trains them', () => {
    manualSeed(4)
    const layer = new nn.WSConv2d(2, 3, 3, { bias: false, paddingMode: 'reflect', padding: 1 })
    const x = randn([1, 2, 5, 5])
    const before = layer.forward(x).detach()
    layer.weight.detach().mul_(50).add_(0.3)
    close(layer.forward(x), before, 2)
    layer.forward(x).square().sum().backward()
    expect((layer.weight.grad as Tensor).sum([1, 2, 3]).abs().max().item()).toBeLessThan(1e-3)
    expect(layer.toString()).toBe('WSConv2d(2, 3, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False, padding_mode=reflect)')
  })
})

describe('adaptive layer normalization', () => {
  it('starts as a LayerNorm without weights, and its gate as 0', () => {
    manualSeed(5)
    const [x, c] = [randn([2, 3, 8]), randn([2, 4])]
    close(new nn.AdaptiveLayerNorm(8, 4).forward(x, c), F.layerNorm(x, [8], null, null, { eps: 1e-6 }))
    const [y, gate] = new nn.AdaptiveLayerNormZero(8, 4).forward(x, c)
    close(y, F.layerNorm(x, [8], null, null, { eps: 1e-6 }))
    expect([gate.shape, numbers(gate).every((v) => v === 0)]).toEqual([[2, 8], true])
  })

  it('follows DiT: shift, scale and gate in that order, from silu and a linear layer', () => {
    manualSeed(6)
    const norm = new nn.AdaptiveLayerNormZero(2, 3)
    const linear = norm.modulation.children()[1] as nn.Linear
    nn.init.normal_(linear.weight)
    nn.init.normal_(linear.bias as Tensor)
    const [x, c] = [randn([2, 4, 2]), randn([2, 3])]
    const [shift, scale, gate] = F.linear(F.silu(c), linear.weight, linear.bias).split(2, 1)
    const [y, g] = norm.forward(x, c)
    close(y, F.layerNorm(x, [2], null, null, { eps: 1e-6 }).mul(scale.unsqueeze(1).add(1)).add(shift.unsqueeze(1)))
    expect(numbers(g)).toEqual(numbers(gate))
    expect(Object.keys(norm.stateDict())).toEqual(['modulation.1.weight', 'modulation.1.bias'])
  })

  it('learns from its condition', () => {
    manualSeed(7)
    const norm = new nn.AdaptiveLayerNorm(4, 2)
    const [x, c] = [
      randn([2, 4]),
      tensor(
        [
          [1, 0],
          [0, 1],
        ],
        { dtype: 'float32' },
      ),
    ]
    const target = randn([2, 4])
    const optimizer = new optim.SGD(norm.parameters(), { lr: 0.3 })
    const losses = Array.from({ length: 60 }, () => {
      const loss = F.mseLoss(norm.forward(x, c), target)
      optimizer.zeroGrad()
      loss.backward()
      optimizer.step()
      return loss.item()
    })
    expect(losses.at(-1)).toBeLessThan(0.05 * losses[0])
  })

  it('refuses scales of another shape', () => {
    expect(() => F.adaptiveLayerNorm(randn([2, 3, 8]), [8], randn([3, 8]), randn([2, 8]))).toThrow(
      'expected scale of shape [N, 8] for input of shape [2, 3, 8], got [3, 8]',
    )
  })
})
