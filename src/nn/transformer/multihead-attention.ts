import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import { checkNumber, RuntimeError, ValueError } from '../../core/errors.js'
import { numelOf, type Shape, sameShape } from '../../core/shape.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import { scaledDotProductAttention } from '../../ops/attention.js'
import { composed } from '../../ops/composed.js'
import { empty, zeros } from '../../ops/create.js'
import { dropout } from '../../ops/dropout.js'
import { cat } from '../../ops/join.js'
import { linear } from '../../ops/linear.js'
import { pad } from '../../ops/pad.js'
import { requireArguments } from '../arguments.js'
import { constant_, xavierNormal_, xavierUniform_ } from '../init.js'
import { Linear } from '../linear.js'
import { Module } from '../module.js'
import { Parameter } from '../parameter.js'
import { additiveMask, assert, pythonTuple, torchSize } from './masks.js'

/** PyTorch's name for the output projection, which it prints. */
class NonDynamicallyQuantizableLinear extends Linear {}

export interface MultiheadAttentionOptions {
  /** Probability of dropping an attention weight in training. Default 0. */
  dropout?: number
  /** Learn biases of the projections. Default true. */
  bias?: boolean
  /** Learn one more key and value, which every query sees. Default false. */
  addBiasKv?: boolean
  /** Add a key and value of zeros. Default false. */
  addZeroAttn?: boolean
  /** Features of the keys. Default: embedDim. */
  kdim?: number | null
  /** Features of the values. Default: embedDim. */
  vdim?: number | null
  /** Whether batched inputs are [N, L, E] rather than [L, N, E]. Default false. */
  batchFirst?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

export interface MultiheadAttentionCall {
  /** [N, S], unbatched [S]: bool, true for keys to leave out; or float, added to the scores. */
  keyPaddingMask?: Tensor | null
  /** Return the attention weights, for which they are formed as a whole. Default true, as in PyTorch; false is faster and takes less memory. */
  needWeights?: boolean
  /** [L, S] or [N numHeads, L, S]: bool, true where a query must not see a key; or float, added to the scores. */
  attnMask?: Tensor | null
  /** Average the returned weights over the heads. Default true. */
  averageAttnWeights?: boolean
  /** Says that `attnMask` is the causal mask, so that it need not be read. Default false. */
  isCausal?: boolean
}

const optionNames = ['dropout', 'bias', 'addBiasKv', 'addZeroAttn', 'kdim', 'vdim', 'batchFirst', 'dtype'] as const
const callNames = ['keyPaddingMask', 'needWeights', 'attnMask', 'averageAttnWeights', 'isCausal'] as const

/** @returns whether the inputs are batched @throws AssertionError with PyTorch's texts where ranks don't fit */
function checkRanks(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | null, mask: Tensor | null, heads: number): boolean {
  if (query.ndim !== 2 && query.ndim !== 3) assert(false, () => `query should be unbatched 2D or batched 3D tensor but received ${query.ndim}-D query tensor`)
  const batched = query.ndim === 3
  const [kind, rank] = batched ? ['For batched (3-D)', 3] : ['For unbatched (2-D)', 2]
  assert(
    key.ndim === rank && value.ndim === rank,
    () => `${kind} \`query\`, expected \`key\` and \`value\` to be ${rank}-D but found ${key.ndim}-D and ${value.ndim}-D tensors respectively`,
  )
  assert(
    !padding || padding.ndim === rank - 1,
    () => `${kind} \`query\`, expected \`key_padding_mask\` to be \`None\` or ${rank - 1}-D but found ${padding?.ndim}-D tensor instead`,
  )
  assert(
    !mask || mask.ndim === 2 || mask.ndim === 3,
    () => `${kind} \`query\`, expected \`attn_mask\` to be \`None\`, 2-D or 3-D but found ${mask?.ndim}-D tensor instead`,
  )
  if (!batched && mask?.ndim === 3) {
    const expected = [heads, query.shape[0], key.shape[0]]
    assert(sameShape(mask.shape, expected), () => `Expected \`attn_mask\` shape to be ${pythonTuple(expected)} but got ${torchSize(mask.shape)}`)
  }
  return batched
}

function checkMaskShape(mask: Tensor, expected: Shape): void {
  if (!sameShape(mask.shape, expected))
    throw new RuntimeError(`The shape of the ${mask.ndim}D attn_mask is ${torchSize(mask.shape)}, but should be ${pythonTuple(expected)}.`)
}

/**
 * Attention by several heads: queries, keys and values are projected, each head attends with its part of the features, and the joined results are
 * projected. As `torch.nn.MultiheadAttention` (Vaswani et al. 2017, arXiv:1706.03762);
 * https://pytorch.org/docs/2.6/generated/torch.nn.MultiheadAttention.html
 *
 * A query whose keys are all masked gets 0 from every head, or NaN where the weights are asked for, as in PyTorch.
 *
 * @param embedDim features of the queries and of the result @param numHeads divides embedDim
 * @example
 * const attention = new nn.MultiheadAttention(64, 4, { batchFirst: true })
 * const [y] = attention.forward(x, x, x, { needWeights: false })
 * @throws AssertionError where embedDim is not divisible by numHeads; ValueError where one is not positive
 */
export class MultiheadAttention extends Module {
  readonly kdim: number
  readonly vdim: number
  readonly headDim: number
  dropout: number
  readonly batchFirst: boolean
  readonly addZeroAttn: boolean
  /** [3 embedDim, embedDim]: of queries, keys and values; null where keys or values have other sizes, and the next three are there. */
  inProjWeight: Parameter | null = null
  /** [embedDim, embedDim] */
  qProjWeight: Parameter | null = null
  /** [embedDim, kdim] */
  kProjWeight: Parameter | null = null
  /** [embedDim, vdim] */
  vProjWeight: Parameter | null = null
  /** [3 embedDim], or null */
  inProjBias: Parameter | null = null
  /** [1, 1, embedDim], or null without `addBiasKv` */
  biasK: Parameter | null = null
  /** [1, 1, embedDim], or null without `addBiasKv` */
  biasV: Parameter | null = null
  readonly outProj: Linear

