import { isContiguous, lastOfThree, numelOf, type Shape, sameShape } from '../../core/shape.js'
import type { ConvGeometry, View } from '../contract.js'
import { type AxisPass, forwardAxis, gradientAxis, runsOf } from './conv-axes.js'

/** Bytes of planes at a time, unless a single sample has more: what caches hold, and a bound on the memory that a convolution takes. */
const WORKSPACE = 2 ** 20
/** So many groups of positions fill the kernels' tiles and runs; tables for more samples than that would gain nothing. */
const ENOUGH_GROUPS = 256
/** Panels of a block of the kernel `conv`. */
const BLOCK_PANELS = 8

/**
 * Where a convolution reads and writes: everything that the kernels of assembly/conv.ts are told, but for addresses.
 *
 * Strides and sizes count bytes and elements as the kernels do. Tables lie in `tables`; what is called the place of a table is its position there, in bytes.
 */
export interface ConvPlan {
  readonly tables: Int32Array
  /** Whether the planes are the image itself. */
  readonly inPlace: boolean
  readonly groups: number
  /** Channels of a group that the planes hold. */
  readonly channels: number
  /** Bytes from sample to sample and from group to group of the planes. */
  readonly batch: number
  readonly group: number
  /** Planes of so many samples are made at a time. */
  readonly samplesAtOnce: number
  /** What convPlanes is told: sizes of a plane, the place of `sources`, the number of runs, the image's positions between neighbours of a row. */
  readonly size: readonly [depth: number, height: number, width: number]
  readonly sources: number
  readonly runs: number
  readonly step: number
  readonly passes: readonly Pass[]
  /** Whether the passes leave some of the output out: no tap reaches it. */
  readonly leavesZeros: boolean
}

/** Outputs of one remainder by the stride along every axis, and the taps that they share. */
export interface Pass {
  /** Taps, and the place of their indices within the flattened kernel. */
  readonly tapCount: number
  readonly kernelTaps: number
  /** Place of the byte offsets, within the planes, of each product (channel, tap). */
  readonly products: number
  readonly laneStep: number
  /** Samples that the tables of positions cover, and blocks that they make. */
  readonly samples: number
  readonly blocks: number
  /** Places and sizes of the tables of positions. */
  readonly full: number
  readonly fullCount: number
  readonly partial: number
  readonly partialCount: number
  readonly lanes: number
  /** The pass as a stencil, if it is one and planes have one channel a group. */
  readonly stencil: Stencil | null
}

/** Three rows of three neighbouring taps over one channel, for the kernels of assembly/depthwise.ts; strides in bytes. */
export interface Stencil {
  /** From the start of an image's plane to the first tap of its first output, and from each tap's row to the next. */
  readonly first: number
  readonly rowStep: number
  /** From output row to output row. */
  readonly row: number
  /** Sizes of the output. */
  readonly height: number
  readonly width: number
  /** Where the planes are the image itself, which is padded by 1 on all sides: the place of a row of zeros. */
  readonly zeros?: number
}

/** Strides of planes, in bytes. */
interface Layout {
  readonly batch: number
  readonly group: number
  readonly channel: number
  readonly depth: number
  readonly height: number
}

type Three<T> = readonly [T, T, T]

/** Whether each output reads one element of every channel, from an image whose positions are one row. */
function isReadInPlace({ shape, strides }: View, kernel: Shape, { stride, padding, groups }: ConvGeometry): boolean {
  const isPointwise = kernel.every((size, d) => size === 1 && stride[d] === 1 && padding[d] === 0)
  // Channels a multiple of 512 bytes apart share few sets of the cache: reading all of them for each position halves the speed.
  const isCrowded = (strides[1] * 4) % 512 === 0 && shape[1] / groups > 16
  return isPointwise && !isCrowded && isContiguous(shape.slice(2), strides.slice(2))
}

/** Whether each output channel is a 3 x 3 stencil of stride 1 over one image of its own size. */
function isPaddedStencil(image: View, kernel: Shape, out: Shape, { stride, padding, dilation, groups }: ConvGeometry): boolean {
  const { shape, strides } = image
  const isDepthwise = shape.length === 4 && groups === shape[1] && groups === out[1] && kernel.every((size) => size === 3)
  return (
    isDepthwise && [...stride, ...padding, ...dilation].every((size) => size === 1) && sameShape(shape, out) && shape[3] >= 4 && isContiguous(shape, strides)
  )
}

const cache = new Map<string, ConvPlan>()
const CACHED_PLANS = 64

type Direction = 'forward' | 'gradient' | 'weights'

