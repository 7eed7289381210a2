import { isGradEnabled, record } from '../autograd/index.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { contiguousStrides, numelOf, type Shape } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { emptyTensor, Tensor, windowOf } from '../core/tensor.js'
import type { AttentionOptions } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { type AttentionSettings, composedAttentionBackward } from './attention-composed.js'
import { denseLike } from './draw.js'
import { asContiguousShape } from './norm/layout.js'

/** Attention with its gradient, of arguments that have been checked. */

/** Elements of dropout's mask that exist at a time. */
const KEPT_AT_ONCE = 2 ** 22

/** [..., heads] as [batch, heads]. */
const folded = (lead: Shape): readonly [number, number] => [numelOf(lead.slice(0, -1)), lead.at(-1) ?? 1]

/** x as [batch, heads, rows, size] outside the graph, the elements of a row side by side: a window onto it where its strides allow. */
function asHeads(x: Tensor, lead: Shape): Tensor {
  const matrix = x.shape.slice(-2)
  const heads = asContiguousShape(x.expand([...lead, ...matrix]), [...folded(lead), ...matrix])
  return heads.strides[3] === 1 || heads.shape[3] <= 1 ? heads : heads.contiguous()
}

/** A mask as [batch, heads, queries, keys]; where it broadcasts, it is repeated without copies, but for the keys. */
function maskAsHeads(mask: Tensor, lead: Shape, length: number, keys: number): Tensor {
  const rows = mask.detach().expand([...mask.shape.slice(0, -1), keys])
  const readable = rows.strides.at(-1) === 1 || keys <= 1 ? rows : rows.contiguous()
  return asHeads(readable.expand([...lead, length, keys]), lead)
}

/** [batch, heads, length, size] whose axes lie in memory as those of the queries: where these are heads of rows, joining the heads is a view again. */
function emptyOutput(q: Tensor, size: number): Tensor {
  const shape = [...q.shape.slice(0, 3), size]
  const order = [0, 1, 2].sort((a, b) => q.strides[b] - q.strides[a])
  const base = emptyTensor([...order.map((d) => shape[d]), size], q.dtype)
  const lying = contiguousStrides(base.shape)
  return new Tensor(base.storage, base.dtype, shape, [...[0, 1, 2].map((d) => lying[order.indexOf(d)]), lying[3]])
}

interface Part {
  /** Of batch, heads and queries: where the part begins, and how large it is. */
  readonly from: Shape
  readonly sizes: Shape
}

/** Queries in memory order, in parts whose dropout masks are of bounded size; a group of heads that share keys is whole, or a head at a time. */
function* parts([batch, heads, length]: Shape, keys: number, group: number, dropout: boolean): Iterable<Part> {
  const atOnce = Math.max(1, Math.floor(KEPT_AT_ONCE / Math.max(1, keys)))
  if (!dropout || batch * heads * length <= atOnce) {
    yield { from: [0, 0, 0], sizes: [batch, heads, length] }
    return
  }
  const whole = Math.floor(atOnce / (group * length)) * group
  const [headStep, rowStep] = whole > 0 ? [Math.min(whole, heads), length] : [1, atOnce]
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h += headStep) {
      for (let l = 0; l < length; l += rowStep) yield { from: [b, h, l], sizes: [1, Math.min(headStep, heads - h), Math.min(rowStep, length - l)] }
    }
  }
}

/** The part of a tensor that has batch, heads and queries first. */
const cut = (x: Tensor, { from, sizes }: Part): Tensor =>
  windowOf(x, [...sizes, ...x.shape.slice(3)], x.strides, x.offset + from[0] * x.strides[0] + from[1] * x.strides[1] + from[2] * x.strides[2])

/** What scaled dot product attention works on, as [batch, heads, rows, size] outside the graph. */
interface Operands {
  readonly q: Tensor
  readonly k: Tensor
  readonly v: Tensor
  readonly mask: Tensor | null
}

/** Calls a kernel for each part, with its options and what cuts out of tensors with the heads of queries and those of keys. */
function forEachPart(
  { q, k, mask }: Operands,
  settings: AttentionSettings,
  generator: Generator | null,
  run: (options: AttentionOptions, ofQueries: (x: Tensor) => Tensor, ofKeys: (x: Tensor) => Tensor, part: Part) => void,
): void {
  const { scale, causal, p } = settings
  const [, heads] = q.shape
  const [, groups, keys] = k.shape
  const group = groups > 0 ? heads / groups : 1
  for (const part of parts(q.shape, keys, group, generator !== null)) {
    const { from, sizes } = part
    const keyPart: Part = { from: [from[0], Math.floor(from[1] / group), 0], sizes: [sizes[0], Math.ceil(sizes[1] / group), keys] }
    const keep = generator && emptyTensor([...sizes, keys], 'bool')
    if (keep && generator) kernels.bernoulli(keep, generator, 1 - p)
    const options: AttentionOptions = { scale, diagonal: causal ? from[2] : null, mask: mask && cut(mask, part), keep, keepScale: 1 / (1 - p) }
    run(
      options,
      (x) => cut(x, part),
      (x) => cut(x, keyPart),
      part,
    )
    keep?.dispose()
  }
}

