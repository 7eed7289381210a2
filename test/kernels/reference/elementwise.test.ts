import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BinaryOp, UnaryOp } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { allDtypes, bigints, empty, floatDtypes, indices, integerDtypes, numbers, tensor, view } from './views.js'

/** Rows of numbers as Python writes them. */
interface Row {
  readonly scalar: string
  /** What PyTorch's vector path gives, where it differs. */
  readonly vector?: string
}
interface Points
  extends Readonly<Record<'points' | 'outputs' | 'operands', string>>,
    Readonly<Record<'unary' | 'backward' | 'binary', Readonly<Record<string, Row>>>> {}
const pytorch: Points = JSON.parse(readFileSync(new URL('./pytorch-points.json', import.meta.url), 'utf8'))

const parse = (row: string): number[] => row.split(' ').map((s) => Number(s.replace('inf', 'Infinity')))
const points = parse(pytorch.points)
const outputs = parse(pytorch.outputs)
const operands = parse(pytorch.operands)

/** Within a few units in the last place, of 1 where the formula cancels; NaN, infinities and zeros (with their sign, unless `anyZero`) exactly. */
function near(got: number, want: number, anyZero: boolean): boolean {
  if (Object.is(got, want) || (anyZero && got === want)) return true
  return want !== 0 && Number.isFinite(want) && Math.abs(got - want) <= 1e-14 * Math.abs(want) + 5e-16
}

function expectRow(name: string, got: readonly number[], row: Row, inputs: readonly (readonly number[])[], anyZero = false): void {
  const either = [row.scalar, row.vector ?? row.scalar].map(parse)
  const wrong = got.flatMap((value, i) =>
    either.some((want) => near(value, want[i], anyZero)) ? [] : [`${name}(${inputs.map((x) => x[i]).join(', ')}) = ${value}, PyTorch has ${either[0][i]}`],
  )
  expect(got.length).toBe(either[0].length)
  expect(wrong).toEqual([])
}

/** A name of the table: the op, then its parameters. */
function opOf<Op extends string>(name: string): { op: Op; params: number[] } {
  const [op, ...params] = name.split(' ')
  return { op: op as Op, params: params.map(Number) }
}

describe("PyTorch's values at special points", () => {
  test.each(Object.entries(pytorch.unary))('unary %s', (name, row) => {
    const { op, params } = opOf<UnaryOp>(name)
    const boolean = ['logicalNot', 'isNan', 'isInf', 'isFinite'].includes(op)
    const out = empty([points.length], boolean ? 'bool' : 'float64')
    reference.unary(op, tensor(points), out, params)
    // PyTorch's elu has exp(-0) - 1 = 0, ours keeps the sign.
    expectRow(name, numbers(out), row, [points], op === 'elu')
  })

  test.each(Object.entries(pytorch.backward))('%s', (name, row) => {
    const { op, params } = opOf<BinaryOp>(name)
    const x = op === 'sigmoidBackward' || op === 'tanhBackward' ? outputs : points
    const out = empty([x.length])
    reference.binary(op, 1.5, tensor(x), out, params)
    // A gradient of zero may have either sign: PyTorch's paths multiply by 0 or write it.
    expectRow(name, numbers(out), row, [x], true)
  })

  const grid = operands.flatMap((a) => operands.map((b) => [a, b]))
  const [left, right] = [0, 1].map((side) => grid.map((pair) => pair[side]))
  test.each(Object.entries(pytorch.binary))('binary %s', (name, row) => {
    const { op, params } = opOf<BinaryOp>(name)
    const out = empty([grid.length], /^(eq|ne|lt|le|gt|ge|logical)/.test(op) ? 'bool' : 'float64')
    reference.binary(op, tensor(left), tensor(right), out, params)
    // Which of 0 and -0 is the larger is left open.
    expectRow(name, numbers(out), row, [left, right], op === 'maximum' || op === 'minimum')
  })
})

/** What a + b, a * b, … give on 64-bit integers that wrap around to `dtype`. */
const wrap: Readonly<Record<(typeof integerDtypes)[number], (value: bigint) => bigint>> = {
  int64: (v) => BigInt.asIntN(64, v),
  int32: (v) => BigInt.asIntN(32, v),
  int16: (v) => BigInt.asIntN(16, v),
  int8: (v) => BigInt.asIntN(8, v),
  uint8: (v) => BigInt.asUintN(8, v),
}
const range: Readonly<Record<(typeof integerDtypes)[number], [bigint, bigint]>> = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int8: [-128n, 127n],
  uint8: [0n, 255n],
}

