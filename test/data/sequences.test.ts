import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RuntimeError, ValueError } from '../../src/core/errors.js'
import { Generator, manualSeed } from '../../src/core/random.js'
import type { Tensor } from '../../src/core/tensor.js'
import { BucketBatchSampler, DataLoader, NextTokenDataset, SequenceDataset, TensorDataset } from '../../src/data/index.js'
import { arange, ones, randint, tensor } from '../../src/ops/index.js'

const numbers = (t: Tensor): number[] => Array.from(t.toTypedArray(), Number)

describe('SequenceDataset', () => {
  const sequences = [tensor([1n, 2n, 3n]), tensor([4n]), tensor([5n, 6n])]

  it('gives sequences with their lengths, and batches that are padded to the longest of them', () => {
    const data = new SequenceDataset(sequences, { paddingValue: -1 })
    const [sequence, length] = data.get(2)
    expect([sequence.toArray(), length.dtype, length.item()]).toEqual([[5n, 6n], 'int64', 2])
    const [padded, lengths] = data.batch([1, 2])
    expect(padded.toArray()).toEqual([
      [4n, -1n],
      [5n, 6n],
    ])
    expect([lengths.dtype, lengths.toArray()]).toEqual(['int64', [1n, 2n]])
  })

  it('has labels, and steps of any shape', () => {
    const data = new SequenceDataset([ones([2, 3]), ones([1, 3]).mul(2)], { labels: tensor([7n, 8n]) })
    const [padded, lengths, labels] = data.batch([1, 0])
    expect(padded.shape).toEqual([2, 2, 3])
    expect(padded.toArray()).toEqual([
      [
        [2, 2, 2],
        [0, 0, 0],
      ],
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
    ])
    expect([lengths.toArray(), labels.toArray()]).toEqual([
      [1n, 2n],
      [8n, 7n],
    ])
    expect(data.get(0)[2].item()).toBe(7)
  })

  it('says what does not fit', () => {
    expect(() => new SequenceDataset([ones([2, 3]), ones([2, 4])])).toThrow(/sequence 1 is float32 \[length, 4\], sequence 0 is float32 \[length, 3\]/)
    expect(() => new SequenceDataset([ones([2]), tensor([1n])])).toThrow(ValueError)
    expect(() => new SequenceDataset(sequences, { labels: ones([2]) })).toThrow('3 sequences need as many labels, got a tensor of shape [2]')
    expect(() => new SequenceDataset([ones([])])).toThrow('sequence 0 has no dimension to be long in')
    expect(() => new SequenceDataset(sequences, { padingValue: 1 } as never)).toThrow("Did you mean 'paddingValue'?")
  })
})

describe('BucketBatchSampler', () => {
  const lengthsOf = (n: number) => Array.from({ length: n }, (_, i) => 1 + ((i * 7919) % 100))

  it('gives every sample once, in batches of similar lengths, in an order of chance', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (n, batchSize, per, dropLast) => {
          const lengths = lengthsOf(n)
          const sampler = new BucketBatchSampler(lengths, { batchSize, batchesPerBucket: per, dropLast })
          const batches = [...sampler.batches(new Generator().manualSeed(3))]
          expect(batches.length).toBe(sampler.length)
          const all = batches.flat().sort((a, b) => a - b)
          expect(new Set(all).size).toBe(all.length)
          expect(all.length).toBe(dropLast ? n - (n % batchSize) : n)
          for (const batch of batches) expect(batch.length === batchSize || (!dropLast && batch.length === n % batchSize)).toBe(true)
        },
      ),
    )
  })

  it('pads less than a tenth of what chance would', () => {
    const lengths = lengthsOf(3000)
    const padding = (batches: Iterable<readonly number[]>) => {
      let places = 0
      for (const batch of batches) {
        const longest = Math.max(...batch.map((i) => lengths[i]))
        for (const i of batch) places += longest - lengths[i]
      }
      return places
    }
    const sorted = padding(new BucketBatchSampler(lengths, { batchSize: 16, batchesPerBucket: 50 }).batches(new Generator()))
    const chance = padding(new BucketBatchSampler(lengths, { batchSize: 16, batchesPerBucket: 1 }).batches(new Generator()))
    expect(sorted).toBeLessThan(chance / 10)
    const first = [...new BucketBatchSampler(lengths, { batchSize: 16 }).batches(new Generator().manualSeed(1))]
    const longest = first.map((batch) => Math.max(...batch.map((i) => lengths[i])))
    expect(longest).not.toEqual([...longest].sort((a, b) => a - b))
    expect([...new BucketBatchSampler(lengths, { batchSize: 16 }).batches(new Generator().manualSeed(2))]).not.toEqual(first)
  })

  it('works in a DataLoader', () => {
    const data = new SequenceDataset(lengthsOf(40).map((n) => ones([n])))
    const batchSampler = new BucketBatchSampler(data.lengths, { batchSize: 8 })
    const loader = new DataLoader(data, { batchSampler, seed: 4 })
    expect(loader.length).toBe(5)
    let steps = 0
    for (const [padded, lengths] of loader) {
      steps += numbers(lengths).reduce((sum, n) => sum + n, 0)
      expect(padded.shape).toEqual([8, Math.max(...numbers(lengths))])
      expect(padded.sum().item()).toBe(lengths.sum().item())
    }
    expect(steps).toBe(data.lengths.reduce((sum, n) => sum + n, 0))
    expect(() => new DataLoader(data, { batchSampler, batchSize: 3 })).toThrow('batch_sampler option is mutually exclusive with batch_size')
    expect(() => new DataLoader(data, { batchSampler: [[1]] as never })).toThrow('batchSampler must have a length and batches(generator)')
    expect(() => new BucketBatchSampler([1, 2], { batchSize: 0 })).toThrow('batchSize must be a positive whole number, got 0')
    expect(() => new BucketBatchSampler([1, -2])).toThrow('length 1 must be a whole number of at least 0')
  })
})

