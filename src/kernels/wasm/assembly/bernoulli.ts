import { maskBytes } from './lanes'

/**
 * mt19937 (Matsumoto and Nishimura 1998) with its words drawn four at a time: the state's 624 words, behind them the number of those that are drawn.
 * Bits are those of core/random.ts.
 */

const N: i32 = 624
const M: i32 = 397
const NEXT: usize = <usize>N << 2

@inline function twist(u: v128, v: v128): v128 {
  const mixed = v128.or(v128.and(u, i32x4.splat(0x80000000)), v128.and(v, i32x4.splat(0x7fffffff)))
  const odd = i32x4.neg(v128.and(v, i32x4.splat(1)))
  return v128.xor(i32x4.shr_u(mixed, 1), v128.and(odd, i32x4.splat(0x9908b0df)))
}

/** One word, u and v being its own and the next; `other` is the one that it is mixed with. */
@inline function twistWord(at: usize, v: usize, other: usize): void {
  const mixed = (load<u32>(at) & 0x80000000) | (load<u32>(v) & 0x7fffffff)
  store<u32>(at, load<u32>(other) ^ (mixed >> 1) ^ (-(load<u32>(v) & 1) & 0x9908b0df))
}

function refill(state: usize): void {
  let p = state
  for (let i = 0; i < N - M - 3; i += 4, p += 16) v128.store(p, v128.xor(v128.load(p, M << 2), twist(v128.load(p), v128.load(p, 4))))
  for (let i = 0; i < 3; i++, p += 4) twistWord(p, p + 4, p + (M << 2))
  const back = <usize>(N - M) << 2
  for (let i = N - M; i < N - 1; i += 4, p += 16) v128.store(p, v128.xor(v128.load(p - back), twist(v128.load(p), v128.load(p, 4))))
  twistWord(p, state, p - back)
}

@inline function temper(y: v128): v128 {
  y = v128.xor(y, i32x4.shr_u(y, 11))
  y = v128.xor(y, v128.and(i32x4.shl(y, 7), i32x4.splat(0x9d2c5680)))
  y = v128.xor(y, v128.and(i32x4.shl(y, 15), i32x4.splat(0xefc60000)))
  return v128.xor(y, i32x4.shr_u(y, 18))
}

function word(state: usize): u32 {
  let next = load<i32>(state, NEXT)
  if (next == N) {
    refill(state)
    next = 0
  }
  store<i32>(state, next + 1, NEXT)
  return i32x4.extract_lane(temper(v128.load32_zero(state + (<usize>next << 2))), 0)
}

/**
 * y[i] = 1 where a uniform of 53 bits, drawn in the order of the elements, is below threshold 2^-53, else 0. y is float32, or bytes where `bytes` is
 * set. Drawing goes one after another: there is one block.
 */
export function bernoulli(state: usize, y: usize, n: i32, threshold: f64, bytes: i32, begin: i32, end: i32): void {
  const limit = f64x2.splat(threshold)
  const scale = f64x2.splat(4294967296)
  const one = f32x4.splat(1)
  while (n > 0) {
    let next = load<i32>(state, NEXT)
    for (; n >= 4 && next + 8 <= N; n -= 4, next += 8) {
      const p = state + (<usize>next << 2)
      const a = temper(v128.load(p))
      const b = temper(v128.load(p, 16))
      const high = v128.and(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.splat(0x1fffff))
      const low = i32x4.shuffle(a, b, 1, 3, 5, 7)
      const u = f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_u(high), scale), f64x2.convert_low_i32x4_u(low))
      const v = f64x2.add(
        f64x2.mul(f64x2.convert_low_i32x4_u(i64x2.shuffle(high, high, 1, 0)), scale),
        f64x2.convert_low_i32x4_u(i64x2.shuffle(low, low, 1, 0)),
      )
      const mask = i32x4.shuffle(f64x2.lt(u, limit), f64x2.lt(v, limit), 0, 2, 4, 6)
      if (bytes) {
        v128.store_lane<u32>(y, maskBytes(mask), 0)
        y += 4
      } else {
        v128.store(y, v128.and(mask, one))
        y += 16
      }
    }
    store<i32>(state, next, NEXT)
    // The last elements, and those whose words lie on both sides of a refill.
    for (let i = min(n, 4); i > 0; i--, n--) {
      const high = <f64>(word(state) & 0x1fffff)
      const isOne = high * 4294967296 + <f64>word(state) < threshold
      if (bytes) {
        store<u8>(y, isOne ? 1 : 0)
        y += 1
      } else {
        store<f32>(y, isOne ? 1 : 0)
        y += 4
      }
    }
  }
}
