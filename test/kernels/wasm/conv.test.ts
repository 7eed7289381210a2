import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Shape } from '../../../src/core/shape.js'
import { numelOf } from '../../../src/core/shape.js'
import type { Tensor } from '../../../src/core/tensor.js'
import type { ConvGeometry } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { convolutions } from '../../../src/kernels/wasm/conv.js'
import { copies } from '../../../src/kernels/wasm/copy.js'
import { elementwise } from '../../../src/kernels/wasm/elementwise.js'
import { excess, random, randomView, unwritten } from './views.js'

interface Case extends ConvGeometry {
  batches: number
  /** Channels of a group, in and out. */
  channels: number
  outputs: number
  spatial: Shape
  kernel: Shape
}

const outputSizes = ({ spatial, kernel, stride, padding, dilation }: Case) =>
  spatial.map((size, d) => Math.floor((size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + 1)

const orderFor = (rank: number, last: boolean) =>
  last ? [0, ...Array.from({ length: rank - 2 }, (_, d) => d + 2), 1] : Array.from({ length: rank }, (_, d) => d)

/** Forward and both gradients against the reference, for one layout of the inputs. */
function check(c: Case, { channelsLast = false, step = 1, offset = 0, bias = true, seed = 1 } = {}) {
  const draw = random(seed)
  const { batches: n, groups, spatial, kernel } = c
  const out = outputSizes(c)
  const xShape = [n, groups * c.channels, ...spatial]
  const wShape = [groups * c.outputs, c.channels, ...kernel]
  const yShape = [n, groups * c.outputs, ...out]
  const layout = { order: orderFor(xShape.length, channelsLast), step, offset }
  const x = randomView(xShape, draw, layout)
  const dy = randomView(yShape, draw, layout)
  const w = randomView(wShape, draw, { ...layout, order: orderFor(xShape.length, channelsLast) })
  const b = bias ? randomView([yShape[1]], draw, { step, offset }) : null
  const compare = (shape: Shape, terms: number, run: (kernels: typeof convolutions, target: Tensor) => void) => {
    const [expected, actual] = [unwritten(shape), unwritten(shape, offset)]
    run(reference, expected)
    run(convolutions, actual)
    expect(excess(actual, expected, terms)).toBeLessThanOrEqual(1)
  }
  const taps = numelOf(kernel)
  compare(yShape, c.channels * taps + 1, (kernels, y) => kernels.conv(x, w, b, c, y))
  compare(xShape, c.outputs * taps, (kernels, dx) => kernels.convInputGrad(dy, w, c, dx))
  compare(wShape, n * numelOf(out), (kernels, dw) => kernels.convWeightGrad(dy, x, c, dw))
}

const two = (
  channels: number,
  outputs: number,
  size: number,
  kernel: number,
  options: Partial<Record<'stride' | 'padding' | 'dilation' | 'groups' | 'batches', number>> = {},
): Case => {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, batches = 2 } = options
  const pair = (value: number) => [value, value]
  return {
    batches,
    channels,
    outputs,
    spatial: pair(size),
    kernel: pair(kernel),
    stride: pair(stride),
    padding: pair(padding),
    dilation: pair(dilation),
    groups,
  }
}

const anyCase: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const axes = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: rank, maxLength: rank })
  return fc
    .record({
      batches: fc.integer({ min: 1, max: 4 }),
      channels: fc.integer({ min: 1, max: 5 }),
      outputs: fc.integer({ min: 1, max: 5 }),
      groups: fc.constantFrom(1, 1, 2, 3),
      spatial: axes(fc.integer({ min: 1, max: rank === 3 ? 8 : 13 })),
      kernel: axes(fc.integer({ min: 1, max: 4 })),
      stride: axes(fc.integer({ min: 1, max: 4 })),
      padding: axes(fc.integer({ min: 0, max: 3 })),
      dilation: axes(fc.integer({ min: 1, max: 3 })),
    })
    .filter((c) => outputSizes(c).every((size) => size >= 1))
})

