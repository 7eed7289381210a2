import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ResponseNormOptions } from '../../../src/kernels/contract.js'
import { load } from '../../../src/kernels/reference/access.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { responses } from '../../../src/kernels/wasm/response.js'
import { random, randomView, unwritten } from './views.js'

/** Both backends on the same data: every element within a few ulp of the largest. */
function compare(shape: readonly number[], options: ResponseNormOptions, seed: number, swapped = false): void {
  const draw = random(seed)
  const layout = swapped ? { order: [...shape.keys()].reverse(), step: 1, offset: 1 } : undefined
  const x = randomView(shape, draw, layout)
  const dy = randomView(shape, draw)
  const run = (kernels: typeof responses) => {
    const [y, scale, dx] = [unwritten(shape, seed % 4), unwritten(shape), unwritten(shape, seed % 3)]
    kernels.localResponseNorm(x, options, y, scale)
    kernels.localResponseNormBackward(dy, x, scale, options, dx)
    return [y, scale, dx].map((t) => load(t))
  }
  const [got, want] = [run(responses), run(reference)]
  got.forEach((values, i) => {
    const largest = want[i].reduce((m, v) => Math.max(m, Math.abs(v)), 0)
    const worst = values.reduce((m, v, k) => Math.max(m, Math.abs(v - want[i][k])), 0)
    expect(worst).toBeLessThanOrEqual(2e-6 * largest)
  })
}

const sizes = fc.record({ n: fc.integer({ min: 1, max: 3 }), channels: fc.integer({ min: 1, max: 9 }), length: fc.integer({ min: 1, max: 40 }) })
const options = fc.record({
  size: fc.integer({ min: 1, max: 12 }),
  alpha: fc.constantFrom(0, 1e-4, 0.7),
  beta: fc.constantFrom(0.75, 0.5, 1, 1.3, 0),
  k: fc.constantFrom(1, 2, 0.5),
})

describe('localResponseNorm', () => {
  test('any sizes, layouts and options', () => {
    fc.assert(
      fc.property(sizes, options, fc.nat(), fc.boolean(), ({ n, channels, length }, o, seed, swapped) => compare([n, channels, length], o, seed, swapped)),
    )
  })

  test('more positions than a block has', () => {
    for (const length of [512, 513, 1500]) compare([2, 5, length], { size: 5, alpha: 0.5, beta: 0.75, k: 2 }, 1)
  })

  test('a scale that may be negative gives NaN, as a power does', () => {
    compare([1, 3, 5], { size: 3, alpha: 0.1, beta: 2, k: -4 }, 2)
    const x = randomView([1, 3, 5], random(3))
    const [y, scale] = [unwritten([1, 3, 5]), unwritten([1, 3, 5])]
    responses.localResponseNorm(x, { size: 3, alpha: 0, beta: 0.75, k: -1 }, y, scale)
    expect(load(y).every(Number.isNaN)).toBe(true)
  })
})
