import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { F, type Tensor, tensor } from '../../../src/index.js'
import { batchNormAxes, groupNormAxes, instanceNormAxes, type NormAxes, normInWords, normKinds, trailingAxes } from '../../../src/ops/norm/axes.js'
import { composedNorm } from '../../../src/ops/norm/composed.js'

/** Numbers without pattern around `offset`. */
function noise(shape: readonly number[], seed: number, { offset = 0, scale = 1, dtype = 'float64' as 'float32' | 'float64' } = {}): Tensor {
  const n = shape.reduce((a, b) => a * b, 1)
  const at = (i: number) => {
    const u = Math.sin((i + 1) * 12.9898 + (seed % 1000) * 78.233) * 43758.5453
    return offset + scale * (4 * (u - Math.floor(u)) - 2)
  }
  return tensor(
    Float64Array.from({ length: n }, (_, i) => at(i)),
    { shape, dtype },
  )
}

const largestDifference = (a: Tensor, b: Tensor): number => a.to('float64').sub(b.to('float64')).abs().max().item()
const bits = (x: Tensor): number[] => Array.from(x.toTypedArray(), Number)

const size = fc.integer({ min: 1, max: 6 })
const wide = fc.integer({ min: 2, max: 9 })
const cases = fc.record({ n: size, groups: size, perGroup: size, length: wide, seed: fc.nat(999) })

/** The norms whose statistics belong to one sample, without parameters, with eps 0 where `exact`. */
const perSample: readonly [string, (x: Tensor, groups: number, eps: number) => Tensor][] = [
  ['layerNorm', (x, _, eps) => F.layerNorm(x, x.shape.slice(1), null, null, { eps })],
  ['groupNorm', (x, groups, eps) => F.groupNorm(x, groups, null, null, { eps })],
  ['instanceNorm', (x, _, eps) => F.instanceNorm(x, null, null, null, null, { eps })],
  ['rmsNorm', (x, _, eps) => F.rmsNorm(x, x.shape.slice(1), null, { eps })],
]
const batched = (x: Tensor, eps: number): Tensor => F.batchNorm(x, null, null, null, null, { training: true, eps })

describe('how the norms are related', () => {
  it('GroupNorm with one group is LayerNorm over [C, L]', () => {
    fc.assert(
      fc.property(cases, ({ n, groups: c, length, seed }) => {
        const x = noise([n, c, length], seed)
        expect(largestDifference(F.groupNorm(x, 1), F.layerNorm(x, [c, length]))).toBeLessThan(1e-12)
      }),
    )
  })

  it('GroupNorm with a group per channel is InstanceNorm', () => {
    fc.assert(
      fc.property(cases, ({ n, groups: c, length, seed }) => {
        const x = noise([n, c, length], seed)
        const [w, b] = [noise([c], 1), noise([c], 2)]
        expect(largestDifference(F.groupNorm(x, c, w, b), F.instanceNorm(x, null, null, w, b))).toBeLessThan(1e-12)
      }),
    )
  })

  it('RMSNorm of rows with mean 0 is LayerNorm', () => {
    fc.assert(
      fc.property(cases, ({ n, length, seed }) => {
        const x = noise([n, length], seed)
        const centered = x.sub(x.mean(1, { keepdim: true }))
        expect(largestDifference(F.rmsNorm(centered, [length], null, { eps: 1e-5 }), F.layerNorm(centered, [length]))).toBeLessThan(1e-12)
      }),
    )
  })

  it('BatchNorm of one sample is InstanceNorm', () => {
    fc.assert(
      fc.property(cases, ({ groups: c, length, seed }) => {
        const x = noise([1, c, length], seed)
        expect(largestDifference(batched(x, 1e-5), F.instanceNorm(x))).toBeLessThan(1e-12)
      }),
    )
  })
})

