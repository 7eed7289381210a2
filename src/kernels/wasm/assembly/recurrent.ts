/**
 * Recurrent layers, all steps of a direction in one call; formulas in contract.ts. A block is `blockRows` sequences, which know nothing of the others.
 *
 * A step is one matrix product for the block's sequences, from the packed weight, and then one pass over each row. Everything is float32; `plan`
 * holds int32: the cell, columns of the trace (recurrentLayout: width, cell, unprojected, normalized, normalizedCell, rstd), the batch, and
 * from FIRST_STEP on, in the order in which they are taken, each step's first row and its sequences. Rows have any alignment; ends as in lanes.ts.
 */
import { product } from './gemm'
import { firstLanes, highDoubles, loadUpTo, lowDoubles, storeUpTo, sumDoubles } from './lanes'
import { all, sigmoid4, tanh4 } from './math'
import { lastSquares, runMean } from './moments'
import { affineRun } from './norm'

const RELU: i32 = 1
const LSTM: i32 = 2
const GRU: i32 = 3
const FIRST_STEP: usize = 8

@inline function planned(plan: usize, index: usize): i32 { return load<i32>(plan + (index << 2)) }
@inline function bytes(count: i32): usize { return <usize>count << 2 }
@inline function row(base: usize, index: i32, width: i32): usize { return base + <usize>index * bytes(width) }
@inline function gatesOf(cell: i32): i32 { return cell < LSTM ? 1 : cell == LSTM ? 4 : 3 }
/** Of a GRU r and z are normalized together, n on its own. */
@inline function runOf(cell: i32, hidden: i32, begin: i32): i32 { return cell == GRU ? (begin == 0 ? 2 * hidden : hidden) : gatesOf(cell) * hidden }

function sigmoid(x: v128): v128 { return sigmoid4(x) }
function tanh(x: v128): v128 { return tanh4(x) }
@inline function square(x: v128): v128 { return f32x4.mul(x, x) }
/** y (1 - y) */
@inline function sigmoidSlope(y: v128): v128 { return f32x4.mul(y, f32x4.sub(all(1), y)) }
@inline function scaled(p: usize, scale: usize, shift: usize, n: i32): v128 {
  return f32x4.add(f32x4.mul(loadUpTo(p, n), loadUpTo(scale, n)), loadUpTo(shift, n))
}
/** The argument of a gate. */
@inline function gate(x: usize, p: usize, scale: usize, shift: usize, at: usize, n: i32): v128 {
  return f32x4.add(loadUpTo(x + at, n), scaled(p + at, scale + at, shift + at, n))
}

/** c[i] = a[i] w for rows `aRow` bytes apart and packed w. */
function multiply(a: usize, aRow: usize, w: usize, c: usize, rows: i32, columns: i32, depth: i32, add: bool): void {
  product(a, aRow << 4, aRow, 4, w, bytes(depth) << 4, 64, c, bytes(columns), rows, columns, depth, add ? c : 0, bytes(columns), 4)
}

/** x^ = (x - mean) rstd in place. @returns rstd */
function standardize(x: usize, n: i32, eps: f64): f64 {
  const mean = runMean(x, n)
  const rstd = 1 / Math.sqrt(lastSquares() / <f64>n + eps)
  const high = <f32>mean
  affineRun(x, x, n, high, <f32>rstd, <f32>(-(mean - <f64>high) * rstd))
  return rstd
}

/** dx = rstd (g - mean(g) - x^ mean(g x^)), g = dy scale. */
function standardizeGrad(dy: usize, scale: usize, xhat: usize, rstd: f32, dx: usize, n: i32): void {
  let sums = f64x2.splat(0)
  let products = f64x2.splat(0)
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const g = v128.and(f32x4.mul(loadUpTo(dy + at, left), loadUpTo(scale + at, left)), firstLanes(left))
    const gx = f32x4.mul(g, loadUpTo(xhat + at, left))
    sums = f64x2.add(sums, f64x2.add(lowDoubles(g), highDoubles(g)))
    products = f64x2.add(products, f64x2.add(lowDoubles(gx), highDoubles(gx)))
  }
  const mean = all(<f32>(sumDoubles(sums) / <f64>n))
  const slope = all(<f32>(sumDoubles(products) / <f64>n))
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const g = f32x4.mul(loadUpTo(dy + at, left), loadUpTo(scale + at, left))
    const projected = f32x4.sub(f32x4.sub(g, mean), f32x4.mul(loadUpTo(xhat + at, left), slope))
    storeUpTo(dx + at, f32x4.mul(all(rstd), projected), left)
  }
}

