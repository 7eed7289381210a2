import { type Arguments, readOptions } from '../../core/arguments.js'
import { checkOptions, kindOf, RuntimeError } from '../../core/errors.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import { requireArguments } from '../arguments.js'
import { type Layer, ModuleList } from '../containers.js'
import { xavierUniform_ } from '../init.js'
import { Module } from '../module.js'
import {
  type DecoderCallArguments,
  decoderCallNames,
  layerOptionNames,
  makeNorm,
  TransformerDecoderLayer,
  type TransformerDecoderLayerCall,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './layers.js'
import { additiveMask, isCausalMask, squareSubsequentMask } from './masks.js'

/** `count` copies of a layer, each with parameters of its own that start alike. `fits` says whether it is of the right kind. */
function copies<M extends Module>(owner: string, layer: M, count: number, fits: boolean): ModuleList<M> {
  const kind = owner.replace('Transformer', '')
  requireArguments(owner, { [`${kind.toLowerCase()}_layer`]: layer, num_layers: count })
  if (!fits) throw new TypeError(`${owner}: expected a Transformer${kind}Layer, got ${kindOf(layer)}`)
  if (!Number.isInteger(count) || count < 0) throw new TypeError(`${owner}: num_layers must be a whole number, got ${String(count)}`)
  return new ModuleList(Array.from({ length: count }, () => layer.clone()))
}

function checkNorm(owner: string, norm: Layer | null): void {
  if (norm !== null && !(norm instanceof Module)) throw new TypeError(`${owner}: norm must be a Module or null, got ${kindOf(norm)}`)
}

/** Positions of a sequence, on the axis where the layers have them. */
const lengthOf = (x: Tensor, { selfAttn }: TransformerEncoderLayer | TransformerDecoderLayer): number => x.shape[x.ndim === 3 && selfAttn.batchFirst ? 1 : 0]

export interface TransformerEncoderOptions {
  /** Accepted as in PyTorch, and without effect: padded positions are computed like others. */
  enableNestedTensor?: boolean
  /** Accepted as in PyTorch, and without effect. */
  maskCheck?: boolean
}

export interface TransformerEncoderCall {
  /** [S, S] or [N nhead, S, S]: bool, true where a position must not see another; or float, added to the scores. */
  mask?: Tensor | null
  /** [N, S], unbatched [S]: bool, true for positions to leave out; or float, added to the scores. */
  srcKeyPaddingMask?: Tensor | null
  /** Whether `mask` is the causal mask. Default null: it is looked at. */
  isCausal?: boolean | null
}

/**
 * Encoder layers one after the other, and a norm at the end. As `torch.nn.TransformerEncoder`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.TransformerEncoder.html
 *
 * @param encoderLayer is copied `numLayers` times: the layers start with the same parameters
 * @param norm of the result, or null
 * @example new nn.TransformerEncoder(new nn.TransformerEncoderLayer(64, 4, { batchFirst: true }), 6)
 */
export class TransformerEncoder extends Module {
  readonly layers: ModuleList<TransformerEncoderLayer>
  readonly numLayers: number
  readonly norm: Layer | null

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, norm: Layer | null = null, options?: TransformerEncoderOptions) {
    super()
    checkOptions('TransformerEncoder', options, ['enableNestedTensor', 'maskCheck'])
    this.layers = copies('TransformerEncoder', encoderLayer, numLayers, encoderLayer instanceof TransformerEncoderLayer)
    checkNorm('TransformerEncoder', norm)
    this.numLayers = numLayers
    this.norm = norm
  }

  /** @param src as the layers take it @returns its shape @throws IndexError without layers; as the layers do */
  override forward(
    src: Tensor,
    ...args: Arguments<[mask: Tensor | null, srcKeyPaddingMask: Tensor | null, isCausal: boolean | null], TransformerEncoderCall>
  ): Tensor {
    const owner = 'TransformerEncoder.forward'
    checkTensor(owner, 'src', src)
    const call = readOptions<TransformerEncoderCall>(owner, ['mask', 'srcKeyPaddingMask', 'isCausal'], 3, args)
    const srcKeyPaddingMask = additiveMask(owner, 'srcKeyPaddingMask', call.srcKeyPaddingMask, src.dtype)
    const srcMask = additiveMask(owner, 'mask', call.mask, src.dtype)
    const isCausal = isCausalMask(srcMask, call.isCausal, lengthOf(src, this.layers.at(0)))
    let y = src
    for (const layer of this.layers) y = layer.forward(y, { srcMask, srcKeyPaddingMask, isCausal })
    return this.norm ? this.norm.forward(y) : y
  }
}

