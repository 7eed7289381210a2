import type { Tensor } from '../../core/tensor.js'
import type { RecurrentGeometry } from '../../kernels/contract.js'
import { recurrentLayout, stepsOf } from '../../kernels/recurrent-layout.js'
import { cat } from '../join.js'
import { layerNorm } from '../norm/layer-norm.js'

/**
 * Recurrent layers written in ordinary ops, step by step: what the fused kernels must agree with, what runs where a backward pass is itself
 * recorded, and what norms run in whose statistics go over the sequences of a step.
 */

/** The parameters inside the recurrence; see `RecurrentParameters` of the kernels. */
export interface RecurrenceParameters<T = Tensor> {
  readonly weight: T
  readonly scale: T | null
  readonly shift: T | null
  readonly cellScale: T | null
  readonly cellShift: T | null
  readonly projection: T | null
}

/** What normalizes at each step, scale and shift included. `step` counts from a sequence's own beginning where all begin together. */
export interface StepNorms {
  /** The product of state and weight [B, G H]; for a plain cell its sum with the input. */
  product(p: Tensor, step: number): Tensor
  /** The cell state of an LSTM [B, H]. */
  cell(c: Tensor, step: number): Tensor
}

/** Every sequence's last output and, of an LSTM, cell state. */
export interface Recurrence {
  /** [N, P] */
  readonly output: Tensor
  /** [B, P] */
  readonly state: Tensor
  /** [B, H], or null */
  readonly cell: Tensor | null
}

/** The layer norms of `geometry`, or none. */
export function layerNorms({ scale, shift, cellScale, cellShift, weight }: RecurrenceParameters, geometry: RecurrentGeometry, hidden: number): StepNorms {
  const { eps } = geometry
  if (eps === null) return { product: (p) => (shift ? p.add(shift) : p), cell: (c) => c }
  const { runs } = recurrentLayout(geometry, hidden, false)
  return {
    product(p) {
      const parts = (t: Tensor | null): (Tensor | null)[] => (t ? t.split(runs, -1) : runs.map(() => null))
      const [scales, shifts] = [parts(scale), parts(shift)]
      const pieces = p.split(runs, -1).map((x, i) => layerNorm(x, [runs[i]], scales[i], shifts[i], { eps }))
      return pieces.length === 1 ? pieces[0] : cat(pieces, -1)
    },
    cell: (c) => layerNorm(c, [weight.shape[0] / 4], cellScale, cellShift, { eps }),
  }
}

/** One step of sequences [B, ...]: their next output and cell state. */
function advance(
  x: Tensor,
  h: Tensor,
  c: Tensor | null,
  { weight, projection }: RecurrenceParameters,
  { cell: kind, eps }: RecurrentGeometry,
  norms: StepNorms,
  step: number,
): [h: Tensor, c: Tensor | null] {
  const product = h.matmul(weight.t())
  if (kind === 'tanh' || kind === 'relu') {
    const a = eps === null ? norms.product(product, step).add(x) : norms.product(product.add(x), step)
    return [kind === 'tanh' ? a.tanh() : a.relu(), null]
  }
  const p = norms.product(product, step)
  if (c) {
    const [i, f, g, o] = x.add(p).chunk(4, -1)
    const next = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
    const output = o.sigmoid().mul(norms.cell(next, step).tanh())
    return [projection ? output.matmul(projection.t()) : output, next]
  }
  const [xr, xz, xn] = x.chunk(3, -1)
  const [pr, pz, pn] = p.chunk(3, -1)
  const z = xz.add(pz).sigmoid()
  const n = xn.add(xr.add(pr).sigmoid().mul(pn)).tanh()
  return [n.add(z.mul(h.sub(n))), null]
}

/** As the kernel `recurrent`, from x [N, G H]. */
export function composedRecurrence(
  x: Tensor,
  h0: Tensor,
  c0: Tensor | null,
  parameters: RecurrenceParameters,
  geometry: RecurrentGeometry,
  norms: StepNorms,
): Recurrence {
  const initial = c0 ? [h0, c0] : [h0]
  /** The states of the sequences that run, and of those that have ended, the shortest first. */
  let running: readonly Tensor[] | null = null
  const ended: Tensor[][] = []
  const outputs: Tensor[] = []
  stepsOf(geometry).forEach(({ start, count }, step) => {
    const before: number = running?.[0].shape[0] ?? 0
    if (running && before > count) {
      ended.push(running.map((s) => s.narrow(0, count, before - count)))
      running = running.map((s) => s.narrow(0, 0, count))
    } else if (before < count) {
      const begin = initial.map((s) => s.narrow(0, before, count - before))
      running = running ? running.map((s, i) => cat([s, begin[i]])) : begin
    }
    const [h, c = null] = running ?? initial
    const [next, nextCell] = advance(x.narrow(0, start, count), h, c, parameters, geometry, norms, step)
    outputs.push(next)
    running = nextCell ? [next, nextCell] : [next]
  })
  if (geometry.reverse) outputs.reverse()
  const final = initial.map((s, i) => {
    const pieces = [running?.[i] ?? s, ...ended.map((states) => states[i]).reverse()]
    return pieces.length === 1 ? pieces[0] : cat(pieces)
  })
  return { output: cat(outputs), state: final[0], cell: final[1] ?? null }
}
