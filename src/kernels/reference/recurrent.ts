import type { Kernels, RecurrentGeometry, RecurrentGradients, RecurrentParameters, View } from '../contract.js'
import { gatesOf, recurrentLayout, type Step, stepsOf } from '../recurrent-layout.js'
import { load, store } from './access.js'
import { momentsOf } from './reduce.js'

/** Recurrent layers, sequence by sequence of each step; formulas in contract.ts. */

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** What both passes share: parameters as doubles, and the layout of the trace. */
function prepare(parameters: RecurrentParameters, geometry: RecurrentGeometry) {
  const [rows, outputs] = parameters.weight.shape
  const hidden = rows / gatesOf[geometry.cell]
  const ones = new Float64Array(rows).fill(1)
  const zeros = new Float64Array(rows)
  const or = (view: View | null, values: Float64Array) => (view ? load(view) : values)
  return {
    rows,
    outputs,
    hidden,
    steps: stepsOf(geometry),
    layout: recurrentLayout(geometry, hidden, parameters.projection !== null),
    weight: load(parameters.weight),
    projection: parameters.projection && load(parameters.projection),
    scale: or(parameters.scale, ones),
    shift: or(parameters.shift, zeros),
    cellScale: or(parameters.cellScale, ones),
    cellShift: or(parameters.cellShift, zeros),
    isPlain: gatesOf[geometry.cell] === 1,
    zeros,
  }
}

/** out = matrix x, or matrixᵀ x. matrix [rows, columns]. */
function product(matrix: Float64Array, rows: number, columns: number, x: Float64Array, transposed: boolean): Float64Array {
  const out = new Float64Array(transposed ? columns : rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if (transposed) out[j] += matrix[i * columns + j] * x[i]
      else out[i] += matrix[i * columns + j] * x[j]
    }
  }
  return out
}

/** x^ = (x - mean) rstd, in place. @returns rstd */
function standardize(x: Float64Array, eps: number): number {
  const [mean, variance] = momentsOf(x, 0, x.length)
  const rstd = 1 / Math.sqrt(variance + eps)
  for (let i = 0; i < x.length; i++) x[i] = (x[i] - mean) * rstd
  return rstd
}

/** dx = rstd (g - mean(g) - x^ mean(g x^)), g = dy scale. */
function standardizeBackward(dy: Float64Array, scale: Float64Array, xhat: Float64Array, rstd: number): Float64Array {
  const g = dy.map((d, i) => d * scale[i])
  const meanG = g.reduce((sum, v) => sum + v, 0) / g.length
  const meanGx = g.reduce((sum, v, i) => sum + v * xhat[i], 0) / g.length
  return g.map((v, i) => rstd * (v - meanG - xhat[i] * meanGx))
}

/** Calls `run` with each run's begin and end, and its number. */
function forEachRun(runs: readonly number[], run: (begin: number, end: number, index: number) => void): void {
  let begin = 0
  runs.forEach((size, index) => {
    run(begin, begin + size, index)
    begin += size
  })
}

