import { type Arguments, readOptions } from '../core/arguments.js'
import { refuseDtype } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import { formatShape, normalizeDim } from '../core/shape.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import type { PoolAxis } from '../kernels/contract.js'
import { composed } from './composed.js'
import { averageOverWindows, maxOverWindows, type Pooled, type ReturnIndices } from './pool-rule.js'
import { checkWindows, perAxis, slidingAxis, type WindowOptions, windowCounts } from './pool-windows.js'
import type { PerAxis } from './spatial.js'

export type { Pooled, ReturnIndices } from './pool-rule.js'

export interface MaxPoolOptions {
  /** Distance between neighbouring windows. Default: the size of the window. */
  stride?: PerAxis | null
  /** How far windows reach over both ends of each axis; what lies there never wins. At most half a window. Default 0. */
  padding?: PerAxis
  /** Distance between the elements of a window. Default 1. */
  dilation?: PerAxis
  /** Let the last window reach over the end rather than leave elements out. Default false. */
  ceilMode?: boolean
}

export interface AvgPoolOptions extends Omit<MaxPoolOptions, 'dilation'> {
  /** Count the zeros of the padding in the average. Default true. */
  countIncludePad?: boolean
}

export interface AvgPoolNdOptions extends AvgPoolOptions {
  /** Divide every sum by this number instead of the window's size. Default null. */
  divisorOverride?: number | null
}

export interface LPPoolOptions {
  stride?: PerAxis | null
  ceilMode?: boolean
}

const ranks = (axes: number): string => `${axes + 1}D or ${axes + 2}D`

function checkInput(owner: string, x: Tensor, axes: number): void {
  const ranked = x.ndim === axes + 1 || x.ndim === axes + 2
  if (!ranked && axes > 1) {
    if (owner.startsWith('avg') && axes === 2) normalizeDim(-3, x.ndim)
    throw new RuntimeError(`non-empty ${ranks(axes)} (batch mode) tensor expected for input`)
  }
  if (!ranked && owner.startsWith('avg')) {
    throw new RuntimeError(`Expected 2 to 3 dimensions, but got ${x.ndim}-dimensional tensor for argument #1 'self' (while checking arguments for ${owner})`)
  }
  const empty = x.shape.some((s, d) => s === 0 && (d > 0 || x.ndim === axes + 1))
  if (!ranked || empty) {
    const lead = axes === 1 ? `${owner}: ` : ''
    throw new RuntimeError(`${lead}Expected ${ranks(axes)} (batch mode) tensor with optional 0 dim batch size for input, but got:${formatShape(x.shape)}`)
  }
  if (x.dtype === 'bool') refuseDtype(owner, x.dtype)
}

function windowOptions(owner: string, axes: number, kernelSize: PerAxis, options: MaxPoolOptions): WindowOptions {
  const kernel = perAxis(owner, 'kernel_size', kernelSize, axes)
  return {
    kernel,
    stride: options.stride === undefined || options.stride === null ? kernel : perAxis(owner, 'stride', options.stride, axes),
    padding: perAxis(owner, 'padding', options.padding ?? 0, axes),
    dilation: perAxis(owner, 'dilation', options.dilation ?? 1, axes),
    ceilMode: options.ceilMode ?? false,
  }
}

/** The windows along each axis of an input that has been found good. */
function windowsOver(owner: string, x: Tensor, options: WindowOptions): PoolAxis[] {
  checkWindows(owner, options)
  const { kernel, stride, padding, dilation } = options
  return windowCounts(owner, x, options).map((count, i) =>
    slidingAxis(x.shape[x.ndim - kernel.length + i], count, kernel[i], stride[i], padding[i], dilation[i]),
  )
}

/** Optional arguments of pools by maximum, by average in one axis and in several, and by p-norm. */
export type MaxPoolArguments<I extends boolean> = Arguments<[stride: PerAxis, padding: PerAxis, dilation: PerAxis], MaxPoolOptions & ReturnIndices<I>>
export type AvgPoolArguments = Arguments<[stride: PerAxis, padding: PerAxis], AvgPoolOptions>
export type AvgPoolNdArguments = Arguments<[stride: PerAxis, padding: PerAxis], AvgPoolNdOptions>
export type LPPoolArguments = Arguments<[stride: PerAxis], LPPoolOptions>

function maxPoolNd<I extends boolean>(axes: number, input: Tensor, kernelSize: PerAxis, args: MaxPoolArguments<I>): Pooled<I> {
  const owner = `max_pool${axes}d`
  checkTensor(owner, 'input', input)
  const known = ['stride', 'padding', 'dilation', 'ceilMode', 'returnIndices'] as const
  const options: MaxPoolOptions & { returnIndices?: boolean } = readOptions<MaxPoolOptions & ReturnIndices<I>>(`maxPool${axes}d`, known, 3, args)
  const windows = windowOptions(owner, axes, kernelSize, options)
  checkInput(owner, input, axes)
  const { returnIndices = false } = options
  // With indices PyTorch computes one axis as the last of two, and its texts say so.
  const over = windowsOver(returnIndices && axes === 1 ? 'max_pool2d' : owner, input, windows)
  if (over.some(({ starts, ends }) => starts.some((start, i) => start >= ends[i]))) {
    throw new RuntimeError(`${owner}: with this padding and dilation a window holds no element of the input of size ${formatShape(input.shape)}`)
  }
  return maxOverWindows(input, over, returnIndices)
}

