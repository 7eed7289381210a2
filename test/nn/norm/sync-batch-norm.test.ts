import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradcheck, gradgradcheck } from '../../../src/autograd/gradcheck.js'
import { cat, type Dtype, keep, manualSeed, nn, noGrad, randn, type Tensor, zeros } from '../../../src/index.js'
import { type ProcessGroup, sumAll } from '../../../src/ops/norm/process-group.js'

const difference = (a: Tensor, b: Tensor) => (a.numel() === 0 ? 0 : a.detach().to('float64').sub(b.detach().to('float64')).abs().max().item())

function randomize(layer: nn.Module): void {
  noGrad(() => layer.parameters().forEach((p) => void p.add_(randn(p.shape, { dtype: p.dtype }).mul(0.3))))
}

/** Both ways of computing one training step: all replicas together, and BatchNorm on the whole batch. */
function bothWays(sizes: readonly number[], options: nn.SyncBatchNormOptions & { dtype: Dtype }, spread = { shift: 0, scale: 1 }) {
  const channels = 3
  const whole = new nn.BatchNorm2d(channels, options)
  randomize(whole)
  const replicas = sizes.map(() => {
    const replica = new nn.SyncBatchNorm(channels, options)
    replica.loadStateDict(whole.stateDict())
    return replica
  })
  const total = sizes.reduce((a, b) => a + b, 0)
  const x = randn([total, channels, 2, 3], { dtype: options.dtype }).mul(spread.scale).add(spread.shift)
  const upstream = randn(x.shape, { dtype: options.dtype })
  const split = (t: Tensor): Tensor[] => {
    let start = 0
    return sizes.map((size) => {
      const part = t.narrow(0, start, size)
      start += size
      return part
    })
  }
  const xWhole = x.clone().requiresGrad_()
  const xs = split(x).map((t) => t.clone().requiresGrad_())
  const yWhole = whole.forward(xWhole)
  yWhole.mul(upstream).sum().backward()
  const ys = nn.SyncBatchNorm.forwardTogether(replicas, xs)
  const upstreams = split(upstream)
  ys.map((y, i) => y.mul(upstreams[i]).sum())
    .reduce((a, b) => a.add(b))
    .backward()
  return { whole, replicas, xWhole, xs, yWhole, ys }
}

function expectEqual({ whole, replicas, xWhole, xs, yWhole, ys }: ReturnType<typeof bothWays>, tolerance: number, gradientScale = 1): void {
  expect(difference(cat([...ys]), yWhole)).toBeLessThan(tolerance)
  expect(difference(cat(xs.map((x) => x.grad as Tensor)), xWhole.grad as Tensor) / gradientScale).toBeLessThan(tolerance)
  for (const name of ['weight', 'bias'] as const) {
    if (!whole[name]) continue
    const sum = replicas.map((r) => r[name]?.grad as Tensor).reduce((a, b) => a.add(b))
    expect(difference(sum, whole[name].grad as Tensor)).toBeLessThan(30 * tolerance)
  }
  for (const name of ['runningMean', 'runningVar', 'numBatchesTracked'] as const) {
    for (const replica of replicas) {
      if (!whole[name]) expect(replica[name]).toBeNull()
      else expect(difference(replica[name] as Tensor, whole[name])).toBeLessThan(tolerance * Math.max(1, whole[name].abs().max().item()))
    }
  }
}

