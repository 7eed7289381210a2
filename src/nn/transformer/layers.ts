import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import { kindOf, RuntimeError } from '../../core/errors.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import { gelu, relu } from '../../ops/activation.js'
import { GELU, ReLU } from '../activation.js'
import { requireArguments } from '../arguments.js'
import type { Layer } from '../containers.js'
import { Dropout } from '../dropout.js'
import { forwardFused } from '../fusion.js'
import { Identity, Linear } from '../linear.js'
import { Module } from '../module.js'
import { normFactory } from '../norm/by-name.js'
import { LayerNorm } from '../norm/layer-norm.js'
import { RMSNorm } from '../norm/rms-norm.js'
import { TokenBatchNorm } from '../norm/token-batch-norm.js'
import { additiveMask } from './masks.js'
import { MultiheadAttention } from './multihead-attention.js'

/** Between the two Linears of a transformer's layer. */
export type TransformerActivation = 'relu' | 'gelu' | ((x: Tensor) => Tensor) | Layer

/** A norm of tokens [..., features]: by name, or what makes it. `batch` shares its statistics over all positions of all sequences. */
export type TransformerNorm = 'layer' | 'rms' | 'batch' | 'none' | ((features: number) => Layer)

export interface TransformerLayerOptions {
  /** Features between the two Linears. Default 2048. */
  dimFeedforward?: number
  /** Probability of dropping, everywhere in the layer. Default 0.1. */
  dropout?: number
  /** Default 'relu'. */
  activation?: TransformerActivation
  /** Added to the variance in the norms. Default 1e-5; for `rms` that of RMSNorm. */
  layerNormEps?: number
  /** Whether batched inputs are [N, L, E] rather than [L, N, E]. Default false. */
  batchFirst?: boolean
  /** Normalize before attention and feed-forward rather than after the sums (Xiong et al. 2020, arXiv:2002.04745). Default false. */
  normFirst?: boolean
  /** Learn biases in Linears and LayerNorms. Default true. */
  bias?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
  /** What stands in the places of the norms; PyTorch has LayerNorm alone. Default 'layer'. */
  norm?: TransformerNorm
}

export const layerOptionNames = ['dimFeedforward', 'dropout', 'activation', 'layerNormEps', 'batchFirst', 'normFirst', 'bias', 'dtype', 'norm'] as const

export type TransformerLayerArguments = Arguments<[dimFeedforward: number, dropout: number], TransformerLayerOptions>

/** Makes the norms of a layer. */
export function makeNorm(owner: string, features: number, { norm = 'layer', layerNormEps: eps, bias, dtype }: TransformerLayerOptions): Layer {
  return normFactory<(features: number) => Layer>(owner, norm, {
    layer: (features) => new LayerNorm(features, { eps, bias, dtype }),
    rms: (features) => new RMSNorm(features, { eps, dtype }),
    batch: (features) => new TokenBatchNorm(features, { eps, dtype }),
    none: () => new Identity(),
  })(features)
}

function activationOf(owner: string, activation: TransformerActivation): ((x: Tensor) => Tensor) | Layer {
  if (activation === 'relu') return relu
  if (activation === 'gelu') return gelu
  if (typeof activation === 'string') throw new RuntimeError(`activation should be relu/gelu, not ${String(activation)}`)
  if (typeof activation !== 'function' && !(activation instanceof Module)) {
    throw new TypeError(`${owner}: activation must be 'relu', 'gelu', a function or a Module, got ${kindOf(activation)}`)
  }
  return activation
}

const attentionOf = (dModel: number, nhead: number, { dropout = 0.1, bias, batchFirst, dtype }: TransformerLayerOptions): MultiheadAttention =>
  new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, dtype })

interface FeedForward {
  readonly linear1: Linear
  readonly dropout: Dropout
  readonly linear2: Linear
  readonly activation: ((x: Tensor) => Tensor) | Layer
}

let activationLayers: ReadonlyMap<unknown, Layer> | undefined

/** The layer of a function that has one: that can follow a Linear in its pass. */
function layerOf(activation: ((x: Tensor) => Tensor) | Layer): ((x: Tensor) => Tensor) | Layer {
  activationLayers ??= new Map<unknown, Layer>([
    [relu, new ReLU()],
    [gelu, new GELU()],
  ])
  return activationLayers.get(activation) ?? activation
}

function feedForward({ linear1, dropout, linear2, activation }: FeedForward, x: Tensor): Tensor {
  const layer = layerOf(activation)
  const inner = typeof layer === 'function' ? layer(linear1.forward(x)) : forwardFused(linear1, layer, x)
  return linear2.forward(dropout.forward(inner))
}

