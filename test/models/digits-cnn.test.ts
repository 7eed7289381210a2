import { expect, test } from 'vitest'
import { nn, randn } from '../../src/index.js'
import { DigitsCnn, type NormName } from '../../src/models/index.js'

test.each<[NormName, string[]]>([
  ['none', ['conv1.weight', 'conv1.bias', 'conv2.weight', 'conv2.bias', 'conv3.weight', 'conv3.bias', 'conv4.weight', 'conv4.bias', 'fc.weight', 'fc.bias']],
  [
    'layer',
    [
      'conv1.weight',
      'norm1.weight',
      'norm1.bias',
      'conv2.weight',
      'norm2.weight',
      'norm2.bias',
      'conv3.weight',
      'norm3.weight',
      'norm3.bias',
      'conv4.weight',
      'norm4.weight',
      'norm4.bias',
      'fc.weight',
      'fc.bias',
    ],
  ],
])('norm %s: keys as PyTorch would save them, a bias only without norm', (norm, keys) => {
  expect(Object.keys(new DigitsCnn({ norm }).stateDict())).toEqual(keys)
})

test.each([28, 14, 8])('images of %i x %i give ten logits each, with every norm', (imageSize) => {
  for (const norm of ['none', 'batch', 'layer'] as const) {
    expect(new DigitsCnn({ norm, imageSize }).forward(randn([2, 1, imageSize, imageSize])).shape).toEqual([2, 10])
  }
})

test('the norm can be any that is made for channels, height and width', () => {
  const made: number[][] = []
  const norm = (...shape: [number, number, number]) => {
    made.push(shape)
    return new nn.LayerNorm(shape, { elementwiseAffine: false })
  }
  const model = new DigitsCnn({ norm, channels: [2, 3, 4, 5] })
  expect(made).toEqual([
    [2, 28, 28],
    [3, 14, 14],
    [4, 7, 7],
    [5, 7, 7],
  ])
  expect(model.forward(randn([1, 1, 28, 28])).shape).toEqual([1, 10])
})

test('wrong options are errors that help', () => {
  expect(() => new DigitsCnn({ norm: 'bacth' as 'batch' })).toThrow("unknown norm 'bacth'. Did you mean 'batch'? Known: none, batch, layer")
  expect(() => new DigitsCnn({ imageSize: 7 })).toThrow('at least 8, got 7')
})
