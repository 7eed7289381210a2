import type { Kernels, ResponseNormOptions, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { withContiguous } from './copy.js'
import { launch, withScratch } from './launch.js'
import { address, blocksOf, isContiguousFloat32, isFloat32 } from './views.js'

/** Positions of a block. */
const RUN = 512

/** The kernels take powers of what is not negative. */
const isPositive = ({ alpha, k }: ResponseNormOptions): boolean => alpha >= 0 && k >= 0

function localResponseNorm(x: View, options: ResponseNormOptions, y: View, scale: View): void {
  const [n, channels, length] = x.shape
  if (!isFloat32(x) || !isContiguousFloat32(y) || !isContiguousFloat32(scale) || !isPositive(options)) {
    return reference.localResponseNorm(x, options, y, scale)
  }
  const { size, alpha, beta, k } = options
  const blocks = n * Math.ceil(length / RUN)
  withContiguous('localResponseNorm', x, (px) =>
    launch('responseNorm', blocks, px, address(y), address(scale), channels, length, Math.floor(size / 2), Math.floor((size - 1) / 2), alpha / size, k, beta),
  )
}

function localResponseNormBackward(dy: View, x: View, scale: View, options: ResponseNormOptions, dx: View): void {
  const [n, channels, length] = x.shape
  const isKnown = isFloat32(dy) && isFloat32(x) && isContiguousFloat32(scale) && isContiguousFloat32(dx) && isPositive(options)
  if (!isKnown) return reference.localResponseNormBackward(dy, x, scale, options, dx)
  const { size, alpha, beta } = options
  const elements = n * channels * length
  withContiguous('localResponseNormBackward', dy, (pdy) =>
    withContiguous('localResponseNormBackward', x, (px) =>
      withScratch('localResponseNormBackward', elements * 4, (terms) => {
        launch('responseTerms', blocksOf(elements), pdy, px, address(scale), terms, address(dx), beta, elements)
        const factor = (-2 * beta * alpha) / size
        const blocks = n * Math.ceil(length / RUN)
        launch('responseGrad', blocks, px, terms, address(dx), channels, length, Math.floor(size / 2), Math.floor((size - 1) / 2), factor)
      }),
    ),
  )
}

export const responses = { localResponseNorm, localResponseNormBackward } satisfies Partial<Kernels>
