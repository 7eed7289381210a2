import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { F, grad, type Tensor, tensor } from '../../src/index.js'

/** Gradients are checked in gradcheck.test.ts; values over a range are golden data (test/golden/activations.json). Constants are PyTorch 2.6's. */

const list = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float64Array, Number)
const float64 = (data: number[], requiresGrad = false): Tensor => tensor(data, { dtype: 'float64', requiresGrad })

const inf = Number.POSITIVE_INFINITY
const points = [-inf, -4, -3, -1, -0.5, 0, 0.5, 1, 3, 6, inf]

/** Value and slope at `points`. */
const atPoints: [name: string, run: (x: Tensor) => Tensor, values: number[], slopes: number[]][] = [
  ['relu6', (x) => F.relu6(x), [0, 0, 0, 0, 0, 0, 0.5, 1, 3, 6, 6], [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0]],
  ['hardtanh', (x) => F.hardtanh(x), [-1, -1, -1, -1, -0.5, 0, 0.5, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]],
  ['hardshrink', (x) => F.hardshrink(x), [-inf, -4, -3, -1, 0, 0, 0, 1, 3, 6, inf], [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]],
  ['softshrink', (x) => F.softshrink(x), [-inf, -3.5, -2.5, -0.5, 0, 0, 0, 0.5, 2.5, 5.5, inf], [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]],
  [
    'hardswish',
    (x) => F.hardswish(x),
    [Number.NaN, 0, 0, -1 / 3, -5 / 24, 0, 7 / 24, 2 / 3, 3, 6, inf],
    [0, 0, -0.5, 1 / 6, 1 / 3, 0.5, 2 / 3, 5 / 6, 1.5, 1, 1],
  ],
  [
    'hardsigmoid',
    (x) => F.hardsigmoid(x),
    [0, 0, 0, 1 / 3, 5 / 12, 0.5, 7 / 12, 2 / 3, 1, 1, 1],
    [0, 0, 0, ...Array<number>(5).fill(Math.fround(1 / 6)), 0, 0, 0],
  ],
  [
    'gelu',
    (x) => F.gelu(x),
    [
      Number.NaN,
      ...[-0.00012668496733247991, -0.00404969409489031, -0.15865525393145702, -0.15426876936299344, 0],
      ...[0.34573123063700656, 0.841344746068543, 2.99595030590511, 5.999999994080474, inf],
    ],
    [
      Number.NaN,
      ...[-0.0005036496612264215, -0.01194564720418392, -0.08331547058768635, 0.13250487534383712, 0.5],
      ...[0.8674951246561629, 1.0833154705876864, 1.011945647204184, 1.0000000354687093, Number.NaN],
    ],
  ],
  [
    'logsigmoid',
    (x) => F.logsigmoid(x),
    [
      ...[-inf, -4.0181499279178094, -3.048587351573742, -1.3132616875182228, -0.9740769841801067, -Math.LN2],
      ...[-0.4740769841801067, -0.31326168751822286, -0.04858735157374206, -0.0024756851377304495, 0],
    ],
    [
      ...[1, 0.9820137900379085, 0.9525741268224333, 0.7310585786300049, 0.6224593312018545, 0.5],
      ...[0.37754066879814546, 0.2689414213699951, 0.04742587317756679, 0.0024726231566347748, 0],
    ],
  ],
  [
    'celu',
    (x) => F.celu(x, { alpha: 2 }),
    [-2, -1.7293294335267746, -1.5537396797031404, -0.7869386805747332, -0.44239843385719024, 0, 0.5, 1, 3, 6, inf],
    [0, 0.1353352832366127, 0.22313016014842982, 0.6065306597126334, 0.7788007830714049, 1, 1, 1, 1, 1, 1],
  ],
]

test.for(atPoints)('%s at kinks and infinities', ([, run, values, slopes]) => {
  const x = float64(points, true)
  const y = run(x)
  const [dx] = grad(y, [x], { gradOutputs: float64(points.map(() => 1)) })
  const close = (got: number[], want: number[]) =>
    got.forEach((v, i) => {
      if (Number.isFinite(want[i])) expect(v).toBeCloseTo(want[i], 13)
      else expect(v).toBe(want[i])
    })
  close(list(y), values)
  close(list(dx as Tensor), slopes)
})

