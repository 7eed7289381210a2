import { loadPart, storePart } from './lanes'
import { exp4, log4 } from './math'

/**
 * Local response normalization of x [N, C, L] over neighbouring channels:
 *
 *     scale = k + (alpha / size) sum(x^2),   y = x scale^-beta
 *     dx = dy scale^-beta - 2 beta (alpha / size) x sum(dy y / scale)
 *
 * The first sum runs over the window of each channel, `before` channels below it to `after` above; the second over the channels whose windows
 * hold it. scale is not negative. A block is RUN positions of one sample, for all its channels.
 */

/** Positions of a block: the rows of a window stay in the first-level cache. */
const RUN: i32 = 512

/**
 * How many channels from c on are one run. Where a block has whole rows, the channels whose windows are whole are neighbours in memory and so are
 * their windows, position by position: a window's next row is `length` elements on, whatever channel an element has.
 */
@inline function channelsTogether(c: i32, channels: i32, before: i32, after: i32, isWhole: bool): i32 {
  return isWhole && c >= before ? max(1, channels - after - c) : 1
}

/** scale^-beta. AlexNet's 0.75 takes two square roots. */
@inline function power(scale: v128, beta: f32): v128 {
  const one = f32x4.splat(1)
  if (beta == 0.75) {
    const root = f32x4.sqrt(scale)
    return f32x4.div(one, f32x4.mul(root, f32x4.sqrt(root)))
  }
  if (beta == 0.5) return f32x4.div(one, f32x4.sqrt(scale))
  if (beta == 1) return f32x4.div(one, scale)
  return exp4(f32x4.mul(f32x4.splat(-beta), log4(scale)))
}

@inline function squares<T>(x: usize, rows: i32, step: usize, n: i32): v128 {
  let sum = f32x4.splat(0)
  for (; rows > 0; rows--, x += step) {
    const v = loadPart<T>(x, n)
    sum = f32x4.add(sum, f32x4.mul(v, v))
  }
  return sum
}

@inline function sums<T>(x: usize, rows: i32, step: usize, n: i32): v128 {
  let sum = f32x4.splat(0)
  for (; rows > 0; rows--, x += step) sum = f32x4.add(sum, loadPart<T>(x, n))
  return sum
}

@inline function forward4<T>(x: usize, window: usize, rows: i32, step: usize, y: usize, scale: usize, factor: v128, k: v128, beta: f32, n: i32): void {
  const s = f32x4.add(k, f32x4.mul(factor, squares<T>(window, rows, step, n)))
  storePart<T>(scale, s, n)
  storePart<T>(y, f32x4.mul(loadPart<T>(x, n), power(s, beta)), n)
}

/** `factor` is alpha / size. */
export function responseNorm(
  x: usize, y: usize, scale: usize, channels: i32, length: i32, before: i32, after: i32, factor: f32, k: f32, beta: f32, begin: i32, end: i32,
): void {
  const runs = (length + RUN - 1) / RUN
  const step = <usize>length << 2
  const vf = f32x4.splat(factor)
  const vk = f32x4.splat(k)
  for (let block = begin; block < end; block++) {
    const start = (block % runs) * RUN
    const count = min(RUN, length - start)
    const base = <usize>(block / runs) * <usize>channels * step + (<usize>start << 2)
    for (let c = 0; c < channels;) {
      const first = max(0, c - before)
      const rows = min(channels - 1, c + after) - first + 1
      let at = base + <usize>c * step
      let window = x + base + <usize>first * step
      const together = channelsTogether(c, channels, before, after, count == length)
      let n = count * together
      c += together
      for (; n >= 4; n -= 4, at += 16, window += 16) forward4<bool>(x + at, window, rows, step, y + at, scale + at, vf, vk, beta, 4)
      if (n > 0) forward4<i32>(x + at, window, rows, step, y + at, scale + at, vf, vk, beta, n)
    }
  }
}

@inline function terms4<T>(dy: usize, x: usize, scale: usize, terms: usize, dx: usize, beta: f32, n: i32): void {
  const s = loadPart<T>(scale, n)
  const g = f32x4.mul(loadPart<T>(dy, n), power(s, beta))
  storePart<T>(dx, g, n)
  storePart<T>(terms, f32x4.div(f32x4.mul(g, loadPart<T>(x, n)), s), n)
}

/** dx = dy scale^-beta and terms = dx x / scale, over `size` elements. A block is 4096 elements. */
export function responseTerms(dy: usize, x: usize, scale: usize, terms: usize, dx: usize, beta: f32, size: i32, begin: i32, end: i32): void {
  let n = min(size, end * 4096) - begin * 4096
  let at = <usize>(begin * 4096) << 2
  for (; n >= 4; n -= 4, at += 16) terms4<bool>(dy + at, x + at, scale + at, terms + at, dx + at, beta, 4)
  if (n > 0) terms4<i32>(dy + at, x + at, scale + at, terms + at, dx + at, beta, n)
}

@inline function gradient4<T>(x: usize, window: usize, rows: i32, step: usize, dx: usize, factor: v128, n: i32): void {
  storePart<T>(dx, f32x4.add(loadPart<T>(dx, n), f32x4.mul(factor, f32x4.mul(loadPart<T>(x, n), sums<T>(window, rows, step, n)))), n)
}

/** dx += factor x sum(terms), `factor` being -2 beta alpha / size. */
export function responseGrad(
  x: usize, terms: usize, dx: usize, channels: i32, length: i32, before: i32, after: i32, factor: f32, begin: i32, end: i32,
): void {
  const runs = (length + RUN - 1) / RUN
  const step = <usize>length << 2
  const vf = f32x4.splat(factor)
  for (let block = begin; block < end; block++) {
    const start = (block % runs) * RUN
    const count = min(RUN, length - start)
    const base = <usize>(block / runs) * <usize>channels * step + (<usize>start << 2)
    for (let c = 0; c < channels;) {
      const first = max(0, c - after)
      const rows = min(channels - 1, c + before) - first + 1
      let at = base + <usize>c * step
      let window = terms + base + <usize>first * step
      const together = channelsTogether(c, channels, after, before, count == length)
      let n = count * together
      c += together
      for (; n >= 4; n -= 4, at += 16, window += 16) gradient4<bool>(x + at, window, rows, step, dx + at, vf, 4)
      if (n > 0) gradient4<i32>(x + at, window, rows, step, dx + at, vf, n)
    }
  }
}
