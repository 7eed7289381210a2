import { expect, test } from 'vitest'
import type { Dtype } from '../../../src/core/dtype.js'
import { Generator } from '../../../src/core/random.js'
import { emptyTensor } from '../../../src/core/tensor.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { draws } from '../../../src/kernels/wasm/random.js'

const sizes = [512, 623, 624, 1001, 10_000]

test.each(['float32', 'bool', 'uint8'] as Dtype[])('%s: the bits of single draws, and the state behind them, wherever the first one is', (dtype) => {
  for (const n of sizes) {
    for (const drawn of [0, 1, 2, 7, 616, 619, 623, 624, 625]) {
      for (const p of [0, 0.1, 0.5, 1]) {
        const [ours, theirs] = [new Generator().manualSeed(n), new Generator().manualSeed(n)]
        for (let i = 0; i < drawn; i++) expect(ours.random()).toBe(theirs.random())
        const [a, b] = [emptyTensor([n], dtype), emptyTensor([n], dtype)]
        draws.bernoulli(a, ours, p)
        reference.bernoulli(b, theirs, p)
        expect(a.data, `${n} elements from word ${drawn}, p = ${p}`).toEqual(b.data)
        expect(ours.getState()).toEqual(theirs.getState())
        expect(ours.random()).toBe(theirs.random())
      }
    }
  }
})

test('elements outside the view stay', () => {
  const base = emptyTensor([1000], 'float32')
  const data = base.data as Float32Array
  data.fill(7)
  draws.bernoulli({ storage: base.storage, dtype: 'float32', shape: [601], strides: [1], offset: 3 }, new Generator(), 0.5)
  expect([data[2], data[604]]).toEqual([7, 7])
  expect(data.subarray(3, 604).every((v) => v === 0 || v === 1)).toBe(true)
})
