/** Elements of a block where a kernel's work is one element at a time: 16 KiB, a third of a first-level cache. */
export const BLOCK: i32 = 4096

/** y[i] = value. Contiguous float32, any alignment. */
export function fill(y: usize, value: f32, n: i32, begin: i32, end: i32): void {
  const stop = min(n, end * BLOCK)
  const v = f32x4.splat(value)
  let i = begin * BLOCK
  for (const last = stop - 3; i < last; i += 4) v128.store(y + (<usize>i << 2), v)
  for (; i < stop; i++) store<f32>(y + (<usize>i << 2), value)
}