function operands(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null, { lead, keyLead }: AttentionSettings): Operands {
  return {
    q: asHeads(q, lead),
    k: asHeads(k, keyLead),
    v: asHeads(v, keyLead),
    mask: mask && maskAsHeads(mask, lead, q.shape.at(-2) ?? 0, k.shape.at(-2) ?? 0),
  }
}

/** The mask of dropout as a whole, for the composed formula. */
function wholeKeep(shape: Shape, generator: Generator, p: number): Tensor {
  const keep = emptyTensor(shape, 'bool')
  kernels.bernoulli(keep, generator, 1 - p)
  return keep
}

/** softmax(scale q kᵀ + mask), with dropout, times v. What the graph keeps grows with the lengths, not with their product. */
export function attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null, settings: AttentionSettings): Tensor {
  const { lead, keyLead, p } = settings
  const [length, valueSize] = [q.shape[q.ndim - 2], v.shape[v.ndim - 1]]
  /** Draws dropout's mask once more. */
  const drawn = p > 0 ? defaultGenerator().clone() : null
  const [y4, lse] = scope(() => {
    const given = operands(q, k, v, mask, settings)
    const y4 = emptyOutput(given.q, valueSize)
    const lse = emptyTensor(given.q.shape.slice(0, 3), 'float64')
    forEachPart(given, settings, p > 0 ? defaultGenerator() : null, (options, ofQueries, ofKeys) =>
      kernels.attention(ofQueries(given.q), ofKeys(given.k), ofKeys(given.v), options, ofQueries(y4), ofQueries(lse)),
    )
    return [y4, lse]
  })
  const y = unfolded(y4, [...lead, length, valueSize])
  return record(y, {
    name: 'ScaledDotProductFlashAttentionForCpuBackward0',
    inputs: [q, k, v, mask],
    saved: [q, k, v, mask, y],
    scratch: [lse],
    backward: (dy, saved, needs) => {
      const [q, k, v] = saved as readonly Tensor[]
      const [, , , mask, y] = saved
      const generator = drawn?.clone() ?? null
      if (isGradEnabled() || needs[3]) {
        const keep = generator && wholeKeep([...folded(lead), length, k.shape[k.ndim - 2]], generator, p)
        const grads = composedAttentionBackward(dy, q, k, v, mask, keep, settings)
        return grads.map((grad, i) => (needs[i] ? grad : null))
      }
      const [dq, dk, dv] = scope(() => {
        const given = operands(q, k, v, mask, settings)
        const [dq, dk, dv] = [given.q, given.k, given.v].map((x, i) => (needs[i] ? denseLike(x) : null))
        const grad = asHeads(dy, lead)
        const output = asHeads(y as Tensor, lead)
        forEachPart(given, settings, generator, (options, ofQueries, ofKeys, { from }) => {
          const group = given.q.shape[1] / given.k.shape[1]
          kernels.attentionBackward(
            ofQueries(grad),
            ofQueries(given.q),
            ofKeys(given.k),
            ofKeys(given.v),
            options,
            ofQueries(output),
            ofQueries(lse),
            dq && ofQueries(dq),
            dk && ofKeys(dk),
            dv && ofKeys(dv),
            from[2] > 0 || from[1] % group !== 0,
          )
        })
        return [dq, dk, dv]
      })
      return [
        dq && unfolded(dq, [...lead, ...q.shape.slice(-2)]),
        ...[dk, dv].map((d, i) => d && unfolded(d, [...keyLead, ...[k, v][i].shape.slice(-2)])),
        null,
      ]
    },
  })
}

/** [batch, heads, rows, size] under the shape that it was folded from: the same storage. */
function unfolded(x: Tensor, shape: Shape): Tensor {
  const [batch, head, ...matrix] = x.strides
  const outer = shape.slice(0, -2)
  const within = contiguousStrides(outer.slice(0, -1)).map((stride) => stride * batch)
  return new Tensor(x.storage, x.dtype, shape, [...within, ...(outer.length > 0 ? [head] : []), ...matrix])
}
