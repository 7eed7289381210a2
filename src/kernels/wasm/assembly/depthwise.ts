/**
 * Depthwise convolution of 3 x 3 with neighbouring columns, forward (the input gradient is the same with turned weights) and weight gradient:
 *
 *   y[p]  = bias + sum_ij w[i][j] x[p + i rowStep + j]        dw[i][j] = sum_p dy[p] x[p + i rowStep + j]
 *
 * A tile of conv.ts would have a single row here, and load as much as it computes; nine weights, or nine sums, stay in registers instead.
 * The planes, where there is a stride or another padding, are those of conv.ts with one channel a group: [N * channels][height][row], rows `xRow` bytes apart, x the first tap of the first
 * output. y and dy are contiguous, [N * channels][height][width]. float32; sums in float32, the weight gradient's over rows of at most DEPTH
 * products a lane, then stretch by stretch.
 * Tails: y's last vector overlaps the one before, so width is at least 4; the weight gradient masks both operands beyond a row's end.
 */
import { DEPTH, laneMask, sums } from './vectors'

/** The nine products of four positions. */
@inline
function window(
  x0: usize, x1: usize, x2: usize,
  w0: v128, w1: v128, w2: v128, w3: v128, w4: v128, w5: v128, w6: v128, w7: v128, w8: v128, bias: v128,
): v128 {
  const a = f32x4.add(f32x4.add(f32x4.mul(w0, v128.load(x0)), f32x4.mul(w1, v128.load(x0, 4))), f32x4.mul(w2, v128.load(x0, 8)))
  const b = f32x4.add(f32x4.add(f32x4.mul(w3, v128.load(x1)), f32x4.mul(w4, v128.load(x1, 4))), f32x4.mul(w5, v128.load(x1, 8)))
  const c = f32x4.add(f32x4.add(f32x4.mul(w6, v128.load(x2)), f32x4.mul(w7, v128.load(x2, 4))), f32x4.mul(w8, v128.load(x2, 8)))
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, bias))
}

/** A block is an image: a channel of a sample. */
export function depthwise3x3(
  x: usize, xImage: usize, xRow: usize, rowStep: usize, weights: usize, bias: usize, y: usize,
  channels: i32, height: i32, width: i32,
  begin: i32, end: i32,
): void {
  const yRow = <usize>width << 2
  const last = yRow - 16
  let yi = y + <usize>(begin * height) * yRow
  for (let block = begin; block < end; block++) {
    const channel = <usize>(block % channels)
    const w = weights + channel * 36
    const w0 = v128.load32_splat(w), w1 = v128.load32_splat(w, 4), w2 = v128.load32_splat(w, 8)
    const w3 = v128.load32_splat(w, 12), w4 = v128.load32_splat(w, 16), w5 = v128.load32_splat(w, 20)
    const w6 = v128.load32_splat(w, 24), w7 = v128.load32_splat(w, 28), w8 = v128.load32_splat(w, 32)
    const b = bias ? v128.load32_splat(bias + (channel << 2)) : f32x4.splat(0)
    let xi = x + <usize>block * xImage
    for (let row = 0; row < height; row++, xi += xRow, yi += yRow) {
      const x1 = xi + rowStep, x2 = x1 + rowStep
      for (let at: usize = 0; at < last; at += 16) {
        v128.store(yi + at, window(xi + at, x1 + at, x2 + at, w0, w1, w2, w3, w4, w5, w6, w7, w8, b))
      }
      v128.store(yi + last, window(xi + last, x1 + last, x2 + last, w0, w1, w2, w3, w4, w5, w6, w7, w8, b))
    }
  }
}

/** The first vector of a row has nothing to its left, the last one nothing to its right: masks for what is read there. */
@inline
function edge(
  x0: usize, x1: usize, x2: usize, left: v128, right: v128,
  w0: v128, w1: v128, w2: v128, w3: v128, w4: v128, w5: v128, w6: v128, w7: v128, w8: v128, bias: v128,
): v128 {
  const a = f32x4.add(f32x4.add(f32x4.mul(w0, v128.and(left, v128.load(x0))), f32x4.mul(w1, v128.load(x0, 4))), f32x4.mul(w2, v128.and(right, v128.load(x0, 8))))
  const b = f32x4.add(f32x4.add(f32x4.mul(w3, v128.and(left, v128.load(x1))), f32x4.mul(w4, v128.load(x1, 4))), f32x4.mul(w5, v128.and(right, v128.load(x1, 8))))
  const c = f32x4.add(f32x4.add(f32x4.mul(w6, v128.and(left, v128.load(x2))), f32x4.mul(w7, v128.load(x2, 4))), f32x4.mul(w8, v128.and(right, v128.load(x2, 8))))
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, bias))
}

