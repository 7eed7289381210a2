import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../../src/core/dtype.js'
import { erf } from '../../../src/core/erf.js'
import type { Shape } from '../../../src/core/shape.js'
import { Storage } from '../../../src/core/storage.js'
import { emptyTensor, Tensor } from '../../../src/core/tensor.js'
import type { BinaryOp, UnaryOp, View } from '../../../src/kernels/contract.js'
import { load } from '../../../src/kernels/reference/access.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { copies } from '../../../src/kernels/wasm/copy.js'
import { elementwise } from '../../../src/kernels/wasm/elementwise.js'
import { type Layout, random, randomView, unwritten } from './views.js'

const parameters: Partial<Record<UnaryOp | BinaryOp, readonly number[]>> = {
  leakyRelu: [0.01],
  elu: [1.5, 1.1, 0.9],
  softplus: [2, 20],
  hardtanh: [-0.5, 0.7],
  hardshrink: [0.5],
  softshrink: [0.375],
  threshold: [0.2, -7],
  leakyReluBackward: [0.01],
  eluBackward: [1.5, 1.1, 0.9],
  softplusBackward: [2, 20],
  hardtanhBackward: [-0.5, 0.7],
  shrinkBackward: [0.5],
  thresholdBackward: [0.2],
  add: [0.5],
  sub: [-2],
}

/** What vanishes, overflows, rounds or is no number. */
const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3,
  -3,
  6,
  0.625,
  -0.625,
  1e-45,
  -1e-45,
  1e-38,
  -1e-40,
  1e-8,
  -1e-8,
  16777217,
  88.72,
  88.73,
  -87.4,
  -103.9,
  -104.1,
  3e38,
  -3e38,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
].map(Math.fround)

const float = (values: readonly number[]): Tensor => {
  const t = emptyTensor([values.length], 'float32')
  ;(t.data as Float32Array).set(values)
  return t
}

/** Distance in units in the last place of the larger magnitude; the smallest normal number's place counts below it. */
function distance(actual: number, expected: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Number.POSITIVE_INFINITY
  const magnitude = Math.max(Math.abs(actual), Math.abs(expected), 2 ** -126)
  return Math.abs(actual - expected) / 2 ** (Math.floor(Math.log2(magnitude)) - 23)
}

function worst(actual: View, expected: View): number {
  const a = load(actual)
  const e = load(expected)
  return a.reduce((most, value, i) => Math.max(most, distance(value, e[i])), 0)
}

/**
 * Most units in the last place between kernel and reference, which rounds the float64 result. An operation that is one instruction, or a
 * choice between operands, is exact; others have the errors of their steps. gelu differs from a reference that cancels in the left tail, and
 * geluTanh's exponent, rounded at 2 u, counts times 2 u.
 */
const exact = [
  'neg',
  'abs',
  'sign',
  'floor',
  'ceil',
  'round',
  'trunc',
  'square',
  'reciprocal',
  'sqrt',
  'relu',
  'leakyRelu',
  'hardtanh',
  'hardshrink',
  'softshrink',
  'threshold',
]
const rounded = ['rsqrt', 'exp', 'expm1', 'log', 'log1p', 'tanh', 'erf', 'sigmoid', 'logSigmoid', 'elu', 'silu', 'mish', 'softplus', 'hardswish', 'hardsigmoid']

/** x times what is denormal below -87: the product has the few digits of that. */
const vanishing = ['silu', 'mish']

