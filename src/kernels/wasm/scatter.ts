import { allocator } from '../../core/allocator.js'
import { numelOf } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { address, isContiguousView, isFloat32 } from './views.js'

/** Whether `index` has target's sizes but along `dim`, and src the sizes of index: then all are [rows][along dim][inner]. */
function areAligned(target: View, dim: number, index: View, src: View): boolean {
  return index.shape.every((size, d) => size === src.shape[d] && (d === dim || size === target.shape[d]))
}

/** Contiguous float32; all else is the reference's. */
export const scatters: Pick<Kernels, 'scatter'> = {
  scatter(target, dim, index, src, add) {
    const isPlain = isFloat32(target) && isFloat32(src) && [target, index, src].every(isContiguousView) && areAligned(target, dim, index, src)
    if (!isPlain || target.shape.length === 0) {
      reference.scatter(target, dim, index, src, add)
      return
    }
    if (numelOf(index.shape) === 0) return
    const rows = numelOf(target.shape.slice(0, dim))
    const inner = numelOf(target.shape.slice(dim + 1))
    const failed = withScratch('scatter', 4, (flag) => {
      const { buffer } = allocator().memory
      new Int32Array(buffer, flag, 1)[0] = 0
      launch('scatter', rows, address(target), address(index, 8), address(src), target.shape[dim], index.shape[dim], inner, add, flag)
      return new Int32Array(buffer, flag, 1)[0] !== 0
    })
    // The reference names the index that is out of bounds.
    if (failed) reference.scatter(target, dim, index, src, add)
  },
}
