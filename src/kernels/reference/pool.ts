import { numelOf, type Shape } from '../../core/shape.js'
import type { Kernels, PoolAxis, View } from '../contract.js'
import { load, store, storeBig } from './access.js'

/** For each output element of one plane, the positions in the plane that its window reads, in order. Built axis by axis. */
function windowsOf(spatial: Shape, axes: readonly PoolAxis[]): readonly (readonly number[])[] {
  let windows: number[][] = [[0]]
  axes.forEach(({ starts, ends, dilation }, d) => {
    windows = windows.flatMap((rows) =>
      Array.from(starts, (start, i) => {
        const window: number[] = []
        for (const row of rows) for (let at = start; at < ends[i]; at += dilation) window.push(row * spatial[d] + at)
        return window
      }),
    )
  })
  return windows
}

/** For each output element of one plane, what its sum is divided by. */
function divisorsOf(divisors: readonly Float64Array[] | number, outputs: number): readonly number[] {
  if (typeof divisors === 'number') return new Array<number>(outputs).fill(divisors)
  return divisors.reduce<number[]>((products, axis) => products.flatMap((product) => Array.from(axis, (divisor) => product * divisor)), [1])
}

const planesOf = (x: View): number => x.shape[0] * x.shape[1]

function maxPool(x: View, axes: readonly PoolAxis[], y: View, indices: View): void {
  const spatial = x.shape.slice(2)
  const windows = windowsOf(spatial, axes)
  const input = load(x)
  const output = new Float64Array(numelOf(y.shape))
  const chosen = new BigInt64Array(output.length)
  for (let plane = 0, at = 0; plane < planesOf(x); plane++) {
    const base = plane * numelOf(spatial)
    for (const window of windows) {
      let best = window[0]
      for (const p of window) {
        const value = input[base + p]
        // The first of equals, but the last of several NaN, as PyTorch.
        if (value > input[base + best] || Number.isNaN(value)) best = p
      }
      output[at] = input[base + best]
      chosen[at++] = BigInt(best)
    }
  }
  store(y, output)
  storeBig(indices, chosen)
}

function avgPool(x: View, axes: readonly PoolAxis[], divisors: readonly Float64Array[] | number, y: View): void {
  const spatial = x.shape.slice(2)
  const windows = windowsOf(spatial, axes)
  const divisor = divisorsOf(divisors, windows.length)
  const input = load(x)
  const output = new Float64Array(numelOf(y.shape))
  for (let plane = 0, at = 0; plane < planesOf(x); plane++) {
    const base = plane * numelOf(spatial)
    windows.forEach((window, i) => {
      let sum = 0
      for (const p of window) sum += input[base + p]
      output[at++] = sum / divisor[i]
    })
  }
  store(y, output)
}

function avgPoolBackward(dy: View, axes: readonly PoolAxis[], divisors: readonly Float64Array[] | number, dx: View): void {
  const spatial = dx.shape.slice(2)
  const windows = windowsOf(spatial, axes)
  const divisor = divisorsOf(divisors, windows.length)
  const grad = load(dy)
  const inputGrad = new Float64Array(numelOf(dx.shape))
  for (let plane = 0, at = 0; plane < planesOf(dx); plane++) {
    const base = plane * numelOf(spatial)
    windows.forEach((window, i) => {
      const share = grad[at++] / divisor[i]
      for (const p of window) inputGrad[base + p] += share
    })
  }
  store(dx, inputGrad)
}

export const pools = { maxPool, avgPool, avgPoolBackward } satisfies Partial<Kernels>
