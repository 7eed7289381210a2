import { noGrad } from '../../autograd/index.js'
import { Generator, manualSeed } from '../../core/random.js'
import { scope } from '../../core/storage.js'
import type { Tensor } from '../../core/tensor.js'
import { DataLoader } from '../../data/index.js'
import { clipGradNorm_ } from '../../nn/utils/clip-grad.js'
import { tensor } from '../../ops/create.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { randint } from '../../ops/random.js'
import { Adam } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { type DigitData, digits, endless, release, train } from '../train.js'
import { type Cell, SequenceClassifier, type SequenceNorm, type StepMask } from './cell.js'

/** Whether padding is left out of states and statistics, or taken for data. */
export type Padding = 'masked' | 'data'

export interface SequenceConfig {
  cell: Cell
  norm: SequenceNorm
  /** Rows of an image that a sequence has at least; at most it has all 14. */
  shortest: number
  padding: Padding
  /** What the weights of BatchNorm start as. */
  gamma: number
  hidden: number
  batchSize: number
  learningRate: number
  steps: number
  seed: number
}

export interface SequenceRun extends SequenceConfig, RunState {
  losses: number[]
  testAccuracy: number | null
  testLoss: number | null
}

/** An image is a sequence of its rows. */
export const ROWS = 14
const TEST_BATCH = 250
const CLIP = 1

export async function sequenceRun(config: SequenceConfig, context: RunContext): Promise<SequenceRun> {
  const { cell, norm, gamma, hidden, batchSize, learningRate, steps, seed } = config
  const data = await digits(ROWS, context)
  manualSeed(seed)
  const model = new SequenceClassifier(cell, norm, ROWS, hidden, ROWS, gamma)
  const lengths = new Generator().manualSeed(seed)
  const { losses, status, divergence } = await train(
    {
      model,
      optimizer: new Adam(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      steps,
      lossOf: ([images, labels]) => crossEntropy(answer(model, images, config, lengths), labels),
      beforeUpdate: () => void clipGradNorm_(model.parameters(), CLIP),
    },
    context,
  )
  const tested = status === 'finished' ? test(model, data, config) : null
  release(model)
  return { ...config, status, divergence, losses, testAccuracy: tested?.accuracy ?? null, testLoss: tested?.loss ?? null }
}

/** Cuts every image after a number of rows that the generator draws; what follows is 0. */
function answer(model: SequenceClassifier, images: Tensor, { shortest, padding }: SequenceConfig, generator: Generator): Tensor {
  const [n] = images.shape
  const sequences = images.reshape([n, ROWS, ROWS])
  if (shortest === ROWS) return model.forward(sequences)
  const lengths = Array.from(randint(shortest, ROWS + 1, [n], { generator }).toTypedArray(), Number)
  const masks = Array.from({ length: ROWS }, (_, t): StepMask => {
    const isData = lengths.map((length) => t < length)
    return { mask: tensor(isData).reshape([n, 1]), count: isData.filter(Boolean).length }
  })
  const cut = sequences.mul(tensor(lengths.flatMap((length) => Array.from({ length: ROWS }, (_, t) => (t < length ? 1 : 0)))).reshape([n, ROWS, 1]))
  return model.forward(cut, padding === 'masked' ? masks : null)
}

/** The same lengths for every run. */
function test(model: SequenceClassifier, data: DigitData, config: SequenceConfig): { accuracy: number; loss: number } {
  const generator = new Generator().manualSeed(0)
  let right = 0
  let loss = 0
  model.eval()
  scope(() =>
    noGrad(() => {
      for (const [images, labels] of new DataLoader(data.test, { batchSize: TEST_BATCH })) {
        const logits = answer(model, images, config, generator)
        right += logits.argmax(1).eq(labels).sum().item()
        loss += crossEntropy(logits, labels, { reduction: 'sum' }).item()
      }
    }),
  )
  return { accuracy: right / data.test.length, loss: loss / data.test.length }
}
