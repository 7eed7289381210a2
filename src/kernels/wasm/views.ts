import { isContiguous } from '../../core/shape.js'
import type { View } from '../contract.js'

/** Elements of a block in kernels whose work is one element at a time. */
const BLOCK = 4096
export const blocksOf = (elements: number): number => Math.ceil(elements / BLOCK)

export const isDenseFloat32 = (view: View): boolean => view.dtype === 'float32' && isContiguous(view.shape, view.strides)

/** Byte address of a float32 view's first element. */
export const address = (view: View): number => view.storage.ptr + view.offset * 4
