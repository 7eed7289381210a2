import { BLOCK } from './elementwise'
import { loadFirst, storeFirst } from './lanes'

/**
 * Copies between any two layouts, by element width, and conversions to and from float32.
 *
 * A strided copy sees both sides as [n3, n2, n1, n0] with strides in elements, 0 where the source repeats. Cheap cases of the two inner axes:
 * both sides contiguous along n0 (runs); the target contiguous along n0 and the source along n1 (a transpose, in tiles of 4 x 4 for 32-bit
 * elements). A block is STRIP rows (n1) of one plane (n3, n2).
 * Addresses may have any alignment. Source and target don't overlap.
 */

const STRIP: i32 = 32

export const COPY_BLOCK: i32 = 16384

/** Contiguous bytes; COPY_BLOCK bytes are a block. */
export function copyBytes(x: usize, y: usize, n: usize, begin: i32, end: i32): void {
  const start = <usize>begin * COPY_BLOCK
  memory.copy(y + start, x + start, min(n, <usize>end * COPY_BLOCK) - start)
}

/** One run of contiguous elements: memory.copy leaves the module, which costs more than a short run. */
@inline function copyRun<T>(x: usize, y: usize, n: i32): void {
  let bytes = <usize>n * sizeof<T>()
  if (bytes >= 1024) {
    memory.copy(y, x, bytes)
    return
  }
  for (; bytes >= 16; bytes -= 16, x += 16, y += 16) v128.store(y, v128.load(x))
  for (; bytes > 0; bytes -= sizeof<T>(), x += sizeof<T>(), y += sizeof<T>()) store<T>(y, load<T>(x))
}

/** y[r][c] = x[c][r] for 4 x 4 elements; rows of x are xc bytes apart, rows of y yr bytes. */
@inline function transpose4x4(x: usize, xc: usize, y: usize, yr: usize): void {
  const a = v128.load(x)
  const b = v128.load(x + xc)
  const c = v128.load(x + 2 * xc)
  const d = v128.load(x + 3 * xc)
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5)
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5)
  const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7)
  const cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7)
  v128.store(y, i64x2.shuffle(ab, cd, 0, 2))
  v128.store(y + yr, i64x2.shuffle(ab, cd, 1, 3))
  v128.store(y + 2 * yr, i64x2.shuffle(ab2, cd2, 0, 2))
  v128.store(y + 3 * yr, i64x2.shuffle(ab2, cd2, 1, 3))
}

/**
 * y[r][c] = x[c][r] for [rows, columns] of any sizes; strides in bytes. Sixteen rows, a cache line of each source column, are done before the
 * next columns: where strides are powers of two, all columns fall into the same few places of a first-level cache and are gone soon.
 */
function transpose32(x: usize, xc: usize, y: usize, yr: usize, rows: i32, columns: i32): void {
  const wholeRows = rows & ~3
  const wholeColumns = columns & ~3
  for (let strip = 0; strip < wholeRows; strip += 16) {
    const last = min(wholeRows, strip + 16)
    for (let c = 0; c < wholeColumns; c += 4) {
      for (let r = strip; r < last; r += 4) transpose4x4(x + <usize>c * xc + (<usize>r << 2), xc, y + <usize>r * yr + (<usize>c << 2), yr)
    }
  }
  for (let r = 0; r < rows; r++) {
    for (let c = r < wholeRows ? wholeColumns : 0; c < columns; c++) {
      store<u32>(y + <usize>r * yr + (<usize>c << 2), load<u32>(x + <usize>c * xc + (<usize>r << 2)))
    }
  }
}

function copyStrided<T>(
  x: usize, y: usize, n0: i32, n1: i32, n2: i32, x0: i32, x1: i32, x2: i32, x3: i32, y0: i32, y1: i32, y2: i32, y3: i32, begin: i32, end: i32,
): void {
  const width = sizeof<T>()
  const strips = (n1 + STRIP - 1) / STRIP
  for (let block = begin; block < end; block++) {
    const plane = block / strips
    const first = (block - plane * strips) * STRIP
    const rows = min(STRIP, n1 - first)
    const i3 = plane / n2
    const i2 = plane - i3 * n2
    let px = x + <usize>(i3 * x3 + i2 * x2 + first * x1) * width
    let py = y + <usize>(i3 * y3 + i2 * y2 + first * y1) * width
    if (sizeof<T>() == 4 && y0 == 1 && x1 == 1 && x0 != 1) {
      transpose32(px, <usize>x0 << 2, py, <usize>y1 << 2, rows, n0)
      continue
    }
    for (let r = 0; r < rows; r++) {
      if (x0 == 1 && y0 == 1) copyRun<T>(px, py, n0)
      else {
        let sx = px
        let sy = py
        for (let i = 0; i < n0; i++) {
          store<T>(sy, load<T>(sx))
          sx += <usize>x0 * width
          sy += <usize>y0 * width
        }
      }
      px += <usize>x1 * width
      py += <usize>y1 * width
    }
  }
}

