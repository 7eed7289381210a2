import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyTensor, type Tensor } from '../../../src/core/tensor.js'
import { manualSeed, randn, scope, zeros } from '../../../src/index.js'
import type { Kernels, RecurrentCell, RecurrentGeometry } from '../../../src/kernels/contract.js'
import { gatesOf, recurrentLayout } from '../../../src/kernels/recurrent-layout.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { wasm } from '../../../src/kernels/wasm/index.js'

/** The float32 kernels of recurrent layers against the plain ones, over ends of vectors and of blocks of sequences. */

interface Case {
  cell: RecurrentCell
  batchSizes: number[]
  reverse: boolean
  eps: number | null
  hidden: number
  projected: number | null
  bare: boolean
  traced: boolean
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    cell: fc.constantFrom<RecurrentCell>('tanh', 'relu', 'lstm', 'gru'),
    batchSizes: fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 1, maxLength: 4 }).map((sizes) => sizes.sort((a, b) => b - a)),
    reverse: fc.boolean(),
    // A large one: over two elements that are nearly equal, a norm without it would magnify every rounding error.
    eps: fc.constantFrom(null, 0.5),
    hidden: fc.integer({ min: 2, max: 21 }),
    projected: fc.option(fc.integer({ min: 1, max: 18 })),
    bare: fc.boolean(),
    traced: fc.boolean(),
  })
  .map((c) => ({ ...c, projected: c.cell === 'lstm' ? c.projected : null }))

/** Forward, and backward where there is a trace: everything that the kernels write. */
function run(kernels: Kernels, c: Case): Record<string, Tensor> {
  manualSeed(3)
  const { cell, batchSizes, reverse, eps, hidden, bare } = c
  const gates = gatesOf[cell] * hidden
  const outputs = c.projected ?? hidden
  const n = batchSizes.reduce((a, b) => a + b)
  const batch = batchSizes[0]
  const geometry: RecurrentGeometry = { cell, batchSizes, reverse, eps }
  const optional = (wanted: boolean, size: number) => (wanted && !bare ? randn([size]) : null)
  const isLstm = cell === 'lstm'
  const parameters = {
    weight: randn([gates, outputs]).mul(1 / Math.sqrt(outputs)),
    scale: optional(eps !== null, gates),
    shift: optional(true, gates),
    cellScale: optional(eps !== null && isLstm, hidden),
    cellShift: optional(eps !== null && isLstm, hidden),
    projection: c.projected ? randn([outputs, hidden]) : null,
  }
  const x = randn([n, gates])
  const [h0, c0] = [randn([batch, outputs]), isLstm ? randn([batch, hidden]) : null]
  const [state, cells] = [h0.clone(), c0?.clone() ?? null]
  const y = emptyTensor([n, outputs], 'float32')
  const trace = c.traced ? emptyTensor([n, recurrentLayout(geometry, hidden, c.projected !== null).width], 'float32') : null
  kernels.recurrent(x, parameters, geometry, state, cells, y, trace)
  const results: Record<string, Tensor> = { y, state }
  if (cells) results.cells = cells
  if (!trace) return results
  const [dState, dCell] = [randn([batch, outputs]), isLstm ? randn([batch, hidden]) : null]
  const matrix = (columns: number) => zeros([n, columns])
  const gradients = {
    input: matrix(gates),
    gates: matrix(gates),
    hidden: matrix(gates),
    cell: eps !== null && isLstm ? matrix(hidden) : null,
    output: c.projected ? matrix(outputs) : null,
    previous: matrix(outputs),
  }
  // What is always equal is written once.
  const isPlain = cell === 'tanh' || cell === 'relu'
  if (cell !== 'gru' && !(isPlain && eps !== null)) gradients.gates = gradients.input
  if (eps === null) gradients.hidden = gradients.gates
  else if (isPlain) gradients.hidden = gradients.input
  kernels.recurrentBackward(randn([n, outputs]), parameters, geometry, h0, c0, y, trace, dState, dCell, gradients)
  for (const [name, t] of Object.entries({ dState, dCell, ...gradients })) if (t) results[name] = t
  return results
}

test('every cell, with and without norms, biases, projection and trace', () => {
  fc.assert(
    fc.property(cases, (c) => {
      scope(() => {
        const [ours, want] = [run(wasm, c), run(reference, c)]
        for (const [name, t] of Object.entries(want)) {
          // Sums of at most 84 products and four steps: errors of a few dozen units in the last place of the largest element.
          const difference = t.sub(ours[name]).abs().max().item()
          expect(difference, name).toBeLessThanOrEqual(2e-5 * Math.max(1, t.abs().max().item()))
        }
      })
    }),
    { numRuns: 300, seed: 1 },
  )
})

test('what is not a number stays one, and other sequences are untouched', () => {
  const results = ['tanh', 'relu', 'lstm', 'gru'].map((cell) => {
    const gates = gatesOf[cell as RecurrentCell] * 5
    const x = zeros([6, gates])
    x.select(0, 1).fill_(Number.NaN)
    const state = zeros([3, 5])
    const y = emptyTensor([6, 5], 'float32')
    const parameters = { weight: randn([gates, 5]), scale: null, shift: null, cellScale: null, cellShift: null, projection: null }
    const geometry = { cell: cell as RecurrentCell, batchSizes: [3, 3], reverse: false, eps: null }
    wasm.recurrent(x, parameters, geometry, state, cell === 'lstm' ? zeros([3, 5]) : null, y, null)
    return Array.from(y.isnan().any(1).data, Boolean)
  })
  for (const r of results) expect(r).toEqual([false, true, false, false, true, false])
})
