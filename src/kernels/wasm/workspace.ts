import { allocator } from '../../core/allocator.js'
import { emptyTensor } from '../../core/tensor.js'
import type { View } from '../contract.js'
import { copies } from './copy.js'
import { withScratch } from './launch.js'
import { isContiguousView } from './views.js'

/** Runs `use` on the view, or, where it isn't contiguous, on a copy that is. */
export function withContiguous(x: View, use: (x: View) => void): void {
  if (isContiguousView(x)) {
    use(x)
    return
  }
  const copy = emptyTensor(x.shape, x.dtype)
  try {
    copies.copy(x, copy)
    use(copy)
  } finally {
    copy.storage.release('when the kernel that it was copied for had ended')
  }
}

type Table = Int32Array | Uint32Array | Float32Array

/** Puts tables into working memory for the time of `use`, which gets their addresses. */
export function withTables(owner: string, tables: readonly Table[], use: (addresses: number[]) => void): void {
  const words = tables.reduce((sum, table) => sum + table.length, 0)
  withScratch(owner, words * 4, (ptr) => {
    const { buffer } = allocator().memory
    const integers = new Int32Array(buffer, ptr, words)
    const floats = new Float32Array(buffer, ptr, words)
    const addresses: number[] = []
    let at = 0
    for (const table of tables) {
      addresses.push(ptr + at * 4)
      const target = table instanceof Float32Array ? floats : integers
      for (let i = 0; i < table.length; i++) target[at++] = table[i]
    }
    use(addresses)
  })
}
