import { describe, expect, it, vi } from 'vitest'
import { F, full, grad, manualSeed, nn, randn, type Tensor, tensor, zeros } from '../../../src/index.js'

/** What other implementations of normalization got wrong, each as a test of ours. */

const numbers = (x: Tensor | null): number[] => Array.from((x as Tensor).toTypedArray(), Number)
const all = (x: Tensor, f: (v: number) => boolean): boolean => numbers(x).every(f)

/** Every norm, for inputs [N, 4, L]. */
const norms = (length: number): [string, { forward(x: Tensor): Tensor }][] => [
  ['BatchNorm1d', new nn.BatchNorm1d(4)],
  ['InstanceNorm1d', new nn.InstanceNorm1d(4, { affine: true })],
  ['GroupNorm', new nn.GroupNorm(2, 4)],
  ['LayerNorm', new nn.LayerNorm([4, length])],
  ['RMSNorm', new nn.RMSNorm([4, length])],
  ['LocalResponseNorm', new nn.LocalResponseNorm(3)],
]

describe('constant rows', () => {
  it.for([0, 7, 1e30])('of %d give no NaN, forward or backward', (value) => {
    for (const [name, norm] of norms(5)) {
      const x = zeros([3, 4, 5]).add(value).requiresGrad_()
      const y = norm.forward(x)
      y.square().sum().backward()
      expect(all(y, Number.isFinite), name).toBe(true)
      expect(all(x.grad as Tensor, Number.isFinite), name).toBe(true)
      if (name !== 'RMSNorm' && name !== 'LocalResponseNorm')
        expect(
          all(y, (v) => v === 0),
          name,
        ).toBe(true)
    }
  })

  it('without eps give the bias in BatchNorm and InstanceNorm, as in PyTorch, and NaN in LayerNorm and GroupNorm', () => {
    const x = zeros([2, 4, 3]).add(2)
    const bias = tensor([1, 2, 3, 4])
    const want = numbers(bias.reshape([1, 4, 1]).expand([2, 4, 3]))
    expect(numbers(F.batchNorm(x, null, null, null, bias, { training: true, eps: 0 }))).toEqual(want)
    expect(numbers(F.instanceNorm(x, null, null, null, bias, { eps: 0 }))).toEqual(want)
    expect(all(F.groupNorm(x, 2, null, bias, { eps: 0 }), Number.isNaN)).toBe(true)
    expect(all(F.layerNorm(x, [4, 3], null, null, { eps: 0 }), Number.isNaN)).toBe(true)
  })
})

describe('small deviations beside a large offset', () => {
  // (x - mean) / sqrt(5.25 + 1e-5) of 1..8.
  const want = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5].map((d) => d / Math.sqrt(5.25 + 1e-5))

  it.for([1e4, 1e6, -3e5])('[1..8] + %d is normalised as 1..8 is', (offset) => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8]).add(offset)
    const results = {
      LayerNorm: new nn.LayerNorm(8).forward(x),
      GroupNorm: new nn.GroupNorm(1, 1).forward(x.reshape([1, 1, 8])),
      InstanceNorm: new nn.InstanceNorm1d(1).forward(x.reshape([1, 1, 8])),
      BatchNorm: new nn.BatchNorm1d(1).forward(x.reshape([8, 1])),
    }
    for (const [name, y] of Object.entries(results)) numbers(y).forEach((v, i) => void expect(v, name).toBeCloseTo(want[i], 6))
  })
})