describe('unary', () => {
  const run = (op: UnaryOp, x: View, target: View) => elementwise.unary(op, x, target, parameters[op])
  const expected = (op: UnaryOp, x: View) => {
    const y = unwritten(x.shape)
    reference.unary(op, x, y, parameters[op])
    return y
  }

  test.each([...exact.map((op) => [op, 1] as const), ...rounded.map((op) => [op, 5] as const)])(
    '%s: within %d ulp on samples of the whole range',
    (op, bound) => {
      const bits = new Uint32Array(40_000).map((_, i) => i * 107_377)
      const every = Array.from(new Float32Array(bits.buffer)).filter((x) => !Number.isNaN(x) && (x > -80 || !vanishing.includes(op)))
      const draw = random(3)
      const near = Array.from({ length: 20_000 }, () => Math.fround(draw() * 24 - 12))
      const x = float([...special.filter((v) => !(v < -80) || !vanishing.includes(op)), ...every, ...near])
      const y = unwritten(x.shape)
      run(op as UnaryOp, x, y)
      expect(worst(y, expected(op as UnaryOp, x))).toBeLessThanOrEqual(bound)
    },
  )

  test('gelu: relative to the result in both tails', () => {
    // Phi(-5) = 2.8665157187919391e-7, Phi(-9) = 1.12858840595384e-19 (Abramowitz and Stegun, table 26.1 and asymptotic series).
    const x = float([-5, -9, 5, 0.001, 12, -0.5])
    const y = unwritten(x.shape)
    run('gelu', x, y)
    const [a, b, c, d, e, f] = y.data as Float32Array
    expect(a / (-5 * 2.8665157187919391e-7)).toBeCloseTo(1, 6)
    expect(b / (-9 * 1.12858840595384e-19)).toBeCloseTo(1, 6)
    expect(c).toBe(Math.fround(5 - 5 * 2.8665157187919391e-7))
    expect(d / (Math.fround(0.001) * 0.500398942)).toBeCloseTo(1, 6)
    expect(e).toBe(12)
    expect(f).toBeCloseTo(-0.15426877, 7)
  })

  test('gelu: a relative error of at most (8 + x^2) 2^-24 over the whole range, the far left included', () => {
    // Phi(-z) = phi(z) / (z + 1 / (z + 2 / (z + ...))), Laplace's continued fraction, Abramowitz and Stegun 26.2.14.
    const tail = (z: number) => {
      let denominator = z
      for (let k = 300; k > 0; k--) denominator = z + k / denominator
      return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI) / denominator
    }
    const cdf = (x: number) => (x < -1 ? tail(-x) : x > 1 ? 1 - tail(x) : 0.5 * (1 + erf(x * Math.SQRT1_2)))
    const x = float(Array.from({ length: 26_001 }, (_, i) => Math.fround((i - 13_000) / 1000)))
    const y = unwritten(x.shape)
    run('gelu', x, y)
    const got = y.data as Float32Array
    const wrong = Array.from(x.data as Float32Array).filter((v, i) => {
      const exact = v * cdf(v)
      return Math.abs(got[i] - exact) > (8 + v * v) * 2 ** -24 * Math.abs(exact) + 2 ** -149
    })
    expect(wrong).toEqual([])
  })

  test('geluTanh within 1e-6 of the float64 formula where it does not cancel', () => {
    const x = float(Array.from({ length: 4001 }, (_, i) => Math.fround((i - 1000) / 500)))
    const y = unwritten(x.shape)
    run('geluTanh', x, y)
    const e = expected('geluTanh', x).data as Float32Array
    const got = y.data as Float32Array
    expect(e.findIndex((value, i) => !(Math.abs(got[i] - value) <= 1e-6 * Math.abs(value)))).toBe(-1)
  })

  test("special values are the reference's: NaN, infinities and zeros", () => {
    for (const op of ['gelu', 'geluTanh', 'silu', 'mish'] as const) {
      const x = float([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0])
      const y = unwritten(x.shape)
      run(op, x, y)
      expect(Array.from(y.data as Float32Array), op).toEqual(Array.from(expected(op, x).data as Float32Array))
    }
  })

  test('any length, layout and alignment, into any target and in place', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 7 })),
        anyLayout(3),
        anyLayout(3),
        fc.nat(),
        (shape, from, to, seed) => {
          const draw = random(seed)
          const x = randomView(shape, draw, from)
          const y = randomView(shape, draw, to)
          run('relu', x, y)
          expect(Array.from(load(y))).toEqual(Array.from(load(expected('relu', x))))
          run('neg', y, y)
          expect(Array.from(load(y))).toEqual(Array.from(load(expected('relu', x)), (v) => -v))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('several blocks', () => {
    const x = randomView([3 * 4096 + 3], random(1), { offset: 1 })
    const y = unwritten(x.shape)
    run('square', x, y)
    expect(worst(y, expected('square', x))).toBe(0)
  })
})

function permutations(rank: number): number[][] {
  if (rank === 0) return [[]]
  return permutations(rank - 1).flatMap((p) => Array.from({ length: rank }, (_, i) => [...p.slice(0, i), rank - 1, ...p.slice(i)]))
}

function anyLayout(rank: number): fc.Arbitrary<Layout> {
  return fc.record({ order: fc.constantFrom(...permutations(rank)), step: fc.constantFrom(1, 1, 2), offset: fc.nat(3) })
}