/**
 * The largest element of each window along the last axis. As `torch.nn.functional.max_pool1d`.
 *
 * Of equal elements the first one gets the gradient; NaN counts as largest.
 * @param x [N, C, L] or [C, L]
 * @param options.returnIndices return [values, indices], the indices (int64) counted within the pooled axes. Default false.
 * @throws RuntimeError with PyTorch's texts where ranks or sizes don't fit
 */
export function maxPool1d<I extends boolean = false>(x: Tensor, kernelSize: PerAxis, ...args: MaxPoolArguments<I>): Pooled<I> {
  return maxPoolNd(1, x, kernelSize, args)
}

/** The largest element of each window over the last two axes: x [N, C, H, W] or [C, H, W]. As `maxPool1d`. */
export function maxPool2d<I extends boolean = false>(x: Tensor, kernelSize: PerAxis, ...args: MaxPoolArguments<I>): Pooled<I> {
  return maxPoolNd(2, x, kernelSize, args)
}

/** The largest element of each window over the last three axes: x [N, C, D, H, W] or [C, D, H, W]. As `maxPool1d`. */
export function maxPool3d<I extends boolean = false>(x: Tensor, kernelSize: PerAxis, ...args: MaxPoolArguments<I>): Pooled<I> {
  return maxPoolNd(3, x, kernelSize, args)
}

function avgPoolNd(axes: number, input: Tensor, kernelSize: PerAxis, args: AvgPoolNdArguments): Tensor {
  const owner = `avg_pool${axes}d`
  checkTensor(owner, 'input', input)
  const known = (['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'] as const).slice(0, axes > 1 ? 5 : 4)
  const options = readOptions<AvgPoolNdOptions>(`avgPool${axes}d`, known, 2, args)
  const { countIncludePad = true, divisorOverride = null, ...rest } = options
  const windows = windowOptions(owner, axes, kernelSize, rest)
  if (divisorOverride === 0) throw new RuntimeError('divisor must be not zero')
  checkInput(owner, input, axes)
  const over = windowsOver(owner, input, windows)
  const { kernel, stride, padding } = windows
  const divisors = over.map(({ starts, ends }, d) => {
    // Zeros count up to the end of the padding; how far a window reaches beyond that by `ceilMode` doesn't.
    const end = input.shape[input.ndim - axes + d] + padding[d]
    const padded = (i: number) => Math.min(i * stride[d] - padding[d] + kernel[d], end) - (i * stride[d] - padding[d])
    return Float64Array.from(starts, (start, i) => (countIncludePad ? padded(i) : ends[i] - start))
  })
  return averageOverWindows(input, over, divisorOverride ?? divisors)
}

/**
 * The average of each window along the last axis. As `torch.nn.functional.avg_pool1d`.
 * @param x [N, C, L] or [C, L]
 * @throws RuntimeError with PyTorch's texts where ranks or sizes don't fit
 */
export const avgPool1d = (x: Tensor, kernelSize: PerAxis, ...args: AvgPoolArguments): Tensor => avgPoolNd(1, x, kernelSize, args)

/** The average of each window over the last two axes: x [N, C, H, W] or [C, H, W]. As `avgPool1d`. */
export const avgPool2d = (x: Tensor, kernelSize: PerAxis, ...args: AvgPoolNdArguments): Tensor => avgPoolNd(2, x, kernelSize, args)

/** The average of each window over the last three axes: x [N, C, D, H, W] or [C, D, H, W]. As `avgPool1d`. */
export const avgPool3d = (x: Tensor, kernelSize: PerAxis, ...args: AvgPoolNdArguments): Tensor => avgPoolNd(3, x, kernelSize, args)

const averages = [avgPool1d, avgPool2d, avgPool3d]

function lpPoolNd(axes: number, x: Tensor, normType: number, kernelSize: PerAxis, args: LPPoolArguments): Tensor {
  const owner = `lp_pool${axes}d`
  checkTensor(owner, 'input', x)
  const options = readOptions<LPPoolOptions>(`lpPool${axes}d`, ['stride', 'ceilMode'], 1, args)
  const window = perAxis(owner, 'kernel_size', kernelSize, axes).reduce((n, k) => n * k, 1)
  return composed([x], () => {
    const average = averages[axes - 1](x.pow(normType), kernelSize, options)
    // Equals the average; but where that is 0, PyTorch's gradient comes from this form.
    const magnitude = average.sign().mul(average.abs())
    return magnitude.mul(window).pow(1 / normType)
  })
}

/**
 * (Σ xᵖ)^(1/p) over each window along the last axis; p = 1 is the sum, larger p come nearer to the maximum. As `torch.nn.functional.lp_pool1d`.
 * @param normType p
 */
export const lpPool1d = (x: Tensor, normType: number, kernelSize: PerAxis, ...args: LPPoolArguments): Tensor => lpPoolNd(1, x, normType, kernelSize, args)

/** As `lpPool1d`, over the last two axes. */
export const lpPool2d = (x: Tensor, normType: number, kernelSize: PerAxis, ...args: LPPoolArguments): Tensor => lpPoolNd(2, x, normType, kernelSize, args)

/** As `lpPool1d`, over the last three axes. */
export const lpPool3d = (x: Tensor, normType: number, kernelSize: PerAxis, ...args: LPPoolArguments): Tensor => lpPoolNd(3, x, normType, kernelSize, args)
