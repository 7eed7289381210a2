import { describe, expect, test } from 'vitest'
import { grad, gradcheck, gradgradcheck } from '../../src/autograd/index.js'
import type { Tensor } from '../../src/core/tensor.js'
import { F, full, manualSeed, memory, nn, noGrad, randn, scope } from '../../src/index.js'
import { launchCount } from '../../src/kernels/wasm/launch.js'
import { type ActivationName, activationOf } from '../../src/ops/activation.js'

/** Linear and convolutions that end with an activation in the same pass. */

type Product = (x: Tensor, w: Tensor, b: Tensor | null, end?: { activation: ActivationName }) => Tensor
interface Case {
  readonly product: Product
  readonly shapes: readonly [x: number[], w: number[], b: number[]]
}
const linear: Product = (x, w, b, end) => F.linear(x, w, b, end)
const conv =
  (options: { padding?: number; groups?: number } = {}): Product =>
  (x, w, b, end) =>
    F.conv2d(x, w, b, { ...options, ...end })

/** Odd sizes, so that tiles and runs end in the middle of a vector; more than one block of the matrix product. */
const cases: Record<string, Case> = {
  linear: { product: linear, shapes: [[70, 33], [270, 33], [270]] },
  'linear of few rows': { product: linear, shapes: [[3, 33], [7, 33], [7]] },
  'linear to one feature': { product: linear, shapes: [[2, 9, 33], [1, 33], [1]] },
  'convolution of 1 x 1': { product: conv(), shapes: [[2, 5, 7, 7], [6, 5, 1, 1], [6]] },
  'convolution of 3 x 3': { product: conv({ padding: 1 }), shapes: [[2, 5, 7, 7], [6, 5, 3, 3], [6]] },
  'convolution by tiles': { product: conv({ padding: 1 }), shapes: [[3, 16, 9, 9], [17, 16, 3, 3], [17]] },
  'depthwise convolution': { product: conv({ groups: 5, padding: 1 }), shapes: [[2, 5, 7, 7], [5, 1, 3, 3], [5]] },
  'convolution with the whole image': { product: conv(), shapes: [[9, 5, 3, 3], [6, 5, 3, 3], [6]] },
}

const activations = Object.keys(activationOf) as ActivationName[]
const apply = (name: ActivationName, x: Tensor): Tensor => (F as unknown as Record<ActivationName, (x: Tensor) => Tensor>)[name](x)

function leavesOf({ shapes }: Pick<Case, 'shapes'>, dtype: 'float32' | 'float64' = 'float32'): [Tensor, Tensor, Tensor] {
  manualSeed(7)
  const [x, w, b] = shapes.map((shape) => randn(shape).to(dtype).requiresGrad_())
  return [x, w, b]
}

/** The output and all gradients, as numbers. */
function results(leaves: readonly [Tensor, Tensor, Tensor], run: (x: Tensor, w: Tensor, b: Tensor) => Tensor): (number[] | null)[] {
  for (const t of leaves) t.grad = null
  const y = run(...leaves)
  manualSeed(8)
  y.backward(randn(y.shape).to(y.dtype))
  return [y.detach(), ...leaves.map((t) => t.grad)].map((t) => t && Array.from(t.toTypedArray() as Float32Array))
}

describe.each(Object.entries(cases))('%s', (_, c) => {
  test.each(activations)('with %s: the bits of separate operations, forward and backward', (activation) => {
    for (const dtype of ['float32', 'float64'] as const) {
      const leaves = leavesOf(c, dtype)
      const plain = results(leaves, (x, w, b) => apply(activation, c.product(x, w, b)))
      expect(results(leaves, (x, w, b) => c.product(x, w, b, { activation }))).toEqual(plain)
      const [x, w] = leaves
      const expected = noGrad(() => apply(activation, c.product(x, w, null)))
      expect(noGrad(() => c.product(x, w, null, { activation })).toArray()).toEqual(expected.toArray())
    }
  })
})

test.each(['tanh', 'silu'] as const)('derivatives of both orders, with %s', (activation) => {
  for (const [product, shapes] of [
    [linear, [[3, 2], [4, 2], [4]]],
    [conv({ padding: 1 }), [[1, 2, 3, 3], [2, 2, 3, 3], [2]]],
  ] as const) {
    const run = (x: Tensor, w: Tensor, b: Tensor) => product(x, w, b, { activation })
    const leaves = leavesOf({ shapes: shapes as unknown as Case['shapes'] }, 'float64')
    expect(gradcheck(run, leaves)).toBe(true)
    expect(gradgradcheck(run, leaves)).toBe(true)
  }
})

