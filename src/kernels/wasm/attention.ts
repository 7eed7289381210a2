import { allocator } from '../../core/allocator.js'
import type { AttentionOptions, Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { isFloat32 } from './views.js'

/** Bytes for the blocks of one launch to work in. */
const WORKSPACE = 4 * 2 ** 20
/** Queries of a block; bytes of a tile, and of what a block keeps for each query. */
const QUERIES = 64
const TILE = 16384
const STATE = 1024
/** Packing may write three rows of a panel too many. */
const PACKED_TOO_FAR = 256
/** Addresses in a head's entry of the table; see assembly/attention.ts. */
const ENTRIES = 11

/** Whether the elements of a row lie side by side. */
const hasRows = (x: View): boolean => x.strides[3] === 1 || x.shape[3] <= 1
const isReadable = (x: View | null): boolean => x === null || (isFloat32(x) && hasRows(x))
const isMask = (x: View | null): boolean => x === null || ((isFloat32(x) || x.dtype === 'bool') && hasRows(x))
const rowBytes = (x: View | null, width = 4): number => (x ? x.strides[2] * width : 0)
const widthOf = (x: View | null): number => (x?.dtype === 'bool' ? 1 : x?.dtype === 'float64' ? 8 : 4)

/** Where each head of `of` begins, in the order in which the table lists them: for every batch, for every head of the queries. */
function writeTable(table: number, heads: readonly [number, number], of: readonly (View | null)[]): void {
  const words = new Uint32Array(allocator().memory.buffer, table, heads[0] * heads[1] * ENTRIES)
  of.forEach((x, entry) => {
    const width = widthOf(x)
    for (let head = 0; head < heads[0] * heads[1]; head++) {
      const within = x ? Math.floor(((head % heads[1]) * x.shape[1]) / heads[1]) : 0
      words[head * ENTRIES + entry] = x ? x.storage.ptr + (x.offset + Math.floor(head / heads[1]) * x.strides[0] + within * x.strides[1]) * width : 0
    }
  })
}

/** Makes the table and memory for `blocks` blocks of `size` bytes, and calls `run` for as many at a time as the workspace holds. */
function inParts(
  owner: string,
  heads: readonly [number, number],
  of: readonly (View | null)[],
  blocks: number,
  size: number,
  run: (table: number, scratch: number, offset: number, count: number) => void,
): void {
  const atOnce = Math.min(blocks, Math.max(1, Math.floor(WORKSPACE / size)))
  withScratch(owner, heads[0] * heads[1] * ENTRIES * 4 + atOnce * size, (scratch) => {
    const table = scratch + atOnce * size
    writeTable(table, heads, of)
    for (let offset = 0; offset < blocks; offset += atOnce) run(table, scratch, offset, Math.min(atOnce, blocks - offset))
  })
}

const maskKind = (mask: View | null): number => (mask === null ? 0 : mask.dtype === 'bool' ? 1 : 2)
/** What stands for "no query is before any key". */
const diagonalOf = ({ diagonal }: AttentionOptions, keys: number): number => diagonal ?? keys

function attention(q: View, k: View, v: View, options: AttentionOptions, y: View, lse: View): void {
  const [batches, heads, length, size] = q.shape
  const [, , keys, valueSize] = v.shape
  const { mask, keep, scale, keepScale } = options
  if (![q, k, v, y].every(isReadable) || !isMask(mask) || batches * heads * length * keys * valueSize === 0) {
    return reference.attention(q, k, v, options, y, lse)
  }
  const scratchSize = TILE + STATE + QUERIES * size * 4 + PACKED_TOO_FAR
  const blocks = batches * heads * Math.ceil(length / QUERIES)
  inParts('attention', [batches, heads], [q, k, v, y, mask, keep, lse], blocks, scratchSize, (table, scratch, offset, count) =>
    launch(
      'attention',
      count,
      table,
      length,
      keys,
      size,
      valueSize,
      rowBytes(q),
      rowBytes(k),
      rowBytes(v),
      rowBytes(y),
      maskKind(mask),
      rowBytes(mask, widthOf(mask)),
      rowBytes(keep, 1),
      scale,
      keepScale,
      diagonalOf(options, keys),
      scratch,
      scratchSize,
      offset,
    ),
  )
}

function attentionBackward(
  dy: View,
  q: View,
  k: View,
  v: View,
  options: AttentionOptions,
  y: View,
  lse: View,
  dq: View | null,
  dk: View | null,
  dv: View | null,
  accumulate: boolean,
): void {
  const [batches, heads, length, size] = q.shape
  const [, groups, keys, valueSize] = v.shape
  const { mask, keep, scale, keepScale } = options
  if (![dy, q, k, v, y, dq, dk, dv].every(isReadable) || !isMask(mask) || batches * heads * length * keys * valueSize === 0) {
    return reference.attentionBackward(dy, q, k, v, options, y, lse, dq, dk, dv, accumulate)
  }
  const scratchSize = 2 * TILE + STATE + QUERIES * (size + valueSize) * 4 + 2 * PACKED_TOO_FAR
  const tensors = [q, k, v, y, mask, keep, lse, dy, dq, dk, dv]
  inParts('attentionBackward', [batches, heads], tensors, batches * groups, scratchSize, (table, scratch, offset, count) =>
    launch(
      'attentionGrad',
      count,
      table,
      heads / groups,
      length,
      keys,
      size,
      valueSize,
      rowBytes(q),
      rowBytes(k),
      rowBytes(v),
      rowBytes(y),
      maskKind(mask),
      rowBytes(mask, widthOf(mask)),
      rowBytes(keep, 1),
      rowBytes(dy),
      rowBytes(dq),
      rowBytes(dk),
      rowBytes(dv),
      scale,
      keepScale,
      diagonalOf(options, keys),
      accumulate,
      scratch,
      scratchSize,
      offset,
    ),
  )
}

export const attentions = { attention, attentionBackward } satisfies Partial<Kernels>
