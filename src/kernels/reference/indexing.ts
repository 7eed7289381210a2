import { IndexError, RuntimeError } from '../../core/errors.js'
import { contiguousStrides, type Shape } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'
import { isBig, load, loadBig, offsetsOf, select, store, storeBig, viewOf } from './access.js'
import { elementwise } from './elementwise.js'

/** Positions in a contiguous tensor of `shape` of index[i] along `dim`, with the element's own indices elsewhere. */
function positionsAlong(shape: Shape, dim: number, index: View): Float64Array {
  const size = shape[dim] ?? 1
  const strides = contiguousStrides(shape)
  const along = strides[dim] ?? 1
  const positions = offsetsOf(
    index.shape,
    strides.map((stride, d) => (d === dim ? 0 : stride)),
  )
  const indices = load(index)
  for (let i = 0; i < indices.length; i++) {
    if (!(indices[i] >= 0 && indices[i] < size)) throw new RuntimeError(`index ${indices[i]} is out of bounds for dimension ${dim} with size ${size}`)
    positions[i] += indices[i] * along
  }
  return positions
}

function gather(x: View, dim: number, index: View, out: View): void {
  const positions = positionsAlong(x.shape, dim, index)
  if (isBig(x.dtype)) {
    const values = loadBig(x)
    storeBig(
      out,
      BigInt64Array.from(positions, (p) => values[p]),
    )
  } else {
    const values = load(x)
    store(
      out,
      positions.map((p) => values[p]),
    )
  }
}

function scatter(target: View, dim: number, index: View, src: View, add: boolean): void {
  const positions = positionsAlong(target.shape, dim, index)
  // The source may be larger than the index: what lies beyond is not read.
  const source = viewOf(src, index.shape, src.strides)
  if (isBig(target.dtype)) {
    const values = loadBig(target)
    loadBig(source).forEach((value, i) => {
      values[positions[i]] = add ? values[positions[i]] + value : value
    })
    storeBig(target, values)
  } else {
    const values = load(target)
    load(source).forEach((value, i) => {
      values[positions[i]] = add ? values[positions[i]] + value : value
    })
    store(target, values)
  }
}

function checkedIndices(index: View, size: number): Float64Array {
  const indices = load(index)
  for (const i of indices) if (!(i >= 0 && i < size)) throw new IndexError('index out of range in self')
  return indices
}

function indexSelect(x: View, dim: number, index: View, out: View): void {
  checkedIndices(index, x.shape[dim] ?? 1).forEach((from, to) => {
    if (x.shape.length === 0) elementwise.copy(x, out)
    else elementwise.copy(select(x, dim, from), select(out, dim, to))
  })
}

function indexAdd(target: View, dim: number, index: View, src: View): void {
  checkedIndices(index, target.shape[dim] ?? 1)
  // The same index for all elements of a slice: a view that repeats it along the other axes.
  const strides = src.shape.map((_, d) => (d === dim ? (index.strides[0] ?? 0) : 0))
  scatter(target, dim, viewOf(index, src.shape, strides), src, true)
}

export const indexings = { gather, scatter, indexSelect, indexAdd } satisfies Partial<Kernels>
