import { bytesMask, loadFirst, maskBytes, storeFirst } from './lanes'
import { select } from './math'

/**
 * Element by element: y = f(x), y = f(a, b), y = condition ? a : b, on float32.
 *
 * A block is BLOCK elements in y's logical order. Unary kernels take contiguous x and y. Kernels of several operands see their target as
 * [outer, middle, inner]: along `inner` y is contiguous, and an operand either contiguous (its inner stride is 1) or one repeated element
 * (0); along the other axes each has its own stride, in elements, 0 where it repeats. So broadcasting costs no copy.
 * Addresses may have any alignment. y may be the very same view as an operand.
 */

/** Elements of a block: 16 KiB, a third of a first-level cache. */
export const BLOCK: i32 = 4096

/** y[i] = value. */
export function fill(y: usize, value: f32, n: i32, begin: i32, end: i32): void {
  fillRun(y + (<usize>(begin * BLOCK) << 2), f32x4.splat(value), min(n, end * BLOCK) - begin * BLOCK)
}

function fillRun(y: usize, v: v128, n: i32): void {
  for (; n >= 4; n -= 4, y += 16) v128.store(y, v)
  if (n > 0) storeFirst(y, v, n)
}

/** What an operation writes: float32 lanes, or, of a comparison's masks, one byte 0 or 1 each. Operations extend one of these. */
export class FloatResult {
  @inline size(): usize { return 4 }
  @inline put(y: usize, v: v128): void { v128.store(y, v) }
  @inline putFirst(y: usize, v: v128, count: i32): void { storeFirst(y, v, count) }
}

/**
 * float32 lanes of an operation that is worth the bytes of two vectors a turn: a long one, where the steps of one vector fill the time in which those
 * of the other wait for each other, or a common one that is shorter than its loop.
 */
export class PairedResult extends FloatResult {}

export class BoolResult {
  @inline size(): usize { return 1 }
  @inline put(y: usize, mask: v128): void { v128.store_lane<u32>(y, maskBytes(mask), 0) }
  @inline putFirst(y: usize, mask: v128, count: i32): void {
    const bytes = maskBytes(mask)
    v128.store_lane<u8>(y, bytes, 0)
    if (count > 1) v128.store_lane<u8>(y, bytes, 1, 1)
    if (count > 2) v128.store_lane<u8>(y, bytes, 2, 2)
  }
}

/** y = T(x; p, q, r). T is a class whose method `apply` is the operation; it is inlined into its own copy of the loop. */
export function mapUnary<T>(x: usize, y: usize, p: f32, q: f32, r: f32, n: i32, begin: i32, end: i32): void {
  const op = changetype<T>(0)
  const vp = f32x4.splat(p)
  const vq = f32x4.splat(q)
  const vr = f32x4.splat(r)
  const start = begin * BLOCK
  x += <usize>start << 2
  y += <usize>start * op.size()
  n = min(n, end * BLOCK) - start
  if (op instanceof PairedResult) {
    for (; n >= 8; n -= 8, x += 32, y += 32) {
      const first = op.apply(v128.load(x), vp, vq, vr)
      const second = op.apply(v128.load(x, 16), vp, vq, vr)
      v128.store(y, first)
      v128.store(y, second, 16)
    }
  }
  for (; n >= 4; n -= 4, x += 16, y += op.size() << 2) op.put(y, op.apply(v128.load(x), vp, vq, vr))
  if (n > 0) op.putFirst(y, op.apply(loadFirst(x, n), vp, vq, vr), n)
}

