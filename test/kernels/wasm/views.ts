import type { Shape } from '../../../src/core/shape.js'
import { contiguousStrides, numelOf } from '../../../src/core/shape.js'
import { emptyTensor, Tensor } from '../../../src/core/tensor.js'

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** How a view lies in its storage: the axes' order there, elements skipped between neighbours, elements before the first. */
export interface Layout {
  order?: readonly number[]
  step?: number
  offset?: number
}

/** A float32 view of that layout, filled with numbers in [-1, 1); what lies between its elements is NaN. */
export function randomView(shape: Shape, draw: () => number, { order = shape.map((_, d) => d), step = 1, offset = 0 }: Layout = {}): Tensor {
  const stored = contiguousStrides(order.map((d) => shape[d]))
  const strides = new Array<number>(shape.length)
  order.forEach((d, i) => {
    strides[d] = stored[i] * step
  })
  const n = numelOf(shape)
  const base = emptyTensor([offset + Math.max(n, 1) * step], 'float32')
  const data = base.data as Float32Array
  data.fill(Number.NaN)
  for (let i = 0; i < n; i++) data[offset + i * step] = draw() * 2 - 1
  return new Tensor(base.storage, 'float32', shape, strides, offset)
}

/** A contiguous view whose elements are NaN, so that one that a kernel leaves out shows. */
export function unwritten(shape: Shape, offset = 0): Tensor {
  const base = emptyTensor([offset + numelOf(shape)], 'float32')
  base.data.fill(Number.NaN as never)
  return new Tensor(base.storage, 'float32', shape, contiguousStrides(shape), offset)
}

/**
 * The largest |actual - expected| over what sums of products of numbers in [-1, 1) may be off by. Within a run of up to 256 terms each
 * addition rounds a partial sum that grows with the root of their count, so the errors' sum grows with the count; runs then add up as a
 * root. At most 1 is right; a term too many or too few is thousands.
 */
export function excess(actual: Tensor, expected: Tensor, terms: number): number {
  const a = actual.data as Float32Array
  const e = expected.data as Float32Array
  const slack = 2 ** -24 * (Math.min(terms, 256) * Math.sqrt(Math.max(1, terms / 256)) + 2)
  let worst = 0
  for (let i = 0; i < e.length; i++) {
    const difference = Math.abs(a[i] - e[i]) / (slack + 2 ** -22 * Math.abs(e[i]))
    if (!(difference <= worst)) worst = difference
  }
  return worst
}
