import type { Shape } from '../../core/shape.js'
import type { ConvGeometry } from '../contract.js'

/**
 * Where a convolution reads and writes, as the tables that the kernels of assembly/conv.ts take. Everything here is integers, worked out
 * once per call, axis by axis; shorter convolutions are led by axes of size 1 up to three.
 */

/** Copies of one axis of an image in which output i finds the element for tap k at i + shift, whatever stride and padding are. */
interface PlaneAxis {
  /** The input's position for each position of the planes, or -1 for a zero. */
  readonly sources: Int32Array
  /** The input's positions between neighbours of the planes. */
  readonly step: number
  /** What one or more passes write; together every output position once. */
  readonly passes: readonly AxisPass[]
}

/** Outputs start, start + step, ... (count of them) and, for each tap that they have, its index in the kernel and its shift. */
interface AxisPass {
  readonly start: number
  readonly step: number
  readonly count: number
  readonly taps: readonly number[]
  readonly shifts: readonly number[]
}

function forwardAxis(input: number, kernel: number, output: number, stride: number, padding: number, dilation: number): PlaneAxis {
  const taps = Array.from({ length: kernel }, (_, k) => k)
  // Taps whose offsets leave the same remainder by the stride read the same elements of the input: each remainder gets a stretch of its own.
  const remainders = [...new Set(taps.map((k) => (k * dilation) % stride))]
  const length = output + Math.floor(((kernel - 1) * dilation) / stride)
  const sources = new Int32Array(remainders.length * length)
  remainders.forEach((remainder, r) => {
    for (let i = 0; i < length; i++) {
      const source = i * stride + remainder - padding
      sources[r * length + i] = source >= 0 && source < input ? source : -1
    }
  })
  const shifts = taps.map((k) => remainders.indexOf((k * dilation) % stride) * length + Math.floor((k * dilation) / stride))
  return { sources, step: stride, passes: [{ start: 0, step: 1, count: output, taps, shifts }] }
}

/** x[q] took part in y[p] under tap k where p stride = q + padding - k dilation: for each remainder of q by the stride, another set of taps. */
function gradientAxis(output: number, kernel: number, input: number, stride: number, padding: number, dilation: number): PlaneAxis {
  const passes: { start: number; step: number; count: number; taps: number[]; shifts: number[] }[] = []
  for (let start = 0; start < Math.min(stride, input); start++) {
    const taps = Array.from({ length: kernel }, (_, k) => k).filter((k) => (start + padding - k * dilation) % stride === 0)
    const shifts = taps.map((k) => (start + padding - k * dilation) / stride)
    passes.push({ start, step: stride, count: Math.ceil((input - start) / stride), taps, shifts })
  }
  const lead = -Math.min(...passes.flatMap((pass) => pass.shifts))
  const length = Math.max(0, ...passes.flatMap((pass) => pass.shifts.map((shift) => shift + lead + pass.count)))
  const sources = Int32Array.from({ length }, (_, i) => (i - lead >= 0 && i - lead < output ? i - lead : -1))
  for (const pass of passes) pass.shifts = pass.shifts.map((shift) => shift + lead)
  return { sources, step: 1, passes }
}

type Three<T> = readonly [T, T, T]
const three = <T>(values: readonly T[], filler: T): Three<T> => {
  const [a = filler, b = filler, c = filler] = [...new Array<T>(3 - values.length).fill(filler), ...values]
  return [a, b, c]
}

/** Strides of the planes, in bytes. */
export interface PlaneLayout {
  readonly batch: number
  readonly group: number
  readonly channel: number
  readonly depth: number
  readonly height: number
}

export interface ConvPlan {
  /** Positions of the planes, and what convPlanes reads: see there. */
  readonly size: Three<number>
  readonly sources: Int32Array
  readonly runs: number
  /** The image's positions between neighbours of a row of the planes. */
  readonly step: number
  readonly passes: readonly Pass[]
  /** Whether the passes leave some of the output out: no tap reaches it. */
  readonly leavesZeros: boolean
}

/** Outputs of one remainder along every axis, and the taps that they share. */
interface Pass {
  readonly axes: Three<AxisPass>
  /** Indices within the flattened kernel. */
  readonly taps: Int32Array
}

/**
 * The forward pass reads the convolution's input through planes and writes its output; the gradient reads the output's gradient and writes
 * the input's.
 * @param read sizes of what planes are made of, without batch and channels, as the other two
 * @param kernel sizes of the weights
 * @param written sizes of what the passes write
 */