test('softplus is linear beyond its threshold', () => {
  expect(list(F.softplus(float64([20, 20.5, 1000])))).toEqual([Math.log1p(Math.exp(20)), 20.5, 1000])
  expect(list(F.softplus(float64([1]), { beta: 2, threshold: 1.5 }))).toEqual([1])
})

describe('in place', () => {
  const over: [string, (x: Tensor) => Tensor, (x: Tensor) => Tensor][] = [
    ['relu', (x) => x.relu(), (x) => x.relu_()],
    ['relu6', (x) => F.relu6(x), (x) => F.relu6(x, { inplace: true })],
    ['leakyRelu', (x) => F.leakyRelu(x, { negativeSlope: 0.3 }), (x) => F.leakyRelu_(x, { negativeSlope: 0.3 })],
    ['elu', (x) => F.elu(x, { alpha: -2 }), (x) => F.elu(x, { alpha: -2, inplace: true })],
    ['selu', (x) => F.selu(x), (x) => F.selu_(x)],
    ['celu', (x) => F.celu(x), (x) => F.celu_(x)],
    ['silu', (x) => F.silu(x), (x) => F.silu(x, { inplace: true })],
    ['mish', (x) => F.mish(x), (x) => F.mish(x, { inplace: true })],
    ['hardswish', (x) => F.hardswish(x), (x) => F.hardswish(x, { inplace: true })],
    ['hardsigmoid', (x) => F.hardsigmoid(x), (x) => F.hardsigmoid(x, { inplace: true })],
    ['hardtanh', (x) => F.hardtanh(x), (x) => F.hardtanh_(x)],
    ['threshold', (x) => F.threshold(x, 0.1, 7), (x) => F.threshold_(x, 0.1, 7)],
    ['sigmoid', (x) => x.sigmoid(), (x) => x.sigmoid_()],
    ['tanh', (x) => x.tanh(), (x) => x.tanh_()],
  ]
  test.for(over)('%s: same value, same gradient, same tensor', ([, plain, written]) => {
    const run = (fn: (x: Tensor) => Tensor) => {
      const x = float64([-1.5, -0.2, 0.05, 0.4, 2.5], true)
      const inner = x.mul(1.5)
      const y = fn(inner)
      y.mul(float64([1, 2, 3, 4, 5]))
        .sum()
        .backward()
      return { inner, y, dx: list(x.grad as Tensor) }
    }
    const want = run(plain)
    const got = run(written)
    expect(got.y).toBe(got.inner)
    expect(list(got.y)).toEqual(list(want.y))
    expect(got.dx).toEqual(want.dx)
    expect(want.y).not.toBe(want.inner)
  })

  test('without a graph it writes where the tensor lies, and through views', () => {
    const x = float64([-1, 2, -3, 4])
    x.reshape(2, 2).t().select(0, 0).relu_()
    expect(list(x)).toEqual([0, 2, 0, 4])
  })

  test('a leaf that requires grad is refused', () => {
    expect(() => float64([1], true).relu_()).toThrow('a leaf Variable that requires grad is being used in an in-place operation.')
  })
})

test('strides do not matter', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 12, maxLength: 12 }),
      fc.constantFrom('float32', 'float64'),
      (data, dtype) => {
        const x = tensor(data, { dtype: dtype as 'float32' }).reshape(3, 4)
        for (const fn of [F.relu, F.gelu, F.silu, F.mish, F.hardswish, F.softplus, F.elu, F.tanhshrink, F.softsign]) {
          expect(list(fn(x.t()))).toEqual(list(fn(x).t()))
          expect(list(fn(x.slice(1, 1, 4, 2)))).toEqual(list(fn(x).slice(1, 1, 4, 2)))
        }
      },
    ),
    { numRuns: 20 },
  )
})

