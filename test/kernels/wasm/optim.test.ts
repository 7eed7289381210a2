import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../../src/core/tensor.js'
import type { Update, UpdateOptions, UpdateRule } from '../../../src/kernels/contract.js'
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

const plain: UpdateOptions = { weightDecay: 0, kept: 1, maximize: false }

/** A state's largest value, and whether it is never negative; null where the options leave it out. */
type State = [magnitude: number, positive?: boolean] | null
const average: State = [0.1]
const square: State = [0.01, true]

const cases: [name: string, rule: UpdateRule, states: State[], numbers: number[]][] = [
  ['SGD', 'sgd', [null], [0.1, 0, 0, 1, 0]],
  ['SGD with momentum', 'sgd', [average], [0.1, 0.9, 0.9, 0.7, 0]],
  ['SGD with Nesterov momentum', 'sgd', [average], [0.1, 0.9, 0.9, 1, 1]],
  ['the first step of SGD with momentum', 'sgd', [average], [0.1, 0.9, 0, 1, 0]],
  ['Adam', 'adam', [average, square, null], [1e-3, 1e-8, 0.1, 0.999, 0.001]],
  ['Adam with AMSGrad', 'adam', [average, square, square], [1e-3, 1e-3, 0.1, 0.999, 0.001]],
  ['RMSprop', 'rmsprop', [square, null, null], [0.01, 1e-8, 0.99, 0.01, 0]],
  ['RMSprop, centered', 'rmsprop', [square, [0.05], null], [0.01, 0.1, 0.99, 0.01, 0]],
  ['RMSprop with momentum', 'rmsprop', [square, null, average], [0.01, 1e-4, 0.7, 0.3, 0.9]],
  ['Adagrad', 'adagrad', [square], [0.1, 1e-10]],
  ['Adadelta', 'adadelta', [square, square], [1, 1e-6, 0.9, 0.1]],
  ['Adamax', 'adamax', [average, square], [2e-3, 1e-8, 0.1, 0.999]],
  ['NAdam', 'nadam', [average, square], [1e-3, 1e-8, 0.1, 0.999, 0.001, 2e-3]],
  ['RAdam', 'radam', [average, square], [1e-3, 1e-8, 0.1, 0.999, 0.001, 1]],
  ['RAdam before its rate adapts', 'radam', [average, square], [1e-3, 1e-8, 0.1, 0.999, 0.001, 0]],
]

describe.each([
  ['plain', plain],
  ['with a penalty, uphill', { weightDecay: 0.01, kept: 1, maximize: true }],
  ['with decoupled decay', { weightDecay: 0, kept: 0.999, maximize: false }],
])('a step %s as the reference takes it', (_, options) => {
  test.each(cases)('%s', (_, rule, states, numbers) => {
    const [parameter, grad] = [twins(1), twins(2)]
    const kept = states.map((state, k) => state && twins(3 + k, ...state))
    const updates = (i: number): Update[] => [{ parameter: parameter[i], grad: grad[i], states: kept.map((pair) => pair?.[i] ?? null), numbers }]
    optimizers.optimizerStep(rule, updates(0), options)
    reference.optimizerStep(rule, updates(1), options)
    for (const pair of [parameter, ...kept]) if (pair) expectClose(pair)
  })
})

test('a variance that rounding leaves below 0 counts as 0', () => {
  const [parameter, grad, square, mean] = [1, 0.3, 0.09, 0.5].map((value) => randomView([5], () => (value + 1) / 2))
  const update: Update = { parameter, grad, states: [square, mean, null], numbers: [0.01, 0.5, 0.9, 0.1, 0] }
  optimizers.optimizerStep('rmsprop', [update], plain)
  expect((parameter.data as Float32Array)[0]).toBeCloseTo(1 - (0.01 * 0.3) / 0.5, 6)
})

test('elements outside the view stay', () => {
  const base = unwritten([10])
  const view = (from: number) => ({ storage: base.storage, dtype: base.dtype, shape: [3], strides: [1], offset: from })
  ;(base.data as Float32Array).set([1, 2, 3], 1)
  ;(base.data as Float32Array).set([10, 20, 30], 6)
  optimizers.optimizerStep('sgd', [{ parameter: view(1), grad: view(6), states: [null], numbers: [1, 0, 0, 1, 0] }], plain)
  expect(Array.from(base.data as Float32Array)).toEqual([Number.NaN, -9, -18, -27, Number.NaN, Number.NaN, 10, 20, 30, Number.NaN])
})

/** Tensors of several blocks, of less than a vector, of none. */
const sizes = [10_000, 3, 4096, 0, 4097, 1]

/** What Adam is given for each of `sizes`, each with a step of its own; the same for the same seed. */
const adamList = (): Update[] =>
  sizes.map((n, i) => {
    const [parameter, grad, first, second] = [0, 1, 2, 3].map((k) => randomView([n], random(10 * i + k)))
    const squares = second.data as Float32Array
    squares.forEach((value, k) => {
      squares[k] = value * value
    })
    return { parameter, grad, states: [first, second, null], numbers: [1e-3 * (i + 1), 1e-8, 0.1, 0.999, 0.001] }
  })

test('a list of tensors gets the bits that each alone gets, in one launch', () => {
  const [together, apart] = [adamList(), adamList()]
  const before = launchCount()
  optimizers.optimizerStep('adam', together, plain)
  expect(launchCount() - before).toBe(1)
  for (const t of apart) optimizers.optimizerStep('adam', [t], plain)
  together.forEach((t, i) => {
    const both = [t, apart[i]].map(({ parameter, states }) => [parameter, states[0], states[1]].map((view) => (view as Tensor).data))
    expect(both[0], `tensor ${i}`).toEqual(both[1])
  })
})

test('a parameter that is there twice is changed twice', () => {
  const [once, twice] = [randomView([9], random(1)), randomView([9], random(1))]
  const [g, h] = [randomView([9], random(2)), randomView([9], random(3))]
  const entry = (parameter: Tensor, grad: Tensor): Update => ({ parameter, grad, states: [null], numbers: [0.1, 0, 0, 1, 0] })
  optimizers.optimizerStep('sgd', [entry(twice, g), entry(twice, h)], plain)
  for (const grad of [g, h]) reference.optimizerStep('sgd', [entry(once, grad)], plain)
  expectClose([twice, once])
})
