import { noGrad } from '../../autograd/index.js'
import { manualSeed } from '../../core/random.js'
import { DigitsCnn } from '../../models/index.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { SGD } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { imageNorm } from '../networks.js'
import type { Norm } from '../norms.js'
import { digits, endless, evaluate, release, train } from '../train.js'

export type ImageNorm = Exclude<Norm, 'rms'>

export interface BatchSizeConfig {
  norm: ImageNorm
  batchSize: number
  /** At this batch size. */
  learningRate: number
  /** Training images seen. */
  samples: number
  imageSize: '28' | '14'
  seed: number
}

export interface BatchSizeRun extends BatchSizeConfig, RunState {
  losses: number[]
  /** In evaluation mode, where BatchNorm uses its running averages; null unless finished. */
  testAccuracy: number | null
  testLoss: number | null
  msPerStep: number | null
}

/** The network of compare. Weights start alike whatever the norm, and so do biases, at 0. */
function network({ norm, imageSize, seed }: BatchSizeConfig): DigitsCnn {
  manualSeed(seed)
  const model = new DigitsCnn({ norm: norm === 'none' ? 'none' : imageNorm(norm), imageSize: Number(imageSize) })
  noGrad(() => {
    for (const { bias } of [model.conv1, model.conv2, model.conv3, model.conv4, model.fc]) bias?.zero_()
  })
  return model
}

export async function batchSizeRun(config: BatchSizeConfig, context: RunContext): Promise<BatchSizeRun> {
  const { batchSize, learningRate, samples, imageSize, seed } = config
  const data = await digits(imageSize === '14' ? 14 : 28, context)
  const model = network(config)
  const { losses, status, divergence, msPerStep } = await train(
    {
      model,
      optimizer: new SGD(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      steps: Math.floor(samples / batchSize),
      lossOf: ([images, labels]) => crossEntropy(model.forward(images), labels),
    },
    context,
  )
  const test = status === 'finished' ? evaluate(model, data.test) : null
  release(model)
  return { ...config, status, divergence, losses, testAccuracy: test?.accuracy ?? null, testLoss: test?.loss ?? null, msPerStep }
}
