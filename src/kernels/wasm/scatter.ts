import { allocator } from '../../core/allocator.js'
import { numelOf } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { address, isContiguousView, isFloat32 } from './views.js'

/** Elements of a slice that a block of `addSlices` sums. */
const SLICE_RUN = 64

/** Whether `index` has the sizes of `whole` but along `dim`, and `part` those of index: then all are [rows][along dim][inner]. */
function areAligned(whole: View, dim: number, index: View, part: View): boolean {
  return index.shape.every((size, d) => size === part.shape[d] && (d === dim || size === whole.shape[d]))
}

/** What the kernels know: contiguous float32, aligned. */
const isPlain = (whole: View, dim: number, index: View, part: View): boolean =>
  whole.shape.length > 0 && isFloat32(whole) && isFloat32(part) && [whole, index, part].every(isContiguousView) && areAligned(whole, dim, index, part)

/** Whether a vector of indices picks slices of `whole` that are those of `part`. */
const isPlainSlices = (whole: View, dim: number, index: View, part: View): boolean =>
  whole.shape.length > 0 &&
  isFloat32(whole) &&
  isFloat32(part) &&
  [whole, index, part].every(isContiguousView) &&
  part.shape.every((size, d) => size === (d === dim ? index.shape[0] : whole.shape[d]))

/** Calls `run` with [rows, inner] of `whole` around `dim` and the address of a flag. @returns whether that was set */
function flagged(owner: string, whole: View, dim: number, run: (rows: number, inner: number, flag: number) => void): boolean {
  return withScratch(owner, 4, (flag) => {
    const { buffer } = allocator().memory
    new Int32Array(buffer, flag, 1)[0] = 0
    run(numelOf(whole.shape.slice(0, dim)), numelOf(whole.shape.slice(dim + 1)), flag)
    return new Int32Array(buffer, flag, 1)[0] !== 0
  })
}

/** Contiguous float32; all else is the reference's, which also names an index that is out of bounds. */
export const scatters: Pick<Kernels, 'gather' | 'scatter' | 'indexSelect' | 'indexAdd'> = {
  gather(x, dim, index, out) {
    const plain = isPlain(x, dim, index, out)
    if (plain && numelOf(index.shape) === 0) return
    const failed =
      !plain ||
      flagged('gather', x, dim, (rows, inner, flag) =>
        launch('gather', rows, address(x), address(index, 8), address(out), x.shape[dim], index.shape[dim], inner, flag),
      )
    if (failed) reference.gather(x, dim, index, out)
  },
  scatter(target, dim, index, src, add) {
    const plain = isPlain(target, dim, index, src)
    if (plain && numelOf(index.shape) === 0) return
    const failed =
      !plain ||
      flagged('scatter', target, dim, (rows, inner, flag) =>
        launch('scatter', rows, address(target), address(index, 8), address(src), target.shape[dim], index.shape[dim], inner, add, flag),
      )
    if (failed) reference.scatter(target, dim, index, src, add)
  },
  indexSelect(x, dim, index, out) {
    const plain = isPlainSlices(x, dim, index, out)
    if (plain && numelOf(index.shape) === 0) return
    const failed =
      !plain ||
      flagged('indexSelect', x, dim, (rows, inner, flag) => {
        const count = index.shape[0]
        launch('selectSlices', rows * count, address(x), address(index, 8), address(out), x.shape[dim], count, inner, flag)
      })
    if (failed) reference.indexSelect(x, dim, index, out)
  },
  indexAdd(target, dim, index, src) {
    const plain = isPlainSlices(target, dim, index, src)
    if (plain && numelOf(index.shape) === 0) return
    const failed =
      !plain ||
      flagged('indexAdd', target, dim, (rows, inner, flag) => {
        const blocks = rows * Math.ceil(inner / SLICE_RUN)
        launch('addSlices', blocks, address(target), address(index, 8), address(src), target.shape[dim], index.shape[0], inner, flag)
      })
    if (failed) reference.indexAdd(target, dim, index, src)
  },
}
