import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cat, F, manualSeed, nn, randn, type Tensor, tensor, zeros } from '../../../src/index.js'

const numbers = (x: Tensor | null): number[] => Array.from((x as Tensor).toTypedArray(), Number)

/** [N, L] flags from lengths, as a mask. */
const maskOf = (lengths: readonly number[], size: number): Tensor =>
  tensor(
    lengths.map((n) => Array.from({ length: size }, (_, i) => i < n)),
    { dtype: 'bool' },
  )

const ragged = fc.record({
  channels: fc.integer({ min: 1, max: 4 }),
  size: fc.integer({ min: 2, max: 6 }),
  fractions: fc.array(fc.double({ min: 0.2, max: 1, noNaN: true }), { minLength: 2, maxLength: 4 }),
  seed: fc.nat(99),
})
type Ragged = { channels: number; size: number; fractions: number[]; seed: number }
const lengthsOf = ({ size, fractions }: Ragged): number[] => fractions.map((f) => Math.max(1, Math.floor(f * size)))

describe('BatchNorm1d with lengths', () => {
  it('equals BatchNorm of what is data alone: result, gradients, running averages', () => {
    fc.assert(
      fc.property(ragged, (k) => {
        const lengths = lengthsOf(k)
        manualSeed(k.seed)
        // Padding that would spoil every statistic.
        const x = randn([lengths.length, k.channels, k.size])
        lengths.forEach((length, n) => void x.select(0, n).slice(1, length).fill_(1e6))
        const dy = randn(x.shape)
        x.requiresGrad_()
        const [masked, plain] = [new nn.BatchNorm1d(k.channels), new nn.BatchNorm1d(k.channels)]
        const y = masked.forward(x, { lengths })
        y.backward(dy)

        const parts = (t: Tensor) => lengths.map((length, n) => t.detach().select(0, n).slice(1, 0, length).transpose(0, 1))
        const packed = cat(parts(x)).requiresGrad_()
        const want = plain.forward(packed)
        want.backward(cat(parts(dy)))
        expect(numbers(cat(parts(y)))).toEqual(numbers(want))
        expect(numbers(cat(parts(x.grad as Tensor)))).toEqual(numbers(packed.grad))
        expect(numbers((masked.weight as Tensor).grad)).toEqual(numbers((plain.weight as Tensor).grad))
        expect(numbers(masked.runningMean)).toEqual(numbers(plain.runningMean))
        expect(numbers(masked.runningVar)).toEqual(numbers(plain.runningVar))
        lengths.forEach((length, n) => {
          for (const t of [y, x.grad as Tensor]) expect(numbers(t.select(0, n).slice(1, length)).every((v) => v === 0)).toBe(true)
        })
        const again = new nn.BatchNorm1d(k.channels).forward(x, { mask: maskOf(lengths, k.size) })
        expect(numbers(again)).toEqual(numbers(y))
      }),
    )
  })

  it('evaluates data with the running averages, padding to 0', () => {
    const norm = new nn.BatchNorm1d(1).eval()
    const y = norm.forward(tensor([1, 2, 3, 4, 5, 6], { shape: [2, 1, 3] }), { lengths: tensor([1, 3]) })
    expect(numbers(y)).toEqual([1, 0, 0, 4, 5, 6].map((v) => Math.fround(v / Math.sqrt(1 + 1e-5))))
  })
})

describe('LayerNorm with lengths', () => {
  it('over [L, C] equals LayerNorm of each sample without padding', () => {
    fc.assert(
      fc.property(ragged, fc.boolean(), (k, channelsFirst) => {
        const lengths = lengthsOf(k)
        manualSeed(k.seed)
        const shape = channelsFirst ? [k.channels, k.size] : [k.size, k.channels]
        const lengthDim = channelsFirst ? 2 : 1
        const x = randn([lengths.length, ...shape])
        lengths.forEach(
          (length, n) =>
            void x
              .select(0, n)
              .slice(lengthDim - 1, length)
              .fill_(1e6),
        )
        const dy = randn(x.shape)
        const [masked, plain] = [new nn.LayerNorm(shape), new nn.LayerNorm(shape)]
        x.requiresGrad_()
        const y = masked.forward(x, { lengths, lengthDim })
        y.backward(dy)
        lengths.forEach((length, n) => {
          const part = (t: Tensor | null) =>
            (t as Tensor)
              .detach()
              .slice(lengthDim - 1, 0, length)
              .clone()
          const own = part(x.detach().select(0, n)).requiresGrad_()
          const want = F.layerNorm(own, own.shape, part(plain.weight), part(plain.bias))
          want.backward(part(dy.select(0, n)))
          expect(numbers(part(y.select(0, n)))).toEqual(numbers(want))
          expect(numbers(part((x.grad as Tensor).select(0, n)))).toEqual(numbers(own.grad))
          for (const t of [y, x.grad as Tensor]) expect(numbers(t.select(0, n).slice(lengthDim - 1, length)).every((v) => v === 0)).toBe(true)
        })
      }),
    )
  })

  it('over [C] normalises each position that is data, and no other', () => {
    manualSeed(0)
    const x = randn([2, 3, 4])
    const norm = new nn.LayerNorm(4)
    const y = norm.forward(x, { lengths: [3, 1] })
    const want = norm.forward(x)
    expect(numbers(y.select(0, 0))).toEqual(numbers(want.select(0, 0)))
    expect(numbers(y.select(0, 1))).toEqual([...numbers(want.select(0, 1).select(0, 0)), 0, 0, 0, 0, 0, 0, 0, 0])
  })
})

describe('masks and lengths that say nothing useful', () => {
  const x = zeros([2, 3, 5])
  const norm = new nn.BatchNorm1d(3)
  const layer = new nn.LayerNorm([3, 5])

  it.for<[string, () => unknown]>([
    ['the mask has no valid element', () => norm.forward(x, { mask: zeros([2, 5], { dtype: 'bool' }) })],
    ['lengths leave no valid element', () => norm.forward(x, { lengths: [0, 0] })],
    ['lengths[1] is 6, but the input has only 5 positions', () => norm.forward(x, { lengths: [5, 6] })],
    ['lengths[0] must be a whole number of positions, got -1', () => norm.forward(x, { lengths: [-1, 2] })],
    ['lengths[0] must be a whole number of positions, got 1.5', () => norm.forward(x, { lengths: [1.5, 2] })],
    ['expected a length for each of the 2 samples, got 3', () => norm.forward(x, { lengths: [1, 2, 3] })],
    ['expected a mask of shape [2, 5], a value for each position, got [2, 3]', () => norm.forward(x, { mask: zeros([2, 3], { dtype: 'bool' }) })],
    ['mask must be of dtype bool, true where there is data, got float32', () => norm.forward(x, { mask: zeros([2, 5]) })],
    ['give either a mask or lengths', () => norm.forward(x, {})],
    ['expected 3D input with a mask or lengths (got 2D input)', () => norm.forward(zeros([2, 3]), { lengths: [1, 2] })],
    ['Expected more than 1 value per channel when training, got input size torch.Size([1, 3])', () => norm.forward(x, { lengths: [0, 1] })],
    ['sample 1 has no valid element', () => layer.forward(x, { lengths: [2, 0], lengthDim: 2 })],
    ['the axis of the positions must lie behind the batch axis', () => layer.forward(x, { lengths: [2, 2], lengthDim: 0 })],
  ])('%s', ([message, run]) => {
    expect(run).toThrow(message)
  })
})
