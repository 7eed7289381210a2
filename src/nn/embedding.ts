import { noGrad } from '../autograd/index.js'
import { type Arguments, readOptions } from '../core/arguments.js'
import type { Dtype } from '../core/dtype.js'
import { AssertionError, checkOptions } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { empty } from '../ops/create.js'
import { checkPaddingIdx, type EmbeddingOptions, embedding } from '../ops/embedding.js'
import { type EmbeddingBagOptions, embeddingBag } from '../ops/embedding-bag.js'
import { requireArguments } from './arguments.js'
import { normal_ } from './init.js'
import { Module } from './module.js'
import { pythonFloat, pythonRepr } from './names.js'
import { Parameter } from './parameter.js'

/** What both layers share: a table of rows, and how its rows are bounded and learned. */
abstract class Table extends Module {
  readonly paddingIdx: number | null
  readonly maxNorm: number | null
  readonly normType: number
  readonly scaleGradByFreq: boolean
  /** [numEmbeddings, embeddingDim] */
  weight: Parameter

  protected constructor(
    layer: string,
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
    options: EmbeddingOptions & { dtype?: Dtype },
  ) {
    super()
    requireArguments(layer, { num_embeddings: numEmbeddings, embedding_dim: embeddingDim })
    this.paddingIdx = checkPaddingIdx(options.paddingIdx ?? null, numEmbeddings)
    this.maxNorm = options.maxNorm ?? null
    this.normType = options.normType ?? 2
    this.scaleGradByFreq = options.scaleGradByFreq ?? false
    this.weight = new Parameter(empty([numEmbeddings, embeddingDim], { dtype: options.dtype }))
    this.resetParameters()
  }

  /** Draws new initial values; the row of the padding becomes 0. */
  resetParameters(): void {
    normal_(this.weight)
    const { paddingIdx } = this
    if (paddingIdx !== null) noGrad(() => this.weight.select(0, paddingIdx).fill_(0))
  }

  /** Takes over the values of a table made elsewhere. */
  protected load(values: Tensor, freeze: boolean): this {
    noGrad(() => this.weight.copy_(values))
    this.weight.requiresGrad_(!freeze)
    return this
  }

  protected reprParts(): string[] {
    const { maxNorm, normType, scaleGradByFreq } = this
    const parts: string[] = []
    if (maxNorm !== null) parts.push(`max_norm=${pythonFloat(maxNorm)}`)
    if (normType !== 2) parts.push(`norm_type=${pythonFloat(normType)}`)
    if (scaleGradByFreq) parts.push('scale_grad_by_freq=True')
    return parts
  }
}

export interface EmbeddingLayerOptions extends EmbeddingOptions {
  /** Of the table. Default float32. */
  dtype?: Dtype
}

const embeddingOptions = ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq', 'dtype'] as const

function checkTable(embeddings: Tensor): readonly [number, number] {
  if (embeddings.ndim !== 2) throw new AssertionError('Embeddings parameter is expected to be 2-dimensional')
  return [embeddings.shape[0], embeddings.shape[1]]
}

/**
 * A learned row for each index. As `torch.nn.Embedding`: rows start as standard normals, the row of the padding as 0.
 *
 * Input: int64 or int32 of any shape; output [...that shape, embeddingDim].
 * @throws AssertionError where `paddingIdx` is no row
 */
export class Embedding extends Table {
  constructor(numEmbeddings: number, embeddingDim: number, ...args: Arguments<[paddingIdx: number | null], EmbeddingLayerOptions>) {
    super('Embedding', numEmbeddings, embeddingDim, readOptions<EmbeddingLayerOptions>('Embedding', embeddingOptions, 1, args))
  }

  /**
   * A layer with the rows of `embeddings` [numEmbeddings, embeddingDim], copied.
   * @param options.freeze don't learn them. Default true.
   */
  static fromPretrained(embeddings: Tensor, options: EmbeddingOptions & { freeze?: boolean } = {}): Embedding {
    checkOptions('Embedding.fromPretrained', options, ['freeze', ...embeddingOptions.filter((name) => name !== 'dtype')])
    const { freeze = true, ...rest } = options
    return new Embedding(...checkTable(embeddings), { ...rest, dtype: embeddings.dtype }).load(embeddings, freeze)
  }

  override forward(indices: Tensor): Tensor {
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = this
    return embedding(indices, this.weight, { paddingIdx, maxNorm, normType, scaleGradByFreq })
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? [] : [`padding_idx=${this.paddingIdx}`]
    return [this.numEmbeddings, this.embeddingDim, ...padding, ...this.reprParts()].join(', ')
  }
}

export interface EmbeddingBagLayerOptions extends Omit<EmbeddingBagOptions, 'offsets' | 'perSampleWeights'> {
  /** Of the table. Default float32. */
  dtype?: Dtype
}

const bagOptions = ['maxNorm', 'normType', 'scaleGradByFreq', 'mode', 'includeLastOffset', 'paddingIdx', 'dtype']

/**
 * The sum, mean or maximum of the rows of each bag of indices. As `torch.nn.EmbeddingBag`; see `F.embeddingBag`.
 * @param options.mode `'sum'`, `'mean'` or `'max'`. Default `'mean'`.
 */
export class EmbeddingBag extends Table {
  readonly mode: 'sum' | 'mean' | 'max'
  readonly includeLastOffset: boolean

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagLayerOptions = {}) {
    checkOptions('EmbeddingBag', options, bagOptions)
    super('EmbeddingBag', numEmbeddings, embeddingDim, options)
    this.mode = options.mode ?? 'mean'
    this.includeLastOffset = options.includeLastOffset ?? false
  }

  /** A layer with the rows of `embeddings`, copied. @param options.freeze don't learn them. Default true. */
  static fromPretrained(embeddings: Tensor, options: Omit<EmbeddingBagLayerOptions, 'dtype'> & { freeze?: boolean } = {}): EmbeddingBag {
    checkOptions('EmbeddingBag.fromPretrained', options, ['freeze', ...bagOptions.filter((name) => name !== 'dtype')])
    const { freeze = true, ...rest } = options
    return new EmbeddingBag(...checkTable(embeddings), { ...rest, dtype: embeddings.dtype }).load(embeddings, freeze)
  }

  /**
   * @param indices a vector, cut into bags by `offsets`, or a matrix with a bag in each row
   * @param perSampleWeights a weight for each index; for `'sum'` alone
   */
  override forward(indices: Tensor, offsets: Tensor | null = null, perSampleWeights: Tensor | null = null): Tensor {
    const { mode, maxNorm, normType, scaleGradByFreq, includeLastOffset, paddingIdx } = this
    return embeddingBag(indices, this.weight, { offsets, mode, maxNorm, normType, scaleGradByFreq, perSampleWeights, includeLastOffset, paddingIdx })
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? [] : [`padding_idx=${this.paddingIdx}`]
    return [this.numEmbeddings, this.embeddingDim, ...this.reprParts(), `mode=${pythonRepr(this.mode)}`, ...padding].join(', ')
  }
}