test('prelu: one slope, or one for each channel', () => {
  const x = tensor(
    [
      [1, -2],
      [3, -4],
    ],
    { requiresGrad: true },
  )
  const w = tensor([0.25, 0.5], { requiresGrad: true })
  const y = F.prelu(x, w)
  expect(y.toArray()).toEqual([
    [1, -1],
    [3, -2],
  ])
  y.mul(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  )
    .sum()
    .backward()
  expect(x.grad?.toArray()).toEqual([
    [1, 1],
    [3, 2],
  ])
  expect(w.grad?.toArray()).toEqual([0, -20])
  expect(F.prelu(tensor([[-1, -2]]), tensor(3)).toArray()).toEqual([[-3, -6]])
})

describe('dtypes', () => {
  const whole = tensor([-2, 0, 7], { dtype: 'int64' })
  const truth = tensor([true, false])
  test('some take integers', () => {
    expect(F.relu(whole)).toMatchObject({ dtype: 'int64' })
    expect(F.relu6(whole).toArray()).toEqual([0n, 0n, 6n])
    expect(F.threshold(whole, 1, 2).toArray()).toEqual([2n, 2n, 7n])
    expect(F.sigmoid(whole).dtype).toBe('float32')
    expect(F.tanh(truth).dtype).toBe('float32')
  })
  const refused: [run: () => Tensor, message: string][] = [
    [() => F.relu(truth), 'Boolean inputs not supported for relu'],
    [() => F.relu6(truth), 'Bool inputs not supported for hardtanh'],
    [() => F.threshold(truth, 1, 2), '"threshold_cpu" not implemented for \'Bool\''],
    [() => F.gelu(whole), '"GeluKernelImpl" not implemented for \'Long\''],
    [() => F.selu(whole), '"elu_cpu" not implemented for \'Long\''],
    [() => F.leakyRelu(truth), '"leaky_relu_cpu" not implemented for \'Bool\''],
    [() => F.hardswish(whole), '"hardswish_cpu" not implemented for \'Long\''],
    [() => F.softshrink(whole), '"softshrink_cpu" not implemented for \'Long\''],
    [() => F.logsigmoid(whole), '"log_sigmoid_cpu" not implemented for \'Long\''],
    [() => F.glu(tensor([1n, 2n])), '"glu_cpu" not implemented for \'Long\''],
    [() => tensor([1n]).sigmoid_(), "result type Float can't be cast to the desired output type Long"],
  ]
  test.for(refused)('%s', ([run, message]) => {
    expect(run).toThrow(message)
  })
})

test('arguments are checked', () => {
  const x = float64([1, 2, 3])
  expect(() => F.celu(x, { alpha: 0 })).toThrow('ZeroDivisionError: alpha cannot be 0 for CELU')
  expect(() => F.hardtanh(x, { minVal: 2, maxVal: 1 })).toThrow('min_val cannot be greater than max_val')
  expect(() => F.softshrink(x, { lambd: -1 })).toThrow('lambda must be greater or equal to 0, but found to be -1.')
  expect(() => F.glu(float64([1]).reshape([]))).toThrow('glu does not support scalars because halving size must be even')
  expect(() => F.glu(x)).toThrow('Halving dimension must be even, but dimension 0 is size 3')
  expect(() => F.gelu(x, { approximate: 'fast' as 'tanh' })).toThrow('approximate argument must be either none or tanh.')
  expect(() => F.prelu(x, float64([1, 2]))).toThrow('Mismatch of parameter numbers and input channel size. Found parameter numbers = 2 and channel size = 1.')
  expect(() => F.prelu(float64([1]).reshape([]), float64([1, 2]))).toThrow('Not allow zero-dim input tensor.')
  expect(() => F.prelu(x, tensor([1]))).toThrow('prelu: Type promoting not supported. Got Double and Float')
  expect(() => F.prelu(float64([1, 2]).reshape(1, 2), float64([1, 2]).reshape(1, 2))).toThrow(
    'prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2',
  )
  expect(() => F.leakyRelu(x, { slope: 1 } as object)).toThrow("leakyRelu: got an unexpected option 'slope'.")
})
