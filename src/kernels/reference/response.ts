import type { Kernels, ResponseNormOptions, View } from '../contract.js'
import { load, store } from './access.js'

/** Local response normalization: see the contract. */

/** The sum of values [N, C, L] over channels c - before to c + after, for each of them. */
function windowSums(values: Float64Array, [n, channels, length]: readonly number[], before: number, after: number): Float64Array {
  const out = new Float64Array(values.length)
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < channels; c++) {
      const last = Math.min(channels - 1, c + after)
      for (let j = Math.max(0, c - before); j <= last; j++) {
        for (let l = 0; l < length; l++) out[(i * channels + c) * length + l] += values[(i * channels + j) * length + l]
      }
    }
  }
  return out
}

function localResponseNorm(x: View, { size, alpha, beta, k }: ResponseNormOptions, y: View, scale: View): void {
  const values = load(x)
  const squares = windowSums(
    values.map((v) => v * v),
    x.shape,
    Math.floor(size / 2),
    Math.floor((size - 1) / 2),
  )
  const scales = squares.map((s) => k + (alpha / size) * s)
  store(scale, scales)
  store(
    y,
    values.map((v, i) => v * scales[i] ** -beta),
  )
}

function localResponseNormBackward(dy: View, x: View, scale: View, { size, alpha, beta }: ResponseNormOptions, dx: View): void {
  const values = load(x)
  const scales = load(scale)
  const direct = load(dy).map((g, i) => g * scales[i] ** -beta)
  const terms = direct.map((g, i) => (g * values[i]) / scales[i])
  const sums = windowSums(terms, x.shape, Math.floor((size - 1) / 2), Math.floor(size / 2))
  store(
    dx,
    direct.map((g, i) => g - ((2 * beta * alpha) / size) * values[i] * sums[i]),
  )
}

export const responses = { localResponseNorm, localResponseNormBackward } satisfies Partial<Kernels>
