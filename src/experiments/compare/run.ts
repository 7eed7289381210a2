import { noGrad } from '../../autograd/index.js'
import { Generator, manualSeed } from '../../core/random.js'
import { scope } from '../../core/storage.js'
import type { Tensor } from '../../core/tensor.js'
import { DataLoader, type TensorDataset } from '../../data/index.js'
import { observe, type Probe, summarize } from '../../inspect/index.js'
import { DigitsCnn } from '../../models/index.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { SGD } from '../../optim/index.js'
import { type Divergence, type LayerSeries, lossesAt, median, type RunResult } from './result.js'
import type { CompareSettings, RunConfig } from './settings.js'

/** Images and their labels, as `loadDigits` gives them. */
export interface DigitData {
  train: TensorDataset<[Tensor, Tensor]>
  test: TensorDataset<[Tensor, Tensor]>
}

export interface RunHooks {
  /** Called every so often, about 20 times a second, and after the last step. */
  onStep?: (progress: StepProgress) => void
  /** Lets the host do what waits (signals, input, drawing) between two steps. Default: a timer of 0 ms. */
  pause?: () => Promise<void>
  /** Ends the run before the next step; what was measured is kept. */
  signal?: AbortSignal
}

export interface StepProgress {
  /** Steps done. */
  step: number
  steps: number
  /** Mean training loss since the last call. */
  loss: number
  samplesPerSecond: number
}

/** Long enough to cost nothing, short enough for a display and for Ctrl-C. */
const MS_BETWEEN_PAUSES = 50
const OBSERVATIONS_PER_RUN = 60
const TEST_BATCH = 250

/** Which layers are watched: each convolution, what its norm makes of it, and the logits. */
const watchedLayers = ['conv1', 'norm1', 'conv2', 'norm2', 'conv3', 'norm3', 'conv4', 'norm4', 'fc']

/**
 * The network of a run. Convolutions and the last layer start alike whatever the norm, as they are copied from one network without norm;
 * there the convolutions have a bias, which starts at 0 as that of the norms does.
 */
export function initialModel({ norm }: RunConfig, { seed, imageSize }: CompareSettings): DigitsCnn {
  manualSeed(seed)
  const shared = new DigitsCnn({ norm: 'none', imageSize })
  for (const conv of [shared.conv1, shared.conv2, shared.conv3, shared.conv4]) {
    const { bias } = conv
    if (bias) noGrad(() => bias.zero_())
  }
  if (norm === 'none') return shared
  const model = new DigitsCnn({ norm, imageSize })
  model.loadStateDict(shared.stateDict(), { strict: false })
  return model
}

/** Trains one network by plain SGD with cross-entropy, and tests it. */
export async function trainRun(config: RunConfig, settings: CompareSettings, data: DigitData, hooks: RunHooks = {}): Promise<RunResult> {
  const { batchSize, learningRate } = config
  const { signal, pause = timer, onStep } = hooks
  const stepsPlanned = Math.floor(settings.samples / batchSize)
  const model = initialModel(config, settings)
  const optimizer = new SGD(model.parameters(), { lr: learningRate })
  const loader = new DataLoader(data.train, { batchSize, shuffle: true, dropLast: true, generator: new Generator().manualSeed(settings.seed) })
  const probe = observe(model, { layers: watchedLayers, every: Math.max(1, Math.ceil(stepsPlanned / OBSERVATIONS_PER_RUN)) })

  const losses: number[] = []
  const durations: number[] = []
  let divergence: Divergence | null = null
  let reported = 0
  const begun = performance.now()
  let paused = 0
  const report = () => {
    const recent = losses.slice(reported)
    const seconds = (performance.now() - begun - paused) / 1000
    onStep?.({
      step: losses.length,
      steps: stepsPlanned,
      loss: recent.reduce((sum, loss) => sum + loss, 0) / Math.max(1, recent.length),
      samplesPerSecond: (losses.length * batchSize) / seconds,
    })
    reported = losses.length
  }
  let lastPause = begun
  const breathe = async () => {
    report()
    const before = performance.now()
    await pause()
    lastPause = performance.now()
    paused += lastPause - before
  }

  training: while (losses.length < stepsPlanned && !signal?.aborted) {
    let stepBegun = performance.now()
    for (const [images, labels] of loader) {
      const value = trainStep(model, optimizer, images, labels)
      losses.push(value)
      if (!Number.isFinite(value)) {
        const step = losses.length
        divergence = { step, samples: step * batchSize, loss: String(value), where: firstNonFinite(model, images) }
        break training
      }
      durations.push(performance.now() - stepBegun)
      if (losses.length === stepsPlanned) break
      if (performance.now() - lastPause > MS_BETWEEN_PAUSES) await breathe()
      if (signal?.aborted) break
      stepBegun = performance.now()
    }
  }
  probe.detach()
  await breathe()

  const finished = divergence === null && losses.length === stepsPlanned
  const test = finished ? evaluate(model, data.test) : null
  const layers = layerSeries(probe, batchSize)
  const run: RunResult = {
    ...config,
    status: divergence ? 'diverged' : finished ? 'finished' : 'stopped',
    divergence,
    steps: durations.length,
    stepsPlanned,
    losses,
    lossAt: lossesAt(losses, batchSize, settings.samples, stepsPlanned),
    testAccuracy: test?.accuracy ?? null,
    testLoss: test?.loss ?? null,
    msPerStep: median(durations),
    firstLayerGradientNorm: median(layers.find(({ layer }) => layer === 'conv1')?.weightGradientNorm ?? []),
    layers,
  }
  // The network is of no more use: waiting for the garbage collector, it would add to the memory of the runs to come.
  for (const t of [...model.parameters(), ...model.buffers()]) {
    t.grad?.dispose()
    t.dispose()
  }
  return run
}