  constructor(
    readonly embedDim: number,
    readonly numHeads: number,
    ...args: Arguments<[dropout: number, bias: boolean], MultiheadAttentionOptions>
  ) {
    super()
    requireArguments('MultiheadAttention', { embed_dim: embedDim, num_heads: numHeads })
    const options = readOptions<MultiheadAttentionOptions>('MultiheadAttention', optionNames, 2, args)
    const { bias = true, addBiasKv = false, dtype } = options
    checkNumber('MultiheadAttention', 'embedDim', embedDim)
    checkNumber('MultiheadAttention', 'numHeads', numHeads)
    if (!(embedDim > 0 && numHeads > 0)) {
      throw new ValueError(`embed_dim and num_heads must be greater than 0, got embed_dim=${embedDim} and num_heads=${numHeads} instead`)
    }
    this.kdim = options.kdim ?? embedDim
    this.vdim = options.vdim ?? embedDim
    this.headDim = Math.floor(embedDim / numHeads)
    this.dropout = options.dropout ?? 0
    this.batchFirst = options.batchFirst ?? false
    this.addZeroAttn = options.addZeroAttn ?? false
    assert(this.headDim * numHeads === embedDim, () => 'embed_dim must be divisible by num_heads')
    const parameter = (...shape: number[]) => new Parameter(empty(shape, { dtype }))
    if (this.kdim === embedDim && this.vdim === embedDim) this.inProjWeight = parameter(3 * embedDim, embedDim)
    else {
      this.qProjWeight = parameter(embedDim, embedDim)
      this.kProjWeight = parameter(embedDim, this.kdim)
      this.vProjWeight = parameter(embedDim, this.vdim)
    }
    if (bias) this.inProjBias = parameter(3 * embedDim)
    this.outProj = new NonDynamicallyQuantizableLinear(embedDim, embedDim, { bias, dtype })
    if (addBiasKv) {
      this.biasK = parameter(1, 1, embedDim)
      this.biasV = parameter(1, 1, embedDim)
    }
    this.resetParameters()
  }

