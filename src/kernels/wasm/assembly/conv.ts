/**
 * Convolution over up to three axes, and its two gradients, as matrix products whose second operand is read straight from the image:
 *
 *   forward      y[o][p]  = bias[o] + sum_k w[o][k] x[p + taps[k]],   k over (channel, tap)
 *   input grad   dx[c][q] = sum_k w'[c][k] dy[q + taps[k]],            k over (output channel, tap): the same kernel, on dy and turned weights
 *   weight grad  dw[o][k] = sum_p dy[o][p] x[p + taps[k]]
 *
 * `convPlanes` first copies the image into planes in which every output position p reads p + taps[k] without bounds or strides: zeros
 * around it where there is padding, and the elements that a stride leaves apart sorted by their remainder, so that neighbours in the output read neighbours.
 * Memory layout of the planes: [N][groups][D][H][C][W], channels inside rows, so that what an output row needs lies in few pages of memory.
 * Positions are taken in groups of up to four neighbours of an output row. Two tables of pairs of byte offsets (u32), into the planes and into y, name
 * them: `full` groups of four, then `partial` ones, the rests of rows, all of `lanes`. The tables cover `samples` samples of the batch,
 * sample by sample, so that small images fill tiles together.
 * float32, accumulated in float32 over at most DEPTH products (per lane), then run by run. Strides are in bytes; any alignment.
 */
import { convTile1, convTile2, dotTile1, dotTile2 } from './tiles'
import { DEPTH, laneMask } from './vectors'

/** Panels (16 positions) of a block, and rows (output channels) of a block of the weight gradient. */
const BLOCK_PANELS: i32 = 8
const BLOCK_ROWS: i32 = 16
/** Table entries per run of the weight gradient: every lane takes one product of each. */
const RUN: i32 = DEPTH

/**
 * Fills planes. `sources` has the input's position (i32) for each of D and H, -1 for zeros; then, for W, `runs` quadruples
 * (from, to, position, 0): elements from..to of the row come from `position` on, `xStep` apart, the rest is zero.
 * A block is a row of all channels of a group: for every sample, group, D and H.
 */
export function convPlanes(
  x: usize, xBatch: usize, xChannel: usize, xDepth: usize, xHeight: usize, xWidth: usize, xStep: usize,
  groups: i32, channels: i32, depth: i32, height: i32, width: i32,
  sources: usize, runs: i32, planes: usize,
  begin: i32, end: i32,
): void {
  const rowBytes = <usize>width << 2
  const blockBytes = rowBytes * <usize>channels
  const runTable = sources + (<usize>(depth + height) << 2)
  const runStop = runTable + (<usize>runs << 4)
  const left = <usize>load<u32>(runTable) << 2
  const length = (<usize>load<u32>(runTable, 4) << 2) - left
  const right = rowBytes - left - length
  const source = <usize>load<u32>(runTable, 8) * xWidth
  // The last 16 bytes of a row may be written twice, but nothing beyond the row.
  const isOneRun = runs === 1 && xStep === 4 && length >= 16 && (left & 15) <= length
  for (let block = begin; block < end; block++) {
    const h = block % height
    const d = (block / height) % depth
    const image = block / height / depth
    const from = load<i32>(sources + (<usize>d << 2))
    const row = load<i32>(sources + (<usize>(depth + h) << 2))
    let y = planes + <usize>block * blockBytes
    if (from < 0 || row < 0) {
      memory.fill(y, 0, blockBytes)
      continue
    }
    let xi = x + <usize>(image / groups) * xBatch + <usize>((image % groups) * channels) * xChannel + <usize>from * xDepth + <usize>row * xHeight
    for (let c = 0; c < channels; c++, xi += xChannel, y += rowBytes) {
      if (isOneRun) copyBetweenZeros(xi + source, y, left, length, right)
      else copyRuns(xi, xWidth, xStep, y, rowBytes, runTable, runStop)
    }
  }
}

/** A row of the planes that is zeros, `length` (at least 16) bytes of the image, zeros. */
@inline
function copyBetweenZeros(x: usize, y: usize, left: usize, length: usize, right: usize): void {
  const start = y + left
  for (; y < start; y += 16) v128.store(y, i64x2.splat(0)) // may reach into the row, which is written next
  const last = length - 16
  for (let at: usize = 0; at < last; at += 16) v128.store(start + at, v128.load(x + at))
  v128.store(start + last, v128.load(x + last))
  const end = start + length
  for (let at: usize = 0; at < right; at += 4) store<f32>(end + at, 0)
}

