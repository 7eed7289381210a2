/**
 * Whole convolutions by Winograd's algorithm (winograd.ts), pass by pass: padded planes of some tile rows, their transform, the products, and back, all in
 * working memory that stays in a second-level cache. So a launch carries the whole convolution, and threads meet once.
 *
 * A thread takes a slot of the working memory for its range of blocks. `slots` has a word (i32) for each, 0 where it is free; there are as many slots as
 * threads. What a block computes does not depend on its slot. Planes are those of conv.ts with one group: `sources`, `runs` and x's strides as there.
 */
import { convPlanes } from './conv'
import { gemmDot, product } from './gemm'
import { winogradGrad, winogradInput, winogradOutput } from './winograd'

@inline function bytes(count: i32): usize { return <usize>count << 2 }

/** The first of the free slots. */
function takeSlot(slots: usize, count: i32): i32 {
  let i = 0
  while (atomic.cmpxchg<i32>(slots + bytes(i), 0, 1) !== 0) i = (i + 1) % count
  return i
}

/** Planes of the tile rows from `first` on. @returns where those of the first sample would begin */
function makePlanes(
  x: usize, xBatch: usize, xChannel: usize, xHeight: usize, xWidth: usize, xStep: usize,
  channels: i32, height: i32, width: i32, sources: usize, runs: i32, down: i32, first: i32, tileRows: i32, to: usize,
): usize {
  const last = first + tileRows - 1
  const begin = (first / down) * height + 2 * (first % down)
  const end = (last / down) * height + 2 * (last % down) + 4
  const planes = to - <usize>begin * bytes(channels * width)
  convPlanes(x, xBatch, xChannel, 0, xHeight, xWidth, xStep, 1, channels, 1, height, width, sources, runs, planes, begin, end)
  return planes
}

/**
 * y = bias + w * x, from the transformed weights u [16][rows][channels]. A block is a pass: of `passes`, which share the tile rows evenly. Behind the
 * planes in a slot are the transforms of the inputs, `vAt` bytes from its start, and of the outputs, `mAt`.
 */
export function winogradConv(
  x: usize, xBatch: usize, xChannel: usize, xHeight: usize, xWidth: usize, xStep: usize, channels: i32, planeHeight: i32, planeWidth: i32,
  sources: usize, runs: i32, u: usize, bias: usize, y: usize, rows: i32, height: i32, width: i32, down: i32, across: i32, tileRows: i32, passes: i32,
  pitch: usize, slots: usize, slotCount: i32, work: usize, slotBytes: usize, vAt: usize, mAt: usize, flag: usize,
  begin: i32, end: i32,
): void {
  const slot = takeSlot(slots, slotCount)
  const own = work + <usize>slot * slotBytes
  const v = own + vAt, m = own + mAt
  const planeRow = bytes(channels * planeWidth)
  const yChannel = bytes(height * width)
  for (let block = begin; block < end; block++) {
    const first = <i32>(<i64>tileRows * block / passes)
    const count = <i32>(<i64>tileRows * (block + 1) / passes) - first
    const planes = makePlanes(x, xBatch, xChannel, xHeight, xWidth, xStep, channels, planeHeight, planeWidth, sources, runs, down, first, count, own)
    const inputs = <usize>channels * pitch, outputs = <usize>rows * pitch
    winogradInput(planes, <usize>planeHeight * planeRow, planeRow, bytes(planeWidth), channels, down, across, first, v, inputs, pitch, 0, count)
    const columns = count * across
    const uRow = bytes(channels)
    for (let f: usize = 0; f < 16; f++) {
      product(u + f * bytes(rows) * <usize>channels, uRow << 4, uRow, 4, v + f * inputs, 64, pitch, m + f * outputs, pitch, rows, columns, channels, 0, 0, 0)
    }
    winogradOutput(m, outputs, pitch, bias, y, <usize>rows * yChannel, yChannel, rows, height, width, down, across, first, flag, 0, count)
  }
  atomic.store<i32>(slots + bytes(slot), 0)
}

/**
 * Sums of transformed products, [parts][16][outputs][channels], of contiguous dy. A block is a slice of the outputs in a part of the tile rows, which goes
 * through them in passes of `passRows`. Behind the planes in a slot are the transforms of the inputs, `vAt` bytes from its start, and of dy, `gAt`.
 * `table` is that of gemmDot.
 */
export function winogradDots(
  x: usize, xBatch: usize, xChannel: usize, xHeight: usize, xWidth: usize, xStep: usize, channels: i32, planeHeight: i32, planeWidth: i32,
  sources: usize, runs: i32, dy: usize, sums: usize, outputs: i32, slices: i32, height: i32, width: i32, down: i32, across: i32, tileRows: i32, parts: i32,
  passRows: i32, pitch: usize, slots: usize, slotCount: i32, work: usize, slotBytes: usize, vAt: usize, gAt: usize, table: usize,
  begin: i32, end: i32,
): void {
  const slot = takeSlot(slots, slotCount)
  const own = work + <usize>slot * slotBytes
  const v = own + vAt, g = own + gAt
  const planeRow = bytes(channels * planeWidth)
  const dyChannel = bytes(height * width)
  const frequency = bytes(outputs * channels)
  const inputs = <usize>channels * pitch
  for (let block = begin; block < end; block++) {
    const part = block / slices, slice = block % slices
    const row = outputs * slice / slices
    const rows = outputs * (slice + 1) / slices - row
    const to = sums + <usize>part * 16 * frequency + bytes(row * channels)
    const start = <i32>(<i64>tileRows * part / parts), stop = <i32>(<i64>tileRows * (part + 1) / parts)
    for (let first = start; first < stop; first += passRows) {
      const count = min(passRows, stop - first)
      const planes = makePlanes(x, xBatch, xChannel, xHeight, xWidth, xStep, channels, planeHeight, planeWidth, sources, runs, down, first, count, own)
      winogradInput(planes, <usize>planeHeight * planeRow, planeRow, bytes(planeWidth), channels, down, across, first, v, inputs, pitch, 0, count)
      const grads = <usize>rows * pitch
      winogradGrad(dy + <usize>row * dyChannel, <usize>outputs * dyChannel, dyChannel, rows, height, width, down, across, first, g, grads, pitch, 0, count)
      const blocks = 16 * ((channels + 3) / 4)
      gemmDot(g, grads, pitch, v, inputs, pitch, to, frequency, bytes(channels), rows, channels, count * across, first > start, table, 0, blocks)
    }
  }
  atomic.store<i32>(slots + bytes(slot), 0)
}
