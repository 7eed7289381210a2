import { checkOptions } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { type InterpolateMode, interpolate } from '../ops/interpolate.js'
import { channelShuffle, pixelShuffle, pixelUnshuffle } from '../ops/shuffle.js'
import type { PerAxis } from '../ops/spatial.js'
import { requireArguments } from './arguments.js'
import { Module } from './module.js'
import { pythonFloat, pythonRepr } from './names.js'

export interface UpsampleTarget {
  /** Sizes of the result, for all spatial axes or one an axis. Either this or `scaleFactor`. */
  size?: PerAxis | null
  /** Ratio of the result's sizes to the input's. */
  scaleFactor?: PerAxis | null
}

export interface UpsampleOptions extends UpsampleTarget {
  /** Default `'nearest'`. */
  mode?: InterpolateMode
  /** Map the centres of the corner elements onto each other. Default: false, for the modes that know it. */
  alignCorners?: boolean | null
  /** Compute positions from the rounded sizes rather than from `scaleFactor`. Default false. */
  recomputeScaleFactor?: boolean | null
}

/** Resamples [N, C, ...S] to another size. As `torch.nn.Upsample`; see `F.interpolate`. */
export class Upsample extends Module {
  readonly size: PerAxis | null
  readonly scaleFactor: PerAxis | null
  readonly mode: InterpolateMode
  readonly alignCorners: boolean | null
  readonly recomputeScaleFactor: boolean | null

  constructor(options: UpsampleOptions = {}) {
    super()
    checkOptions('Upsample', options, ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor'])
    this.size = options.size ?? null
    this.scaleFactor = options.scaleFactor ?? null
    this.mode = options.mode ?? 'nearest'
    this.alignCorners = options.alignCorners ?? null
    this.recomputeScaleFactor = options.recomputeScaleFactor ?? null
  }

  override forward(x: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this
    return interpolate(x, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor })
  }

  override extraRepr(): string {
    const { scaleFactor: scale } = this
    const target =
      scale === null
        ? `size=${pythonRepr(this.size)}`
        : `scale_factor=${typeof scale === 'number' ? pythonFloat(scale) : `(${scale.map(pythonFloat).join(', ')})`}`
    return `${target}, mode=${pythonRepr(this.mode)}`
  }
}

/** `Upsample` of [N, C, H, W] by nearest elements. As `torch.nn.UpsamplingNearest2d`. */
export class UpsamplingNearest2d extends Upsample {
  constructor(options: UpsampleTarget = {}) {
    checkOptions('UpsamplingNearest2d', options, ['size', 'scaleFactor'])
    super({ ...options, mode: 'nearest' })
  }
}

/** `Upsample` of [N, C, H, W] by straight lines, corners aligned. As `torch.nn.UpsamplingBilinear2d`. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(options: UpsampleTarget = {}) {
    checkOptions('UpsamplingBilinear2d', options, ['size', 'scaleFactor'])
    super({ ...options, mode: 'bilinear', alignCorners: true })
  }
}

/** Channels become pixels: [*, C r², H, W] to [*, C, H r, W r]. As `torch.nn.PixelShuffle`. */
export class PixelShuffle extends Module {
  /** @param upscaleFactor r */
  constructor(readonly upscaleFactor: number) {
    super()
    requireArguments('PixelShuffle', { upscale_factor: upscaleFactor })
  }

  override forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor)
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`
  }
}

/** Pixels become channels: [*, C, H r, W r] to [*, C r², H, W]. As `torch.nn.PixelUnshuffle`. */
export class PixelUnshuffle extends Module {
  /** @param downscaleFactor r */
  constructor(readonly downscaleFactor: number) {
    super()
    requireArguments('PixelUnshuffle', { downscale_factor: downscaleFactor })
  }

  override forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor)
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`
  }
}

/** Interleaves groups of channels of [N, C, *]. As `torch.nn.ChannelShuffle`. */
export class ChannelShuffle extends Module {
  constructor(readonly groups: number) {
    super()
    requireArguments('ChannelShuffle', { groups })
  }

  override forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups)
  }

  override extraRepr(): string {
    return `groups=${this.groups}`
  }
}