/** kept: whether trace holds every row, or else is of no use afterwards and lies in `work`. eps below 0: no norms. */
export function recurrent(
  plan: usize, steps: i32, blockRows: i32, hidden: i32, outputs: i32,
  x: usize, h: usize, c: usize, weight: usize, projection: usize, scale: usize, shift: usize, cellScale: usize, cellShift: usize, eps: f64,
  y: usize, trace: usize, kept: bool, work: usize,
  begin: i32, end: i32,
): void {
  const cell = planned(plan, 0)
  const width = planned(plan, 1)
  const cellAt = bytes(planned(plan, 2))
  const unprojectedAt = bytes(planned(plan, 3))
  const normalizedAt = bytes(planned(plan, 4))
  const normalizedCellAt = bytes(planned(plan, 5))
  const rstdAt = bytes(planned(plan, 6))
  const gates = gatesOf(cell) * hidden
  const normed = eps >= 0
  const blockBytes = <usize>blockRows * bytes(gates + (kept ? 0 : width))
  for (let block = begin; block < end; block++) {
    const first = block * blockRows
    const products = work + <usize>block * blockBytes
    for (let s: usize = 0; s < <usize>steps; s++) {
      const start = planned(plan, FIRST_STEP + 2 * s) + first
      const rows = min(planned(plan, FIRST_STEP + 2 * s + 1) - first, blockRows)
      if (rows <= 0) continue
      const traced = kept ? row(trace, start, width) : products + <usize>blockRows * bytes(gates)
      const summed = normed && cell < LSTM
      if (summed) memory.copy(products, row(x, start, gates), <usize>rows * bytes(gates))
      multiply(row(h, first, outputs), bytes(outputs), weight, products, rows, gates, outputs, summed)
      for (let b = 0; b < rows; b++) {
        const t = row(traced, b, width)
        const p = row(products, b, gates)
        const input = row(x, start + b, gates)
        const out = projection ? t + unprojectedAt : row(y, start + b, outputs)
        if (normed) {
          for (let i = 0, k: usize = 0; i < gates; k += 4) {
            const run = runOf(cell, hidden, i)
            store<f32>(t + rstdAt + k, <f32>standardize(p + bytes(i), run, eps))
            i += run
          }
          memory.copy(t + normalizedAt, p, bytes(gates))
        }
        if (cell == LSTM) {
          const state = row(c, first + b, hidden)
          lstmGates(input, p, scale, shift, state, t, hidden)
          memory.copy(t + cellAt, state, bytes(hidden))
          let source = state
          if (normed) {
            source = t + normalizedCellAt
            memory.copy(source, state, bytes(hidden))
            store<f32>(t + rstdAt + 4, <f32>standardize(source, hidden, eps))
          }
          lstmOutput(t + 3 * bytes(hidden), source, cellScale, cellShift, out, hidden)
        } else if (cell == GRU) gruRow(input, p, scale, shift, row(h, first + b, outputs), t, out, hidden)
        else {
          plainRow(cell, summed ? 0 : input, p, scale, shift, out, hidden)
          memory.copy(t, out, bytes(hidden))
        }
      }
      const rowsOut = row(y, start, outputs)
      if (projection) multiply(traced + unprojectedAt, bytes(width), projection, rowsOut, rows, outputs, hidden, false)
      memory.copy(row(h, first, outputs), rowsOut, <usize>rows * bytes(outputs))
    }
  }
}

/** i, f, g, o into the trace, and the next cell state in place. */
function lstmGates(x: usize, p: usize, scale: usize, shift: usize, c: usize, gates: usize, n: i32): void {
  const next = bytes(n)
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const i = sigmoid(gate(x, p, scale, shift, at, left))
    const f = sigmoid(gate(x, p, scale, shift, at + next, left))
    const g = tanh(gate(x, p, scale, shift, at + 2 * next, left))
    const o = sigmoid(gate(x, p, scale, shift, at + 3 * next, left))
    storeUpTo(gates + at, i, left)
    storeUpTo(gates + at + next, f, left)
    storeUpTo(gates + at + 2 * next, g, left)
    storeUpTo(gates + at + 3 * next, o, left)
    storeUpTo(c + at, f32x4.add(f32x4.mul(f, loadUpTo(c + at, left)), f32x4.mul(i, g)), left)
  }
}

function lstmOutput(o: usize, c: usize, scale: usize, shift: usize, y: usize, n: i32): void {
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    storeUpTo(y + at, f32x4.mul(loadUpTo(o + at, left), tanh(scaled(c + at, scale + at, shift + at, left))), left)
  }
}

