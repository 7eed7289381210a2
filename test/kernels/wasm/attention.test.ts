import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyTensor, Tensor } from '../../../src/core/tensor.js'
import type { AttentionOptions } from '../../../src/kernels/contract.js'
import { load } from '../../../src/kernels/reference/access.js'
import { attentions as reference } from '../../../src/kernels/reference/attention.js'
import { attentions as wasm } from '../../../src/kernels/wasm/attention.js'
import { type Layout, random, randomView, unwritten } from './views.js'

interface Case {
  readonly batch: number
  readonly groups: number
  readonly group: number
  readonly length: number
  readonly keys: number
  readonly size: number
  readonly valueSize: number
  readonly causal?: boolean
  readonly mask?: 'bool' | 'float32' | 'padding' | null
  readonly dropout?: boolean
  readonly scale?: number
  readonly layout?: Layout
  readonly seed?: number
}

/** Heads that lie inside rows, as a layer's projections give them. */
const joined: Layout = { order: [0, 2, 1, 3], offset: 3 }

const bools = (shape: readonly number[], draw: () => number, p: number): Tensor => {
  const x = emptyTensor(shape, 'bool')
  for (let i = 0; i < x.data.length; i++) x.data[i] = draw() < p ? 1 : 0
  return x
}

const filled = (shape: readonly number[], value: number): Tensor => {
  const x = emptyTensor(shape, 'float32')
  x.data.fill(value as never)
  return x
}

/** A mask for every head, or one of the keys of each sample for all. */
function maskOf({ mask, batch, groups, group, length, keys }: Case, draw: () => number): Tensor | null {
  const shape = [batch, groups * group, length, keys]
  if (mask === 'bool') return bools(shape, draw, 0.6)
  if (mask === 'float32') {
    const x = randomView(shape, draw, { offset: 5 })
    const all = x.storage.array('float32')
    for (let i = 0; i < all.length; i++) if (draw() < 0.2) all[i] = Number.NEGATIVE_INFINITY
    return x
  }
  if (!mask) return null
  const x = bools([batch, keys], draw, 0.7)
  return new Tensor(x.storage, 'bool', shape, [keys, 0, 0, 1])
}

/** The largest |actual - expected| where `bound` says what its last axis's rows may be off by; at most 1 is right. */
function worst(actual: Tensor, expected: Tensor, bound: (row: number) => number): number {
  const [a, e] = [load(actual), load(expected)]
  const size = expected.shape.at(-1) ?? 1
  return e.reduce((most, value, i) => {
    if (a[i] === value) return most
    const d = Math.abs(a[i] - value) / (bound(Math.floor(i / size)) + 2 ** -23 * Math.abs(value))
    return Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(most, d)
  }, 0)
}

/** Numbers are in [-1, 1): a score's error is that of a sum of `size` products, and a probability's relative error that of its score and a few roundings. */
function check(c: Case): void {
  const draw = random(c.seed ?? 1)
  const { batch, groups, group, length, keys, size, valueSize, layout } = c
  const heads = groups * group
  const scale = c.scale ?? 1 / Math.sqrt(size)
  const q = randomView([batch, heads, length, size], draw, layout)
  const k = randomView([batch, groups, keys, size], draw, layout)
  const v = randomView([batch, groups, keys, valueSize], draw, layout)
  const dy = randomView([batch, heads, length, valueSize], draw, layout)
  const keep = c.dropout ? bools([batch, heads, length, keys], draw, 0.8) : null
  const keepScale = c.dropout ? 1.25 : 1
  const options: AttentionOptions = { scale, diagonal: c.causal ? 0 : null, mask: maskOf(c, draw), keep, keepScale }
  const run = (kernels: typeof wasm) => {
    const y = unwritten(dy.shape, 1)
    const lse = emptyTensor([batch, heads, length], 'float64')
    kernels.attention(q, k, v, options, y, lse)
    const grads = [q, k, v].map((x) => unwritten(x.shape, 2))
    kernels.attentionBackward(dy, q, k, v, options, y, lse, grads[0], grads[1], grads[2], false)
    return [y, lse, ...grads]
  }
  const actual = run(wasm)
  const expected = run(reference)
  const relative = 2 ** -24 * (2 * scale * (size + 2) + 2 * Math.sqrt(keys) + 20)
  // The sum over queries of each key's probabilities: dv for gradients and values of 1.
  const ones = filled([batch, groups, keys, 1], 1)
  const received = emptyTensor([batch, groups, keys, 1], 'float64')
  reference.attentionBackward(filled([batch, heads, length, 1], 1), q, k, ones, options, ones, expected[1], null, null, received, false)
  const sums = load(received)
  const weight = keepScale * relative
  const score = scale * valueSize * 4 * keepScale * (relative + 2 ** -23)
  const bounds: ((row: number) => number)[] = [
    () => weight,
    () => relative * 8,
    () => score,
    (row) => score * (sums[row] + 1e-3) * Math.max(1, Math.sqrt(length / 256)),
    (row) => weight * (sums[row] + 1e-3) * Math.max(1, Math.sqrt(length / 256)),
  ]
  bounds.forEach((bound, i) => {
    expect(worst(actual[i], expected[i], bound), ['y', 'lse', 'dq', 'dk', 'dv'][i]).toBeLessThanOrEqual(1)
  })
}

const plain: Case = { batch: 2, groups: 3, group: 1, length: 70, keys: 90, size: 20, valueSize: 24 }

describe('attention', () => {
  test.each<[string, Partial<Case>]>([
    ['whole blocks', { length: 128, keys: 128, size: 32, valueSize: 32 }],
    ['parts of blocks', {}],
    ['one query and one key', { length: 1, keys: 1, size: 1, valueSize: 1 }],
    ['sizes beyond a run of products', { length: 5, keys: 7, size: 300, valueSize: 270 }],
    ['causal', { causal: true, length: 150, keys: 150 }],
    ['causal, fewer keys than queries', { causal: true, length: 150, keys: 37 }],
    ['causal, more keys than queries', { causal: true, length: 37, keys: 150 }],
    ['a bool mask', { mask: 'bool' }],
    ['a float mask', { mask: 'float32' }],
    ['a mask of keys', { mask: 'padding' }],
    ['a causal one with dropout', { causal: true, dropout: true, length: 90 }],
    ['dropout and a mask', { mask: 'bool', dropout: true }],
    ['heads that share keys', { groups: 2, group: 3 }],
    ['heads that share keys, masked and dropped', { groups: 2, group: 3, mask: 'float32', dropout: true }],
    ['heads inside rows', { layout: joined }],
    ['large scores', { scale: 30 }],
    ['a scale of 0', { scale: 0 }],
  ])('%s', (_, change) => check({ ...plain, ...change }))

  test('any sizes', () => {
    const small = fc.integer({ min: 1, max: 2 })
    fc.assert(
      fc.property(
        fc.record({
          batch: small,
          groups: small,
          group: small,
          length: fc.integer({ min: 1, max: 140 }),
          keys: fc.integer({ min: 1, max: 140 }),
          size: fc.integer({ min: 1, max: 40 }),
          valueSize: fc.integer({ min: 1, max: 40 }),
          causal: fc.boolean(),
          mask: fc.constantFrom(null, 'bool', 'float32', 'padding'),
          dropout: fc.boolean(),
          layout: fc.constantFrom({}, joined),
          seed: fc.integer(),
        }),
        (c) => check(c as Case),
      ),
      { numRuns: 40, seed: 6 },
    )
  })
})
