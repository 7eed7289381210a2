import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../../src/core/dtype.js'
import type { UpdateOptions } from '../../../src/kernels/contract.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { floatDtypes, numbers, tensor } from './views.js'

const plain: UpdateOptions = { weightDecay: 0, kept: 1, maximize: false }
const start = [1, -2, 0.5]
const gradients = [3, -2, 1].map((factor) => [0.3 * factor, -factor, 2 * factor])

interface SgdOptions extends UpdateOptions {
  momentum: number
  dampening: number
  nesterov: boolean
}

function runSgd({ momentum = 0, dampening = 0, nesterov = false, ...options }: Partial<SgdOptions>, dtype: Dtype = 'float64'): number[][] {
  const parameter = tensor(start, dtype)
  const states = [momentum ? tensor([0, 0, 0], dtype) : null]
  return gradients.map((g, i) => {
    const own = [0.1, momentum, ...(i === 0 ? [0, 1] : [momentum, 1 - dampening]), nesterov ? 1 : 0]
    reference.optimizerStep('sgd', [{ parameter, grad: tensor(g, dtype), states, numbers: own }], { ...plain, ...options })
    return numbers(parameter)
  })
}

function runAdam({ beta1 = 0.9, beta2 = 0.999, ...options }: Partial<UpdateOptions> & { beta1?: number; beta2?: number }, amsgrad: boolean): number[][] {
  const [parameter, first, second, largest] = [start, [0, 0, 0], [0, 0, 0], [0, 0, 0]].map((v) => tensor(v))
  return gradients.map((g, i) => {
    const correction = Math.sqrt(1 - beta2 ** (i + 1))
    const own = [(0.1 * correction) / (1 - beta1 ** (i + 1)), 1e-8 * correction, 1 - beta1, beta2, 1 - beta2]
    const update = { parameter, grad: tensor(g), states: [first, second, amsgrad ? largest : null], numbers: own }
    reference.optimizerStep('adam', [update], { ...plain, ...options })
    return numbers(parameter)
  })
}

function expectNear(got: number[][], want: number[][]): void {
  got.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(value).toBeCloseTo(want[i][j], 14)
    })
  })
}

// Parameters after each of three steps of torch.optim in float64.
describe('SGD', () => {
  test('plain', () => {
    expectNear(runSgd({}), [
      [0.91, -1.7, -0.1],
      [0.97, -1.9, 0.3],
      [0.94, -1.8, 0.1],
    ])
  })

  test('momentum, dampening, weight decay', () => {
    expectNear(runSgd({ momentum: 0.9, dampening: 0.2, weightDecay: 0.05 }), [
      [0.905, -1.69, -0.1025],
      [0.86388, -1.56424, -0.32434],
      [0.79941648, -1.36479904, -0.68269864],
    ])
  })

  test('Nesterov, maximizing', () => {
    expectNear(runSgd({ momentum: 0.9, nesterov: true, maximize: true }), [
      [1.171, -2.57, 1.64],
      [1.1299, -2.433, 1.366],
      [1.20391, -2.6797, 1.8594],
    ])
  })

  test.each(floatDtypes)('%s parameters and buffers are rounded where they are kept', (dtype) => {
    const exact = runSgd({ momentum: 0.9 })
    const got = runSgd({ momentum: 0.9 }, dtype)
    const epsilon = { float64: 2 ** -52, float32: 2 ** -23, float16: 2 ** -10, bfloat16: 2 ** -7 }[dtype]
    got.forEach((row, i) => {
      row.forEach((value, j) => {
        expect(Math.abs(value - exact[i][j])).toBeLessThanOrEqual(4 * epsilon)
      })
      expect(row).toEqual(numbers(tensor(row, dtype)))
    })
  })
})

describe('Adam', () => {
  test('AMSGrad with weight decay', () => {
    expectNear(runAdam({ weightDecay: 0.05 }, true), [
      [0.9000000010526316, -1.9000000003225808, 0.40000000016597514],
      [0.8797021941296128, -1.881893865704882, 0.3851293462770279],
      [0.8456504549982727, -1.8500817945289325, 0.3568422514769891],
    ])
  })

  test('AdamW, maximizing, with other betas', () => {
    expectNear(runAdam({ beta1: 0.8, beta2: 0.95, kept: 1 - 0.1 * 0.05, maximize: true }, false), [
      [1.094999998888889, -2.0899999996666665, 0.5974999998333334],
      [1.0982845716325629, -2.088309572487018, 0.6032720726701158],
      [1.1182101116266128, -2.1032849877554334, 0.6256726754973237],
    ])
  })
})

test('without weight decay an infinite parameter stays apart from its gradient', () => {
  const parameter = tensor([Number.POSITIVE_INFINITY])
  reference.optimizerStep('sgd', [{ parameter, grad: tensor([1]), states: [null], numbers: [0.1, 0, 0, 1, 0] }], plain)
  expect(numbers(parameter)).toEqual([Number.POSITIVE_INFINITY])
})
