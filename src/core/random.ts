import { RuntimeError } from './errors.js'

/** Words of mt19937's state, and the distance between the two words that a new one mixes. */
const N = 624
const M = 397

/** Byte offsets in the state that PyTorch saves: a C struct of the seed, mt19937's 624 words as 64-bit numbers, and cached normals. */
const STATE_BYTES = 5056
const STATE = { seed: 0, left: 8, seeded: 12, next: 16, words: 24, normal: 24 + N * 8 + 8, normalValid: 24 + N * 8 + 24 } as const

/** What a new `Generator` starts from, as `torch.Generator()`. */
const DEFAULT_SEED = 67280421310721n

/**
 * Mixes the upper bit of `u` with the lower ones of `v` (Matsumoto and Nishimura 1998, equation 2.1).
 * The last term is a mask, not a choice: half of all branches on a random bit are predicted wrongly, which doubles the time.
 */
const twist = (u: number, v: number): number => (((u & 0x80000000) | (v & 0x7fffffff)) >>> 1) ^ (-(v & 1) & 0x9908b0df)

/**
 * PyTorch's CPU generator, bit for bit: mt19937 (Matsumoto and Nishimura 1998, ACM TOMACS 8(1)) and the second half of a pair of normals.
 * Equal seeds give equal numbers, here and in PyTorch. @see https://pytorch.org/docs/stable/generated/torch.Generator.html
 */
export class Generator {
  private readonly words = new Int32Array(N)
  /** Words not yet drawn, plus one. */
  private left = 1
  private next = 0
  private seedValue = 0n
  private cachedNormal: number | null = null

  constructor() {
    this.manualSeed(DEFAULT_SEED)
  }

  /**
   * Restarts from a seed. mt19937 uses its low 32 bits; a negative seed counts as 2⁶⁴ plus the seed.
   * @throws RuntimeError where it is no whole number from -2⁶³ to 2⁶⁴ - 1
   */
  manualSeed(seed: number | bigint): this {
    if (typeof seed !== 'bigint' && !Number.isInteger(seed))
      throw new RuntimeError(`manual_seed expected a long, but got ${typeof seed === 'number' ? seed : typeof seed}`)
    const value = BigInt(seed)
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new RuntimeError('Overflow when unpacking long')
    this.seedValue = BigInt.asUintN(64, value)
    const words = this.words
    words[0] = Number(BigInt.asIntN(32, value))
    for (let i = 1; i < N; i++) words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i
    this.left = 1
    this.next = 0
    this.cachedNormal = null
    return this
  }

