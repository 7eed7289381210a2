/**
 * Which elements of an axis an interpolated element is made of, and with what weights. Interpolation over several axes is one axis after
 * the other, so every mode is described by this alone. Positions and rounding are those of PyTorch's ATen/native/UpSample.h, in the
 * precision in which PyTorch computes them: a nearest element can depend on the last bit.
 */

export interface ResampledAxis {
  input: number
  output: number
  alignCorners: boolean
  /** The factor given by the user, or null where positions come from the sizes. */
  scale: number | null
  /** To the precision of positions: float32, or float64 for float64 input. */
  round: (value: number) => number
}

/** Tap t of output i is at [t · output + i]; without weights there is one tap, and it counts whole. */
export interface Taps {
  indices: readonly number[]
  weights: readonly number[] | null
}

export type TapsOf = (axis: ResampledAxis) => Taps

type Weighted = readonly (readonly [index: number, weight: number])[]

/** The distance between neighbouring outputs, measured on the input. */
function step({ input, output, alignCorners, scale, round }: ResampledAxis): number {
  if (alignCorners) return output > 1 ? round((input - 1) / (output - 1)) : 0
  return scale !== null && scale > 0 ? round(1 / scale) : round(input / output)
}

const clampTo = (input: number, i: number): number => Math.min(Math.max(i, 0), input - 1)

/** floor(i · step). */
export const nearest: TapsOf = (axis) => {
  const distance = step(axis)
  const at = (i: number) => Math.min(Math.floor(axis.round(i * distance)), axis.input - 1)
  return { indices: Array.from({ length: axis.output }, (_, i) => at(i)), weights: null }
}

/** The element whose centre is nearest to that of the output. */
export const nearestExact: TapsOf = (axis) => {
  const position = positions(axis)
  const at = (i: number) => clampTo(axis.input, Math.floor(axis.round(Math.max(position(i), 0) + 0.5)))
  return { indices: Array.from({ length: axis.output }, (_, i) => at(i)), weights: null }
}

/** Where on the input the centre of output i lies. */
function positions(axis: ResampledAxis): (i: number) => number {
  const { alignCorners, round } = axis
  const distance = step(axis)
  return alignCorners ? (i) => round(i * distance) : (i) => round(round(distance * (i + 0.5)) - 0.5)
}

function collect(output: number, weighted: (i: number) => Weighted): Taps {
  const all = Array.from({ length: output }, (_, i) => weighted(i))
  const count = Math.max(...all.map((taps) => taps.length))
  // Windows that hold fewer elements count one of theirs again, with weight 0.
  const tap = (t: number, i: number) => all[i][t] ?? ([all[i][0][0], 0] as const)
  const each = <T>(f: (pair: readonly [number, number]) => T) => Array.from({ length: count * output }, (_, k) => f(tap(Math.floor(k / output), k % output)))
  return { indices: each(([index]) => index), weights: each(([, weight]) => weight) }
}

/** A straight line between the two neighbours. */
export const linear: TapsOf = (axis) => {
  const { input, output, round } = axis
  if (input === output) return { indices: Array.from({ length: output }, (_, i) => i), weights: null }
  const position = positions(axis)
  return collect(output, (i) => {
    const at = Math.max(position(i), 0)
    const left = Math.min(Math.floor(at), input - 1)
    const share = Math.min(Math.max(round(at - left), 0), 1)
    return [
      [left, round(1 - share)],
      [Math.min(left + 1, input - 1), share],
    ]
  })
}

/** Keys' cubic convolution kernel with its parameter a. @see Keys 1981, doi:10.1109/TASSP.1981.1163711 */
function cubicKernel(a: number): (distance: number) => number {
  return (distance) => {
    const x = Math.abs(distance)
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
    return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0
  }
}

const sharpCubic = /* @__PURE__ */ cubicKernel(-0.75)
const softCubic = /* @__PURE__ */ cubicKernel(-0.5)

/** A cubic through four neighbours; beyond the ends the last element counts again. */
export const bicubic: TapsOf = (axis) => {
  const position = positions(axis)
  return collect(axis.output, (i) => {
    const at = position(i)
    const left = Math.floor(at)
    const share = axis.round(at - left)
    return [-1, 0, 1, 2].map((k) => [clampTo(axis.input, left + k), sharpCubic(share - k)] as const)
  })
}

/** A window that widens with the step, its weights normalised. As Pillow does, which PyTorch follows. */
export const antialiased =
  (filter: 'linear' | 'cubic'): TapsOf =>
  (axis) => {
    const { input, output } = axis
    const distance = step(axis)
    const width = Math.max(distance, 1)
    const support = (filter === 'linear' ? 1 : 2) * width
    const kernel = filter === 'linear' ? (x: number) => Math.max(0, 1 - Math.abs(x)) : softCubic
    return collect(output, (i) => {
      const center = distance * (i + 0.5)
      const first = Math.max(Math.trunc(center - support + 0.5), 0)
      const end = Math.min(Math.trunc(center + support + 0.5), input)
      const weights = Array.from({ length: end - first }, (_, j) => kernel((j + first - center + 0.5) / width))
      const total = weights.reduce((sum, w) => sum + w, 0)
      return weights.map((w, j) => [first + j, total === 0 ? w : w / total] as const)
    })
  }
