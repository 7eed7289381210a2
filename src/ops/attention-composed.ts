import type { Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { ones } from './create.js'

/**
 * The gradients of attention written in ordinary ops, in float64: what the fused kernels must agree with, and what runs where a backward pass is
 * itself recorded, so that derivatives of any order exist. Its memory grows with the product of the lengths.
 */

export interface AttentionSettings {
  readonly scale: number
  readonly causal: boolean
  /** Of dropout. */
  readonly p: number
  /** The axes before a head's rows, broadcast: [..., heads] of the queries, and of keys and values, whose heads divide those of the queries. */
  readonly lead: Shape
  readonly keyLead: Shape
}

const wide = (x: Tensor): Tensor => x.to('float64')

/** Keys or values with a head for each head of the queries: [..., heads, rows, size]. */
function repeated(x: Tensor, keyLead: Shape, lead: Shape): Tensor {
  const matrix = x.shape.slice(-2)
  const all = wide(x).expand([...keyLead, ...matrix])
  const group = lead.length > 0 ? lead[lead.length - 1] / keyLead[keyLead.length - 1] : 1
  return group === 1
    ? all
    : all
        .unsqueeze(-3)
        .expand([...keyLead, group, ...matrix])
        .reshape([...lead, ...matrix])
}

/** The sum over the heads that share a key. */
function summed(x: Tensor, keyLead: Shape, lead: Shape): Tensor {
  const group = lead.length > 0 ? lead[lead.length - 1] / keyLead[keyLead.length - 1] : 1
  return group === 1 ? x : x.reshape([...keyLead, group, ...x.shape.slice(-2)]).sum(-3)
}

/** softmax(scale q kᵀ + mask), 0 in rows where every key is masked. */
function probabilities(q: Tensor, k: Tensor, mask: Tensor | null, { scale, causal }: AttentionSettings): Tensor {
  let scores = q.matmul(k.transpose(-2, -1)).mul(scale)
  const hide = (allowed: Tensor) => scores.maskedFill(allowed.logicalNot(), Number.NEGATIVE_INFINITY)
  if (causal) scores = hide(ones(scores.shape.slice(-2), { dtype: 'bool' }).tril())
  if (mask) scores = mask.dtype === 'bool' ? hide(mask) : scores.add(wide(mask))
  const empty = scores.detach().eq(Number.NEGATIVE_INFINITY).all(-1, { keepdim: true })
  return scores.maskedFill(empty, 0).softmax(-1).maskedFill(empty, 0)
}

/**
 * With p = softmax(...), m dropout's factors, g = m dy vᵀ and ds = p (g - sum(p g)): dq = scale ds k, dk = scale dsᵀ q, dv = (m p)ᵀ dy, dmask = ds.
 * @param keep dropout's mask, bool [batch, heads, queries, keys]
 */
export function composedAttentionBackward(
  dy: Tensor,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  keep: Tensor | null,
  settings: AttentionSettings,
): [dq: Tensor, dk: Tensor, dv: Tensor, dmask: Tensor] {
  const { lead, keyLead, scale, p: dropped } = settings
  const [query, key, value, grad] = [wide(q).expand([...lead, ...q.shape.slice(-2)]), repeated(k, keyLead, lead), repeated(v, keyLead, lead), wide(dy)]
  const p = probabilities(query, key, mask, settings)
  const factors =
    keep &&
    wide(keep)
      .mul(1 / (1 - dropped))
      .reshape(p.shape)
  const drop = (x: Tensor) => (factors ? x.mul(factors) : x)
  const g = drop(grad.matmul(value.transpose(-2, -1)))
  const ds = p.mul(g.sub(p.mul(g).sum(-1, { keepdim: true })))
  const dk = ds.transpose(-2, -1).matmul(query).mul(scale)
  const dv = drop(p).transpose(-2, -1).matmul(grad)
  return [ds.matmul(key).mul(scale), summed(dk, keyLead, lead), summed(dv, keyLead, lead), ds]
}
