import { type Arguments, readOptions } from '../core/arguments.js'
import { dtypes, isFloatingPoint } from '../core/dtype.js'
import { checkNumber, IndexError, RuntimeError } from '../core/errors.js'
import { broadcastShapes, formatShape, numelOf, type Shape, sameShape } from '../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../core/tensor.js'
import { attention } from './attention-rule.js'
import { composed } from './composed.js'

export interface ScaledDotProductAttentionOptions {
  /** [..., L, S], broadcastable: bool, where true means that a key takes part; or float, added to the scores. Default null. */
  attnMask?: Tensor | null
  /** Probability of dropping an attention weight; applies always, so pass 0 in evaluation. Default 0. */
  dropoutP?: number
  /** Query i sees the keys up to i, counted from the start where the lengths differ. Default false. */
  isCausal?: boolean
  /** Multiplies the scores. Default null: 1 / sqrt(E). */
  scale?: number | null
  /** Groups of neighbouring heads share keys and values, whose heads divide those of the queries. Default false. */
  enableGqa?: boolean
}

/** Optional arguments of `scaledDotProductAttention`. */
export type AttentionArguments = Arguments<[attnMask: Tensor | null, dropoutP: number, isCausal: boolean], ScaledDotProductAttentionOptions>

function checkInputs(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | null): void {
  const list = (what: (x: Tensor) => unknown, name: string) =>
    `query.${name}: ${what(query)} key.${name}: ${what(key)} and value.${name}: ${what(value)} instead.`
  if (query.dtype !== key.dtype || query.dtype !== value.dtype) {
    throw new RuntimeError(`Expected query, key, and value to have the same dtype, but got ${list((x) => dtypes[x.dtype].cppName, 'dtype')}`)
  }
  if ([query, key, value].some((x) => x.ndim < 2)) {
    throw new RuntimeError(`Expected query, key, and value to all be  at least 2 dimensional, but got ${list((x) => x.ndim, 'dim')}`)
  }
  if (!isFloatingPoint(query.dtype)) throw new RuntimeError(`expected scalar type Float but found ${dtypes[query.dtype].scalarName}`)
  if (mask && mask.dtype !== 'bool' && mask.dtype !== 'float32' && mask.dtype !== query.dtype) {
    throw new RuntimeError(
      `Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ${dtypes[mask.dtype].cppName} and  query.dtype: ${dtypes[query.dtype].cppName} instead.`,
    )
  }
}

/** As where PyTorch multiplies a [..., m, n] by a [..., rows, columns]. */
function checkProduct(lead: Shape, m: number, n: number, rows: number, columns: number): void {
  if (n === rows) return
  if (lead.length === 0) throw new RuntimeError(`mat1 and mat2 shapes cannot be multiplied (${m}x${n} and ${rows}x${columns})`)
  const batches = numelOf(lead)
  throw new RuntimeError(`Expected size for first two dimensions of batch2 tensor to be: [${batches}, ${n}] but got: [${batches}, ${rows}].`)
}

/** x with each head `count` times: as `repeat_interleave` along the axis of the heads. */
function repeatHeads(x: Tensor, count: number): Tensor {
  const [rows, size] = x.shape.slice(-2)
  const lead = x.shape.slice(0, -3)
  const heads = x.shape[x.ndim - 3]
  return x
    .unsqueeze(-3)
    .expand([...lead, heads, count, rows, size])
    .reshape([...lead, heads * count, rows, size])
}

/** Keys and values whose heads divide those of the queries, as many of one as of the other. */
function groupedHeads(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor] {
  const [heads, keyHeads, valueHeads] = [query, key, value].map((x) => {
    if (x.ndim < 3) throw new IndexError(`Dimension out of range (expected to be in range of [-${x.ndim}, ${x.ndim - 1}], but got -3)`)
    return x.shape[x.ndim - 3]
  })
  if (heads % keyHeads !== 0 || heads % valueHeads !== 0) {
    throw new RuntimeError('Number of heads in key and value must divide the number of heads in ')
  }
  return keyHeads === valueHeads ? [key, value] : [repeatHeads(key, heads / keyHeads), repeatHeads(value, heads / valueHeads)]
}