/** r, z, n and p_n into the trace. */
function gruRow(x: usize, p: usize, scale: usize, shift: usize, h: usize, gates: usize, y: usize, n: i32): void {
  const next = bytes(n)
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const r = sigmoid(gate(x, p, scale, shift, at, left))
    const z = sigmoid(gate(x, p, scale, shift, at + next, left))
    const pn = scaled(p + at + 2 * next, scale + at + 2 * next, shift + at + 2 * next, left)
    const v = tanh(f32x4.add(loadUpTo(x + at + 2 * next, left), f32x4.mul(r, pn)))
    storeUpTo(gates + at, r, left)
    storeUpTo(gates + at + next, z, left)
    storeUpTo(gates + at + 2 * next, v, left)
    storeUpTo(gates + at + 3 * next, pn, left)
    storeUpTo(y + at, f32x4.add(v, f32x4.mul(z, f32x4.sub(loadUpTo(h + at, left), v))), left)
  }
}

/** x is absent where p has it already. */
function plainRow(cell: i32, x: usize, p: usize, scale: usize, shift: usize, y: usize, n: i32): void {
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    let a = scaled(p + at, scale + at, shift + at, left)
    if (x) a = f32x4.add(a, loadUpTo(x + at, left))
    // pmax keeps NaN.
    storeUpTo(y + at, cell == RELU ? f32x4.pmax(a, all(0)) : tanh(a), left)
  }
}

/** dGates is dInput but for a GRU and a normalized plain cell, dProduct is dGates without norms and dInput for a plain cell. dy, dCell and dOutput may be 0. */
export function recurrentGrad(
  plan: usize, steps: i32, blockRows: i32, hidden: i32, outputs: i32,
  dy: usize, h0: usize, c0: usize, y: usize, trace: usize, weight: usize, projection: usize, scale: usize, cellScale: usize, cellShift: usize,
  dh: usize, dc: usize, dInput: usize, dGates: usize, dProduct: usize, dCell: usize, dOutput: usize, previous: usize, work: usize,
  begin: i32, end: i32,
): void {
  const cell = planned(plan, 0)
  const width = planned(plan, 1)
  const cellAt = bytes(planned(plan, 2))
  const normalizedAt = bytes(planned(plan, 4))
  const normalizedCellAt = bytes(planned(plan, 5))
  const rstdAt = bytes(planned(plan, 6))
  const normed = planned(plan, 4) >= 0
  const gates = gatesOf(cell) * hidden
  for (let block = begin; block < end; block++) {
    const first = block * blockRows
    const nexts = row(work, block * (blockRows + 1), hidden)
    const ofCell = row(nexts, blockRows, hidden)
    for (let s = <usize>steps - 1; s != usize.MAX_VALUE; s--) {
      const start = planned(plan, FIRST_STEP + 2 * s) + first
      const rows = min(planned(plan, FIRST_STEP + 2 * s + 1) - first, blockRows)
      if (rows <= 0) continue
      const startBefore = s > 0 ? planned(plan, FIRST_STEP + 2 * s - 2) + first : 0
      const rowsBefore = s > 0 ? planned(plan, FIRST_STEP + 2 * s - 1) - first : 0
      for (let b = 0; b < rows; b++) {
        const g = row(dh, first + b, outputs)
        if (dy) addRow(g, row(dy, start + b, outputs), outputs)
        if (dOutput) memory.copy(row(dOutput, start + b, outputs), g, bytes(outputs))
        const h = b < rowsBefore ? row(y, startBefore + b, outputs) : row(h0, first + b, outputs)
        memory.copy(row(previous, start + b, outputs), h, bytes(outputs))
      }
      if (projection) multiply(row(dh, first, outputs), bytes(outputs), projection, nexts, rows, hidden, outputs, false)
      for (let b = 0; b < rows; b++) {
        const t = row(trace, start + b, width)
        const dn = projection ? row(nexts, b, hidden) : row(dh, first + b, outputs)
        const g = row(dGates, start + b, gates)
        if (cell == LSTM) {
          const c = b < rowsBefore ? row(trace, startBefore + b, width) + cellAt : row(c0, first + b, hidden)
          const source = normed ? t + normalizedCellAt : t + cellAt
          const d = dCell ? row(dCell, start + b, hidden) : ofCell
          lstmOutputGrad(dn, t + 3 * bytes(hidden), source, cellScale, cellShift, g + 3 * bytes(hidden), d, hidden)
          if (normed) standardizeGrad(d, cellScale, source, load<f32>(t + rstdAt + 4), ofCell, hidden)
          lstmGatesGrad(row(dc, first + b, hidden), ofCell, t, c, g, hidden)
        } else if (cell == GRU) gruGrad(dn, t, row(previous, start + b, outputs), row(dInput, start + b, gates), g, hidden)
        else plainGrad(cell, dn, t, g, hidden)
        if (!normed) continue
        for (let i = 0, k: usize = 0; i < gates; k += 4) {
          const run = runOf(cell, hidden, i)
          const at = bytes(i)
          standardizeGrad(g + at, scale + at, t + normalizedAt + at, load<f32>(t + rstdAt + k), row(dProduct, start + b, gates) + at, run)
          i += run
        }
      }
      multiply(row(dProduct, start, gates), bytes(gates), weight, row(dh, first, outputs), rows, outputs, gates, cell == GRU)
    }
  }
}

