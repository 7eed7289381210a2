import { type Arguments, readOptions } from '../core/arguments.js'
import { dtypes } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import { formatShape, type Shape } from '../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../core/tensor.js'
import type { ConvGeometry } from '../kernels/contract.js'
import type { ActivationName } from './activation.js'
import type { Activation } from './activation-rule.js'
import { composed } from './composed.js'
import { convolve, convolveTransposed } from './conv-rule.js'
import { toActivation } from './epilogue.js'
import { pad } from './pad.js'
import { overBatch, type PerAxis } from './spatial.js'

export interface ConvOptions {
  /** Distance between neighbouring windows. Default 1. */
  stride?: PerAxis
  /** Zeros added on both sides of each axis, or `'same'` (as many as keep the size; stride 1 only) or `'valid'` (none). Default 0. */
  padding?: PerAxis | 'same' | 'valid'
  /** Distance between the elements that a kernel reads. Default 1. */
  dilation?: PerAxis
  /** Channels are split into so many groups, each with kernels of its own. Default 1. */
  groups?: number
  /** Applied to the result in the same pass, with its default options: the bits of a separate one. Default null. */
  activation?: ActivationName | Activation | null
}

export interface ConvTransposeOptions extends Omit<ConvOptions, 'padding' | 'activation'> {
  /** Elements cut off both ends of each axis of the result: the padding of the convolution that this one transposes. Default 0. */
  padding?: PerAxis
  /** Elements added at the end of each axis, to choose among the sizes that such a convolution maps to one. Default 0. */
  outputPadding?: PerAxis
}

/** A value for each axis of the weight, from one for each axis of the function or one for all. */
function perAxis(name: string, value: PerAxis, axes: number, weight: Tensor): readonly number[] {
  const expected = Math.max(0, weight.ndim - 2)
  const list = typeof value === 'number' ? new Array<number>(axes).fill(value) : value.length === 1 ? new Array<number>(expected).fill(value[0]) : value
  if (list.length !== expected) {
    throw new RuntimeError(
      `expected ${name} to be a single integer value or a list of ${expected} values to match the convolution dimensions, but got ${name}=${formatShape(list)}`,
    )
  }
  for (const v of list) if (!Number.isInteger(v)) throw new TypeError(`${name} must be a whole number or whole numbers, got ${formatShape(list)}`)
  return list
}

const sizesTimes = (sizes: Shape): string => `(${sizes.join(' x ')})`

function checkInput(owner: string, x: Tensor, weight: Tensor, bias: Tensor | null, axes: number): void {
  checkTensor(owner, 'input', x)
  checkTensor(owner, 'weight', weight)
  checkOptionalTensor(owner, 'bias', bias)
  if (x.ndim !== axes + 1 && x.ndim !== axes + 2) {
    throw new RuntimeError(`Expected ${axes + 1}D (unbatched) or ${axes + 2}D (batched) input to ${owner}, but got input of size: ${formatShape(x.shape)}`)
  }
  if (bias && bias.dtype !== x.dtype)
    throw new RuntimeError(`Input type (${dtypes[x.dtype].cppName}) and bias type (${dtypes[bias.dtype].cppName}) should be the same`)
}

/** What convolution and its transpose check alike; x has its batch axis. */
function checkGeometry(x: Tensor, weight: Tensor, { stride, padding, dilation, groups }: ConvGeometry, outputPadding: Shape = []): void {
  if (padding.some((v) => v < 0)) throw new RuntimeError('negative padding is not supported')
  if (outputPadding.some((v) => v < 0)) throw new RuntimeError('negative output_padding is not supported')
  if (stride.some((v) => v <= 0)) throw new RuntimeError('non-positive stride is not supported')
  if (dilation.some((v) => v <= 0)) throw new RuntimeError('dilation should be greater than zero')
  if (!(Number.isInteger(groups) && groups > 0)) throw new RuntimeError('non-positive groups is not supported')
  if (weight.dtype !== x.dtype) throw new RuntimeError(`expected scalar type ${dtypes[x.dtype].scalarName} but found ${dtypes[weight.dtype].scalarName}`)
  if (weight.ndim !== x.ndim) {
    throw new RuntimeError(
      `Expected ${weight.ndim}-dimensional input for ${weight.ndim}-dimensional weight ${formatShape(weight.shape)}, but got ${x.ndim}-dimensional input of size ${formatShape(x.shape)} instead`,
    )
  }
  const [outputs] = weight.shape
  if (outputs < groups) {
    throw new RuntimeError(
      `Given groups=${groups}, expected weight to be at least ${groups} at dimension 0, but got weight of size ${formatShape(weight.shape)} instead`,
    )
  }
  if (outputs % groups !== 0) {
    throw new RuntimeError(
      `Given groups=${groups}, expected weight to be divisible by ${groups} at dimension 0, but got weight of size [${formatShape(weight.shape)}] instead`,
    )
  }
}

