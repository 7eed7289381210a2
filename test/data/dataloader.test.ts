import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { IndexError, RuntimeError, ValueError } from '../../src/core/errors.js'
import { Generator, manualSeed } from '../../src/core/random.js'
import { keep, memory, scope } from '../../src/core/storage.js'
import type { Tensor } from '../../src/core/tensor.js'
import { DataLoader, type Dataset, defaultCollate, Subset, TensorDataset } from '../../src/data/index.js'
import { arange, randint, tensor } from '../../src/ops/index.js'

const values = (t: Tensor): number[] => Array.from(t.toTypedArray(), Number)

interface OrderCase {
  length: number
  batchSize: number
  shuffle: boolean
  dropLast: boolean
  seed: number | null
  passes: number[][][]
  after: number
  afterOwn: number
}

describe('DataLoader', () => {
  const cases: OrderCase[] = JSON.parse(readFileSync(new URL('dataloader-orders.json', import.meta.url), 'utf8'))

  it("gives the batches of PyTorch's loader, pass after pass, and leaves the generators where it does", () => {
    expect(cases.length).toBe(72)
    for (const { length, batchSize, shuffle, dropLast, seed, passes, after, afterOwn } of cases) {
      const name = JSON.stringify({ length, batchSize, shuffle, dropLast, seed })
      manualSeed(7)
      const generator = seed === null ? undefined : new Generator().manualSeed(seed)
      const loader = new DataLoader(new TensorDataset(arange(length)), { batchSize, shuffle, dropLast, generator })
      const pass = () => {
        const batches: number[][] = []
        for (const [x] of loader) batches.push(values(x))
        return batches
      }
      const got = [pass(), pass()]
      for (const [x] of loader) {
        got.push([values(x)])
        break
      }
      got.push(pass())
      expect(got, name).toEqual(passes)
      expect(got[0].length, name).toBe(loader.length)
      expect(randint(1000000, [1]).item(), name).toBe(after)
      expect(randint(1000000, [1], { generator }).item(), name).toBe(afterOwn)
    }
  })

  it('a seed is a generator of its own: independent of the default one, another order each pass, the same from a new loader', () => {
    const data = new TensorDataset(arange(50))
    const order = (loader: DataLoader<readonly [Tensor]>) => [...loader].flatMap(([x]) => values(x))
    const make = () => new DataLoader(data, { batchSize: 50, shuffle: true, seed: 5 }) as DataLoader<readonly [Tensor]>
    const loader = make()
    const first = order(loader)
    const second = order(loader)
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(second).not.toEqual(first)
    manualSeed(99)
    expect(order(make())).toEqual(first)
  })

  it('keeps the samples of several tensors together', () => {
    const x = arange(24).reshape([12, 2])
    const y = arange(12).mul(10)
    let seen = 0
    for (const [a, b] of new DataLoader(new TensorDataset(x, y), { batchSize: 5, shuffle: true })) {
      expect(a.shape).toEqual([b.shape[0], 2])
      const rows = values(a)
      values(b).forEach((label, i) => {
        expect([rows[2 * i], rows[2 * i + 1]]).toEqual([label / 5, label / 5 + 1])
      })
      seen += b.shape[0]
    }
    expect(seen).toBe(12)
  })

  it('releases what a turn made when the next one starts, and keeps the last', () => {
    const loader = new DataLoader(new TensorDataset(arange(400)), { batchSize: 1 })
    const held: Tensor[] = []
    let kept: Tensor | undefined
    const live: number[] = []
    for (const [x] of loader) {
      const doubled = x.mul(2)
      if (held.length === 0) kept = keep(doubled.add(1))
      held.push(doubled)
      live.push(memory().tensors)
    }
    expect(live[399]).toBe(live[2])
    expect(() => held[0].item()).toThrow(/was released when the next turn of the loop over a DataLoader started/)
    expect(held[399].item()).toBe(798)
    expect(kept?.item()).toBe(1)
    expect(loader.dataset.get(3)[0].item()).toBe(3)
  })

  it('an abandoned loop leaves no scope open', () => {
    for (const _ of new DataLoader(new TensorDataset(arange(4)))) break
    const outside = tensor([1])
    for (const _ of new DataLoader(new TensorDataset(arange(4)))) outside.add(1)
    expect(outside.item()).toBe(1)
    expect(() => {
      for (const _ of new DataLoader(new TensorDataset(arange(4)))) throw new Error('in the loop')
    }).toThrow('in the loop')
    const t = scope(() => tensor([2]))
    expect(t.item()).toBe(2)
  })

  it('takes data sets of one’s own and arrays, collated by default or as one says', () => {
    class Squares implements Dataset<[number, { square: bigint; even: boolean; name: string }]> {
      readonly length = 5
      get(i: number): [number, { square: bigint; even: boolean; name: string }] {
        return [i / 2, { square: BigInt(i * i), even: i % 2 === 0, name: `n${i}` }]
      }
    }
    const batches: unknown[] = []
    for (const [half, info] of new DataLoader(new Squares(), { batchSize: 3 })) {
      expectTypeOf(half).toEqualTypeOf<Tensor>()
      expectTypeOf(info).toEqualTypeOf<{ square: Tensor; even: Tensor; name: string[] }>()
      expect([half.dtype, info.square.dtype, info.even.dtype]).toEqual(['float32', 'int64', 'bool'])
      batches.push([half.toArray(), info.square.toArray(), info.even.toArray(), info.name])
    }
    expect(batches).toEqual([
      [
        [0, 0.5, 1],
        [0n, 1n, 4n],
        [true, false, true],
        ['n0', 'n1', 'n2'],
      ],
      [
        [1.5, 2],
        [9n, 16n],
        [false, true],
        ['n3', 'n4'],
      ],
    ])

    const sums = new DataLoader([1, 2, 3, 4, 5], { batchSize: 2, collate: (samples: number[]) => samples.reduce((a, b) => a + b, 0) })
    expectTypeOf(sums).toEqualTypeOf<DataLoader<number, number>>()
    expect([...sums]).toEqual([3, 7, 5])
    const pairs = new DataLoader(new TensorDataset(arange(3)), { batchSize: 2, collate: (samples) => samples.length })
    expect([...pairs]).toEqual([2, 1])
  })

  it('an empty data set has no batches, and can’t be shuffled', () => {
    const empty = new TensorDataset(tensor([]).reshape([0, 3]))
    expect([...new DataLoader(empty, { batchSize: 4 })]).toEqual([])
    expect(new DataLoader(empty).length).toBe(0)
    expect(() => new DataLoader(empty, { shuffle: true })).toThrow(new ValueError('num_samples should be a positive integer value, but got num_samples=0'))
  })

  it('refuses bad options', () => {
    const data = new TensorDataset(arange(4))
    for (const batchSize of [0, -1, 1.5, Number.NaN, '4' as never]) {
      expect(() => new DataLoader(data, { batchSize })).toThrow(
        new ValueError(`batch_size should be a positive integer value, but got batch_size=${batchSize}`),
      )
    }
    expect(() => new DataLoader(data, { batchsize: 2 } as never)).toThrow("got an unexpected option 'batchsize'. Did you mean 'batchSize'?")
    expect(() => new DataLoader(data, { shuffle: 1 as never })).toThrow('shuffle should be a boolean value, but got shuffle=1')
    expect(() => new DataLoader(data, { dropLast: 1 as never })).toThrow('drop_last should be a boolean value, but got drop_last=1')
    expect(() => new DataLoader(data, { seed: 1, generator: new Generator() })).toThrow('give a generator or a seed, not both')
    expect(() => new DataLoader(data, { generator: 1 as never })).toThrow('generator must be a Generator')
    expect(() => new DataLoader(data, { collate: 1 as never })).toThrow('collate must be a function')
    expect(() => new DataLoader(arange(4) as never)).toThrow('expected a data set, with a length and get(index), or an array of samples')
    expect(() => new DataLoader(null as never)).toThrow('expected a data set')
  })
})

