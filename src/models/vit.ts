import { checkNumber, checkOptions, RuntimeError, ValueError } from '../core/errors.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { GELU } from '../nn/activation.js'
import { type Layer, ModuleDict, Sequential } from '../nn/containers.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { normal_, truncNormal_, xavierUniform_, zeros_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { LayerNorm } from '../nn/norm/layer-norm.js'
import { TokenBatchNorm } from '../nn/norm/token-batch-norm.js'
import { Parameter } from '../nn/parameter.js'
import { MultiheadAttention } from '../nn/transformer/index.js'
import { empty, zeros } from '../ops/create.js'
import { cat } from '../ops/join.js'
import '../ops/methods.js'
import { checkSizes } from './arguments.js'
import { type ChannelNormFactory, normFactory, type TokenNorm, tokenNorms } from './norms.js'

export interface ViTOptions {
  /** Height and width of the images. Default 224. */
  imageSize?: number
  /** Side of a patch, which divides imageSize. Default 16. */
  patchSize?: number
  /** Default 12. */
  numLayers?: number
  /** Default 12. */
  numHeads?: number
  /** Features of a token, divisible by numHeads. Default 768. */
  hiddenDim?: number
  /** Features inside of the feed-forward part. Default 4 hiddenDim. */
  mlpDim?: number
  /** The probability of a zero behind embeddings and layers, in training. Default 0. */
  dropout?: number
  /** The same for attention weights. Default 0. */
  attentionDropout?: number
  /** Before attention, before the feed-forward part, and at the end: `'layer'`, `'rms'`, `'batch'`, `'none'`, or what makes it. Default `'layer'`. */
  norm?: TokenNorm | 'batch'
  /** Default 3. */
  inChannels?: number
  /** Default 1000. */
  numClasses?: number
}

type Settings = Required<Omit<ViTOptions, 'norm'>> & { readonly norm: ChannelNormFactory }

/** The vision transformer's LayerNorm has a smaller eps than PyTorch's default. */
const norms: Readonly<Record<string, ChannelNormFactory>> = {
  layer: (features) => new LayerNorm(features, { eps: 1e-6 }),
  rms: tokenNorms.rms,
  batch: (features) => new TokenBatchNorm(features),
  none: tokenNorms.none,
}

function feedForward(hiddenDim: number, mlpDim: number, dropout: number): Sequential {
  const layers = [new Linear(hiddenDim, mlpDim), new GELU(), new Dropout(dropout), new Linear(mlpDim, hiddenDim), new Dropout(dropout)]
  for (const layer of layers) {
    if (!(layer instanceof Linear) || !layer.bias) continue
    xavierUniform_(layer.weight)
    normal_(layer.bias, 0, 1e-6)
  }
  return new Sequential(...layers)
}

class EncoderBlock extends Module {
  readonly ln_1: Layer
  readonly selfAttention: MultiheadAttention
  readonly dropout: Dropout
  readonly ln_2: Layer
  readonly mlp: Sequential

  constructor({ hiddenDim, mlpDim, numHeads, dropout, attentionDropout, norm }: Settings) {
    super()
    this.ln_1 = norm(hiddenDim)
    this.selfAttention = new MultiheadAttention(hiddenDim, numHeads, { dropout: attentionDropout, batchFirst: true })
    this.dropout = new Dropout(dropout)
    this.ln_2 = norm(hiddenDim)
    this.mlp = feedForward(hiddenDim, mlpDim, dropout)
  }

  override forward(x: Tensor): Tensor {
    const normed = this.ln_1.forward(x)
    const [attended] = this.selfAttention.forward(normed, normed, normed, { needWeights: false })
    const y = x.add(this.dropout.forward(attended))
    return y.add(this.mlp.forward(this.ln_2.forward(y)))
  }
}

class Encoder extends Module {
  /** [1, tokens, hiddenDim] */
  readonly posEmbedding: Parameter
  readonly dropout: Dropout
  readonly layers: ModuleDict<EncoderBlock>
  readonly ln: Layer

  constructor(settings: Settings, tokens: number) {
    super()
    const { hiddenDim, numLayers, dropout, norm } = settings
    this.posEmbedding = new Parameter(empty([1, tokens, hiddenDim]))
    normal_(this.posEmbedding, 0, 0.02)
    this.dropout = new Dropout(dropout)
    this.layers = new ModuleDict()
    for (let i = 0; i < numLayers; i++) this.layers.set(`encoder_layer_${i}`, new EncoderBlock(settings))
    this.ln = norm(hiddenDim)
  }

