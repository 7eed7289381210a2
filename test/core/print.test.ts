import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { Dtype } from '../../src/core/dtype.js'
import { type PrintOptions, setPrintOptions } from '../../src/core/print.js'
import { tensor } from '../../src/ops/index.js'

interface Case {
  shape: number[]
  dtype: Dtype
  requiresGrad: boolean
  options: { precision?: number; threshold?: number; edgeitems?: number; linewidth?: number; sci_mode?: boolean }
  data: string[]
  text: string
}

/** Written by print-cases.py. */
const cases: Case[] = JSON.parse(readFileSync(new URL('./print-cases.json', import.meta.url), 'utf8'))

const parse = (text: string): number => (text === 'nan' ? Number.NaN : Number(text.replace('inf', 'Infinity')))

afterEach(() => setPrintOptions())

describe('prints as PyTorch does', () => {
  test.for(cases.map((c, i) => ({ ...c, name: `${i}: ${c.dtype} [${c.shape}]` })))('$name', ({ shape, dtype, requiresGrad, options, data, text }) => {
    const { sci_mode: sciMode = null, ...rest } = options
    const printOptions: PrintOptions = { sciMode, ...rest }
    setPrintOptions(printOptions)
    expect(String(tensor(data.map(parse), { shape, dtype, requiresGrad }))).toBe(text)
  })
})

test('a view prints its own elements', () => {
  expect(String(tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3] }).t())).toBe('tensor([[1., 4.],\n        [2., 5.],\n        [3., 6.]])')
})

test('a computed tensor names its node', () => {
  const x = tensor([1, 2], { requiresGrad: true })
  expect(String(x.mul(2))).toBe('tensor([2., 4.], grad_fn=<MulBackward0>)')
})

test("Node's inspect shows the same, also of a released tensor", () => {
  const x = tensor([1, 2])
  expect(inspect(x)).toBe('tensor([1., 2.])')
  x.dispose()
  expect(inspect(x)).toBe('tensor(released by dispose())')
})

test('unknown options are refused', () => {
  expect(() => setPrintOptions({ precison: 2 } as PrintOptions)).toThrow("Did you mean 'precision'?")
})
