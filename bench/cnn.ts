import { F, nn, noGrad, optim, scope, type Tensor, tensor } from '../src/index.js'
import type { Jax } from './peers.js'
import { type Contestant, each, numbers, product, type Workload } from './workload.js'

/**
 * One training step of a small CNN on images of 28 x 28: convolution (3 x 3, 16 channels), norm, ReLU, max pooling, the same with 32
 * channels, a linear layer, cross-entropy, backward, SGD.
 */

const EPS = 1e-5
const BATCH = 64
const CLASSES = 10
const LR = 0.05

const labels = (): number[] => Array.from({ length: BATCH }, (_, i) => (i * 7) % CLASSES)

/** Weights small enough that the loss is ordinary. */
const weights = (shape: readonly number[], seed: number): Float32Array => numbers(product(shape), seed).map((v) => v * 0.2)

const shapes = { conv1: [16, 1, 3, 3], conv2: [32, 16, 3, 3], fc: [CLASSES, 32 * 49], bias: [CLASSES] }
export type Norm = 'batch' | 'layer'
const normShapes: Record<Norm, [number[], number[]]> = {
  batch: [[16], [32]],
  layer: [
    [16, 28, 28],
    [32, 14, 14],
  ],
}

/** The training step that is timed, and that test/bench/ counts launches and allocations of. */
export function trainingStep(norm: Norm): { run(): void; firstGradient(): Float32Array } {
  const make = (i: 0 | 1) => (norm === 'batch' ? new nn.BatchNorm2d(normShapes.batch[i][0]) : new nn.LayerNorm(normShapes.layer[i]))
  const model = new nn.Sequential(
    new nn.Conv2d(1, 16, 3, { padding: 1, bias: false }),
    make(0),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 32, 3, { padding: 1, bias: false }),
    make(1),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(32 * 49, CLASSES),
  )
  const [conv1, conv2, fc, bias] = [model.at(0), model.at(4), model.at(9), model.at(9)].map((m, i) => m.parameters()[i === 3 ? 1 : 0])
  const fill = (t: Tensor, values: Float32Array) => noGrad(() => t.detach().copy_(tensor(values, { shape: t.shape })))
  fill(conv1, weights(shapes.conv1, 3))
  fill(conv2, weights(shapes.conv2, 4))
  fill(fc, weights(shapes.fc, 5))
  fill(bias, weights(shapes.bias, 6))
  const x = tensor(numbers(BATCH * 784, 1), { shape: [BATCH, 1, 28, 28] })
  const target = tensor(labels(), { dtype: 'int64' })
  const optimizer = new optim.SGD(model.parameters(), { lr: LR })
  const backward = () => {
    optimizer.zeroGrad()
    F.crossEntropy(model.forward(x), target).backward()
  }
  return {
    // Releases what it has made, as a turn of a training loop does.
    run: () =>
      scope(() => {
        backward()
        optimizer.step()
      }),
    firstGradient: () =>
      scope(() => {
        backward()
        return (conv1.grad as Tensor).toTypedArray() as Float32Array
      }),
  }
}

function ours(norm: Norm): Contestant {
  const step = trainingStep(norm)
  return { times: each(step.run), result: () => [step.firstGradient()] }
}

