import { type Arguments, readOptions } from '../core/arguments.js'
import type { Dtype } from '../core/dtype.js'
import { checkNumber, ValueError } from '../core/errors.js'
import { formatShape, numberList } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import type { Activation } from '../ops/activation-rule.js'
import { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from '../ops/conv.js'
import { empty } from '../ops/create.js'
import { applyEpilogue, type Epilogue } from '../ops/epilogue.js'
import { pad } from '../ops/pad.js'
import type { PerAxis } from '../ops/spatial.js'
import { requireArguments } from './arguments.js'
import { withEpilogue } from './fusion.js'
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init.js'
import { Module } from './module.js'
import { pythonRepr } from './names.js'
import { Parameter } from './parameter.js'

/** What stands in the padding: zeros, the input mirrored, its outermost elements, or its other end. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular'

interface SharedOptions {
  /** Distance between neighbouring windows. Default 1. */
  stride?: PerAxis
  /** Distance between the elements that a kernel reads. Default 1. */
  dilation?: PerAxis
  /** Channels are split into so many groups, each with kernels of its own. Default 1. */
  groups?: number
  /** Add a learned bias. Default true. */
  bias?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

export interface ConvLayerOptions extends SharedOptions {
  /** Elements added on both sides of each axis, or `'same'` (as many as keep the size; stride 1 only) or `'valid'` (none). Default 0. */
  padding?: PerAxis | 'same' | 'valid'
  /** What those elements are. Default `'zeros'`. */
  paddingMode?: PaddingMode
}

export interface ConvTransposeLayerOptions extends SharedOptions {
  /** Elements cut off both ends of each axis of the result. Default 0. */
  padding?: PerAxis
  /** Elements added at the end of each axis. Default 0. */
  outputPadding?: PerAxis
  /** Only `'zeros'`. */
  paddingMode?: 'zeros'
}

/** Optional arguments of a convolution, and of a transposed one. */
export type ConvArguments = Arguments<[stride: PerAxis, padding: PerAxis | 'same' | 'valid'], ConvLayerOptions>
export type ConvTransposeArguments = Arguments<[stride: PerAxis, padding: PerAxis, outputPadding: PerAxis], ConvTransposeLayerOptions>

type AnyConvOptions = ConvLayerOptions & Pick<ConvTransposeLayerOptions, 'outputPadding'>

/** What all six layers share. */
abstract class ConvNd extends Module {
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[] | 'same' | 'valid'
  readonly dilation: readonly number[]
  readonly outputPadding: readonly number[]
  readonly groups: number
  readonly paddingMode: PaddingMode
  weight: Parameter
  /** [outChannels], or null */
  bias: Parameter | null

  protected constructor(
    layer: string,
    protected readonly axes: number,
    transposed: boolean,
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: PerAxis,
    options: AnyConvOptions,
  ) {
    super()
    requireArguments(layer, { in_channels: inChannels, out_channels: outChannels, kernel_size: kernelSize })
    for (const [name, value] of Object.entries({ in_channels: inChannels, out_channels: outChannels, groups: options.groups ?? 1 }))
      checkNumber(layer, name, value)
    const { padding = 0, groups = 1, bias = true, paddingMode = 'zeros', dtype } = options
    const perAxis = (name: string, value: PerAxis): readonly number[] =>
      typeof value === 'number' ? new Array<number>(axes).fill(value) : numberList(layer, name, value)
    this.kernelSize = perAxis('kernel_size', kernelSize)
    this.stride = perAxis('stride', options.stride ?? 1)
    this.padding = typeof padding === 'string' ? padding : perAxis('padding', padding)
    this.dilation = perAxis('dilation', options.dilation ?? 1)
    this.outputPadding = perAxis('output_padding', options.outputPadding ?? 0)
    this.groups = groups
    this.paddingMode = paddingMode
    if (groups <= 0) throw new ValueError('groups must be a positive integer')
    if (inChannels % groups !== 0) throw new ValueError('in_channels must be divisible by groups')
    if (outChannels % groups !== 0) throw new ValueError('out_channels must be divisible by groups')
    if (typeof padding === 'string') {
      if (padding !== 'same' && padding !== 'valid') throw new ValueError(`Invalid padding string ${pythonRepr(padding)}, should be one of {'same', 'valid'}`)
      if (padding === 'same' && this.stride.some((s) => s !== 1)) throw new ValueError("padding='same' is not supported for strided convolutions")
    }
    if (!['zeros', 'reflect', 'replicate', 'circular'].includes(paddingMode)) {
      throw new ValueError(`padding_mode must be one of {'reflect', 'zeros', 'circular', 'replicate'}, but got padding_mode='${paddingMode}'`)
    }
    const channels = transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups]
    this.weight = new Parameter(empty([...channels, ...this.kernelSize], { dtype }))
    this.bias = bias ? new Parameter(empty([outChannels], { dtype })) : null
    this.resetParameters()
  }

  /** Draws new initial values. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) })
    if (!this.bias) return
    const { fanIn } = calculateFanInAndFanOut(this.weight)
    if (fanIn === 0) return
    const bound = 1 / Math.sqrt(fanIn)
    uniform_(this.bias, { a: -bound, b: bound })
  }

  override extraRepr(): string {
    const { padding, dilation, outputPadding, groups } = this
    const parts = [`${this.inChannels}, ${this.outChannels}, kernel_size=${pythonRepr(this.kernelSize)}, stride=${pythonRepr(this.stride)}`]
    if (typeof padding === 'string') parts.push(`padding=${padding}`)
    else if (padding.some((v) => v !== 0)) parts.push(`padding=${pythonRepr(padding)}`)
    if (dilation.some((v) => v !== 1)) parts.push(`dilation=${pythonRepr(dilation)}`)
    if (outputPadding.some((v) => v !== 0)) parts.push(`output_padding=${pythonRepr(outputPadding)}`)
    if (groups !== 1) parts.push(`groups=${groups}`)
    if (!this.bias) parts.push('bias=False')
    if (this.paddingMode !== 'zeros') parts.push(`padding_mode=${this.paddingMode}`)
    return parts.join(', ')
  }
}

const convolutions = [conv1d, conv2d, conv3d]

abstract class Conv extends ConvNd {
  protected constructor(layer: string, axes: number, inChannels: number, outChannels: number, kernelSize: PerAxis, args: ConvArguments) {
    const options = readOptions<ConvLayerOptions>(layer, ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode', 'dtype'], 2, args)
    super(layer, axes, false, inChannels, outChannels, kernelSize, options)
  }

  override forward(x: Tensor): Tensor {
    return this.convolve(x, null)
  }

  [withEpilogue](x: Tensor, epilogue: Epilogue): Tensor {
    return epilogue.residual ? applyEpilogue(this.convolve(x, null), epilogue) : this.convolve(x, epilogue.activation)
  }

  private convolve(x: Tensor, activation: Activation | null): Tensor {
    const { stride, dilation, groups, paddingMode, padding } = this
    const convolve = convolutions[this.axes - 1]
    const weight = this.kernel()
    if (paddingMode === 'zeros') return convolve(x, weight, this.bias, { stride, padding, dilation, groups, activation })
    const padded = pad(x, this.margins(), { mode: paddingMode })
    return convolve(padded, weight, this.bias, { stride, dilation, groups, activation })
  }

  /** What the input is convolved with: the weight itself, unless a subclass derives it from that. */
  protected kernel(): Tensor {
    return this.weight
  }

  /** The amounts for `pad`: before and after each axis, the last one first. */
  private margins(): number[] {
    const { padding, dilation, kernelSize } = this
    const pairs = kernelSize.map((k, i) => {
      if (padding === 'valid') return [0, 0]
      if (padding !== 'same') return [padding[i], padding[i]]
      const total = dilation[i] * (k - 1)
      return [Math.floor(total / 2), Math.ceil(total / 2)]
    })
    return pairs.reverse().flat()
  }
}

