import { expect, test } from 'vitest'
import { F, manualSeed, nn, ones, type Tensor } from '../../src/index.js'

const list = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float32Array, Number)
const seeded = (make: () => Tensor): number[] => {
  manualSeed(5)
  return list(make())
}
const x = ones([2, 3, 2, 2, 1])

test.for([
  [nn.Dropout, F.dropout, 'Dropout'],
  [nn.Dropout2d, F.dropout2d, 'Dropout2d'],
  [nn.Dropout3d, F.dropout3d, 'Dropout3d'],
  [nn.AlphaDropout, F.alphaDropout, 'AlphaDropout'],
  [nn.FeatureAlphaDropout, F.featureAlphaDropout, 'FeatureAlphaDropout'],
] as const)('$2 drops in training only', ([Layer, fn, name]) => {
  const layer = new Layer({ p: 0.25 })
  expect(layer.toString()).toBe(`${name}(p=0.25, inplace=False)`)
  expect(seeded(() => layer.forward(x))).toEqual(seeded(() => fn(x, { p: 0.25, training: true })))
  layer.eval()
  expect(layer.forward(x)).toBe(x)
})

test('Dropout1d takes a single sample', () => {
  expect(seeded(() => new nn.Dropout1d().forward(ones([4, 2])))).toEqual([0, 0, 2, 2, 2, 2, 2, 2])
})

test('arguments are checked', () => {
  expect(() => new nn.Dropout({ p: -0.1 })).toThrow('dropout probability has to be between 0 and 1, but got -0.1')
  expect(() => Reflect.construct(nn.Dropout, [0.5, false, 1])).toThrow('Dropout: takes p, inplace by position')
})