/** x + block(norm(x)), or norm(x + block(x)). */
const residual = (x: Tensor, norm: Layer, normFirst: boolean, block: (x: Tensor) => Tensor): Tensor =>
  normFirst ? x.add(block(norm.forward(x))) : norm.forward(x.add(block(x)))

export interface TransformerEncoderLayerCall {
  /** [S, S] or [N nhead, S, S]: bool, true where a position must not see another; or float, added to the scores. */
  srcMask?: Tensor | null
  /** [N, S], unbatched [S]: bool, true for positions to leave out; or float, added to the scores. */
  srcKeyPaddingMask?: Tensor | null
  /** Says that `srcMask` is the causal mask, so that it need not be read. Default false. */
  isCausal?: boolean
}

/**
 * A layer of a transformer's encoder: self-attention and a feed-forward network, each with a residual sum and a norm. As
 * `torch.nn.TransformerEncoderLayer`, with any norm in the norms' places; PyTorch's ordinary path also in evaluation, so padded positions keep their
 * numbers. https://pytorch.org/docs/2.6/generated/torch.nn.TransformerEncoderLayer.html
 *
 * @param dModel features of input and output @param nhead heads of the attention
 * @example new nn.TransformerEncoderLayer(64, 4, { batchFirst: true, normFirst: true, norm: 'rms' }).forward(randn([8, 10, 64]))
 * @throws RuntimeError "activation should be relu/gelu, not ..."; AssertionError where dModel is not divisible by nhead
 */
export class TransformerEncoderLayer extends Module {
  readonly selfAttn: MultiheadAttention
  readonly linear1: Linear
  readonly dropout: Dropout
  readonly linear2: Linear
  readonly normFirst: boolean
  readonly norm1: Layer
  readonly norm2: Layer
  readonly dropout1: Dropout
  readonly dropout2: Dropout
  readonly activation: ((x: Tensor) => Tensor) | Layer

  constructor(dModel: number, nhead: number, ...args: TransformerLayerArguments) {
    super()
    const name = 'TransformerEncoderLayer'
    requireArguments(name, { d_model: dModel, nhead })
    const options = readOptions<TransformerLayerOptions>(name, layerOptionNames, 2, args)
    const { dimFeedforward = 2048, dropout = 0.1, activation = 'relu', normFirst = false, bias, dtype } = options
    this.selfAttn = attentionOf(dModel, nhead, options)
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype })
    this.dropout = new Dropout(dropout)
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype })
    this.normFirst = normFirst
    this.norm1 = makeNorm(name, dModel, options)
    this.norm2 = makeNorm(name, dModel, options)
    this.dropout1 = new Dropout(dropout)
    this.dropout2 = new Dropout(dropout)
    this.activation = activationOf(name, activation)
  }

  /**
   * @param src [N, S, dModel] with `batchFirst`, else [S, N, dModel]; [S, dModel] without a batch
   * @throws AssertionError and RuntimeError with PyTorch's texts where shapes or masks don't fit
   */
  override forward(
    src: Tensor,
    ...args: Arguments<[srcMask: Tensor | null, srcKeyPaddingMask: Tensor | null, isCausal: boolean], TransformerEncoderLayerCall>
  ): Tensor {
    const owner = 'TransformerEncoderLayer.forward'
    checkTensor(owner, 'src', src)
    const { srcMask, srcKeyPaddingMask, isCausal } = readOptions<TransformerEncoderLayerCall>(owner, ['srcMask', 'srcKeyPaddingMask', 'isCausal'], 3, args)
    const keyPaddingMask = additiveMask(owner, 'srcKeyPaddingMask', srcKeyPaddingMask, src.dtype)
    const attnMask = additiveMask(owner, 'srcMask', srcMask, src.dtype)
    const { normFirst } = this
    const attended = residual(src, this.norm1, normFirst, (x) =>
      this.dropout1.forward(this.selfAttn.forward(x, x, x, { keyPaddingMask, attnMask, isCausal, needWeights: false })[0]),
    )
    return residual(attended, this.norm2, normFirst, (x) => this.dropout2.forward(feedForward(this, x)))
  }
}