/**
 * Scaled dot product attention: y = dropout(softmax(scale query keyᵀ + mask)) value. As `torch.nn.functional.scaled_dot_product_attention`
 * (Vaswani et al. 2017, arXiv:1706.03762).
 *
 * Computed in blocks (Dao et al. 2022, arXiv:2205.14135): memory grows with L + S, not with L S, forward and backward, with dropout too; what a
 * causal query can't see is not computed. Where the mask itself requires grad, or the backward pass is recorded (`createGraph`), the weights are
 * formed as a whole. A query whose keys are all masked gives 0, and gradients of 0. Dropout draws what `F.dropout` would for the weights.
 *
 * @param query [..., H, L, E];  key [..., H, S, E];  value [..., H, S, V]; axes before the last two broadcast, and may be missing
 * @returns [..., H, L, V]
 * @throws RuntimeError with PyTorch's texts where dtypes or sizes don't fit, or a mask is given together with `isCausal`
 */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, ...args: AttentionArguments): Tensor {
  checkTensor('scaledDotProductAttention', 'query', query)
  checkTensor('scaledDotProductAttention', 'key', key)
  checkTensor('scaledDotProductAttention', 'value', value)
  const names = ['attnMask', 'dropoutP', 'isCausal', 'scale', 'enableGqa'] as const
  const options = readOptions<ScaledDotProductAttentionOptions>('scaledDotProductAttention', names, 3, args)
  const { attnMask = null, dropoutP = 0, isCausal = false, enableGqa = false } = options
  checkOptionalTensor('scaledDotProductAttention', 'attnMask', attnMask)
  checkNumber('scaledDotProductAttention', 'dropoutP', dropoutP)
  const scale = options.scale ?? 1 / Math.sqrt(query.shape[query.ndim - 1])
  checkNumber('scaledDotProductAttention', 'scale', scale)
  checkInputs(query, key, value, attnMask)
  if (attnMask && isCausal) throw new RuntimeError('_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True')
  if (!(dropoutP >= 0 && dropoutP <= 1)) throw new RuntimeError(`dropout probability has to be between 0 and 1, but got ${dropoutP}`)

  return composed([query, key, value, attnMask], () => {
    const [k, v] = enableGqa ? groupedHeads(query, key, value) : [key, value]
    const [length, size] = query.shape.slice(-2)
    const [keys, keySize] = k.shape.slice(-2)
    const [valueKeys, valueSize] = v.shape.slice(-2)
    const own = (x: Tensor) => x.shape.slice(0, -2)
    const grouped = enableGqa && query.shape[query.ndim - 3] !== k.shape[k.ndim - 3]
    // Where heads share keys, all axes but that of the heads broadcast.
    const outer = (x: Tensor) => (grouped ? own(x).slice(0, -1) : own(x))
    const inner = (x: Tensor) => (grouped ? own(x).slice(-1) : [])
    const common = broadcastShapes(outer(query), outer(k), outer(v))
    const [lead, keyLead] = [query, k].map((x) => [...common, ...inner(x)])
    checkProduct(lead, length, size, keySize, keys)
    checkProduct(lead, length, keys, valueKeys, valueSize)
    if (attnMask) {
      const scores = [...lead, length, keys]
      const wanted = broadcastShapes(scores, attnMask.shape)
      if (!sameShape(wanted, scores))
        throw new RuntimeError(`output with shape ${formatShape(scores)} doesn't match the broadcast shape ${formatShape(wanted)}`)
    }
    const y = attention(query, k, v, attnMask, { scale, causal: isCausal, p: dropoutP === 1 ? 0 : dropoutP, lead, keyLead })
    return dropoutP === 1 ? y.mul(0) : y
  })
}