export interface TransformerDecoderCall extends Omit<TransformerDecoderLayerCall, 'tgtIsCausal'> {
  /** Whether `tgtMask` is the causal mask. Default null: it is looked at. */
  tgtIsCausal?: boolean | null
}

/**
 * Decoder layers one after the other, and a norm at the end. As `torch.nn.TransformerDecoder`;
 * https://pytorch.org/docs/2.6/generated/torch.nn.TransformerDecoder.html
 *
 * @param decoderLayer is copied `numLayers` times: the layers start with the same parameters
 * @param norm of the result, or null
 */
export class TransformerDecoder extends Module {
  readonly layers: ModuleList<TransformerDecoderLayer>
  readonly numLayers: number
  readonly norm: Layer | null

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, norm: Layer | null = null) {
    super()
    this.layers = copies('TransformerDecoder', decoderLayer, numLayers, decoderLayer instanceof TransformerDecoderLayer)
    checkNorm('TransformerDecoder', norm)
    this.numLayers = numLayers
    this.norm = norm
  }

  /** @param tgt and @param memory as the layers take them @returns the shape of tgt @throws IndexError without layers; as the layers do */
  override forward(tgt: Tensor, memory: Tensor, ...args: DecoderCallArguments<TransformerDecoderCall>): Tensor {
    const owner = 'TransformerDecoder.forward'
    checkTensor(owner, 'tgt', tgt)
    const call = readOptions<TransformerDecoderCall>(owner, decoderCallNames, 4, args)
    const tgtMask = additiveMask(owner, 'tgtMask', call.tgtMask, tgt.dtype)
    const tgtIsCausal = isCausalMask(tgtMask, call.tgtIsCausal, lengthOf(tgt, this.layers.at(0)))
    let y = tgt
    for (const layer of this.layers) y = layer.forward(y, memory, { ...call, tgtMask, tgtIsCausal })
    return this.norm ? this.norm.forward(y) : y
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Features of the inputs and the output. Default 512. */
  dModel?: number
  /** Heads of the attentions. Default 8. */
  nhead?: number
  /** Default 6. */
  numEncoderLayers?: number
  /** Default 6. */
  numDecoderLayers?: number
  /** Stands in for the encoder: forward(src, options as TransformerEncoder's). */
  customEncoder?: TransformerEncoder | null
  /** Stands in for the decoder: forward(tgt, memory, options as TransformerDecoder's). */
  customDecoder?: TransformerDecoder | null
}

const transformerOptionNames = [
  ...(['dModel', 'nhead', 'numEncoderLayers', 'numDecoderLayers', 'dimFeedforward', 'dropout', 'customEncoder', 'customDecoder'] as const),
  ...layerOptionNames.filter((name) => name !== 'dimFeedforward' && name !== 'dropout'),
]

export interface TransformerCall {
  /** Of the encoder's self-attention; see TransformerEncoderCall. */
  srcMask?: Tensor | null
  /** Of the decoder's self-attention; see TransformerDecoderLayerCall. */
  tgtMask?: Tensor | null
  memoryMask?: Tensor | null
  srcKeyPaddingMask?: Tensor | null
  tgtKeyPaddingMask?: Tensor | null
  memoryKeyPaddingMask?: Tensor | null
  /** Whether the masks are causal ones. Default null: they are looked at; for the memory false. */
  srcIsCausal?: boolean | null
  tgtIsCausal?: boolean | null
  memoryIsCausal?: boolean
}

