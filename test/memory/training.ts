import { DataLoader, F, type MemoryUse, manualSeed, memory, nn, optim, randint, randn, steps, type Tensor, TensorDataset } from 'evenkeel'

/** A convolution with BatchNorm and one with LayerNorm, for images [N, 1, 6, 6] of three classes. */
export class SmallCnn extends nn.Module {
  conv1 = new nn.Conv2d(1, 3, 3, { padding: 1, bias: false })
  batchNorm = new nn.BatchNorm2d(3)
  pool = new nn.MaxPool2d(2)
  conv2 = new nn.Conv2d(3, 4, 3, { padding: 1 })
  layerNorm = new nn.LayerNorm([4, 3, 3])
  fc = new nn.Linear(4 * 3 * 3, 3)

  override forward(x: Tensor): Tensor {
    const h = this.pool.forward(this.batchNorm.forward(this.conv1.forward(x)).relu())
    return this.fc.forward(this.layerNorm.forward(this.conv2.forward(h)).relu().flatten(1))
  }
}

export const optimizers = {
  'SGD with momentum': (model: nn.Module) => new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 }),
  Adam: (model: nn.Module) => new optim.Adam(model.parameters(), { lr: 0.001 }),
}
export type OptimizerName = keyof typeof optimizers

export interface Setting {
  optimizer: OptimizerName
  loop: 'DataLoader' | 'steps'
  turns: number
}

export interface Watched {
  /** In the tenth turn, and in the last. */
  tenth: MemoryUse
  last: MemoryUse
  losses: number[]
}

/** Training as one writes it: no memory call but for the counting, and no await. */
export function train({ optimizer: name, loop, turns }: Setting): Watched {
  manualSeed(0)
  const model = new SmallCnn()
  const optimizer = optimizers[name](model)
  const images = randn([40, 1, 6, 6])
  const labels = randint(3, [40])
  const losses: number[] = []
  const counts: MemoryUse[] = []

  const step = (x: Tensor, y: Tensor) => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    losses.push(loss.item())
    if (losses.length === 10 || losses.length === turns) counts.push(memory())
  }

  if (loop === 'steps') {
    for (const i of steps(turns)) {
      const from = (i % 10) * 4
      step(images.narrow(0, from, 4), labels.narrow(0, from, 4))
    }
  } else {
    const loader = new DataLoader(new TensorDataset(images, labels), { batchSize: 4, shuffle: true, seed: 1 })
    for (let epoch = 0; epoch < turns / 10; epoch++) for (const [x, y] of loader) step(x, y)
  }
  return { tenth: counts[0], last: counts[1], losses }
}