describe('what changes nothing', () => {
  it('scale and shift of the input; for RMSNorm the scale alone', () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0.1, max: 50, noNaN: true }), fc.double({ min: -50, max: 50, noNaN: true }), (k, a, b) => {
        const x = noise([k.n, k.groups * k.perGroup, k.length], k.seed)
        for (const [name, norm] of perSample) {
          const moved = x.mul(a).add(name === 'rmsNorm' ? 0 : b)
          expect(largestDifference(norm(moved, k.groups, 0), norm(x, k.groups, 0)), name).toBeLessThan(1e-9)
        }
        expect(largestDifference(batched(x.mul(a).add(b), 0), batched(x, 0))).toBeLessThan(1e-9)
      }),
    )
  })

  it("a sample's result never depends on the others, to the bit", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom('float32' as const, 'float64' as const), (k, dtype) => {
        const shape = [k.n + 1, k.groups * k.perGroup, k.length]
        const x = noise(shape, k.seed, { dtype })
        const other = noise(shape, k.seed + 1, { offset: 100, dtype })
        other.select(0, 0).copy_(x.select(0, 0))
        for (const [name, norm] of perSample) {
          expect(bits(norm(other, k.groups, 1e-5).select(0, 0)), name).toEqual(bits(norm(x, k.groups, 1e-5).select(0, 0)))
        }
      }),
    )
  })

  it('permuting the batch permutes the result', () => {
    fc.assert(
      fc.property(cases, (k) => {
        const x = noise([k.n + 2, k.groups * k.perGroup, k.length], k.seed)
        for (const [name, norm] of perSample) expect(bits(norm(x.flip(0), k.groups, 1e-5)), name).toEqual(bits(norm(x, k.groups, 1e-5).flip(0)))
        expect(largestDifference(batched(x.flip(0), 1e-5), batched(x, 1e-5).flip(0))).toBeLessThan(1e-12)
      }),
    )
  })
})

describe('the fused kernels and the composed formula agree', () => {
  const check = (
    name: string,
    fused: (x: Tensor, w: Tensor, b: Tensor) => Tensor,
    axes: (shape: readonly number[]) => NormAxes,
    parameters: readonly number[],
    x: Tensor,
  ) => {
    const [w, b] = [noise(parameters, 5, { offset: 1, dtype: 'float32' }), noise(parameters, 6, { dtype: 'float32' })]
    const want = composedNorm(x, w, name === 'rmsNorm' ? null : b, axes(x.shape), 1e-5)
    expect(largestDifference(fused(x, w, b), want), name).toBeLessThan(2e-6 * Math.max(1, want.abs().max().item()))
  }

  it('for float32 of any shape, layout and offset', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(0, 3, 1e4), fc.boolean(), (k, offset, swapped) => {
        const c = k.groups * k.perGroup
        const x = swapped
          ? noise([c, k.n + 1, k.length], k.seed, { offset, dtype: 'float32' }).transpose(0, 1)
          : noise([k.n + 1, c, k.length], k.seed, { offset, dtype: 'float32' })
        check('batchNorm', (t, w, b) => F.batchNorm(t, null, null, w, b, { training: true }), batchNormAxes, [c], x)
        check(
          'groupNorm',
          (t, w, b) => F.groupNorm(t, k.groups, w, b),
          (shape) => groupNormAxes(shape, k.groups),
          [c],
          x,
        )
        check('instanceNorm', (t, w, b) => F.instanceNorm(t, null, null, w, b), instanceNormAxes, [c], x)
        const trailing = [c, k.length]
        check(
          'layerNorm',
          (t, w, b) => F.layerNorm(t, trailing, w, b),
          (shape) => trailingAxes(normKinds.layer, shape, trailing),
          trailing,
          x,
        )
        check(
          'rmsNorm',
          (t, w) => F.rmsNorm(t, trailing, w, { eps: 1e-5 }),
          (shape) => trailingAxes(normKinds.rms, shape, trailing),
          trailing,
          x,
        )
      }),
    )
  })
})

describe('axes in words', () => {
  it('say what shares a statistic, what has parameters and what has a running average', () => {
    expect(normInWords(normKinds.batch)).toEqual({ statistics: 'C', over: 'N, L', parameters: 'C', running: 'C' })
    expect(normInWords(normKinds.instance)).toEqual({ statistics: 'N, C', over: 'L', parameters: 'C', running: 'C' })
    expect(normInWords(normKinds.group)).toEqual({ statistics: 'N, G', over: 'C / G, L', parameters: 'G, C / G', running: null })
    expect(normInWords(normKinds.layer)).toEqual({ statistics: '*', over: 'normalizedShape', parameters: 'normalizedShape', running: null })
  })
})