describe('several replicas are BatchNorm on the whole batch', () => {
  it.each([
    { sizes: [4, 4], options: {} },
    { sizes: [1, 5, 2], options: { momentum: null } },
    { sizes: [3, 0, 2], options: { affine: false } },
    { sizes: [0, 0, 6], options: { momentum: 0.7, eps: 0.1 } },
    { sizes: [2, 3], options: { trackRunningStats: false } },
    { sizes: [7], options: {} },
  ])('shares of $sizes with $options', ({ sizes, options }) => {
    manualSeed(7)
    expectEqual(bothWays(sizes, { ...options, dtype: 'float64' }), 1e-12)
    expectEqual(bothWays(sizes, { ...options, dtype: 'float32' }), 4e-6)
  })

  it('any sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }), fc.nat(1000), (sizes, seed) => {
        fc.pre(sizes.some((n) => n > 0))
        manualSeed(seed)
        expectEqual(bothWays(sizes, { dtype: 'float64' }), 1e-11)
      }),
      { numRuns: 30 },
    )
  })

  it('keeps its accuracy at an offset of 1e6, where sums of squares would cancel', () => {
    manualSeed(2)
    const results = bothWays([3, 5], { dtype: 'float64' }, { shift: 1e6, scale: 1e-2 })
    expectEqual(results, 1e-6, 100)
  })

  it('in a whole network, with several layers that exchange', () => {
    manualSeed(4)
    const network = new nn.Sequential(
      new nn.Conv2d(1, 3, 3),
      new nn.BatchNorm2d(3),
      new nn.Sequential(new nn.ReLU(), new nn.Conv2d(3, 2, 1), new nn.BatchNorm2d(2)),
      new nn.Flatten(),
    ).double()
    const x = randn([5, 1, 4, 4], { dtype: 'float64' })
    const replicas = [2, 3].map(() => nn.SyncBatchNorm.convertSyncBatchNorm(network.clone()) as nn.Sequential)
    const ys = nn.utils.forwardTogether(replicas, [x.narrow(0, 0, 2), x.narrow(0, 2, 3)])
    const y = network.forward(x)
    expect(difference(cat([...ys]), y)).toBeLessThan(1e-12)
    y.pow(3).sum().backward()
    ys.map((t) => t.pow(3).sum())
      .reduce((a, b) => a.add(b))
      .backward()
    network.namedParameters().forEach(([name, p], i) => {
      const sum = replicas.map((r) => r.parameters()[i].grad as Tensor).reduce((a, b) => a.add(b))
      expect(difference(sum, p.grad as Tensor), name).toBeLessThan(1e-11)
    })
    class Own extends nn.Module {
      norm = new nn.SyncBatchNorm(1)
      override forward(t: Tensor): Tensor {
        return this.norm.forward(t)
      }
    }
    expect(() => nn.utils.forwardTogether([new Own(), new Own()], [x, x])).toThrow("can't step through the forward of Own")
  })

  it('has gradients of first and second order, an empty share among them', () => {
    manualSeed(5)
    const tensors = [
      ...[2, 0, 1].map((n) => randn([n, 2], { dtype: 'float64', requiresGrad: true })),
      randn([2], { dtype: 'float64', requiresGrad: true }),
      randn([2], { dtype: 'float64', requiresGrad: true }),
    ]
    const fn = (...[a, b, c, weight, bias]: Tensor[]) => {
      const replicas = [a, b, c].map(() => {
        const replica = new nn.SyncBatchNorm(2, { dtype: 'float64' })
        Object.assign(replica, { weight, bias })
        return replica
      })
      return [...nn.SyncBatchNorm.forwardTogether(replicas, [a, b, c])]
    }
    expect(gradcheck(fn, tensors)).toBe(true)
    expect(gradgradcheck(fn, tensors)).toBe(true)
  })
})

/** Plays a group of two: the other replica's messages are those that it sent when it was run before, in the same order. */
class Recording implements ProcessGroup {
  readonly size = 2
  readonly sent: Tensor[] = []
  constructor(private readonly received: Tensor[] | null) {}
  allGather(tensor: Tensor): readonly Tensor[] {
    this.sent.push(keep(tensor.clone()))
    const other = this.received?.shift()
    return other ? [tensor, other] : [tensor]
  }
  allReduce(tensor: Tensor): Tensor {
    this.sent.push(keep(tensor.clone()))
    const other = this.received?.shift()
    return other ? tensor.add(other) : tensor.clone()
  }
}

