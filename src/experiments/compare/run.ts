import { noGrad } from '../../autograd/index.js'
import { manualSeed } from '../../core/random.js'
import { observe, type Probe } from '../../inspect/index.js'
import { DigitsCnn } from '../../models/index.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { SGD } from '../../optim/index.js'
import type { RunContext } from '../experiment.js'
import { digits, endless, evaluate, median, release, train } from '../train.js'
import { type LayerSeries, lossesAt, type RunResult } from './result.js'
import type { RunConfig } from './settings.js'

const OBSERVATIONS_PER_RUN = 60

/** Which layers are watched: each convolution, what its norm makes of it, and the logits. */
const watchedLayers = ['conv1', 'norm1', 'conv2', 'norm2', 'conv3', 'norm3', 'conv4', 'norm4', 'fc']

/**
 * The network of a run. Convolutions and the last layer start alike whatever the norm, as they are copied from one network without norm;
 * there the convolutions have a bias, which starts at 0 as that of the norms does.
 */
export function initialModel({ norm, seed, imageSize: size }: Pick<RunConfig, 'norm' | 'seed' | 'imageSize'>): DigitsCnn {
  const imageSize = Number(size)
  manualSeed(seed)
  const shared = new DigitsCnn({ norm: 'none', imageSize })
  for (const conv of [shared.conv1, shared.conv2, shared.conv3, shared.conv4]) {
    const { bias } = conv
    if (bias) noGrad(() => bias.zero_())
  }
  if (norm === 'none') return shared
  const model = new DigitsCnn({ norm, imageSize })
  model.loadStateDict(shared.stateDict(), { strict: false })
  release(shared)
  return model
}

/** Trains one network by plain SGD with cross-entropy, and tests it. */
export async function trainRun(config: RunConfig, context: RunContext): Promise<RunResult> {
  const { batchSize, learningRate, samples, seed, imageSize } = config
  const data = await digits(imageSize === '14' ? 14 : 28, context)
  const stepsPlanned = Math.floor(samples / batchSize)
  const model = initialModel(config)
  const probe = observe(model, { layers: watchedLayers, every: Math.max(1, Math.ceil(stepsPlanned / OBSERVATIONS_PER_RUN)) })
  const { losses, msPerStep, status, divergence } = await train(
    {
      model,
      optimizer: new SGD(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      steps: stepsPlanned,
      lossOf: ([images, labels]) => crossEntropy(model.forward(images), labels),
    },
    context,
  )
  probe.detach()
  const test = status === 'finished' ? evaluate(model, data.test) : null
  const layers = layerSeries(probe, batchSize)
  release(model)
  return {
    ...config,
    status,
    divergence,
    steps: losses.length,
    stepsPlanned,
    losses,
    lossAt: lossesAt(losses, batchSize, samples, stepsPlanned),
    testAccuracy: test?.accuracy ?? null,
    testLoss: test?.loss ?? null,
    msPerStep,
    firstLayerGradientNorm: median(layers.find(({ layer }) => layer === 'conv1')?.weightGradientNorm ?? []),
    layers,
  }
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
