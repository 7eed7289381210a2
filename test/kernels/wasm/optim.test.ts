import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../../src/core/tensor.js'
import type { AdamOptions, AdamTensors, SgdOptions } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { launchCount } from '../../../src/kernels/wasm/launch.js'
import { optimizers } from '../../../src/kernels/wasm/optim.js'
import { random, randomView, unwritten } from './views.js'

const N = 4099

/** The same values twice: for the kernel, at an odd offset, and for the reference. */
function twins(seed: number, magnitude = 1, positive = false): [Tensor, Tensor] {
  const [a, b] = [randomView([N], random(seed), { offset: 1 }), randomView([N], random(seed))]
  for (const t of [a, b]) {
    const data = t.data as Float32Array
    for (let i = 0; i < N; i++) data[i] = magnitude * (positive ? Math.abs(data[i]) : data[i])
  }
  return [a, b]
}

/** Inputs are below 1, so an addition's rounding is below 6e-8, also where the sum is near 0. */
function expectClose([actual, expected]: [Tensor, Tensor]): void {
  const [a, e] = [actual.data as Float32Array, expected.data as Float32Array]
  const worst = a.reduce((most, value, i) => Math.max(most, Math.abs(value - e[i]) / (1e-7 + 3e-7 * Math.abs(e[i]))), 0)
  expect(worst).toBeLessThanOrEqual(1)
}

const sgd = { lr: 0.1, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false }
const adam = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: false, maximize: false }

describe('sgdStep', () => {
  test.each([
    ['plain', {}],
    ['weight decay, maximize', { weightDecay: 0.01, maximize: true }],
    ['momentum', { momentum: 0.9, dampening: 0.3 }],
    ['nesterov', { momentum: 0.9, nesterov: true, weightDecay: 1e-4 }],
    ['first step', { momentum: 0.9, dampening: 0.5 }, true],
  ] as [string, Partial<SgdOptions>, boolean?][])('%s', (_, changes, first = false) => {
    const options = { ...sgd, ...changes }
    const [parameter, grad, buffer] = [twins(1), twins(2), twins(3)]
    if (first) (buffer[0].data as Float32Array).fill(Number.NaN)
    const tensors = (i: number) => [{ parameter: parameter[i], grad: grad[i], buffer: options.momentum ? buffer[i] : null, first }]
    optimizers.sgdStep(tensors(0), options)
    reference.sgdStep(tensors(1), options)
    expectClose(parameter)
    expectClose(buffer)
  })
})

describe('adamStep', () => {
  test.each([
    ['Adam', {}],
    ['Adam with weight decay', { weightDecay: 0.01 }],
    ['AdamW', { weightDecay: 0.1, decoupled: true }],
    ['first step, maximize', { maximize: true }, 1],
    ['late step', { eps: 1e-3 }, 5000],
  ] as [string, Partial<AdamOptions>, number?][])('%s, with and without AMSGrad', (_, changes, step = 3) => {
    const options = { ...adam, ...changes }
    for (const amsgrad of [false, true]) {
      const [parameter, grad, first, second, largest] = [twins(1), twins(2), twins(3, 0.1), twins(4, 0.01, true), twins(5, 0.01, true)]
      const tensors = (i: number) => [
        { parameter: parameter[i], grad: grad[i], first: first[i], second: second[i], maxSecond: amsgrad ? largest[i] : null, step },
      ]
      optimizers.adamStep(tensors(0), options)
      reference.adamStep(tensors(1), options)
      for (const pair of [parameter, first, second, largest]) expectClose(pair)
    }
  })
})

test('elements outside the view stay', () => {
  const base = unwritten([10])
  const view = (from: number) => ({ storage: base.storage, dtype: base.dtype, shape: [3], strides: [1], offset: from })
  ;(base.data as Float32Array).set([1, 2, 3], 1)
  ;(base.data as Float32Array).set([10, 20, 30], 6)
  optimizers.sgdStep([{ parameter: view(1), grad: view(6), buffer: null, first: true }], sgd)
  expect(Array.from(base.data as Float32Array)).toEqual([Number.NaN, 0, 0, 0, Number.NaN, Number.NaN, 10, 20, 30, Number.NaN])
})

/** Tensors of several blocks, of less than a vector, of none. */
const sizes = [10_000, 3, 4096, 0, 4097, 1]

/** What Adam is given for each of `sizes`, each with a step of its own; the same for the same seed. */
const adamList = (): AdamTensors[] =>
  sizes.map((n, i) => {
    const [parameter, grad, first, second] = [0, 1, 2, 3].map((k) => randomView([n], random(10 * i + k)))
    const squares = second.data as Float32Array
    squares.forEach((value, k) => {
      squares[k] = value * value
    })
    return { parameter, grad, first, second, maxSecond: null, step: i + 1 }
  })

test('a list of tensors gets the bits that each alone gets, in one launch', () => {
  const [together, apart] = [adamList(), adamList()]
  const before = launchCount()
  optimizers.adamStep(together, adam)
  expect(launchCount() - before).toBe(1)
  for (const t of apart) optimizers.adamStep([t], adam)
  for (const name of ['parameter', 'first', 'second'] as const) {
    together.forEach((t, i) => {
      expect((t[name] as Tensor).data, `${name} ${i}`).toEqual((apart[i][name] as Tensor).data)
    })
  }
})

test('a parameter that is there twice is changed twice', () => {
  const [once, twice] = [randomView([9], random(1)), randomView([9], random(1))]
  const [g, h] = [randomView([9], random(2)), randomView([9], random(3))]
  const entry = (parameter: Tensor, grad: Tensor) => ({ parameter, grad, buffer: null, first: true })
  optimizers.sgdStep([entry(twice, g), entry(twice, h)], sgd)
  for (const grad of [g, h]) reference.sgdStep([entry(once, grad)], sgd)
  expectClose([twice, once])
})
