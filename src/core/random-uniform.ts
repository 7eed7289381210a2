import type { Generator } from './random.js'

/** Uniforms are drawn a piece at a time: a call for each number would take longer than the number. */
const PIECE = 1248
const words = new Int32Array(2 * PIECE)
const uniforms = new Float64Array(PIECE)

/**
 * Draws `count` uniforms in [0, 1): multiples of 2⁻⁵³ as `generator.uniform()` gives them, or for fewer `digits` the lower ones of a word each.
 * @param use gets them piece by piece, `n` from number `from` on; it must not draw itself
 */
export function forUniforms(generator: Generator, digits: number, count: number, use: (values: Float64Array, from: number, n: number) => void): void {
  const mask = 2 ** digits - 1
  const scale = 2 ** -digits
  for (let from = 0; from < count; from += PIECE) {
    const n = Math.min(PIECE, count - from)
    if (digits === 53) {
      generator.fillWords(words.subarray(0, 2 * n))
      for (let i = 0; i < n; i++) uniforms[i] = ((words[2 * i] & 0x1fffff) * 2 ** 32 + (words[2 * i + 1] >>> 0)) * 2 ** -53
    } else {
      generator.fillWords(words.subarray(0, n))
      for (let i = 0; i < n; i++) uniforms[i] = (words[i] & mask) * scale
    }
    use(uniforms, from, n)
  }
}
