import { expect, it } from 'vitest'
import { nn, ones, tensor } from '../../src/index.js'

it('takes values by position as by name', () => {
  const same: [nn.Module, nn.Module][] = [
    [new nn.Dropout(0.3), new nn.Dropout({ p: 0.3 })],
    [new nn.Dropout(0.3, { inplace: true }), new nn.Dropout({ p: 0.3, inplace: true })],
    [new nn.ReLU(true), new nn.ReLU({ inplace: true })],
    [new nn.LeakyReLU(0.2), new nn.LeakyReLU({ negativeSlope: 0.2 })],
    [new nn.LeakyReLU(0.2, true), new nn.LeakyReLU({ negativeSlope: 0.2, inplace: true })],
    [new nn.ELU(2), new nn.ELU({ alpha: 2 })],
    [new nn.CELU(2), new nn.CELU({ alpha: 2 })],
    [new nn.Hardtanh(0, 2), new nn.Hardtanh({ minVal: 0, maxVal: 2 })],
    [new nn.Threshold(0.1, 20, true), new nn.Threshold(0.1, 20, { inplace: true })],
    [new nn.GELU('tanh'), new nn.GELU({ approximate: 'tanh' })],
    [new nn.Softplus(2, 10), new nn.Softplus({ beta: 2, threshold: 10 })],
    [new nn.Hardshrink(0.7), new nn.Hardshrink({ lambd: 0.7 })],
    [new nn.Softshrink(0.7), new nn.Softshrink({ lambd: 0.7 })],
    [new nn.GLU(1), new nn.GLU({ dim: 1 })],
    [new nn.PReLU(8), new nn.PReLU({ numParameters: 8 })],
    [new nn.Softmax(1), new nn.Softmax({ dim: 1 })],
    [new nn.LogSoftmax(-1), new nn.LogSoftmax({ dim: -1 })],
    [new nn.MaxPool2d(3, 2), new nn.MaxPool2d(3, { stride: 2 })],
    [new nn.MaxPool2d(3, 2, 1, { ceilMode: true }), new nn.MaxPool2d(3, { stride: 2, padding: 1, ceilMode: true })],
    [new nn.AvgPool2d(3, 2, 1), new nn.AvgPool2d(3, { stride: 2, padding: 1 })],
    [new nn.AvgPool1d([3], [2]), new nn.AvgPool1d([3], { stride: [2] })],
    [new nn.LPPool2d(2, 3, 2), new nn.LPPool2d(2, 3, { stride: 2 })],
    [new nn.Conv2d(3, 16, 3, 2, 1, { bias: false }), new nn.Conv2d(3, 16, 3, { stride: 2, padding: 1, bias: false })],
    [new nn.Conv1d(3, 16, 3, 1, 'same'), new nn.Conv1d(3, 16, 3, { padding: 'same' })],
    [new nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), new nn.ConvTranspose2d(8, 4, 3, { stride: 2, padding: 1, outputPadding: 1 })],
    [new nn.Linear(3, 4, false), new nn.Linear(3, 4, { bias: false })],
    [new nn.Bilinear(3, 4, 5, false), new nn.Bilinear(3, 4, 5, { bias: false })],
    [new nn.Flatten(0, 1), new nn.Flatten({ startDim: 0, endDim: 1 })],
    [new nn.Embedding(10, 3, 0), new nn.Embedding(10, 3, { paddingIdx: 0 })],
  ]
  for (const [byPosition, byName] of same) expect(byPosition.toString()).toBe(byName.toString())
})

it('takes tensors by position: they are no options', () => {
  const weight = tensor([1, 2, 3])
  expect(new nn.CrossEntropyLoss(weight, { labelSmoothing: 0.1 }).weight).toBe(weight)
  expect(new nn.BCELoss(weight).weight).toBe(weight)
  expect(new nn.NLLLoss(null, { ignoreIndex: 1 }).weight).toBeNull()
  const [a, b] = [ones([1]), tensor([-1])]
  expect(new nn.MarginRankingLoss(0.5).forward(a, a, b).item()).toBe(0.5)
})

it('fills parameters with values by position', () => {
  const w = ones([100, 100])
  const { min, max } = Math
  const values = () => [...w.data].map(Number)
  nn.init.uniform_(w, 2, 3)
  expect(min(...values())).toBeGreaterThanOrEqual(2)
  expect(max(...values())).toBeLessThan(3)
  nn.init.normal_(w, 5, 0.02)
  expect(w.mean().item()).toBeCloseTo(5, 2)
  expect(w.std().item()).toBeCloseTo(0.02, 3)
  nn.init.truncNormal_(w, 0, 1, -0.5, 0.5)
  expect(max(...values())).toBeLessThanOrEqual(0.5)
  nn.init.xavierNormal_(w, 3)
  expect(w.std().item()).toBeCloseTo(0.3, 2)
  nn.init.kaimingNormal_(w, 0, 'fan_out', 'relu')
  expect(w.std().item()).toBeCloseTo(Math.SQRT2 / 10, 2)
})

it.each<[string, () => unknown, string]>([
  [
    'unknown names',
    () => new nn.Dropout(0.5, { inplce: true } as object),
    "Dropout: got an unexpected option 'inplce'. Did you mean 'inplace'? Known options: p, inplace",
  ],
  [
    'too many values',
    () => Reflect.construct(nn.Conv2d, [3, 16, 3, 1, 1, 2, 4]),
    'Conv2d: takes stride, padding by position and its other options by name, in an object that comes last. Did you mean { dilation: 2, groups: 4 }?',
  ],
  [
    'values where there are only names',
    () => Reflect.construct(nn.MSELoss, ['sum']),
    "MSELoss: takes its options by name, in an object that comes last. Did you mean { reduction: 'sum' }?",
  ],
  ['an option given twice', () => new nn.MaxPool2d(2, 2, { stride: 1 }), "MaxPool2d: got multiple values for argument 'stride'"],
  ['options before values', () => Reflect.construct(nn.MaxPool2d, [2, { padding: 1 }, 2]), 'MaxPool2d: the object with options comes last'],
  [
    'null for options',
    () => Reflect.construct(nn.Softplus, [1, 20, null]),
    'Softplus: takes beta, threshold by position and its other options by name, in an object that comes last',
  ],
])('refuses %s', (_, call, text) => {
  expect(call).toThrow(new TypeError(text))
})