function checkChannels(given: string, x: Tensor, weight: Tensor, expected: number): void {
  if (x.shape[1] === expected) return
  throw new RuntimeError(
    `${given}, weight of size ${formatShape(weight.shape)}, expected input${formatShape(x.shape)} to have ${expected} channels, but got ${x.shape[1]} channels instead`,
  )
}

function checkBias(given: string, bias: Tensor | null, weight: Tensor, expected: number): void {
  if (!bias || (bias.ndim === 1 && bias.shape[0] === expected)) return
  throw new RuntimeError(
    `Given ${given}weight of size ${formatShape(weight.shape)}, expected bias to be 1-dimensional with ${expected} elements, but got bias of size ${formatShape(bias.shape)} instead`,
  )
}

/** How far a kernel reaches beyond its first element, along each axis. */
const reachOf = (weight: Tensor, dilation: Shape): number[] => dilation.map((d, i) => d * (weight.shape[i + 2] - 1))

/** Optional arguments of a convolution behind its bias, and of a transposed one. */
type ConvOpArguments = Arguments<[stride: PerAxis, padding: PerAxis | 'same' | 'valid'], ConvOptions>
type ConvTransposeOpArguments = Arguments<[stride: PerAxis, padding: PerAxis, outputPadding: PerAxis], ConvTransposeOptions>

function convNd(axes: number, input: Tensor, weight: Tensor, bias: Tensor | null, args: ConvOpArguments): Tensor {
  const owner = `conv${axes}d`
  const options = readOptions<ConvOptions>(owner, ['stride', 'padding', 'dilation', 'groups', 'activation'], 2, args)
  checkInput(owner, input, weight, bias, axes)
  const activation = options.activation ? toActivation(owner, options.activation) : null
  const convolveBatch = (x: Tensor) => {
    const stride = perAxis('stride', options.stride ?? 1, axes, weight)
    const dilation = perAxis('dilation', options.dilation ?? 1, axes, weight)
    const { padding: given = 0, groups = 1 } = options
    const reach = reachOf(weight, dilation)
    let padded = x
    let padding: readonly number[]
    if (given === 'same') {
      if (stride.some((v) => v !== 1)) throw new RuntimeError("padding='same' is not supported for strided convolutions")
      // Where the zeros can't be shared out evenly, the end of the axis gets one more than the kernels' symmetric padding.
      padding = reach.map((r) => Math.floor(r / 2))
      if (reach.some((r) => r % 2 !== 0))
        padded = pad(
          x,
          [...reach].reverse().flatMap((r) => [0, r % 2]),
        )
    } else if (typeof given === 'string') {
      if (given !== 'valid') throw new RuntimeError(`Invalid padding string: '${given}'`)
      padding = reach.map(() => 0)
    } else padding = perAxis('padding', given, axes, weight)
    const geometry = { stride, padding, dilation, groups }
    checkGeometry(padded, weight, geometry)
    checkChannels(`Given groups=${groups}`, padded, weight, weight.shape[1] * groups)
    checkBias('', bias, weight, weight.shape[0])
    const size = padded.shape.slice(2).map((s, i) => s + 2 * padding[i])
    const kernel = reach.map((r) => r + 1)
    if (weight.shape.slice(2).includes(0)) throw new RuntimeError(`kernel size should be greater than zero, but got ${sizesTimes(weight.shape.slice(2))}`)
    if (size.some((s, i) => s < kernel[i])) {
      throw new RuntimeError(
        `Calculated padded input size per channel: ${sizesTimes(size)}. Kernel size: ${sizesTimes(kernel)}. Kernel size can't be greater than actual input size`,
      )
    }
    return convolve(
      padded,
      weight,
      bias,
      geometry,
      size.map((s, i) => Math.floor((s - kernel[i]) / stride[i]) + 1),
      activation,
    )
  }
  // Made of two where 'same' has to pad.
  return composed([input, weight, bias], () => overBatch(input, axes, convolveBatch))
}

/**
 * Convolution over one axis, as cross-correlation. As `torch.nn.functional.conv1d`.
 * @param x [N, C, L] or [C, L];  weight [O, C / groups, K];  bias [O] or null
 * @returns [N, O, floor((L + 2 padding - dilation (K - 1) - 1) / stride) + 1]
 * @throws RuntimeError where ranks, channels, groups or dtypes don't fit, or a kernel is larger than the padded input
 */
export const conv1d = (x: Tensor, weight: Tensor, bias: Tensor | null = null, ...args: ConvOpArguments): Tensor => convNd(1, x, weight, bias, args)