/**
 * Convolution over [N, C, L] or [C, L]. As `torch.nn.Conv1d`.
 *
 * weight [outChannels, inChannels / groups, K] and bias start uniform in (-k, k), k = 1 / sqrt(inChannels / groups · K).
 * @throws ValueError where channels can't be split into the groups, or for unknown paddings
 */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...args: ConvArguments) {
    super('Conv1d', 1, inChannels, outChannels, kernelSize, args)
  }
}

/** Convolution over [N, C, H, W] or [C, H, W], weight [outChannels, inChannels / groups, KH, KW]. As `torch.nn.Conv2d`; see `Conv1d`. */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...args: ConvArguments) {
    super('Conv2d', 2, inChannels, outChannels, kernelSize, args)
  }
}

/** Convolution over [N, C, D, H, W] or [C, D, H, W], weight [outChannels, inChannels / groups, KD, KH, KW]. As `torch.nn.Conv3d`; see `Conv1d`. */
export class Conv3d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...args: ConvArguments) {
    super('Conv3d', 3, inChannels, outChannels, kernelSize, args)
  }
}

const transposedConvolutions = [convTranspose1d, convTranspose2d, convTranspose3d]
const transposedOptions = ['stride', 'padding', 'outputPadding', 'groups', 'bias', 'dilation', 'paddingMode', 'dtype'] as const

