import type { AdamOptions, AdamTensors, Kernels, SgdOptions, SgdTensors } from '../contract.js'
import { load, rounder, store } from './access.js'

/** Optimizer steps, each line one of PyTorch's documented update rules. State is rounded to its dtype before it is used, as it is when kept. */

function stepSgd({ parameter, grad, buffer, first }: SgdTensors, options: SgdOptions): void {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize } = options
  const theta = load(parameter)
  const gradients = load(grad)
  const velocity = buffer && load(buffer)
  const round = rounder(buffer?.dtype ?? parameter.dtype)
  for (let i = 0; i < theta.length; i++) {
    let g = maximize ? -gradients[i] : gradients[i]
    g += weightDecay * theta[i]
    if (velocity) {
      const v = round(first ? g : momentum * velocity[i] + (1 - dampening) * g)
      velocity[i] = v
      g = nesterov ? g + momentum * v : v
    }
    theta[i] -= lr * g
  }
  store(parameter, theta)
  if (buffer && velocity) store(buffer, velocity)
}

function stepAdam({ parameter, grad, first, second, maxSecond, step }: AdamTensors, options: AdamOptions): void {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, maximize } = options
  const theta = load(parameter)
  const gradients = load(grad)
  const m = load(first)
  const v = load(second)
  const largest = maxSecond && load(maxSecond)
  const roundFirst = rounder(first.dtype)
  const roundSecond = rounder(second.dtype)
  const stepSize = lr / (1 - beta1 ** step)
  const correction = Math.sqrt(1 - beta2 ** step)
  for (let i = 0; i < theta.length; i++) {
    let g = maximize ? -gradients[i] : gradients[i]
    if (decoupled) theta[i] *= 1 - lr * weightDecay
    else g += weightDecay * theta[i]
    m[i] = roundFirst(m[i] + (1 - beta1) * (g - m[i]))
    v[i] = roundSecond(beta2 * v[i] + (1 - beta2) * g * g)
    if (largest) largest[i] = Math.max(largest[i], v[i])
    const denominator = Math.sqrt(largest ? largest[i] : v[i]) / correction + eps
    theta[i] -= (stepSize * m[i]) / denominator
  }
  store(parameter, theta)
  store(first, m)
  store(second, v)
  if (maxSecond && largest) store(maxSecond, largest)
}

export const optimizers = {
  sgdStep: (tensors: readonly SgdTensors[], options: SgdOptions): void => {
    for (const t of tensors) stepSgd(t, options)
  },
  adamStep: (tensors: readonly AdamTensors[], options: AdamOptions): void => {
    for (const t of tensors) stepAdam(t, options)
  },
} satisfies Partial<Kernels>
