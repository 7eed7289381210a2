/**
 * Pooling over up to three axes of contiguous float32 planes.
 *
 *   maxPool          y[p][i] = max over window i of x[p];  indices[p][i] = its position in the plane, of the first if there are several
 *   avgPool          y[p][i] = sum over window i of x[p] / divisor i
 *   avgPoolBackward  dx[p][j] = sum over the windows i that j lies in of dy[p][i] / divisor i
 *
 * Windows are given axis by axis: tables of (start, end) in D and H, and of (start, end, step) in W, all i32, cut to the plane and not empty. The
 * step is the distance of this window's start from the next, where this and the next three are as wide as each other and evenly spaced:
 * these four are one vector; else it is 0 and the window is taken alone. The last vector of a row overlaps the one before.
 * Sums: four windows side by side in float32, a window taken alone in float64.
 */

/** Four elements `step` apart. */
@inline
function loadSpaced(x: usize, step: i32): v128 {
  if (step === 1) return v128.load(x)
  if (step === 2) return v128.shuffle<f32>(v128.load(x), v128.load(x, 16), 0, 2, 4, 6)
  const apart = <usize>step << 2
  let v = v128.load32_zero(x)
  v = v128.load_lane<f32>(x + apart, v, 1)
  v = v128.load_lane<f32>(x + 2 * apart, v, 2)
  return v128.load_lane<f32>(x + 3 * apart, v, 3)
}

/** NaN counts as largest, and a later one as larger than an earlier, as in PyTorch. */
@inline
function isBetter(v: v128, best: v128): v128 {
  return v128.or(f32x4.gt(v, best), f32x4.ne(v, v))
}

/** The window to go on with: the last four together where fewer are left. */
@inline
function nextWindow(i: i32, count: i32, wTable: usize): i32 {
  const last = count - 4
  return i > last && last >= 0 && load<i32>(wTable + <usize>last * 12, 8) > 0 ? last : i
}

/** Windows of two rows by two columns side by side, the commonest of all. `width` (at least 4) windows; `position` is the first element's. */
function maxOfSquares(x: usize, x1: usize, position: i32, below: i32, y: usize, indices: usize, width: i32): void {
  const positions = i32x4.add(i32x4.splat(position), i32x4(0, 2, 4, 6))
  const one = i32x4.splat(1), next = i32x4.splat(below)
  for (let i = 0; i < width; i += 4) {
    if (i + 4 > width) i = width - 4
    const at = <usize>i << 3
    const a = v128.load(x + at), b = v128.load(x + at, 16), c = v128.load(x1 + at), d = v128.load(x1 + at, 16)
    const index0 = i32x4.add(positions, i32x4.splat(2 * i)), index1 = i32x4.add(index0, one)
    const v0 = v128.shuffle<f32>(a, b, 0, 2, 4, 6), v1 = v128.shuffle<f32>(a, b, 1, 3, 5, 7)
    const v2 = v128.shuffle<f32>(c, d, 0, 2, 4, 6), v3 = v128.shuffle<f32>(c, d, 1, 3, 5, 7)
    // The winner of each row, then of both: the order in which single steps would have met them.
    const upperMask = isBetter(v1, v0), lowerMask = isBetter(v3, v2)
    const upper = v128.bitselect(v1, v0, upperMask), lower = v128.bitselect(v3, v2, lowerMask)
    const mask = isBetter(lower, upper)
    const index = v128.bitselect(i32x4.add(v128.bitselect(index1, index0, lowerMask), next), v128.bitselect(index1, index0, upperMask), mask)
    v128.store(y + (<usize>i << 2), v128.bitselect(lower, upper, mask))
    v128.store(indices + at, i64x2.extend_low_i32x4_s(index))
    v128.store(indices + at, i64x2.extend_high_i32x4_s(index), 16)
  }
}