  /** Restarts from a seed of the system's randomness and returns it (53 bits, as PyTorch). */
  seed(): bigint {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2))
    const seed = (BigInt(high & 0x1fffff) << 32n) | BigInt(low)
    this.manualSeed(seed)
    return seed
  }

  /** The seed it was last started from. */
  initialSeed(): bigint {
    return this.seedValue
  }

  /** A whole number from 0 to 2³² - 1. */
  random(): number {
    if (--this.left === 0) this.refill()
    let y = this.words[this.next++]
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  /** Fills `out` with the bits of as many calls of `random()`, in half their time. */
  fillWords(out: Int32Array): void {
    for (let at = 0; at < out.length; ) {
      if (this.left === 1) {
        this.refill()
        // As `random` leaves it: one more than the words that are left.
        this.left++
      }
      const { words, next } = this
      const n = Math.min(out.length - at, this.left - 1)
      for (let i = 0; i < n; i++) {
        let y = words[next + i]
        y ^= y >>> 11
        y ^= (y << 7) & 0x9d2c5680
        y ^= (y << 15) & 0xefc60000
        out[at + i] = y ^ (y >>> 18)
      }
      this.next += n
      this.left -= n
      at += n
    }
  }

  /**
   * Lets `draw` draw words by itself: it gets the state's words, which it may change, and how many of them are drawn.
   * @param draw returns how many are drawn then
   */
  exchange(draw: (words: Int32Array, drawn: number) => number): void {
    this.next = draw(this.words, this.left === 1 ? N : this.next)
    this.left = N + 1 - this.next
  }

  /** A whole number from 0 to 2⁶⁴ - 1; the first of two draws is the upper half. */
  random64(): bigint {
    const high = this.random()
    return (BigInt(high) << 32n) | BigInt(this.random())
  }

  /** A multiple of 2⁻⁵³ in [0, 1): the lower 53 bits of a 64-bit draw. */
  uniform(): number {
    const high = this.random() & 0x1fffff
    return (high * 2 ** 32 + this.random()) * 2 ** -53
  }

  /** A standard normal. Box-Muller makes two at a time; the second is kept for the next call. */
  normal(): number {
    const cached = this.cachedNormal
    if (cached !== null) {
      this.cachedNormal = null
      return cached
    }
    const theta = 2 * Math.PI * this.uniform()
    const radius = Math.sqrt(-2 * Math.log1p(-this.uniform()))
    this.cachedNormal = radius * Math.sin(theta)
    return radius * Math.cos(theta)
  }

  /** The state as the bytes of `torch.Generator.get_state()`. */
  getState(): Uint8Array {
    const bytes = new Uint8Array(STATE_BYTES)
    const view = new DataView(bytes.buffer)
    view.setBigUint64(STATE.seed, this.seedValue, true)
    view.setInt32(STATE.left, this.left, true)
    view.setInt32(STATE.seeded, 1, true)
    view.setUint32(STATE.next, this.next, true)
    for (let i = 0; i < N; i++) view.setInt32(STATE.words + 8 * i, this.words[i], true)
    if (this.cachedNormal !== null) {
      view.setFloat64(STATE.normal, this.cachedNormal, true)
      view.setInt32(STATE.normalValid, 1, true)
    }
    return bytes
  }

  /** Goes on from bytes of `getState()` or of `torch.Generator.get_state()`. @throws RuntimeError where they are no such state; nothing changes then. */
  setState(state: Uint8Array): this {
    if (!(state instanceof Uint8Array)) throw new TypeError(`RNG state must be a torch.ByteTensor, here a Uint8Array of ${STATE_BYTES} bytes`)
    if (state.length !== STATE_BYTES) {
      throw new RuntimeError(`Expected a CPUGeneratorImplState of size ${STATE_BYTES} but found the input RNG state size to be ${state.length}`)
    }
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength)
    const left = view.getInt32(STATE.left, true)
    const next = view.getUint32(STATE.next, true)
    if (view.getInt32(STATE.seeded, true) === 0 || left < 1 || left > N || next > N || (left > 1 && next + left - 1 > N))
      throw new RuntimeError('Invalid mt19937 state')
    this.left = left
    this.next = next
    this.seedValue = view.getBigUint64(STATE.seed, true)
    for (let i = 0; i < N; i++) this.words[i] = view.getInt32(STATE.words + 8 * i, true)
    this.cachedNormal = view.getInt32(STATE.normalValid, true) ? view.getFloat64(STATE.normal, true) : null
    return this
  }

  /** Another generator in the same state. */
  clone(): Generator {
    return new Generator().setState(this.getState())
  }

  private refill(): void {
    const w = this.words
    let i = 0
    for (; i < N - M; i++) w[i] = w[i + M] ^ twist(w[i], w[i + 1])
    for (; i < N - 1; i++) w[i] = w[i + M - N] ^ twist(w[i], w[i + 1])
    w[N - 1] = w[M - 1] ^ twist(w[N - 1], w[0])
    this.left = N
    this.next = 0
  }
}

let standard: Generator | undefined

/** What every random function draws from unless given another: seeded from the system's randomness when it is first asked for, as that takes longer than loading. */
export function defaultGenerator(): Generator {
  if (!standard) {
    standard = new Generator()
    standard.seed()
  }
  return standard
}

/** Restarts the default generator from a seed: the same seed gives PyTorch's own numbers, initial weights and batches. */
export const manualSeed = (seed: number | bigint): Generator => defaultGenerator().manualSeed(seed)
