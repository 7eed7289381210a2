import { crossEntropy } from '../../ops/cross-entropy.js'
import { SGD } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { type Activation, type FeatureNorm, stack } from '../networks.js'
import { digits, endless, evaluate, release, train } from '../train.js'

export interface LearningRateConfig {
  norm: FeatureNorm
  activation: Activation
  learningRate: number
  depth: number
  width: number
  batchSize: number
  steps: number
  /** A run has come to the loss where the mean of its last `WINDOW` steps is at most this. */
  targetLoss: number
  seed: number
}

export interface LearningRateRun extends LearningRateConfig, RunState {
  losses: number[]
  /** Steps until the target loss; null where it was not reached. */
  stepsToTarget: number | null
  /** Mean of the last steps; null where the run diverged. */
  finalLoss: number | null
  testAccuracy: number | null
}

/** Steps over which losses are averaged. */
export const WINDOW = 10

const IMAGE_SIZE = 14

export async function learningRateRun(config: LearningRateConfig, context: RunContext): Promise<LearningRateRun> {
  const { norm, activation, learningRate, depth, width, batchSize, steps, targetLoss, seed } = config
  const data = await digits(IMAGE_SIZE, context)
  const model = stack({ inputs: IMAGE_SIZE * IMAGE_SIZE, width, depth, norm, place: 'before', activation, init: 'default', seed })
  const { losses, status, divergence } = await train(
    {
      model,
      optimizer: new SGD(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      steps,
      lossOf: ([images, labels]) => crossEntropy(model.forward(images), labels),
    },
    context,
  )
  const finished = status === 'finished'
  const testAccuracy = finished ? evaluate(model, data.test).accuracy : null
  release(model)
  const reached = movingMeans(losses).findIndex((loss) => loss <= targetLoss)
  return {
    ...config,
    status,
    divergence,
    losses,
    stepsToTarget: reached < 0 ? null : reached + WINDOW,
    finalLoss: finished ? mean(losses.slice(-WINDOW)) : null,
    testAccuracy,
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length

/** Of the first `WINDOW` losses, and of each `WINDOW` that end one later. */
export const movingMeans = (losses: readonly number[]): number[] =>
  Array.from({ length: Math.max(0, losses.length - WINDOW + 1) }, (_, i) => mean(losses.slice(i, i + WINDOW)))