function recurrent(x: View, parameters: RecurrentParameters, geometry: RecurrentGeometry, state: View, cell: View | null, y: View, trace: View | null): void {
  const { rows, outputs, hidden: size, steps, layout, weight, projection, scale, shift, cellScale, cellShift, isPlain, zeros } = prepare(parameters, geometry)
  const { cell: kind, eps } = geometry
  const inputs = load(x)
  const states = load(state)
  const cells = cell ? load(cell) : zeros
  const out = new Float64Array(y.shape[0] * outputs)
  const kept = new Float64Array(y.shape[0] * layout.width)
  for (const { start, count } of steps) {
    for (let b = 0; b < count; b++) {
      const row = start + b
      const h = states.subarray(b * outputs, (b + 1) * outputs)
      const c = cells.subarray(b * size, (b + 1) * size)
      const saved = kept.subarray(row * layout.width, (row + 1) * layout.width)
      const gates = saved.subarray(layout.gates)
      const p = product(weight, rows, outputs, h, false)
      let input = inputs.subarray(row * rows, (row + 1) * rows)
      if (eps !== null) {
        if (isPlain) {
          for (let j = 0; j < rows; j++) p[j] += input[j]
          input = zeros
        }
        forEachRun(layout.runs, (begin, end, run) => {
          saved[layout.rstd + run] = standardize(p.subarray(begin, end), eps)
        })
        saved.set(p, layout.normalized)
      }
      for (let j = 0; j < rows; j++) p[j] = p[j] * scale[j] + shift[j]
      const next = new Float64Array(size)
      if (kind === 'lstm') {
        for (let j = 0; j < size; j++) {
          const [i, f, g, o] = [0, 1, 2, 3].map((k) => input[k * size + j] + p[k * size + j])
          gates[j] = sigmoid(i)
          gates[size + j] = sigmoid(f)
          gates[2 * size + j] = Math.tanh(g)
          gates[3 * size + j] = sigmoid(o)
          c[j] = gates[size + j] * c[j] + gates[j] * gates[2 * size + j]
        }
        saved.set(c, layout.cell)
        const normed = c.slice()
        if (eps !== null) {
          saved[layout.rstd + layout.runs.length] = standardize(normed, eps)
          saved.set(normed, layout.normalizedCell)
        }
        for (let j = 0; j < size; j++) next[j] = gates[3 * size + j] * Math.tanh(normed[j] * cellScale[j] + cellShift[j])
      } else if (kind === 'gru') {
        for (let j = 0; j < size; j++) {
          const r = sigmoid(input[j] + p[j])
          const z = sigmoid(input[size + j] + p[size + j])
          const n = Math.tanh(input[2 * size + j] + r * p[2 * size + j])
          next[j] = (1 - z) * n + z * h[j]
          gates[j] = r
          gates[size + j] = z
          gates[2 * size + j] = n
          gates[3 * size + j] = p[2 * size + j]
        }
      } else {
        for (let j = 0; j < size; j++) {
          const a = input[j] + p[j]
          next[j] = kind === 'tanh' ? Math.tanh(a) : a > 0 || Number.isNaN(a) ? a : 0
        }
        gates.set(next)
      }
      if (projection) saved.set(next, layout.unprojected)
      const output = projection ? product(projection, outputs, size, next, false) : next
      h.set(output)
      out.set(output, row * outputs)
    }
  }
  store(y, out)
  store(state, states)
  if (cell) store(cell, cells)
  if (trace) store(trace, kept)
}

/** The row of `values` [N, size] before sequence b's step, or of the initial [B, size] where there is none. */
function before(values: Float64Array, width: number, at: number, initial: Float64Array, size: number, b: number, last: Step | undefined): Float64Array {
  if (!last || b >= last.count) return initial.subarray(b * size, (b + 1) * size)
  const offset = (last.start + b) * width + at
  return values.subarray(offset, offset + size)
}