/** One update, unless the loss is not finite. @returns the loss before it */
function trainStep(model: DigitsCnn, optimizer: SGD, images: Tensor, labels: Tensor): number {
  // In a scope of its own, so that also the last step of a run leaves nothing to the garbage collector.
  return scope(() => {
    optimizer.zeroGrad()
    const loss = crossEntropy(model.forward(images), labels)
    const value = loss.item()
    if (Number.isFinite(value)) {
      loss.backward()
      optimizer.step()
    }
    return value
  })
}

const timer = () => new Promise<void>((resolve) => setTimeout(resolve))

/** Share of right answers and mean loss over a data set, in evaluation mode. */
export function evaluate(model: DigitsCnn, data: TensorDataset<[Tensor, Tensor]>): { accuracy: number; loss: number } {
  let right = 0
  let loss = 0
  model.eval()
  const test = () => {
    for (const [images, labels] of new DataLoader(data, { batchSize: TEST_BATCH })) {
      const logits = model.forward(images)
      right += logits.argmax(1).eq(labels).sum().item()
      loss += crossEntropy(logits, labels, { reduction: 'sum' }).item()
    }
  }
  scope(() => noGrad(test))
  return { accuracy: right / data.length, loss: loss / data.length }
}

/** Where NaN or infinity came in: the first such parameter, else the first layer whose output is such. */
function firstNonFinite(model: DigitsCnn, images: Tensor): string {
  const broken = (t: Tensor) => !Number.isFinite(summarize(t).norm)
  const parameter = model.namedParameters().find(([, p]) => broken(p))
  if (parameter) return parameter[0]
  const probe = observe(model)
  scope(() => void model.forward(images))
  probe.detach()
  const record = probe.records.find(({ activation }) => !Number.isFinite(activation.norm))
  return record ? `the output of ${record.layer}` : 'the loss'
}

function layerSeries(probe: Probe, batchSize: number): LayerSeries[] {
  const series = new Map<string, LayerSeries>()
  for (const { step, layer, activation, gradient, parameters } of probe.records) {
    // The forward pass whose loss was not finite had no backward.
    if (!gradient) continue
    const weight = parameters.weight?.gradient
    let entry = series.get(layer)
    if (!entry) {
      entry = { layer, samples: [], mean: [], std: [], gradientNorm: [], weightGradientNorm: weight ? [] : null }
      series.set(layer, entry)
    }
    entry.samples.push(step * batchSize)
    entry.mean.push(activation.mean)
    entry.std.push(activation.std)
    entry.gradientNorm.push(gradient.norm)
    if (weight) entry.weightGradientNorm?.push(weight.norm)
  }
  return [...series.values()]
}
