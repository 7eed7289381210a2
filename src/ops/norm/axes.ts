import { numelOf, type Shape } from '../../core/shape.js'

/**
 * What a norm shares, said once for all of them.
 *
 * Every norm sees its input as four axes: [batch, group, channel of the group, position]. Weight and bias belong to (group, channel). The
 * norms differ only in the sizes they give these axes and in which of them share one mean and variance:
 *
 * | norm         | batch        | group | channel         | position | shared            |
 * |--------------|--------------|-------|-----------------|----------|-------------------|
 * | BatchNorm    | N            | C     | 1               | L        | batch, position   |
 * | InstanceNorm | N            | C     | 1               | L        | channel, position |
 * | GroupNorm    | N            | G     | C / G           | L        | channel, position |
 * | LayerNorm    | leading axes | 1     | normalizedShape | 1        | channel, position |
 * | RMSNorm      | leading axes | 1     | normalizedShape | 1        | channel, position |
 * | LocalResp.   | N            | C     | neighbours      | L        | channel           |
 *
 * LocalResponseNorm, alone, sees an element several times: its channel axis is the window of neighbouring channels around each group.
 * Statistics that are shared over the batch axis depend on a sample's companions and need running averages for inference; the others
 * belong to one sample. Running averages belong to the group axis.
 */
export interface NormKind {
  /** What the four axes hold, '' for an axis of one element. */
  readonly axes: readonly [batch: string, group: string, channel: string, position: string]
  /** The axes whose elements share one statistic. */
  readonly shared: readonly number[]
  /** Whether the mean is taken off; without, the mean square stands for the variance. */
  readonly centered: boolean
  /** Whether running averages can be kept. */
  readonly averaged: boolean
  /**
   * What has no variance or too large a one. True, as PyTorch's batch_norm: a constant row without eps gives the bias, and sums may leave the
   * range of the dtype. False, as its layer_norm: both give NaN.
   */
  readonly lenient: boolean
}

/** A norm with the sizes of its axes for one input. */
export interface NormAxes extends NormKind {
  readonly shape: readonly [batch: number, group: number, channel: number, position: number]
}

const [BATCH, GROUP, CHANNEL, POSITION] = [0, 1, 2, 3]
const sampled = { shared: [CHANNEL, POSITION], centered: true, averaged: false, lenient: false }

export const normKinds = {
  batch: { axes: ['N', 'C', '', 'L'], shared: [BATCH, POSITION], centered: true, averaged: true, lenient: true },
  instance: { ...sampled, axes: ['N', 'C', '', 'L'], averaged: true, lenient: true },
  group: { ...sampled, axes: ['N', 'G', 'C / G', 'L'] },
  layer: { ...sampled, axes: ['*', '', 'normalizedShape', ''] },
  rms: { ...sampled, axes: ['*', '', 'normalizedShape', ''], centered: false },
  response: { ...sampled, axes: ['N', 'C', 'size neighbours of C', 'L'], shared: [CHANNEL], centered: false },
} satisfies Record<string, NormKind>

/** The axes over which the gradients of weight and bias are summed. */
export const summedForParameters = [BATCH, POSITION] as const

/** Weight and bias in four axes. */
export const parameterShape = ({ shape }: NormAxes): Shape => [1, shape[GROUP], shape[CHANNEL], 1]

/** Mean and rstd in four axes. */
export const statisticShape = ({ shape, shared }: NormAxes): Shape => shape.map((size, axis) => (shared.includes(axis) ? 1 : size))

/** Elements that share one statistic. */
export const sharedCount = ({ shape, shared }: NormAxes): number => numelOf(shared.map((axis) => shape[axis]))

const named = ({ axes }: NormKind, wanted: (axis: number) => boolean): string => axes.filter((name, axis) => name !== '' && wanted(axis)).join(', ')

/** A norm's axes in words: `{ statistics: 'N, G', over: 'C / G, L', parameters: 'G, C / G', running: null }`. */
export interface NormWords {
  /** What has a mean and variance of its own; '' where there is one for everything. */
  readonly statistics: string
  /** What such a statistic is taken over. */
  readonly over: string
  /** What has a weight and bias of its own. */
  readonly parameters: string
  /** What has a running average of its own, null where none can be kept. */
  readonly running: string | null
}

export const normInWords = (kind: NormKind): NormWords => ({
  statistics: named(kind, (axis) => !kind.shared.includes(axis)),
  over: named(kind, (axis) => kind.shared.includes(axis)),
  parameters: named(kind, (axis) => axis === GROUP || axis === CHANNEL),
  running: kind.averaged ? named(kind, (axis) => axis === GROUP) : null,
})

/** [N, C, ...]: one statistic per channel, over the batch and all positions. */
export const batchNormAxes = (shape: Shape): NormAxes => ({ ...normKinds.batch, shape: [shape[0], shape[1], 1, numelOf(shape.slice(2))] })

/** [N, C, ...]: one statistic per sample and channel, over all positions. */
export const instanceNormAxes = (shape: Shape): NormAxes => ({ ...batchNormAxes(shape), ...normKinds.instance })

/** [N, C, ...]: one statistic per sample and group of neighbouring channels, over these and all positions. */
export const groupNormAxes = (shape: Shape, groups: number): NormAxes => ({
  ...normKinds.group,
  shape: [shape[0], groups, shape[1] / groups, numelOf(shape.slice(2))],
})

/** [..., ...normalizedShape]: one statistic per element of the leading axes, over the trailing ones. */
export const trailingAxes = (kind: NormKind, shape: Shape, normalizedShape: Shape): NormAxes => ({
  ...kind,
  shape: [numelOf(shape.slice(0, shape.length - normalizedShape.length)), 1, numelOf(normalizedShape), 1],
})