it('NextTokenDataset gives each token and the one that follows', () => {
  const data = new NextTokenDataset(arange(11, { dtype: 'int64' }), 3)
  expect(data.length).toBe(3)
  expect(data.get(2).map(numbers)).toEqual([
    [6, 7, 8],
    [7, 8, 9],
  ])
  const [inputs, targets] = data.batch([0, 2])
  expect(inputs.toArray()).toEqual([
    [0n, 1n, 2n],
    [6n, 7n, 8n],
  ])
  expect(targets.toArray()).toEqual([
    [1n, 2n, 3n],
    [7n, 8n, 9n],
  ])
  expect(() => new NextTokenDataset(arange(3, { dtype: 'int64' }), 3)).toThrow('a sequence of 3 tokens and the one that follows need 4, got 3')
  expect(() => new NextTokenDataset(ones([9]), 3)).toThrow('expected tokens as int64 [n], got float32 [9]')
  expect(() => data.batch([3])).toThrow('index 3 is out of bounds')
})

describe('a DataLoader goes on where another one was', () => {
  type Loader = DataLoader<readonly [Tensor], readonly [Tensor]>
  const data = new TensorDataset(arange(23))
  const lengths = Array.from({ length: 23 }, (_, i) => (i * 5) % 7)
  const kinds: [string, () => Loader][] = [
    ['shuffled, with a seed', () => new DataLoader(data, { batchSize: 4, shuffle: true, seed: 3 }) as Loader],
    ['shuffled, from the default generator', () => new DataLoader(data, { batchSize: 4, shuffle: true }) as Loader],
    ['in order', () => new DataLoader(data, { batchSize: 4 }) as Loader],
    ['in buckets', () => new DataLoader(data, { batchSampler: new BucketBatchSampler(lengths, { batchSize: 4 }), seed: 1 }) as Loader],
  ]

  it.each(kinds)('%s', (_, make) => {
    // Three passes, with a draw from the default generator in each turn, as dropout makes one.
    const run = (loader: Loader, turns: number, log: unknown[]) => {
      for (;;) {
        for (const [x] of loader) {
          log.push(numbers(x), randint(1000, [1]).item())
          if (--turns === 0) return
        }
      }
    }
    const passes = 3 * make().length
    for (const stop of [1, 3, make().length, make().length + 2]) {
      manualSeed(5)
      const whole: unknown[] = []
      run(make(), passes, whole)

      const generator = manualSeed(5)
      const parts: unknown[] = []
      const first = make()
      run(first, stop, parts)
      const saved = { loader: first.stateDict(), generator: generator.getState() }
      manualSeed(99)
      const second = make()
      second.loadStateDict(saved.loader)
      generator.setState(saved.generator)
      run(second, passes - stop, parts)
      expect(parts, `stopped after ${stop}`).toEqual(whole)
    }
  })

  it('a loader that has not begun has a state, too, and a wrong one is refused', () => {
    const loader = new DataLoader(data, { batchSize: 4 })
    expect(loader.stateDict()).toEqual({ generator: null, batches: 0 })
    const other = new DataLoader(data, { batchSize: 4 })
    other.loadStateDict(loader.stateDict())
    expect([...other].length).toBe(6)
    expect(() => loader.loadStateDict({ generator: null, batches: 7 })).toThrow(RuntimeError)
    expect(() => loader.loadStateDict(null as never)).toThrow('expected { generator, batches } as stateDict() of a loader of 6 batches gives it')
    expect(() => loader.loadStateDict({ generator: new Uint8Array(3), batches: 0 })).toThrow(/RNG state|GeneratorImplState/)
  })
})