/** A block is a row of windows: for every plane, D and H. Where `squares`, all are of 2 x 2 and side by side. */
export function maxPool(
  x: usize, y: usize, indices: usize,
  inDepth: i32, inHeight: i32, inWidth: i32, outDepth: i32, outHeight: i32, outWidth: i32,
  dDilation: i32, hDilation: i32, wDilation: i32, dTable: usize, hTable: usize, wTable: usize, squares: bool,
  begin: i32, end: i32,
): void {
  const plane = <usize>(inDepth * inHeight * inWidth) << 2
  for (let block = begin; block < end; block++) {
    const dEntry = dTable + (<usize>(block / outHeight % outDepth) << 3)
    const hEntry = hTable + (<usize>(block % outHeight) << 3)
    const d0 = load<i32>(dEntry), d1 = load<i32>(dEntry, 4)
    const h0 = load<i32>(hEntry), h1 = load<i32>(hEntry, 4)
    const from = x + <usize>(block / outHeight / outDepth) * plane
    const row = <usize>block * <usize>outWidth
    if (squares) {
      const first = h0 * inWidth + load<i32>(wTable)
      const upper = from + (<usize>first << 2)
      maxOfSquares(upper, upper + (<usize>inWidth << 2), first, inWidth, y + (row << 2), indices + (row << 3), outWidth)
      continue
    }
    for (let i = 0; i < outWidth;) {
      i = nextWindow(i, outWidth, wTable)
      const wEntry = wTable + <usize>i * 12
      const w0 = load<i32>(wEntry), w1 = load<i32>(wEntry, 4), step = load<i32>(wEntry, 8)
      const first = (d0 * inHeight + h0) * inWidth + w0
      const to = row + <usize>i
      if (step > 0) {
        const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step))
        let best = loadSpaced(from + (<usize>first << 2), step)
        let index = i32x4.add(i32x4.splat(first), lanes)
        for (let d = d0; d < d1; d += dDilation) {
          for (let h = h0; h < h1; h += hDilation) {
            const line = (d * inHeight + h) * inWidth
            for (let w = w0; w < w1; w += wDilation) {
              const v = loadSpaced(from + (<usize>(line + w) << 2), step)
              const better = isBetter(v, best)
              best = v128.bitselect(v, best, better)
              index = v128.bitselect(i32x4.add(i32x4.splat(line + w), lanes), index, better)
            }
          }
        }
        v128.store(y + (to << 2), best)
        v128.store(indices + (to << 3), i64x2.extend_low_i32x4_s(index))
        v128.store(indices + (to << 3), i64x2.extend_high_i32x4_s(index), 16)
        i += 4
      } else {
        let best = load<f32>(from + (<usize>first << 2))
        let index = first
        for (let d = d0; d < d1; d += dDilation) {
          for (let h = h0; h < h1; h += hDilation) {
            const line = (d * inHeight + h) * inWidth
            for (let w = w0; w < w1; w += wDilation) {
              const v = load<f32>(from + (<usize>(line + w) << 2))
              if (v > best || v !== v) {
                best = v
                index = line + w
              }
            }
          }
        }
        store<f32>(y + (to << 2), best)
        store<i64>(indices + (to << 3), index)
        i++
      }
    }
  }
}

/** A block is a row of windows. Divisors (f32) axis by axis; a window's is the product of its three. */
export function avgPool(
  x: usize, y: usize,
  inDepth: i32, inHeight: i32, inWidth: i32, outDepth: i32, outHeight: i32, outWidth: i32,
  dDilation: i32, hDilation: i32, wDilation: i32, dTable: usize, hTable: usize, wTable: usize,
  dDivisors: usize, hDivisors: usize, wDivisors: usize,
  begin: i32, end: i32,
): void {
  const plane = <usize>(inDepth * inHeight * inWidth) << 2
  for (let block = begin; block < end; block++) {
    const od = <usize>(block / outHeight % outDepth), oh = <usize>(block % outHeight)
    const d0 = load<i32>(dTable + (od << 3)), d1 = load<i32>(dTable + (od << 3), 4)
    const h0 = load<i32>(hTable + (oh << 3)), h1 = load<i32>(hTable + (oh << 3), 4)
    const divisor = load<f32>(dDivisors + (od << 2)) * load<f32>(hDivisors + (oh << 2))
    const from = x + <usize>(block / outHeight / outDepth) * plane
    const row = y + (<usize>block * <usize>outWidth << 2)
    for (let i = 0; i < outWidth;) {
      i = nextWindow(i, outWidth, wTable)
      const wEntry = wTable + <usize>i * 12
      const w0 = load<i32>(wEntry), w1 = load<i32>(wEntry, 4), step = load<i32>(wEntry, 8)
      const to = row + (<usize>i << 2)
      const divisors = wDivisors + (<usize>i << 2)
      if (step > 0) {
        let sum = f32x4.splat(0)
        for (let d = d0; d < d1; d += dDilation) {
          for (let h = h0; h < h1; h += hDilation) {
            const line = from + (<usize>((d * inHeight + h) * inWidth) << 2)
            for (let w = w0; w < w1; w += wDilation) sum = f32x4.add(sum, loadSpaced(line + (<usize>w << 2), step))
          }
        }
        v128.store(to, f32x4.div(sum, f32x4.mul(f32x4.splat(divisor), v128.load(divisors))))
        i += 4
      } else {
        let sum: f64 = 0
        for (let d = d0; d < d1; d += dDilation) {
          for (let h = h0; h < h1; h += hDilation) {
            const line = from + (<usize>((d * inHeight + h) * inWidth) << 2)
            sum += rowSum(line + (<usize>w0 << 2), w1 - w0, wDilation)
          }
        }
        store<f32>(to, <f32>(sum / <f64>(divisor * load<f32>(divisors))))
        i++
      }
    }
  }
}

