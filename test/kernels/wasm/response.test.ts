import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Tensor } from '../../../src/core/tensor.js'
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

  test('few positions: neighbouring channels are one run, but for those at the ends', () => {
    for (const length of [1, 2, 3, 7]) {
      for (const size of [1, 2, 3, 4, 5, 8, 9]) {
        for (const channels of [1, 3, size - 1, size, size + 1, 37]) {
          if (channels > 0) compare([2, channels, length], { size, alpha: 0.5, beta: 0.75, k: 2 }, channels + size)
        }
      }
    }
  })

  test('a channel has the same bits wherever it lies: rows of channels and their transpose', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }), options, fc.nat(), (samples, channels, o, seed) => {
        const rows = randomView([samples, channels, 1], random(seed))
        const columns = new Tensor(rows.storage, 'float32', [1, channels, samples], [0, 1, channels], rows.offset)
        const run = (x: Tensor) => {
          const [y, scale, dx] = [unwritten(x.shape), unwritten(x.shape), unwritten(x.shape)]
          responses.localResponseNorm(x, o, y, scale)
          responses.localResponseNormBackward(x, x, scale, o, dx)
          return [y, scale, dx].map((t) => load(t))
        }
        const [got, want] = [run(rows), run(columns)]
        got.forEach((values, i) => {
          expect([...values]).toEqual([...values.keys()].map((at) => want[i][(at % channels) * samples + Math.floor(at / channels)]))
        })
      }),
    )
  })

  test('a scale that may be negative gives NaN, as a power does', () => {
    compare([1, 3, 5], { size: 3, alpha: 0.1, beta: 2, k: -4 }, 2)
    const x = randomView([1, 3, 5], random(3))
    const [y, scale] = [unwritten([1, 3, 5]), unwritten([1, 3, 5])]
    responses.localResponseNorm(x, { size: 3, alpha: 0, beta: 0.75, k: -1 }, y, scale)
    expect(load(y).every(Number.isNaN)).toBe(true)
  })
})