describe('BatchNorm', () => {
  it('of one value per channel is refused in training, and passes in evaluation', () => {
    const norm = new nn.BatchNorm1d(3)
    expect(() => norm.forward(zeros([1, 3]))).toThrow('Expected more than 1 value per channel when training, got input size torch.Size([1, 3])')
    expect(numbers(norm.runningVar)).toEqual([1, 1, 1])
    norm.eval()
    expect(numbers(norm.forward(zeros([1, 3])))).toEqual([0, 0, 0])
  })

  it('of a batch of one image uses its positions', () => {
    const norm = new nn.BatchNorm2d(1)
    norm.forward(tensor([1, 2, 3, 6], { shape: [1, 1, 2, 2] }))
    expect(norm.runningMean?.item()).toBeCloseTo(0.3, 6)
    // 0.9 + 0.1 * 14 / 3: the unbiased variance, while the biased one normalises.
    expect(norm.runningVar?.item()).toBeCloseTo(0.9 + 0.1 * (14 / 3), 6)
  })

  it('with momentum null averages all batches alike', () => {
    const norm = new nn.BatchNorm1d(1, { momentum: null })
    for (const batch of [
      [0, 2],
      [4, 8],
      [3, 3],
    ])
      norm.forward(tensor(batch, { shape: [2, 1] }))
    expect(norm.runningMean?.item()).toBeCloseTo((1 + 6 + 3) / 3, 5)
    expect(norm.runningVar?.item()).toBeCloseTo((2 + 8 + 0) / 3, 5)
    expect(norm.numBatchesTracked?.item()).toBe(3)
  })

  it('without affine trains, and has a gradient', () => {
    const norm = new nn.BatchNorm2d(2, { affine: false })
    manualSeed(0)
    const x = randn([3, 2, 2, 2], { requiresGrad: true })
    norm.forward(x).pow(3).sum().backward()
    expect(numbers(x.grad).some((g) => g !== 0)).toBe(true)
    // Along the mean of a channel nothing changes.
    expect((x.grad as Tensor).sum([0, 2, 3]).abs().max().item()).toBeLessThan(1e-4)
  })

  it('without running statistics evaluates with those of the batch', () => {
    const norm = new nn.BatchNorm1d(1, { trackRunningStats: false }).eval()
    expect(numbers(norm.forward(tensor([1, 3], { shape: [2, 1] })))).toEqual([-1, 1].map((v) => Math.fround(v / Math.sqrt(1 + 1e-5))))
  })

  it('shrinks a deep stack in evaluation by ((n - 1) / n)^(L / 2), as the running variance is unbiased', () => {
    const [n, layers] = [64, 20]
    const stack = Array.from({ length: layers }, () => new nn.BatchNorm1d(3, { affine: false, momentum: 1 }))
    manualSeed(1)
    const x = randn([n, 3])
    const through = () => stack.reduce((h, norm) => norm.forward(h), x)
    const trained = through()
    for (const norm of stack) norm.eval()
    const ratio = through().div(trained)
    expect(ratio.mean().item()).toBeCloseTo(((n - 1) / n) ** (layers / 2), 3)
  })
})

describe('axes', () => {
  it('channels are axis 1, whatever the other sizes: gradients of weights are summed over the rest', () => {
    const [n, c, h, w] = [2, 3, 3, 3]
    manualSeed(2)
    const x = randn([n, c, h, w])
    for (const norm of [new nn.BatchNorm2d(c), new nn.InstanceNorm2d(c, { affine: true }), new nn.GroupNorm(1, c)]) {
      const dy = randn([n, c, h, w])
      const y = norm.forward(x)
      y.backward(dy)
      const xhat = y.detach()
      const want = numbers(dy.mul(xhat).sum([0, 2, 3]))
      numbers((norm.weight as Tensor).grad).forEach((g, i) => void expect(g, norm.constructor.name).toBeCloseTo(want[i], 4))
      const sums = numbers(dy.sum([0, 2, 3]))
      numbers((norm.bias as Tensor).grad).forEach((g, i) => void expect(g, norm.constructor.name).toBeCloseTo(sums[i], 4))
    }
  })

  it("each norm's own axes have mean 0 and variance 1, the others not", () => {
    manualSeed(3)
    const x = randn([6, 4, 9])
      .mul(tensor([1, 2, 3, 4], { shape: [1, 4, 1] }))
      .add(tensor([5, 6, 7, 8, 9, 10], { shape: [6, 1, 1] }))
    const own: [string, Tensor, number[]][] = [
      ['BatchNorm', new nn.BatchNorm1d(4).forward(x), [0, 2]],
      ['InstanceNorm', new nn.InstanceNorm1d(4).forward(x), [2]],
      ['LayerNorm', new nn.LayerNorm([4, 9]).forward(x), [1, 2]],
    ]
    for (const [name, y, dims] of own) {
      const mean = y.mean(dims)
      expect(mean.abs().max().item(), name).toBeLessThan(1e-5)
      expect(y.square().mean(dims).sub(1).abs().max().item(), name).toBeLessThan(1e-4)
      for (const [other, , others] of own)
        if (others.join() !== dims.join() && !dims.every((d) => others.includes(d)))
          expect(y.mean(others).abs().max().item(), `${name} over ${other}'s axes`).toBeGreaterThan(0.01)
    }
  })
})