test('a gradient that was recorded stays when its graph is freed', () => {
  const leaves = leavesOf({ shapes: [[3, 2], [4, 2], [4]] }, 'float64')
  const second = (run: () => Tensor) => {
    const dy = full([3, 4], 1.5).to('float64').requiresGrad_()
    const [dx] = grad([run()], [leaves[0]], { gradOutputs: [dy], createGraph: true, retainGraph: false })
    return grad([(dx as Tensor).square().sum()], [dy])[0]?.toArray()
  }
  expect(second(() => F.linear(...leaves, { activation: 'silu' }))).toEqual(second(() => F.silu(F.linear(...leaves))))
})

test('integers become what a separate activation makes of them', () => {
  const [x, w] = [randn([2, 3]).mul(3).to('int64'), randn([4, 3]).mul(3).to('int64')]
  const y = F.linear(x, w, null, { activation: 'sigmoid' })
  expect(y.dtype).toBe('float32')
  expect(y.toArray()).toEqual(F.sigmoid(F.linear(x, w)).toArray())
})

test('a node has the name of the last operation, and the one before it that of the first', () => {
  const [x, w, b] = leavesOf({ shapes: [[3, 2], [4, 2], [4]] })
  const node = F.linear(x, w, b, { activation: 'relu' }).gradFn
  expect(node?.name).toBe('ReluBackward0')
  expect(node?.edges[0]?.node.name).toBe('AddmmBackward0')
})

test('what was kept for backward is released with it', () => {
  const leaves = leavesOf({ shapes: [[8, 16], [32, 16], [32]] })
  const left = (run: () => Tensor) => {
    for (const t of leaves) t.grad = null
    return scope(() => {
      const loss = run().sum()
      const during = memory().tensors
      loss.backward()
      return memory().tensors - during
    })
  }
  expect(left(() => F.linear(...leaves, { activation: 'gelu' }))).toBe(left(() => F.gelu(F.linear(...leaves))) - 1)
})

test('an unknown activation is named', () => {
  const [x, w] = [randn([2, 3]), randn([4, 3])]
  expect(() => F.linear(x, w, null, { activation: 'rellu' as 'relu' })).toThrow("linear: unknown activation 'rellu'. Did you mean 'relu'?")
  expect(() => F.conv1d(x, randn([4, 2, 1]), null, { activation: 'gellu' as 'gelu' })).toThrow("conv1d: unknown activation 'gellu'. Did you mean 'gelu'?")
})

describe('Sequential', () => {
  const launches = (run: () => unknown): number => {
    const before = launchCount()
    run()
    return launchCount() - before
  }

  test('Linear and GELU in one pass: the same bits, a launch less; a hook sees both', () => {
    const x = randn([20, 9])
    const [layer, gelu] = [new nn.Linear(9, 33), new nn.GELU()]
    const model = new nn.Sequential(layer, gelu)
    const apart = launches(() => gelu.forward(layer.forward(x)))
    expect(launches(() => model.forward(x))).toBe(apart - 1)
    const expected = gelu.forward(layer.forward(x)).toArray()
    expect(model.forward(x).toArray()).toEqual(expected)
    const seen: Tensor[] = []
    layer.registerForwardHook((_, __, y) => void seen.push(y as Tensor))
    expect(model.forward(x).toArray()).toEqual(expected)
    expect(seen.map((t) => t.toArray())).toEqual([layer.forward(x).toArray()])
  })

  test('convolutions of every padding mode, and a transposed one, which has no pass to end', () => {
    const x = randn([2, 3, 8, 8])
    const layers = [
      new nn.Conv2d(3, 4, 3, { padding: 1, paddingMode: 'reflect' }),
      new nn.Conv2d(3, 4, 3, { padding: 'same' }),
      new nn.ConvTranspose2d(3, 4, 3),
    ]
    for (const layer of layers) {
      expect(new nn.Sequential(layer, new nn.SiLU()).forward(x).toArray()).toEqual(F.silu(layer.forward(x)).toArray())
    }
  })
})
