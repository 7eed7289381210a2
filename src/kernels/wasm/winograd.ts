import { allocator } from '../../core/allocator.js'
import { numelOf, type Shape } from '../../core/shape.js'
import type { ConvGeometry, View } from '../contract.js'
import { type ConvPlan, convPlan } from './conv-plan.js'
import { withPlanes } from './conv-planes.js'
import { launch } from './launch.js'
import { launchGemm, multiplyByDots, type Product } from './matmul.js'
import { address } from './views.js'

/**
 * Convolutions by Winograd's algorithm (assembly/winograd.ts), which takes 16 products where the direct one takes 36. Its float32 result is about as
 * far from the exact one (docs/architecture.md has figures), and where it is not finite the caller computes directly: false says so.
 */

/** Of fewer channels, transforms cost more than the products that they save. */
const LEAST_CHANNELS = 16
/** Of narrower images, most lanes of the transforms are empty. */
const LEAST_WIDTH = 6
/** Bytes of transforms at a time, unless a row of tiles has more: what caches hold. */
const WORKSPACE = 2 ** 20

/** Whether a convolution is 3 x 3 with stride 1, of enough channels and positions. `w` [O, C, ...kernel], `out` the shape of what is written. */
export function isWinograd(w: Shape, out: Shape, { stride, dilation, groups }: ConvGeometry): boolean {
  const isThreeByThree = w.length === 4 && w[2] === 3 && w[3] === 3 && groups === 1
  return isThreeByThree && [...stride, ...dilation].every((size) => size === 1) && Math.min(w[0], w[1]) >= LEAST_CHANNELS && out[3] >= LEAST_WIDTH && out[2] > 1
}

/** Tiles of 2 x 2 over [N, C, H, W], and how many rows of them are transformed at a time. */
interface Tiles {
  readonly down: number
  readonly across: number
  /** Tile rows of a pass. */
  readonly rows: number
  /** Bytes from channel to channel of a transform; an odd number of cache lines, which spreads them over the cache. */
  readonly pitch: number
}

function tilesOf([, , height, width]: Shape, samples: number, channels: number): Tiles {
  const [down, across] = [Math.ceil(height / 2), Math.ceil(width / 2)]
  const rows = Math.max(1, Math.min(samples * down, Math.floor(WORKSPACE / (64 * channels * across))))
  return { down, across, rows, pitch: (Math.ceil((rows * across) / 16) | 1) * 64 }
}

/** Planes over whole tiles: the convolution's, but for an even number of rows and columns. */
function planOf(direction: 'forward' | 'gradient', image: View, [n, channels, height, width]: Shape, geometry: ConvGeometry): ConvPlan {
  return convPlan(direction, image, [3, 3], [n, channels, height + (height % 2), width + (width % 2)], geometry)
}

/** Runs `use` for each pass, after its part of the planes was transformed to `v`. */
function transformPlanes(
  plan: ConvPlan,
  { down, across, rows, pitch }: Tiles,
  planes: number,
  samples: number,
  v: number,
  use: (first: number, tileRows: number) => void,
): void {
  const { channels, batch, size } = plan
  const channel = size[2] * 4
  for (let first = 0; first < samples * down; first += rows) {
    const tileRows = Math.min(rows, samples * down - first)
    launch('winogradInput', tileRows, planes, batch, channels * channel, channel, channels, down, across, first, v, channels * pitch, pitch)
    use(first, tileRows)
  }
}

const flagAt = (address: number): Int32Array => new Int32Array(allocator().memory.buffer, address, 1)

/** Sixteen products of float32 at a time. */
function product(rows: number, columns: number, depth: number, a: number, aRow: number, w: number, wBatch: number, c: number, cRow: number): Product {
  const shape = { batches: 16, rows, columns, depth }
  return { ...shape, a, aBatch: rows * aRow, aRow, aDepth: 4, w, wBatch, wDepth: 4, wColumn: 4, c, cBatch: rows * cRow, cRow }
}

