import { noGrad } from '../autograd/index.js'
import { isFloatingPoint } from '../core/dtype.js'
import { checkOptions } from '../core/errors.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { Hardsigmoid, Hardtanh, Sigmoid, Softsign, Tanh } from '../nn/activation.js'
import type { Module } from '../nn/module.js'
import { type Histogram, histogram } from './histogram.js'

/** The numbers that describe a tensor's elements at one moment. */
export interface Summary {
  count: number
  mean: number
  /** Root of the mean squared distance from the mean (divided by the count, as the norms do). */
  std: number
  /** Share of elements that are exactly 0: dead units behind a ReLU. */
  zeros: number
  /** Share of saturated elements behind a bounded activation, null behind others; see `saturationBounds`. */
  saturated: number | null
  /** Euclidean length of all elements as one vector. */
  norm: number
  /** Null unless asked for. */
  histogram: Histogram | null
}

/**
 * Beyond these outputs an activation counts as saturated: within 1.5% of its range of either end. That is |y| > 0.97 for tanh, whose slope
 * is then below 0.06, and the same inputs for sigmoid.
 */
export function saturationBounds(module: Module): readonly [number, number] | null {
  const range = outputRange(module)
  if (!range) return null
  const margin = 0.015 * (range[1] - range[0])
  return [range[0] + margin, range[1] - margin]
}

function outputRange(module: Module): readonly [number, number] | null {
  if (module instanceof Tanh || module instanceof Softsign) return [-1, 1]
  if (module instanceof Sigmoid || module instanceof Hardsigmoid) return [0, 1]
  if (module instanceof Hardtanh) return [module.minVal, module.maxVal]
  return null
}

/** The elements as numbers, where they lie if that can be: valid until the next tensor is made. */
export function elements(x: Tensor): Float32Array | Float64Array {
  const float = x.dtype === 'float32' || x.dtype === 'float64' ? x : noGrad(() => x.detach().to(isFloatingPoint(x.dtype) ? 'float32' : 'float64'))
  return (float.isContiguous() ? float.data : float.toTypedArray()) as Float32Array | Float64Array
}

/** Reads a tensor and keeps numbers only. Sums in f64, in two passes. */
export function summarize(x: Tensor, options: { histogramBins?: number; bounds?: readonly [number, number] | null } = {}): Summary {
  checkTensor('summarize', 'input', x)
  checkOptions('summarize', options, ['histogramBins', 'bounds'])
  const values = elements(x)
  const { histogramBins = 0, bounds = null } = options
  const count = values.length
  let sum = 0
  let squares = 0
  let zeros = 0
  for (let i = 0; i < count; i++) {
    const v = values[i]
    sum += v
    squares += v * v
    if (v === 0) zeros++
  }
  const mean = sum / count
  let deviations = 0
  for (let i = 0; i < count; i++) {
    const d = values[i] - mean
    deviations += d * d
  }
  return {
    count,
    mean,
    std: Math.sqrt(deviations / count),
    zeros: zeros / count,
    saturated: bounds ? shareBeyond(values, bounds) : null,
    norm: Math.sqrt(squares),
    histogram: histogramBins > 0 ? histogram(values, { bins: histogramBins }) : null,
  }
}

function shareBeyond(values: ArrayLike<number>, [low, high]: readonly [number, number]): number {
  let beyond = 0
  for (let i = 0; i < values.length; i++) if (values[i] < low || values[i] > high) beyond++
  return beyond / values.length
}
