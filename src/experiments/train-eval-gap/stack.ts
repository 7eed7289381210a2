import { noGrad } from '../../autograd/index.js'
import { Generator } from '../../core/random.js'
import { scope } from '../../core/storage.js'
import { summarize } from '../../inspect/index.js'
import { Sequential } from '../../nn/containers.js'
import { BatchNorm1d } from '../../nn/norm/index.js'
import { randn } from '../../ops/random.js'
import type { RunState } from '../experiment.js'
import { release } from '../train.js'

/** BatchNorms without weight and bias one after the other, on one batch, in training and then in evaluation. */
export interface StackConfig {
  part: 'stack'
  batchSize: number
  layers: number
  seed: number
}

export interface StackRun extends StackConfig, RunState {
  /** Standard deviation of the output. */
  trainStd: number
  evalStd: number
  /** ((n - 1) / n)^(layers / 2) */
  predicted: number
}

const FEATURES = 256

/**
 * Momentum 1 makes the running averages those of the one batch, so that training and evaluation see the same data. They differ all the same: a batch
 * is normalised with its biased variance, and the unbiased one is remembered (https://github.com/pytorch/pytorch/issues/100048).
 */
export function stackRun(config: StackConfig): StackRun {
  const { batchSize: n, layers, seed } = config
  const model = new Sequential(...Array.from({ length: layers }, () => new BatchNorm1d(FEATURES, { affine: false, momentum: 1, eps: 1e-12 })))
  const [trainStd, evalStd] = scope(() =>
    noGrad(() => {
      const x = randn([n, FEATURES], { generator: new Generator().manualSeed(seed) })
      return [summarize(model.train().forward(x)).std, summarize(model.eval().forward(x)).std]
    }),
  )
  release(model)
  return { ...config, status: 'finished', divergence: null, trainStd, evalStd, predicted: ((n - 1) / n) ** (layers / 2) }
}