function recurrentBackward(
  dy: View | null,
  parameters: RecurrentParameters,
  geometry: RecurrentGeometry,
  h0: View,
  c0: View | null,
  y: View,
  trace: View,
  dState: View,
  dCell: View | null,
  gradients: RecurrentGradients,
): void {
  const { rows, outputs, hidden: size, steps, layout, weight, projection, scale, cellScale, cellShift, isPlain, zeros } = prepare(parameters, geometry)
  const { cell: kind, eps } = geometry
  const upstream = dy && load(dy)
  const out = load(y)
  const kept = load(trace)
  const firstState = load(h0)
  const firstCell = c0 ? load(c0) : zeros
  const dStates = load(dState)
  const dCells = dCell ? load(dCell) : zeros
  const total = out.length / outputs
  const results = {
    input: new Float64Array(total * rows),
    gates: new Float64Array(total * rows),
    hidden: new Float64Array(total * rows),
    cell: new Float64Array(total * size),
    output: new Float64Array(out.length),
    previous: new Float64Array(out.length),
  }
  for (let s = steps.length - 1; s >= 0; s--) {
    const { start, count } = steps[s]
    for (let b = 0; b < count; b++) {
      const row = start + b
      const dh = dStates.subarray(b * outputs, (b + 1) * outputs)
      const dc = dCells.subarray(b * size, (b + 1) * size)
      const saved = kept.subarray(row * layout.width, (row + 1) * layout.width)
      const gates = saved.subarray(layout.gates)
      const h = before(out, outputs, 0, firstState, outputs, b, steps[s - 1])
      results.previous.set(h, row * outputs)
      if (upstream) for (let j = 0; j < outputs; j++) dh[j] += upstream[row * outputs + j]
      results.output.set(dh, row * outputs)
      const dNext = projection ? product(projection, outputs, size, dh, true) : dh.slice()
      const dInput = new Float64Array(rows)
      let dGates = dInput
      dh.fill(0)
      if (kind === 'lstm') {
        const c = before(kept, layout.width, layout.cell, firstCell, size, b, steps[s - 1])
        const normed = eps === null ? saved.subarray(layout.cell, layout.cell + size) : saved.subarray(layout.normalizedCell, layout.normalizedCell + size)
        const dNormed = new Float64Array(size)
        for (let j = 0; j < size; j++) {
          const t = Math.tanh(normed[j] * cellScale[j] + cellShift[j])
          const o = gates[3 * size + j]
          dNormed[j] = dNext[j] * o * (1 - t * t)
          dInput[3 * size + j] = dNext[j] * t * o * (1 - o)
        }
        results.cell.set(dNormed, row * size)
        const ofCell = eps === null ? dNormed : standardizeBackward(dNormed, cellScale, normed, saved[layout.rstd + layout.runs.length])
        for (let j = 0; j < size; j++) {
          const [i, f, g] = [gates[j], gates[size + j], gates[2 * size + j]]
          const d = dc[j] + ofCell[j]
          dInput[j] = d * g * i * (1 - i)
          dInput[size + j] = d * c[j] * f * (1 - f)
          dInput[2 * size + j] = d * i * (1 - g * g)
          dc[j] = d * f
        }
      } else if (kind === 'gru') {
        dGates = new Float64Array(rows)
        for (let j = 0; j < size; j++) {
          const [r, z, n, p] = [0, 1, 2, 3].map((k) => gates[k * size + j])
          const dn = dNext[j] * (1 - z) * (1 - n * n)
          dInput[j] = dn * p * r * (1 - r)
          dInput[size + j] = dNext[j] * (h[j] - n) * z * (1 - z)
          dInput[2 * size + j] = dn
          dh[j] = dNext[j] * z
        }
        dGates.set(dInput)
        for (let j = 0; j < size; j++) dGates[2 * size + j] *= gates[j]
      } else {
        for (let j = 0; j < size; j++) dInput[j] = kind === 'tanh' ? dNext[j] * (1 - gates[j] ** 2) : gates[j] > 0 ? dNext[j] : 0
      }
      results.gates.set(dGates, row * rows)
      const dHidden = dGates.slice()
      if (eps !== null) {
        forEachRun(layout.runs, (begin, end, run) => {
          const xhat = saved.subarray(layout.normalized + begin, layout.normalized + end)
          dHidden.set(standardizeBackward(dGates.subarray(begin, end), scale.subarray(begin, end), xhat, saved[layout.rstd + run]), begin)
        })
      }
      results.hidden.set(dHidden, row * rows)
      results.input.set(isPlain ? dHidden : dInput, row * rows)
      product(weight, rows, outputs, dHidden, true).forEach((v, j) => {
        dh[j] += v
      })
    }
  }
  store(dState, dStates)
  if (dCell) store(dCell, dCells)
  store(gradients.input, results.input)
  store(gradients.gates, results.gates)
  store(gradients.hidden, results.hidden)
  if (gradients.cell) store(gradients.cell, results.cell)
  if (gradients.output) store(gradients.output, results.output)
  store(gradients.previous, results.previous)
}

export const recurrences = { recurrent, recurrentBackward } satisfies Partial<Kernels>
