/**
 * The end of a run: its last one to three float32 elements as the first lanes of a vector, so that every element goes through the same
 * instructions wherever a run ends. Addresses may have any alignment.
 */

/** The first `count` (1 to 3) lanes from memory, the others 0. */
@inline export function loadFirst(address: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(address)
  const two = v128.load64_zero(address)
  return count == 2 ? two : v128.load_lane<f32>(address, two, 2, 8)
}

@inline export function storeFirst(address: usize, v: v128, count: i32): void {
  if (count == 1) v128.store_lane<f32>(address, v, 0)
  else {
    v128.store_lane<f64>(address, v, 0)
    if (count == 3) v128.store_lane<f32>(address, v, 2, 8)
  }
}

/** Lane masks as four bytes 0 or 1 in the lowest lane. */
@inline export function maskBytes(mask: v128): v128 {
  const halves = i16x8.narrow_i32x4_s(mask, mask)
  return v128.and(i8x16.narrow_i16x8_s(halves, halves), i8x16.splat(1))
}

/** Four bytes as lane masks: not 0 gives all bits. */
@inline export function bytesMask(bytes: v128): v128 {
  return i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)), i32x4.splat(0))
}

/** Lanes 0 and 1, or 2 and 3, as float64. */
@inline export function lowDoubles(v: v128): v128 { return f64x2.promote_low_f32x4(v) }
@inline export function highDoubles(v: v128): v128 { return f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0)) }

/** Two pairs of float64 as four float32. */
@inline export function demote(low: v128, high: v128): v128 {
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
}
@inline export function sumDoubles(v: v128): f64 { return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1) }

/** Mask of the first `count` lanes. */
@inline export function firstLanes(count: i32): v128 { return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)) }

/** A run's last `count` (1 to 3) lanes or a whole vector; the lanes behind are 0. */
@inline export function loadUpTo(address: usize, count: i32): v128 { return count >= 4 ? v128.load(address) : loadFirst(address, count) }
@inline export function storeUpTo(address: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(address, v)
  else storeFirst(address, v, count)
}

/**
 * The same for loops whose vectors are all whole but for one call behind them: with T = bool a whole vector, else the first `count` lanes. A
 * branch for each access would cost as much as the arithmetic.
 */
@inline export function loadPart<T>(address: usize, count: i32): v128 {
  if (isBoolean<T>()) return v128.load(address)
  return loadFirst(address, count)
}
@inline export function storePart<T>(address: usize, v: v128, count: i32): void {
  if (isBoolean<T>()) v128.store(address, v)
  else storeFirst(address, v, count)
}