/** The sum of every `dilation`th of `count` elements. */
function rowSum(x: usize, count: i32, dilation: i32): f64 {
  let sum: f64 = 0
  let i = 0
  if (dilation === 1 && count >= 8) {
    let a = f64x2.splat(0), b = a, c = a, d = a
    for (; i + 8 <= count; i += 8, x += 32) {
      a = f64x2.add(a, f64x2.promote_low_f32x4(v128.load64_zero(x)))
      b = f64x2.add(b, f64x2.promote_low_f32x4(v128.load64_zero(x, 8)))
      c = f64x2.add(c, f64x2.promote_low_f32x4(v128.load64_zero(x, 16)))
      d = f64x2.add(d, f64x2.promote_low_f32x4(v128.load64_zero(x, 24)))
    }
    const all = f64x2.add(f64x2.add(a, b), f64x2.add(c, d))
    sum = f64x2.extract_lane(all, 0) + f64x2.extract_lane(all, 1)
  }
  for (const step = <usize>dilation << 2; i < count; i += dilation, x += step) sum += load<f32>(x)
  return sum
}

/** A block is a plane: windows that overlap add up in their order. */
export function avgPoolBackward(
  dy: usize, dx: usize,
  inDepth: i32, inHeight: i32, inWidth: i32, outDepth: i32, outHeight: i32, outWidth: i32,
  dDilation: i32, hDilation: i32, wDilation: i32, dTable: usize, hTable: usize, wTable: usize,
  dDivisors: usize, hDivisors: usize, wDivisors: usize,
  begin: i32, end: i32,
): void {
  const plane = <usize>(inDepth * inHeight * inWidth) << 2
  let from = dy + (<usize>begin * <usize>(outDepth * outHeight * outWidth) << 2)
  for (let block = begin; block < end; block++) {
    const to = dx + <usize>block * plane
    memory.fill(to, 0, plane)
    for (let od: usize = 0; od < <usize>outDepth; od++) {
      const d0 = load<i32>(dTable + (od << 3)), d1 = load<i32>(dTable + (od << 3), 4)
      for (let oh: usize = 0; oh < <usize>outHeight; oh++) {
        const h0 = load<i32>(hTable + (oh << 3)), h1 = load<i32>(hTable + (oh << 3), 4)
        const divisor = load<f32>(dDivisors + (od << 2)) * load<f32>(hDivisors + (oh << 2))
        for (let i: usize = 0; i < <usize>outWidth; i++, from += 4) {
          const wEntry = wTable + i * 12
          const w0 = load<i32>(wEntry), w1 = load<i32>(wEntry, 4)
          if (load<i32>(wEntry, 8) === 2 && w1 - w0 === 2 && wDilation === 1) {
            // Four pairs that touch each other.
            const shares = f32x4.div(v128.load(from), f32x4.mul(f32x4.splat(divisor), v128.load(wDivisors + (i << 2))))
            const low = v128.shuffle<f32>(shares, shares, 0, 0, 1, 1), high = v128.shuffle<f32>(shares, shares, 2, 2, 3, 3)
            for (let d = d0; d < d1; d += dDilation) {
              for (let h = h0; h < h1; h += hDilation) {
                const at = to + (<usize>((d * inHeight + h) * inWidth + w0) << 2)
                v128.store(at, f32x4.add(v128.load(at), low))
                v128.store(at, f32x4.add(v128.load(at, 16), high), 16)
              }
            }
            i += 3
            from += 12
            continue
          }
          const share = load<f32>(from) / (divisor * load<f32>(wDivisors + (i << 2)))
          for (let d = d0; d < d1; d += dDilation) {
            for (let h = h0; h < h1; h += hDilation) {
              addToRow(to + (<usize>((d * inHeight + h) * inWidth + w0) << 2), w1 - w0, wDilation, share)
            }
          }
        }
      }
    }
  }
}

/** Adds to every `dilation`th of `count` elements. */
@inline
function addToRow(y: usize, count: i32, dilation: i32, value: f32): void {
  let i = 0
  if (dilation === 1) {
    for (const v = f32x4.splat(value); i + 4 <= count; i += 4, y += 16) v128.store(y, f32x4.add(v128.load(y), v))
  }
  for (const step = <usize>dilation << 2; i < count; i += dilation, y += step) store<f32>(y, load<f32>(y) + value)
}
