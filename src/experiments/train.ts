import { noGrad } from '../autograd/index.js'
import { scope } from '../core/storage.js'
import type { Tensor } from '../core/tensor.js'
import { type Collated, DataLoader, type Dataset, loadDigits, type TensorDataset } from '../data/index.js'
import { observe, summarize } from '../inspect/index.js'
import type { Layer } from '../nn/containers.js'
import type { Module } from '../nn/module.js'
import { crossEntropy } from '../ops/cross-entropy.js'
import type { Optimizer } from '../optim/index.js'
import type { Divergence, RunContext, RunState } from './experiment.js'

/** What the experiments that train share: a loop that gives way to its host, finds where numbers stop being finite, and ends where it is told to. */

/** Images and their labels, as `loadDigits` gives them. */
export interface DigitData {
  train: TensorDataset<[Tensor, Tensor]>
  test: TensorDataset<[Tensor, Tensor]>
}

const loaded = new Map<string, Promise<DigitData>>()

/** The digits of a size; read once. */
export function digits(size: 28 | 14, { digits: source }: RunContext): Promise<DigitData> {
  const key = `${size} ${source instanceof Uint8Array ? source.length : source}`
  const data = loaded.get(key) ?? loadDigits({ size, source })
  loaded.set(key, data)
  return data
}

/** Batches without end, in an order of the seed's. */
export function* endless<S>(dataset: Dataset<S>, options: { batchSize: number; seed: number }): Generator<Collated<S>> {
  const loader = new DataLoader(dataset, { ...options, shuffle: true, dropLast: true })
  while (true) yield* loader
}

export interface TrainingPlan<B> {
  model: Module
  optimizer: Optimizer
  batches: Iterator<B>
  steps: number
  /** The loss of a batch. */
  lossOf: (batch: B) => Tensor
  /** Between backward and the update. */
  beforeUpdate?: () => void
  /** Called after each update; `true` ends the run as finished. */
  afterStep?: (step: number, loss: number, batch: B) => boolean | void
  /** Beside the loss, for displays. */
  values?: () => Readonly<Record<string, number>>
}

export interface Training extends RunState {
  /** Loss of every step, before its update; all finite. */
  losses: number[]
  /** Median; null without a step. */
  msPerStep: number | null
}

/** Long enough to cost nothing, short enough for a display and for Ctrl-C. */
const MS_BETWEEN_PAUSES = 50

const timer = () => new Promise<void>((resolve) => setTimeout(resolve))

/** Trains until the steps are done, the loss is not finite, or the host ends it. */
export async function train<B>(plan: TrainingPlan<B>, context: RunContext): Promise<Training> {
  const { model, batches, steps, lossOf, afterStep, values } = plan
  const { signal, pause = timer, onStep } = context
  const losses: number[] = []
  const durations: number[] = []
  let divergence: Divergence | null = null
  let reported = 0
  let ended = false
  let lastPause = performance.now()
  const breathe = async () => {
    const recent = losses.slice(reported)
    const loss = recent.reduce((sum, v) => sum + v, 0) / Math.max(1, recent.length)
    onStep?.({ step: losses.length, steps, values: { loss, ...values?.() } })
    reported = losses.length
    await pause()
    lastPause = performance.now()
  }
  try {
    while (!ended && losses.length < steps && !signal?.aborted) {
      const begun = performance.now()
      const { value: batch, done } = batches.next()
      if (done) break
      const loss = trainStep(plan, batch)
      if (!Number.isFinite(loss)) {
        divergence = { step: losses.length + 1, loss: String(loss), where: firstNonFinite(model, () => lossOf(batch)) }
        break
      }
      losses.push(loss)
      durations.push(performance.now() - begun)
      ended = afterStep?.(losses.length, loss, batch) === true
      if (performance.now() - lastPause > MS_BETWEEN_PAUSES) await breathe()
    }
  } finally {
    batches.return?.()
  }
  await breathe()
  const finished = ended || losses.length === steps
  // The last update has no loss behind it that would tell.
  if (finished && !divergence) {
    const broken = brokenParameter(model)
    if (broken) divergence = { step: losses.length + 1, loss: 'not computed', where: broken }
  }
  return { status: divergence ? 'diverged' : finished ? 'finished' : 'stopped', divergence, losses, msPerStep: median(durations) }
}

/** One update, unless the loss is not finite. @returns the loss before it */
function trainStep<B>({ optimizer, lossOf, beforeUpdate }: TrainingPlan<B>, batch: B): number {
  // In a scope of its own, so that also the last step of a run leaves nothing to the garbage collector.
  return scope(() => {
    optimizer.zeroGrad()
    const loss = lossOf(batch)
    const value = loss.item()
    if (Number.isFinite(value)) {
      loss.backward()
      beforeUpdate?.()
      optimizer.step()
    }
    return value
  })
}

const isBroken = (t: Tensor) => !Number.isFinite(summarize(t).norm)
const brokenParameter = (model: Module): string | undefined => model.namedParameters().find(([, p]) => isBroken(p))?.[0]

/** Where NaN or infinity came in: the first such parameter, else the first layer whose output is such. */
function firstNonFinite(model: Module, again: () => Tensor): string {
  const parameter = brokenParameter(model)
  if (parameter) return parameter
  const probe = observe(model)
  scope(() => void again())
  probe.detach()
  const record = probe.records.find(({ activation }) => !Number.isFinite(activation.norm))
  return record ? `the output of ${record.layer}` : 'the loss'
}

const TEST_BATCH = 250

export interface Evaluation {
  /** Share of right answers. */
  accuracy: number
  /** Mean cross-entropy. */
  loss: number
}

/**
 * Tests a model in evaluation mode; it is then in the mode it was in.
 * @param see what the model gets to see of the images. Default: all
 */
export function evaluate(model: Layer, data: TensorDataset<[Tensor, Tensor]>, see?: (images: Tensor) => Tensor): Evaluation {
  const { training } = model
  model.eval()
  const result = test(model, data, see)
  model.train(training)
  return result
}

/** The same with the statistics of each test batch in place of running averages, which stay as they are. */
export function evaluateByBatch(model: Layer, data: TensorDataset<[Tensor, Tensor]>, see?: (images: Tensor) => Tensor): Evaluation {
  const copy = model.clone()
  const result = test(copy.train(), data, see)
  release(copy)
  return result
}

function test(model: Layer, data: TensorDataset<[Tensor, Tensor]>, see: (images: Tensor) => Tensor = (images) => images): Evaluation {
  let right = 0
  let loss = 0
  const run = () => {
    for (const [images, labels] of new DataLoader(data, { batchSize: TEST_BATCH })) {
      const logits = model.forward(see(images))
      right += logits.argmax(1).eq(labels).sum().item()
      loss += crossEntropy(logits, labels, { reduction: 'sum' }).item()
    }
  }
  scope(() => noGrad(run))
  return { accuracy: right / data.length, loss: loss / data.length }
}

/** A network that is of no more use: waiting for the garbage collector, it would add to the memory of the runs to come. */
export function release(...models: readonly Module[]): void {
  for (const model of models) {
    for (const t of [...model.parameters(), ...model.buffers()]) {
      t.grad?.dispose()
      t.dispose()
    }
  }
}

/** Of finite values; null where there is none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (sorted.length === 0) return null
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
