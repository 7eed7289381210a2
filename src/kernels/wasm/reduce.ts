import { numelOf, type Shape } from '../../core/shape.js'
import type { Kernels, ReduceOp, View } from '../contract.js'
import { axesLast } from '../reference/access.js'
import { reference } from '../reference/index.js'
import { copyBytes, withContiguous } from './copy.js'
import { launch, withScratch } from './launch.js'
import { channelsOf, launchMoments } from './norm.js'
import { address, blocksOf, isContiguousFloat32, isContiguousFloat64, isContiguousView, isFloat32 } from './views.js'

const STRIP = 16
/** Elements of a row that one block sums. */
const PIECE = 16384

/** A contiguous x as [first, kept, middle, inner] of which first and middle are reduced. */
interface Pattern {
  readonly first: number
  readonly kept: number
  readonly middle: number
  readonly inner: number
}

/** Joins neighbouring axes. Null where the reduced ones are more scattered than first and last, or in the middle alone. */
function patternOf(shape: Shape, dims: readonly number[]): Pattern | null {
  const sizes = [1, 1, 1, 1]
  let at = 0
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue
    const parity = dims.includes(d) ? 0 : 1
    if (at % 2 !== parity) at++
    if (at > 3) return null
    sizes[at] *= shape[d]
  }
  const [first, kept, middle, inner] = sizes
  if (kept === 1) return { first: 1, kept: 1, middle: first, inner: 1 }
  return first > 1 && inner > 1 ? null : { first, kept, middle, inner }
}

/** Calls `use` with x in contiguous order and its pattern; an x of another layout or a scattered pattern is copied, reduced axes last. */
function withPattern(owner: string, x: View, dims: readonly number[], use: (ptr: number, pattern: Pattern) => void): void {
  const pattern = isContiguousView(x) ? patternOf(x.shape, dims) : null
  if (pattern) return use(address(x), pattern)
  const runs = axesLast(x, dims)
  const middle = dims.reduce((n, d) => n * x.shape[d], 1)
  withContiguous(owner, runs, (ptr) => use(ptr, { first: 1, kept: numelOf(x.shape) / middle, middle, inner: 1 }))
}

function sum(x: number, { first, kept, middle, inner }: Pattern, out: number): void {
  if (inner > 1) launch('sumMiddle', kept * Math.ceil(inner / STRIP), x, out, middle, inner)
  else if (middle === 1) launch('sumMiddle', Math.ceil(kept / STRIP), x, out, first, kept)
  else {
    const pieces = Math.ceil(middle / PIECE)
    withScratch('sum', first * kept * pieces * 8, (parts) => {
      launch('sumPieces', first * kept * pieces, x, parts, middle, PIECE)
      launch('combineSums', kept, parts, out, first, kept, pieces)
    })
  }
}

function extreme(op: 'max' | 'min', x: number, { first, kept, middle, inner }: Pattern, out: number): void {
  const [rows, columns] = op === 'max' ? (['rowMax', 'middleMax'] as const) : (['rowMin', 'middleMin'] as const)
  if (inner > 1) launch(columns, kept * Math.ceil(inner / STRIP), x, out, middle, inner)
  else if (middle === 1) launch(columns, Math.ceil(kept / STRIP), x, out, first, kept)
  else if (first === 1) launch(rows, kept, x, out, middle)
  else
    withScratch(op, first * kept * 4, (parts) => {
      launch(rows, first * kept, x, parts, middle)
      launch(columns, Math.ceil(kept / STRIP), parts, out, first, kept)
    })
}

function reduce(op: ReduceOp, x: View, dims: readonly number[], out: View): void {
  if (!isFloat32(x) || !isContiguousFloat32(out) || (op !== 'sum' && op !== 'max' && op !== 'min') || numelOf(x.shape) === 0) {
    return reference.reduce(op, x, dims, out)
  }
  withPattern(op, x, dims, (ptr, pattern) => (op === 'sum' ? sum(ptr, pattern, address(out)) : extreme(op, ptr, pattern, address(out))))
}

function argReduce(op: 'max' | 'min', x: View, dim: number | null, out: View): void {
  if (!isFloat32(x) || !isContiguousView(out) || numelOf(x.shape) === 0) return reference.argReduce(op, x, dim, out)
  const dims = dim === null ? [...x.shape.keys()] : x.shape.length === 0 ? [] : [dim]
  const size = dims.reduce((n, d) => n * x.shape[d], 1)
  withContiguous('argReduce', axesLast(x, dims), (ptr) => launch(op === 'max' ? 'rowArgMax' : 'rowArgMin', numelOf(x.shape) / size, ptr, address(out, 8), size))
}

const isResult = (x: View): boolean => isContiguousFloat32(x) || isContiguousFloat64(x)

function moments(x: View, dims: readonly number[], mean: View, variance: View | null): void {
  if (!isFloat32(x) || !isResult(mean) || (variance && !isResult(variance)) || numelOf(x.shape) === 0) return reference.moments(x, dims, mean, variance)
  withPattern('moments', x, dims, (ptr, { first, kept, middle, inner }) => {
    // Columns in the middle are the one pattern that BatchNorm's kernels don't know: one launch each.
    const planes = inner > 1 ? kept : 1
    const c = inner > 1 ? channelsOf(middle, inner, 1) : channelsOf(first, kept, middle)
    const n = c.channels
    withScratch('moments', n * (c.parts * 16 + 16), (means) => {
      const variances = means + n * 8
      for (let plane = 0; plane < planes; plane++) {
        launchMoments(ptr + plane * middle * inner * 4, c, variances + n * 8, means, variances)
        storeResult(means, mean, plane * n, n)
        if (variance) storeResult(variances, variance, plane * n, n)
      }
    })
  })
}

/** Writes n float64 results from element `at` of a view on. */
function storeResult(ptr: number, target: View, at: number, n: number): void {
  if (target.dtype === 'float64') copyBytes(ptr, address(target, 8) + at * 8, n * 8)
  else launch('float64ToFloat32', blocksOf(n), ptr, address(target) + at * 4, n)
}

export const reductions = { reduce, argReduce, moments } satisfies Partial<Kernels>
