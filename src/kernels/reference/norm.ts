import type { Epilogue, Kernels, RowNormGeometry, RunningStatistics, View } from '../contract.js'
import { axesLast, load, store } from './access.js'
import { elementwise } from './elementwise.js'
import { momentsOf } from './reduce.js'

/**
 * Normalization of rows that have statistics of their own. BatchNorm's rows are channels, [C, N L] after a permutation, with one parameter each;
 * the other norms' rows lie as they are, with parameters laid out as RowNormGeometry says.
 *
 * y = x^ weight + bias with x^ = (x - mean) rstd
 * dx = rstd (g - mean(g) - x^ mean(g x^)) with g = dy weight; dweight = sum(dy x^), dbias = sum(dy)
 */

const LARGEST_FLOAT32 = 2 ** 128 - 2 ** 104

/** Which parameter belongs to element j of row r. */
type ParameterIndex = (row: number, j: number) => number

const perRow: ParameterIndex = (row) => row

function parameterIndex({ size, groups, run }: RowNormGeometry): ParameterIndex {
  const perGroup = size / run
  return (row, j) => (row % groups) * perGroup + Math.floor(j / run)
}

interface Rows {
  readonly values: Float64Array
  readonly rows: number
  readonly size: number
}

/** x [N, C, L] as one row per channel. */
const channelView = (x: View): View => axesLast(x, [0, 2])

function channelRows(x: View): Rows {
  return { values: load(channelView(x)), rows: x.shape[1], size: x.shape[0] * x.shape[2] }
}

function normalize(
  { values, rows, size }: Rows,
  mean: Float64Array,
  rstd: Float64Array,
  weight: View | null,
  bias: View | null,
  parameter: ParameterIndex,
): Float64Array {
  const w = weight && load(weight)
  const b = bias && load(bias)
  const y = new Float64Array(values.length)
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < size; j++) {
      const k = parameter(r, j)
      y[r * size + j] = (values[r * size + j] - mean[r]) * rstd[r] * (w ? w[k] : 1) + (b ? b[k] : 0)
    }
  }
  return y
}

interface Gradients {
  readonly dx: Float64Array
  readonly dweight: Float64Array
  readonly dbias: Float64Array
}

/** `statistics`: whether mean and rstd depend on x, and so carry gradient. */
function gradients(
  dy: Rows,
  x: Rows,
  mean: Float64Array | null,
  rstd: Float64Array,
  weight: View | null,
  parameters: number,
  parameter: ParameterIndex,
  statistics: boolean,
): Gradients {
  const { rows, size } = x
  const w = weight && load(weight)
  const dx = new Float64Array(x.values.length)
  const dweight = new Float64Array(parameters)
  const dbias = new Float64Array(parameters)
  for (let r = 0; r < rows; r++) {
    const center = mean ? mean[r] : 0
    const normalized = (j: number) => (x.values[r * size + j] - center) * rstd[r]
    let sumG = 0
    let sumGx = 0
    for (let j = 0; j < size; j++) {
      const k = parameter(r, j)
      const grad = dy.values[r * size + j]
      dweight[k] += grad * normalized(j)
      dbias[k] += grad
      const g = grad * (w ? w[k] : 1)
      dx[r * size + j] = g
      sumG += g
      sumGx += g * normalized(j)
    }
    const meanG = mean ? sumG / size : 0
    const meanGx = sumGx / size
    if (!statistics) for (let j = 0; j < size; j++) dx[r * size + j] *= rstd[r]
    else for (let j = 0; j < size; j++) dx[r * size + j] = rstd[r] * (dx[r * size + j] - meanG - normalized(j) * meanGx)
  }
  return { dx, dweight, dbias }
}

/** A constant row without eps has no scale: PyTorch's BatchNorm then gives the bias, where its LayerNorm gives NaN. */
const reciprocalRoot = (shifted: number, lenient = false): number => (lenient && shifted === 0 ? 0 : 1 / Math.sqrt(shifted))

/** After a norm whose kernel has none of it. */
export function applyEpilogue({ unary, binary }: Pick<Kernels, 'unary' | 'binary'>, y: View, epilogue: Epilogue | undefined): void {
  if (epilogue?.residual) binary('add', y, epilogue.residual, y)
  if (epilogue?.activation) unary(epilogue.activation, y, y, epilogue.params)
}