describe('frozen BatchNorm', () => {
  const trained = (): nn.BatchNorm1d => {
    const norm = new nn.BatchNorm1d(2)
    manualSeed(4)
    norm.forward(randn([8, 2]).mul(3).add(1))
    return norm
  }

  it('keeps its statistics in training, and normalises with them', () => {
    const norm = trained()
    const model = new nn.Sequential(new nn.Linear(2, 2), norm)
    const before = [norm.runningMean, norm.runningVar, norm.numBatchesTracked].map(numbers)
    expect(nn.freezeBatchNorm(model)).toBe(1)
    model.train()
    const x = randn([4, 2])
    const y = norm.forward(x)
    expect([norm.runningMean, norm.runningVar, norm.numBatchesTracked].map(numbers)).toEqual(before)
    norm.eval()
    expect(numbers(norm.forward(x))).toEqual(numbers(y))
    expect(norm.toString()).toContain('frozen=True')
    y.sum().backward()
    expect(norm.weight?.grad).not.toBe(null)
    expect(nn.unfreezeBatchNorm(model)).toBe(1)
    norm.train()
    norm.forward(x)
    expect(norm.numBatchesTracked?.item()).toBe(2)
  })

  it('freezes weight and bias, if told so, and a single value per channel then passes', () => {
    const norm = trained()
    nn.freezeBatchNorm(norm, { affine: true })
    const y = norm.forward(zeros([1, 2]).requiresGrad_())
    y.sum().backward()
    expect([norm.weight?.grad, norm.bias?.grad]).toEqual([null, null])
    nn.unfreezeBatchNorm(norm)
    expect(norm.weight?.requiresGrad).toBe(true)
  })

  it('refuses a layer without running averages, and freezes none then', () => {
    const first = trained()
    const model = new nn.Sequential(first, new nn.BatchNorm1d(2, { trackRunningStats: false }))
    expect(() => nn.freezeBatchNorm(model)).toThrow("can't freeze '1': it has no running averages (trackRunningStats is false)")
    expect(first.frozen).toBe(false)
  })
})

describe('InstanceNorm', () => {
  it('warns once of another number of channels, which it does not use without affine', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const norm = new nn.InstanceNorm1d(5)
    norm.forward(zeros([2, 4, 3]))
    norm.forward(zeros([4, 3]))
    expect(warn.mock.calls).toEqual([
      [
        "evenkeel: input's size at dim=1 does not match num_features. You can silence this warning by not passing in num_features, which is not used because affine=False",
      ],
    ])
    warn.mockRestore()
  })

  it('takes a sample without batch axis', () => {
    manualSeed(5)
    const x = randn([3, 7])
    const norm = new nn.InstanceNorm1d(3, { affine: true })
    expect(numbers(norm.forward(x))).toEqual(numbers(norm.forward(x.unsqueeze(0))))
  })

  it('lazy: learns its channels from either, is affine and keeps running averages', () => {
    for (const shape of [
      [2, 3, 5],
      [3, 5],
    ]) {
      const norm = new nn.LazyInstanceNorm1d()
      expect(norm.toString()).toBe('LazyInstanceNorm1d(0, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)')
      manualSeed(6)
      norm.forward(randn(shape))
      expect(norm.toString()).toBe('InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)')
      expect(norm).toBeInstanceOf(nn.InstanceNorm1d)
    }
  })
})

