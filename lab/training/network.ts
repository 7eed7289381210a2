import { nn, type Tensor } from '../../src/index.js'
import type { TrainConfig } from '../workbench/settings.js'
import { CHANNELS, GROUPS, POOLED, WIDTH } from '../workbench/sizes.js'

type Layer = nn.Module & { forward(x: Tensor): Tensor }

const activations: Readonly<Record<TrainConfig['activation'], () => Layer>> = {
  relu: () => new nn.ReLU(),
  leaky: () => new nn.LeakyReLU(),
  gelu: () => new nn.GELU(),
  silu: () => new nn.SiLU(),
  tanh: () => new nn.Tanh(),
  sigmoid: () => new nn.Sigmoid(),
}

/** A layer with weights, a norm and an activation, in the order that is asked for. */
export class Block extends nn.Module {
  constructor(
    readonly linear: Layer,
    readonly norm: Layer,
    readonly act: Layer,
    readonly pool: Layer | null,
    readonly place: TrainConfig['place'],
  ) {
    super()
  }

  override forward(x: Tensor): Tensor {
    const z = this.linear.forward(x)
    const y = this.place === 'before' ? this.act.forward(this.norm.forward(z)) : this.norm.forward(this.act.forward(z))
    return this.pool ? this.pool.forward(y) : y
  }
}

/**
 * The network of the bench: blocks, then one linear layer. Norms start at 1 and 0 and draw no random numbers, so a seed gives the same weights
 * whatever the norm.
 */
export class BenchNetwork extends nn.Module {
  readonly blocks: nn.ModuleList<Block>
  readonly fc: nn.Linear
  private readonly flat: boolean

  constructor(config: TrainConfig, input: readonly number[], classes: number) {
    super()
    const { depth, network, activation, place } = config
    this.flat = network === 'mlp'
    const block = (linear: Layer, norm: Layer, pool: Layer | null) => new Block(linear, norm, activations[activation](), pool, place)
    const blocks: Block[] = []
    let width = input.reduce((product, size) => product * size, 1)
    if (this.flat) {
      for (let i = 0; i < depth; i++) {
        blocks.push(block(new nn.Linear(width, WIDTH), normOf(config, [WIDTH]), null))
        width = WIDTH
      }
    } else {
      if (input.length < 3) throw new Error('Convolutions need pictures: for a table or a text choose the fully connected network.')
      let [channels, size] = input
      for (let i = 0; i < depth; i++) {
        const next = CHANNELS[Math.min(i, CHANNELS.length - 1)]
        const pool = POOLED.includes(i) && size >= 2 ? new nn.MaxPool2d(2) : null
        blocks.push(block(new nn.Conv2d(channels, next, 3, { padding: 1 }), normOf(config, [next, size, size]), pool))
        channels = next
        if (pool) size = Math.floor(size / 2)
      }
      width = channels * size * size
    }
    this.blocks = new nn.ModuleList(blocks)
    this.fc = new nn.Linear(width, classes)
  }

  override forward(x: Tensor): Tensor {
    let y = this.flat ? x.flatten(1) : x
    for (const block of this.list) y = block.forward(y)
    return this.fc.forward(y.flatten(1))
  }

  get list(): Block[] {
    return Array.from({ length: this.blocks.length }, (_, i) => this.blocks.at(i))
  }
}

/** @param shape of a sample behind the layer: [features] or [channels, height, width] */
function normOf({ norm, momentum }: TrainConfig, shape: readonly number[]): Layer {
  const [channels] = shape
  const flat = shape.length === 1
  switch (norm) {
    case 'none':
      return new nn.Identity()
    case 'batch':
      return flat ? new nn.BatchNorm1d(channels, { momentum }) : new nn.BatchNorm2d(channels, { momentum })
    case 'layer':
      return new nn.LayerNorm([...shape])
    case 'group':
      return new nn.GroupNorm(GROUPS, channels)
    case 'instance':
      if (flat) throw new Error('InstanceNorm takes its statistics over the positions of a channel, and a fully connected layer has none.')
      return new nn.InstanceNorm2d(channels, { affine: true })
    case 'rms':
      return new nn.RMSNorm([...shape])
  }
}
