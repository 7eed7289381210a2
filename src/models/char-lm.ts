import { noGrad } from '../autograd/index.js'
import { checkNumber, checkOptions, RuntimeError, ValueError } from '../core/errors.js'
import { scope } from '../core/storage.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { Dropout } from '../nn/dropout.js'
import { Embedding } from '../nn/embedding.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { GRU, LayerNormGRU, LayerNormLSTM, LayerNormRNN, LSTM, RNN } from '../nn/recurrent/index.js'
import { cat } from '../ops/join.js'
import '../ops/methods.js'
import { checkSizes } from './arguments.js'
import { checkGenerate, type SampleOptions, sampleNext } from './generate.js'
import { unknownNorm } from './norms.js'

/** What a recurrent layer remembers: h, or h and c of an LSTM, each [nLayer, batch, hiddenSize]. */
export type RecurrentState = Tensor | [h: Tensor, c: Tensor]

/** A recurrent layer of any kind: it takes back the kind of state that it gives. */
interface RecurrentLayer extends Module {
  forward(x: Tensor, state?: never): [output: Tensor, state: RecurrentState]
}

interface LayerOptions {
  readonly numLayers: number
  readonly batchFirst: true
  readonly dropout: number
}
type MakeLayer = (inputSize: number, hiddenSize: number, options: LayerOptions) => RecurrentLayer

const cells = {
  lstm: { none: (...args: Parameters<MakeLayer>) => new LSTM(...args), layer: (...args: Parameters<MakeLayer>) => new LayerNormLSTM(...args) },
  gru: { none: (...args: Parameters<MakeLayer>) => new GRU(...args), layer: (...args: Parameters<MakeLayer>) => new LayerNormGRU(...args) },
  rnn: { none: (...args: Parameters<MakeLayer>) => new RNN(...args), layer: (...args: Parameters<MakeLayer>) => new LayerNormRNN(...args) },
} satisfies Record<string, Record<string, MakeLayer>>

/** A kind of recurrent layer. */
export type CharCell = keyof typeof cells
/** A normalization inside of the recurrence. */
export type CharNorm = keyof (typeof cells)['lstm']
/** All names of normalizations that a `CharLM` takes. */
export const charNormNames = Object.keys(cells.lstm) as CharNorm[]

export interface CharLMOptions {
  /** How many different tokens there are. */
  vocabSize: number
  /** Default `'lstm'`. */
  cell?: CharCell
  /** Features of a token. Default 64. */
  nEmbd?: number
  /** Features of the recurrent layers. Default 128. */
  hiddenSize?: number
  /** Recurrent layers on top of each other. Default 1. */
  nLayer?: number
  /** The probability of a zero behind each recurrent layer, in training. Default 0. */
  dropout?: number
  /** Inside of the recurrence: `'none'`, or `'layer'` as in `nn.LayerNormLSTM`. Default `'none'`. */
  norm?: CharNorm
}

/**
 * A recurrent language model: an embedding, recurrent layers and a linear layer, with PyTorch's initial values. Keys of the state dict: embed.weight,
 * rnn.weight_ih_l0, ..., head.weight, head.bias.
 *
 * Tokens int64 [batch, length]; output [batch, length, vocabSize], the logits of the next token.
 * @example F.crossEntropy(model.forward(tokens).flatten(0, 1), targets.flatten())
 * @throws ValueError for an unknown cell or norm, and where a size is no positive whole number
 */
export class CharLM extends Module {
  readonly embed: Embedding
  readonly rnn: RecurrentLayer
  readonly drop: Dropout
  readonly head: Linear

  constructor(options: CharLMOptions) {
    super()
    checkOptions('CharLM', options, ['vocabSize', 'cell', 'nEmbd', 'hiddenSize', 'nLayer', 'dropout', 'norm'])
    const { vocabSize, cell = 'lstm', nEmbd = 64, hiddenSize = 128, nLayer = 1, dropout = 0, norm = 'none' } = options ?? {}
    checkSizes('CharLM', { vocabSize, nEmbd, hiddenSize, nLayer })
    checkNumber('CharLM', 'dropout', dropout)
    if (!Object.hasOwn(cells, cell)) throw new ValueError(`CharLM: cell must be one of ${Object.keys(cells).join(', ')}, got ${String(cell)}`)
    if (typeof norm !== 'string' || !Object.hasOwn(cells[cell], norm)) unknownNorm('CharLM', norm, charNormNames)
    this.embed = new Embedding(vocabSize, nEmbd)
    this.rnn = cells[cell][norm](nEmbd, hiddenSize, { numLayers: nLayer, batchFirst: true, dropout: nLayer > 1 ? dropout : 0 })
    this.drop = new Dropout(dropout)
    this.head = new Linear(hiddenSize, vocabSize)
  }

  override forward(tokens: Tensor): Tensor {
    return this.continue(tokens, null)[0]
  }

  /**
   * The logits of tokens that follow earlier ones, and the state behind them.
   * @param state what the last call gave; null at the beginning
   */
  continue(tokens: Tensor, state: RecurrentState | null): [logits: Tensor, state: RecurrentState] {
    checkTensor('CharLM', 'tokens', tokens)
    if (tokens.ndim !== 2) throw new RuntimeError(`CharLM: expected tokens [batch, length], got [${tokens.shape.join(', ')}]`)
    const [output, next] = this.rnn.forward(this.embed.forward(tokens), state as never)
    return [this.head.forward(this.drop.forward(output)), next]
  }

  /**
   * Goes on with texts in evaluation mode, token by token.
   * @param tokens int64 [batch, length], at least one each
   * @param count how many tokens to add
   * @returns int64 [batch, length + count]
   */
  generate(tokens: Tensor, count: number, options: SampleOptions = {}): Tensor {
    checkGenerate('CharLM.generate', tokens, count, options)
    const { training } = this
    this.eval()
    try {
      return noGrad(() =>
        scope(() => {
          const parts = [tokens]
          let state: RecurrentState | null = null
          for (let i = 0; i < count; i++) {
            const [next, reached] = scope(() => this.extended(parts[parts.length - 1], state, options))
            parts.push(next)
            state = reached
          }
          return cat(parts, 1)
        }),
      )
    } finally {
      if (training) this.train()
    }
  }

  private extended(tokens: Tensor, before: RecurrentState | null, options: SampleOptions): [Tensor, RecurrentState] {
    const [logits, state] = this.continue(tokens, before)
    return [sampleNext(logits.select(1, tokens.shape[1] - 1), options), state]
  }
}
