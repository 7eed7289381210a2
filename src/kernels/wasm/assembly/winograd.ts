/**
 * Convolution of 3 x 3 with stride 1 by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
 * F(2 x 2, 3 x 3)): 16 products for a tile of 2 x 2 outputs in place of 36. In one dimension, of inputs d, taps g:
 *
 *   outputs y = A' (G g * B' d)      B' d = (d0 - d2, d1 + d2, d2 - d1, d1 - d3)      G g = (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2)
 *                                    A' m = (m0 + m1 + m2, m1 - m2 - m3)
 *
 * and in two along rows, then columns. The weights' gradient is F(3 x 3, 2 x 2): the filter is the tile of dy, the inputs and their transform are the same,
 *   G g = (g0, (g0 + g1) / 2, (g0 - g1) / 2, g1) and A' m = (m0 + m1 + m2, m1 - m2, m1 + m2 - m3).
 *
 * Tiles are counted row by row through the samples; `first` is the first tile row of a pass (winograd-pass.ts). Transforms lie as [16][channel][tile], channels `pitch` bytes
 * apart, `frequency` bytes from one of the 16 to the next, so that the products between are matrix products. A block is a tile row.
 * Tails: the last one to three tiles of a row are stored alone, as another thread may have the next row. Vectors are read whole, beyond a row's end too.
 * float32; all factors are powers of 2. `flag` (i32) becomes 1 where a result is not finite: what is infinite in one corner of a tile makes NaN
 * of the other outputs, so the caller computes again, directly.
 */
import { loadUpTo, storePart, storeUpTo } from './lanes'
import { laneMask } from './vectors'

@inline function even(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 0, 2, 4, 6) }
@inline function odd(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 1, 3, 5, 7) }

/** a - b or a + b */
@inline function combine<Op>(a: v128, b: v128): v128 { return isBoolean<Op>() ? f32x4.sub(a, b) : f32x4.add(a, b) }

/** One of the four rows of B' d B, of two rows of d, for four tiles. `T` is bool where all four are stored. */
@inline
function inputRow<Op, T>(p: usize, q: usize, to: usize, frequency: usize, count: i32): void {
  const a = combine<Op>(v128.load(p), v128.load(q)), b = combine<Op>(v128.load(p, 16), v128.load(q, 16))
  const c = combine<Op>(v128.load(p, 8), v128.load(q, 8)), d = combine<Op>(v128.load(p, 24), v128.load(q, 24))
  const d0 = even(a, b), d1 = odd(a, b), d2 = even(c, d), d3 = odd(c, d)
  storePart<T>(to, f32x4.sub(d0, d2), count)
  storePart<T>(to + frequency, f32x4.add(d1, d2), count)
  storePart<T>(to + 2 * frequency, f32x4.sub(d2, d1), count)
  storePart<T>(to + 3 * frequency, f32x4.sub(d1, d3), count)
}

@inline
function inputTile<T>(x: usize, xRow: usize, to: usize, frequency: usize, count: i32): void {
  const x1 = x + xRow, x2 = x1 + xRow, x3 = x2 + xRow
  inputRow<bool, T>(x, x2, to, frequency, count)
  inputRow<i32, T>(x1, x2, to + 4 * frequency, frequency, count)
  inputRow<bool, T>(x2, x1, to + 8 * frequency, frequency, count)
  inputRow<bool, T>(x1, x3, to + 12 * frequency, frequency, count)
}

/** Transforms planes of conv.ts, [N][rows][channels][width], in which tile (i, j) begins at row 2 i, column 2 j. */
export function winogradInput(
  planes: usize, planeBatch: usize, planeRow: usize, planeChannel: usize,
  channels: i32, down: i32, across: i32, first: i32, v: usize, frequency: usize, pitch: usize,
  begin: i32, end: i32,
): void {
  const whole = across & ~3
  for (let block = begin; block < end; block++) {
    const row = first + block
    let x = planes + <usize>(row / down) * planeBatch + <usize>(2 * (row % down)) * planeRow
    let to = v + (<usize>(block * across) << 2)
    for (let c = 0; c < channels; c++, x += planeChannel, to += pitch) {
      for (let j = 0; j < whole; j += 4) inputTile<bool>(x + (<usize>j << 3), planeRow, to + (<usize>j << 2), frequency, 4)
      if (whole < across) inputTile<i32>(x + (<usize>whole << 3), planeRow, to + (<usize>whole << 2), frequency, across - whole)
    }
  }
}

/**
 * Transforms weights [outputs][channels][3][3] into [16][rows][depth]: rows are outputs and the depth is channels, or, `turned`, the other way
 * round with the taps turned by half a turn. A block is a row.
 */