function addRow(target: usize, x: usize, n: i32): void {
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) storeUpTo(target + at, f32x4.add(loadUpTo(target + at, left), loadUpTo(x + at, left)), left)
}

/** Of the output's gate, and of the scaled cell state. */
function lstmOutputGrad(dn: usize, o: usize, c: usize, scale: usize, shift: usize, dOut: usize, dScaled: usize, n: i32): void {
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const v = tanh(scaled(c + at, scale + at, shift + at, left))
    const d = loadUpTo(dn + at, left)
    const gate = loadUpTo(o + at, left)
    storeUpTo(dOut + at, f32x4.mul(f32x4.mul(d, v), sigmoidSlope(gate)), left)
    storeUpTo(dScaled + at, f32x4.mul(f32x4.mul(d, gate), f32x4.sub(all(1), square(v))), left)
  }
}

/** Of the other gates, and of the cell state before, in place. */
function lstmGatesGrad(dc: usize, ofCell: usize, gates: usize, c: usize, d: usize, n: i32): void {
  const next = bytes(n)
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const i = loadUpTo(gates + at, left)
    const f = loadUpTo(gates + at + next, left)
    const g = loadUpTo(gates + at + 2 * next, left)
    const total = f32x4.add(loadUpTo(dc + at, left), loadUpTo(ofCell + at, left))
    storeUpTo(d + at, f32x4.mul(f32x4.mul(total, g), sigmoidSlope(i)), left)
    storeUpTo(d + at + next, f32x4.mul(f32x4.mul(total, loadUpTo(c + at, left)), sigmoidSlope(f)), left)
    storeUpTo(d + at + 2 * next, f32x4.mul(f32x4.mul(total, i), f32x4.sub(all(1), square(g))), left)
    storeUpTo(dc + at, f32x4.mul(total, f), left)
  }
}

/** In place of dn what goes on past the gates to the state before. */
function gruGrad(dn: usize, gates: usize, h: usize, dInput: usize, d: usize, n: i32): void {
  const next = bytes(n)
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const r = loadUpTo(gates + at, left)
    const z = loadUpTo(gates + at + next, left)
    const v = loadUpTo(gates + at + 2 * next, left)
    const total = loadUpTo(dn + at, left)
    const dv = f32x4.mul(f32x4.mul(total, f32x4.sub(all(1), z)), f32x4.sub(all(1), square(v)))
    const dr = f32x4.mul(f32x4.mul(dv, loadUpTo(gates + at + 3 * next, left)), sigmoidSlope(r))
    const dz = f32x4.mul(f32x4.mul(total, f32x4.sub(loadUpTo(h + at, left), v)), sigmoidSlope(z))
    storeUpTo(dInput + at, dr, left)
    storeUpTo(dInput + at + next, dz, left)
    storeUpTo(dInput + at + 2 * next, dv, left)
    storeUpTo(d + at, dr, left)
    storeUpTo(d + at + next, dz, left)
    storeUpTo(d + at + 2 * next, f32x4.mul(dv, r), left)
    storeUpTo(dn + at, f32x4.mul(total, z), left)
  }
}

function plainGrad(cell: i32, dn: usize, h: usize, d: usize, n: i32): void {
  for (let left = n, at: usize = 0; left > 0; left -= 4, at += 16) {
    const v = loadUpTo(h + at, left)
    const total = loadUpTo(dn + at, left)
    storeUpTo(d + at, cell == RELU ? v128.and(total, f32x4.gt(v, all(0))) : f32x4.mul(total, f32x4.sub(all(1), square(v))), left)
  }
}
