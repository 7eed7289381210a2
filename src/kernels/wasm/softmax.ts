import { contiguousStrides, numelOf, type Shape } from '../../core/shape.js'
import type { CrossEntropyOptions, Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { copyElements, withContiguous } from './copy.js'
import { launch, withScratch } from './launch.js'
import { address, isContiguousFloat32, isContiguousView, isFloat32, middleOf } from './views.js'

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

const areContiguousFloat32 = (...views: View[]): boolean => views.every(isContiguousFloat32)

/** Whether the kernels know targets and weights. */
const areKnown = (target: View, { weight }: CrossEntropyOptions): boolean =>
  target.dtype === 'int64' && isContiguousView(target) && numelOf(target.shape) > 0 && (weight === null || isContiguousFloat32(weight))

function crossEntropy(x: View, target: View, options: CrossEntropyOptions, losses: View, maxima: View, logSums: View): void {
  if (!isFloat32(x) || !areKnown(target, options) || !areContiguousFloat32(losses, maxima, logSums)) {
    return reference.crossEntropy(x, target, options, losses, maxima, logSums)
  }
  const { weight, ignoreIndex, smoothing } = options
  const rows = numelOf(target.shape)
  const size = x.shape[x.shape.length - 1]
  const w = weight ? address(weight) : 0
  withContiguous('crossEntropy', x, (px) =>
    launch('crossEntropy', rows, px, address(target, 8), w, address(losses), address(maxima), address(logSums), size, ignoreIndex, smoothing),
  )
}

function crossEntropyBackward(dy: View, x: View, target: View, options: CrossEntropyOptions, maxima: View, logSums: View, dx: View): void {
  if (![dy, x, dx].every(isFloat32) || !areKnown(target, options) || !areContiguousFloat32(maxima, logSums)) {
    return reference.crossEntropyBackward(dy, x, target, options, maxima, logSums, dx)
  }
  const { weight, ignoreIndex, smoothing } = options
  const rows = numelOf(target.shape)
  const size = x.shape[x.shape.length - 1]
  const [pt, pw, pm, pl] = [address(target, 8), weight ? address(weight) : 0, address(maxima), address(logSums)]
  const step = numelOf(dy.shape) === 1 ? 0 : 4
  const weightSum = smoothing > 0 && weight ? sumOf(weight) : size
  const run = (pdy: number, px: number, pdx: number) =>
    launch('crossEntropyGrad', rows, pdy, step, px, pt, pw, pm, pl, pdx, size, ignoreIndex, smoothing, weightSum)
  withContiguous('crossEntropyBackward', dy, (pdy) =>
    withContiguous('crossEntropyBackward', x, (px) => {
      if (isContiguousView(dx)) return run(pdy, px, address(dx))
      withScratch('crossEntropyBackward', rows * size * 4, (pdx) => {
        run(pdy, px, pdx)
        copyElements(pdx, contiguousStrides(dx.shape), address(dx), dx.strides, dx.shape, 4)
      })
    }),
  )
}

function sumOf({ storage, offset, shape: [n] }: View): number {
  const values = storage.array('float32') as Float32Array
  let sum = 0
  for (let i = offset; i < offset + n; i++) sum += values[i]
  return sum
}

export const softmaxes = { softmax, softmaxBackward, crossEntropy, crossEntropyBackward } satisfies Partial<Kernels>