/** Convolution over two axes: x [N, C, H, W] or [C, H, W], weight [O, C / groups, KH, KW]. As `conv1d`. */
export const conv2d = (x: Tensor, weight: Tensor, bias: Tensor | null = null, ...args: ConvOpArguments): Tensor => convNd(2, x, weight, bias, args)

/** Convolution over three axes: x [N, C, D, H, W] or [C, D, H, W], weight [O, C / groups, KD, KH, KW]. As `conv1d`. */
export const conv3d = (x: Tensor, weight: Tensor, bias: Tensor | null = null, ...args: ConvOpArguments): Tensor => convNd(3, x, weight, bias, args)

const axisNames = ['depth', 'height', 'width']

function checkOutputPadding(outputPadding: Shape, stride: Shape, dilation: Shape): void {
  if (outputPadding.every((p, i) => p < stride[i] || p < dilation[i])) return
  // PyTorch takes one axis for the second of two.
  const list = (name: string, values: Shape, filler: number) => {
    const all = values.length === 1 ? [filler, ...values] : values
    return all.map((v, i) => `${name}_${axisNames[axisNames.length - all.length + i]}: ${v}`).join(' ')
  }
  throw new RuntimeError(
    `output padding must be smaller than either stride or dilation, but got ${list('output_padding', outputPadding, 0)} ${list('stride', stride, 1)} ${list('dilation', dilation, 1)}`,
  )
}

function convTransposeNd(axes: number, input: Tensor, weight: Tensor, bias: Tensor | null, args: ConvTransposeOpArguments): Tensor {
  const owner = `conv_transpose${axes}d`
  const options = readOptions<ConvTransposeOptions>(`convTranspose${axes}d`, ['stride', 'padding', 'outputPadding', 'groups', 'dilation'], 3, args)
  checkInput(owner, input, weight, bias, axes)
  return overBatch(input, axes, (x) => {
    const stride = perAxis('stride', options.stride ?? 1, axes, weight)
    const padding = perAxis('padding', options.padding ?? 0, axes, weight)
    const dilation = perAxis('dilation', options.dilation ?? 1, axes, weight)
    const outputPadding = perAxis('output_padding', options.outputPadding ?? 0, axes, weight)
    const { groups = 1 } = options
    const geometry = { stride, padding, dilation, groups }
    checkGeometry(x, weight, geometry, outputPadding)
    checkChannels('Given transposed=1', x, weight, weight.shape[0])
    checkBias('transposed=1, ', bias, weight, weight.shape[1] * groups)
    checkOutputPadding(outputPadding, stride, dilation)
    const given = x.shape.slice(2)
    const size = reachOf(weight, dilation).map((r, i) => (given[i] - 1) * stride[i] - 2 * padding[i] + r + outputPadding[i] + 1)
    if (size.some((s) => s < 1)) {
      const two = (sizes: Shape) => sizesTimes(sizes.length === 1 ? [1, ...sizes] : sizes)
      throw new RuntimeError(`Given input size per channel: ${two(given)}. Calculated output size per channel: ${two(size)}. Output size is too small`)
    }
    return convolveTransposed(x, weight, bias, geometry, size)
  })
}

/**
 * Transposed convolution over one axis: the gradient of a convolution with respect to its input, as a layer of its own ("deconvolution").
 * As `torch.nn.functional.conv_transpose1d`.
 * @param x [N, C, L] or [C, L];  weight [C, O / groups, K];  bias [O] or null
 * @returns [N, O, (L - 1) stride - 2 padding + dilation (K - 1) + outputPadding + 1]
 * @throws RuntimeError as `conv1d`, and where `outputPadding` reaches both stride and dilation or the result would be empty
 */
export const convTranspose1d = (x: Tensor, weight: Tensor, bias: Tensor | null = null, ...args: ConvTransposeOpArguments): Tensor =>
  convTransposeNd(1, x, weight, bias, args)

/** Transposed convolution over two axes: x [N, C, H, W] or [C, H, W], weight [C, O / groups, KH, KW]. As `convTranspose1d`. */
export const convTranspose2d = (x: Tensor, weight: Tensor, bias: Tensor | null = null, ...args: ConvTransposeOpArguments): Tensor =>
  convTransposeNd(2, x, weight, bias, args)

/** Transposed convolution over three axes: x [N, C, D, H, W] or [C, D, H, W], weight [C, O / groups, KD, KH, KW]. As `convTranspose1d`. */
export const convTranspose3d = (x: Tensor, weight: Tensor, bias: Tensor | null = null, ...args: ConvTransposeOpArguments): Tensor =>
  convTransposeNd(3, x, weight, bias, args)