  override forward(x: Tensor): Tensor {
    let y = this.dropout.forward(x.add(this.posEmbedding))
    for (const layer of this.layers) y = layer.forward(y)
    return this.ln.forward(y)
  }
}

/**
 * Vision transformer: images are cut into patches, and an encoder with the norm in front sees these and a class token, whose features a linear layer
 * classifies. Dosovitskiy et al. 2021, arXiv:2010.11929, with torchvision's initial values and keys (class_token, conv_proj.weight,
 * encoder.pos_embedding, encoder.layers.encoder_layer_0.self_attention.in_proj_weight, ..., heads.head.bias), so that its checkpoints load. The
 * defaults are ViT-B/16; the last layer starts at 0.
 *
 * Input [N, inChannels, imageSize, imageSize], output [N, numClasses], the logits.
 * @throws ValueError where patchSize doesn't divide imageSize, a size is no positive whole number, or the norm is unknown
 */
export class ViT extends Module {
  readonly convProj: Conv2d
  /** [1, 1, hiddenDim] */
  readonly classToken: Parameter
  readonly encoder: Encoder
  readonly heads: ModuleDict<Linear>
  readonly imageSize: number

  constructor(options: ViTOptions = {}) {
    super()
    const names = ['imageSize', 'patchSize', 'numLayers', 'numHeads', 'hiddenDim', 'mlpDim', 'dropout', 'attentionDropout', 'norm', 'inChannels', 'numClasses']
    checkOptions('ViT', options, names)
    const { imageSize = 224, patchSize = 16, numLayers = 12, numHeads = 12, hiddenDim = 768, mlpDim = 4 * hiddenDim } = options
    const { dropout = 0, attentionDropout = 0, norm = 'layer', inChannels = 3, numClasses = 1000 } = options
    checkSizes('ViT', { imageSize, patchSize, numLayers, numHeads, hiddenDim, mlpDim, inChannels, numClasses })
    for (const [name, p] of Object.entries({ dropout, attentionDropout })) checkNumber('ViT', name, p)
    if (imageSize % patchSize !== 0) throw new ValueError(`ViT: imageSize must be divisible by patchSize, got ${imageSize} and ${patchSize}`)
    if (hiddenDim % numHeads !== 0) throw new ValueError(`ViT: hiddenDim must be divisible by numHeads, got ${hiddenDim} and ${numHeads}`)
    const factory = normFactory<ChannelNormFactory>('ViT', norm, norms)
    const sizes = { imageSize, patchSize, numLayers, numHeads, hiddenDim, mlpDim, inChannels, numClasses }
    this.imageSize = imageSize
    this.convProj = new Conv2d(inChannels, hiddenDim, patchSize, { stride: patchSize })
    this.classToken = new Parameter(zeros([1, 1, hiddenDim]))
    this.encoder = new Encoder({ ...sizes, dropout, attentionDropout, norm: factory }, (imageSize / patchSize) ** 2 + 1)
    this.heads = new ModuleDict({ head: new Linear(hiddenDim, numClasses) })
    truncNormal_(this.convProj.weight, 0, Math.sqrt(1 / (inChannels * patchSize ** 2)))
    for (const { bias } of [this.convProj, this.head]) if (bias) zeros_(bias)
    zeros_(this.head.weight)
  }

  private get head(): Linear {
    return this.heads.get('head')
  }

  /** @throws RuntimeError for images of another size */
  override forward(images: Tensor): Tensor {
    checkTensor('ViT', 'images', images)
    const { imageSize } = this
    if (images.ndim !== 4 || images.shape[2] !== imageSize || images.shape[3] !== imageSize)
      throw new RuntimeError(`ViT: expected images [N, C, ${imageSize}, ${imageSize}], got [${images.shape.join(', ')}]`)
    const patches = this.convProj.forward(images).flatten(2).permute(0, 2, 1)
    const [batch, , features] = patches.shape
    const x = this.encoder.forward(cat([this.classToken.expand([batch, 1, features]), patches], 1))
    return this.head.forward(x.select(1, 0))
  }
}
