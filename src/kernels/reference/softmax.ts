import type { Kernels, View } from '../contract.js'
import { axesLast, load, store } from './access.js'

/** Softmax runs along one axis: it is loaded last, so that each run is contiguous. A scalar is a run of one. */
function alongAxis(x: View, dim: number): View {
  return x.shape.length === 0 ? x : axesLast(x, [dim])
}

/** Calls `row(start, end)` for each run of `size` in `n` elements. */
function forEachRow(n: number, size: number, row: (start: number, end: number) => void): void {
  for (let start = 0; start < n; start += size) row(start, start + size)
}

/** exp(x - max) / sum(exp(x - max)), or its logarithm. Where the largest is infinite the difference is NaN, in PyTorch too. */
function softmax(x: View, dim: number, log: boolean, out: View): void {
  const values = load(alongAxis(x, dim))
  forEachRow(values.length, x.shape[dim] ?? 1, (start, end) => {
    let max = Number.NEGATIVE_INFINITY
    for (let i = start; i < end; i++) max = Math.max(max, values[i])
    let sum = 0
    for (let i = start; i < end; i++) sum += Math.exp(values[i] - max)
    const logSum = Math.log(sum)
    for (let i = start; i < end; i++) values[i] = log ? values[i] - max - logSum : Math.exp(values[i] - max) / sum
  })
  store(alongAxis(out, dim), values)
}

function softmaxBackward(dy: View, y: View, dim: number, log: boolean, dx: View): void {
  const grad = load(alongAxis(dy, dim))
  const output = load(alongAxis(y, dim))
  forEachRow(grad.length, y.shape[dim] ?? 1, (start, end) => {
    let sum = 0
    for (let i = start; i < end; i++) sum += log ? grad[i] : grad[i] * output[i]
    for (let i = start; i < end; i++) grad[i] = log ? grad[i] - Math.exp(output[i]) * sum : output[i] * (grad[i] - sum)
  })
  store(alongAxis(dx, dim), grad)
}

export const softmaxes = { softmax, softmaxBackward } satisfies Partial<Kernels>
