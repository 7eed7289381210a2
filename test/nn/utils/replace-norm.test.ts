import { describe, expect, it } from 'vitest'
import { nn, noGrad, RuntimeError, randn } from '../../../src/index.js'

const { replaceNorm } = nn.utils

describe('replaceNorm', () => {
  it('carries weight and bias over and says what has no place in the new layer', () => {
    const model = new nn.Sequential(
      new nn.Conv2d(1, 4, 3),
      new nn.BatchNorm2d(4),
      new nn.Sequential(new nn.ReLU(), new nn.BatchNorm2d(4, { affine: false })),
    ).double()
    model.at(1).requiresGrad_(false)
    noGrad(() =>
      model
        .at(1)
        .parameters()
        .forEach((p) => void p.fill_(0.25)),
    )
    model.eval()
    const { model: same, replaced } = replaceNorm(model, nn.BatchNorm2d, (channels) => new nn.GroupNorm(2, channels))
    expect(same).toBe(model)
    expect(replaced).toEqual([
      { name: '1', from: 'BatchNorm2d', to: 'GroupNorm', carried: ['weight', 'bias'], dropped: ['running_mean', 'running_var', 'num_batches_tracked'] },
      { name: '2.1', from: 'BatchNorm2d', to: 'GroupNorm', carried: [], dropped: ['running_mean', 'running_var', 'num_batches_tracked'] },
    ])
    const norm = model.at(1) as nn.GroupNorm
    expect(norm.weight?.toArray()).toEqual([0.25, 0.25, 0.25, 0.25])
    expect(norm.weight?.dtype).toBe('float64')
    expect(norm.weight?.requiresGrad).toBe(false)
    expect(norm.training).toBe(false)
    expect(model.forward(randn([2, 1, 5, 5], { dtype: 'float64' })).shape).toEqual([2, 4, 3, 3])
  })

  it('takes any class, keeps running averages where both have them, and can replace the model itself', () => {
    const norm = new nn.BatchNorm2d(3)
    norm.forward(randn([4, 3, 2, 2]))
    const { model, replaced } = replaceNorm(norm, nn.BatchNorm2d, (c) => new nn.InstanceNorm2d(c, { affine: true, trackRunningStats: true }))
    expect(replaced[0].dropped).toEqual([])
    expect((model as nn.InstanceNorm2d).runningMean?.toArray()).toEqual(norm.runningMean?.toArray())
    const layerNorm = replaceNorm(new nn.Sequential(new nn.LayerNorm([2, 3])), nn.LayerNorm, (_, old) => new nn.RMSNorm(old.normalizedShape))
    expect(layerNorm.replaced[0]).toMatchObject({ to: 'RMSNorm', carried: ['weight'], dropped: ['bias'] })
    expect(() => replaceNorm(new nn.Sequential(new nn.ReLU()), nn.ReLU, () => new nn.Identity())).toThrow(
      new RuntimeError("replaceNorm: can't tell the number of channels of '0', a ReLU"),
    )
  })
})