/** A row of the planes of any kind. */
function copyRuns(x: usize, xWidth: usize, xStep: usize, y: usize, rowBytes: usize, runTable: usize, runStop: usize): void {
  const start = y
  const stop = y + rowBytes
  for (let run = runTable; run < runStop; run += 16) {
    const first = start + (<usize>load<u32>(run) << 2)
    const last = start + (<usize>load<u32>(run, 4) << 2)
    for (; y < first; y += 4) store<f32>(y, 0)
    let from = x + <usize>load<u32>(run, 8) * xWidth
    if (xStep === 8) {
      for (; y + 16 <= last; y += 16, from += 32) v128.store(y, v128.shuffle<f32>(v128.load(from), v128.load(from, 16), 0, 2, 4, 6))
    }
    for (; y < last; y += 4, from += xStep) store<f32>(y, load<f32>(from))
  }
  for (; y < stop; y += 4) store<f32>(y, 0)
}

/** Weights for the input gradient: turned[g][c][o][t] = w[g][o][c][taps[t]]. A block is 16 channels c of a group: runs of memory on both sides. */
export function convTurnWeights(
  w: usize, outputs: i32, channels: i32, kernel: i32, taps: usize, count: i32, turned: usize,
  begin: i32, end: i32,
): void {
  const channelBlocks = (channels + 15) / 16
  const stop = taps + (<usize>count << 2)
  for (let block = begin; block < end; block++) {
    const group = block / channelBlocks
    const first = (block % channelBlocks) * 16
    const last = min(channels, first + 16)
    for (let o = 0; o < outputs; o++) {
      for (let c = first; c < last; c++) {
        const from = w + (<usize>(((group * outputs + o) * channels + c) * kernel) << 2)
        let y = turned + (<usize>(((group * channels + c) * outputs + o) * count) << 2)
        for (let t = taps; t < stop; t += 4, y += 4) store<f32>(y, load<f32>(from + (<usize>load<u32>(t) << 2)))
      }
    }
  }
}

/**
 * y = bias + w * planes, `rows` output channels and `depth` products for each of the groups. Weights [groups][rows][depth]; bias 0 means none.
 * A block is 8 panels of 4 groups of positions of one group of channels: for every `samples` samples, every group, every 8 panels.
 */
export function conv(
  planes: usize, planeBatch: usize, planeGroup: usize, weights: usize, bias: usize,
  y: usize, yBatch: usize, yChannel: usize, laneStep: usize,
  batches: i32, groups: i32, rows: i32, depth: i32, taps: usize,
  samples: i32, full: usize, fullCount: i32, partial: usize, partialCount: i32, lanes: i32,
  begin: i32, end: i32,
): void {
  const blocksPerImage = panelBlocks(samples, fullCount, partialCount)
  const wRow = <usize>depth << 2
  const parts = max(1, (depth + DEPTH - 1) / DEPTH)
  const part = (depth + parts - 1) / parts
  for (let block = begin; block < end; block++) {
    const rest = block / blocksPerImage
    const group = rest % groups
    const sample = (rest / groups) * samples
    const count = min(samples, batches - sample)
    const firstRow = group * rows
    const xBase = planes + <usize>sample * planeBatch + <usize>group * planeGroup
    const yBase = y + <usize>sample * yBatch + <usize>firstRow * yChannel
    const wBase = weights + <usize>firstRow * wRow
    const fulls = count * fullCount
    const partials = count * partialCount
    const fullPanels = (fulls + 3) / 4
    const first = (block % blocksPerImage) * BLOCK_PANELS
    const last = min(first + BLOCK_PANELS, fullPanels + (partials + 3) / 4)
    // A run's weights serve all panels of the block before the next run's are fetched.
    let k = 0
    do {
      const run = min(part, depth - k)
      const tap = taps + (<usize>k << 2)
      const more = k > 0
      for (let panel = first; panel < last; panel++) {
        const isFull = panel < fullPanels
        const start = (isFull ? panel : panel - fullPanels) * 4
        const table = (isFull ? full : partial) + (<usize>start << 3)
        const left = (isFull ? fulls : partials) - start
        const width = isFull ? 4 : lanes
        // Groups beyond the last one repeat it, and are not stored.
        const e1: usize = left > 1 ? 8 : 0
        const e2: usize = left > 2 ? 16 : e1
        const e3: usize = left > 3 ? 24 : e2
        const x0 = xBase + <usize>load<u32>(table), y0 = yBase + <usize>load<u32>(table, 4)
        const x1 = xBase + <usize>load<u32>(table + e1), y1 = yBase + <usize>load<u32>(table + e1, 4)
        const x2 = xBase + <usize>load<u32>(table + e2), y2 = yBase + <usize>load<u32>(table + e2, 4)
        const x3 = xBase + <usize>load<u32>(table + e3), y3 = yBase + <usize>load<u32>(table + e3, 4)
        let w = wBase + (<usize>k << 2)
        let row: usize = 0
        let i = 0
        for (; i + 2 <= rows; i += 2) {
          const b0 = bias ? load<f32>(bias + (<usize>(firstRow + i) << 2)) : 0
          const b1 = bias ? load<f32>(bias + (<usize>(firstRow + i) << 2), 4) : 0
          convTile2(w, wRow, x0, x1, x2, x3, tap, run, y0 + row, y1 + row, y2 + row, y3 + row, yChannel, left, width, laneStep, b0, b1, more)
          w += 2 * wRow
          row += 2 * yChannel
        }
        if (i < rows) {
          const b0 = bias ? load<f32>(bias + (<usize>(firstRow + i) << 2)) : 0
          convTile1(w, wRow, x0, x1, x2, x3, tap, run, y0 + row, y1 + row, y2 + row, y3 + row, yChannel, left, width, laneStep, b0, more)
        }
      }
      k += part
    } while (k < depth)
  }
}

