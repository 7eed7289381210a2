/** What matrix product and convolution share. */

/** Longest run of products that one float32 accumulator takes: a panel of that depth (16 KiB) also stays in a first-level cache. */
export const DEPTH: i32 = 256

/** The sums of the lanes of a, b, c and d, as one vector: (lane 0 + lane 2) + (lane 1 + lane 3) of each. */
@inline
export function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

/** All ones in the first `lanes` (0 to 4) lanes. */
@inline
export function laneMask(lanes: i32): v128 {
  return v128.lt<i32>(i32x4(0, 1, 2, 3), i32x4.splat(lanes))
}