describe('integers', () => {
  test.each(integerDtypes)('%s arithmetic is exact and wraps around', (dtype) => {
    const [min, max] = range[dtype]
    fc.assert(
      fc.property(fc.bigInt({ min, max }), fc.bigInt({ min, max }), (a, b) => {
        const result = (op: BinaryOp, params?: number[]) => {
          const out = empty([1], dtype)
          reference.binary(op, tensor([a], dtype), tensor([b], dtype), out, params)
          return bigints(out)[0]
        }
        expect(result('add')).toBe(wrap[dtype](a + b))
        expect(result('sub', [3])).toBe(wrap[dtype](a - 3n * b))
        expect(result('mul')).toBe(wrap[dtype](a * b))
        expect(result('maximum')).toBe(a > b ? a : b)
        expect(result('bitwiseXor')).toBe(wrap[dtype](a ^ b))
        if (b !== 0n) {
          // The defining property of Python's pair, and of C's.
          const [quotient, rest, cRest] = [result('floorDivide'), result('remainder'), result('fmod')]
          expect(wrap[dtype](quotient * b + rest)).toBe(a)
          expect(rest === 0n || rest < 0n === b < 0n).toBe(true)
          expect(cRest === 0n || cRest < 0n === a < 0n).toBe(true)
        }
        const comparison = empty([1], 'bool')
        reference.binary('lt', tensor([a], dtype), tensor([b], dtype), comparison)
        expect(bigints(comparison)[0]).toBe(a < b ? 1n : 0n)
      }),
    )
  })

  test('division by zero is an error, as in PyTorch', () => {
    for (const op of ['floorDivide', 'remainder', 'fmod'] as const) {
      expect(() => reference.binary(op, tensor([1n], 'int64'), tensor([0n], 'int64'), empty([1], 'int64'))).toThrow('ZeroDivisionError')
    }
  })

  test('powers, among them negative ones', () => {
    const out = empty([6], 'int64')
    reference.binary('pow', tensor([2, 1, -1, -1, 7, 3], 'int64'), tensor([-1, -2, -2, -3, 3, 40], 'int64'), out)
    expect(bigints(out)).toEqual([0n, 1n, 1n, -1n, 343n, 12157665459056928801n - 2n ** 64n])
  })

  test('unary functions', () => {
    const results = (op: UnaryOp, params?: number[]) => {
      const out = empty([4], 'int8')
      reference.unary(op, tensor([-128, -3, 0, 100], 'int8'), out, params)
      return numbers(out)
    }
    expect(results('neg')).toEqual([-128, 3, 0, -100])
    expect(results('abs')).toEqual([-128, 3, 0, 100])
    expect(results('sign')).toEqual([-1, -1, 0, 1])
    expect(results('square')).toEqual([0, 9, 0, 16])
    expect(results('relu')).toEqual([0, 0, 0, 100])
    expect(results('hardtanh', [-5, Number.POSITIVE_INFINITY])).toEqual([-5, -3, 0, 100])
    expect(results('powScalar', [3])).toEqual([0, -27, 0, 64])
    expect(results('round')).toEqual([-128, -3, 0, 100])
  })

  test('bools add as or, multiply as and', () => {
    const [a, b, out] = [tensor([0, 0, 1, 1], 'bool'), tensor([0, 1, 0, 1], 'bool'), empty([4], 'bool')]
    reference.binary('add', a, b, out)
    expect(numbers(out)).toEqual([0, 1, 1, 1])
    reference.binary('mul', a, b, out)
    expect(numbers(out)).toEqual([0, 0, 0, 1])
  })
})

describe('dtypes', () => {
  test.each(floatDtypes)('%s results are the float64 result rounded once', (dtype) => {
    const x = tensor([0.1, -1.7, 3.3, 12], dtype)
    const exact = empty([4], 'float64')
    reference.unary('exp', x, exact)
    const out = empty([4], dtype)
    reference.unary('exp', x, out)
    const expected = empty([4], dtype)
    reference.copy(exact, expected)
    expect(numbers(out)).toEqual(numbers(expected))
    expect(numbers(out)).not.toEqual(numbers(x))
  })

  test('a number is rounded to the dtype before it is compared: 0.1 equals the float32 nearest to it', () => {
    for (const dtype of floatDtypes) {
      const out = empty([1], 'bool')
      reference.binary('eq', tensor([0.1], dtype), 0.1, out)
      expect([dtype, numbers(out)]).toEqual([dtype, [1]])
    }
  })

  test('half types compute with float32 numbers', () => {
    // With 0.1 as a bfloat16 it would be 0.90234375.
    const out = empty([1], 'bfloat16')
    reference.binary('mul', tensor([9], 'bfloat16'), 0.1, out)
    expect(numbers(out)).toEqual([0.8984375])
  })

  test('operands of two dtypes meet in the promoted one', () => {
    const out = empty([2], 'bool')
    // 2^24 + 1 does not fit a float32, so as float32 the two are equal.
    reference.binary('eq', tensor([2n ** 24n + 1n, 2n ** 24n + 2n], 'int64'), tensor([2 ** 24, 2 ** 24], 'float32'), out)
    expect(numbers(out)).toEqual([1, 0])
    reference.binary('gt', tensor([1n, 0n], 'int64'), 0.5, out)
    expect(numbers(out)).toEqual([1, 0])
    const quotient = empty([2], 'float32')
    reference.binary('div', tensor([1n, 7n], 'int64'), tensor([4n, 2n], 'int64'), quotient)
    expect(numbers(quotient)).toEqual([0.25, 3.5])
  })
})

