import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../src/core/tensor.js'
import type { Index } from '../../src/ops/index.js'
import { arange, cat, tensor } from '../../src/ops/index.js'

/** Nested arrays are the naive model: what a view, an index or a broadcast means is said with loops over them. */
type Nested = number | Nested[]

/** A tensor of consecutive numbers, seen through a random chain of views, with the numbers it shows read one by one. */
const views = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
    step: fc.integer({ min: 1, max: 2 }),
    start: fc.nat(1),
  })
  .map(({ shape, order, step, start }) => {
    const n = shape.reduce((a, b) => a * b, 1)
    const dims = shape.map((_, i) => i).sort((a, b) => order[a] - order[b] || a - b)
    return arange(n).to('float32').view(shape).permute(dims).slice(0, start, undefined, step)
  })

function at(t: Tensor, position: readonly number[]): number {
  const offset = position.reduce((o, p, d) => o + p * t.strides[d], t.offset)
  return Number(t.storage.array(t.dtype)[offset])
}

function naive(t: Tensor, position: number[] = []): Nested {
  if (position.length === t.ndim) return at(t, position)
  return Array.from({ length: t.shape[position.length] }, (_, i) => naive(t, [...position, i]))
}

const flatten = (n: Nested): number[] => (typeof n === 'number' ? [n] : n.flatMap(flatten))

describe('views against naive indexing', () => {
  test('toArray, clone, contiguous and reshape read logical order', () => {
    fc.assert(
      fc.property(views, (x) => {
        expect(x.toArray()).toEqual(naive(x))
        expect(x.clone().toArray()).toEqual(naive(x))
        expect(x.contiguous().isContiguous()).toBe(true)
        expect(x.reshape([-1]).toArray()).toEqual(flatten(naive(x)))
        expect(x.flatten().toArray()).toEqual(flatten(naive(x)))
      }),
    )
  })

  test('view says no exactly where a copy would be needed', () => {
    fc.assert(
      fc.property(views, fc.integer({ min: 1, max: 6 }), (x, first) => {
        const n = x.numel()
        if (n % first !== 0) return
        const target = [first, n / first]
        const copied = x.reshape(target)
        expect(copied.toArray()).toEqual(x.clone().view(target).toArray())
        if (copied.storage === x.storage) expect(x.view(target).toArray()).toEqual(copied.toArray())
        else expect(() => x.view(target)).toThrow('view size is not compatible')
      }),
    )
  })

  test('flip, roll, narrow, select, unsqueeze, transpose', () => {
    fc.assert(
      fc.property(views, fc.nat(3), fc.integer({ min: -5, max: 5 }), (x, d, shift) => {
        const dim = d % x.ndim
        const size = x.shape[dim]
        if (size === 0) return
        const moved = (f: (p: number) => number) => (position: number[]) => at(x, [...position.slice(0, dim), f(position[dim]), ...position.slice(dim + 1)])
        const check = (y: Tensor, value: (position: number[]) => number, position: number[] = []): void => {
          if (position.length === y.ndim) expect(at(y, position)).toBe(value(position))
          else for (let i = 0; i < y.shape[position.length]; i++) check(y, value, [...position, i])
        }
        check(
          x.flip(dim),
          moved((p) => size - 1 - p),
        )
        check(
          x.roll(shift, dim),
          moved((p) => (((p - shift) % size) + size) % size),
        )
        check(
          x.narrow(dim, size - 1, 1),
          moved(() => size - 1),
        )
        check(
          x.select(dim, -1).unsqueeze(dim),
          moved(() => size - 1),
        )
        check(x.transpose(0, dim), ([first, ...rest]) => {
          const position = [first, ...rest]
          ;[position[0], position[dim]] = [position[dim], position[0]]
          return at(x, position)
        })
      }),
    )
  })

  test('split and cat undo each other along any dimension', () => {
    fc.assert(
      fc.property(views, fc.nat(3), fc.integer({ min: 1, max: 4 }), (x, d, size) => {
        const dim = d % x.ndim
        expect(cat(x.split(size, dim), dim).toArray()).toEqual(x.toArray())
        expect(cat(x.chunk(size, dim), dim).toArray()).toEqual(x.toArray())
      }),
    )
  })
})