export function winogradWeights(w: usize, outputs: i32, channels: i32, turned: bool, u: usize, begin: i32, end: i32): void {
  const rows = turned ? channels : outputs
  const depth = turned ? outputs : channels
  const frequency = <usize>(rows * depth) << 2
  for (let row = begin; row < end; row++) {
    let to = u + (<usize>(row * depth) << 2)
    for (let k = 0; k < depth; k++, to += 4) {
      const from = w + <usize>(turned ? k * channels + row : row * channels + k) * 36
      // G g, column by column; a turn by half a turn swaps the first with the last row, and column.
      for (let j: usize = 0; j < 3; j++) {
        const column: usize = 4 * (turned ? 2 - j : j)
        const a = load<f32>(from + column), b = load<f32>(from + column, 12), c = load<f32>(from + column, 24)
        const at = to + j * frequency
        const half = (a + c) * 0.5, middle = b * 0.5
        store<f32>(at, turned ? c : a)
        store<f32>(at + 4 * frequency, half + middle)
        store<f32>(at + 8 * frequency, half - middle)
        store<f32>(at + 12 * frequency, turned ? a : c)
      }
      for (let i: usize = 0; i < 4; i++) {
        const at = to + i * 4 * frequency
        const a = load<f32>(at), b = load<f32>(at + frequency), c = load<f32>(at + 2 * frequency)
        const half = (a + c) * 0.5, middle = b * 0.5
        store<f32>(at + frequency, half + middle)
        store<f32>(at + 2 * frequency, half - middle)
        store<f32>(at + 3 * frequency, c)
      }
    }
  }
}

@inline function upper(m: usize, frequency: usize): v128 {
  return f32x4.add(f32x4.add(v128.load(m), v128.load(m + 4 * frequency)), v128.load(m + 8 * frequency))
}
@inline function lower(m: usize, frequency: usize): v128 {
  return f32x4.sub(f32x4.sub(v128.load(m + 4 * frequency), v128.load(m + 8 * frequency)), v128.load(m + 12 * frequency))
}

/** Eight neighbours of an output row, `count` of which exist. @returns `sum`, NaN in lanes where one of them is not finite */
@inline
function outputRow(s0: v128, s1: v128, s2: v128, s3: v128, bias: v128, y: usize, count: i32, sum: v128): v128 {
  const a = f32x4.add(f32x4.add(f32x4.add(s0, s1), s2), bias), b = f32x4.add(f32x4.sub(f32x4.sub(s1, s2), s3), bias)
  const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5), high = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const zero = f32x4.splat(0)
  if (count >= 8) {
    v128.store(y, low)
    v128.store(y, high, 16)
    return f32x4.add(sum, f32x4.add(f32x4.mul(low, zero), f32x4.mul(high, zero)))
  }
  storeUpTo(y, low, count)
  let check = f32x4.mul(v128.and(low, laneMask(count)), zero)
  if (count > 4) {
    storeUpTo(y + 16, high, count - 4)
    check = f32x4.add(check, f32x4.mul(v128.and(high, laneMask(count - 4)), zero))
  }
  return f32x4.add(sum, check)
}

/** y = bias + A' m A for `rows` output channels; bias 0 means none. y is [N][rows][height][width], contiguous from row to row. */
export function winogradOutput(
  m: usize, frequency: usize, pitch: usize, bias: usize, y: usize, yBatch: usize, yChannel: usize,
  rows: i32, height: i32, width: i32, down: i32, across: i32, first: i32, flag: usize,
  begin: i32, end: i32,
): void {
  const yRow = <usize>width << 2
  let sum = f32x4.splat(0)
  for (let block = begin; block < end; block++) {
    const row = first + block
    const i = 2 * (row % down)
    let from = m + (<usize>(block * across) << 2)
    let to = y + <usize>(row / down) * yBatch + <usize>i * yRow
    for (let o = 0; o < rows; o++, from += pitch, to += yChannel) {
      const b = bias ? v128.load32_splat(bias + (<usize>o << 2)) : f32x4.splat(0)
      for (let j = 0; j < across; j += 4) {
        const p = from + (<usize>j << 2), q = to + (<usize>j << 3)
        const count = width - 2 * j
        const p1 = p + frequency, p2 = p1 + frequency, p3 = p2 + frequency
        sum = outputRow(upper(p, frequency), upper(p1, frequency), upper(p2, frequency), upper(p3, frequency), b, q, count, sum)
        if (i + 1 < height) sum = outputRow(lower(p, frequency), lower(p1, frequency), lower(p2, frequency), lower(p3, frequency), b, q + yRow, count, sum)
      }
    }
  }
  if (v128.any_true(f32x4.ne(sum, sum))) store<i32>(flag, 1)
}

@inline function average(a: v128, b: v128): v128 { return f32x4.mul(f32x4.splat(0.5), f32x4.add(a, b)) }
@inline function halfDifference(a: v128, b: v128): v128 { return f32x4.mul(f32x4.splat(0.5), f32x4.sub(a, b)) }

