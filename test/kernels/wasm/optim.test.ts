import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../../src/core/tensor.js'
import { reference } from '../../../src/kernels/reference/index.js'
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

const sgd = { lr: 0.1, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false, first: false }
const adam = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: false, maximize: false, step: 3 }

describe('sgdStep', () => {
  test.each([
    ['plain', {}],
    ['weight decay, maximize', { weightDecay: 0.01, maximize: true }],
    ['momentum', { momentum: 0.9, dampening: 0.3 }],
    ['nesterov', { momentum: 0.9, nesterov: true, weightDecay: 1e-4 }],
    ['first step', { momentum: 0.9, dampening: 0.5, first: true }],
  ])('%s', (_, changes) => {
    const options = { ...sgd, ...changes }
    const [parameter, grad, buffer] = [twins(1), twins(2), twins(3)]
    if (options.first) (buffer[0].data as Float32Array).fill(Number.NaN)
    const state = (i: number) => (options.momentum ? buffer[i] : null)
    optimizers.sgdStep(parameter[0], grad[0], state(0), options)
    reference.sgdStep(parameter[1], grad[1], state(1), options)
    expectClose(parameter)
    expectClose(buffer)
  })
})

describe('adamStep', () => {
  test.each([
    ['Adam', {}],
    ['Adam with weight decay', { weightDecay: 0.01 }],
    ['AdamW', { weightDecay: 0.1, decoupled: true }],
    ['first step, maximize', { step: 1, maximize: true }],
    ['late step', { step: 5000, eps: 1e-3 }],
  ])('%s, with and without AMSGrad', (_, changes) => {
    const options = { ...adam, ...changes }
    for (const amsgrad of [false, true]) {
      const [parameter, grad, first, second, largest] = [twins(1), twins(2), twins(3, 0.1), twins(4, 0.01, true), twins(5, 0.01, true)]
      optimizers.adamStep(parameter[0], grad[0], first[0], second[0], amsgrad ? largest[0] : null, options)
      reference.adamStep(parameter[1], grad[1], first[1], second[1], amsgrad ? largest[1] : null, options)
      for (const pair of [parameter, first, second, largest]) expectClose(pair)
    }
  })
})

test('elements outside the view stay', () => {
  const base = unwritten([10])
  const view = (from: number) => ({ storage: base.storage, dtype: base.dtype, shape: [3], strides: [1], offset: from })
  ;(base.data as Float32Array).set([1, 2, 3], 1)
  ;(base.data as Float32Array).set([10, 20, 30], 6)
  optimizers.sgdStep(view(1), view(6), null, sgd)
  expect(Array.from(base.data as Float32Array)).toEqual([Number.NaN, 0, 0, 0, Number.NaN, Number.NaN, 10, 20, 30, Number.NaN])
})