describe('broadcasting against naive loops', () => {
  const pair = fc
    .array(fc.record({ size: fc.integer({ min: 1, max: 3 }), left: fc.boolean(), right: fc.boolean() }), { minLength: 1, maxLength: 4 })
    .chain((axes) => fc.record({ axes: fc.constant(axes), dropLeft: fc.nat(axes.length - 1), dropRight: fc.nat(axes.length - 1) }))

  test('add of two views', () => {
    fc.assert(
      fc.property(pair, fc.boolean(), ({ axes, dropLeft, dropRight }, transposed) => {
        const shapeOf = (ones: 'left' | 'right', drop: number) => axes.map((a) => (a[ones] ? 1 : a.size)).slice(drop)
        const make = (shape: number[], from: number): Tensor => {
          const n = shape.reduce((a, b) => a * b, 1)
          // Column order where asked for, so that neither operand has to be contiguous.
          const x = arange(from, from + n).to('float32')
          return transposed ? x.view(shape.slice().reverse()).permute(shape.map((_, i) => shape.length - 1 - i)) : x.view(shape)
        }
        const a = make(shapeOf('left', dropLeft), 0)
        const b = make(shapeOf('right', dropRight), 100)
        const y = a.add(b)
        const rank = Math.max(a.ndim, b.ndim)
        const read = (t: Tensor, position: readonly number[]) =>
          at(
            t,
            position.slice(rank - t.ndim).map((p, d) => (t.shape[d] === 1 ? 0 : p)),
          )
        const check = (position: number[]): void => {
          if (position.length === rank) expect(at(y, position)).toBe(read(a, position) + read(b, position))
          else for (let i = 0; i < y.shape[position.length]; i++) check([...position, i])
        }
        check([])
        expect(y.sumToSize(a.shape).shape).toEqual(a.shape)
      }),
    )
  })
})

describe('matmul against naive loops', () => {
  test('batches broadcast, operands may be transposed', () => {
    const size = fc.integer({ min: 0, max: 4 })
    const batch = fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 })
    fc.assert(
      fc.property(size, size, size, batch, batch, fc.boolean(), fc.boolean(), (m, k, n, left, right, flipX, flipW) => {
        const common = Math.min(left.length, right.length)
        const lead = left.map((s, i) => {
          const j = right.length - left.length + i
          return i >= left.length - common && j >= 0 && right[j] !== s && right[j] !== 1 ? 1 : s
        })
        const make = (shape: number[], flip: boolean): Tensor => {
          const count = shape.reduce((a, b) => a * b, 1)
          const data = Float64Array.from({ length: count }, (_, i) => ((i * 7) % 11) - 5)
          if (!flip) return tensor(data, { shape })
          const swapped = [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]]
          return tensor(data, { shape: swapped }).transpose(-1, -2)
        }
        const x = make([...lead, m, k], flipX)
        const w = make([...right, k, n], flipW)
        const y = x.matmul(w)
        const rank = y.ndim - 2
        const read = (t: Tensor, position: readonly number[], row: number, column: number) =>
          at(t, [...position.slice(rank - (t.ndim - 2)).map((p, d) => (t.shape[d] === 1 ? 0 : p)), row, column])
        const check = (position: number[]): void => {
          if (position.length < rank) {
            for (let i = 0; i < y.shape[position.length]; i++) check([...position, i])
            return
          }
          for (let r = 0; r < m; r++) {
            for (let c = 0; c < n; c++) {
              let sum = 0
              for (let p = 0; p < k; p++) sum += read(x, position, r, p) * read(w, position, p, c)
              expect(at(y, [...position, r, c])).toBe(sum)
            }
          }
        }
        check([])
      }),
    )
  })
})