abstract class ConvTranspose extends ConvNd {
  protected constructor(layer: string, axes: number, inChannels: number, outChannels: number, kernelSize: PerAxis, args: ConvTransposeArguments) {
    const options = readOptions<ConvTransposeLayerOptions>(layer, transposedOptions, 3, args)
    if ((options.paddingMode ?? 'zeros') !== 'zeros') throw new ValueError(`Only "zeros" padding mode is supported for ${layer}`)
    super(layer, axes, true, inChannels, outChannels, kernelSize, options)
  }

  /**
   * @param outputSize the sizes of the result, with or without batch and channels; chooses the output padding, which is else the layer's own
   * @throws ValueError where no output padding gives that size
   */
  override forward(x: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const { stride, dilation, groups } = this
    const padding = this.padding as readonly number[]
    const outputPadding = outputSize ? this.outputPaddingFor(x, outputSize) : this.outputPadding
    return transposedConvolutions[this.axes - 1](x, this.weight, this.bias, { stride, padding, outputPadding, groups, dilation })
  }

  private outputPaddingFor(x: Tensor, outputSize: readonly number[]): number[] {
    const { axes, stride, dilation, kernelSize } = this
    const padding = this.padding as readonly number[]
    const lead = x.ndim === axes + 2 ? 2 : 1
    const size = outputSize.length === lead + axes ? outputSize.slice(lead) : outputSize
    if (size.length !== axes) {
      throw new ValueError(`ConvTranspose${axes}D: for ${x.ndim}D input, output_size must have ${axes} or ${lead + axes} elements (got ${size.length})`)
    }
    const given = x.shape.slice(-axes)
    const least = given.map((s, i) => (s - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernelSize[i] - 1) + 1)
    const most = least.map((s, i) => s + stride[i] - 1)
    if (size.some((s, i) => s < least[i] || s > most[i])) {
      throw new ValueError(
        `requested an output size of ${pythonRepr(size)}, but valid sizes range from ${formatShape(least)} to ${formatShape(most)} (for an input of torch.Size(${formatShape(given)}))`,
      )
    }
    return size.map((s, i) => s - least[i])
  }
}

/**
 * Transposed convolution over [N, C, L] or [C, L]. As `torch.nn.ConvTranspose1d`.
 *
 * weight [inChannels, outChannels / groups, K] and bias start uniform in (-k, k), k = 1 / sqrt(outChannels / groups · K).
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...args: ConvTransposeArguments) {
    super('ConvTranspose1d', 1, inChannels, outChannels, kernelSize, args)
  }
}

/** Transposed convolution over [N, C, H, W] or [C, H, W]. As `torch.nn.ConvTranspose2d`; see `ConvTranspose1d`. */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...args: ConvTransposeArguments) {
    super('ConvTranspose2d', 2, inChannels, outChannels, kernelSize, args)
  }
}

/** Transposed convolution over [N, C, D, H, W] or [C, D, H, W]. As `torch.nn.ConvTranspose3d`; see `ConvTranspose1d`. */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...args: ConvTransposeArguments) {
    super('ConvTranspose3d', 3, inChannels, outChannels, kernelSize, args)
  }
}