describe('convolution and its gradients', () => {
  test('a transposed convolution whose output is larger than its windows reach has zeros there', () => {
    const draw = random(9)
    for (const kernel of [1, 2]) {
      const [dy, w] = [randomView([2, 3, 5], draw), randomView([3, 2, kernel], draw)]
      const geometry = { stride: [1], padding: [0], dilation: [2], groups: 1 }
      const shape = [2, 2, 5 + (kernel - 1) * 2 + 1]
      const [expected, actual] = [unwritten(shape), unwritten(shape)]
      reference.convInputGrad(dy, w, geometry, expected)
      convolutions.convInputGrad(dy, w, geometry, actual)
      expect(excess(actual, expected, 6)).toBeLessThanOrEqual(1)
      expect((actual.data as Float32Array).at(-1)).toBe(0)
    }
  })

  test('every geometry over one to three axes, with any layout', () => {
    fc.assert(
      fc.property(anyCase, fc.boolean(), fc.constantFrom(1, 1, 2), fc.nat(3), fc.boolean(), fc.nat(), (c, channelsLast, step, offset, bias, seed) => {
        check(c, { channelsLast, step, offset, bias, seed })
      }),
      { numRuns: 600 },
    )
  }, 120_000)

  test.each([
    ['a first layer', two(1, 8, 28, 3, { padding: 1, batches: 3 })],
    ['a middle layer, deeper than one run', two(40, 11, 14, 3, { padding: 1, batches: 3 })],
    ['rows of less than a group', two(5, 6, 3, 2, { padding: 0, batches: 9 })],
    ['rows a multiple of 128 bytes', two(9, 4, 30, 3, { padding: 2 })],
    ['stride 2', two(6, 8, 15, 3, { padding: 1, stride: 2 })],
    ['stride 2, of a single element', two(6, 8, 15, 1, { stride: 2 })],
    ['a stride beyond the kernel', two(3, 4, 17, 2, { stride: 5 })],
    ['padding beyond the kernel', two(3, 4, 4, 2, { padding: 3 })],
    ['dilation', two(4, 5, 16, 3, { dilation: 3, padding: 3 })],
    ['depthwise', two(1, 1, 19, 3, { groups: 7, padding: 1 })],
    ['depthwise of large images', two(1, 1, 70, 3, { groups: 3, padding: 1 })],
    ['depthwise, dilated', two(1, 1, 17, 3, { groups: 3, padding: 0, dilation: 2 })],
    ['depthwise with a stride', two(1, 1, 18, 3, { groups: 3, padding: 1, stride: 2 })],
    ['depthwise of small images', two(1, 1, 3, 3, { groups: 3, padding: 1 })],
    ['depthwise with a multiplier and a stride', two(1, 3, 19, 5, { groups: 4, padding: 2, stride: 2 })],
    ['pointwise in place', two(33, 17, 9, 1, { batches: 5 })],
    ['pointwise of many channels', two(70, 9, 9, 1)],
    ['pointwise in groups', two(5, 3, 8, 1, { groups: 3 })],
    ['one window', two(4, 10, 5, 5, { batches: 6 })],
    ['one element', two(20, 10, 1, 1, { batches: 6 })],
    ['tiles of 2 x 2', two(16, 17, 14, 3, { padding: 1, batches: 3 })],
    ['tiles that reach beyond the edges', two(19, 16, 9, 3, { batches: 2 })],
    ['tiles of the widest padding', two(16, 16, 7, 3, { padding: 2 })],
    ['tiles of padding beyond the kernel', two(16, 16, 6, 3, { padding: 3 })],
    ['tiles that are no square', { ...two(16, 18, 0, 3, { padding: 1 }), spatial: [5, 11] }],
    ['tiles in several passes', two(40, 24, 38, 3, { padding: 1, batches: 3 })],
    ['a batch in several passes of the workspace', two(16, 2, 70, 3, { padding: 1, batches: 8 })],
    ['pointwise, a product for each sample', two(33, 21, 12, 1, { batches: 5 })],
    ['pointwise, channels on top of each other in the cache', two(40, 20, 16, 1)],
    ['pointwise, the weights summed in several passes', two(40, 18, 64, 1, { batches: 7 })],
  ])('%s', (_, c) => {
    check(c)
    check(c, { channelsLast: true, offset: 1, bias: false, seed: 2 })
  })

  test.each([4, 5, 7, 8, 30])('depthwise weights: the same bits from an image of width %i and from planes, which other layouts take', (width) => {
    const geometry = two(1, 1, width, 3, { padding: 1, groups: 3 })
    const shape = [2, 3, 6, width]
    const dy = randomView(shape, random(2))
    const gradients = [
      [0, 1, 2, 3],
      [0, 2, 3, 1],
    ].map((order) => {
      const x = randomView(shape, random(1), { order })
      const values = randomView(shape, random(3))
      copies.copy(values, x)
      const dw = unwritten([3, 1, 3, 3])
      convolutions.convWeightGrad(dy, x, geometry, dw)
      return dw.data
    })
    expect(gradients[0]).toEqual(gradients[1])
  })

  test('pointwise, ending with an activation: the bits of a separate kernel', () => {
    const draw = random(4)
    const [x, w, bias] = [randomView([3, 17, 12, 12], draw), randomView([19, 17, 1, 1], draw), randomView([19], draw)]
    const geometry = two(17, 19, 12, 1)
    for (const op of ['tanh', 'exp'] as const) {
      const [z, y, expected] = [1, 2, 3].map(() => unwritten([3, 19, 12, 12]))
      convolutions.conv(x, w, bias, geometry, z)
      elementwise.unary(op, z, expected)
      convolutions.conv(x, w, bias, geometry, y, { op, params: [], y })
      expect(y.data).toEqual(expected.data)
    }
  })

  test('an input gradient wider than the windows reach is zero there', () => {
    const c = two(2, 3, 6, 3, { stride: 3 })
    const dx = unwritten([1, 2, 8, 8])
    const dy = randomView([1, 3, 2, 2], random(1))
    const w = randomView([3, 2, 3, 3], random(2))
    convolutions.convInputGrad(dy, w, c, dx)
    const expected = unwritten([1, 2, 8, 8])
    reference.convInputGrad(dy, w, c, expected)
    expect(excess(dx, expected, 12)).toBeLessThanOrEqual(1)
    const zeros = (dx.data as Float32Array).filter((_, i) => i % 8 >= 6 || Math.floor(i / 8) % 8 >= 6)
    expect(Array.from(zeros)).toEqual(new Array(2 * 28).fill(0))
  })

  test('an empty batch', () => {
    const c = two(2, 3, 6, 3, { batches: 0 })
    const [x, w, dy] = [randomView([0, 2, 6, 6], random(1)), randomView([3, 2, 3, 3], random(1)), randomView([0, 3, 4, 4], random(1))]
    convolutions.conv(x, w, null, c, unwritten([0, 3, 4, 4]))
    convolutions.convInputGrad(dy, w, c, unwritten([0, 2, 6, 6]))
    const dw = unwritten([3, 2, 3, 3])
    convolutions.convWeightGrad(dy, x, c, dw)
    expect(Array.from(dw.data as Float32Array)).toEqual(new Array(54).fill(0))
  })

  test('no input channels leave the bias', () => {
    const c = two(0, 2, 4, 3)
    const y = unwritten([2, 2, 2, 2])
    const bias = randomView([2], random(1))
    convolutions.conv(randomView([2, 0, 4, 4], random(1)), randomView([2, 0, 3, 3], random(1)), bias, c, y)
    const [a, b] = bias.data as Float32Array
    expect(Array.from(y.data as Float32Array)).toEqual([a, a, a, a, b, b, b, b, a, a, a, a, b, b, b, b])
  })

  // With 16 channels the products are those of tiles, in which infinity would spread.
  test.each([1, 16])('infinity in the image reaches the windows that it lies in, and no others: %i channels', (channels) => {
    const c = two(channels, channels, 6, 3, { padding: 1, batches: 1 })
    const shape = [1, channels, 6, 6]
    const x = randomView(shape, random(1))
    ;(x.data as Float32Array)[5] = Number.POSITIVE_INFINITY
    const w = randomView([channels, channels, 3, 3], random(2))
    for (const run of [
      convolutions.conv,
      (...[image, weights, , geometry, y]: Parameters<typeof convolutions.conv>) => convolutions.convInputGrad(image, weights, geometry, y),
    ]) {
      const y = unwritten(shape)
      run(x, w, null, c, y)
      const reached = Array.from(y.data as Float32Array, (value, i) => (Number.isFinite(value) ? -1 : i)).filter((i) => i >= 0)
      expect(reached).toEqual(Array.from({ length: channels }, (_, o) => [4, 5, 10, 11].map((i) => o * 36 + i)).flat())
    }
    const dw = unwritten([channels, channels, 3, 3])
    convolutions.convWeightGrad(randomView(shape, random(3)), x, c, dw)
    const expected = unwritten([channels, channels, 3, 3])
    reference.convWeightGrad(randomView(shape, random(3)), x, c, expected)
    expect(Array.from(dw.data as Float32Array, Number.isFinite)).toEqual(Array.from(expected.data as Float32Array, Number.isFinite))
  })
})
