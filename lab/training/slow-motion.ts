import { noGrad, summarize, type Tensor } from '../../src/index.js'
import type { BenchNetwork } from './network.js'
import type { ChannelStatistics, Part } from './records.js'
import { channelStatistics, isBatchNorm, numbers, runningStatistics } from './watch.js'

const PICTURES = 8
const CHANNELS = 6

/** Tells a step in its parts, with the numbers of each. Only made for a step that is watched. */
export class SlowMotion {
  private readonly handles
  private readonly outputs: { layer: string; mean: number; std: number }[] = []
  private readonly weightsBefore: number[]
  private readonly runningBefore: (ChannelStatistics | null)[]
  private batchOf: ChannelStatistics | null = null

  constructor(private readonly model: BenchNetwork) {
    this.weightsBefore = this.weights.map(([, weight]) => numbers(weight)[0])
    this.runningBefore = model.list.map(({ norm }) => (isBatchNorm(norm) ? runningStatistics(norm) : null))
    const [first] = model.list
    this.handles = model
      .namedModules()
      .filter(([name]) => /\.(linear|norm|act)$|^fc$/.test(name))
      .map(([layer, module]) =>
        module.registerForwardHook((_, [input], output) => {
          if (module === first?.norm && first && isBatchNorm(first.norm)) this.batchOf = channelStatistics(input)
          const { mean, std } = summarize(output)
          this.outputs.push({ layer, mean, std })
        }),
      )
  }

  private get weights(): [string, Tensor][] {
    return this.model.namedParameters().filter(([name]) => /(linear|fc)\.weight$/.test(name))
  }

  batch(inputs: Tensor, labels: Tensor): Part {
    const shown = Math.min(PICTURES, inputs.shape[0])
    const size = inputs.ndim === 4 ? inputs.shape[3] : 0
    const classes = numbers(labels.narrow(0, 0, shown).to('float32'))
    const pictures = size > 0 ? { size, pixels: Float32Array.from(numbers(inputs.narrow(0, 0, shown))), labels: classes } : undefined
    const rows = size > 0 ? [] : classes.map((label, i) => [`sample ${i + 1}`, ...numbers(inputs.narrow(0, i, 1)).slice(0, 4), label])
    return {
      name: 'batch',
      text: `${inputs.shape[0]} samples are drawn in the order of the seed.`,
      columns: size > 0 ? [] : ['', ...(rows[0]?.slice(1, -1).map((_, i) => `x${i + 1}`) ?? []), 'class'],
      rows,
      pictures,
    }
  }

  forward(): Part {
    return {
      name: 'forward',
      text: 'The batch goes through the layers; each turns it into other numbers.',
      columns: ['output of', 'mean', 'spread'],
      rows: this.outputs.map(({ layer, mean, std }) => [layer, mean, std]),
    }
  }

  /** What the first norm took from the batch. */
  statistics(): Part {
    const { batchOf } = this
    const rows = batchOf ? batchOf.mean.slice(0, CHANNELS).map((mean, c) => [`channel ${c + 1}`, mean, batchOf.variance[c]]) : []
    return {
      name: 'statistics',
      text: batchOf
        ? 'On the way the first BatchNorm took the mean and variance of each channel over the batch, and normalised with them.'
        : 'This norm takes its statistics within each sample, or there is none: nothing is learned about the batch.',
      columns: ['blocks.0.norm', 'mean', 'variance'],
      rows,
    }
  }

  running(): Part {
    const [first] = this.model.list
    const [before] = this.runningBefore
    const norm = first?.norm
    const after = norm && isBatchNorm(norm) ? runningStatistics(norm) : null
    const { batchOf } = this
    const rows = before && after && batchOf ? before.mean.slice(0, CHANNELS).map((v, c) => [`channel ${c + 1}`, v, batchOf.mean[c], after.mean[c]]) : []
    const weight = norm && isBatchNorm(norm) ? norm.momentum : null
    return {
      name: 'running',
      text: before
        ? `It also moved its running mean towards that of the batch${weight === null ? ', as the plain average of all batches' : ` by a share of ${weight}`}: this is what eval() will use.`
        : 'No running averages are kept: this network does the same in train() and in eval().',
      columns: ['blocks.0.norm', 'running mean before', 'of the batch', 'after'],
      rows,
    }
  }

  loss(logits: Tensor, labels: Tensor, loss: number): Part {
    const scores = logits.detach().narrow(0, 0, 1)
    const chances = noGrad(() => numbers(scores.softmax(1)))
    const label = labels.narrow(0, 0, 1).item()
    return {
      name: 'loss',
      text: `Cross-entropy over the batch: ${loss.toPrecision(4)}. For the first sample, of class ${label}, the network says:`,
      columns: ['class', 'logit', 'probability'],
      rows: numbers(scores).map((logit, c) => [`${c}${c === label ? ' (right)' : ''}`, logit, chances[c]]),
    }
  }

  backward(): Part {
    return {
      name: 'backward',
      text: 'The loss goes back through the layers: how long is the gradient that reaches each weight?',
      columns: ['gradient of', 'length', 'in lengths of the weight'],
      rows: this.weights.map(([name, weight]) => {
        const length = weight.grad ? norm(weight.grad) : Number.NaN
        return [name, length, length / norm(weight)]
      }),
    }
  }

  update(learningRate: number): Part {
    return {
      name: 'update',
      text: `Each weight moves against its gradient, times the learning rate ${learningRate}. The first weight of each layer:`,
      columns: ['weight', 'before', 'after'],
      rows: this.weights.map(([name, weight], i) => [`${name}[0]`, this.weightsBefore[i], numbers(weight)[0]]),
    }
  }

  end(): void {
    for (const handle of this.handles) handle.remove()
  }
}

const norm = (t: Tensor): number => Math.hypot(...numbers(t))
