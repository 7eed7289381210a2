import { numelOf, type Shape } from '../../core/shape.js'

/**
 * What a norm shares, said once for all of them.
 *
 * Every norm sees its input as four axes: [batch, group, channel of the group, position]. Weight and bias belong to (group, channel). The
 * norms differ only in the sizes they give these axes and in which of them share one mean and variance:
 *
 * | norm      | batch        | group | channel           | position | shared            |
 * |-----------|--------------|-------|-------------------|----------|-------------------|
 * | BatchNorm | N            | C     | 1                 | L        | batch, position   |
 * | LayerNorm | leading axes | 1     | normalizedShape   | 1        | channel, position |
 *
 * Statistics that are shared over the batch axis depend on a sample's companions and need running averages for inference; the others
 * belong to one sample.
 */
export interface NormAxes {
  readonly shape: readonly [batch: number, group: number, channel: number, position: number]
  /** The axes whose elements share one statistic. */
  readonly shared: readonly number[]
}

const [BATCH, GROUP, CHANNEL, POSITION] = [0, 1, 2, 3]

/** The axes over which the gradients of weight and bias are summed. */
export const summedForParameters = [BATCH, POSITION] as const

/** Weight and bias in four axes. */
export const parameterShape = ({ shape }: NormAxes): Shape => [1, shape[GROUP], shape[CHANNEL], 1]

/** Mean and rstd in four axes. */
export const statisticShape = ({ shape, shared }: NormAxes): Shape => shape.map((size, axis) => (shared.includes(axis) ? 1 : size))

/** Elements that share one statistic. */
export const sharedCount = ({ shape, shared }: NormAxes): number => numelOf(shared.map((axis) => shape[axis]))

/** [N, C, ...]: one statistic per channel, over the batch and all positions. */
export const batchNormAxes = (shape: Shape): NormAxes => ({
  shape: [shape[0], shape[1], 1, numelOf(shape.slice(2))],
  shared: [BATCH, POSITION],
})

/** [..., ...normalizedShape]: one statistic per element of the leading axes, over the trailing ones. */
export const layerNormAxes = (shape: Shape, normalizedShape: Shape): NormAxes => ({
  shape: [numelOf(shape.slice(0, shape.length - normalizedShape.length)), 1, numelOf(normalizedShape), 1],
  shared: [CHANNEL, POSITION],
})
