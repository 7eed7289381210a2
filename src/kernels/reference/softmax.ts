import { numelOf } from '../../core/shape.js'
import type { CrossEntropyOptions, Kernels, View } from '../contract.js'
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

/** For each row whose target counts: where its scores are, its class, and what each class counts in its loss (a_c in the contract). */
function forEachTarget(
  x: View,
  target: View,
  { weight, ignoreIndex, smoothing }: CrossEntropyOptions,
  run: (row: number, start: number, shareOf: (c: number) => number, wanted: number) => void,
): void {
  const size = x.shape[x.shape.length - 1]
  const weights = weight && load(weight)
  load(target).forEach((t, row) => {
    if (t === ignoreIndex) return
    run(row, row * size, (c) => (weights ? weights[c] : 1) * (smoothing / size + (c === t ? 1 - smoothing : 0)), t)
  })
}

function crossEntropy(x: View, target: View, options: CrossEntropyOptions, losses: View, maxima: View, logSums: View): void {
  const values = load(x)
  const size = x.shape[x.shape.length - 1]
  const [out, largest, logs] = [losses, maxima, logSums].map((v) => new Float64Array(numelOf(v.shape)))
  forEachTarget(x, target, options, (row, start, shareOf, wanted) => {
    let max = Number.NEGATIVE_INFINITY
    for (let c = 0; c < size; c++) max = Math.max(max, values[start + c])
    let sum = 0
    for (let c = 0; c < size; c++) sum += Math.exp(values[start + c] - max)
    const logSum = Math.log(sum)
    // The probability of a class that counts nothing may be 0, its logarithm infinite.
    for (let c = 0; c < size; c++) if (c === wanted || options.smoothing > 0) out[row] -= shareOf(c) * (values[start + c] - max - logSum)
    largest[row] = max
    logs[row] = logSum
  })
  store(losses, out)
  store(maxima, largest)
  store(logSums, logs)
}

function crossEntropyBackward(dy: View, x: View, target: View, options: CrossEntropyOptions, maxima: View, logSums: View, dx: View): void {
  const values = load(x)
  const size = x.shape[x.shape.length - 1]
  const grads = load(dy, target.shape)
  const [largest, logs] = [load(maxima), load(logSums)]
  const out = new Float64Array(values.length)
  forEachTarget(x, target, options, (row, start, shareOf) => {
    let all = 0
    for (let c = 0; c < size; c++) all += shareOf(c)
    for (let c = 0; c < size; c++) out[start + c] = grads[row] * (all * Math.exp(values[start + c] - largest[row] - logs[row]) - shareOf(c))
  })
  store(dx, out)
}

export const softmaxes = { softmax, softmaxBackward, crossEntropy, crossEntropyBackward } satisfies Partial<Kernels>