  /** Draws new initial values: Glorot's, biases 0. The weight of `outProj` keeps what a Linear starts with, or has learned. */
  resetParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) if (weight) xavierUniform_(weight)
    for (const bias of [this.inProjBias, this.outProj.bias]) if (bias) constant_(bias, 0)
    for (const bias of [this.biasK, this.biasV]) if (bias) xavierNormal_(bias)
  }

  /**
   * @param query [N, L, embedDim] with `batchFirst`, else [L, N, embedDim]; [L, embedDim] without a batch
   * @param key [N, S, kdim] and so on;  value [N, S, vdim] and so on
   * @returns the result, shaped as the query, and the weights, null without `needWeights`: [N, L, S], or [N, numHeads, L, S] where not averaged
   * @throws AssertionError and RuntimeError with PyTorch's texts where shapes or masks don't fit
   */
  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ...args: Arguments<[keyPaddingMask: Tensor | null, needWeights: boolean, attnMask: Tensor | null, averageAttnWeights: boolean], MultiheadAttentionCall>
  ): [output: Tensor, weights: Tensor | null] {
    const owner = 'MultiheadAttention.forward'
    checkTensor(owner, 'query', query)
    checkTensor(owner, 'key', key)
    checkTensor(owner, 'value', value)
    const call = readOptions<MultiheadAttentionCall>(owner, callNames, 4, args)
    return composed([query, key, value, call.attnMask ?? null, call.keyPaddingMask ?? null, ...this.parameters()], () => {
      const padding = additiveMask(owner, 'keyPaddingMask', call.keyPaddingMask, query.dtype)
      const mask = additiveMask(owner, 'attnMask', call.attnMask, query.dtype)
      if (checkRanks(query, key, value, padding, mask, this.numHeads)) return this.attend(query, key, value, padding, mask, call, this.batchFirst)
      const same = new Map([query, key, value].map((x) => [x, x.unsqueeze(0)]))
      const [q, k, v] = [query, key, value].map((x) => same.get(x) as Tensor)
      const [y, weights] = this.attend(q, k, v, padding?.unsqueeze(0) ?? null, mask, call, true)
      return [y.squeeze(0), weights?.squeeze(0) ?? null]
    })
  }

  private attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | null,
    attnMask: Tensor | null,
    { needWeights = true, averageAttnWeights = true, isCausal = false }: MultiheadAttentionCall,
    batchFirst: boolean,
  ): [Tensor, Tensor | null] {
    const { embedDim, numHeads, headDim } = this
    const [batchDim, lengthDim] = batchFirst ? [0, 1] : [1, 0]
    const [batch, length] = [query.shape[batchDim], query.shape[lengthDim]]
    if (isCausal && !attnMask) {
      throw new RuntimeError(
        'Need attn_mask if specifying the is_causal hint. You may use the Transformer module method `generate_square_subsequent_mask` to create this mask.',
      )
    }
    const causal = isCausal && !padding && !needWeights
    let [q, k, v] = this.project(query, key, value)
    const shape = [batch * numHeads, length, key.shape[lengthDim]]
    let mask = causal ? null : attnMask
    if (mask) checkMaskShape(mask, mask.ndim === 2 ? shape.slice(1) : shape)
    for (const x of [key, value]) {
      const sizes = [x.shape[lengthDim], batch * numHeads, headDim]
      const given = x.shape[0] * x.shape[1] * embedDim
      if (numelOf(sizes) !== given) throw new RuntimeError(`shape '[${sizes.join(', ')}]' is invalid for input of size ${given}`)
    }
    let added = 0
    if (this.biasK && this.biasV) {
      const one = batchFirst ? [batch, 1, embedDim] : [1, batch, embedDim]
      k = cat([k, this.biasK.expand(one)], lengthDim)
      v = cat([v, this.biasV.expand(one)], lengthDim)
      added++
    }
    const heads = (x: Tensor) => x.unflatten(-1, [numHeads, headDim]).permute(batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3])
    const qh = heads(q)
    let [kh, vh] = [heads(k), heads(v)]
    if (this.addZeroAttn) {
      const zero = zeros([batch, numHeads, 1, headDim], { dtype: k.dtype })
      kh = cat([kh, zero], 2)
      vh = cat([vh, zero], 2)
      added++
    }
    const widened = (x: Tensor) => (added > 0 ? pad(x, [0, added]) : x)
    if (mask) mask = widened(mask.ndim === 2 ? mask : mask.reshape([batch, numHeads, ...shape.slice(1)]))
    if (padding) {
      const [samples, keys] = padding.shape
      assert(samples === batch, () => `Expected key_padded_mask.shape[0] to be ${batch}, but got ${samples}`)
      assert(keys === shape[2], () => `Expected key_padded_mask.shape[1] to be ${shape[2] + added}, but got ${keys + added}`)
      const ofKeys = widened(padding).reshape([batch, 1, 1, keys + added])
      mask = mask ? mask.add(ofKeys) : ofKeys
    }
    const p = this.training ? this.dropout : 0
    let joined: Tensor
    let weights: Tensor | null = null
    if (needWeights) {
      const scores = qh.mul(Math.sqrt(1 / headDim)).matmul(kh.transpose(-2, -1))
      weights = dropout((mask ? scores.add(mask) : scores).softmax(-1), { p })
      joined = weights.matmul(vh)
      if (averageAttnWeights) weights = weights.mean(1)
    } else joined = scaledDotProductAttention(qh, kh, vh, { attnMask: mask, dropoutP: p, isCausal: causal })
    // In training the result lies as PyTorch's, sequences outermost: dropout that follows draws in memory order.
    const turned = batchFirst && this.training
    const y = joined.permute(batchFirst && !turned ? [0, 2, 1, 3] : [2, 0, 1, 3]).flatten(2)
    const output = this.outProj.forward(y)
    return [turned ? output.transpose(0, 1) : output, weights]
  }

  /** Queries, keys and values by their weights, each of which is read once. Inputs that are the same tensor share one product. */
  private project(query: Tensor, key: Tensor, value: Tensor): readonly Tensor[] {
    const { embedDim: size, inProjWeight: weight, inProjBias: bias } = this
    const features = query.shape[2]
    assert(features === size, () => `was expecting embedding dimension of ${size}, but got ${features}`)
    if (!weight) return this.projectApart(query, key, value, bias)
    assert(sameShape(key.shape, value.shape), () => `key shape ${torchSize(key.shape)} does not match value shape ${torchSize(value.shape)}`)
    if (key === value && query === key) return linear(query, weight, bias).chunk(3, -1)
    const sizes = key === value ? [size, 2 * size] : [size, size, size]
    const parts = weight.split(sizes)
    const shifts = bias?.split(sizes)
    const q = linear(query, parts[0], shifts?.[0])
    if (key === value) return [q, ...linear(key, parts[1], shifts?.[1]).chunk(2, -1)]
    return [q, linear(key, parts[1], shifts?.[1]), linear(value, parts[2], shifts?.[2])]
  }

  /** Where keys or values have sizes of their own. */
  private projectApart(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | null): readonly Tensor[] {
    const { embedDim: size } = this
    const [ofKey, ofValue] = [key.shape.slice(0, 2), value.shape.slice(0, 2)]
    assert(sameShape(ofKey, ofValue), () => `key's sequence and batch dims ${torchSize(ofKey)} do not match value's ${torchSize(ofValue)}`)
    const weights = [this.qProjWeight, this.kProjWeight, this.vProjWeight] as readonly Tensor[]
    const inputs = [query, key, value]
    const shifts = bias?.chunk(3)
    inputs.forEach((x, i) => {
      const expected = [size, x.shape[2]]
      const name = ['query', 'key', 'value'][i]
      assert(sameShape(weights[i].shape, expected), () => `expecting ${name} weights shape of ${pythonTuple(expected)}, but got ${torchSize(weights[i].shape)}`)
    })
    return inputs.map((x, i) => linear(x, weights[i], shifts?.[i]))
  }
}
