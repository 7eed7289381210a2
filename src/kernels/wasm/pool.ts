import { allocator } from '../../core/allocator.js'
import { lastOfThree, numelOf, type Shape } from '../../core/shape.js'
import type { Kernels, PoolAxis, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { withContiguous } from './copy.js'
import { launch, withScratch } from './launch.js'
import { address, isFloat32 } from './views.js'

const single: PoolAxis = { starts: new Int32Array(1), ends: new Int32Array([1]), dilation: 1 }

/** Planes and windows over three axes. One window over everything, as in global pooling, is one over a single long axis. */
function overThreeAxes(spatial: Shape, axes: readonly PoolAxis[]): { sizes: number[]; windows: PoolAxis[] } {
  const isGlobal = axes.every(({ starts, ends, dilation }, d) => starts.length === 1 && starts[0] === 0 && ends[0] === spatial[d] && dilation === 1)
  if (!isGlobal) return { sizes: lastOfThree(spatial, 1), windows: lastOfThree(axes, single) }
  const elements = numelOf(spatial)
  return { sizes: [1, 1, elements], windows: [single, single, { starts: new Int32Array(1), ends: new Int32Array([elements]), dilation: 1 }] }
}

/** (start, end) of each window. */
function windowTable({ starts, ends }: PoolAxis): Int32Array {
  const table = new Int32Array(starts.length * 2)
  for (let i = 0; i < starts.length; i++) {
    table[2 * i] = starts[i]
    table[2 * i + 1] = ends[i]
  }
  return table
}

/** (start, end, step) of each window: see assembly/pool.ts. */
function steppedWindowTable({ starts, ends }: PoolAxis): Int32Array {
  const table = new Int32Array(starts.length * 3)
  for (let i = 0; i < starts.length; i++) {
    const step = i + 4 <= starts.length ? starts[i + 1] - starts[i] : 0
    let isEven = step > 0
    for (let j = i + 1; isEven && j < i + 4; j++) isEven = starts[j] === starts[j - 1] + step && ends[j] - starts[j] === ends[i] - starts[i]
    table[3 * i] = starts[i]
    table[3 * i + 1] = ends[i]
    table[3 * i + 2] = isEven ? step : 0
  }
  return table
}

/** Whether all windows are 2 x 2, side by side in rows of at least a vector. */
function areSquares([depth, height, width]: readonly PoolAxis[]): boolean {
  const areTwo = ({ starts, ends, dilation }: PoolAxis) => dilation === 1 && starts.every((start, i) => ends[i] - start === 2)
  const { starts } = width
  return depth === single && areTwo(height) && areTwo(width) && starts.length >= 4 && starts.every((start, i) => start === starts[0] + 2 * i)
}

const ones = (n: number): Float32Array => new Float32Array(n).fill(1)

/** What windows are divided by, axis by axis. */
function divisorTables(divisors: readonly Float64Array[] | number, windows: readonly PoolAxis[]): Float32Array[] {
  if (typeof divisors !== 'number') {
    return lastOfThree(
      divisors.map((axis) => Float32Array.from(axis)),
      ones(1),
    )
  }
  const [depth, height, width] = windows.map(({ starts }) => ones(starts.length))
  return [depth.fill(divisors), height, width]
}

/** Puts tables into working memory for the time of `use`, which gets their addresses. */
function withTables(owner: string, tables: readonly (Int32Array | Float32Array)[], use: (addresses: number[]) => void): void {
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

const planesOf = (x: View): number => x.shape[0] * x.shape[1]

type WindowArguments = readonly [
  ...inSizes: [number, number, number],
  ...outSizes: [number, number, number],
  ...dilations: [number, number, number],
  ...tables: [number, number, number],
]

/** Calls `use` with what the kernels are told about the windows of planes of sizes `spatial`, then with the divisors' addresses if there are any. */
function withWindows(
  owner: string,
  spatial: Shape,
  axes: readonly PoolAxis[],
  divisors: readonly Float64Array[] | number,
  use: (windows: WindowArguments, divisors: readonly [number, number, number]) => void,
): void {
  const { sizes, windows } = overThreeAxes(spatial, axes)
  const [d, h, w] = windows
  withTables(owner, [windowTable(d), windowTable(h), steppedWindowTable(w), ...divisorTables(divisors, windows)], (addresses) => {
    const [dTable, hTable, wTable, dDivisors, hDivisors, wDivisors] = addresses
    const [inDepth, inHeight, inWidth] = sizes
    const outs = [d.starts.length, h.starts.length, w.starts.length] as const
    use([inDepth, inHeight, inWidth, ...outs, d.dilation, h.dilation, w.dilation, dTable, hTable, wTable], [dDivisors, hDivisors, wDivisors])
  })
}

export const pools: Pick<Kernels, 'maxPool' | 'avgPool' | 'avgPoolBackward'> = {
  maxPool(x, axes, y, indices) {
    if (!isFloat32(x)) {
      reference.maxPool(x, axes, y, indices)
      return
    }
    if (numelOf(y.shape) === 0) return
    withContiguous('maxPool', x, (image) =>
      withWindows('maxPool', x.shape.slice(2), axes, 1, (windows) => {
        const [, , , outDepth, outHeight] = windows
        launch('maxPool', planesOf(x) * outDepth * outHeight, image, address(y), address(indices, 8), ...windows, areSquares(lastOfThree(axes, single)))
      }),
    )
  },

  avgPool(x, axes, divisors, y) {
    if (!isFloat32(x)) {
      reference.avgPool(x, axes, divisors, y)
      return
    }
    if (numelOf(y.shape) === 0) return
    withContiguous('avgPool', x, (image) =>
      withWindows('avgPool', x.shape.slice(2), axes, divisors, (windows, divisorAddresses) => {
        const [, , , outDepth, outHeight] = windows
        launch('avgPool', planesOf(x) * outDepth * outHeight, image, address(y), ...windows, ...divisorAddresses)
      }),
    )
  },

  avgPoolBackward(dy, axes, divisors, dx) {
    if (!isFloat32(dy)) {
      reference.avgPoolBackward(dy, axes, divisors, dx)
      return
    }
    if (numelOf(dx.shape) === 0) return
    withContiguous('avgPoolBackward', dy, (grad) =>
      withWindows('avgPoolBackward', dx.shape.slice(2), axes, divisors, (windows, divisorAddresses) => {
        launch('avgPoolBackward', planesOf(dx), grad, address(dx), ...windows, ...divisorAddresses)
      }),
    )
  },
}
