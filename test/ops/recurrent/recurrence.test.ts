import { expect, test } from 'vitest'
import { gradcheck, gradgradcheck, noGrad } from '../../../src/autograd/index.js'
import type { Tensor } from '../../../src/core/tensor.js'
import type { RecurrentCell, RecurrentGeometry } from '../../../src/kernels/contract.js'
import { gatesOf } from '../../../src/kernels/recurrent-layout.js'
import '../../../src/ops/index.js'
import { composedRecurrence, layerNorms, type RecurrenceParameters } from '../../../src/ops/recurrent/composed.js'
import { recurrence } from '../../../src/ops/recurrent/recurrence.js'
import { values } from '../gradcheck-table.js'

/** The fused recurrence of every cell: gradients, second derivatives, and the composed formula. */

interface Case {
  cell: RecurrentCell
  eps: number | null
  reverse: boolean
  projected?: boolean
  /** Without biases, scales and shifts. */
  bare?: boolean
  /** Default 2, 2, 1. */
  batchSizes?: number[]
}

const cells: RecurrentCell[] = ['tanh', 'relu', 'lstm', 'gru']
const cases: Case[] = [
  ...cells.flatMap((cell) => [null, 1e-2].flatMap((eps) => [false, true].map((reverse) => ({ cell, eps, reverse })))),
  { cell: 'lstm', eps: null, reverse: false, projected: true },
  { cell: 'lstm', eps: 1e-2, reverse: true, projected: true },
  { cell: 'gru', eps: null, reverse: false, bare: true },
  { cell: 'lstm', eps: 1e-2, reverse: false, bare: true },
]

const HIDDEN = 2
const threeSteps = [2, 2, 1]
const twoSteps = [2, 1]

function inputsOf({ cell, eps, projected = false, bare = false, batchSizes = threeSteps }: Case): (Tensor | null)[] {
  const rows = gatesOf[cell] * HIDDEN
  const outputs = projected ? 1 : HIDDEN
  const normed = eps !== null && !bare
  const isLstm = cell === 'lstm'
  const make = (wanted: boolean, shape: number[], seed: number) => (wanted ? values(shape, seed) : null)
  return [
    values([batchSizes.reduce((a, b) => a + b), rows], 1),
    values([batchSizes[0], outputs], 2),
    make(isLstm, [batchSizes[0], HIDDEN], 3),
    values([rows, outputs], 4),
    make(normed, [rows], 5),
    make(!bare, [rows], 6),
    make(normed && isLstm, [HIDDEN], 7),
    make(normed && isLstm, [HIDDEN], 8),
    make(projected, [outputs, HIDDEN], 9),
  ]
}

const geometryOf = ({ cell, eps, reverse, batchSizes = threeSteps }: Case): RecurrentGeometry => ({ cell, batchSizes, reverse, eps })

type Run = (x: Tensor, h: Tensor, c: Tensor | null, p: RecurrenceParameters, g: RecurrentGeometry) => ReturnType<typeof recurrence>
const composed: Run = (x, h, c, p, g) => composedRecurrence(x, h, c, p, g, layerNorms(p, g, HIDDEN))

function call(run: Run, c: Case, given: readonly (Tensor | null)[]): Tensor[] {
  const [x, h0, c0, weight, scale, shift, cellScale, cellShift, projection] = given
  const parameters = { weight: weight as Tensor, scale, shift, cellScale, cellShift, projection }
  const { output, state, cell } = run(x as Tensor, h0 as Tensor, c0, parameters, geometryOf(c))
  return cell ? [output, state, cell] : [output, state]
}

/** The operation over those tensors that a case has. */
function runOf(c: Case) {
  const template = inputsOf(c)
  return (...tensors: Tensor[]) => {
    let next = 0
    return call(
      recurrence,
      c,
      template.map((t) => (t ? tensors[next++] : null)),
    )
  }
}
const presentOf = (c: Case) => inputsOf(c).filter((t) => t !== null)

const title = '$cell, eps $eps, reverse $reverse, projected $projected, bare $bare'

test.for(cases)(`is the composed formula: ${title}`, (c) => {
  const [fused, plain] = noGrad(() => [recurrence, composed].map((f) => call(f, c, inputsOf(c))))
  for (const [i, t] of fused.entries()) expect(t.sub(plain[i]).abs().max().item()).toBeLessThan(1e-13)
})
test.for(cases)(`gradient: ${title}`, (c) => {
  expect(gradcheck(runOf(c), presentOf(c))).toBe(true)
})
// They are those of the composed formula, which is made of ordinary operations.
const twice = cases.filter((c) => c.reverse === (c.eps === null) && !c.bare).map((c) => ({ ...c, batchSizes: twoSteps }))
test.for(twice)(`second derivative: ${title}`, (c) => {
  expect(gradgradcheck(runOf(c), presentOf(c))).toBe(true)
})
