import { expect, it } from 'vitest'
import { nn, normSummary, randn } from '../../src/index.js'

it('normSummary says over which axes each norm works, what it learns, and what it normalises with', () => {
  const model = new nn.Sequential({
    conv: new nn.Conv2d(3, 4, 3),
    batch: new nn.BatchNorm2d(4),
    group: new nn.GroupNorm(2, 4),
    instance: new nn.InstanceNorm2d(4),
    flat: new nn.Flatten(),
    rms: new nn.RMSNorm(4),
  })
  const batch = model.getSubmodule('batch') as nn.BatchNorm2d
  batch.forward(randn([2, 4, 3, 3]))
  expect(normSummary(model).rows).toEqual([
    {
      name: 'batch',
      layer: 'BatchNorm2d',
      statistics: 'C',
      over: 'N, L',
      parameters: 'C',
      parameterCount: 8,
      running: 'C',
      batches: 1,
      source: 'its batch',
      eps: 1e-5,
    },
    {
      name: 'group',
      layer: 'GroupNorm',
      statistics: 'N, G',
      over: 'C / G, L',
      parameters: 'G, C / G',
      parameterCount: 8,
      running: null,
      batches: null,
      source: 'each sample',
      eps: 1e-5,
    },
    {
      name: 'instance',
      layer: 'InstanceNorm2d',
      statistics: 'N, C',
      over: 'L',
      parameters: '',
      parameterCount: 0,
      running: null,
      batches: null,
      source: 'each sample',
      eps: 1e-5,
    },
    {
      name: 'rms',
      layer: 'RMSNorm',
      statistics: '*',
      over: 'normalizedShape',
      parameters: 'normalizedShape',
      parameterCount: 4,
      running: null,
      batches: null,
      source: 'each sample',
      eps: null,
    },
  ])
  expect(normSummary(model.eval()).rows[0].source).toBe('running averages')
  nn.freezeBatchNorm(model.train())
  expect(normSummary(model).rows[0].source).toBe('running averages')
  expect(String(normSummary(model))).toBe(
    [
      'layer                    one mean and variance per  taken over       weight and bias per  running averages  normalises with',
      'batch BatchNorm2d        C                          N, L             C (8)                C, 1 batches      running averages',
      'group GroupNorm          N, G                       C / G, L         G, C / G (8)         none              each sample',
      'instance InstanceNorm2d  N, C                       L                none                 none              each sample',
      'rms RMSNorm              *                          normalizedShape  normalizedShape (4)  none              each sample',
    ].join('\n'),
  )
  expect(String(normSummary(new nn.ReLU()))).toBe('no norms')
  expect(normSummary(new nn.LocalResponseNorm(5)).rows).toMatchObject([{ statistics: 'N, C, L', over: 'size neighbours of C', parameters: '', eps: null }])
})
