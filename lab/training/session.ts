import type { HookHandle } from '../../src/core/graph.js'
import { release } from '../../src/experiments/train.js'
import { DataLoader, F, Generator, manualSeed, type nn, noGrad, optim, scope, type Tensor } from '../../src/index.js'
import type { RunSettings, TrainConfig } from '../workbench/settings.js'
import type { BenchData } from './data.js'
import { divergedAt } from './diverged.js'
import { BenchNetwork } from './network.js'
import type { ChannelStatistics, Divergence, Evaluation, Part, Snapshot, StepRecord } from './records.js'
import { SlowMotion } from './slow-motion.js'
import { channelStatistics, isBatchNorm, Watch } from './watch.js'

/** Samples of the training data on which train() and eval() are compared, and of the test data. */
const COMPARED = 256
const TESTED = 500
/** Samples times blocks up to which the statistics are taken over the whole of the training data: little work beside the steps in between. */
const LITTLE_WORK = 40_000
/** The layers are looked at every so many steps, so that looking costs little beside training. */
export const SNAPSHOT_EVERY = 16
const EVALUATE_EVERY = 50
/** The first evaluations come sooner: the gap is widest while the averages are young. */
const EARLY = [1, 10, 25]

/** What a step gave. */
export interface StepResult {
  record: StepRecord
  snapshot: Snapshot | null
  evaluation: Evaluation | null
  divergence: Divergence | null
}

type Batch = [Tensor, Tensor]

/** One run of the bench, a step at a time: the same in the page's worker and in Node. */
export class Session {
  private readonly model: BenchNetwork
  private readonly optimizer: optim.SGD
  private readonly watch: Watch
  private readonly order: Generator
  private batches: Iterator<Batch>
  private settings: RunSettings
  /** Steps done. */
  step = 0

  constructor(
    private readonly config: TrainConfig,
    readonly data: BenchData,
  ) {
    this.settings = config
    manualSeed(config.seed)
    this.model = new BenchNetwork(config, data.input, data.classes)
    this.optimizer = new optim.SGD(this.model.parameters(), { lr: config.learningRate })
    this.watch = new Watch(this.model)
    this.order = new Generator().manualSeed(config.seed)
    this.batches = this.endless(config.batchSize)
  }

  /** What may change without a new start. */
  change(settings: Partial<RunSettings>): void {
    this.settings = { ...this.settings, ...settings }
    const { learningRate, batchSize, momentum } = this.settings
    for (const group of this.optimizer.paramGroups) group.lr = learningRate
    for (const { norm } of this.model.list) if (isBatchNorm(norm)) norm.momentum = momentum
    if (settings.batchSize === undefined) return
    this.batches.return?.()
    this.batches = this.endless(batchSize)
  }

  private *endless(wanted: number): IterableIterator<Batch, void> {
    const batchSize = Math.min(wanted, this.data.train.length)
    const loader = new DataLoader<Batch, Batch>(this.data.train, { batchSize, shuffle: true, dropLast: true, generator: this.order })
    while (true) yield* loader
  }

  next(): StepResult {
    const { value, done } = this.advance(null).next()
    if (!done) throw new Error('a step that nobody watches has no parts')
    return value
  }

  /** A step in its parts. Each is computed when it is asked for; together they are `next`. */
  *parts(): IterableIterator<Part, StepResult> {
    const slow = new SlowMotion(this.model)
    try {
      return yield* this.advance(slow)
    } finally {
      slow.end()
    }
  }

