import { readOptions } from '../core/arguments.js'
import { checkOptions } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  type OutputSize,
} from '../ops/adaptive-pool.js'
import {
  type AvgPoolArguments,
  type AvgPoolNdArguments,
  type AvgPoolNdOptions,
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type LPPoolArguments,
  type LPPoolOptions,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  type MaxPoolArguments,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type Pooled,
  type ReturnIndices,
} from '../ops/pool.js'
import type { PerAxis } from '../ops/spatial.js'
import { requireArguments } from './arguments.js'
import { keepsNothing } from './fusion.js'
import { Module } from './module.js'
import { pythonFloat, pythonRepr } from './names.js'

const maxPools = [maxPool1d, maxPool2d, maxPool3d]

abstract class MaxPool<I extends boolean> extends Module {
  readonly stride: PerAxis
  readonly padding: PerAxis
  readonly dilation: PerAxis
  readonly returnIndices: boolean
  readonly ceilMode: boolean

  protected constructor(
    layer: string,
    private readonly axes: number,
    readonly kernelSize: PerAxis,
    args: MaxPoolArguments<I>,
  ) {
    super()
    requireArguments(layer, { kernel_size: kernelSize })
    const known = ['stride', 'padding', 'dilation', 'returnIndices', 'ceilMode'] as const
    const options = readOptions<MaxPoolOptions & ReturnIndices<I>>(layer, known, 3, args)
    this.stride = options.stride ?? kernelSize
    this.padding = options.padding ?? 0
    this.dilation = options.dilation ?? 1
    this.returnIndices = options.returnIndices ?? false
    this.ceilMode = options.ceilMode ?? false
  }

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Pooled<I> {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this
    return maxPools[this.axes - 1](x, kernelSize, { stride, padding, dilation, ceilMode, returnIndices }) as Pooled<I>
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return `kernel_size=${pythonRepr(kernelSize)}, stride=${pythonRepr(stride)}, padding=${pythonRepr(padding)}, dilation=${pythonRepr(dilation)}, ceil_mode=${pythonRepr(ceilMode)}`
  }
}

/** The largest element of each window of [N, C, L] or [C, L]. As `torch.nn.MaxPool1d`; see `F.maxPool1d`. */
export class MaxPool1d<I extends boolean = false> extends MaxPool<I> {
  constructor(kernelSize: PerAxis, ...args: MaxPoolArguments<I>) {
    super('MaxPool1d', 1, kernelSize, args)
  }
}

/** The largest element of each window of [N, C, H, W] or [C, H, W]. As `torch.nn.MaxPool2d`; see `F.maxPool2d`. */
export class MaxPool2d<I extends boolean = false> extends MaxPool<I> {
  constructor(kernelSize: PerAxis, ...args: MaxPoolArguments<I>) {
    super('MaxPool2d', 2, kernelSize, args)
  }
}

/** The largest element of each window of [N, C, D, H, W] or [C, D, H, W]. As `torch.nn.MaxPool3d`; see `F.maxPool3d`. */
export class MaxPool3d<I extends boolean = false> extends MaxPool<I> {
  constructor(kernelSize: PerAxis, ...args: MaxPoolArguments<I>) {
    super('MaxPool3d', 3, kernelSize, args)
  }
}

const averageOptions = ['stride', 'padding', 'ceilMode', 'countIncludePad'] as const

abstract class AvgPool extends Module {
  readonly kernelSize: PerAxis
  readonly stride: PerAxis
  readonly padding: PerAxis
  readonly ceilMode: boolean
  readonly countIncludePad: boolean

  protected constructor(layer: string, kernelSize: PerAxis, options: AvgPoolOptions) {
    super()
    requireArguments(layer, { kernel_size: kernelSize })
    this.kernelSize = kernelSize
    this.stride = options.stride ?? kernelSize
    this.padding = options.padding ?? 0
    this.ceilMode = options.ceilMode ?? false
    this.countIncludePad = options.countIncludePad ?? true
  }