/**
 * The forward pass reads the convolution's input through planes and writes its output; the gradient reads the output's gradient and writes
 * the input's. The weights' gradient reads both as the forward pass does.
 * @param image what planes are made of, [N, C, ...S]
 * @param kernel the kernel's sizes
 * @param out shape of the contiguous output
 */
export function convPlan(direction: Direction, image: View, kernel: Shape, out: Shape, geometry: ConvGeometry): ConvPlan {
  const { stride, padding, dilation, groups } = geometry
  // A gradient may be larger than what it is read from: positions that no window reaches are zeros.
  const inPlace = isReadInPlace(image, kernel, geometry) && sameShape(image.shape.slice(2), out.slice(2))
  const key = `${direction};${isContiguous(image.shape, image.strides)};${image.shape};${kernel};${out};${stride};${padding};${dilation};${groups};${inPlace ? image.strides : ''}`
  const known = cache.get(key)
  if (known) return known
  const padded = isPaddedStencil(image, kernel, out, geometry)
  const plan = inPlace ? planInPlace(image, out, groups) : padded ? planStencil(direction, image) : planWithPlanes(direction, image, kernel, out, geometry)
  if (cache.size >= CACHED_PLANS) for (const oldest of [...cache.keys()].slice(0, CACHED_PLANS / 2)) cache.delete(oldest)
  cache.set(key, plan)
  return plan
}

/** Pointwise: the image is the planes, all its positions one row. */
function planInPlace(image: View, out: Shape, groups: number): ConvPlan {
  const channels = image.shape[1] / groups
  const [batch, channel] = image.strides.map((stride) => stride * 4)
  const positions = numelOf(out.slice(2))
  const single: AxisPass = { start: 0, step: 1, count: 1, taps: [0], shifts: [0] }
  const layout = { batch, group: channels * channel, channel, depth: 0, height: 0 }
  const tables = new Tables()
  const pass = planPass(tables, [single, single, { ...single, count: positions }], [1, 1, 1], layout, groups, channels, image.shape[0], [
    ...out.slice(0, 2),
    1,
    1,
    positions,
  ])
  const noPlanes = { size: [0, 0, 0], sources: 0, runs: 0, step: 0 } as const
  const { group } = layout
  return {
    tables: tables.joined(),
    inPlace: true,
    groups,
    channels,
    batch,
    group,
    samplesAtOnce: image.shape[0],
    ...noPlanes,
    passes: [pass],
    leavesZeros: false,
  }
}

/** For the kernels that read a padded image where it lies: nothing but the weights' taps, which a gradient turns, and a row of zeros. */
function planStencil(direction: Direction, { shape: [batches, groups, height, width] }: View): ConvPlan {
  const tables = new Tables()
  const taps = [0, 1, 2, 3, 4, 5, 6, 7, 8]
  const kernelTaps = tables.add(direction === 'gradient' ? taps.reverse() : taps)
  const row = width * 4
  const stencil = { first: 0, rowStep: row, row, height, width, zeros: tables.add(new Int32Array(width + 8)) + 16 }
  const noPositions = { products: 0, laneStep: 4, samples: 1, blocks: 0, full: 0, fullCount: 0, partial: 0, partialCount: 0, lanes: 0 }
  const [group, batch] = [height * row, groups * height * row]
  const noPlanes = { size: [0, 0, 0], sources: 0, runs: 0, step: 0 } as const
  return {
    tables: tables.joined(),
    inPlace: true,
    groups,
    channels: 1,
    batch,
    group,
    samplesAtOnce: batches,
    ...noPlanes,
    passes: [{ tapCount: 9, kernelTaps, ...noPositions, stencil }],
    leavesZeros: false,
  }
}

function planWithPlanes(direction: Direction, image: View, kernel: Shape, out: Shape, geometry: ConvGeometry): ConvPlan {
  const { groups } = geometry
  const channels = image.shape[1] / groups
  const axisOf = direction === 'gradient' ? gradientAxis : forwardAxis
  const [read, kernels, written] = [lastOfThree(image.shape.slice(2), 1), lastOfThree(kernel, 1), lastOfThree(out.slice(2), 1)]
  const [strides, paddings, dilations] = [lastOfThree(geometry.stride, 1), lastOfThree(geometry.padding, 0), lastOfThree(geometry.dilation, 1)]
  const [depth, height, width] = [0, 1, 2].map((d) => axisOf(read[d], kernels[d], written[d], strides[d], paddings[d], dilations[d]))
  // Rows a multiple of 128 bytes apart would fall into few sets of the cache, a channel on top of the other.
  const rowLength = width.sources.length % 32 === 0 ? width.sources.length + 4 : width.sources.length
  const size = [depth.sources.length, height.sources.length, rowLength] as const
  const row = channels * rowLength * 4
  const group = size[0] * size[1] * row
  const layout = { batch: groups * group, group, channel: rowLength * 4, depth: size[1] * row, height: row }
  const samplesAtOnce = Math.max(1, Math.min(image.shape[0], Math.floor(WORKSPACE / layout.batch)))
  const tables = new Tables()
  const runs = runsOf(width)
  const sources = tables.add([...depth.sources, ...height.sources, ...runs])
  const passes: Pass[] = []
  for (const a of depth.passes) {
    for (const b of height.passes) {
      for (const c of width.passes) {
        if (a.taps.length * b.taps.length * c.taps.length > 0) {
          passes.push(planPass(tables, [a, b, c], kernels, layout, groups, channels, samplesAtOnce, [...out.slice(0, 2), ...written]))
        }
      }
    }
  }
  const leavesZeros = passes.length < depth.passes.length * height.passes.length * width.passes.length
  const { batch } = layout
  return {
    tables: tables.joined(),
    inPlace: false,
    groups,
    channels,
    batch,
    group,
    samplesAtOnce,
    size,
    sources,
    runs: runs.length / 4,
    step: width.step,
    passes,
    leavesZeros,
  }
}