describe('index against naive indexing', () => {
  /** An index as the naive model sees it: which positions of its dimension it takes. */
  type Axis =
    | { kind: 'new' }
    | { kind: 'one'; dim: number; position: number; index: Index }
    | { kind: 'slice'; dim: number; positions: number[]; index: Index }
    | { kind: 'list'; dim: number; positions: number[]; index: Index }

  const axisOf = (dim: number, size: number): fc.Arbitrary<Axis> => {
    const all = Array.from({ length: size }, (_, i) => i)
    const bound = fc.option(fc.integer({ min: -size - 1, max: size + 1 }), { nil: undefined })
    return fc.oneof(
      fc.integer({ min: -size, max: size - 1 }).map((index): Axis => ({ kind: 'one', dim, position: index < 0 ? index + size : index, index })),
      fc.tuple(bound, bound, fc.integer({ min: 1, max: 3 })).map(([start, end, step]): Axis => {
        const positions = all.slice(start, end).filter((_, i) => i % step === 0)
        return { kind: 'slice', dim, positions, index: `${start ?? ''}:${end ?? ''}:${step}` }
      }),
      fc.constant<Axis>({ kind: 'list', dim, positions: [0, size - 1, size - 1], index: [0, size - 1, -1] }),
    )
  }
  const cases = fc
    .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
    .chain((shape) =>
      fc.tuple(fc.constant(shape), fc.tuple(...shape.map((size, dim) => axisOf(dim, size))), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 })),
    )
    .map(([shape, list, news]) => ({ shape, axes: list.flatMap((axis, d): Axis[] => (news[d] ? [{ kind: 'new' }, axis] : [axis])) }))

  /** The result's axes in order: all lists together are one, which stands in place of them, or in front where something lies between. */
  function resultAxes(axes: readonly Axis[]): (Axis | 'lists')[] {
    const kept = axes.filter((a) => a.kind !== 'one')
    const first = kept.findIndex((a) => a.kind === 'list')
    const count = kept.filter((a) => a.kind === 'list').length
    if (count === 0) return kept
    const together = kept.slice(first, first + count).every((a) => a.kind === 'list')
    const others = kept.filter((a) => a.kind !== 'list')
    return together ? [...kept.slice(0, first), 'lists', ...kept.slice(first + count)] : ['lists', ...others]
  }

  function take(x: Tensor, axes: readonly Axis[]): Nested {
    const order = resultAxes(axes)
    const read = (level: number, position: readonly number[]): Nested => {
      const axis = order[level]
      const next = (set: readonly (readonly [dim: number, to: number])[]) =>
        read(
          level + 1,
          position.map((p, d) => set.find(([dim]) => dim === d)?.[1] ?? p),
        )
      if (axis === undefined) return at(x, position)
      if (axis === 'lists') return [0, 1, 2].map((k) => next(axes.flatMap((a) => (a.kind === 'list' ? [[a.dim, a.positions[k]] as const] : []))))
      return axis.kind === 'slice' ? axis.positions.map((p) => next([[axis.dim, p]])) : [next([])]
    }
    const start = x.shape.map((_, d) => axes.flatMap((a) => (a.kind === 'one' && a.dim === d ? [a.position] : []))[0] ?? 0)
    return read(0, start)
  }

  test('positions, slices, new axes and lists; writing reaches what reading takes', () => {
    fc.assert(
      fc.property(cases, ({ shape, axes }) => {
        const n = shape.reduce((a, b) => a * b, 1)
        const x = arange(n).to('float32').view(shape)
        const indices = axes.map((a): Index => (a.kind === 'new' ? null : a.index))
        const wanted = take(x, axes)
        expect(x.index(...indices).toArray()).toEqual(wanted)
        const touched = new Set(flatten(wanted))
        const marked = x.clone().indexPut_(indices, -1)
        expect(marked.reshape([-1]).toArray()).toEqual(Array.from({ length: n }, (_, i) => (touched.has(i) ? -1 : i)))
      }),
      { numRuns: 300 },
    )
  })
})
