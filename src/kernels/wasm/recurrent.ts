import { allocator } from '../../core/allocator.js'
import type { Kernels, RecurrentGeometry, RecurrentGradients, RecurrentParameters, View } from '../contract.js'
import { gatesOf, recurrentLayout, stepsOf } from '../recurrent-layout.js'
import { reference } from '../reference/index.js'
import { withContiguous } from './copy.js'
import { launch, withScratch } from './launch.js'
import { address, isContiguousFloat32, isFloat32 } from './views.js'

/** Sequences of a block: enough for a panel of the weight to be worth loading, few enough for a batch to give every thread some. */
const BLOCK_ROWS = 16
const PANEL = 16
const cells = ['tanh', 'relu', 'lstm', 'gru'] as const

const addressOf = (x: View | null): number => (x ? address(x) : 0)
const isParameter = (x: View | null): boolean => x === null || isContiguousFloat32(x)
const panelBytes = (columns: number, depth: number): number => Math.ceil(columns / PANEL) * PANEL * depth * 4

/** A matrix w [depth, columns], of strides in elements, packed for products with it. */
function pack(w: View, depthAxis: 0 | 1, to: number): void {
  const columnAxis = 1 - depthAxis
  const [depth, columns] = [w.shape[depthAxis], w.shape[columnAxis]]
  launch('packPanels', Math.ceil(columns / PANEL), address(w), 0, w.strides[depthAxis] * 4, w.strides[columnAxis] * 4, columns, depth, to)
}

/** What a kernel needs beside tensors, in working memory: the plan, the packed weights, and vectors of 1 and 0 for scales and shifts that are not there. */
function withPlan(
  parameters: RecurrentParameters,
  geometry: RecurrentGeometry,
  batch: number,
  backward: boolean,
  workBytes: (gates: number, hidden: number, width: number) => number,
  use: (p: {
    plan: number
    steps: number
    hidden: number
    blocks: number
    weight: number
    projection: number
    ones: number
    zeros: number
    work: number
  }) => void,
): void {
  const { weight, projection } = parameters
  const [gates, outputs] = weight.shape
  const hidden = gates / gatesOf[geometry.cell]
  const layout = recurrentLayout(geometry, hidden, projection !== null)
  const steps = stepsOf(geometry)
  const numbers = [cells.indexOf(geometry.cell), layout.width, layout.cell, layout.unprojected, layout.normalized, layout.normalizedCell, layout.rstd, batch]
  for (const { start, count } of steps) numbers.push(start, count)
  const blocks = Math.ceil(batch / BLOCK_ROWS)
  const weightBytes = backward ? panelBytes(outputs, gates) : panelBytes(gates, outputs)
  const projectionBytes = projection ? (backward ? panelBytes(hidden, outputs) : panelBytes(outputs, hidden)) : 0
  const vectorBytes = Math.max(gates, hidden) * 4
  const planBytes = Math.ceil(numbers.length / 4) * 16
  const total = planBytes + weightBytes + projectionBytes + 2 * vectorBytes + blocks * workBytes(gates, hidden, layout.width)
  withScratch('recurrent', total, (plan) => {
    const packed = plan + planBytes
    const packedProjection = packed + weightBytes
    const ones = packedProjection + projectionBytes
    const zeros = ones + vectorBytes
    const { buffer } = allocator().memory
    new Int32Array(buffer, plan, numbers.length).set(numbers)
    new Float32Array(buffer, ones, vectorBytes / 4).fill(1)
    new Float32Array(buffer, zeros, vectorBytes / 4).fill(0)
    pack(weight, backward ? 0 : 1, packed)
    if (projection) pack(projection, backward ? 0 : 1, packedProjection)
    const projectionAt = projection ? packedProjection : 0
    use({ plan, steps: steps.length, hidden, blocks, weight: packed, projection: projectionAt, ones, zeros, work: zeros + vectorBytes })
  })
}

const isKnown = (views: readonly (View | null)[], { weight, scale, shift, cellScale, cellShift, projection }: RecurrentParameters): boolean =>
  views.every(isParameter) && isFloat32(weight) && (projection === null || isFloat32(projection)) && [scale, shift, cellScale, cellShift].every(isParameter)

function recurrent(x: View, parameters: RecurrentParameters, geometry: RecurrentGeometry, state: View, cell: View | null, y: View, trace: View | null): void {
  const { scale, shift, cellScale, cellShift } = parameters
  const [batch, outputs] = state.shape
  if (!isFloat32(x) || !isKnown([state, cell, y, trace], parameters) || batch === 0) return reference.recurrent(x, parameters, geometry, state, cell, y, trace)
  const workBytes = (gates: number, _: number, width: number) => BLOCK_ROWS * (gates + (trace ? 0 : width)) * 4
  withContiguous('recurrent', x, (px) =>
    withPlan(parameters, geometry, batch, false, workBytes, ({ plan, steps, hidden, blocks, weight, projection, ones, zeros, work }) => {
      launch(
        'recurrent',
        blocks,
        plan,
        steps,
        BLOCK_ROWS,
        hidden,
        outputs,
        px,
        address(state),
        addressOf(cell),
        weight,
        projection,
        addressOf(scale) || ones,
        addressOf(shift) || zeros,
        addressOf(cellScale) || ones,
        addressOf(cellShift) || zeros,
        geometry.eps ?? -1,
        address(y),
        addressOf(trace),
        trace !== null,
        work,
      )
    }),
  )
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
  const { scale, cellScale, cellShift } = parameters
  const [batch, outputs] = dState.shape
  const isOurs = isFloat32(h0) && (dy === null || isFloat32(dy)) && (c0 === null || isFloat32(c0)) && isKnown([y, trace, dState, dCell], parameters)
  if (!isOurs || batch === 0) return reference.recurrentBackward(dy, parameters, geometry, h0, c0, y, trace, dState, dCell, gradients)
  const contiguous = (x: View | null, use: (ptr: number) => void) => (x ? withContiguous('recurrentBackward', x, use) : use(0))
  const workBytes = (_: number, hidden: number) => (BLOCK_ROWS + 1) * hidden * 4
  contiguous(dy, (pdy) =>
    contiguous(h0, (ph) =>
      contiguous(c0, (pc) =>
        withPlan(parameters, geometry, batch, true, workBytes, ({ plan, steps, hidden, blocks, weight, projection, ones, zeros, work }) => {
          launch(
            'recurrentGrad',
            blocks,
            plan,
            steps,
            BLOCK_ROWS,
            hidden,
            outputs,
            pdy,
            ph,
            pc,
            address(y),
            address(trace),
            weight,
            projection,
            addressOf(scale) || ones,
            addressOf(cellScale) || ones,
            addressOf(cellShift) || zeros,
            address(dState),
            addressOf(dCell),
            address(gradients.input),
            address(gradients.gates),
            address(gradients.hidden),
            addressOf(gradients.cell),
            addressOf(gradients.output),
            address(gradients.previous),
            work,
          )
        }),
      ),
    ),
  )
}

export const recurrences = { recurrent, recurrentBackward } satisfies Partial<Kernels>
