import type { Kernels, Update, UpdateOptions, UpdateRule } from '../contract.js'
import { load, rounder, store } from './access.js'

type Values = Float64Array
type Round = (value: number) => number
/** The step that is taken off element i, whose gradient is g. */
type Step = (g: number, i: number) => number

/**
 * Optimizer steps by PyTorch's documented update rules: what each makes of its states, null where the options leave one out, and its numbers.
 * `rate` is the learning rate, corrected for the bias of an average where that is possible in one number. A state is rounded to its dtype before
 * it is used, as it is when kept.
 */
const rules: { readonly [Rule in UpdateRule]: (states: readonly (Values | null)[], numbers: readonly number[], round: Round) => Step } = {
  /** A new momentum buffer, filled with 0, becomes g itself: decay 0, undampened 1. */
  sgd: ([buffer], [rate, momentum, decay, undampened, nesterov], round) => {
    if (!buffer) return (g) => rate * g
    return (g, i) => {
      buffer[i] = round(decay * buffer[i] + undampened * g)
      return rate * (nesterov ? g + momentum * buffer[i] : buffer[i])
    }
  },

  /** `largest` is AMSGrad's. */
  adam: ([first, second, largest], [rate, eps, rate1, beta2, rate2], round) => {
    const m = move(first, rate1, round)
    const v = moveSquare(second, beta2, rate2, round)
    return (g, i) => {
      const mean = m(g, i)
      let square = v(g, i)
      if (largest) square = largest[i] = Math.max(largest[i], square)
      return (rate * mean) / (Math.sqrt(square) + eps)
    }
  },

  /** `mean` where centered: rounding can leave a variance just below 0, whose root would be NaN. */
  rmsprop: ([square, mean, buffer], [rate, eps, alpha, complement, momentum], round) => {
    const v = moveSquare(square, alpha, complement, round)
    const m = mean && move(mean, complement, round)
    return (g, i) => {
      const variance = m ? Math.max(v(g, i) - m(g, i) ** 2, 0) : v(g, i)
      const direction = g / (Math.sqrt(variance) + eps)
      if (!buffer) return rate * direction
      buffer[i] = round(momentum * buffer[i] + direction)
      return rate * buffer[i]
    }
  },

  adagrad: ([sum], [rate, eps], round) => {
    const s = moveSquare(sum, 1, 1, round)
    return (g, i) => (rate * g) / (Math.sqrt(s(g, i)) + eps)
  },

  adadelta: ([square, change], [rate, eps, rho, complement], round) => {
    const v = moveSquare(square, rho, complement, round)
    const u = moveSquare(change, rho, complement, round)
    return (g, i) => {
      const delta = (Math.sqrt(present(change)[i] + eps) / Math.sqrt(v(g, i) + eps)) * g
      u(delta, i)
      return rate * delta
    }
  },

  adamax: ([first, infinity], [rate, eps, rate1, beta2], round) => {
    const m = move(first, rate1, round)
    const u = present(infinity)
    return (g, i) => {
      const mean = m(g, i)
      u[i] = round(Math.max(beta2 * u[i], Math.abs(g) + eps))
      return (rate * mean) / u[i]
    }
  },

  /** `ahead` is the rate of g itself. */
  nadam: ([first, second], [rate, eps, rate1, beta2, rate2, ahead], round) => {
    const m = move(first, rate1, round)
    const v = moveSquare(second, beta2, rate2, round)
    return (g, i) => (ahead * g + rate * m(g, i)) / (Math.sqrt(v(g, i)) + eps)
  },

  radam: ([first, second], [rate, eps, rate1, beta2, rate2, isAdaptive], round) => {
    const m = move(first, rate1, round)
    const v = moveSquare(second, beta2, rate2, round)
    return (g, i) => {
      const mean = rate * m(g, i)
      const square = v(g, i)
      return isAdaptive ? mean / (Math.sqrt(square) + eps) : mean
    }
  },
}

function present(state: Values | null): Values {
  if (state === null) throw new TypeError('optimizerStep: a state that the rule needs is missing')
  return state
}

/** average += rate (x - average). @returns the new average of an element */
function move(state: Values | null, rate: number, round: Round): Step {
  const average = present(state)
  return (x, i) => {
    average[i] = round(average[i] + rate * (x - average[i]))
    return average[i]
  }
}

/** average = decay average + rate x². @returns the new average of an element */
function moveSquare(state: Values | null, decay: number, rate: number, round: Round): Step {
  const average = present(state)
  return (x, i) => {
    average[i] = round(decay * average[i] + rate * x * x)
    return average[i]
  }
}

function update(rule: UpdateRule, { parameter, grad, states, numbers }: Update, { maximize, weightDecay, kept }: UpdateOptions): void {
  const theta = load(parameter)
  const gradients = load(grad)
  const values = states.map((state) => state && load(state))
  const step = rules[rule](values, numbers, rounder(parameter.dtype))
  for (let i = 0; i < theta.length; i++) {
    let g = maximize ? -gradients[i] : gradients[i]
    if (weightDecay !== 0) g += weightDecay * theta[i]
    theta[i] = kept * theta[i] - step(g, i)
  }
  store(parameter, theta)
  states.forEach((state, k) => {
    const changed = values[k]
    if (state && changed) store(state, changed)
  })
}

export const optimizers = {
  optimizerStep(rule: UpdateRule, updates: readonly Update[], options: UpdateOptions): void {
    for (const u of updates) update(rule, u, options)
  },
} satisfies Partial<Kernels>
