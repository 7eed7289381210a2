import { isContiguous, numelOf, type Shape } from '../../core/shape.js'
import type { View } from '../contract.js'

/** Elements of a block in kernels whose work is one element at a time. */
const BLOCK = 4096
export const blocksOf = (elements: number): number => Math.ceil(elements / BLOCK)

/** Kernels count elements in signed 32 bits; only tensors of bytes can have more. */
export const COUNTABLE = 2 ** 31

export const isContiguousView = (view: View): boolean => isContiguous(view.shape, view.strides)
export const isFloat32 = (view: View): boolean => view.dtype === 'float32'
export const isContiguousFloat32 = (view: View): boolean => view.dtype === 'float32' && isContiguous(view.shape, view.strides)
export const isContiguousFloat64 = (view: View): boolean => view.dtype === 'float64' && isContiguous(view.shape, view.strides)

/** Byte address of a view's first element. */
export const address = (view: View, bytes = 4): number => view.storage.ptr + view.offset * bytes

/** Axes that several layouts of one shape have in common, innermost first, after joining those that all of them step through evenly. */
export interface Axes {
  readonly sizes: number[]
  /** strides[k][axis] of layout k. */
  readonly strides: number[][]
}

/**
 * Joins neighbouring axes of `shape` and drops those of size 1. Axes are ordered by the first layout, so that a permuted but dense target,
 * channels-last say, becomes one axis.
 */
export function joinAxes(shape: Shape, layouts: readonly Shape[]): Axes {
  const [first] = layouts
  const order: number[] = []
  let sorted = true
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] === 1) continue
    if (order.length > 0 && first[d] < first[order[order.length - 1]]) sorted = false
    order.push(d)
  }
  if (!sorted) order.sort((a, b) => first[a] - first[b])
  const sizes: number[] = []
  const strides = layouts.map((): number[] => [])
  for (const d of order) {
    const last = sizes.length - 1
    let joins = last >= 0
    for (let k = 0; joins && k < layouts.length; k++) joins = layouts[k][d] === strides[k][last] * sizes[last]
    if (joins) sizes[last] *= shape[d]
    else {
      sizes.push(shape[d])
      for (let k = 0; k < layouts.length; k++) strides[k].push(layouts[k][d])
    }
  }
  return { sizes, strides }
}

/** A shape as [outer, size, inner] around one axis. */
export function middleOf(shape: Shape, dim: number): { outer: number; size: number; inner: number } {
  return { outer: numelOf(shape.slice(0, dim)), size: shape[dim] ?? 1, inner: numelOf(shape.slice(dim + 1)) }
}