describe('state dicts', () => {
  const twos = (prefix: string) => Object.fromEntries(['weight', 'bias', 'running_mean', 'running_var'].map((name) => [prefix + name, full([3], 2)]))

  it("InstanceNorm refuses running statistics of a file without versions in PyTorch's words", () => {
    const model = new nn.Sequential(new nn.InstanceNorm1d(3, { affine: true }))
    expect(() => model.loadStateDict(twos('0.'), { strict: false })).toThrow(
      'Error(s) in loading state_dict for Sequential:\n\tUnexpected running stats buffer(s) "0.running_mean" and "0.running_var" for InstanceNorm1d with track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be expected because InstanceNorm1d does not track running stats by default since 0.4.0. Please remove these keys from state_dict. If the running stats are actually needed, instead set track_running_stats=True in InstanceNorm1d to enable them. See the documentation of InstanceNorm1d for details.',
    )
    expect(numbers(model.stateDict()['0.weight'])).toEqual([1, 1, 1])
    const tracking = new nn.Sequential(new nn.InstanceNorm1d(3, { affine: true, trackRunningStats: true }))
    expect(tracking.loadStateDict(twos('0.'))).toEqual({ missingKeys: [], unexpectedKeys: [] })
  })

  it('lazy norms take their channels from what the whole model loads', () => {
    const model = new nn.Sequential(new nn.LazyBatchNorm1d(), new nn.Sequential(new nn.LazyInstanceNorm2d()))
    expect(model.loadStateDict({ ...twos('0.'), ...twos('1.0.') })).toEqual({ missingKeys: [], unexpectedKeys: [] })
    expect(model.toString()).toContain('(0): BatchNorm1d(3,')
    expect(numbers(model.stateDict()['1.0.running_var'])).toEqual([2, 2, 2])
  })
})

describe('second derivatives', () => {
  it('exist for every norm, and a third', () => {
    for (const [name, norm] of norms(5)) {
      manualSeed(7)
      const x = randn([2, 4, 5], { requiresGrad: true })
      const [first] = grad(norm.forward(x).pow(3).sum(), [x], { createGraph: true })
      const [second] = grad((first as Tensor).square().sum(), [x], { createGraph: true })
      const [third] = grad((second as Tensor).square().sum(), [x])
      expect(all(third as Tensor, Number.isFinite) && (third as Tensor).abs().sum().item() > 0, name).toBe(true)
    }
  })
})

describe('options by position', () => {
  it("are PyTorch's first ones", () => {
    expect(new nn.BatchNorm2d(3, 1e-3, 0.2).toString()).toBe('BatchNorm2d(3, eps=0.001, momentum=0.2, affine=True, track_running_stats=True)')
    expect(new nn.InstanceNorm1d(3, 1e-3, null, { affine: true }).toString()).toBe(
      'InstanceNorm1d(3, eps=0.001, momentum=None, affine=True, track_running_stats=False)',
    )
    expect(new nn.GroupNorm(2, 4, 1e-3).toString()).toBe('GroupNorm(2, 4, eps=0.001, affine=True)')
    expect(new nn.LayerNorm([2, 3], 1e-3).toString()).toBe('LayerNorm((2, 3), eps=0.001, elementwise_affine=True)')
    expect(new nn.RMSNorm(3, 1e-3, false).toString()).toBe('RMSNorm((3,), eps=0.001, elementwise_affine=False)')
    expect(new nn.LocalResponseNorm(5, 1e-3, 0.5, 2).toString()).toBe('LocalResponseNorm(5, alpha=0.001, beta=0.5, k=2.0)')
    expect(() => new nn.BatchNorm1d(3, 1e-3, 0.1, { trackRuningStats: true } as object)).toThrow(
      "BatchNorm1d: got an unexpected option 'trackRuningStats'. Did you mean 'trackRunningStats'?",
    )
  })
})