  override extraRepr(): string {
    return `kernel_size=${pythonRepr(this.kernelSize)}, stride=${pythonRepr(this.stride)}, padding=${pythonRepr(this.padding)}`
  }
}

/** The average of each window of [N, C, L] or [C, L]. As `torch.nn.AvgPool1d`; see `F.avgPool1d`. */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: PerAxis, ...args: AvgPoolArguments) {
    super('AvgPool1d', kernelSize, readOptions<AvgPoolOptions>('AvgPool1d', averageOptions, 2, args))
  }

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad } = this
    return avgPool1d(x, kernelSize, { stride, padding, ceilMode, countIncludePad })
  }

  /** PyTorch keeps these three as tuples in this one pool. */
  override extraRepr(): string {
    const single = (value: PerAxis) => pythonRepr(typeof value === 'number' ? [value] : value)
    return `kernel_size=${single(this.kernelSize)}, stride=${single(this.stride)}, padding=${single(this.padding)}`
  }
}

const avgPools = [avgPool1d, avgPool2d, avgPool3d]

abstract class AvgPoolNd extends AvgPool {
  readonly divisorOverride: number | null

  protected constructor(
    layer: string,
    private readonly axes: number,
    kernelSize: PerAxis,
    args: AvgPoolNdArguments,
  ) {
    const options = readOptions<AvgPoolNdOptions>(layer, [...averageOptions, 'divisorOverride'], 2, args)
    super(layer, kernelSize, options)
    this.divisorOverride = options.divisorOverride ?? null
  }

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this
    return avgPools[this.axes - 1](x, kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride })
  }
}

/** The average of each window of [N, C, H, W] or [C, H, W]. As `torch.nn.AvgPool2d`; see `F.avgPool2d`. */
export class AvgPool2d extends AvgPoolNd {
  constructor(kernelSize: PerAxis, ...args: AvgPoolNdArguments) {
    super('AvgPool2d', 2, kernelSize, args)
  }
}

/** The average of each window of [N, C, D, H, W] or [C, D, H, W]. As `torch.nn.AvgPool3d`; see `F.avgPool3d`. */
export class AvgPool3d extends AvgPoolNd {
  constructor(kernelSize: PerAxis, ...args: AvgPoolNdArguments) {
    super('AvgPool3d', 3, kernelSize, args)
  }
}

abstract class AdaptivePool extends Module {
  protected constructor(
    layer: string,
    protected readonly axes: number,
    readonly outputSize: OutputSize,
  ) {
    super()
    requireArguments(layer, { output_size: outputSize })
  }

  override extraRepr(): string {
    return `output_size=${pythonRepr(this.outputSize)}`
  }
}

const adaptiveAvgPools = [adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d]

abstract class AdaptiveAvgPool extends AdaptivePool {
  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvgPools[this.axes - 1](x, this.outputSize)
  }
}

/** Averages [N, C, L] down or up to [N, C, outputSize]. As `torch.nn.AdaptiveAvgPool1d`; see `F.adaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveAvgPool1d', 1, outputSize)
  }
}

/** Averages [N, C, H, W] down or up to [N, C, ...outputSize]; null keeps an axis. As `torch.nn.AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveAvgPool2d', 2, outputSize)
  }
}

/** Averages [N, C, D, H, W] down or up to [N, C, ...outputSize]; null keeps an axis. As `torch.nn.AdaptiveAvgPool3d`. */
export class AdaptiveAvgPool3d extends AdaptiveAvgPool {
  constructor(outputSize: OutputSize) {
    super('AdaptiveAvgPool3d', 3, outputSize)
  }
}

const adaptiveMaxPools = [adaptiveMaxPool1d, adaptiveMaxPool2d, adaptiveMaxPool3d]

abstract class AdaptiveMaxPool<I extends boolean> extends AdaptivePool {
  readonly returnIndices: boolean

