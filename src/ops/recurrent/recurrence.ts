import { grad, isGradEnabled, recordAll } from '../../autograd/index.js'
import { emptyTensor, type Tensor } from '../../core/tensor.js'
import type { RecurrentGeometry } from '../../kernels/contract.js'
import { kernels } from '../../kernels/index.js'
import { gatesOf, recurrentLayout } from '../../kernels/recurrent-layout.js'
import { zeros } from '../create.js'
import { linear } from '../linear.js'
import { composedRecurrence, layerNorms, type Recurrence, type RecurrenceParameters } from './composed.js'

const NAMES = ['weight', 'scale', 'shift', 'cellScale', 'cellShift', 'projection'] as const

const parametersOf = (list: readonly (Tensor | null)[]): RecurrenceParameters => {
  const [weight, scale, shift, cellScale, cellShift, projection] = list
  return { weight: weight as Tensor, scale, shift, cellScale, cellShift, projection }
}

/** The values in contiguous memory that a kernel may write to. */
function copyOf(t: Tensor): Tensor {
  const copy = emptyTensor(t.shape, t.dtype)
  kernels.copy(t, copy)
  return copy
}

const gradientOf = (g: Tensor | null, like: Tensor): Tensor => (g ? copyOf(g) : zeros(like.shape, { dtype: like.dtype }))

/**
 * A recurrent layer in one direction, from the inputs of its gates: one kernel for all steps, and one for their gradients.
 * The formulas are in kernels/contract.ts. Shapes and dtypes are checked by the layers.
 *
 * @param x [N, G H], packed
 * @param h0 [B, P]; c0 [B, H] of an LSTM, else null
 */
export function recurrence(x: Tensor, h0: Tensor, c0: Tensor | null, parameters: RecurrenceParameters, geometry: RecurrentGeometry): Recurrence {
  const { weight, projection } = parameters
  const [rows, outputs] = weight.shape
  const hidden = rows / gatesOf[geometry.cell]
  const layout = recurrentLayout(geometry, hidden, projection !== null)
  const n = x.shape[0]
  const inputs = [x, h0, c0, ...NAMES.map((name) => parameters[name])]
  const isRecording = isGradEnabled() && inputs.some((t) => t?.requiresGrad)
  const output = emptyTensor([n, outputs], x.dtype)
  const state = copyOf(h0)
  const cell = c0 && copyOf(c0)
  const trace = isRecording ? emptyTensor([n, layout.width], x.dtype === 'float64' ? 'float64' : 'float32') : null
  kernels.recurrent(x, parameters, geometry, state, cell, output, trace)
  if (trace === null) return { output, state, cell }

  recordAll(cell ? [output, state, cell] : [output, state], {
    name: 'RecurrenceBackward',
    inputs,
    saved: [output, ...inputs],
    scratch: [trace],
    backward: ([dy = null, dStateEnd = null, dCellEnd = null], [y, ...saved], needs) => {
      if (isGradEnabled()) return composedGradients([dy, dStateEnd, dCellEnd], saved, needs, geometry, hidden)
      const [, first, firstCell, ...rest] = saved
      const p = parametersOf(rest)
      const matrix = (columns: number, like = output) => emptyTensor([n, columns], like.dtype)
      const isGru = geometry.cell === 'gru'
      const isNormed = geometry.eps !== null
      const isPlain = gatesOf[geometry.cell] === 1
      const input = matrix(rows)
      const gates = isGru || (isPlain && isNormed) ? matrix(rows) : input
      const product = !isNormed ? gates : isPlain ? input : matrix(rows)
      const normedCell = isNormed && firstCell ? matrix(hidden) : null
      const unprojected = p.projection ? matrix(outputs) : null
      const previous = matrix(outputs)
      const dState = gradientOf(dStateEnd, first as Tensor)
      const dCell = firstCell && gradientOf(dCellEnd, firstCell)
      kernels.recurrentBackward(dy, p, geometry, first as Tensor, firstCell, y as Tensor, trace, dState, dCell, {
        input,
        gates,
        hidden: product,
        cell: normedCell,
        output: unprojected,
        previous,
      })
      const kept = (begin: number, count: number) => trace.narrow(1, begin, count)
      const [, , , needsWeight, needsScale, needsShift, needsCellScale, needsCellShift, needsProjection] = needs
      return [
        input,
        dState,
        dCell,
        // As linear's rule: a product's weight has the gradient dyᵀ x.
        needsWeight ? linear(product.t(), previous.t()) : null,
        needsScale ? gates.mul(kept(layout.normalized, rows)).sum(0) : null,
        needsShift ? gates.sum(0) : null,
        needsCellScale && normedCell ? normedCell.mul(kept(layout.normalizedCell, hidden)).sum(0) : null,
        needsCellShift && normedCell ? normedCell.sum(0) : null,
        needsProjection && unprojected ? linear(unprojected.t(), kept(layout.unprojected, hidden).to(output.dtype).t()) : null,
      ]
    },
  })
  return { output, state, cell }
}

/** The gradients by the composed formula, so that they can be differentiated again. Aliases of the inputs cut off what these were computed from. */
function composedGradients(
  upstream: readonly (Tensor | null)[],
  saved: readonly (Tensor | null)[],
  needs: readonly boolean[],
  geometry: RecurrentGeometry,
  hidden: number,
): (Tensor | null)[] {
  const aliases = saved.map((t) => t?.view(t.shape) ?? null)
  const [x, h0, c0, ...rest] = aliases
  const p = parametersOf(rest)
  const { output, state, cell } = composedRecurrence(x as Tensor, h0 as Tensor, c0, p, geometry, layerNorms(p, geometry, hidden))
  const ends = [output, state, cell]
  const used = ends.flatMap((t, i) => (t && upstream[i] ? [{ t, g: upstream[i] }] : []))
  const wanted = aliases.flatMap((t, i) => (t && needs[i] ? [{ t, i }] : []))
  const gradients = grad(
    used.map(({ t }) => t),
    wanted.map(({ t }) => t),
    { gradOutputs: used.map(({ g }) => g), createGraph: true, allowUnused: true },
  )
  const result: (Tensor | null)[] = saved.map(() => null)
  wanted.forEach(({ i }, k) => {
    result[i] = gradients[k]
  })
  return result
}