/**
 * The same from the image itself, contiguous [N * channels][height][width], where the padding is 1 and the stride 1: the same bits. `zeros` is the
 * row above the first one and below the last, readable 4 bytes before it and behind. A block is an image.
 */
export function depthwisePadded(
  x: usize, zeros: usize, weights: usize, bias: usize, y: usize,
  channels: i32, height: i32, width: i32,
  begin: i32, end: i32,
): void {
  const rowBytes = <usize>width << 2
  const last = rowBytes - 16
  const all = i32x4.splat(-1)
  const left = i32x4(0, -1, -1, -1), right = i32x4(-1, -1, -1, 0)
  let xi = x + <usize>(begin * height) * rowBytes - 4
  let yi = y + <usize>(begin * height) * rowBytes
  for (let block = begin; block < end; block++) {
    const channel = <usize>(block % channels)
    const w = weights + channel * 36
    const w0 = v128.load32_splat(w), w1 = v128.load32_splat(w, 4), w2 = v128.load32_splat(w, 8)
    const w3 = v128.load32_splat(w, 12), w4 = v128.load32_splat(w, 16), w5 = v128.load32_splat(w, 20)
    const w6 = v128.load32_splat(w, 24), w7 = v128.load32_splat(w, 28), w8 = v128.load32_splat(w, 32)
    const b = bias ? v128.load32_splat(bias + (channel << 2)) : f32x4.splat(0)
    let above = zeros - 4
    for (let row = 1; row <= height; row++, above = xi, xi += rowBytes, yi += rowBytes) {
      const below = row < height ? xi + rowBytes : zeros - 4
      v128.store(yi, edge(above, xi, below, left, last ? all : right, w0, w1, w2, w3, w4, w5, w6, w7, w8, b))
      for (let at: usize = 16; at < last; at += 16) {
        v128.store(yi + at, window(above + at, xi + at, below + at, w0, w1, w2, w3, w4, w5, w6, w7, w8, b))
      }
      if (last) v128.store(yi + last, edge(above + last, xi + last, below + last, all, right, w0, w1, w2, w3, w4, w5, w6, w7, w8, b))
    }
  }
}

/** dw [channels][3][3] += what `batches` samples give. A block is a channel; its samples are summed one by one, in order. */
export function depthwise3x3WeightGrad(
  x: usize, xImage: usize, xRow: usize, rowStep: usize, dy: usize, dw: usize,
  batches: i32, channels: i32, height: i32, width: i32,
  begin: i32, end: i32,
): void {
  const yRow = <usize>width << 2
  const whole = yRow & ~15
  const mask = laneMask(width & 3)
  const stretch = max(1, 4 * DEPTH / width)
  for (let block = begin; block < end; block++) {
    const w = dw + <usize>block * 36
    for (let sample = 0; sample < batches; sample++) {
      const image = <usize>(sample * channels + block)
      let xi = x + image * xImage
      let yi = dy + image * <usize>height * yRow
      for (let first = 0; first < height; first += stretch) {
        const stop = min(height, first + stretch)
        let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0
        for (let row = first; row < stop; row++, xi += xRow, yi += yRow) {
          const x1 = xi + rowStep, x2 = x1 + rowStep
          for (let at: usize = 0; at < whole; at += 16) {
            const g = v128.load(yi + at)
            s0 = f32x4.add(s0, f32x4.mul(g, v128.load(xi + at)))
            s1 = f32x4.add(s1, f32x4.mul(g, v128.load(xi + at, 4)))
            s2 = f32x4.add(s2, f32x4.mul(g, v128.load(xi + at, 8)))
            s3 = f32x4.add(s3, f32x4.mul(g, v128.load(x1 + at)))
            s4 = f32x4.add(s4, f32x4.mul(g, v128.load(x1 + at, 4)))
            s5 = f32x4.add(s5, f32x4.mul(g, v128.load(x1 + at, 8)))
            s6 = f32x4.add(s6, f32x4.mul(g, v128.load(x2 + at)))
            s7 = f32x4.add(s7, f32x4.mul(g, v128.load(x2 + at, 4)))
            s8 = f32x4.add(s8, f32x4.mul(g, v128.load(x2 + at, 8)))
          }
          if (whole < yRow) {
            const g = v128.and(mask, v128.load(yi + whole))
            const p0 = xi + whole, p1 = x1 + whole, p2 = x2 + whole
            s0 = f32x4.add(s0, f32x4.mul(g, v128.and(mask, v128.load(p0))))
            s1 = f32x4.add(s1, f32x4.mul(g, v128.and(mask, v128.load(p0, 4))))
            s2 = f32x4.add(s2, f32x4.mul(g, v128.and(mask, v128.load(p0, 8))))
            s3 = f32x4.add(s3, f32x4.mul(g, v128.and(mask, v128.load(p1))))
            s4 = f32x4.add(s4, f32x4.mul(g, v128.and(mask, v128.load(p1, 4))))
            s5 = f32x4.add(s5, f32x4.mul(g, v128.and(mask, v128.load(p1, 8))))
            s6 = f32x4.add(s6, f32x4.mul(g, v128.and(mask, v128.load(p2))))
            s7 = f32x4.add(s7, f32x4.mul(g, v128.and(mask, v128.load(p2, 4))))
            s8 = f32x4.add(s8, f32x4.mul(g, v128.and(mask, v128.load(p2, 8))))
          }
        }
        v128.store(w, f32x4.add(v128.load(w), sums(s0, s1, s2, s3)))
        v128.store(w, f32x4.add(v128.load(w, 16), sums(s4, s5, s6, s7)), 16)
        store<f32>(w, load<f32>(w, 32) + f32x4.extract_lane(sums(s8, s8, s8, s8), 0), 32)
      }
    }
  }
}