  protected constructor(layer: string, axes: number, outputSize: OutputSize, options: ReturnIndices<I>) {
    super(layer, axes, outputSize)
    checkOptions(layer, options, ['returnIndices'])
    this.returnIndices = options.returnIndices ?? false
  }

  override forward(x: Tensor): Pooled<I> {
    return adaptiveMaxPools[this.axes - 1](x, this.outputSize, { returnIndices: this.returnIndices }) as Pooled<I>
  }
}

/** The largest elements of [N, C, L], outputSize of them. As `torch.nn.AdaptiveMaxPool1d`; see `F.adaptiveMaxPool1d`. */
export class AdaptiveMaxPool1d<I extends boolean = false> extends AdaptiveMaxPool<I> {
  constructor(outputSize: OutputSize, options: ReturnIndices<I> = {}) {
    super('AdaptiveMaxPool1d', 1, outputSize, options)
  }
}

/** The largest elements of [N, C, H, W], down or up to [N, C, ...outputSize]; null keeps an axis. As `torch.nn.AdaptiveMaxPool2d`. */
export class AdaptiveMaxPool2d<I extends boolean = false> extends AdaptiveMaxPool<I> {
  constructor(outputSize: OutputSize, options: ReturnIndices<I> = {}) {
    super('AdaptiveMaxPool2d', 2, outputSize, options)
  }
}

/** The largest elements of [N, C, D, H, W], down or up to [N, C, ...outputSize]; null keeps an axis. As `torch.nn.AdaptiveMaxPool3d`. */
export class AdaptiveMaxPool3d<I extends boolean = false> extends AdaptiveMaxPool<I> {
  constructor(outputSize: OutputSize, options: ReturnIndices<I> = {}) {
    super('AdaptiveMaxPool3d', 3, outputSize, options)
  }
}

const lpPools = [lpPool1d, lpPool2d, lpPool3d]

abstract class LPPool extends Module {
  readonly stride: PerAxis | null
  readonly ceilMode: boolean

  protected constructor(
    layer: string,
    private readonly axes: number,
    readonly normType: number,
    readonly kernelSize: PerAxis,
    args: LPPoolArguments,
  ) {
    super()
    requireArguments(layer, { norm_type: normType, kernel_size: kernelSize })
    const options = readOptions<LPPoolOptions>(layer, ['stride', 'ceilMode'], 1, args)
    this.stride = options.stride ?? null
    this.ceilMode = options.ceilMode ?? false
  }

  override forward(x: Tensor): Tensor {
    const { stride, ceilMode } = this
    return lpPools[this.axes - 1](x, this.normType, this.kernelSize, { stride, ceilMode })
  }

  override extraRepr(): string {
    return `norm_type=${pythonFloat(this.normType)}, kernel_size=${pythonRepr(this.kernelSize)}, stride=${pythonRepr(this.stride)}, ceil_mode=${pythonRepr(this.ceilMode)}`
  }
}

/** (Σ xᵖ)^(1/p) over each window of [N, C, L] or [C, L], p = normType. As `torch.nn.LPPool1d`. */
export class LPPool1d extends LPPool {
  constructor(normType: number, kernelSize: PerAxis, ...args: LPPoolArguments) {
    super('LPPool1d', 1, normType, kernelSize, args)
  }
}

/** (Σ xᵖ)^(1/p) over each window of [N, C, H, W] or [C, H, W], p = normType. As `torch.nn.LPPool2d`. */
export class LPPool2d extends LPPool {
  constructor(normType: number, kernelSize: PerAxis, ...args: LPPoolArguments) {
    super('LPPool2d', 2, normType, kernelSize, args)
  }
}

/** (Σ xᵖ)^(1/p) over each window of [N, C, D, H, W] or [C, D, H, W], p = normType. As `torch.nn.LPPool3d`. */
export class LPPool3d extends LPPool {
  constructor(normType: number, kernelSize: PerAxis, ...args: LPPoolArguments) {
    super('LPPool3d', 3, normType, kernelSize, args)
  }
}