  private *advance(slow: SlowMotion | null): IterableIterator<Part, StepResult> {
    const { model, watch } = this
    const { value: batch, done } = this.batches.next()
    if (done) throw new Error('the data has come to an end')
    const [inputs, labels] = batch
    if (slow) yield slow.batch(inputs, labels)

    watch.looking = this.step % SNAPSHOT_EVERY === 0
    this.optimizer.zeroGrad()
    const logits = model.forward(inputs)
    watch.looking = false
    if (slow) yield slow.forward()
    if (slow) yield slow.statistics()
    if (slow) yield slow.running()

    const loss = F.crossEntropy(logits, labels)
    const value = loss.item()
    const right = logits.detach().argmax(1).eq(labels).sum().item()
    const record = { step: this.step + 1, loss: value, accuracy: right / labels.shape[0] }
    if (slow) yield slow.loss(logits, labels, value)
    if (!Number.isFinite(value)) {
      const divergence = { step: record.step, loss: String(value), ...divergedAt(model, () => model.forward(inputs)) }
      watch.take(record.step, false)
      return { record, snapshot: null, evaluation: null, divergence }
    }

    loss.backward()
    const snapshot = watch.take(record.step)
    if (slow) yield slow.backward()
    this.optimizer.step()
    if (slow) yield slow.update(this.settings.learningRate)
    this.step++
    const evaluation = this.step % EVALUATE_EVERY === 0 || EARLY.includes(this.step) ? this.evaluate() : null
    return { record, snapshot, evaluation, divergence: null }
  }

  /** Looks at the network as it is, and leaves it so. */
  evaluate(): Evaluation {
    const { model, data, settings, config } = this
    const compared = Math.min(COMPARED, data.train.length)
    const state = model.buffers().map((buffer) => buffer.clone())
    const restore = () => {
      for (const [i, buffer] of model.buffers().entries()) buffer.copy_(state[i])
    }
    const look = () => {
      try {
        const all = data.train.length
        const samples = config.network === 'mlp' && all * config.depth <= LITTLE_WORK ? all : compared
        const dataset = this.statisticsOver(samples)
        const train = this.lossOver(data.train, compared, Math.min(settings.batchSize, compared)).loss
        restore()
        model.eval()
        const evaluated = this.lossOver(data.train, compared, compared).loss
        const test = this.lossOver(data.test, Math.min(TESTED, data.test.length), 250)
        return { step: this.step, train, eval: evaluated, testLoss: test.loss, testAccuracy: test.accuracy, dataset, samples }
      } finally {
        restore()
        for (const buffer of state) buffer.dispose()
        model.train()
      }
    }
    // Its tensors go at once, not with the step.
    return scope(() => noGrad(look))
  }

  /** What each norm over the batch sees over many samples at once. */
  private statisticsOver(count: number): ChannelStatistics[] {
    const [inputs] = this.data.train.tensors
    const seen: ChannelStatistics[] = []
    const norms = this.model.list.map(({ norm }) => norm).filter(isBatchNorm)
    if (norms.length === 0) return seen
    const handles: HookHandle[] = norms.map((norm) => norm.registerForwardPreHook((_, [x]) => void seen.push(channelStatistics(x))))
    this.model.forward(inputs.narrow(0, 0, count))
    for (const handle of handles) handle.remove()
    return seen
  }

  private lossOver({ tensors: [inputs, labels] }: BenchData['train'], count: number, wanted: number): { loss: number; accuracy: number } {
    const batchSize = Math.min(wanted, count)
    let loss = 0
    let right = 0
    let seen = 0
    for (let at = 0; at + batchSize <= count; at += batchSize) {
      const classes = labels.narrow(0, at, batchSize)
      const logits = this.model.forward(inputs.narrow(0, at, batchSize))
      loss += F.crossEntropy(logits, classes, { reduction: 'sum' }).item()
      right += logits.argmax(1).eq(classes).sum().item()
      seen += batchSize
    }
    return { loss: loss / seen, accuracy: right / seen }
  }

  /** Gives back what it holds, where many runs follow one another in a worker. */
  end(): void {
    this.batches.return?.()
    this.watch.detach()
    release(this.model)
  }

  /** Weights and buffers by PyTorch's keys. */
  stateDict(): ReturnType<nn.Module['stateDict']> {
    return this.model.stateDict()
  }
}