/** Integers in a row, each table at a place of its own. */
class Tables {
  private readonly parts: ArrayLike<number>[] = []
  private words = 0

  /** @returns the table's place, in bytes */
  add(table: ArrayLike<number>): number {
    this.parts.push(table)
    this.words += table.length
    return (this.words - table.length) * 4
  }

  joined(): Int32Array {
    const all = new Int32Array(this.words)
    let at = 0
    for (const part of this.parts) {
      all.set(part, at)
      at += part.length
    }
    return all
  }
}

function planPass(
  tables: Tables,
  [a, b, c]: Three<AxisPass>,
  kernels: Three<number>,
  layout: Layout,
  groups: number,
  channels: number,
  batches: number,
  [, outChannels, outDepth, outHeight, outWidth]: Shape,
): Pass {
  const kernelTaps = a.taps.flatMap((i) => b.taps.flatMap((j) => c.taps.map((k) => (i * kernels[1] + j) * kernels[2] + k)))
  const offsets = a.shifts.flatMap((i) => b.shifts.flatMap((j) => c.shifts.map((k) => i * layout.depth + j * layout.height + k * 4)))
  const products = Array.from({ length: channels }, (_, channel) => offsets.map((offset) => channel * layout.channel + offset)).flat()
  const rows = a.count * b.count
  const perRow = Math.floor(c.count / 4)
  const lanes = c.count % 4
  const fullCount = rows * perRow
  const partialCount = lanes > 0 ? rows : 0
  const samples = Math.max(1, Math.min(batches, Math.floor(ENOUGH_GROUPS / (fullCount + partialCount))))
  const outBatch = outChannels * outDepth * outHeight * outWidth * 4
  const full: number[] = []
  const partial: number[] = []
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < a.count; i++) {
      for (let j = 0; j < b.count; j++) {
        let x = sample * layout.batch + i * layout.depth + j * layout.height
        let y = sample * outBatch + 4 * (((a.start + i * a.step) * outHeight + b.start + j * b.step) * outWidth + c.start)
        for (let k = 0; k < perRow; k++, x += 16, y += 16 * c.step) full.push(x, y)
        if (lanes > 0) partial.push(x, y)
      }
    }
  }
  const panels = (count: number) => Math.ceil((samples * count) / 4)
  return {
    tapCount: kernelTaps.length,
    kernelTaps: tables.add(kernelTaps),
    products: tables.add(products),
    laneStep: c.step * 4,
    samples,
    blocks: groups * Math.ceil((panels(fullCount) + panels(partialCount)) / BLOCK_PANELS),
    full: tables.add(full),
    fullCount,
    partial: tables.add(partial),
    partialCount,
    lanes,
    stencil: channels === 1 ? stencilOf([a, b, c], layout) : null,
  }
}

/** Rows of less than a vector are left to the general kernel. */
function stencilOf([a, b, c]: Three<AxisPass>, layout: Layout): Stencil | null {
  const [b0, b1, b2] = b.shifts
  const [c0, c1, c2] = c.shifts
  const isThreeByThree = a.count === 1 && a.shifts.length === 1 && b.shifts.length === 3 && c.shifts.length === 3
  if (!isThreeByThree || b.step !== 1 || c.step !== 1 || c.count < 4 || b2 - b1 !== b1 - b0 || c1 !== c0 + 1 || c2 !== c1 + 1) return null
  const first = a.shifts[0] * layout.depth + b0 * layout.height + c0 * 4
  return { first, rowStep: (b1 - b0) * layout.height, row: layout.height, height: b.count, width: c.count }
}