/** Blocks of one image, or of `samples` images that share a table. */
@inline
function panelBlocks(samples: i32, fullCount: i32, partialCount: i32): i32 {
  return ((samples * fullCount + 3) / 4 + (samples * partialCount + 3) / 4 + BLOCK_PANELS - 1) / BLOCK_PANELS
}

/**
 * dw += dy * planes, [groups][rows][depth]. A block is 16 rows (output channels) by 4 columns (products) of one group. Each element is summed by one
 * thread over runs of the batch in a fixed order. Ranges share the passes over the batch, so few long ones are better than many short ones.
 */
export function convWeightGrad(
  planes: usize, planeBatch: usize, planeGroup: usize, dy: usize, dyBatch: usize, dyChannel: usize, dw: usize,
  batches: i32, rows: i32, depth: i32, taps: usize,
  samples: i32, full: usize, fullCount: i32, partial: usize, partialCount: i32, lanes: i32,
  begin: i32, end: i32,
): void {
  const mask = laneMask(lanes)
  const rowBlocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS
  const columnBlocks = (depth + 3) / 4
  const dwRow = <usize>depth << 2
  for (let sample = 0; sample < batches; sample += samples) {
    const count = min(samples, batches - sample)
    const fulls = count * fullCount
    const partials = count * partialCount
    const xBase = planes + <usize>sample * planeBatch
    const dyBase = dy + <usize>sample * dyBatch
    for (let at = 0; at < max(fulls, partials); at += RUN) {
      const f0 = full + (<usize>min(at, fulls) << 3), f1 = full + (<usize>min(at + RUN, fulls) << 3)
      const p0 = partial + (<usize>min(at, partials) << 3), p1 = partial + (<usize>min(at + RUN, partials) << 3)
      for (let block = begin; block < end; block++) {
        const firstRow = (block % rowBlocks) * BLOCK_ROWS
        const column = ((block / rowBlocks) % columnBlocks) * 4
        const group = block / rowBlocks / columnBlocks
        const columns = depth - column
        const tap = taps + (<usize>column << 2)
        const x = xBase + <usize>group * planeGroup
        const x0 = x + <usize>load<u32>(tap)
        const x1 = columns > 1 ? x + <usize>load<u32>(tap, 4) : x0
        const x2 = columns > 2 ? x + <usize>load<u32>(tap, 8) : x0
        const x3 = columns > 3 ? x + <usize>load<u32>(tap, 12) : x0
        const lastRow = min(rows, firstRow + BLOCK_ROWS)
        let a = dyBase + <usize>(group * rows + firstRow) * dyChannel
        let y = dw + <usize>(group * rows + firstRow) * dwRow + (<usize>column << 2)
        let i = firstRow
        for (; i + 2 <= lastRow; i += 2) {
          dotTile2(a, dyChannel, x0, x1, x2, x3, f0, f1, p0, p1, mask, y, dwRow, columns, true)
          a += 2 * dyChannel
          y += 2 * dwRow
        }
        if (i < lastRow) dotTile1(a, dyChannel, x0, x1, x2, x3, f0, f1, p0, p1, mask, y, dwRow, columns, true)
      }
    }
  }
}
