import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyTensor, type Tensor } from '../../../src/core/tensor.js'
import type { RowNormGeometry } from '../../../src/kernels/contract.js'
import { load } from '../../../src/kernels/reference/access.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { norms } from '../../../src/kernels/wasm/norm.js'
import { type Layout, random, randomView, unwritten } from './views.js'

/** How a case's data lie: `offset + scale * noise`, views of `layout`. */
interface Data {
  readonly offset: number
  readonly scale: number
  readonly seed: number
  readonly layout?: Layout
}

function values(shape: readonly number[], { offset, scale, layout }: Data, draw: () => number): Tensor {
  const x = randomView(shape, draw, layout)
  const all = x.storage.array('float32') as Float32Array
  for (let i = 0; i < all.length; i++) all[i] = offset + scale * all[i]
  return x
}

/** Largest difference, in units of `unit` plus float32's own rounding of the expected value. */
function worst(actual: Tensor, expected: Tensor, unit: number): number {
  const [a, e] = [load(actual), load(expected)]
  return e.reduce((most, value, i) => {
    if (a[i] === value || (Number.isNaN(a[i]) && Number.isNaN(value))) return most
    const d = Math.abs(a[i] - value) / (unit + 2e-7 * Math.abs(value))
    return Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(most, d)
  }, 0)
}

const largest = (x: Tensor | null): number => (x === null ? 1 : load(x).reduce((m, v) => Math.max(m, Math.abs(v)), 0))
const double = (n: number): Tensor => emptyTensor([n], 'float64')

/**
 * Forward results are within a few ulp of the largest; gradients of x within a few ulp of the largest term, as they may cancel to nothing;
 * those of the parameters within what sums of n rounded terms may lose.
 */
function checkGradients(dx: [Tensor, Tensor], dw: [Tensor, Tensor], db: [Tensor, Tensor], dy: Tensor, weight: Tensor | null, rstd: Tensor, n: number): void {
  const term = largest(dy) * largest(weight) * largest(rstd)
  expect(worst(dx[0], dx[1], 2e-6 * term)).toBeLessThanOrEqual(1)
  const sum = 1e-7 * largest(dy) * Math.sqrt(n)
  expect(worst(dw[0], dw[1], 4 * sum)).toBeLessThanOrEqual(1)
  expect(worst(db[0], db[1], 4 * sum)).toBeLessThanOrEqual(1)
}

function checkBatchNorm(n: number, channels: number, size: number, data: Data, { affine = true, eps = 1e-5 } = {}): void {
  const shape = [n, channels, size]
  const draw = random(data.seed)
  const x = values(shape, data, draw)
  const dy = values(shape, { ...data, offset: 0.1, scale: 1 }, draw)
  const weight = affine ? randomView([channels], draw, { offset: data.seed % 3 }) : null
  const bias = affine ? randomView([channels], draw) : null
  const forward = (kernels: typeof norms) => {
    const [y, mean, rstd] = [unwritten(shape, data.seed % 4), double(channels), double(channels)]
    const running = { mean: randomView([channels], random(1)), variance: randomView([channels], random(2)), momentum: 0.3 }
    kernels.batchNorm(x, weight, bias, running, eps, y, mean, rstd)
    const inferred = unwritten(shape)
    kernels.batchNormInference(x, weight, bias, mean, rstd, inferred)
    return { y, mean, rstd, running, inferred }
  }
  const actual = forward(norms)
  const expected = forward(reference)
  expect(worst(actual.mean, expected.mean, 1e-7 * data.scale)).toBeLessThanOrEqual(1)
  expect(worst(actual.rstd, expected.rstd, 0)).toBeLessThanOrEqual(2)
  const unit = 3e-7 * largest(expected.y)
  expect(worst(actual.y, expected.y, unit)).toBeLessThanOrEqual(1)
  expect(worst(actual.inferred, expected.inferred, unit)).toBeLessThanOrEqual(1)
  expect(worst(actual.running.mean, expected.running.mean, 1e-7)).toBeLessThanOrEqual(1)
  if (n * size > 1) expect(worst(actual.running.variance, expected.running.variance, 1e-7)).toBeLessThanOrEqual(1)

  for (const training of [true, false]) {
    const backward = (kernels: typeof norms) => {
      const [dx, dw, db] = [unwritten(shape, data.seed % 3), unwritten([channels]), unwritten([channels])]
      kernels.batchNormBackward(dy, x, weight, expected.mean, expected.rstd, training, dx, dw, db)
      return { dx, dw, db }
    }
    const [a, e] = [backward(norms), backward(reference)]
    checkGradients([a.dx, e.dx], [a.dw, e.dw], [a.db, e.db], dy, weight, expected.rstd, n * size)
  }
}

