import type { RecurrentCell, RecurrentGeometry } from './contract.js'

/** Gates in a weight: its rows are so many times the hidden size. */
export const gatesOf: Readonly<Record<RecurrentCell, number>> = { tanh: 1, relu: 1, lstm: 4, gru: 3 }

/** The columns of what a recurrent layer keeps of each step for its backward pass: where each begins, -1 for none, and how many there are. */
export interface RecurrentLayout {
  /** Activations: h; i, f, g, o; or r, z, n and p_n, what r multiplies. */
  readonly gates: number
  /** The cell state. */
  readonly cell: number
  /** The output before the projection. */
  readonly unprojected: number
  /** The normalized product with the weight. */
  readonly normalized: number
  /** The normalized cell state. */
  readonly normalizedCell: number
  /** rstd of each norm: one for each of `runs`, then the cell's. */
  readonly rstd: number
  readonly width: number
  /** Sizes of what is normalized on its own, in a row of gates. */
  readonly runs: readonly number[]
}

export function recurrentLayout({ cell, eps }: RecurrentGeometry, hidden: number, projected: boolean): RecurrentLayout {
  let width = 0
  const columns = (wanted: boolean, count: number): number => {
    if (!wanted) return -1
    width += count
    return width - count
  }
  const isLstm = cell === 'lstm'
  const normed = eps !== null
  const runs = cell === 'gru' ? [2 * hidden, hidden] : [gatesOf[cell] * hidden]
  const gates = columns(true, (isLstm || cell === 'gru' ? 4 : 1) * hidden)
  const cells = columns(isLstm, hidden)
  const unprojected = columns(projected, hidden)
  const normalized = columns(normed, gatesOf[cell] * hidden)
  const normalizedCell = columns(normed && isLstm, hidden)
  const rstd = columns(normed, runs.length + (isLstm ? 1 : 0))
  return { gates, cell: cells, unprojected, normalized, normalizedCell, rstd, width, runs }
}

/** A step: its first row, and its sequences. */
export interface Step {
  readonly start: number
  readonly count: number
}

/** The steps in the order in which they are taken. */
export function stepsOf({ batchSizes, reverse }: RecurrentGeometry): Step[] {
  let start = 0
  const steps = batchSizes.map((count) => {
    start += count
    return { start: start - count, count }
  })
  return reverse ? steps.reverse() : steps
}
