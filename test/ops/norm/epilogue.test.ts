import { describe, expect, test } from 'vitest'
import { gradcheck, gradgradcheck } from '../../../src/autograd/index.js'
import type { Tensor } from '../../../src/core/tensor.js'
import { F, manualSeed, memory, nn, noGrad, ones, rand, randn, scope, tensor, zeros } from '../../../src/index.js'
import { launchCount } from '../../../src/kernels/wasm/launch.js'
import { type ActivationName, activationOf } from '../../../src/ops/activation.js'
import type { EpilogueOptions } from '../../../src/ops/epilogue.js'

/** Norms that end with a residual and an activation in the same pass. */

type Norm = (x: Tensor, weight: Tensor | null, bias: Tensor | null, end?: EpilogueOptions) => Tensor
interface Case {
  readonly norm: Norm
  readonly shape: readonly number[]
  readonly parameters: readonly number[]
}

const statistics = (n: number) => [zeros([n]).add(0.25), ones([n]).mul(1.5)] as const
const batch =
  (training: boolean): Norm =>
  (x, w, b, end) => {
    const [mean, variance] = statistics(x.shape[1])
    return F.batchNorm(x, mean.to(x.dtype), variance.to(x.dtype), w, b, { training, ...end })
  }
const group: Norm = (x, w, b, end) => F.groupNorm(x, 2, w, b, { ...end })
const instance: Norm = (x, w, b, end) => F.instanceNorm(x, null, null, w, b, { ...end })

/** Planes, rows of channels, one parameter for each element; odd sizes, so that runs end in the middle of a vector. */
const cases: Record<string, Case> = {
  'batch norm of planes': { norm: batch(true), shape: [5, 6, 7, 3], parameters: [6] },
  'batch norm of rows': { norm: batch(true), shape: [37, 21], parameters: [21] },
  'batch norm with running statistics': { norm: batch(false), shape: [3, 6, 7, 7], parameters: [6] },
  'layer norm': { norm: (x, w, b, end) => F.layerNorm(x, x.shape.slice(-1), w, b, { ...end }), shape: [9, 41], parameters: [41] },
  'RMS norm': { norm: (x, w, _, end) => F.rmsNorm(x, x.shape.slice(-1), w, { ...end }), shape: [9, 41], parameters: [41] },
  'group norm': { norm: group, shape: [3, 6, 5, 5], parameters: [6] },
  'instance norm': { norm: instance, shape: [3, 6, 5, 5], parameters: [6] },
}

const activations = Object.keys(activationOf) as ActivationName[]
const apply = (name: ActivationName, x: Tensor): Tensor => (F as unknown as Record<ActivationName, (x: Tensor) => Tensor>)[name](x)

interface Inputs {
  readonly leaves: readonly [x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor]
  readonly dy: Tensor
}

function inputs({ shape, parameters }: Case, dtype: 'float32' | 'float64' = 'float32'): Inputs {
  manualSeed(7)
  const leaf = (t: Tensor) => t.to(dtype).requiresGrad_()
  const leaves = [leaf(randn(shape).mul(2).add(0.3)), leaf(rand(parameters).add(0.5)), leaf(randn(parameters)), leaf(randn(shape))] as const
  return { leaves, dy: randn(shape).to(dtype) }
}

/** The output and all gradients, as numbers. */
function results({ leaves, dy }: Inputs, run: (...leaves: Tensor[]) => Tensor): (number[] | null)[] {
  for (const t of leaves) t.grad = null
  const y = run(...leaves)
  y.backward(dy)
  return [y.detach(), ...leaves.map((t) => t.grad)].map((t) => t && Array.from(t.toTypedArray() as Float32Array))
}