function withJax(jax: Jax, norm: Norm): Contestant {
  const { numpy: np, lax, nn: jnn } = jax
  const make = (values: Float32Array, shape: number[]) => np.array(values, { shape })
  const [n1, n2] = normShapes[norm]
  const broadcast = (shape: number[]) => (norm === 'batch' ? [1, shape[0], 1, 1] : [1, ...shape])
  const x = make(numbers(BATCH * 784, 1), [BATCH, 1, 28, 28])
  const oneHot = new Float32Array(BATCH * CLASSES)
  labels().forEach((k, i) => {
    oneHot[i * CLASSES + k] = 1
  })
  const target = make(oneHot, [BATCH, CLASSES])
  type A = typeof x
  let parameters = [
    make(weights(shapes.conv1, 3), shapes.conv1),
    np.ones(broadcast(n1)),
    np.zeros(broadcast(n1)),
    make(weights(shapes.conv2, 4), shapes.conv2),
    np.ones(broadcast(n2)),
    np.zeros(broadcast(n2)),
    make(weights(shapes.fc, 5), shapes.fc),
    make(weights(shapes.bias, 6), shapes.bias),
  ]
  const axes = norm === 'batch' ? [0, 2, 3] : [1, 2, 3]
  const normalize = (input: A, weight: A, bias: A): A => {
    const mean = np.mean(input.ref, axes, { keepdims: true })
    const centered = input.sub(mean)
    const variance = np.mean(centered.ref.mul(centered.ref), axes, { keepdims: true })
    return centered
      .mul(np.reciprocal(np.sqrt(variance.add(EPS))))
      .mul(weight)
      .add(bias)
  }
  const pool = (input: A): A => {
    const [n, c, h, w] = input.shape
    return np.max(input.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5])
  }
  const padding: [number, number][] = [
    [1, 1],
    [1, 1],
  ]
  const loss = (p: A[], input: A, wanted: A): A => {
    const [c1, w1, b1, c2, w2, b2, fc, bias] = p
    const h1 = pool(jnn.relu(normalize(lax.conv(input, c1, [1, 1], padding), w1, b1)))
    const h2 = pool(jnn.relu(normalize(lax.conv(h1, c2, [1, 1], padding), w2, b2)))
    const logits = np.matmul(h2.reshape([BATCH, 32 * 49]), np.transpose(fc)).add(bias)
    return np.sum(jnn.logSoftmax(logits, -1).mul(wanted)).mul(-1 / BATCH)
  }
  const gradient = jax.grad(loss) as (p: A[], input: A, wanted: A) => A[]
  const gradients = () => gradient(parameters.map((p) => p.ref) as A[], x.ref, target.ref)
  return {
    times: each(async () => {
      const g = gradients()
      parameters = parameters.map((p, i) => p.sub(g[i].mul(LR)) as A)
      await jax.blockUntilReady(parameters.map((p) => p.ref))
    }),
    result: async () => {
      const [first, ...rest] = gradients()
      for (const a of rest) a.dispose()
      return [(await first.data()) as Float32Array]
    },
    dispose: () => {
      for (const a of [x, target, ...parameters]) a.dispose()
    },
  }
}

const python = (norm: Norm): string => {
  const layers = normShapes[norm].map((shape) => (norm === 'batch' ? `nn.BatchNorm2d(${shape})` : `nn.LayerNorm([${shape}])`))
  return `
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, bias=False), ${layers[0]}, nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1, bias=False), ${layers[1]}, nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(${32 * 49}, ${CLASSES}))
with torch.no_grad():
    for p, seed in ((model[0].weight, 3), (model[4].weight, 4), (model[9].weight, 5), (model[9].bias, 6)):
        p.copy_(numbers(p.shape, seed) * 0.2)
x = numbers([${BATCH}, 1, 28, 28], 1)
target = torch.arange(${BATCH}) * 7 % ${CLASSES}
optimizer = torch.optim.SGD(model.parameters(), lr=${LR})
def backward():
    optimizer.zero_grad()
    F.cross_entropy(model(x), target).backward()
    return [model[0].weight.grad]
def train():
    backward()
    optimizer.step()
timed(train, backward)`
}

/** Both convolutions with the gradients of their weights, the second also of its input, and the linear layer. */
const flops = BATCH * (2 * 2 * 784 * 16 * 9 + 3 * 2 * 196 * 32 * 144 + 3 * 2 * 32 * 49 * CLASSES)

export const cnn: readonly Workload[] = (['batch', 'layer'] as const).map((norm) => ({
  name: `cnn_${norm === 'batch' ? 'bn' : 'ln'}_step`,
  description: `training step of a CNN with ${norm === 'batch' ? 'BatchNorm2d' : 'LayerNorm'}, batch ${BATCH}, images 28 x 28`,
  flops,
  ours: () => ours(norm),
  jax: (jax) => withJax(jax, norm),
  torch: python(norm),
  without: { tfjs: 'no gradient of a convolution in its wasm backend (Conv2DBackpropFilter)' },
  targets: [
    { peer: 'torch', ratio: 2 },
    { peer: 'torch128', ratio: 0.65 },
  ],
}))
