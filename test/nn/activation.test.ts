import { describe, expect, test } from 'vitest'
import { F, nn, type Tensor, tensor } from '../../src/index.js'

const x = tensor([
  [-2, -0.4],
  [0.3, 4],
])

/** A module, how PyTorch prints it, and the function that it is. */
const modules: [module: nn.Module & { forward(x: Tensor): Tensor }, repr: string, run: (x: Tensor) => Tensor][] = [
  [new nn.ReLU(), 'ReLU()', (x) => F.relu(x)],
  [new nn.ReLU6(), 'ReLU6()', (x) => F.relu6(x)],
  [new nn.LeakyReLU({ negativeSlope: 0.2 }), 'LeakyReLU(negative_slope=0.2)', (x) => F.leakyRelu(x, { negativeSlope: 0.2 })],
  [new nn.ELU({ alpha: 2 }), 'ELU(alpha=2.0)', (x) => F.elu(x, { alpha: 2 })],
  [new nn.CELU({ alpha: 2 }), 'CELU(alpha=2.0)', (x) => F.celu(x, { alpha: 2 })],
  [new nn.SELU(), 'SELU()', (x) => F.selu(x)],
  [new nn.GELU({ approximate: 'tanh' }), "GELU(approximate='tanh')", (x) => F.gelu(x, { approximate: 'tanh' })],
  [new nn.SiLU(), 'SiLU()', (x) => F.silu(x)],
  [new nn.Mish(), 'Mish()', (x) => F.mish(x)],
  [new nn.Sigmoid(), 'Sigmoid()', (x) => F.sigmoid(x)],
  [new nn.LogSigmoid(), 'LogSigmoid()', (x) => F.logsigmoid(x)],
  [new nn.Tanh(), 'Tanh()', (x) => F.tanh(x)],
  [new nn.Tanhshrink(), 'Tanhshrink()', (x) => F.tanhshrink(x)],
  [new nn.Softplus({ beta: 2 }), 'Softplus(beta=2.0, threshold=20.0)', (x) => F.softplus(x, { beta: 2 })],
  [new nn.Softsign(), 'Softsign()', (x) => F.softsign(x)],
  [new nn.Hardswish(), 'Hardswish()', (x) => F.hardswish(x)],
  [new nn.Hardsigmoid(), 'Hardsigmoid()', (x) => F.hardsigmoid(x)],
  [new nn.Hardtanh({ maxVal: 2 }), 'Hardtanh(min_val=-1.0, max_val=2.0)', (x) => F.hardtanh(x, { maxVal: 2 })],
  [new nn.Hardshrink({ lambd: 0.3 }), 'Hardshrink(0.3)', (x) => F.hardshrink(x, { lambd: 0.3 })],
  [new nn.Softshrink({ lambd: 0.3 }), 'Softshrink(0.3)', (x) => F.softshrink(x, { lambd: 0.3 })],
  [new nn.Threshold(0.1, 20), 'Threshold(threshold=0.1, value=20.0)', (x) => F.threshold(x, 0.1, 20)],
  [new nn.GLU({ dim: 0 }), 'GLU(dim=0)', (x) => F.glu(x, { dim: 0 })],
  [new nn.PReLU({ numParameters: 2, init: 0.5 }), 'PReLU(num_parameters=2)', (x) => F.prelu(x, tensor([0.5, 0.5]))],
  [new nn.Softmax({ dim: 0 }), 'Softmax(dim=0)', (x) => F.softmax(x, 0)],
  [new nn.LogSoftmax({ dim: -1 }), 'LogSoftmax(dim=-1)', (x) => F.logSoftmax(x, -1)],
  [new nn.Softmin(), 'Softmin(dim=None)', (x) => F.softmin(x, 1)],
]

describe.for(modules)('$0', ([module, repr, run]) => {
  test('prints as in PyTorch', () => {
    expect(module.toString()).toBe(repr)
  })
  test('does what its function does', () => {
    expect(module.forward(x).toArray()).toEqual(run(x).toArray())
  })
})

test('inplace', () => {
  const shown = [
    new nn.ReLU({ inplace: true }),
    new nn.ELU({ inplace: true }),
    new nn.Threshold(1, 2, { inplace: true }),
    // PyTorch does not print it for these two.
    new nn.Hardswish({ inplace: true }),
    new nn.Hardsigmoid({ inplace: true }),
  ]
  expect(shown.map(String)).toEqual([
    'ReLU(inplace=True)',
    'ELU(alpha=1.0, inplace=True)',
    'Threshold(threshold=1.0, value=2.0, inplace=True)',
    'Hardswish()',
    'Hardsigmoid()',
  ])
  for (const module of shown) {
    const y = tensor([-1, 2])
    expect(module.forward(y)).toBe(y)
  }
})

test('PReLU learns its slopes', () => {
  const prelu = new nn.PReLU({ numParameters: 3 })
  expect(prelu.namedParameters().map(([name, p]) => [name, p.toArray()])).toEqual([['weight', [0.25, 0.25, 0.25]]])
})

test('softmax without a dim guesses as PyTorch does', () => {
  const cube = tensor([[[1, 2]], [[5, 7]]])
  expect(new nn.Softmax().forward(cube).toArray()).toEqual(F.softmax(cube, 0).toArray())
  expect(new nn.Softmax().forward(cube.unsqueeze(0)).toArray()).toEqual(F.softmax(cube.unsqueeze(0), 1).toArray())
  expect(new nn.Softmax2d().forward(cube).toArray()).toEqual(F.softmax(cube, 0).toArray())
  expect(() => new nn.Softmax2d().forward(x)).toThrow('Softmax2d: expected input to be 3D or 4D, got 2D instead')
})

test('arguments are checked', () => {
  expect(() => new nn.LeakyReLU({ slope: 1 } as object)).toThrow("LeakyReLU: got an unexpected option 'slope'.")
  expect(() => Reflect.construct(nn.ReLU, [true, 1])).toThrow('ReLU: takes inplace by position')
  expect(() => new nn.Hardtanh({ minVal: 1, maxVal: 1 })).toThrow('Hardtanh: maxVal must be greater than minVal, got 1 and 1')
  expect(() => Reflect.construct(nn.Threshold, [1])).toThrow("Threshold.__init__() missing 1 required positional argument: 'value'")
})
