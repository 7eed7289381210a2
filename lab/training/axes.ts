import { axes } from '../../src/experiments/index.js'
import { blockOf, channelsFirst, seenOrder } from '../axes/block.js'
import type { AxesSettings } from '../axes/settings.js'

/** The numbers of a block, as the library computes them in float64. */
export interface AxesNumbers {
  /** Of every cell, in order. */
  before: Float64Array
  standardized: Float64Array
  after: Float64Array
  /** Of every cell: the cells whose outputs move when it alone is changed. */
  moved: Int32Array
  /** Of every group. For RMSNorm the mean is 0, as none is taken off, and the variance is the mean square. */
  mean: Float64Array
  variance: Float64Array
  /** Of every parameter. */
  weight: Float64Array
  bias: Float64Array
  eps: number
}

/** @throws Error with the layer's own words where it refuses the block */
export function axesNumbers(settings: AxesSettings): AxesNumbers {
  const { norm, groups, trailing: normalizedAxes, trained: affine, seed } = settings
  const { shape, parameters } = blockOf(settings)
  const transposed = channelsFirst(settings)
  const seen = transposed ? [shape[0], shape[2], shape[1]] : shape
  const run = axes({ norm, shape: seen, groups, normalizedAxes, affine, eps: 1e-5, seed })
  if (run.error !== null) throw new Error(run.error)
  const order = seenOrder(shape, transposed)
  const inOrder = (values: readonly number[]) => Float64Array.from(order, (i) => values[i])
  return {
    before: inOrder(run.before),
    standardized: inOrder(run.standardized),
    after: inOrder(run.after),
    moved: Int32Array.from(order, (i) => run.moved[i]),
    mean: Float64Array.from(run.statistics, ({ mean }) => mean),
    variance: Float64Array.from(run.statistics, ({ variance }) => variance),
    weight: Float64Array.from({ length: parameters }, (_, i) => run.weight[i] ?? 1),
    bias: Float64Array.from({ length: parameters }, (_, i) => run.bias[i] ?? 0),
    eps: run.eps,
  }
}