/**
 * y = bias + w * image, or, for the gradient of the input, w turned: `w` and `bias` are addresses, [O, C, 3, 3], 0 for none. `done` is told of the
 * samples that have been computed.
 * @returns false where y is not finite
 */
export function convolveByTiles(
  direction: 'forward' | 'gradient',
  image: View,
  w: number,
  [outputs, inputs]: Shape,
  bias: number,
  geometry: ConvGeometry,
  y: View,
  done: (first: number, samples: number) => void = () => {},
): boolean {
  const isTurned = direction === 'gradient'
  const [rows, depth] = isTurned ? [inputs, outputs] : [outputs, inputs]
  const plan = planOf(direction, image, y.shape, geometry)
  const [n, , height, width] = y.shape
  const tiles = tilesOf(y.shape, Math.min(n, plan.samplesAtOnce), rows + depth)
  const { down, across, pitch } = tiles
  const [weightBytes, inputBytes, outputBytes] = [64 * rows * depth, 16 * depth * pitch, 16 * rows * pitch]
  const yChannel = height * width * 4
  let finite = true
  withPlanes(plan, image, weightBytes + inputBytes + outputBytes + 4, (planes, firstSample, samples, _, u) => {
    const [v, m] = [u + weightBytes, u + weightBytes + inputBytes]
    const flag = m + outputBytes
    if (firstSample === 0) {
      flagAt(flag)[0] = 0
      launch('winogradWeights', rows, w, outputs, inputs, isTurned, u)
    }
    const to = address(y) + firstSample * rows * yChannel
    transformPlanes(plan, tiles, planes, samples, v, (first, tileRows) => {
      launchGemm(product(rows, tileRows * across, depth, u, depth * 4, v, depth * pitch, m, pitch), v, depth * pitch, 64, pitch)
      launch('winogradOutput', tileRows, m, rows * pitch, pitch, bias, to, rows * yChannel, yChannel, rows, height, width, down, across, first, flag)
    })
    finite = flagAt(flag)[0] === 0
    done(firstSample, samples)
  })
  return finite
}

/**
 * dw = dy * x, of contiguous dy by its address.
 * @returns false where dw is not finite
 */
export function weightGradByTiles(dy: number, dyShape: Shape, x: View, geometry: ConvGeometry, dw: View): boolean {
  const [outputs, inputs] = dw.shape
  const plan = planOf('forward', x, dyShape, geometry)
  const [n, , height, width] = dyShape
  const tiles = tilesOf(dyShape, Math.min(n, plan.samplesAtOnce), inputs + outputs)
  const { down, across, pitch } = tiles
  const [inputBytes, gradBytes, sumBytes] = [16 * inputs * pitch, 16 * outputs * pitch, 64 * numelOf([outputs, inputs])]
  const channel = height * width * 4
  let finite = true
  withPlanes(plan, x, inputBytes + gradBytes + sumBytes + 4, (planes, firstSample, samples, _, v) => {
    const [g, sums] = [v + inputBytes, v + inputBytes + gradBytes]
    const flag = sums + sumBytes
    if (firstSample === 0) flagAt(flag)[0] = 0
    const from = dy + firstSample * outputs * channel
    transformPlanes(plan, tiles, planes, samples, v, (first, tileRows) => {
      launch('winogradGrad', tileRows, from, outputs * channel, channel, outputs, height, width, down, across, first, g, outputs * pitch, pitch)
      const sum = product(outputs, inputs, tileRows * across, g, pitch, v, inputs * pitch, sums, inputs * 4)
      multiplyByDots({ ...sum, wColumn: pitch, start: firstSample + first > 0 ? sums : 0 })
    })
    if (firstSample + samples < n) return
    launch('winogradWeightGrad', Math.ceil((outputs * inputs) / 64), sums, outputs * inputs, address(dw), flag)
    finite = flagAt(flag)[0] === 0
  })
  return finite
}