export function convPlan(direction: 'forward' | 'gradient', read: Shape, kernel: Shape, written: Shape, geometry: ConvGeometry): ConvPlan {
  const plane = direction === 'forward' ? forwardAxis : gradientAxis
  const [reads, kernels, writes] = [three(read, 1), three(kernel, 1), three(written, 1)]
  const [strides, paddings, dilations] = [three(geometry.stride, 1), three(geometry.padding, 0), three(geometry.dilation, 1)]
  const [depth, height, width] = [0, 1, 2].map((d) => plane(reads[d], kernels[d], writes[d], strides[d], paddings[d], dilations[d]))
  const passes: Pass[] = []
  for (const a of depth.passes) {
    for (const b of height.passes) {
      for (const c of width.passes) {
        const taps = a.taps.flatMap((i) => b.taps.flatMap((j) => c.taps.map((k) => (i * kernels[1] + j) * kernels[2] + k)))
        if (taps.length > 0) passes.push({ axes: [a, b, c], taps: Int32Array.from(taps) })
      }
    }
  }
  const runs = runsOf(width)
  // Rows a multiple of 128 bytes apart would fall into few sets of the cache, a channel on top of the other.
  const rowLength = width.sources.length % 32 === 0 ? width.sources.length + 4 : width.sources.length
  return {
    size: [depth.sources.length, height.sources.length, rowLength],
    sources: Int32Array.from([...depth.sources, ...height.sources, ...runs]),
    runs: runs.length / 4,
    step: width.step,
    passes,
    leavesZeros: passes.length < depth.passes.length * height.passes.length * width.passes.length,
  }
}

/** Stretches of a row that are copied from evenly spaced elements: (from, to, source, 0) each. */
function runsOf({ sources, step }: PlaneAxis): number[] {
  const runs: number[] = []
  for (let i = 0; i < sources.length; i++) {
    if (sources[i] < 0) continue
    if (i > 0 && sources[i - 1] >= 0 && sources[i] === sources[i - 1] + step) runs[runs.length - 3]++
    else runs.push(i, i + 1, sources[i], 0)
  }
  return runs
}

/** The layout [N][groups][D][H][C][W] of assembly/conv.ts. */
export function planeLayout({ size: [depth, height, width] }: ConvPlan, groups: number, channels: number): PlaneLayout {
  const row = channels * width * 4
  const group = depth * height * row
  return { batch: groups * group, group, channel: width * 4, depth: height * row, height: row }
}

/** Byte offsets of each product of a pass within the planes, for `channels` channels: product (channel, tap). */
export function tapOffsets({ axes: [a, b, c] }: Pass, layout: PlaneLayout, channels: number): Uint32Array {
  const offsets = new Uint32Array(channels * a.shifts.length * b.shifts.length * c.shifts.length)
  let at = 0
  for (let channel = 0; channel < channels; channel++) {
    for (const i of a.shifts)
      for (const j of b.shifts) for (const k of c.shifts) offsets[at++] = channel * layout.channel + i * layout.depth + j * layout.height + k * 4
  }
  return offsets
}

/** Groups of up to four neighbouring positions: pairs of byte offsets into planes and output. See assembly/conv.ts. */
export interface Positions {
  /** Samples that the tables cover. */
  readonly samples: number
  readonly full: Uint32Array
  readonly fullCount: number
  readonly partial: Uint32Array
  readonly partialCount: number
  readonly lanes: number
}

/** So many groups fill the tiles and the runs of the kernels; tables for more samples than that would gain nothing. */
const ENOUGH_GROUPS = 256

/** Where a pass over up to `batches` samples writes: `outBatch` bytes from sample to sample, of sizes `written`. */
export function positionsOf({ axes: [a, b, c] }: Pass, layout: PlaneLayout, batches: number, written: Shape, outBatch: number): Positions {
  const [, outHeight, outWidth] = three(written, 1)
  const rows = a.count * b.count
  const perRow = Math.floor(c.count / 4)
  const lanes = c.count % 4
  const fullCount = rows * perRow
  const partialCount = lanes > 0 ? rows : 0
  const samples = Math.max(1, Math.min(batches, Math.floor(ENOUGH_GROUPS / (fullCount + partialCount))))
  const full = new Uint32Array(samples * fullCount * 2)
  const partial = new Uint32Array(samples * partialCount * 2)
  let f = 0
  let p = 0
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < a.count; i++) {
      for (let j = 0; j < b.count; j++) {
        let x = sample * layout.batch + i * layout.depth + j * layout.height
        let y = sample * outBatch + 4 * (((a.start + i * a.step) * outHeight + b.start + j * b.step) * outWidth + c.start)
        for (let k = 0; k < perRow; k++, x += 16, y += 16 * c.step) {
          full[f++] = x
          full[f++] = y
        }
        if (lanes > 0) {
          partial[p++] = x
          partial[p++] = y
        }
      }
    }
  }
  return { samples, full, fullCount, partial, partialCount, lanes }
}
