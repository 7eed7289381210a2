import type { Shape } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { withContiguous } from './copy.js'
import { launch } from './launch.js'
import { address, isContiguousFloat32, isFloat32, middleOf } from './views.js'

const STRIP = 16

/** Rows where the axis is the last, else columns; the blocks of either. */
function layoutOf(shape: Shape, dim: number): { size: number; inner: number; blocks: number } {
  const { outer, size, inner } = middleOf(shape, dim)
  return { size, inner, blocks: inner === 1 ? outer : outer * Math.ceil(inner / STRIP) }
}

function softmax(x: View, dim: number, log: boolean, out: View): void {
  const { size, inner, blocks } = layoutOf(x.shape, dim)
  if (!isFloat32(x) || !isContiguousFloat32(out) || size * blocks === 0) return reference.softmax(x, dim, log, out)
  withContiguous('softmax', x, (px) => {
    if (inner === 1) launch('softmaxRows', blocks, px, address(out), size, log ? 1 : 0)
    else launch('softmaxMiddle', blocks, px, address(out), size, inner, log ? 1 : 0)
  })
}

function softmaxBackward(dy: View, y: View, dim: number, log: boolean, dx: View): void {
  const { size, inner, blocks } = layoutOf(y.shape, dim)
  if (!isFloat32(dy) || !isFloat32(y) || !isContiguousFloat32(dx) || size * blocks === 0) return reference.softmaxBackward(dy, y, dim, log, dx)
  withContiguous('softmaxBackward', dy, (pdy) =>
    withContiguous('softmaxBackward', y, (py) => {
      if (inner === 1) launch('softmaxGradRows', blocks, pdy, py, address(dx), size, log ? 1 : 0)
      else launch('softmaxGradMiddle', blocks, pdy, py, address(dx), size, inner, log ? 1 : 0)
    }),
  )
}

export const softmaxes = { softmax, softmaxBackward } satisfies Partial<Kernels>
