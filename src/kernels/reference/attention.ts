import { isFloatingPoint } from '../../core/dtype.js'
import type { AttentionOptions, Kernels, View } from '../contract.js'
import { load, select, store } from './access.js'

const headOf = (x: View, batch: number, head: number): View => select(select(x, 0, batch), 0, head)

/** A head's mask as what is added to the scores. */
function maskRows(mask: View | null, batch: number, head: number): Float64Array | null {
  if (!mask) return null
  const values = load(headOf(mask, batch, head))
  return isFloatingPoint(mask.dtype) ? values : values.map((allowed) => (allowed ? 0 : Number.NEGATIVE_INFINITY))
}

/** sum_e a[i * size + e] b[j * size + e] */
function dot(a: Float64Array, i: number, b: Float64Array, j: number, size: number): number {
  let sum = 0
  for (let e = 0; e < size; e++) sum += a[i * size + e] * b[j * size + e]
  return sum
}

/** to[i] += factor from[j], rows of `size`. */
function addRow(to: Float64Array, i: number, factor: number, from: Float64Array, j: number, size: number): void {
  for (let e = 0; e < size; e++) to[i * size + e] += factor * from[j * size + e]
}

interface Row {
  readonly batch: number
  readonly head: number
  readonly query: number
  readonly q: Float64Array
  readonly k: Float64Array
  readonly v: Float64Array
  /** Scores of the keys that the query may see by its position. */
  readonly scores: Float64Array
  /** Dropout's factor of a key. */
  readonly factor: (key: number) => number
}

/** Calls `use` for every query, head by head, with one row of scores at a time; `finish` after each head. */
function forEachQuery(q: View, k: View, v: View, options: AttentionOptions, use: (row: Row) => void, finish: (batch: number, head: number) => void): void {
  const [batches, heads, length, size] = q.shape
  const [, groups, keys] = k.shape
  const { scale, diagonal, keepScale } = options
  for (let batch = 0; batch < batches; batch++) {
    for (let head = 0; head < heads; head++) {
      const group = Math.floor((head * groups) / heads)
      const [queries, keyRows, values] = [headOf(q, batch, head), headOf(k, batch, group), headOf(v, batch, group)].map((x) => load(x))
      const mask = maskRows(options.mask, batch, head)
      const keep = options.keep && load(headOf(options.keep, batch, head))
      for (let query = 0; query < length; query++) {
        const scores = new Float64Array(diagonal === null ? keys : Math.min(keys, query + diagonal + 1))
        for (let j = 0; j < scores.length; j++) scores[j] = scale * dot(queries, query, keyRows, j, size) + (mask ? mask[query * keys + j] : 0)
        const factor = (j: number) => (keep ? keep[query * keys + j] * keepScale : 1)
        use({ batch, head, query, q: queries, k: keyRows, v: values, scores, factor })
      }
      finish(batch, head)
    }
  }
}

function attention(q: View, k: View, v: View, options: AttentionOptions, y: View, lse: View): void {
  const [, , length, size] = y.shape
  const out = new Float64Array(length * size)
  const logSums = new Float64Array(length)
  forEachQuery(
    q,
    k,
    v,
    options,
    ({ query, v, scores, factor }) => {
      let max = Number.NEGATIVE_INFINITY
      for (const s of scores) if (s > max) max = s
      const shift = max === Number.NEGATIVE_INFINITY ? 0 : max
      let sum = 0
      for (const s of scores) sum += Math.exp(s - shift)
      logSums[query] = sum === 0 ? 0 : shift + Math.log(sum)
      out.fill(0, query * size, (query + 1) * size)
      for (let j = 0; sum !== 0 && j < scores.length; j++) addRow(out, query, (Math.exp(scores[j] - shift) / sum) * factor(j), v, j, size)
    },
    (batch, head) => {
      store(headOf(y, batch, head), out)
      store(headOf(lse, batch, head), logSums)
    },
  )
}

function attentionBackward(
  dy: View,
  q: View,
  k: View,
  v: View,
  options: AttentionOptions,
  _y: View,
  lse: View,
  dq: View | null,
  dk: View | null,
  dv: View | null,
  accumulate: boolean,
): void {
  const [, heads, length, size] = q.shape
  const [, groups, keys, valueSize] = v.shape
  const members = heads / groups
  const queryGrad = new Float64Array(length * size)
  const keyGrad = new Float64Array(keys * size)
  const valueGrad = new Float64Array(keys * valueSize)
  let grad: Float64Array = queryGrad
  let logSums: Float64Array = queryGrad
  forEachQuery(
    q,
    k,
    v,
    options,
    ({ batch, head, query, q, k, v, scores, factor }) => {
      if (query === 0) {
        grad = load(headOf(dy, batch, head))
        logSums = load(headOf(lse, batch, head))
        queryGrad.fill(0)
        if (head % members === 0) for (const sums of [keyGrad, valueGrad]) sums.fill(0)
      }
      const p = scores.map((s) => Math.exp(s - logSums[query]))
      const g = scores.map((_, j) => dot(grad, query, v, j, valueSize) * factor(j))
      let delta = 0
      for (let j = 0; j < p.length; j++) delta += p[j] * g[j]
      for (let j = 0; j < p.length; j++) {
        const ds = options.scale * p[j] * (g[j] - delta)
        addRow(queryGrad, query, ds, k, j, size)
        addRow(keyGrad, j, ds, q, query, size)
        addRow(valueGrad, j, p[j] * factor(j), grad, query, valueSize)
      }
    },
    (batch, head) => {
      if (dq) store(headOf(dq, batch, head), queryGrad)
      if (head % members !== members - 1) return
      for (const [target, sums] of [
        [dk, keyGrad],
        [dv, valueGrad],
      ] as const) {
        if (!target) continue
        const rows = headOf(target, batch, Math.floor(head / members))
        if (accumulate) addRow(sums, 0, 1, load(rows), 0, sums.length)
        store(rows, sums)
      }
    },
  )
}

export const attentions = { attention, attentionBackward } satisfies Partial<Kernels>