@inline
function gradRow(a: v128, b: v128, to: usize, frequency: usize, count: i32): void {
  storeUpTo(to, a, count)
  storeUpTo(to + frequency, average(a, b), count)
  storeUpTo(to + 2 * frequency, halfDifference(a, b), count)
  storeUpTo(to + 3 * frequency, b, count)
}

/** Eight neighbours of a row of dy, of which `count` exist; the others are 0. */
@inline function lowOf(x: usize, count: i32): v128 { return count >= 4 ? v128.load(x) : loadUpTo(x, count) }
@inline function highOf(x: usize, count: i32): v128 { return count > 4 ? loadUpTo(x + 16, count - 4) : f32x4.splat(0) }

/** Transforms dy, [N][channels][height][width] contiguous from row to row; tiles reach beyond its edges, where it is zero. */
export function winogradGrad(
  dy: usize, dyBatch: usize, dyChannel: usize,
  channels: i32, height: i32, width: i32, down: i32, across: i32, first: i32, to: usize, frequency: usize, pitch: usize,
  begin: i32, end: i32,
): void {
  const dyRow = <usize>width << 2
  for (let block = begin; block < end; block++) {
    const row = first + block
    const i = 2 * (row % down)
    let from = dy + <usize>(row / down) * dyBatch + <usize>i * dyRow
    let at = to + (<usize>(block * across) << 2)
    for (let channel = 0; channel < channels; channel++, from += dyChannel, at += pitch) {
      for (let j = 0; j < across; j += 4) {
        const x = from + (<usize>j << 3), y = at + (<usize>j << 2)
        const count = width - 2 * j
        const tiles = across - j
        const rest = i + 1 < height ? count : 0
        const a = lowOf(x, count), b = highOf(x, count)
        const c = rest ? lowOf(x + dyRow, rest) : f32x4.splat(0), d = highOf(x + dyRow, rest)
        const e0 = even(a, b), o0 = odd(a, b), e1 = even(c, d), o1 = odd(c, d)
        gradRow(e0, o0, y, frequency, tiles)
        gradRow(average(e0, e1), average(o0, o1), y + 4 * frequency, frequency, tiles)
        gradRow(halfDifference(e0, e1), halfDifference(o0, o1), y + 8 * frequency, frequency, tiles)
        gradRow(e1, o1, y + 12 * frequency, frequency, tiles)
      }
    }
  }
}

/** dw [count][3][3] = A' s A, where s is the sum of [parts][16][count] and becomes the first of them. A block is 64 of the count. */
export function winogradWeightGrad(s: usize, parts: i32, count: i32, dw: usize, flag: usize, begin: i32, end: i32): void {
  const frequency = <usize>count << 2
  const first = begin * 64, length = min(count, end * 64) - first
  for (let i: usize = 0; i < 16; i++) {
    const to = s + i * frequency + (<usize>first << 2)
    for (let part = 1; part < parts; part++) {
      let x = to + <usize>part * 16 * frequency, y = to
      for (let left = length; left > 0; left -= 4, x += 16, y += 16) storeUpTo(y, f32x4.add(loadUpTo(y, left), loadUpTo(x, left)), left)
    }
  }
  let sum: f32 = 0
  for (let k = begin * 64, stop = min(count, end * 64); k < stop; k++) {
    const to = dw + <usize>k * 36
    let from = s + (<usize>k << 2)
    let m00: f32 = 0, m01: f32 = 0, m02: f32 = 0, m10: f32 = 0, m11: f32 = 0, m12: f32 = 0, m20: f32 = 0, m21: f32 = 0, m22: f32 = 0
    for (let i = 0; i < 4; i++, from += 4 * frequency) {
      const a = load<f32>(from), b = load<f32>(from + frequency), c = load<f32>(from + 2 * frequency), d = load<f32>(from + 3 * frequency)
      const r0 = a + b + c, r1 = b - c, r2 = b + c - d
      if (i < 3) { m00 += r0; m01 += r1; m02 += r2 }
      if (i === 1 || i === 2) { m20 += r0; m21 += r1; m22 += r2 }
      if (i === 1) { m10 += r0; m11 += r1; m12 += r2 }
      if (i === 2) { m10 -= r0; m11 -= r1; m12 -= r2 }
      if (i === 3) { m20 -= r0; m21 -= r1; m22 -= r2 }
    }
    store<f32>(to, m00); store<f32>(to, m01, 4); store<f32>(to, m02, 8)
    store<f32>(to, m10, 12); store<f32>(to, m11, 16); store<f32>(to, m12, 20)
    store<f32>(to, m20, 24); store<f32>(to, m21, 28); store<f32>(to, m22, 32)
    sum += 0 * (m00 + m01 + m02 + m10 + m11 + m12 + m20 + m21 + m22)
  }
  if (sum !== sum) store<i32>(flag, 1)
}
