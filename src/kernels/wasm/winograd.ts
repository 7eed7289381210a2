import { allocator } from '../../core/allocator.js'
import type { Shape } from '../../core/shape.js'
import type { ConvGeometry, View } from '../contract.js'
import { type ConvPlan, convPlan } from './conv-plan.js'
import { launch, withScratch } from './launch.js'
import { dotTable } from './matmul.js'
import { getNumThreads } from './threads/threads.js'
import { address } from './views.js'

/**
 * Convolutions by Winograd's algorithm (assembly/winograd.ts), which takes 16 products where the direct one takes 36. Its float32 result is about as
 * far from the exact one (docs/architecture.md has figures), and where it is not finite the caller computes directly: false says so.
 */

/** Of fewer channels, transforms cost more than the products that they save. */
const LEAST_CHANNELS = 16
/** Of narrower images, most lanes of the transforms are empty. */
const LEAST_WIDTH = 6
/** Bytes of a pass's transforms, unless a row of tiles has more: what a second-level cache holds. */
const WORKSPACE = 2 ** 20

/** Whether a convolution is 3 x 3 with stride 1, of enough channels and positions. `w` [O, C, ...kernel], `out` the shape of what is written. */
export function isWinograd(w: Shape, out: Shape, { stride, dilation, groups }: ConvGeometry): boolean {
  const isThreeByThree = w.length === 4 && w[2] === 3 && w[3] === 3 && groups === 1
  return isThreeByThree && [...stride, ...dilation].every((size) => size === 1) && Math.min(w[0], w[1]) >= LEAST_CHANNELS && out[3] >= LEAST_WIDTH && out[2] > 1
}

/** Bytes of sums that parts of the weights' gradient have at most, unless one has more; and into how many blocks it is cut at least. */
const SUM_BYTES = 2 ** 24
const GRAD_BLOCKS = 8

/** Tiles of 2 x 2 over [N, C, H, W], and how a pass of up to `rows` tile rows lies in a slot of working memory. */
interface Tiles {
  readonly down: number
  readonly across: number
  /** Tile rows of all samples, and of a pass. */
  readonly count: number
  readonly rows: number
  /** Bytes from channel to channel of a transform; an odd number of cache lines, which spreads them over the cache. */
  readonly pitch: number
  /** Bytes from a slot's start to the first transform and the second one, and of a slot. */
  readonly firstAt: number
  readonly secondAt: number
  readonly slotBytes: number
}

function tilesOf(plan: ConvPlan, [samples, , height, width]: Shape, inputs: number, outputs: number): Tiles {
  const [down, across] = [Math.ceil(height / 2), Math.ceil(width / 2)]
  const count = samples * down
  const rows = Math.max(1, Math.min(count, Math.floor(WORKSPACE / (64 * (inputs + outputs) * across))))
  const pitch = (Math.ceil((rows * across) / 16) | 1) * 64
  // Each sample that a pass reaches into has two rows of planes more than its tiles.
  const planeRows = 2 * (rows + Math.ceil(rows / down) + 1)
  const firstAt = align(planeRows * inputs * plan.size[2] * 4 + READ_BEYOND)
  const secondAt = firstAt + 16 * inputs * pitch
  return { down, across, count, rows, pitch, firstAt, secondAt, slotBytes: align(secondAt + 16 * outputs * pitch + READ_BEYOND) }
}

/** Vectors are read whole, up to so many bytes beyond an end. */
const READ_BEYOND = 64
const align = (bytes: number): number => Math.ceil(bytes / 64) * 64

/** Planes over whole tiles: the convolution's, but for an even number of rows and columns. */
function planOf(direction: 'forward' | 'gradient', image: View, [n, channels, height, width]: Shape, geometry: ConvGeometry): ConvPlan {
  return convPlan(direction, image, [3, 3], [n, channels, height + (height % 2), width + (width % 2)], geometry)
}