const comparisons = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const
const exactBinary = [
  'add',
  'sub',
  'mul',
  'div',
  'maximum',
  'minimum',
  'reluBackward',
  'hardtanhBackward',
  'shrinkBackward',
  'thresholdBackward',
  'leakyReluBackward',
] as const
const roundedBinary = [
  'sigmoidBackward',
  'tanhBackward',
  'logSigmoidBackward',
  'eluBackward',
  'geluBackward',
  'geluTanhBackward',
  'siluBackward',
  'mishBackward',
  'softplusBackward',
  'hardswishBackward',
  'hardsigmoidBackward',
] as const

describe('binary', () => {
  const dtypeOf = (op: BinaryOp): Dtype => ((comparisons as readonly string[]).includes(op) ? 'bool' : 'float32')
  const results = (op: BinaryOp, a: View | number, b: View | number, shape: Shape): [Float64Array, Float64Array] => {
    const [actual, expected] = [emptyTensor(shape, dtypeOf(op)), emptyTensor(shape, dtypeOf(op))]
    for (const t of [actual, expected]) new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength).fill(0xff)
    elementwise.binary(op, a, b, actual, parameters[op])
    reference.binary(op, a, b, expected, parameters[op])
    return [load(actual), load(expected)]
  }

  test.each([...comparisons, ...exactBinary])('%s of every pair of special values', (op) => {
    const n = special.length
    const column = new Tensor(float(special).storage, 'float32', [n, 1])
    // Products of float64 that round where float32's intermediate overflows are the reference's privilege: alpha 0.5 and -2 stay within.
    const [actual, expected] = results(op, column, float(special), [n, n])
    for (let i = 0; i < n * n; i++) {
      const place = `${special[Math.floor(i / n)]}, ${special[i % n]}`
      if (op === 'sub' && Math.abs(special[i % n]) > 1e38) continue
      expect(distance(actual[i], expected[i]), place).toBeLessThanOrEqual(1)
    }
  })

  test.each(roundedBinary)('%s within 1e-6 of the reference', (op) => {
    const draw = random(5)
    const isOutput = op === 'sigmoidBackward' || op === 'tanhBackward'
    const a = float(Array.from({ length: 4003 }, () => draw() * 4 - 2))
    const b = float(Array.from({ length: 4003 }, () => (isOutput ? draw() : draw() * 20 - 10)))
    const [actual, expected] = results(op, a, b, a.shape)
    expect(expected.findIndex((e, i) => !(Math.abs(actual[i] - e) <= 1e-6 * (Math.abs(e) + 0.1)))).toBe(-1)
  })

  test('large inputs of activations leave the gradient as it is, or 0', () => {
    for (const op of roundedBinary.slice(2)) {
      const [actual, expected] = results(op, float([2, 2, 2, 2, 2]), float([60, -60, 1e4, -1e4, 300]), [5])
      expected.forEach((e, i) => void expect(Math.abs(actual[i] - e), `${op} ${i}`).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(e))))
    }
  })

  test('operands of any layout, broadcast along any axes, or numbers, into any target', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 0, maxLength: 4 })
    const run = fc.property(
      shape,
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.constantFrom<BinaryOp>('sub', 'div', 'lt', 'reluBackward'),
      (size, maskA, maskB, seed, op) => {
        const draw = random(seed)
        const pick = <T>(list: readonly T[]) => list[Math.floor(draw() * list.length)]
        const layout = (rank: number): Layout => ({ order: pick(permutations(rank)), step: pick([1, 1, 2]), offset: pick([0, 1, 3]) })
        const operand = (mask: number): View | number => {
          if (mask % 5 === 0) return draw()
          const own = size.map((s, d) => (mask & (1 << d) ? 1 : s)).slice(mask % 3 === 0 ? 1 : 0)
          return randomView(own, draw, layout(own.length))
        }
        const a = operand(maskA)
        const b = typeof a === 'number' ? randomView(size, draw, layout(size.length)) : operand(maskB)
        const [actual, expected] = results(op, a, b, size)
        expect(Array.from(actual, (v, i) => distance(v, expected[i])).filter((d) => d > 1)).toEqual([])
        if (dtypeOf(op) !== 'float32') return
        const target = randomView(size, draw, layout(size.length))
        elementwise.binary(op, a, b, target, parameters[op])
        expect(Array.from(load(target), (v, i) => distance(v, expected[i])).filter((d) => d > 1)).toEqual([])
      },
    )
    fc.assert(run, { numRuns: 600 })
  })

  test('channels of several blocks, and a target that is an operand', () => {
    const draw = random(2)
    const x = randomView([5, 7, 31, 33], draw, { offset: 1 })
    const c = randomView([1, 7, 1, 1], draw)
    const expected = unwritten(x.shape)
    reference.binary('mul', x, c, expected)
    elementwise.binary('mul', x, c, x)
    expect(worst(x, expected)).toBe(0)
  })

  test('an expanded operand on both sides', () => {
    const one = float([3])
    const a = new Tensor(one.storage, 'float32', [2, 3], [0, 0])
    const [actual] = results('add', a, 4, [2, 3])
    expect(Array.from(actual)).toEqual(new Array(6).fill(5))
  })
})

