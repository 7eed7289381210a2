import { expect, test } from 'vitest'
import { emptyTensor, type Tensor } from '../../../src/core/tensor.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { softmaxes } from '../../../src/kernels/wasm/softmax.js'
import { random, randomView, unwritten } from './views.js'

const ROWS = 7
const IGNORED = -100

function targets(classes: number): Tensor {
  const t = emptyTensor([ROWS], 'int64')
  const data = t.data as BigInt64Array
  for (let i = 0; i < ROWS; i++) data[i] = BigInt(i === 2 ? IGNORED : (i * 5) % classes)
  return t
}

const numbers = (x: Tensor): number[] => Array.from(x.data as Float32Array)

/** Logits are below 8 in magnitude: each of lp's three terms is rounded to 2^-24 of less than 16, the exponential to a few units in the last place. */
function expectClose(actual: Tensor, expected: Tensor, bound: number): void {
  const e = numbers(expected)
  numbers(actual).forEach((value, i) => {
    expect(Math.abs(value - e[i]), `element ${i}: ${value}, expected ${e[i]}`).toBeLessThanOrEqual(bound)
  })
}

test.each([1, 3, 4, 10, 1000])('%i classes: losses and gradients are the reference results, with weights and smoothing or without', (classes) => {
  for (const [weighted, smoothing] of [
    [false, 0],
    [true, 0],
    [false, 0.1],
    [true, 0.3],
    [true, 1],
  ] as const) {
    const x = randomView([ROWS, classes], random(classes), { offset: 1 })
    const logits = x.data as Float32Array
    logits.forEach((value, i) => {
      logits[i] = 8 * value
    })
    const options = { weight: weighted ? randomView([classes], random(3)) : null, ignoreIndex: IGNORED, smoothing }
    const target = targets(classes)
    const ours = [0, 1, 2].map(() => unwritten([ROWS]))
    const theirs = [0, 1, 2].map(() => unwritten([ROWS]))
    softmaxes.crossEntropy(x, target, options, ours[0], ours[1], ours[2])
    reference.crossEntropy(x, target, options, theirs[0], theirs[1], theirs[2])
    expectClose(ours[0], theirs[0], 1e-5)
    expect(numbers(ours[0])[2]).toBe(0)
    for (const dy of [randomView([], random(5)), randomView([ROWS], random(6))]) {
      const [dx, expected] = [unwritten([ROWS, classes]), unwritten([ROWS, classes])]
      softmaxes.crossEntropyBackward(dy, x, target, options, ours[1], ours[2], dx)
      reference.crossEntropyBackward(dy, x, target, options, theirs[1], theirs[2], expected)
      expectClose(dx, expected, 4e-6)
      expect(numbers(dx).slice(2 * classes, 3 * classes)).toEqual(new Array(classes).fill(0))
    }
  }
})

test('classes along another axis in memory', () => {
  const [rows, classes] = [ROWS, 5]
  const across = randomView([rows, classes], random(1), { order: [1, 0] })
  const along = unwritten([rows, classes])
  reference.copy(across, along)
  const options = { weight: null, ignoreIndex: IGNORED, smoothing: 0.1 }
  const target = targets(classes)
  const [dxAcross, dxAlong] = [randomView([rows, classes], random(2), { order: [1, 0] }), unwritten([rows, classes])]
  const run = (x: Tensor, dx: Tensor) => {
    const [losses, maxima, logSums] = [0, 1, 2].map(() => unwritten([rows]))
    softmaxes.crossEntropy(x, target, options, losses, maxima, logSums)
    softmaxes.crossEntropyBackward(randomView([], random(4)), x, target, options, maxima, logSums, dx)
    return numbers(losses)
  }
  expect(run(across, dxAcross)).toEqual(run(along, dxAlong))
  const copy = unwritten([rows, classes])
  reference.copy(dxAcross, copy)
  expect(numbers(copy)).toEqual(numbers(dxAlong))
})

test('scores at an offset of 1e6 give the probabilities of their differences', () => {
  const x = emptyTensor([1, 3], 'float32')
  ;(x.data as Float32Array).set([1e6, 1e6 + 1, 1e6 + 3])
  const target = emptyTensor([1], 'int64')
  ;(target.data as BigInt64Array)[0] = 1n
  const options = { weight: null, ignoreIndex: IGNORED, smoothing: 0 }
  const [losses, maxima, logSums, dx] = [[1], [1], [1], [1, 3]].map((shape) => unwritten(shape))
  softmaxes.crossEntropy(x, target, options, losses, maxima, logSums)
  softmaxes.crossEntropyBackward(
    randomView([], () => 1),
    x,
    target,
    options,
    maxima,
    logSums,
    dx,
  )
  const sum = Math.exp(-3) + Math.exp(-2) + 1
  expect(numbers(losses)[0]).toBeCloseTo(2 + Math.log(sum), 6)
  ;[Math.exp(-3) / sum, Math.exp(-2) / sum - 1, 1 / sum].forEach((value, i) => {
    expect(numbers(dx)[i]).toBeCloseTo(value, 6)
  })
})