/** Working memory: a flag, slots and their states, the plan's tables, and `extra` bytes. */
function withSlots(
  { tables }: ConvPlan,
  { slotBytes }: Tiles,
  blocks: number,
  extra: number,
  use: (at: { flag: number; slots: number; slotCount: number; tables: number; work: number; extra: number }) => void,
): boolean {
  const slotCount = Math.min(blocks, getNumThreads())
  const words = 1 + slotCount + tables.length
  const head = align(words * 4)
  return withScratch('conv', head + slotCount * slotBytes + extra, (flag) => {
    const { buffer } = allocator().memory
    const memory = new Int32Array(buffer, flag, words)
    memory.fill(0, 0, 1 + slotCount)
    memory.set(tables, 1 + slotCount)
    const slots = flag + 4
    use({ flag, slots, slotCount, tables: slots + slotCount * 4, work: flag + head, extra: flag + head + slotCount * slotBytes })
    return new Int32Array(allocator().memory.buffer, flag, 1)[0] === 0
  })
}

/** What both kernels are told of the image and its planes. */
function planesOf(plan: ConvPlan, image: View, tables: number) {
  const [batch, channel, height, width] = image.strides.map((stride) => stride * 4)
  const [, planeHeight, planeWidth] = plan.size
  return [address(image), batch, channel, height, width, plan.step * width, plan.channels, planeHeight, planeWidth, tables + plan.sources, plan.runs] as const
}

/**
 * y = bias + w * image, or, for the gradient of the input, w turned: `w` and `bias` are addresses, [O, C, 3, 3], 0 for none.
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
): boolean {
  const isTurned = direction === 'gradient'
  const [rows, depth] = isTurned ? [inputs, outputs] : [outputs, inputs]
  const plan = planOf(direction, image, y.shape, geometry)
  const [, , height, width] = y.shape
  const tiles = tilesOf(plan, y.shape, depth, rows)
  const { down, across, count, pitch, slotBytes, firstAt, secondAt } = tiles
  const passes = Math.ceil(count / tiles.rows)
  return withSlots(plan, tiles, passes, 64 * rows * depth, ({ flag, slots, slotCount, tables, work, extra: u }) => {
    launch('winogradWeights', rows, w, outputs, inputs, isTurned, u)
    const result = [u, bias, address(y), rows, height, width, down, across, count, passes, pitch] as const
    launch('winogradConv', passes, ...planesOf(plan, image, tables), ...result, slots, slotCount, work, slotBytes, firstAt, secondAt, flag)
  })
}

/**
 * dw = dy * x, of contiguous dy by its address. The sums of parts of the tile rows, which don't depend on the number of threads, are added in order.
 * @returns false where dw is not finite
 */
export function weightGradByTiles(dy: number, dyShape: Shape, x: View, geometry: ConvGeometry, dw: View): boolean {
  const [outputs, inputs] = dw.shape
  const plan = planOf('forward', x, dyShape, geometry)
  const [, , height, width] = dyShape
  const sumBytes = 64 * outputs * inputs
  const most = Math.min(GRAD_BLOCKS, dyShape[0] * Math.ceil(height / 2))
  const parts = Math.max(1, Math.min(most, Math.floor(SUM_BYTES / sumBytes)))
  const slices = Math.ceil(GRAD_BLOCKS / parts)
  const tiles = tilesOf(plan, dyShape, inputs, Math.ceil(outputs / slices))
  const { down, across, count, rows, pitch, slotBytes, firstAt, secondAt } = tiles
  const entries = 2 * Math.ceil((rows * across) / 4)
  return withSlots(plan, tiles, parts * slices, align(entries * 4) + parts * sumBytes, ({ flag, slots, slotCount, tables, work, extra: table }) => {
    dotTable(table, entries)
    const sums = table + align(entries * 4)
    const result = [dy, sums, outputs, slices, height, width, down, across, count, parts, rows, pitch] as const
    launch('winogradDots', parts * slices, ...planesOf(plan, x, tables), ...result, slots, slotCount, work, slotBytes, firstAt, secondAt, table)
    launch('winogradWeightGrad', Math.ceil((outputs * inputs) / 64), sums, parts, outputs * inputs, address(dw), flag)
  })
}
