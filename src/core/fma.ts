/**
 * Fused multiply-add, which JavaScript lacks: a·b + c rounded once. Where a compiler fused the last step of a recipe, the unfused
 * form differs in the last bit about every other time, so a bit-exact port needs it.
 */

const word = new Float64Array(1)
const bits = new BigInt64Array(word.buffer)

/**
 * `sum` rounded to odd, given the rounding error of `sum`: a later rounding to fewer bits then acts as if it had seen the exact value.
 * Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums", IEEE Transactions on Computers 57(4).
 */
function roundToOdd(sum: number, error: number): number {
  if (error === 0 || !Number.isFinite(sum)) return sum
  word[0] = sum
  // An odd last bit marks an inexact value already; an even one moves one step towards the exact value.
  if ((bits[0] & 1n) === 0n) bits[0] += error > 0 === sum > 0 ? 1n : -1n
  return word[0]
}

/** The rounding error of `sum = a + b` (Knuth's TwoSum). */
function sumError(a: number, b: number, sum: number): number {
  const t = sum - a
  return a - (sum - t) + (b - t)
}

/** a·b + c in float32, for arguments that are float32: the product of two such is exact in a double. */
export function fmaFloat32(a: number, b: number, c: number): number {
  const product = a * b
  const sum = product + c
  return Math.fround(roundToOdd(sum, sumError(product, c, sum)))
}

const splitter = 2 ** 27 + 1

/** The rounding error of `product = a·b` (Dekker's product, by Veltkamp's splitting into halves of 26 bits). */
function productError(a: number, b: number, product: number): number {
  const ca = splitter * a
  const aHigh = ca - (ca - a)
  const aLow = a - aHigh
  const cb = splitter * b
  const bHigh = cb - (cb - b)
  const bLow = b - bHigh
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)
}

/** a·b + c in float64, for arguments of ordinary size: above 2^996, or where the product is subnormal, the splitting loses its exactness. */
export function fma(a: number, b: number, c: number): number {
  const product = a * b
  const low = productError(a, b, product)
  const high = c + low
  const highError = sumError(c, low, high)
  const sum = product + high
  if (!Number.isFinite(sum)) return product + c
  const rest = sumError(product, high, sum)
  const tail = rest + highError
  return sum + roundToOdd(tail, sumError(rest, highError, tail))
}
