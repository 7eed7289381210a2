import { isFloatingPoint } from '../../core/dtype.js'
import { numelOf } from '../../core/shape.js'
import type { Kernels, ReduceOp, View } from '../contract.js'
import { axesLast, isBig, load, loadBig, store, storeBig } from './access.js'

/** Each reduction as a fold over one run of elements. NaN wins in Math.max and Math.min. */
const folds: Readonly<Record<ReduceOp, { start: number; step: (total: number, x: number) => number }>> = {
  sum: { start: 0, step: (total, x) => total + x },
  prod: { start: 1, step: (total, x) => total * x },
  max: { start: Number.NEGATIVE_INFINITY, step: (total, x) => Math.max(total, x) },
  min: { start: Number.POSITIVE_INFINITY, step: (total, x) => Math.min(total, x) },
  any: { start: 0, step: (total, x) => (x !== 0 ? 1 : total) },
  all: { start: 1, step: (total, x) => (x === 0 ? 0 : total) },
}

/** The same for integers; sums and products wrap around at 64 bits when they are stored. */
const integerFolds: Readonly<Record<Exclude<ReduceOp, 'any' | 'all'>, { start: bigint; step: (total: bigint, x: bigint) => bigint }>> = {
  sum: { start: 0n, step: (total, x) => total + x },
  prod: { start: 1n, step: (total, x) => BigInt.asIntN(64, total * x) },
  max: { start: -(2n ** 63n), step: (total, x) => (x > total ? x : total) },
  min: { start: 2n ** 63n - 1n, step: (total, x) => (x < total ? x : total) },
}

/** Folds each run of `size` values into one element of `out`. */
function foldRuns<T>(
  values: { [i: number]: T },
  size: number,
  out: { length: number; [i: number]: T },
  { start, step }: { start: T; step: (total: T, x: T) => T },
): void {
  for (let r = 0; r < out.length; r++) {
    let total = start
    for (let i = r * size; i < (r + 1) * size; i++) total = step(total, values[i])
    out[r] = total
  }
}

/** Elements that fall together into one along `dims`. */
const runSize = (x: View, dims: readonly number[]): number => dims.reduce((n, d) => n * x.shape[d], 1)

function reduce(op: ReduceOp, x: View, dims: readonly number[], out: View): void {
  const runs = axesLast(x, dims)
  const size = runSize(x, dims)
  const n = numelOf(out.shape)
  if (op !== 'any' && op !== 'all' && !isFloatingPoint(x.dtype) && !isFloatingPoint(out.dtype)) {
    const totals = new BigInt64Array(n)
    foldRuns(loadBig(runs), size, totals, integerFolds[op])
    storeBig(out, totals)
    return
  }
  const totals = new Float64Array(n)
  foldRuns(load(runs), size, totals, folds[op])
  store(out, totals)
}

/** The first position in values[start .. start + size) of the extreme; NaN is more extreme than any number. */
function extremeIn<T extends number | bigint>(values: { [i: number]: T }, start: number, size: number, wins: (x: T, best: T) => boolean): number {
  let best = 0
  for (let i = 1; i < size; i++) {
    const x = values[start + i]
    const current = values[start + best]
    if (wins(x, current) || (Number.isNaN(x) && !Number.isNaN(current))) best = i
  }
  return best
}

function argReduce(op: 'max' | 'min', x: View, dim: number | null, out: View): void {
  const dims = dim === null ? [...x.shape.keys()] : x.shape.length === 0 ? [] : [dim]
  const runs = axesLast(x, dims)
  const size = runSize(x, dims)
  const wins = op === 'max' ? <T>(a: T, b: T) => a > b : <T>(a: T, b: T) => a < b
  const indices = new BigInt64Array(numelOf(out.shape))
  const values = isBig(x.dtype) ? loadBig(runs) : load(runs)
  for (let r = 0; r < indices.length; r++) indices[r] = BigInt(extremeIn<number | bigint>(values, r * size, size, wins))
  storeBig(out, indices)
}

function moments(x: View, dims: readonly number[], mean: View, variance: View | null): void {
  const values = load(axesLast(x, dims))
  const size = runSize(x, dims)
  const n = numelOf(mean.shape)
  const means = new Float64Array(n)
  const variances = new Float64Array(n)
  for (let r = 0; r < n; r++) [means[r], variances[r]] = momentsOf(values, r * size, size)
  store(mean, means)
  if (variance) store(variance, variances)
}

/**
 * Mean and biased variance of values[start .. start + size). NaN without elements. The mean of a first pass is off by the rounding of a
 * long sum; the mean deviation from it, which a second pass finds, corrects it to the last bit also beside a large offset.
 */
export function momentsOf(values: Float64Array, start: number, size: number): [mean: number, variance: number] {
  const end = start + size
  let sum = 0
  for (let i = start; i < end; i++) sum += values[i]
  const first = sum / size
  let deviation = 0
  for (let i = start; i < end; i++) deviation += values[i] - first
  const correction = deviation / size
  // An infinite first mean has no deviation that could correct it.
  const mean = Number.isFinite(correction) ? first + correction : first
  let squares = 0
  for (let i = start; i < end; i++) squares += (values[i] - mean) ** 2
  return [mean, squares / size]
}

function cumsum(x: View, dim: number, out: View): void {
  const dims = x.shape.length === 0 ? [] : [dim]
  const size = runSize(x, dims)
  const runs = axesLast(x, dims)
  const target = axesLast(out, dims)
  if (!isFloatingPoint(out.dtype)) {
    const values = loadBig(runs)
    for (let i = 0; i < values.length; i++) if (i % size !== 0) values[i] += values[i - 1]
    storeBig(target, values)
    return
  }
  const values = load(runs)
  for (let i = 0; i < values.length; i++) if (i % size !== 0) values[i] += values[i - 1]
  store(target, values)
}

export const reductions = { reduce, argReduce, moments, cumsum } satisfies Partial<Kernels>
