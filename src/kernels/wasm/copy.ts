import { type Dtype, dtypes } from '../../core/dtype.js'
import { broadcastStrides, contiguousStrides, numelOf, type Shape } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { address, blocksOf, COUNTABLE, isContiguousFloat32, isContiguousView, isFloat32, joinAxes } from './views.js'

/** Bytes of a block of the kernel `copyBytes`. */
const COPY_BLOCK = 16384
/** Rows of a block of the strided copies. */
const STRIP = 32

const strided = { 1: 'copy8', 2: 'copy16', 4: 'copy32', 8: 'copy64' } as const
type Width = keyof typeof strided
const widthOf = (dtype: Dtype): Width => dtypes[dtype].bytes as Width

export const copyBytes = (x: number, y: number, bytes: number): void => launch('copyBytes', Math.ceil(bytes / COPY_BLOCK), x, y, bytes)

/** Copies `shape` elements of `width` bytes between two layouts; strides in elements, 0 where the source repeats. */
export function copyElements(x: number, xStrides: Shape, y: number, yStrides: Shape, shape: Shape, width: Width): void {
  if (numelOf(shape) === 0) return
  const { sizes, strides } = joinAxes(shape, [yStrides, xStrides])
  const [ys, xs] = strides
  if (sizes.length === 0 || (sizes.length === 1 && xs[0] === 1 && ys[0] === 1)) {
    copyBytes(x, y, (sizes[0] ?? 1) * width)
    return
  }
  // The axis along which the source is contiguous goes second, where the kernel looks for a transpose.
  const across = xs.indexOf(1)
  if (across > 1) for (const list of [sizes, xs, ys]) list.splice(1, 0, ...list.splice(across, 1))
  const [n0, n1 = 1, n2 = 1, n3 = 1] = sizes
  const blocks = Math.ceil(n1 / STRIP) * n2 * n3
  const copyFrom = (axis: number, px: number, py: number): void => {
    if (axis >= 4) {
      for (let i = 0; i < sizes[axis]; i++) copyFrom(axis - 1, px + i * xs[axis] * width, py + i * ys[axis] * width)
      return
    }
    launch(strided[width], blocks, px, py, n0, n1, n2, xs[0], xs[1] ?? 0, xs[2] ?? 0, xs[3] ?? 0, ys[0], ys[1] ?? 0, ys[2] ?? 0, ys[3] ?? 0)
  }
  copyFrom(sizes.length - 1, x, y)
}

/** Contiguous conversions; all others are the reference's. */
const conversions = {
  float64: 'float64ToFloat32',
  int64: 'int64ToFloat32',
  int32: 'int32ToFloat32',
  uint8: 'uint8ToFloat32',
  bool: 'uint8ToFloat32',
} as const
const isConvertible = (dtype: Dtype): dtype is keyof typeof conversions => dtype in conversions

function copy(x: View, target: View): void {
  const n = numelOf(target.shape)
  if (n >= COUNTABLE) reference.copy(x, target)
  else if (x.dtype === target.dtype) {
    const width = widthOf(x.dtype)
    copyElements(address(x, width), broadcastStrides(x.shape, x.strides, target.shape), address(target, width), target.strides, target.shape, width)
  } else if (n === numelOf(x.shape) && isContiguousView(x) && isContiguousView(target)) {
    if (target.dtype === 'float32' && isConvertible(x.dtype)) launch(conversions[x.dtype], blocksOf(n), address(x, widthOf(x.dtype)), address(target), n)
    else if (target.dtype === 'float64' && isFloat32(x)) launch('float32ToFloat64', blocksOf(n), address(x), address(target, 8), n)
    else reference.copy(x, target)
  } else reference.copy(x, target)
}

function fill(target: View, value: number | bigint): void {
  if (!isContiguousFloat32(target)) return reference.fill(target, value)
  const n = numelOf(target.shape)
  launch('fill', blocksOf(n), address(target), Number(value), n)
}

/**
 * Calls `use` with the address of the view's elements in contiguous order: where they lie, or a copy that lives as long as the call.
 * @param owner names the operation in an out-of-memory error
 */
export function withContiguous<T>(owner: string, x: View, use: (ptr: number) => T): T {
  if (isContiguousView(x)) return use(address(x))
  return withScratch(owner, numelOf(x.shape) * 4, (ptr) => {
    copyElements(address(x), x.strides, ptr, contiguousStrides(x.shape), x.shape, 4)
    return use(ptr)
  })
}

export const copies = { copy, fill } satisfies Partial<Kernels>
