import { RuntimeError } from '../core/errors.js'
import { formatShape, lastOfThree, numberList, type Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import type { PoolAxis } from '../kernels/contract.js'
import type { PerAxis } from './spatial.js'

/** How windows move over an input. */
export interface WindowOptions {
  kernel: readonly number[]
  stride: readonly number[]
  padding: readonly number[]
  dilation: readonly number[]
  ceilMode: boolean
}

const counts = ['one int', 'two ints', 'three ints']

/** One value an axis. @throws RuntimeError with the texts of PyTorch's pools */
export function perAxis(owner: string, name: string, value: PerAxis, axes: number): readonly number[] {
  const given = numberList(owner, name, value)
  const list = given.length === 1 ? new Array<number>(axes).fill(given[0]) : given
  if (list.length !== axes) {
    if (axes === 1 && owner.startsWith('max'))
      throw new RuntimeError(`${owner}() ${name} must be an int, list of ints or tuple of ints of size 1 but got size ${list.length}`)
    if (axes === 1) throw new RuntimeError(`${owner}() argument '${name}' should contain one int (got ${list.length})`)
    const must = name === 'dilation' ? 'must be either' : name === 'stride' ? 'must either be omitted,' : 'must either be'
    throw new RuntimeError(`${owner}: ${name} ${must} a single int, or a tuple of ${counts[axes - 1]}`)
  }
  for (const v of list) if (!Number.isInteger(v)) throw new TypeError(`${owner}: ${name} must be a whole number or whole numbers, got ${formatShape(list)}`)
  return list
}

/** `kT: 1 kH: 2 kW: 3`: the axes as PyTorch's texts name them. */
const named = (letter: string, values: Shape): string => values.map((v, i) => `${letter}${'THW'[3 - values.length + i]}: ${v}`).join(' ')

/** @throws RuntimeError where kernels, strides, padding or dilation are out of range; in PyTorch's order and words. */
export function checkWindows(owner: string, { kernel, stride, padding, dilation }: WindowOptions): void {
  if (owner === 'max_pool1d') checkMaxPool1d(kernel[0], stride[0], padding[0], dilation[0])
  if (stride.includes(0)) throw new RuntimeError('stride should not be zero')
  padding.forEach((pad, i) => {
    if (pad < 0) throw new RuntimeError(`pad must be non-negative, but got pad: ${pad}`)
    if (pad > Math.trunc(((kernel[i] - 1) * dilation[i] + 1) / 2)) {
      throw new RuntimeError(`pad should be at most half of effective kernel size, but got pad=${pad}, kernel_size=${kernel[i]} and dilation=${dilation[i]}`)
    }
  })
  if (kernel.some((v) => v <= 0)) throw new RuntimeError(`kernel size should be greater than zero, but got ${named('k', kernel)}`)
  if (stride.some((v) => v <= 0)) throw new RuntimeError(`stride should be greater than zero, but got ${named('d', stride)}`)
  if (dilation.some((v) => v <= 0)) throw new RuntimeError(`dilation should be greater than zero, but got ${named('dilation', dilation)}`)
  if (padding.some((pad, i) => pad > Math.floor(kernel[i] / 2))) {
    const [padT, padH, padW] = lastOfThree(padding, 0)
    const [kT, kH, kW] = lastOfThree(kernel, 1)
    const got =
      kernel.length === 3 ? `kT: ${kT} kW: ${kW} kH: ${kH} padT: ${padT} padW: ${padW} padH: ${padH}` : `padW = ${padW}, padH = ${padH}, kW = ${kW}, kH = ${kH}`
    throw new RuntimeError(`pad should be smaller than or equal to half of kernel size, but got ${got}`)
  }
}

function checkMaxPool1d(kernel: number, stride: number, padding: number, dilation: number): void {
  const positive = (name: string, value: number) => {
    if (value <= 0) throw new RuntimeError(`max_pool1d() ${name} must be greater than zero, but got ${value}`)
  }
  positive('kernel_size', kernel)
  positive('stride', stride)
  if (padding < 0) throw new RuntimeError(`max_pool1d() padding must be non-negative, but got ${padding}`)
  if (padding > kernel / 2) {
    throw new RuntimeError(`max_pool1d() padding should be at most half of kernel size, but got padding=${padding} and kernel_size=${kernel}`)
  }
  positive('dilation', dilation)
}

/** The number of windows along an axis. With `ceilMode` the last may reach over the end, but must begin inside the input or before it. */
function windowCount(size: number, kernel: number, stride: number, padding: number, dilation: number, ceilMode: boolean): number {
  const room = size + 2 * padding - dilation * (kernel - 1) - 1
  const count = Math.floor((room + (ceilMode ? stride - 1 : 0)) / stride) + 1
  return ceilMode && (count - 1) * stride >= size + padding ? count - 1 : count
}

/** The number of windows along each axis. @throws RuntimeError where there is no window */
export function windowCounts(owner: string, x: Tensor, { kernel, stride, padding, dilation, ceilMode }: WindowOptions): number[] {
  const axes = kernel.length
  const sizes = x.shape.slice(-axes)
  if (owner === 'avg_pool3d' && sizes.some((size, i) => size < kernel[i])) {
    throw new RuntimeError(`input image (${named('', sizes)}) smaller than kernel size (${named('k', kernel)})`)
  }
  const output = sizes.map((size, i) => windowCount(size, kernel[i], stride[i], padding[i], dilation[i], ceilMode))
  if (output.every((n) => n >= 1)) return output
  if (owner === 'max_pool1d') throw new RuntimeError(`max_pool1d() Invalid computed output size: ${output[0]}`)
  const planes = x.shape[x.ndim - axes - 1]
  const text = (list: Shape) => [planes, ...(axes === 1 ? [1] : []), ...list].join('x')
  throw new RuntimeError(`Given input size: (${text(sizes)}). Calculated output size: (${text(output)}). Output size is too small`)
}

/** The windows along one axis; their elements in the padding are left out. */
export function slidingAxis(size: number, count: number, kernel: number, stride: number, padding: number, dilation: number): PoolAxis {
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const start = i * stride - padding
    starts[i] = start < 0 ? start + Math.ceil(-start / dilation) * dilation : start
    ends[i] = Math.min(start + dilation * (kernel - 1) + 1, size)
  }
  return { starts, ends, dilation }
}

/** Windows that share an axis out evenly: output i of n covers elements floor(i size / n) to ceil((i + 1) size / n). */
export function adaptiveAxis(size: number, count: number): PoolAxis {
  return {
    starts: Int32Array.from({ length: count }, (_, i) => Math.floor((i * size) / count)),
    ends: Int32Array.from({ length: count }, (_, i) => Math.ceil(((i + 1) * size) / count)),
    dilation: 1,
  }
}