describe('layout', () => {
  test('operands broadcast and the target may be strided', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }), fc.nat(7), fc.nat(7), (shape, keepA, keepB) => {
        const side = (keep: number) => shape.map((size, d) => (keep & (1 << d) ? size : 1))
        const [sa, sb] = [side(keepA), side(keepB)]
        const [a, b] = [sa, sb].map((s, k) =>
          tensor(
            indices(s).map((_, i) => 10 ** k * (i + 1)),
            'float32',
            s,
          ),
        )
        const at = (s: number[], index: number[]) => index.reduce((n, i, d) => n * s[d] + (s[d] === 1 ? 0 : i), 0)
        const expected = indices(shape).map((index) => at(sa, index) + 1 - 10 * (at(sb, index) + 1))
        // The target's elements lie in reverse order of the axes, two apart.
        const strides = shape.map((_, d) => 2 * shape.slice(0, d).reduce((n, s) => n * s, 1))
        const target = view(empty([54], 'float32'), shape, strides)
        reference.binary('sub', a, b, target)
        expect(numbers(target)).toEqual(expected)
      }),
    )
  })

  test('the target may be an operand', () => {
    const x = tensor([1, 2, 3])
    reference.binary('mul', x, x, x)
    reference.unary('neg', x, x)
    expect(numbers(x)).toEqual([-1, -4, -9])
  })
})

describe('where, copy, fill', () => {
  test('where chooses element by element', () => {
    const condition = tensor([1, 0, 1], 'bool')
    const out = empty([2, 3], 'float32')
    reference.where(condition, tensor([1, 2], 'float32', [2, 1]), Number.NEGATIVE_INFINITY, out)
    expect(numbers(out)).toEqual([1, Number.NEGATIVE_INFINITY, 1, 2, Number.NEGATIVE_INFINITY, 2])
    const exact = empty([3], 'int64')
    reference.where(condition, tensor([2n ** 60n + 1n], 'int64'), -1, exact)
    expect(bigints(exact)).toEqual([2n ** 60n + 1n, -1n, 2n ** 60n + 1n])
  })

  test.each(allDtypes)('copy from %s to every dtype', (from) => {
    const values = [0, 1, 5, 100]
    const x = tensor(values, from)
    for (const to of allDtypes) {
      const target = view(empty([8], to), [4], [2])
      reference.copy(x, target)
      expect([to, numbers(target)]).toEqual([to, from === 'bool' || to === 'bool' ? [0, 1, 1, 1] : values])
    }
  })

  test('copy keeps 64-bit integers, and the bits of what it only moves', () => {
    const x = tensor([2n ** 62n + 1n], 'int64')
    const y = empty([1], 'int64')
    reference.copy(x, y)
    expect(bigints(y)).toEqual([2n ** 62n + 1n])
    const strided = view(empty([4], 'int64'), [2], [2])
    reference.copy(x, strided)
    expect(bigints(strided)).toEqual([2n ** 62n + 1n, 2n ** 62n + 1n])
    const half = empty([1], 'float16')
    half.data[0] = 0x7e01 // a NaN with a payload
    const moved = empty([1], 'float16')
    reference.copy(half, moved)
    expect(moved.data[0]).toBe(0x7e01)
  })

  test('fill converts its value and stays inside the window', () => {
    const base = empty([4], 'int64')
    reference.fill(view(base, [2], [2], 1), 2n ** 60n + 1n)
    expect(bigints(base)).toEqual([99n, 2n ** 60n + 1n, 99n, 2n ** 60n + 1n])
    for (const [dtype, value, expected] of [
      ['uint8', -1, 255],
      ['bool', 0.5, 1],
      ['bool', 3n, 1],
      ['float32', 0.1, Math.fround(0.1)],
      ['float16', 3n, 3],
      ['int64', -3.9, -3],
    ] as const) {
      const target = empty([3], dtype)
      reference.fill(target, value)
      expect([dtype, numbers(target)]).toEqual([dtype, [expected, expected, expected]])
    }
  })
})
