/**
 * Elements and slices by index. Indices are i64; all tensors are contiguous float32, [rows][along the axis][inner]. Where an index lies outside, nothing
 * is written for it and `failed` (i32) becomes 1.
 */
import { loadUpTo, storeUpTo } from './lanes'

/** Elements of a slice that a block of `addSlices` takes: each is summed by one thread, in the order of the indices. */
const RUN: i32 = 64

/** out [rows][count][inner] = x [rows][size][inner] at index [count]. A block is a slice of out. */
export function selectSlices(
  x: usize, index: usize, out: usize, size: i32, count: i32, inner: i32, failed: usize,
  begin: i32, end: i32,
): void {
  const bytes = <usize>inner << 2
  let y = out + <usize>begin * bytes
  for (let block = begin; block < end; block++, y += bytes) {
    const at = load<u64>(index + (<usize>(block % count) << 3))
    if (at >= <u64>size) {
      store<i32>(failed, 1)
      continue
    }
    const from = x + (<usize>(block / count) * <usize>size + <usize>at) * bytes
    if (inner === 1) store<f32>(y, load<f32>(from))
    else memory.copy(y, from, bytes)
  }
}

/** target [rows][size][inner] at index [count] += src [rows][count][inner]. A block is RUN elements of the slices of a row. */
export function addSlices(
  target: usize, index: usize, src: usize, size: i32, count: i32, inner: i32, failed: usize,
  begin: i32, end: i32,
): void {
  const bytes = <usize>inner << 2
  const runs = (inner + RUN - 1) / RUN
  for (let block = begin; block < end; block++) {
    const row = <usize>(block / runs)
    const first = (block % runs) * RUN
    const length = min(RUN, inner - first)
    const to = target + row * <usize>size * bytes + (<usize>first << 2)
    let from = src + row * <usize>count * bytes + (<usize>first << 2)
    for (let k = 0; k < count; k++, from += bytes) {
      const at = load<u64>(index + (<usize>k << 3))
      if (at >= <u64>size) {
        store<i32>(failed, 1)
        continue
      }
      let x = from
      let y = to + <usize>at * bytes
      for (let left = length; left > 0; left -= 4, x += 16, y += 16) storeUpTo(y, f32x4.add(loadUpTo(y, left), loadUpTo(x, left)), left)
    }
  }
}

/** target [rows][size][inner] at index [rows][count][inner] = or += src [rows][count][inner]. A block is a row. */
export function scatter(
  target: usize, index: usize, src: usize, size: i32, count: i32, inner: i32, add: bool, failed: usize,
  begin: i32, end: i32,
): void {
  const elements = <usize>count * <usize>inner
  for (let block = begin; block < end; block++) {
    const to = target + (<usize>block * <usize>size * <usize>inner << 2)
    let i = index + (<usize>block * elements << 3)
    let s = src + (<usize>block * elements << 2)
    for (let k = 0; k < count; k++) {
      for (let j: usize = 0; j < <usize>inner; j++, i += 8, s += 4) {
        const at = load<u64>(i)
        if (at >= <u64>size) {
          store<i32>(failed, 1)
          continue
        }
        const place = to + (<usize>at * <usize>inner + j << 2)
        store<f32>(place, add ? load<f32>(place) + load<f32>(s) : load<f32>(s))
      }
    }
  }
}

/** out [rows][count][inner] = x [rows][size][inner] at index [rows][count][inner]. A block is a row. */
export function gather(
  x: usize, index: usize, out: usize, size: i32, count: i32, inner: i32, failed: usize,
  begin: i32, end: i32,
): void {
  const elements = <usize>count * <usize>inner
  for (let block = begin; block < end; block++) {
    const from = x + (<usize>block * <usize>size * <usize>inner << 2)
    let i = index + (<usize>block * elements << 3)
    let y = out + (<usize>block * elements << 2)
    for (let k = 0; k < count; k++) {
      for (let j: usize = 0; j < <usize>inner; j++, i += 8, y += 4) {
        const at = load<u64>(i)
        if (at >= <u64>size) {
          store<i32>(failed, 1)
          continue
        }
        store<f32>(y, load<f32>(from + (<usize>at * <usize>inner + j << 2)))
      }
    }
  }
}