export interface TransformerDecoderLayerCall {
  /** [T, T] or [N nhead, T, T]: bool, true where a position must not see another; or float, added to the scores. */
  tgtMask?: Tensor | null
  /** [T, S] or [N nhead, T, S]: the same for positions of the memory. */
  memoryMask?: Tensor | null
  /** [N, T], unbatched [T]: bool, true for positions to leave out; or float, added to the scores. */
  tgtKeyPaddingMask?: Tensor | null
  /** [N, S], unbatched [S]: the same for positions of the memory. */
  memoryKeyPaddingMask?: Tensor | null
  /** Says that `tgtMask` is the causal mask, so that it need not be read. Default false. */
  tgtIsCausal?: boolean
  /** The same for `memoryMask`. Default false. */
  memoryIsCausal?: boolean
}

export const decoderCallNames = ['tgtMask', 'memoryMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask', 'tgtIsCausal', 'memoryIsCausal'] as const

/** Optional arguments of a decoder's forward. */
export type DecoderCallArguments<Call> = Arguments<
  [tgtMask: Tensor | null, memoryMask: Tensor | null, tgtKeyPaddingMask: Tensor | null, memoryKeyPaddingMask: Tensor | null],
  Call
>

/**
 * A layer of a transformer's decoder: self-attention, attention to the encoder's output, and a feed-forward network, each with a residual sum and a
 * norm. As `torch.nn.TransformerDecoderLayer`, with any norm in the norms' places.
 * https://pytorch.org/docs/2.6/generated/torch.nn.TransformerDecoderLayer.html
 *
 * @param dModel features of input, memory and output @param nhead heads of the attentions
 * @throws as TransformerEncoderLayer
 */
export class TransformerDecoderLayer extends Module {
  readonly selfAttn: MultiheadAttention
  readonly multiheadAttn: MultiheadAttention
  readonly linear1: Linear
  readonly dropout: Dropout
  readonly linear2: Linear
  readonly normFirst: boolean
  readonly norm1: Layer
  readonly norm2: Layer
  readonly norm3: Layer
  readonly dropout1: Dropout
  readonly dropout2: Dropout
  readonly dropout3: Dropout
  readonly activation: ((x: Tensor) => Tensor) | Layer

  constructor(dModel: number, nhead: number, ...args: TransformerLayerArguments) {
    super()
    const name = 'TransformerDecoderLayer'
    requireArguments(name, { d_model: dModel, nhead })
    const options = readOptions<TransformerLayerOptions>(name, layerOptionNames, 2, args)
    const { dimFeedforward = 2048, dropout = 0.1, activation = 'relu', normFirst = false, bias, dtype } = options
    this.selfAttn = attentionOf(dModel, nhead, options)
    this.multiheadAttn = attentionOf(dModel, nhead, options)
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype })
    this.dropout = new Dropout(dropout)
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype })
    this.normFirst = normFirst
    this.norm1 = makeNorm(name, dModel, options)
    this.norm2 = makeNorm(name, dModel, options)
    this.norm3 = makeNorm(name, dModel, options)
    this.dropout1 = new Dropout(dropout)
    this.dropout2 = new Dropout(dropout)
    this.dropout3 = new Dropout(dropout)
    this.activation = activationOf(name, activation)
  }

  /**
   * @param tgt [N, T, dModel] with `batchFirst`, else [T, N, dModel]; [T, dModel] without a batch
   * @param memory the encoder's output, [N, S, dModel] and so on
   * @throws AssertionError and RuntimeError with PyTorch's texts where shapes or masks don't fit
   */
  override forward(tgt: Tensor, memory: Tensor, ...args: DecoderCallArguments<TransformerDecoderLayerCall>): Tensor {
    const owner = 'TransformerDecoderLayer.forward'
    checkTensor(owner, 'tgt', tgt)
    checkTensor(owner, 'memory', memory)
    const call = readOptions<TransformerDecoderLayerCall>(owner, decoderCallNames, 4, args)
    const { normFirst } = this
    const own = { attnMask: call.tgtMask, keyPaddingMask: call.tgtKeyPaddingMask, isCausal: call.tgtIsCausal, needWeights: false }
    const other = { attnMask: call.memoryMask, keyPaddingMask: call.memoryKeyPaddingMask, isCausal: call.memoryIsCausal, needWeights: false }
    const attended = residual(tgt, this.norm1, normFirst, (x) => this.dropout1.forward(this.selfAttn.forward(x, x, x, own)[0]))
    const informed = residual(attended, this.norm2, normFirst, (x) => this.dropout2.forward(this.multiheadAttn.forward(x, memory, memory, other)[0]))
    return residual(informed, this.norm3, normFirst, (x) => this.dropout3.forward(feedForward(this, x)))
  }
}