describe.each(Object.entries(cases))('%s', (_, c) => {
  test.each(activations)('with %s: the bits of separate operations, forward and backward', (name) => {
    for (const dtype of ['float32', 'float64'] as const) {
      const given = inputs(c, dtype)
      const plain = results(given, (x, w, b) => apply(name, c.norm(x, w, b)))
      expect(results(given, (x, w, b) => c.norm(x, w, b, { activation: name }))).toEqual(plain)
      const added = results(given, (x, w, b, r) => apply(name, c.norm(x, w, b).add(r)))
      expect(results(given, (x, w, b, r) => c.norm(x, w, b, { activation: name, residual: r }))).toEqual(added)
    }
  })

  test('with a residual alone', () => {
    const given = inputs(c)
    const plain = results(given, (x, w, b, r) => c.norm(x, w, b).add(r))
    expect(results(given, (x, w, b, r) => c.norm(x, w, b, { residual: r }))).toEqual(plain)
  })

  test('a transposed residual, and parameters that are not learned', () => {
    const given = inputs(c)
    const turned = (r: Tensor) => r.transpose(0, 1).contiguous().transpose(0, 1)
    const run = (end: boolean) =>
      results(given, (x, w, b, r) => {
        const [weight, bias] = [w.detach(), b.detach()]
        return end ? c.norm(x, weight, bias, { residual: turned(r), activation: 'gelu' }) : F.gelu(c.norm(x, weight, bias).add(turned(r)))
      })
    expect(run(true)).toEqual(run(false))
  })

  test.each(['tanh', 'silu'] as const)('derivatives of both orders, with %s', (activation) => {
    const small = { norm: c.norm, shape: c.shape.length === 2 ? [4, 3] : [2, 4, 2, 2], parameters: [c.shape.length === 2 ? 3 : 4] }
    const { leaves, dy } = inputs(small, 'float64')
    const run = (x: Tensor, w: Tensor, b: Tensor, residual: Tensor) => c.norm(x, w, b, { residual, activation })
    expect(gradcheck(run, leaves)).toBe(true)
    expect(gradgradcheck(run, leaves, [dy])).toBe(true)
  })
})

test('a node has the name of the last operation, as printed tensors show', () => {
  const x = randn([4, 3], { requiresGrad: true })
  expect(F.layerNorm(x, [3], null, null, { activation: 'gelu' }).gradFn?.name).toBe('GeluBackward0')
  expect(F.layerNorm(x, [3], null, null, { residual: ones([4, 3]) }).gradFn?.name).toBe('AddBackward0')
})

test('an empty batch', () => {
  const x = zeros([0, 3, 2, 2])
  const y = F.batchNorm(x, null, null, ones([3]), zeros([3]), { training: true, activation: 'relu', residual: zeros([0, 3, 2, 2]) })
  expect(y.shape).toEqual([0, 3, 2, 2])
})

test('a gradient leaves nothing behind', () => {
  const x = randn([8, 16], { requiresGrad: true })
  const w = ones([16], { requiresGrad: true })
  const step = () => scope(() => F.layerNorm(x, [16], w, null, { activation: 'silu' }).sum().backward())
  step()
  const before = memory().tensors
  step()
  expect(memory().tensors).toBe(before)
})

test('wrong options are named', () => {
  const x = randn([4, 3])
  const wrong = (end: unknown) => () => F.layerNorm(x, [3], null, null, end as EpilogueOptions)
  expect(wrong({ activation: 'rellu' })).toThrow("layerNorm: unknown activation 'rellu'. Did you mean 'relu'? Known: relu, relu6, leakyRelu")
  expect(wrong({ activation: 3 })).toThrow('layerNorm: unknown activation number. Known: relu')
  expect(wrong({ activation: 'toString' })).toThrow("layerNorm: unknown activation 'toString'")
  expect(wrong({ residual: ones([3]) })).toThrow("layerNorm: the residual must have the input's shape and dtype, Float [4, 3], but got Float [3]")
  expect(wrong({ residual: ones([4, 3], { dtype: 'float64' }) })).toThrow('but got Double [4, 3]')
  expect(wrong({ residual: 2 })).toThrow('residual')
})