describe('SyncBatchNorm with a process group', () => {
  it('sends [mean, squares, count] forward and [sum(dy x^), sum(dy)] backward, and uses what comes back', () => {
    manualSeed(6)
    const upstream = randn([4, 3], { dtype: 'float64' })
    const x = randn([4, 3], { dtype: 'float64' })
    const run = (start: number, received: Tensor[] | null) => {
      const processGroup = new Recording(received)
      const layer = new nn.SyncBatchNorm(3, { dtype: 'float64', processGroup })
      const share = x.narrow(0, start, 2).clone().requiresGrad_()
      const y = layer.forward(share)
      y.mul(upstream.narrow(0, start, 2))
        .sum()
        .backward()
      return { layer, share, y, sent: processGroup.sent }
    }
    // The forward message does not depend on the other replica; the backward one does, so it takes a second pass.
    const forwardOf = (start: number) => run(start, null).sent[0]
    const [m0, m1] = [forwardOf(0), forwardOf(2)]
    expect(m0.shape).toEqual([3, 3])
    const b1 = run(2, [m0]).sent[1]
    const { layer, share, y } = run(0, [m1, b1])
    const whole = new nn.BatchNorm1d(3, { dtype: 'float64' })
    const xWhole = x.clone().requiresGrad_()
    const yWhole = whole.forward(xWhole)
    yWhole.mul(upstream).sum().backward()
    expect(difference(y, yWhole.narrow(0, 0, 2))).toBeLessThan(1e-12)
    expect(difference(share.grad as Tensor, (xWhole.grad as Tensor).narrow(0, 0, 2))).toBeLessThan(1e-12)
    expect(difference(layer.runningVar as Tensor, whole.runningVar as Tensor)).toBeLessThan(1e-12)
  })

  it('the sum over replicas has the sum of the gradients', () => {
    const group: ProcessGroup = { size: 2, allGather: (t) => [t, t], allReduce: (t) => t.mul(2) }
    const t = randn([3], { requiresGrad: true })
    sumAll([t], group).sum().backward()
    expect((t.grad as Tensor).toArray()).toEqual([2, 2, 2])
  })

  it('does not exchange in evaluation, when frozen, or alone', () => {
    const refuse = () => {
      throw new Error('nothing was to be sent')
    }
    const group = (size: number): ProcessGroup => ({ size, allGather: refuse, allReduce: refuse })
    const x = randn([4, 2])
    expect(new nn.SyncBatchNorm(2, { processGroup: group(2) }).eval().forward(x).shape).toEqual([4, 2])
    const frozen = new nn.SyncBatchNorm(2, { processGroup: group(2) })
    nn.freezeBatchNorm(frozen)
    frozen.forward(x)
    new nn.SyncBatchNorm(2, { processGroup: group(1) }).forward(x)
    expect(() => new nn.SyncBatchNorm(2, { processGroup: group(2) }).forward(x)).toThrow('nothing was to be sent')
  })

  it('refuses what has no statistics', () => {
    expect(() => new nn.SyncBatchNorm(2).forward(zeros([2]))).toThrow('expected at least 2D input (got 1D input)')
    expect(() => new nn.SyncBatchNorm(2).forward(zeros([2, 0]))).toThrow('SyncBatchNorm number of input channels should be non-zero')
    const replicas = [new nn.SyncBatchNorm(2), new nn.SyncBatchNorm(2)]
    expect(() => nn.SyncBatchNorm.forwardTogether(replicas, [zeros([1, 2]), zeros([0, 2])])).toThrow('Expected more than 1 value per channel when training')
    expect(() => nn.SyncBatchNorm.forwardTogether(replicas, [zeros([4, 3]), zeros([4, 3])])).toThrow('running_mean should contain 3 elements not 2')
    expect(() => new nn.SyncBatchNorm(2, { procesGroup: null } as object)).toThrow("Did you mean 'processGroup'?")
  })
})

describe('converting', () => {
  const model = () => new nn.Sequential(new nn.Conv1d(2, 3, 1), new nn.BatchNorm1d(3, { momentum: 0.2 }), new nn.Sequential(new nn.BatchNorm1d(3)))

  it('goes both ways with the same parameters and buffers', () => {
    const original = model()
    const parameters = original.parameters()
    const printed = String(original)
    original.eval()
    nn.freezeBatchNorm(original.at(2))
    const converted = nn.SyncBatchNorm.convertSyncBatchNorm(original)
    expect(converted).toBe(original)
    expect(String(converted.getSubmodule('1'))).toBe('SyncBatchNorm(3, eps=1e-05, momentum=0.2, affine=True, track_running_stats=True)')
    expect(converted.parameters()).toEqual(parameters)
    expect(converted.modules().every((m) => !m.training)).toBe(true)
    nn.SyncBatchNorm.revertSyncBatchNorm(original)
    nn.unfreezeBatchNorm(original)
    expect(String(original)).toBe(printed)
    expect(original.parameters()).toEqual(parameters)
  })

  it('a layer that was never a BatchNorm has to be told what it becomes', () => {
    const layer = new nn.Sequential(new nn.SyncBatchNorm(2))
    expect(() => nn.SyncBatchNorm.revertSyncBatchNorm(layer)).toThrow("revertSyncBatchNorm: '0' was not made from a BatchNorm")
    nn.SyncBatchNorm.revertSyncBatchNorm(layer, { dims: 3 })
    expect(layer.at(0)).toBeInstanceOf(nn.BatchNorm3d)
    expect(() => nn.SyncBatchNorm.convertSyncBatchNorm(new nn.Sequential(new nn.LazyBatchNorm1d()))).toThrow("'0' doesn't know its channels")
  })

  it('a layer that occurs twice stays one layer', () => {
    const shared = new nn.BatchNorm1d(2)
    const both = nn.SyncBatchNorm.convertSyncBatchNorm(new nn.Sequential(shared, new nn.ReLU(), shared)) as nn.Sequential
    expect(both.at(0)).toBeInstanceOf(nn.SyncBatchNorm)
    expect(both.at(2)).toBe(both.at(0))
  })
})