const transformerCallNames = [
  ...(['srcMask', 'tgtMask', 'memoryMask', 'srcKeyPaddingMask', 'tgtKeyPaddingMask', 'memoryKeyPaddingMask'] as const),
  ...(['srcIsCausal', 'tgtIsCausal', 'memoryIsCausal'] as const),
]

type MaskPositions = [
  srcMask: Tensor | null,
  tgtMask: Tensor | null,
  memoryMask: Tensor | null,
  srcKeyPaddingMask: Tensor | null,
  tgtKeyPaddingMask: Tensor | null,
  memoryKeyPaddingMask: Tensor | null,
]

/**
 * An encoder and a decoder that attends to its output. As `torch.nn.Transformer` (Vaswani et al. 2017, arXiv:1706.03762), with any norm in the norms'
 * places; https://pytorch.org/docs/2.6/generated/torch.nn.Transformer.html
 *
 * Matrices start with Glorot's uniform distribution.
 * @example new nn.Transformer(64, 4, 2, 2, 128, 0.1, { batchFirst: true }).forward(src, tgt, { tgtMask: nn.Transformer.generateSquareSubsequentMask(10) })
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder
  readonly decoder: TransformerDecoder
  readonly dModel: number
  readonly nhead: number
  readonly batchFirst: boolean

  constructor(
    ...args: Arguments<
      [dModel: number, nhead: number, numEncoderLayers: number, numDecoderLayers: number, dimFeedforward: number, dropout: number],
      TransformerOptions
    >
  ) {
    super()
    const given = readOptions<TransformerOptions>('Transformer', transformerOptionNames, 6, args)
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6, customEncoder, customDecoder, ...layer } = given
    const norm = () => makeNorm('Transformer', dModel, layer)
    this.encoder = customEncoder ?? new TransformerEncoder(new TransformerEncoderLayer(dModel, nhead, layer), numEncoderLayers, norm())
    this.decoder = customDecoder ?? new TransformerDecoder(new TransformerDecoderLayer(dModel, nhead, layer), numDecoderLayers, norm())
    this.resetParameters()
    this.dModel = dModel
    this.nhead = nhead
    this.batchFirst = layer.batchFirst ?? false
  }

  /** Draws new initial values of the matrices: Glorot's uniform distribution. */
  resetParameters(): void {
    for (const p of this.parameters()) if (p.ndim > 1) xavierUniform_(p)
  }

  /** A mask that hides the future: -infinity above the diagonal, else 0. @returns [size, size] */
  static generateSquareSubsequentMask(size: number, options: { dtype?: TransformerLayerOptions['dtype'] } = {}): Tensor {
    checkOptions('generateSquareSubsequentMask', options, ['dtype'])
    return squareSubsequentMask(size, options.dtype)
  }

  /**
   * @param src [N, S, dModel] with `batchFirst`, else [S, N, dModel]; [S, dModel] without a batch
   * @param tgt [N, T, dModel] and so on
   * @returns the shape of tgt
   * @throws RuntimeError with PyTorch's texts where batch or features don't fit
   */
  override forward(src: Tensor, tgt: Tensor, ...args: Arguments<MaskPositions, TransformerCall>): Tensor {
    const owner = 'Transformer.forward'
    checkTensor(owner, 'src', src)
    checkTensor(owner, 'tgt', tgt)
    const call = readOptions<TransformerCall>(owner, transformerCallNames, 6, args)
    const batch = this.batchFirst ? 0 : 1
    if (src.ndim === 3 && src.shape[batch] !== tgt.shape[batch]) throw new RuntimeError('the batch number of src and tgt must be equal')
    if (src.shape.at(-1) !== this.dModel || tgt.shape.at(-1) !== this.dModel) {
      throw new RuntimeError('the feature number of src and tgt must be equal to d_model')
    }
    const { srcMask, srcKeyPaddingMask, srcIsCausal, ...ofDecoder } = call
    const memory = this.encoder.forward(src, { mask: srcMask, srcKeyPaddingMask, isCausal: srcIsCausal })
    return this.decoder.forward(tgt, memory, ofDecoder)
  }
}
