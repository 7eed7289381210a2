import { afterEach, expect, test, vi } from 'vitest'
import { emptyTensor, Tensor } from '../../../src/core/tensor.js'
import { attentions } from '../../../src/kernels/wasm/attention.js'
import { convolutions } from '../../../src/kernels/wasm/conv.js'
import { matmul } from '../../../src/kernels/wasm/matmul.js'
import { optimizers } from '../../../src/kernels/wasm/optim.js'
import { pools } from '../../../src/kernels/wasm/pool.js'
import { scatters } from '../../../src/kernels/wasm/scatter.js'
import { random, randomView, unwritten } from './views.js'

/** Blocks in a range; 0 leaves them all in one. */
const cut = vi.hoisted(() => ({ blocks: 0 }))

vi.mock('../../../src/kernels/wasm/launch.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../src/kernels/wasm/launch.js')>()
  const { instantiate } = await import('../../../src/kernels/wasm/loader.js')
  const kernels = instantiate()
  const launch: typeof original.launch = (kernel, blocks, ...args) => {
    const size = cut.blocks || blocks
    // The last range first: no block may wait for another.
    for (let begin = Math.floor((blocks - 1) / size) * size; begin >= 0; begin -= size) kernels[kernel](...args, begin, Math.min(blocks, begin + size))
  }
  return { ...original, launch }
})

afterEach(() => {
  cut.blocks = 0
})

/** Runs `compute` with blocks in one range, then in ranges of one, two and five: the bits must be the same. */
function expectSameBits(compute: () => Tensor) {
  cut.blocks = 0
  const whole = (compute().data as Float32Array).slice()
  expect(whole.every(Number.isFinite)).toBe(true)
  for (const blocks of [1, 2, 5]) {
    cut.blocks = blocks
    const data = compute().data
    expect(
      whole.findIndex((value, i) => value !== data[i]),
      `first difference with ranges of ${blocks}`,
    ).toBe(-1)
  }
}

const into = (shape: number[], run: (out: Tensor) => void) => () => {
  const out = unwritten(shape)
  run(out)
  return out
}

test.each([
  ['packed', [0, 1, 2], [2, 150, 300, 270]],
  ['transposed', [0, 2, 1], [2, 150, 300, 270]],
  ['by dots', [0, 2, 1], [3, 3, 1100, 30]],
  ['unpacked', [0, 1, 2], [3, 9, 40, 300]],
])('a matrix product, %s', (_, order, [b, m, k, n]) => {
  const [x, w] = [randomView([b, m, k], random(1), { order: m < 10 ? [0, 1, 2] : order }), randomView([b, k, n], random(2), { order })]
  expectSameBits(into([b, m, n], (out) => matmul.matmul(x, w, out, null, { op: 'tanh', params: [], y: out })))
})

test.each([
  ['3 x 3, by tiles', [3, 40, 14, 14], [34, 40, 3, 3], { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 }],
  ['3 x 2', [3, 40, 14, 14], [34, 40, 3, 2], { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 }],
  ['with a stride', [3, 6, 15, 17], [8, 6, 3, 3], { stride: [2, 2], padding: [1, 1], dilation: [1, 1], groups: 1 }],
  ['depthwise', [3, 7, 15, 17], [7, 1, 3, 3], { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 7 }],
  ['pointwise', [3, 7, 15, 17], [20, 7, 1, 1], { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }],
])('convolution and its gradients, %s', (_, xShape, wShape, geometry) => {
  const draw = random(1)
  const [h, w] = [0, 1].map((d) => Math.floor((xShape[d + 2] + 2 * geometry.padding[d] - wShape[d + 2]) / geometry.stride[d]) + 1)
  const yShape = [xShape[0], wShape[0], h, w]
  const [x, weights, bias, dy] = [randomView(xShape, draw), randomView(wShape, draw), randomView([wShape[0]], draw), randomView(yShape, draw)]
  expectSameBits(into(yShape, (y) => convolutions.conv(x, weights, bias, geometry, y)))
  expectSameBits(into(xShape, (dx) => convolutions.convInputGrad(dy, weights, geometry, dx)))
  expectSameBits(into(wShape, (dw) => convolutions.convWeightGrad(dy, x, geometry, dw)))
})

test('pooling and scatter', () => {
  const axis = { starts: Int32Array.from([0, 2, 4, 6, 8, 10, 12]), ends: Int32Array.from([3, 5, 7, 9, 11, 13, 15]), dilation: 1 }
  const [x, dy] = [randomView([3, 4, 15, 15], random(1)), randomView([3, 4, 7, 7], random(2))]
  const indices = emptyTensor([3, 4, 7, 7], 'int64')
  expectSameBits(into([3, 4, 7, 7], (y) => pools.maxPool(x, [axis, axis], y, indices)))
  expectSameBits(into([3, 4, 7, 7], (y) => pools.avgPool(x, [axis, axis], 9, y)))
  expectSameBits(into([3, 4, 15, 15], (dx) => pools.avgPoolBackward(dy, [axis, axis], 9, dx)))
  const rows = (t: Tensor, n: number) => new Tensor(t.storage, t.dtype, [12, n])
  expectSameBits(() => {
    const dx = randomView([12, 225], random(3))
    scatters.scatter(dx, 1, rows(indices, 49), rows(dy, 49), true)
    return dx
  })
  const slices = emptyTensor([12], 'int64')
  slices.data.forEach((_, i) => {
    slices.data[i] = BigInt(i % 5)
  })
  expectSameBits(into([12, 200], (out) => scatters.indexSelect(randomView([5, 200], random(4)), 0, slices, out)))
  expectSameBits(() => {
    const sum = randomView([5, 200], random(5))
    scatters.indexAdd(sum, 0, slices, randomView([12, 200], random(6)))
    return sum
  })
})

test('attention and its gradients', () => {
  const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => randomView([2, seed === 2 || seed === 3 ? 2 : 4, 130, 24], random(seed)))
  const options = { scale: 0.2, diagonal: 0, mask: null, keep: null, keepScale: 1 }
  const lse = emptyTensor([2, 4, 130], 'float64')
  expectSameBits(into([2, 4, 130, 24], (y) => attentions.attention(q, k, v, options, y, lse)))
  const y = unwritten(q.shape)
  attentions.attention(q, k, v, options, y, lse)
  for (const wanted of [0, 1, 2]) {
    const grads = (dx: Tensor) => [0, 1, 2].map((i) => (i === wanted ? dx : null))
    expectSameBits(
      into([...[q, k, v][wanted].shape], (dx) => {
        const [dq, dk, dv] = grads(dx)
        attentions.attentionBackward(dy, q, k, v, options, y, lse, dq, dk, dv, false)
      }),
    )
  }
})

test('an optimizer step of a list of tensors, some without elements', () => {
  const sizes = [10_000, 3, 4096, 0, 4097, 1]
  expectSameBits(
    into([sizes.reduce((sum, n) => sum + n)], (out) => {
      let seed = 0
      const tensors = sizes.map((n, i) => {
        const [parameter, grad, first] = [1, 2, 3].map(() => randomView([n], random(++seed)))
        return { parameter, grad, states: [first, randomView([n], () => 0.5), null], numbers: [1e-3 * (i + 1), 1e-8, 0.1, 0.999, 0.001] }
      })
      optimizers.optimizerStep('adam', tensors, { weightDecay: 0, kept: 0.9999, maximize: false })
      let at = 0
      for (const { parameter } of tensors) {
        ;(out.data as Float32Array).set(parameter.data as Float32Array, at)
        at += parameter.numel()
      }
    }),
  )
})
