import { noGrad } from '../../autograd/index.js'
import { manualSeed } from '../../core/random.js'
import type { Tensor } from '../../core/tensor.js'
import { DataLoader, Subset } from '../../data/index.js'
import { summarize } from '../../inspect/index.js'
import { DigitsCnn } from '../../models/index.js'
import { BatchNorm } from '../../nn/norm/batch-norm.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { SGD, swaUtils } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { digits, endless, evaluate, evaluateByBatch, release, train } from '../train.js'

/** A network with BatchNorm that is tested in both modes while it trains, and on shifted data at the end. */
export interface GapConfig {
  part: 'training'
  /** null for the plain average over all batches. */
  momentum: number | null
  batchSize: number
  learningRate: number
  steps: number
  /** Images at inference are scale x + offset. */
  scale: number
  offset: number
  seed: number
}

/** The test digits at one moment. */
export interface GapLook {
  /** Updates done. */
  step: number
  /** With running averages, as `eval()` does. */
  evalLoss: number
  evalAccuracy: number
  /** With the statistics of each test batch of 250. */
  batchLoss: number
  batchAccuracy: number
}

export interface GapRun extends GapConfig, RunState {
  losses: number[]
  looks: GapLook[]
  /** Channel 0 of the last norm, an entry a step: the batch's statistics and the running averages behind it. */
  batchMean: number[]
  runningMean: number[]
  batchVar: number[]
  runningVar: number[]
  /** Accuracy on shifted test digits: in evaluation, with batch statistics, and in evaluation once `updateBn` has seen shifted training digits. */
  shifted: { evalAccuracy: number; batchAccuracy: number; updatedAccuracy: number } | null
}

const IMAGE_SIZE = 14
/** Training images that `updateBn` sees. */
export const UPDATE_IMAGES = 1000
const UPDATE_BATCH = 100

/** After which updates one looks: 1, 2, 5, 10, ... and the last. */
export const looksOf = (steps: number): number[] => [...new Set([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((step) => step < steps)), steps]

export async function gapRun(config: GapConfig, context: RunContext): Promise<GapRun> {
  const { momentum, batchSize, learningRate, steps, seed } = config
  const data = await digits(IMAGE_SIZE, context)
  manualSeed(seed)
  const model = new DigitsCnn({ norm: 'batch', imageSize: IMAGE_SIZE })
  for (const module of model.modules()) if (module instanceof BatchNorm) module.momentum = momentum
  const run: GapRun = {
    ...config,
    status: 'finished',
    divergence: null,
    losses: [],
    looks: [],
    batchMean: [],
    runningMean: [],
    batchVar: [],
    runningVar: [],
    shifted: null,
  }
  const handle = watchChannel(model, run)
  const looks = new Set(looksOf(steps))
  const training = await train(
    {
      model,
      optimizer: new SGD(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      steps,
      lossOf: ([images, labels]) => crossEntropy(model.forward(images), labels),
      afterStep: (step) => {
        if (!looks.has(step)) return
        const [eval_, batch] = [evaluate(model, data.test), evaluateByBatch(model, data.test)]
        run.looks.push({ step, evalLoss: eval_.loss, evalAccuracy: eval_.accuracy, batchLoss: batch.loss, batchAccuracy: batch.accuracy })
      },
    },
    context,
  )
  handle.remove()
  Object.assign(run, { status: training.status, divergence: training.divergence, losses: training.losses })
  if (run.status === 'finished') run.shifted = shiftedAccuracy(model, config, data)
  release(model)
  return run
}

/** Records channel 0 of the last norm in training, before and after. */
function watchChannel(model: DigitsCnn, run: GapRun): { remove(): void } {
  const norm = model.norm4
  return norm.registerForwardHook((_, [input]) => {
    if (!model.training || !(norm instanceof BatchNorm)) return
    noGrad(() => {
      const { mean, std } = summarize((input as Tensor).detach().select(1, 0))
      run.batchMean.push(mean)
      run.batchVar.push(std * std)
      run.runningMean.push(norm.runningMean?.select(0, 0).item() ?? 0)
      run.runningVar.push(norm.runningVar?.select(0, 0).item() ?? 1)
    })
  })
}

function shiftedAccuracy(model: DigitsCnn, { scale, offset }: GapConfig, data: Awaited<ReturnType<typeof digits>>): GapRun['shifted'] {
  const shift = (images: Tensor) => images.mul(scale).add(offset)
  const before = { evalAccuracy: evaluate(model, data.test, shift).accuracy, batchAccuracy: evaluateByBatch(model, data.test, shift).accuracy }
  const seen = new Subset(
    data.train,
    Array.from({ length: UPDATE_IMAGES }, (_, i) => i),
  )
  const batches = function* () {
    for (const [images] of new DataLoader(seen, { batchSize: UPDATE_BATCH })) yield shift(images)
  }
  swaUtils.updateBn(batches(), model)
  return { ...before, updatedAccuracy: evaluate(model, data.test, shift).accuracy }
}