export function copy8(
  x: usize, y: usize, n0: i32, n1: i32, n2: i32, x0: i32, x1: i32, x2: i32, x3: i32, y0: i32, y1: i32, y2: i32, y3: i32, begin: i32, end: i32,
): void { copyStrided<u8>(x, y, n0, n1, n2, x0, x1, x2, x3, y0, y1, y2, y3, begin, end) }
export function copy16(
  x: usize, y: usize, n0: i32, n1: i32, n2: i32, x0: i32, x1: i32, x2: i32, x3: i32, y0: i32, y1: i32, y2: i32, y3: i32, begin: i32, end: i32,
): void { copyStrided<u16>(x, y, n0, n1, n2, x0, x1, x2, x3, y0, y1, y2, y3, begin, end) }
export function copy32(
  x: usize, y: usize, n0: i32, n1: i32, n2: i32, x0: i32, x1: i32, x2: i32, x3: i32, y0: i32, y1: i32, y2: i32, y3: i32, begin: i32, end: i32,
): void { copyStrided<u32>(x, y, n0, n1, n2, x0, x1, x2, x3, y0, y1, y2, y3, begin, end) }
export function copy64(
  x: usize, y: usize, n0: i32, n1: i32, n2: i32, x0: i32, x1: i32, x2: i32, x3: i32, y0: i32, y1: i32, y2: i32, y3: i32, begin: i32, end: i32,
): void { copyStrided<u64>(x, y, n0, n1, n2, x0, x1, x2, x3, y0, y1, y2, y3, begin, end) }

/** y = x in the other type, both contiguous; BLOCK elements are a block. */
export function float64ToFloat32(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const start = begin * BLOCK
  x += <usize>start << 3
  y += <usize>start << 2
  n = min(n, end * BLOCK) - start
  for (; n >= 4; n -= 4, x += 32, y += 16) {
    v128.store(y, i64x2.shuffle(f32x4.demote_f64x2_zero(v128.load(x)), f32x4.demote_f64x2_zero(v128.load(x, 16)), 0, 2))
  }
  for (; n > 0; n--, x += 8, y += 4) store<f32>(y, <f32>load<f64>(x))
}

export function float32ToFloat64(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const start = begin * BLOCK
  x += <usize>start << 2
  y += <usize>start << 3
  n = min(n, end * BLOCK) - start
  for (; n >= 2; n -= 2, x += 8, y += 16) v128.store(y, f64x2.promote_low_f32x4(v128.load64_zero(x)))
  if (n > 0) store<f64>(y, <f64>load<f32>(x))
}

export function int64ToFloat32(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const start = begin * BLOCK
  x += <usize>start << 3
  y += <usize>start << 2
  for (let i = min(n, end * BLOCK) - start; i > 0; i--, x += 8, y += 4) store<f32>(y, <f32>load<i64>(x))
}

export function int32ToFloat32(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const start = begin * BLOCK
  x += <usize>start << 2
  y += <usize>start << 2
  n = min(n, end * BLOCK) - start
  for (; n >= 4; n -= 4, x += 16, y += 16) v128.store(y, f32x4.convert_i32x4_s(v128.load(x)))
  if (n > 0) storeFirst(y, f32x4.convert_i32x4_s(loadFirst(x, n)), n)
}

/** uint8 and bool. */
export function uint8ToFloat32(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const start = begin * BLOCK
  x += <usize>start
  y += <usize>start << 2
  n = min(n, end * BLOCK) - start
  for (; n >= 4; n -= 4, x += 4, y += 16) {
    v128.store(y, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(x)))))
  }
  for (; n > 0; n--, x++, y += 4) store<f32>(y, <f32>load<u8>(x))
}