function batchNorm(
  x: View,
  weight: View | null,
  bias: View | null,
  running: RunningStatistics,
  eps: number,
  y: View,
  mean: View,
  rstd: View,
  epilogue?: Epilogue,
): void {
  const input = channelRows(x)
  const { rows, size } = input
  const means = new Float64Array(rows)
  const rstds = new Float64Array(rows)
  const unbiased = new Float64Array(rows)
  for (let c = 0; c < rows; c++) {
    const [m, variance] = momentsOf(input.values, c * size, size)
    means[c] = m
    rstds[c] = reciprocalRoot(variance + eps, true)
    unbiased[c] = (variance * size) / (size - 1)
  }
  store(channelView(y), normalize(input, means, rstds, weight, bias, perRow))
  applyEpilogue(elementwise, y, epilogue)
  store(mean, means)
  store(rstd, rstds)
  // A batch without elements says nothing about the data.
  if (size === 0) return
  if (running.mean) average(running.mean, means, running.momentum)
  if (running.variance) average(running.variance, unbiased, running.momentum)
}

function average(running: View, batch: Float64Array, momentum: number): void {
  store(
    running,
    load(running).map((old, c) => (1 - momentum) * old + momentum * batch[c]),
  )
}

function batchNormInference(x: View, weight: View | null, bias: View | null, mean: View, rstd: View, y: View, epilogue?: Epilogue): void {
  store(channelView(y), normalize(channelRows(x), load(mean), load(rstd), weight, bias, perRow))
  applyEpilogue(elementwise, y, epilogue)
}

function batchNormBackward(
  dy: View,
  x: View,
  weight: View | null,
  mean: View,
  rstd: View,
  training: boolean,
  dx: View | null,
  dweight: View | null,
  dbias: View | null,
): void {
  const result = gradients(channelRows(dy), channelRows(x), load(mean), load(rstd), weight, x.shape[1], perRow, training)
  if (dx) store(channelView(dx), result.dx)
  if (dweight) store(dweight, result.dweight)
  if (dbias) store(dbias, result.dbias)
}

function rowNorm(
  x: View,
  weight: View | null,
  bias: View | null,
  geometry: RowNormGeometry,
  eps: number,
  y: View,
  mean: View | null,
  rstd: View,
  epilogue?: Epilogue,
): void {
  const { rows, size } = geometry
  const values = load(x)
  const means = new Float64Array(rows)
  const rstds = new Float64Array(rows)
  const largest = geometry.lenient ? Number.POSITIVE_INFINITY : x.dtype === 'float64' ? Number.MAX_VALUE : LARGEST_FLOAT32
  for (let r = 0; r < rows; r++) {
    const [center, square] = mean ? momentsOf(values, r * size, size) : [0, meanSquare(values, r * size, size)]
    means[r] = center
    // Where the sum of squares leaves the range of the input's dtype, PyTorch's LayerNorm gives NaN; here wider sums would hide it.
    rstds[r] = mean && square * size > largest ? Number.NaN : reciprocalRoot(square + eps, geometry.lenient)
  }
  store(y, normalize({ values, rows, size }, means, rstds, weight, bias, parameterIndex(geometry)))
  applyEpilogue(elementwise, y, epilogue)
  if (mean) store(mean, means)
  store(rstd, rstds)
}

function rowNormGiven(
  x: View,
  weight: View | null,
  bias: View | null,
  geometry: RowNormGeometry,
  mean: View | null,
  rstd: View,
  y: View,
  epilogue?: Epilogue,
): void {
  const { rows, size } = geometry
  const means = mean ? load(mean) : new Float64Array(rows)
  store(y, normalize({ values: load(x), rows, size }, means, load(rstd), weight, bias, parameterIndex(geometry)))
  applyEpilogue(elementwise, y, epilogue)
}

function meanSquare(values: Float64Array, start: number, size: number): number {
  let sum = 0
  for (let i = start; i < start + size; i++) sum += values[i] ** 2
  return sum / size
}

function rowNormBackward(
  dy: View,
  x: View,
  weight: View | null,
  geometry: RowNormGeometry,
  mean: View | null,
  rstd: View,
  dx: View | null,
  dweight: View | null,
  dbias: View | null,
): void {
  const { rows, size, groups, run } = geometry
  const asRows = (view: View): Rows => ({ values: load(view), rows, size })
  const result = gradients(asRows(dy), asRows(x), mean && load(mean), load(rstd), weight, (groups * size) / run, parameterIndex(geometry), true)
  if (dx) store(dx, result.dx)
  if (dweight) store(dweight, result.dweight)
  if (dbias) store(dbias, result.dbias)
}

export const norms = { batchNorm, batchNormInference, batchNormBackward, rowNorm, rowNormGiven, rowNormBackward } satisfies Partial<Kernels>