/** y = T(a, b; p, q, r), with the strides of `elementwise.ts`. */
export function mapBinary<T>(
  a: usize, b: usize, y: usize, p: f32, q: f32, r: f32, n: i32, inner: i32, middle: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void {
  const vp = f32x4.splat(p)
  const vq = f32x4.splat(q)
  const vr = f32x4.splat(r)
  const stop = min(n, end * BLOCK)
  let i = begin * BLOCK
  let row = i / inner
  let j = i - row * inner
  while (i < stop) {
    const outer = row / middle
    const m = row - outer * middle
    const count = min(inner - j, stop - i)
    const ra = a + (<usize>(outer * aOuter + m * aMiddle + j * aInner) << 2)
    const rb = b + (<usize>(outer * bOuter + m * bMiddle + j * bInner) << 2)
    const ry = y + <usize>(outer * yOuter + m * yMiddle + j) * changetype<T>(0).size()
    if (!bInner) mapWithRight<T>(ra, v128.load32_splat(rb), ry, vp, vq, vr, count)
    else if (!aInner) mapWithLeft<T>(v128.load32_splat(ra), rb, ry, vp, vq, vr, count)
    else mapBoth<T>(ra, rb, ry, vp, vq, vr, count)
    i += count
    j = 0
    row++
  }
}

@inline function mapBoth<T>(a: usize, b: usize, y: usize, p: v128, q: v128, r: v128, n: i32): void {
  const op = changetype<T>(0)
  if (op instanceof PairedResult) {
    for (; n >= 8; n -= 8, a += 32, b += 32, y += 32) {
      const first = op.apply(v128.load(a), v128.load(b), p, q, r)
      const second = op.apply(v128.load(a, 16), v128.load(b, 16), p, q, r)
      v128.store(y, first)
      v128.store(y, second, 16)
    }
  }
  for (; n >= 4; n -= 4, a += 16, b += 16, y += op.size() << 2) op.put(y, op.apply(v128.load(a), v128.load(b), p, q, r))
  if (n > 0) op.putFirst(y, op.apply(loadFirst(a, n), loadFirst(b, n), p, q, r), n)
}

@inline function mapWithRight<T>(a: usize, b: v128, y: usize, p: v128, q: v128, r: v128, n: i32): void {
  const op = changetype<T>(0)
  for (; n >= 4; n -= 4, a += 16, y += op.size() << 2) op.put(y, op.apply(v128.load(a), b, p, q, r))
  if (n > 0) op.putFirst(y, op.apply(loadFirst(a, n), b, p, q, r), n)
}

@inline function mapWithLeft<T>(a: v128, b: usize, y: usize, p: v128, q: v128, r: v128, n: i32): void {
  const op = changetype<T>(0)
  for (; n >= 4; n -= 4, b += 16, y += op.size() << 2) op.put(y, op.apply(a, v128.load(b), p, q, r))
  if (n > 0) op.putFirst(y, op.apply(a, loadFirst(b, n), p, q, r), n)
}

/** y = condition ? a : b; the condition is one byte an element. */
export function where(
  condition: usize, a: usize, b: usize, y: usize, n: i32, inner: i32, middle: i32, cInner: i32, cMiddle: i32, cOuter: i32,
  aInner: i32, aMiddle: i32, aOuter: i32, bInner: i32, bMiddle: i32, bOuter: i32, yMiddle: i32, yOuter: i32, begin: i32, end: i32,
): void {
  const stop = min(n, end * BLOCK)
  let i = begin * BLOCK
  let row = i / inner
  let j = i - row * inner
  while (i < stop) {
    const outer = row / middle
    const m = row - outer * middle
    const count = min(inner - j, stop - i)
    whereRun(
      condition + <usize>(outer * cOuter + m * cMiddle + j * cInner), cInner,
      a + (<usize>(outer * aOuter + m * aMiddle + j * aInner) << 2), aInner,
      b + (<usize>(outer * bOuter + m * bMiddle + j * bInner) << 2), bInner,
      y + (<usize>(outer * yOuter + m * yMiddle + j) << 2), count,
    )
    i += count
    j = 0
    row++
  }
}

@inline function whereRun(c: usize, cInner: i32, a: usize, aInner: i32, b: usize, bInner: i32, y: usize, n: i32): void {
  const allC = i32x4.ne(i32x4.splat(load<u8>(c)), i32x4.splat(0))
  const allA = v128.load32_splat(a)
  const allB = v128.load32_splat(b)
  for (; n >= 4; n -= 4, y += 16) {
    const mask = cInner ? bytesMask(v128.load32_zero(c)) : allC
    v128.store(y, select(mask, aInner ? v128.load(a) : allA, bInner ? v128.load(b) : allB))
    c += 4
    a += 16
    b += 16
  }
  for (; n > 0; n--, y += 4) {
    const chosen = cInner ? load<u8>(c) != 0 : v128.any_true(allC)
    store<f32>(y, chosen ? (aInner ? load<f32>(a) : f32x4.extract_lane(allA, 0)) : bInner ? load<f32>(b) : f32x4.extract_lane(allB, 0))
    c += 1
    a += 4
    b += 4
  }
}