function checkRowNorm(geometry: RowNormGeometry, data: Data, { affine = true, rms = false, eps = 1e-5 } = {}): void {
  const { rows, size, groups, run } = geometry
  const shape = [rows, size]
  const draw = random(data.seed)
  const x = values(shape, data, draw)
  const dy = values(shape, { ...data, offset: 0.1, scale: 1 }, draw)
  const parameters = (groups * size) / run
  const weight = affine ? randomView([parameters], draw, { offset: 1 }) : null
  const bias = affine && data.seed % 5 > 0 ? randomView([parameters], draw) : null
  const forward = (kernels: typeof norms) => {
    const [y, mean, rstd] = [unwritten(shape, data.seed % 4), rms ? null : double(rows), double(rows)]
    kernels.rowNorm(x, weight, bias, geometry, eps, y, mean, rstd)
    return { y, mean, rstd }
  }
  const actual = forward(norms)
  const expected = forward(reference)
  if (actual.mean && expected.mean) expect(worst(actual.mean, expected.mean, 1e-7 * data.scale)).toBeLessThanOrEqual(1)
  expect(worst(actual.rstd, expected.rstd, 0)).toBeLessThanOrEqual(2)
  expect(worst(actual.y, expected.y, 3e-7 * largest(expected.y))).toBeLessThanOrEqual(1)
  const backward = (kernels: typeof norms) => {
    const [dx, dw, db] = [unwritten(shape, data.seed % 3), unwritten([parameters]), unwritten([parameters])]
    kernels.rowNormBackward(dy, x, weight, geometry, expected.mean, expected.rstd, dx, dw, db)
    return { dx, dw, db }
  }
  const [a, e] = [backward(norms), backward(reference)]
  checkGradients([a.dx, e.dx], [a.dw, e.dw], [a.db, e.db], dy, weight, expected.rstd, (rows * run) / groups)
}

const data = fc.record({ offset: fc.constantFrom(0, 0.5, -3), scale: fc.constant(1), seed: fc.nat() })
const layoutOf = (rank: number): fc.Arbitrary<Layout> =>
  fc.record({ order: fc.constantFrom([...Array(rank).keys()], [...Array(rank).keys()].reverse()), step: fc.constantFrom(1, 1, 2), offset: fc.nat(3) })
const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70 }))

describe('batchNorm', () => {
  test('any sizes and layouts', () => {
    const run = fc.property(
      fc.integer({ min: 2, max: 70 }),
      fc.integer({ min: 1, max: 9 }),
      size,
      data,
      layoutOf(3),
      fc.boolean(),
      (n, c, l, d, layout, affine) => checkBatchNorm(n, c, l, { ...d, layout }, { affine }),
    )
    fc.assert(run, { numRuns: 200, seed: 20261124 })
  })

  test.each([
    ['planes longer than a chunk', 2, 3, 5003],
    ['one sample', 1, 4, 300],
    ['rows of channels, several blocks', 100, 37, 1],
  ])('%s', (_, n, c, l) => {
    for (const offset of [0, 1e4, 1e6]) checkBatchNorm(n, c, l, { offset, scale: 1, seed: 3 })
  })

  test('tiny, huge and constant data, without eps', () => {
    for (const l of [1, 50]) {
      checkBatchNorm(40, 3, l, { offset: 0, scale: 1e-20, seed: 1 }, { eps: 0 })
      checkBatchNorm(40, 3, l, { offset: 0, scale: 1e20, seed: 2 }, { eps: 0 })
      checkBatchNorm(40, 3, l, { offset: 7.3, scale: 0, seed: 3 })
      checkBatchNorm(40, 3, l, { offset: 1e4, scale: 1e-2, seed: 4 })
    }
  })

  test('an outlier in front does not spoil the variance', () => {
    for (const l of [1, 64]) {
      const n = 64
      const x = randomView([n, 2, l], random(1))
      ;(x.data as Float32Array).fill(1e4, 0, 4 * l)
      const results = [norms, reference].map((kernels) => {
        const rstd = double(2)
        kernels.batchNorm(x, null, null, { mean: null, variance: null, momentum: 0 }, 1e-5, unwritten(x.shape), double(2), rstd)
        return rstd
      })
      expect(worst(results[0], results[1], 0)).toBeLessThanOrEqual(1)
    }
  })

  test('NaN and infinity stay in their channel', () => {
    for (const l of [1, 9]) {
      const x = randomView([8, 3, l], random(1))
      ;(x.data as Float32Array)[0] = Number.NaN
      ;(x.data as Float32Array)[l] = Number.POSITIVE_INFINITY
      const results = [norms, reference].map((kernels) => {
        const y = unwritten(x.shape)
        kernels.batchNorm(x, null, null, { mean: null, variance: null, momentum: 0 }, 1e-5, y, double(3), double(3))
        return y
      })
      expect(worst(results[0], results[1], 1e-6)).toBeLessThanOrEqual(1)
    }
  })

  test('float32 statistics serve inference', () => {
    const x = randomView([3, 5, 7], random(1))
    const [mean, rstd] = [randomView([5], random(2)), randomView([5], random(3))]
    const [actual, expected] = [unwritten(x.shape), unwritten(x.shape)]
    norms.batchNormInference(x, null, null, mean, rstd, actual)
    reference.batchNormInference(x, null, null, mean, rstd, expected)
    expect(worst(actual, expected, 3e-7)).toBeLessThanOrEqual(1)
  })
})

