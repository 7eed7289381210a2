import { noGrad } from '../autograd/index.js'
import { checkNumber, checkOptions, RuntimeError, ValueError } from '../core/errors.js'
import { scope } from '../core/storage.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { GELU } from '../nn/activation.js'
import { type Layer, ModuleList } from '../nn/containers.js'
import { Dropout } from '../nn/dropout.js'
import { Embedding } from '../nn/embedding.js'
import { forwardFused } from '../nn/fusion.js'
import { normal_, zeros_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { scaledDotProductAttention } from '../ops/attention.js'
import { arange } from '../ops/create.js'
import { cat } from '../ops/join.js'
import '../ops/methods.js'
import { checkSizes } from './arguments.js'
import { checkGenerate, type SampleOptions, sampleNext } from './generate.js'
import { type ChannelNormFactory, normFactory, type TokenNorm, tokenNorms } from './norms.js'

export interface GPTOptions {
  /** How many different tokens there are. */
  vocabSize: number
  /** The longest text that it sees at once, in tokens. Default 256. */
  blockSize?: number
  /** Default 4. */
  nLayer?: number
  /** Default 4. */
  nHead?: number
  /** Features of a token, divisible by nHead. Default 128. */
  nEmbd?: number
  /** The probability of a zero behind embeddings, attention and blocks, in training. Default 0. */
  dropout?: number
  /** Linear layers learn biases. Default true. */
  bias?: boolean
  /** Before attention, before the feed-forward part, and at the end: `'layer'`, `'rms'`, `'none'`, or what makes it from nEmbd. Default `'layer'`. */
  norm?: TokenNorm
  /** The last layer's weight is that of the token embedding. Press and Wolf 2017, arXiv:1608.05859. Default true. */
  tieWeights?: boolean
}

/** With every option filled in. */
type Settings = Required<Omit<GPTOptions, 'norm'>> & { readonly norm: ChannelNormFactory }

/** Attention of each token to itself and those before it. */
class CausalSelfAttention extends Module {
  readonly cAttn: Linear
  readonly cProj: Linear
  readonly residDropout: Dropout
  private readonly heads: number
  private readonly p: number

  constructor({ nEmbd, nHead, bias, dropout }: Settings) {
    super()
    this.cAttn = new Linear(nEmbd, 3 * nEmbd, { bias })
    this.cProj = new Linear(nEmbd, nEmbd, { bias })
    this.residDropout = new Dropout(dropout)
    this.heads = nHead
    this.p = dropout
  }

  override forward(x: Tensor): Tensor {
    const [batch, length, features] = x.shape
    // [3, batch, heads, length, features of a head]
    const parts = this.cAttn
      .forward(x)
      .reshape([batch, length, 3, this.heads, features / this.heads])
      .permute(2, 0, 3, 1, 4)
    const [q, k, v] = [0, 1, 2].map((i) => parts.select(0, i))
    const y = scaledDotProductAttention(q, k, v, { isCausal: true, dropoutP: this.training ? this.p : 0 })
    return this.residDropout.forward(this.cProj.forward(y.transpose(1, 2).reshape([batch, length, features])))
  }
}

class FeedForward extends Module {
  readonly cFc: Linear
  readonly gelu: GELU
  readonly cProj: Linear
  readonly dropout: Dropout

  constructor({ nEmbd, bias, dropout }: Settings) {
    super()
    this.cFc = new Linear(nEmbd, 4 * nEmbd, { bias })
    // GPT-2 was trained with the approximation.
    this.gelu = new GELU({ approximate: 'tanh' })
    this.cProj = new Linear(4 * nEmbd, nEmbd, { bias })
    this.dropout = new Dropout(dropout)
  }

  override forward(x: Tensor): Tensor {
    return this.dropout.forward(this.cProj.forward(forwardFused(this.cFc, this.gelu, x)))
  }
}

class Block extends Module {
  readonly ln_1: Layer
  readonly attn: CausalSelfAttention
  readonly ln_2: Layer
  readonly mlp: FeedForward

  constructor(settings: Settings) {
    super()
    this.ln_1 = settings.norm(settings.nEmbd)
    this.attn = new CausalSelfAttention(settings)
    this.ln_2 = settings.norm(settings.nEmbd)
    this.mlp = new FeedForward(settings)
  }

  override forward(x: Tensor): Tensor {
    const y = x.add(this.attn.forward(this.ln_1.forward(x)))
    return y.add(this.mlp.forward(this.ln_2.forward(y)))
  }
}

class Transformer extends Module {
  readonly wte: Embedding
  readonly wpe: Embedding
  readonly drop: Dropout
  readonly h: ModuleList<Block>
  readonly lnF: Layer

  constructor(settings: Settings) {
    super()
    const { vocabSize, blockSize, nEmbd, nLayer, dropout, norm } = settings
    this.wte = new Embedding(vocabSize, nEmbd)
    this.wpe = new Embedding(blockSize, nEmbd)
    this.drop = new Dropout(dropout)
    this.h = new ModuleList(Array.from({ length: nLayer }, () => new Block(settings)))
    this.lnF = norm(nEmbd)
  }

  override forward(tokens: Tensor): Tensor {
    let x = this.drop.forward(this.wte.forward(tokens).add(this.wpe.forward(arange(tokens.shape[1]))))
    for (const block of this.h) x = block.forward(x)
    return this.lnF.forward(x)
  }
}

/**
 * A language model in the manner of GPT-2: tokens and positions are embedded, and each block adds causal attention and a feed-forward part, with a norm
 * before both. Radford et al. 2019, "Language Models are Unsupervised Multitask Learners". Weights start normal with deviation 0.02, those that end
 * a residual branch with 0.02 / sqrt(2 nLayer), biases at 0.
 *
 * Keys of the state dict are GPT-2's (transformer.wte.weight, transformer.h.0.attn.c_attn.weight, ..., transformer.ln_f.bias, lm_head.weight) with
 * the weights of linear layers as [out, in], as nanoGPT saves them; norms other than LayerNorm stand under the same names.
 *
 * Tokens int64 [batch, length], length up to blockSize; output [batch, length, vocabSize], the logits of the next token.
 * @example F.crossEntropy(model.forward(tokens).flatten(0, 1), targets.flatten())
 * @throws ValueError where nEmbd is not divisible by nHead, a size is no positive whole number, or the norm is unknown
 */
export class GPT extends Module {
  readonly transformer: Transformer
  readonly lmHead: Linear
  readonly blockSize: number

  constructor(options: GPTOptions) {
    super()
    checkOptions('GPT', options, ['vocabSize', 'blockSize', 'nLayer', 'nHead', 'nEmbd', 'dropout', 'bias', 'norm', 'tieWeights'])
    const { vocabSize, blockSize = 256, nLayer = 4, nHead = 4, nEmbd = 128, dropout = 0, bias = true, norm = 'layer', tieWeights = true } = options ?? {}
    checkSizes('GPT', { vocabSize, blockSize, nLayer, nHead, nEmbd })
    checkNumber('GPT', 'dropout', dropout)
    if (nEmbd % nHead !== 0) throw new ValueError(`GPT: nEmbd must be divisible by nHead, got ${nEmbd} and ${nHead}`)
    const factory = normFactory<ChannelNormFactory>('GPT', norm, tokenNorms)
    this.blockSize = blockSize
    this.transformer = new Transformer({ vocabSize, blockSize, nLayer, nHead, nEmbd, dropout, bias, norm: factory, tieWeights })
    this.lmHead = new Linear(nEmbd, vocabSize, { bias: false })
    if (tieWeights) this.transformer.wte.weight = this.lmHead.weight
    this.apply((m) => {
      if (!(m instanceof Linear || m instanceof Embedding)) return
      normal_(m.weight, 0, 0.02)
      if (m instanceof Linear && m.bias) zeros_(m.bias)
    })
    for (const [name, p] of this.namedParameters()) if (name.endsWith('c_proj.weight')) normal_(p, 0, 0.02 / Math.sqrt(2 * nLayer))
  }

  /** @throws RuntimeError for other than [batch, length], and texts longer than blockSize */
  override forward(tokens: Tensor): Tensor {
    checkTensor('GPT', 'tokens', tokens)
    if (tokens.ndim !== 2) throw new RuntimeError(`GPT: expected tokens [batch, length], got [${tokens.shape.join(', ')}]`)
    if (tokens.shape[1] > this.blockSize) throw new RuntimeError(`GPT: a text of ${tokens.shape[1]} tokens is longer than blockSize, ${this.blockSize}`)
    return this.lmHead.forward(this.transformer.forward(tokens))
  }

  /**
   * Goes on with texts in evaluation mode, token by token, seeing the last blockSize of them.
   * @param tokens int64 [batch, length], at least one each
   * @param count how many tokens to add
   * @returns int64 [batch, length + count]
   */
  generate(tokens: Tensor, count: number, options: SampleOptions = {}): Tensor {
    checkGenerate('GPT.generate', tokens, count, options)
    const { training } = this
    this.eval()
    try {
      return noGrad(() => {
        let all = tokens
        for (let i = 0; i < count; i++) all = scope(() => this.extended(all, options))
        return all
      })
    } finally {
      if (training) this.train()
    }
  }

  private extended(tokens: Tensor, options: SampleOptions): Tensor {
    const length = tokens.shape[1]
    const seen = Math.min(length, this.blockSize)
    const logits = this.forward(tokens.narrow(1, length - seen, seen)).select(1, seen - 1)
    return cat([tokens, sampleNext(logits, options)], 1)
  }
}