describe('Sequential', () => {
  const image = () => {
    manualSeed(3)
    return randn([4, 6, 5, 5])
  }
  const launches = (run: () => unknown): number => {
    const before = launchCount()
    run()
    return launchCount() - before
  }

  const norms = {
    BatchNorm2d: () => new nn.BatchNorm2d(6),
    GroupNorm: () => new nn.GroupNorm(3, 6),
    LayerNorm: () => new nn.LayerNorm([6, 5, 5]),
    RMSNorm: () => new nn.RMSNorm([6, 5, 5]),
  }
  const layers = {
    ReLU: () => new nn.ReLU(),
    'ReLU over its input': () => new nn.ReLU({ inplace: true }),
    ReLU6: () => new nn.ReLU6(),
    SELU: () => new nn.SELU(),
    SiLU: () => new nn.SiLU(),
    Mish: () => new nn.Mish(),
    Hardswish: () => new nn.Hardswish(),
    Hardsigmoid: () => new nn.Hardsigmoid(),
    LeakyReLU: () => new nn.LeakyReLU(0.2),
    ELU: () => new nn.ELU(0.7),
    Hardtanh: () => new nn.Hardtanh(-0.5, 0.75),
    'GELU by tanh': () => new nn.GELU('tanh'),
    Sigmoid: () => new nn.Sigmoid(),
    Tanh: () => new nn.Tanh(),
    Softplus: () => new nn.Softplus(2, 3),
  }

  test.each(Object.entries(norms).flatMap(([norm, make]) => Object.entries(layers).map(([layer, then]) => [`${norm} and ${layer}`, make, then] as const)))(
    '%s in one pass: the same bits, a launch less',
    (_, make, then) => {
      const x = image()
      const [norm, activation] = [make(), then()]
      noGrad(() => {
        const apart = launches(() => activation.forward(norm.forward(x)))
        norm.eval()
        const model = new nn.Sequential(norm, activation).train(norm.training)
        expect(launches(() => model.forward(x))).toBeLessThan(apart)
        const expected = activation.forward(norm.forward(x))
        expect(model.forward(x).toArray()).toEqual(expected.toArray())
      })
    },
  )

  test('running statistics and training mode go on as ever', () => {
    const x = image()
    const [fused, apart] = [new nn.BatchNorm2d(6), new nn.BatchNorm2d(6)]
    const model = new nn.Sequential(fused, new nn.ReLU(), new nn.Flatten())
    for (let i = 0; i < 3; i++) {
      model.forward(x)
      apart.forward(x)
    }
    expect(fused.runningVar?.toArray()).toEqual(apart.runningVar?.toArray())
    expect(fused.numBatchesTracked?.item()).toBe(3)
    apart.eval()
    model.eval()
    expect(model.forward(x).toArray()).toEqual(apart.forward(x).relu().flatten(1).toArray())
  })

  test('a hook on either layer sees its tensors, and what another class does in forward is done', () => {
    const x = image()
    const norm = new nn.GroupNorm(3, 6)
    const relu = new nn.ReLU()
    const model = new nn.Sequential(norm, relu)
    const plain = norm.forward(x)
    const expected = plain.relu().toArray()
    const fused = launches(() => model.forward(x))

    const seen: Tensor[] = []
    const hook = norm.registerForwardHook((_, __, y) => void seen.push(y as Tensor))
    expect(model.forward(x).toArray()).toEqual(expected)
    expect(seen.map((t) => t.toArray())).toEqual([plain.toArray()])
    expect(launches(() => model.forward(x))).toBeGreaterThan(fused)
    hook.remove()
    expect(launches(() => model.forward(x))).toBe(fused)

    const inputs: Tensor[] = []
    const before = relu.registerForwardPreHook((_, [input]) => void inputs.push(input as Tensor))
    model.forward(x)
    expect(inputs.map((t) => t.toArray())).toEqual([plain.toArray()])
    before.remove()

    class Doubled extends nn.GroupNorm {
      override forward(input: Tensor): Tensor {
        return super.forward(input).mul(2)
      }
    }
    expect(new nn.Sequential(new Doubled(3, 6), relu).forward(x).toArray()).toEqual(plain.mul(2).relu().toArray())
    class Negative extends nn.ReLU {
      override forward(input: Tensor): Tensor {
        return super.forward(input).neg()
      }
    }
    expect(new nn.Sequential(norm, new Negative()).forward(x).toArray()).toEqual(plain.relu().neg().toArray())
  })

  test('classes that share a norm keep their own forward: batch renormalization, lazy norms, CELU', () => {
    const x = image()
    const lazy = new nn.LazyBatchNorm2d()
    expect(new nn.Sequential(lazy, new nn.ReLU()).forward(x).toArray()).toEqual(new nn.BatchNorm2d(6).forward(x).relu().toArray())
    const renorm = () => new nn.BatchRenorm2d(6)
    expect(new nn.Sequential(renorm(), new nn.ReLU()).forward(x).toArray()).toEqual(renorm().forward(x).relu().toArray())
    const norm = new nn.GroupNorm(3, 6)
    expect(new nn.Sequential(norm, new nn.CELU(0.5)).forward(x).toArray()).toEqual(F.celu(norm.forward(x), 0.5).toArray())
  })

  test('a probe sees both layers', () => {
    const norm = new nn.BatchNorm1d(3)
    const outputs: string[] = []
    const model = new nn.Sequential(norm, new nn.ReLU())
    for (const layer of model) layer.registerForwardHook((module) => void outputs.push(module.constructor.name))
    model.forward(tensor([1, 2, 3, 4, 5, 7], { shape: [2, 3] }))
    expect(outputs).toEqual(['BatchNorm1d', 'ReLU'])
  })
})