describe('rowNorm', () => {
  test('LayerNorm and RMSNorm: any sizes and layouts', () => {
    const run = fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.oneof(size, fc.integer({ min: 120, max: 280 })),
      data,
      layoutOf(2),
      fc.boolean(),
      fc.boolean(),
      (rows, n, d, layout, affine, rms) => checkRowNorm({ rows, size: n, groups: 1, run: 1 }, { ...d, layout }, { affine, rms }),
    )
    fc.assert(run, { numRuns: 200, seed: 20261124 })
  })

  test('GroupNorm and InstanceNorm: any groups, channels and runs', () => {
    const few = fc.integer({ min: 1, max: 5 })
    const run = fc.property(few, few, few, size, data, fc.boolean(), (n, groups, channels, length, d, affine) =>
      checkRowNorm({ rows: n * groups, size: channels * length, groups, run: length }, d, { affine }),
    )
    fc.assert(run, { numRuns: 200, seed: 20261124 })
  })

  test('rows longer than a chunk, large offsets, tiny and huge data', () => {
    for (const offset of [0, 1e4, 1e6]) checkRowNorm({ rows: 9, size: 4500, groups: 1, run: 1 }, { offset, scale: 1, seed: 1 })
    for (const scale of [1e-20, 1e20]) {
      for (const rms of [false, true]) checkRowNorm({ rows: 5, size: 77, groups: 1, run: 1 }, { offset: 0, scale, seed: 1 }, { eps: 0, rms })
    }
    checkRowNorm({ rows: 5, size: 77, groups: 1, run: 1 }, { offset: 3.1, scale: 0, seed: 1 })
  })

  test('a row of one element has no gradient', () => {
    const geometry = { rows: 5, size: 1, groups: 1, run: 1 }
    const draw = random(1)
    const [x, dy, weight, dx] = [randomView([5, 1], draw), randomView([5, 1], draw), randomView([1], draw), unwritten([5, 1])]
    const [mean, rstd] = [double(5), double(5)]
    norms.rowNorm(x, weight, null, geometry, 1e-5, unwritten([5, 1]), mean, rstd)
    norms.rowNormBackward(dy, x, weight, geometry, mean, rstd, dx, null, null)
    expect(largest(dx)).toBe(0)
  })

  test('gradients that are not wanted are not written, the others are the same', () => {
    for (const geometry of [
      { rows: 40, size: 33, groups: 1, run: 1 },
      { rows: 8, size: 33, groups: 2, run: 11 },
    ]) {
      const { rows, size: n, groups, run } = geometry
      const draw = random(1)
      const [x, dy] = [randomView([rows, n], draw), randomView([rows, n], draw)]
      const weight = randomView([(groups * n) / run], draw)
      const [mean, rstd] = [double(rows), double(rows)]
      norms.rowNorm(x, weight, null, geometry, 1e-5, unwritten(x.shape), mean, rstd)
      const make = () => [unwritten(x.shape), unwritten(weight.shape), unwritten(weight.shape)] as const
      const all = make()
      norms.rowNormBackward(dy, x, weight, geometry, mean, rstd, ...all)
      for (let wanted = 0; wanted < 8; wanted++) {
        const some = make()
        const [dx, dw, db] = some.map((t, i) => (wanted & (1 << i) ? t : null))
        norms.rowNormBackward(dy, x, weight, geometry, mean, rstd, dx, dw, db)
        some.forEach((t, i) => void expect(Array.from(load(t))).toEqual(wanted & (1 << i) ? Array.from(load(all[i])) : new Array(t.numel()).fill(Number.NaN)))
      }
    }
  })
})