describe('TensorDataset and Subset', () => {
  it('give samples as views and batches as copies', () => {
    const x = arange(12, { dtype: 'float32' }).reshape([4, 3])
    const data = new TensorDataset(x, arange(4))
    const [row, label] = data.get(2)
    expect([row.toArray(), label.item()]).toEqual([[6, 7, 8], 2])
    const [rows] = data.batch([3, 0, 3])
    expect(values(rows)).toEqual([9, 10, 11, 0, 1, 2, 9, 10, 11])
    rows.fill_(0)
    expect(values(x)[9]).toBe(9)
    row.fill_(-1)
    expect(values(x).slice(6, 9)).toEqual([-1, -1, -1])
  })

  it('batches of views and of every dtype equal the samples', () => {
    const base = arange(60, { dtype: 'float64' }).reshape([3, 4, 5])
    for (const x of [base, base.transpose(0, 2), base.narrow(1, 1, 2), base.to('int16'), base.to('bfloat16'), base.gt(30)]) {
      const data = new TensorDataset(x)
      const indices = [x.shape[0] - 1, 0, 0]
      const [batch] = data.batch(indices)
      expect(batch.dtype).toBe(x.dtype)
      expect(batch.toArray()).toEqual(indices.map((i) => data.get(i)[0].toArray()))
    }
  })

  it('a subset of a subset takes the samples it names', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat()), (first, stream) => {
        scope(() => {
          const data = new TensorDataset(arange(10).mul(100))
          const second = first.map(() => Number(stream.next().value) % first.length)
          const subset = new Subset(new Subset(data, first), second)
          const want = second.map((i) => first[i] * 100)
          expect(second.map((_, i) => subset.get(i)[0].item())).toEqual(want)
          for (const [x] of new DataLoader(subset, { batchSize: subset.length })) expect(values(x)).toEqual(want)
        })
      }),
      { numRuns: 30 },
    )
    const own: Dataset<number> = { length: 3, get: (i) => i * i }
    expect([...new DataLoader(new Subset(own, [2, 1]), { batchSize: 2 })].map(values)).toEqual([[4, 1]])
  })

  it('refuse what does not fit', () => {
    expect(() => new TensorDataset(arange(3), arange(4))).toThrow(new ValueError('Size mismatch between tensors: their first sizes are 3, 4'))
    expect(() => new TensorDataset()).toThrow(ValueError)
    expect(() => new TensorDataset(tensor(1))).toThrow(new IndexError('Dimension specified as 0 but tensor has no dimensions'))
    expect(() => new TensorDataset([1, 2] as never)).toThrow('expected tensors, got an array')
    const data = new TensorDataset(arange(3))
    for (const index of [3, -1, 0.5]) {
      expect(() => data.get(index)).toThrow(new IndexError(`index ${index} is out of bounds for dimension 0 with size 3`))
      expect(() => data.batch([0, index])).toThrow(IndexError)
      expect(() => new Subset(data, [0, index])).toThrow(IndexError)
    }
    expect(() => new Subset(data, [0]).get(1)).toThrow('index 1 is out of bounds for dimension 0 with size 1')
  })
})

describe('defaultCollate', () => {
  it('stacks tensors and typed arrays, in tuples and objects', () => {
    const batch = defaultCollate([
      { x: arange(2), y: [Float32Array.of(1, 2), 1.5] as const },
      { x: arange(2).add(5), y: [Float32Array.of(3, 4), 2.5] as const },
    ])
    expect(batch.x.toArray()).toEqual([
      [0n, 1n],
      [5n, 6n],
    ])
    expect(batch.y[0].toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(batch.y[1].toArray()).toEqual([1.5, 2.5])
  })

  it('refuses what it can’t join', () => {
    expect(() => defaultCollate([arange(2), arange(3)])).toThrow('stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1')
    expect(() => defaultCollate([[1], [1, 2]])).toThrow(new RuntimeError('each element in list of batch should be of equal size'))
    expect(() => defaultCollate([1, 'a'])).toThrow('the samples of a batch must be of one kind, found number and string')
    expect(() => defaultCollate([new Date()])).toThrow('batch must contain tensors, typed arrays, numbers, objects or arrays; found Date')
    expect(() => defaultCollate([null])).toThrow('found null')
    expect(() => defaultCollate([{ a: undefined }])).toThrow('found undefined')
  })
})
