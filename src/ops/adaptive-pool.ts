import { isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions, kindOf, RuntimeError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { checkFits, checkTensor, type Tensor } from '../core/tensor.js'
import type { PoolAxis } from '../kernels/contract.js'
import { averageOverWindows, maxOverWindows, type Pooled, type ReturnIndices } from './pool-rule.js'
import { adaptiveAxis } from './pool-windows.js'

/** The size of the result: one number for every axis, or one an axis; null keeps an axis as it is. */
export type OutputSize = number | null | readonly (number | null)[]

function checkInput(owner: string, x: Tensor, axes: number, colon: string): void {
  checkTensor(owner, 'input', x)
  if (x.ndim !== axes + 1 && x.ndim !== axes + 2) {
    if (axes === 1) {
      throw new RuntimeError(`Expected 2 to 3 dimensions, but got ${x.ndim}-dimensional tensor for argument #1 'self' (while checking arguments for ${owner})`)
    }
    throw new RuntimeError(`${owner}(): Expected ${axes + 1}D or ${axes + 2}D tensor, but got${colon} ${formatShape(x.shape)}`)
  }
  const empty = x.shape.findIndex((s, d) => s === 0 && d >= x.ndim - axes)
  if (empty >= 0) {
    throw new RuntimeError(
      `${owner}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ${formatShape(x.shape)} with dimension ${empty} being empty`,
    )
  }
}

/** The output's size along each axis. */
function outputSizes(x: Tensor, outputSize: OutputSize, axes: number, wrongLength: (length: number) => string): number[] {
  const list = typeof outputSize === 'number' || outputSize === null ? new Array<number | null>(axes).fill(outputSize) : outputSize
  if (!Array.isArray(list)) throw new TypeError(`output_size must be a whole number, whole numbers or null, got ${kindOf(list)}`)
  if (list.length !== axes) throw new RuntimeError(wrongLength(list.length))
  return list.map((size, i) => {
    if (size !== null && !Number.isInteger(size)) throw new TypeError(`output_size must be a whole number, whole numbers or null, got ${size}`)
    return size ?? x.shape[x.ndim - axes + i]
  })
}

function windows(x: Tensor, sizes: readonly number[]): PoolAxis[] {
  checkFits([...x.shape.slice(0, -sizes.length), ...sizes], x.dtype)
  return sizes.map((n, i) => adaptiveAxis(x.shape[x.ndim - sizes.length + i], n))
}

function adaptiveAvgPoolNd(axes: number, input: Tensor, outputSize: OutputSize): Tensor {
  const owner = `adaptive_avg_pool${axes}d`
  checkInput(owner, input, axes, '')
  const sizes = outputSizes(input, outputSize, axes, (n) =>
    axes === 1 ? `${owner}() argument 'output_size' should contain one int (got ${n})` : `${owner}: output_size must be ${axes}`,
  )
  if (sizes.some((n) => n < 0)) {
    throw new RuntimeError(`${owner}: elements of output_size must be greater than or equal to 0 but received {${sizes.join(', ')}}`)
  }
  if (!isFloatingPoint(input.dtype)) refuseDtype(owner, input.dtype)
  const over = windows(input, sizes)
  const divisors = over.map(({ starts, ends }) => Float64Array.from(starts, (start, i) => ends[i] - start))
  return averageOverWindows(input, over, divisors)
}

/**
 * Averages over windows that share the last axis out evenly, so that the result has the size asked for. As
 * `torch.nn.functional.adaptive_avg_pool1d`: output i of n covers elements floor(i L / n) to ceil((i + 1) L / n).
 * @param x [N, C, L] or [C, L]
 */
export const adaptiveAvgPool1d = (x: Tensor, outputSize: OutputSize): Tensor => adaptiveAvgPoolNd(1, x, outputSize)

/** As `adaptiveAvgPool1d`, over the last two axes: x [N, C, H, W] or [C, H, W]. */
export const adaptiveAvgPool2d = (x: Tensor, outputSize: OutputSize): Tensor => adaptiveAvgPoolNd(2, x, outputSize)

/** As `adaptiveAvgPool1d`, over the last three axes: x [N, C, D, H, W] or [C, D, H, W]. */
export const adaptiveAvgPool3d = (x: Tensor, outputSize: OutputSize): Tensor => adaptiveAvgPoolNd(3, x, outputSize)

function adaptiveMaxPoolNd<I extends boolean>(axes: number, input: Tensor, outputSize: OutputSize, options: ReturnIndices<I>): Pooled<I> {
  const owner = `adaptive_max_pool${axes}d`
  checkOptions(`adaptiveMaxPool${axes}d`, options, ['returnIndices'])
  checkInput(owner, input, axes, ':')
  const sizes = outputSizes(input, outputSize, axes, () => `${owner}(): internal error: output_size.size() must be ${axes}`)
  if (sizes.some((n) => n < 0)) {
    const shape = [...input.shape.slice(0, -axes), ...sizes]
    throw new RuntimeError(`Trying to create tensor with negative dimension ${sizes.find((n) => n < 0)}: ${formatShape(shape)}`)
  }
  if (input.dtype === 'bool') refuseDtype(owner, input.dtype)
  return maxOverWindows(input, windows(input, sizes), options.returnIndices ?? false)
}

/**
 * The largest elements over windows that share the last axis out evenly. As `torch.nn.functional.adaptive_max_pool1d`.
 * @param options.returnIndices return [values, indices], the indices (int64) counted within the pooled axes. Default false.
 */
export function adaptiveMaxPool1d<I extends boolean = false>(x: Tensor, outputSize: OutputSize, options: ReturnIndices<I> = {}): Pooled<I> {
  return adaptiveMaxPoolNd(1, x, outputSize, options)
}

/** As `adaptiveMaxPool1d`, over the last two axes: x [N, C, H, W] or [C, H, W]. */
export function adaptiveMaxPool2d<I extends boolean = false>(x: Tensor, outputSize: OutputSize, options: ReturnIndices<I> = {}): Pooled<I> {
  return adaptiveMaxPoolNd(2, x, outputSize, options)
}

/** As `adaptiveMaxPool1d`, over the last three axes: x [N, C, D, H, W] or [C, D, H, W]. */
export function adaptiveMaxPool3d<I extends boolean = false>(x: Tensor, outputSize: OutputSize, options: ReturnIndices<I> = {}): Pooled<I> {
  return adaptiveMaxPoolNd(3, x, outputSize, options)
}
