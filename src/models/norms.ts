import type { Layer } from '../nn/containers.js'
import { Identity } from '../nn/linear.js'
import { BatchNorm2d } from '../nn/norm/batch-norm.js'
import { GroupNorm } from '../nn/norm/group-norm.js'
import { InstanceNorm2d } from '../nn/norm/instance-norm.js'
import { LayerNorm } from '../nn/norm/layer-norm.js'
import { RMSNorm } from '../nn/norm/rms-norm.js'
import { LayerNorm2d } from './layer-norm-2d.js'

/** The normalizations that models take by name: what each makes from the number of channels or features. */

/** Makes a norm of `channels` channels or features. */
export type ChannelNormFactory = (channels: number) => Layer

/** Neighbouring channels that share a statistic, as many as Wu and He 2018 found best on ImageNet: 32 groups, or the most that divide the channels. */
const MOST_GROUPS = 32
function groupsFor(channels: number): number {
  let groups = MOST_GROUPS
  while (channels % groups !== 0) groups /= 2
  return groups
}

/** Of feature maps [N, C, H, W] of any size. */
export const imageNorms = {
  batch: (channels: number) => new BatchNorm2d(channels),
  group: (channels: number) => new GroupNorm(groupsFor(channels), channels),
  layer: (channels: number) => new LayerNorm2d(channels),
  instance: (channels: number) => new InstanceNorm2d(channels, { affine: true }),
  none: () => new Identity(),
} satisfies Record<string, ChannelNormFactory>

/** Of tokens [..., features]. */
export const tokenNorms = {
  layer: (features: number) => new LayerNorm(features),
  rms: (features: number) => new RMSNorm(features),
  none: () => new Identity(),
} satisfies Record<string, ChannelNormFactory>

/** A norm of feature maps: its name, or what makes it. */
export type ImageNorm = keyof typeof imageNorms | ChannelNormFactory
/** A norm of tokens: its name, or what makes it. */
export type TokenNorm = keyof typeof tokenNorms | ChannelNormFactory

export { normFactory, unknownNorm } from '../nn/norm/by-name.js'
