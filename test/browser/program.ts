import {
  arange,
  bernoulli,
  cat,
  DataLoader,
  F,
  grad,
  loadDigits,
  manualSeed,
  nn,
  noGrad,
  optim,
  rand,
  randint,
  randn,
  randperm,
  type Tensor,
  TensorDataset,
  tensor,
} from 'evenkeel'
import { DigitsCnn } from '../../src/models/digits-cnn.js'

/** Numbers under names: plain data, which goes from Node to a page and between threads. */
export type Results = Record<string, number[]>

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray(), Number)

/** What a seed gives: generator, initial weights, order of batches. */
export function seeded(): Results {
  manualSeed(7)
  const results: Results = {
    rand: numbers(rand([40])),
    randn: numbers(randn([40])),
    'randn of few': numbers(randn([5])),
    'randn float64': numbers(randn([20], { dtype: 'float64' })),
    randint: numbers(randint(1000, [20])),
    randperm: numbers(randperm(30)),
    bernoulli: numbers(bernoulli(rand([30]))),
    'weights of Conv2d': numbers(new nn.Conv2d(2, 3, 3).weight),
    'weights of Linear': numbers(new nn.Linear(5, 4).weight),
    dropout: numbers(F.dropout(rand([40]), { p: 0.4 })),
  }
  const loader = new DataLoader(new TensorDataset(arange(20)), { batchSize: 6, shuffle: true })
  results['order of batches'] = []
  for (let pass = 0; pass < 2; pass++) for (const [x] of loader) results['order of batches'].push(...numbers(x))
  return results
}

/** Operations of every family, with gradients. */
export function operations(): Results {
  manualSeed(1)
  const results: Results = {}
  const x = randn([4, 6, 8, 8])
  const positive = rand([50]).add(0.1)
  const weight = randn([5, 6, 3, 3])
  const unary = ['exp', 'log', 'sqrt', 'rsqrt', 'tanh', 'sigmoid', 'sin', 'erf', 'log1p', 'relu', 'gelu', 'silu', 'softplus', 'mish', 'elu'] as const
  for (const name of unary) results[name] = numbers(positive[name]())
  const cases: Record<string, () => Tensor> = {
    arithmetic: () => x.mul(2).sub(x.select(1, 0).unsqueeze(1)).div(3).pow(2).add(x.abs()),
    'sum and mean': () => cat([x.sum([0, 2, 3]), x.mean([1, 2, 3]), x.std(-1).flatten()]),
    matmul: () => x.reshape([24, 64]).matmul(x.reshape([64, 24])),
    softmax: () => cat([x.softmax(1).flatten(), x.logSoftmax(-1).flatten(), x.logsumexp(2).flatten()]),
    conv2d: () => F.conv2d(x, weight, null, { padding: 1 }),
    'conv2d with stride and dilation': () => F.conv2d(x, weight, null, { stride: 2, dilation: 2, padding: 2 }),
    'depthwise conv2d': () => F.conv2d(x, weight.narrow(0, 0, 1).transpose(0, 1), null, { groups: 6 }),
    convTranspose2d: () => F.convTranspose2d(x, weight.transpose(0, 1), null, { stride: 2 }),
    pooling: () => cat([F.maxPool2d(x, 2).flatten(), F.avgPool2d(x, 3, { stride: 2, padding: 1 }).flatten(), F.adaptiveAvgPool2d(x, 3).flatten()]),
    permuted: () =>
      x
        .permute(0, 2, 3, 1)
        .reshape([256, 6])
        .mul(x.permute(2, 3, 0, 1).reshape([256, 6])),
    'cross entropy': () => F.crossEntropy(x.reshape([256, 6]), randint(6, [256])),
  }
  x.requiresGrad_()
  weight.requiresGrad_()
  for (const [name, run] of Object.entries(cases)) {
    const y = run()
    results[name] = numbers(y)
    const seed = randn(y.shape)
    grad(y, [x, weight], { gradOutputs: seed, allowUnused: true }).forEach((g, i) => {
      if (g) results[`${name}: gradient ${i}`] = numbers(g)
    })
  }
  return results
}

/** BatchNorm and LayerNorm: outputs, running statistics, gradients, in training and evaluation, also beside a large offset. */
export function norms(): Results {
  manualSeed(2)
  const results: Results = {}
  const layers: [string, nn.Module & { forward(x: Tensor): Tensor }, number[]][] = [
    ['BatchNorm1d', new nn.BatchNorm1d(7), [9, 7]],
    ['BatchNorm1d of sequences', new nn.BatchNorm1d(7, { momentum: null }), [9, 7, 5]],
    ['BatchNorm2d', new nn.BatchNorm2d(6), [4, 6, 9, 9]],
    ['BatchNorm2d without parameters', new nn.BatchNorm2d(6, { affine: false, trackRunningStats: false }), [4, 6, 3, 3]],
    ['BatchNorm3d', new nn.BatchNorm3d(3), [2, 3, 4, 4, 4]],
    ['LayerNorm', new nn.LayerNorm(33), [17, 33]],
    ['LayerNorm of images', new nn.LayerNorm([3, 8, 8]), [4, 3, 8, 8]],
    ['LayerNorm without bias', new nn.LayerNorm([6], { bias: false }), [5, 4, 6]],
  ]
  for (const [name, layer, shape] of layers) {
    for (const offset of [0, 1e4]) {
      const x = randn(shape).mul(3).add(offset).requiresGrad_()
      const title = `${name}, offset ${offset}`
      const y = layer.train().forward(x)
      y.mul(randn(shape)).sum().backward()
      results[title] = numbers(y)
      results[`${title}: gradient`] = numbers(x.grad as Tensor)
      layer.namedParameters().forEach(([key, p]) => {
        results[`${title}: gradient of ${key}`] = numbers(p.grad as Tensor)
      })
      layer.namedBuffers().forEach(([key, b]) => {
        results[`${title}: ${key}`] = numbers(b)
      })
      results[`${title}: evaluated`] = numbers(noGrad(() => layer.eval().forward(x)))
    }
  }
  return results
}

/** A short training on digits of 14 x 14: the loss of each step, and in the end the accuracy on the test set. */
export async function trainDigits(norm: 'batch' | 'layer'): Promise<Results> {
  const { train, test } = await loadDigits({ size: 14 })
  manualSeed(3)
  const model = new DigitsCnn({ norm, imageSize: 14 })
  const optimizer = norm === 'batch' ? new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }) : new optim.Adam(model.parameters(), { lr: 0.003 })
  const losses: number[] = []
  for (let epoch = 0; epoch < 2; epoch++) {
    for (const [x, y] of new DataLoader(train, { batchSize: 32, shuffle: true })) {
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      optimizer.step()
      losses.push(loss.item())
    }
  }
  model.eval()
  let correct = 0
  noGrad(() => {
    for (const [x, y] of new DataLoader(test, { batchSize: 250 })) correct += model.forward(x).argmax(1).eq(y).sum().item()
  })
  return { losses, accuracy: [correct / test.length], weights: numbers(tensor(model.parameters().map((p) => p.detach().square().sum().item()))) }
}

/** All of it. */
export async function program(): Promise<Results> {
  const results: Results = {}
  const parts = { seeded: seeded(), operations: operations(), norms: norms(), batch: await trainDigits('batch'), layer: await trainDigits('layer') }
  for (const [part, values] of Object.entries(parts)) for (const [name, list] of Object.entries(values)) results[`${part}: ${name}`] = list
  return results
}
