import { noGrad } from '../../autograd/index.js'
import { ValueError } from '../../core/errors.js'
import { manualSeed } from '../../core/random.js'
import { keep, scope } from '../../core/storage.js'
import type { Tensor } from '../../core/tensor.js'
import { CharTokenizer, DataLoader, decodeText, loadMobyDick, NextTokenDataset, splitText } from '../../data/index.js'
import { gunzip } from '../../data/packaged.js'
import { type CharCell, CharLM } from '../../models/index.js'
import { clipGradNorm_ } from '../../nn/utils/clip-grad.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { Adam } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { endless, release, train } from '../train.js'

export const cellNames: Readonly<Record<CharCell, string>> = { rnn: 'RNN', gru: 'GRU', lstm: 'LSTM' }
export type TextNorm = 'none' | 'layer'

export interface LongSequencesConfig {
  cell: CharCell
  norm: TextNorm
  /** Characters of a sequence. */
  length: number
  learningRate: number
  hidden: number
  batchSize: number
  steps: number
  seed: number
}

export interface LongSequencesRun extends LongSequencesConfig, RunState {
  losses: number[]
  /** Cross-entropy of held-out text in nats for a character; null where the run diverged. */
  heldOutLoss: number | null
}

const EMBEDDED = 32
const CLIP = 1
/** Enough that another piece of the text would give much the same. */
export const HELD_OUT = 16_384
const TEST_BATCH = 16

interface Text {
  vocabSize: number
  train: Tensor
  heldOut: Tensor
}

type Source = RunContext['text']
const loaded = new Map<Source, Promise<Text>>()

/** The beginning of the novel as tokens; read once. */
function novel({ text: source }: RunContext): Promise<Text> {
  const key = source instanceof URL ? source.href : source
  const text = loaded.get(key) ?? beginning(source).then(tokensOf)
  loaded.set(key, text)
  return text
}

async function beginning(source: Source): Promise<string> {
  if (typeof source !== 'function') return loadMobyDick({ part: 'start', ...(source === undefined ? {} : { source }) })
  return decodeText(await gunzip(await source(), (cause) => new ValueError('the text is damaged: decompressing it failed', { cause })))
}

function tokensOf(text: string): Text {
  const tokenizer = new CharTokenizer(text)
  const { train, validation } = splitText(text)
  return {
    vocabSize: tokenizer.vocabSize,
    train: keep(tokenizer.encode(train)),
    heldOut: keep(tokenizer.encode(validation.slice(0, HELD_OUT + 1))),
  }
}

export async function longSequencesRun(config: LongSequencesConfig, context: RunContext): Promise<LongSequencesRun> {
  const { cell, norm, length, learningRate, hidden, batchSize, steps, seed } = config
  const { vocabSize, train: learned, heldOut } = await novel(context)
  manualSeed(seed)
  const model = new CharLM({ vocabSize, cell, norm, nEmbd: EMBEDDED, hiddenSize: hidden })
  const { losses, status, divergence } = await train(
    {
      model,
      optimizer: new Adam(model.parameters(), { lr: learningRate }),
      batches: endless(new NextTokenDataset(learned, length), { batchSize, seed }),
      steps,
      lossOf: ([tokens, next]) => crossEntropy(model.forward(tokens).flatten(0, 1), next.flatten()),
      beforeUpdate: () => void clipGradNorm_(model.parameters(), CLIP),
    },
    context,
  )
  const heldOutLoss = status === 'finished' ? test(model, new NextTokenDataset(heldOut, length)) : null
  release(model)
  return { ...config, status, divergence, losses, heldOutLoss }
}

function test(model: CharLM, data: NextTokenDataset): number {
  let [sum, count] = [0, 0]
  model.eval()
  scope(() =>
    noGrad(() => {
      for (const [tokens, next] of new DataLoader(data, { batchSize: TEST_BATCH })) {
        sum += crossEntropy(model.forward(tokens).flatten(0, 1), next.flatten(), { reduction: 'sum' }).item()
        count += next.numel()
      }
    }),
  )
  return sum / count
}