describe('where', () => {
  test('conditions and operands of any layout, broadcast, or numbers', () => {
    const run = fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(), (size, seed, mask) => {
      const draw = random(seed)
      const own = (bits: number) => size.map((s, d) => ((mask >> bits) & (1 << d) ? 1 : s))
      const order = permutations(size.length)[seed % permutations(size.length).length]
      const condition = emptyTensor(own(0), 'bool')
      condition.data.forEach((_, i, all) => {
        ;(all as Uint8Array)[i] = draw() < 0.5 ? 1 : 0
      })
      const a = mask % 7 === 0 ? Number.NEGATIVE_INFINITY : randomView(own(4), draw, { order, offset: seed % 4 })
      const b = mask % 11 === 0 ? 2 : randomView(own(8), draw, { step: 2 })
      const [actual, expected] = [unwritten(size, seed % 3), unwritten(size)]
      elementwise.where(condition, a, b, actual)
      reference.where(condition, a, b, expected)
      expect(Array.from(load(actual))).toEqual(Array.from(load(expected)))
    })
    fc.assert(run, { numRuns: 300 })
  })
})

describe('copy and fill', () => {
  const dtypes: readonly Dtype[] = ['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool']

  test('every dtype between any two layouts of up to six axes, broadcast', () => {
    const run = fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
      fc.constantFrom(...dtypes),
      fc.nat(),
      fc.nat(),
      (size, dtype, seed, mask) => {
        const draw = random(seed)
        const lay = (shape: Shape): Tensor => {
          const floats = randomView(shape, draw, { order: shape.map((_, d) => d).sort(() => draw() - 0.5), step: 1 + (seed % 2), offset: seed % 3 })
          const storage = new Storage((floats.offset + 1 + shape.reduce((n, s, d) => n + (s - 1) * floats.strides[d], 0)) * 8, dtype, shape)
          const bytes = storage.array('uint8') as Uint8Array
          bytes.forEach((_, i) => {
            bytes[i] = dtype === 'bool' ? Math.floor(draw() * 2) : Math.floor(draw() * 120)
          })
          return new Tensor(storage, dtype, shape, floats.strides, floats.offset)
        }
        const x = lay(size.map((s, d) => (mask & (1 << d) ? 1 : s)))
        const y = lay(size)
        copies.copy(x, y)
        const expected = emptyTensor(size, dtype)
        reference.copy(x, expected)
        expect(Array.from(load(y))).toEqual(Array.from(load(expected)))
      },
    )
    fc.assert(run, { numRuns: 500 })
  })

  test('transposes of matrices larger than a tile', () => {
    const x = randomView([70, 131], random(1), { order: [1, 0], offset: 1 })
    const y = unwritten([70, 131], 1)
    copies.copy(x, y)
    expect(Array.from(load(y))).toEqual(Array.from(load(x)))
  })

  test.each(dtypes)('%s to float32 and from it', (dtype) => {
    const x = emptyTensor([4099], dtype)
    const source = randomView([4099], random(4), { offset: 2 })
    for (const [from, to] of [
      [source, x],
      [x, unwritten([4099], 1)],
    ]) {
      const expected = emptyTensor([4099], to.dtype)
      reference.copy(from, expected)
      copies.copy(from, to)
      expect(Array.from(load(to))).toEqual(Array.from(load(expected)))
    }
  })

  test('fill writes its elements and no others', () => {
    for (const n of [0, 1, 2, 3, 4, 5, 4099]) {
      const base = unwritten([n + 2])
      copies.fill(new Tensor(base.storage, 'float32', [n], [1], 1), 2.5)
      expect(Array.from(base.data as Float32Array)).toEqual([Number.NaN, ...new Array(n).fill(2.5), Number.NaN])
    }
  })
})