/** The same from the image itself, as depthwisePadded reads it: the same bits. */
export function depthwisePaddedWeightGrad(
  x: usize, zeros: usize, dy: usize, dw: usize,
  batches: i32, channels: i32, height: i32, width: i32,
  begin: i32, end: i32,
): void {
  const rowBytes = <usize>width << 2
  const last = (rowBytes - 1) & ~15
  const lanes = ((width - 1) & 3) + 1
  const whole = laneMask(4), left = i32x4(0, -1, -1, -1)
  const stretch = max(1, 4 * DEPTH / width)
  for (let block = begin; block < end; block++) {
    const w = dw + <usize>block * 36
    for (let sample = 0; sample < batches; sample++) {
      const image = <usize>((sample * channels + block) * height) * rowBytes
      let xi = x + image - 4
      let yi = dy + image
      let above = zeros - 4
      for (let first = 0; first < height; first += stretch) {
        const stop = min(height, first + stretch)
        let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0
        for (let row = first + 1; row <= stop; row++, above = xi, xi += rowBytes, yi += rowBytes) {
          const below = row < height ? xi + rowBytes : zeros - 4
          for (let at: usize = 0; at <= last; at += 16) {
            if (at > 0 && at < last) {
              const g = v128.load(yi + at)
              s0 = f32x4.add(s0, f32x4.mul(g, v128.load(above + at)))
              s1 = f32x4.add(s1, f32x4.mul(g, v128.load(above + at, 4)))
              s2 = f32x4.add(s2, f32x4.mul(g, v128.load(above + at, 8)))
              s3 = f32x4.add(s3, f32x4.mul(g, v128.load(xi + at)))
              s4 = f32x4.add(s4, f32x4.mul(g, v128.load(xi + at, 4)))
              s5 = f32x4.add(s5, f32x4.mul(g, v128.load(xi + at, 8)))
              s6 = f32x4.add(s6, f32x4.mul(g, v128.load(below + at)))
              s7 = f32x4.add(s7, f32x4.mul(g, v128.load(below + at, 4)))
              s8 = f32x4.add(s8, f32x4.mul(g, v128.load(below + at, 8)))
            } else {
              const here = at < last ? whole : laneMask(lanes)
              const behind = at < last ? whole : laneMask(lanes - 1)
              const before = at > 0 ? here : v128.and(here, left)
              const g = v128.and(here, v128.load(yi + at))
              s0 = f32x4.add(s0, f32x4.mul(g, v128.and(before, v128.load(above + at))))
              s1 = f32x4.add(s1, f32x4.mul(g, v128.and(here, v128.load(above + at, 4))))
              s2 = f32x4.add(s2, f32x4.mul(g, v128.and(behind, v128.load(above + at, 8))))
              s3 = f32x4.add(s3, f32x4.mul(g, v128.and(before, v128.load(xi + at))))
              s4 = f32x4.add(s4, f32x4.mul(g, v128.and(here, v128.load(xi + at, 4))))
              s5 = f32x4.add(s5, f32x4.mul(g, v128.and(behind, v128.load(xi + at, 8))))
              s6 = f32x4.add(s6, f32x4.mul(g, v128.and(before, v128.load(below + at))))
              s7 = f32x4.add(s7, f32x4.mul(g, v128.and(here, v128.load(below + at, 4))))
              s8 = f32x4.add(s8, f32x4.mul(g, v128.and(behind, v128.load(below + at, 8))))
            }
          }
        }
        v128.store(w, f32x4.add(v128.load(w), sums(s0, s1, s2, s3)))
        v128.store(w, f32x4.add(v128.load(w, 16), sums(s4, s5, s6, s7)), 16)
        store<f32>(w, load<f32>(w, 32) + f32x4.extract_lane(sums(s8, s8, s8, s8), 0), 32)
      }
    }
  }
}
