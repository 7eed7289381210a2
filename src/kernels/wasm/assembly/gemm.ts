/**
 * Matrix product: c[b] = start[b] + a[b] w[b], float32, accumulated in float32 over at most DEPTH products, then block by block into c.
 *
 * `gemm` wants the elements of a's rows side by side, and 16 columns of w side by side in every row: either w itself, or panels that
 * `packPanels` made of it; `packRows` turns an `a` that lies otherwise. `gemmDot` takes a's rows and w's columns as they lie when
 * both are side by side along the depth, and few: no packing, but a sum across lanes for every element.
 * Strides are in bytes. Shapes: a [M, K], w [K, N], c [M, N]; batches share an operand whose batch stride is 0. No alignment is asked for.
 * Tails: rows in pairs, then one; columns in 16s, the last panel is read whole (see tiles.ts) and stored in part.
 */
import { activate } from './epilogue'
import { dotTile1, dotTile2, gemmTile1, gemmTile2 } from './tiles'
import { DEPTH, laneMask } from './vectors'

const PANEL: i32 = 16
/** A block of c is 64 rows by 16 panels: a's part of it stays in a second-level cache. */
const BLOCK_ROWS: i32 = 64
const BLOCK_PANELS: i32 = 16

/**
 * A block is 64 x 256 elements of c: for every batch, for every 64 rows, for every 256 columns. What c starts from may be c itself, a row (startRow
 * 0) or nothing (0). With an activation (epilogue.ts), y = activation(c), block by block; y has c's strides and may be c.
 */
export function gemm(
  a: usize, aBatch: usize, aRow: usize,
  w: usize, wBatch: usize, wPanel: usize, wStep: usize,
  c: usize, cBatch: usize, cRow: usize,
  rows: i32, columns: i32, depth: i32, start: usize, startBatch: usize, startRow: usize,
  y: usize, activation: i32, p: f32, q: f32, r: f32,
  begin: i32, end: i32,
): void {
  const panels = (columns + PANEL - 1) / PANEL
  const panelBlocks = (panels + BLOCK_PANELS - 1) / BLOCK_PANELS
  const rowBlocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS
  const parts = (depth + DEPTH - 1) / DEPTH
  const part = (depth + parts - 1) / parts
  for (let block = begin; block < end; block++) {
    const firstPanel = (block % panelBlocks) * BLOCK_PANELS
    const rest = block / panelBlocks
    const firstRow = (rest % rowBlocks) * BLOCK_ROWS
    const batch = <usize>(rest / rowBlocks)
    const lastPanel = min(panels, firstPanel + BLOCK_PANELS)
    const lastRow = min(rows, firstRow + BLOCK_ROWS)
    for (let k = 0; k < depth; k += part) {
      const count = min(part, depth - k)
      const from = k > 0 ? c + batch * cBatch : start ? start + batch * startBatch : 0
      const fromRow = k > 0 ? cRow : startRow
      for (let j = firstPanel; j < lastPanel; j++) {
        const panel = w + batch * wBatch + <usize>j * wPanel + <usize>k * wStep
        const left = columns - j * PANEL
        let ai = a + batch * aBatch + <usize>firstRow * aRow + (<usize>k << 2)
        let ci = c + batch * cBatch + <usize>firstRow * cRow + (<usize>j << 6)
        let si = from ? from + <usize>firstRow * fromRow + (<usize>j << 6) : 0
        const step: usize = from ? 2 * fromRow : 0
        let i = firstRow
        for (; i + 2 <= lastRow; i += 2) {
          gemmTile2(ai, aRow, 4, panel, wStep, count, ci, cRow, si, fromRow, left)
          ai += 2 * aRow
          ci += 2 * cRow
          si += step
        }
        if (i < lastRow) gemmTile1(ai, aRow, 4, panel, wStep, count, ci, cRow, si, fromRow, left)
      }
    }
    if (!activation) continue
    const first = batch * cBatch + (<usize>firstPanel << 6)
    const length = min(columns, lastPanel * PANEL) - firstPanel * PANEL
    for (let i = firstRow; i < lastRow; i++) {
      const at = first + <usize>i * cRow
      activate(activation, c + at, y + at, p, q, r, length)
    }
  }
}

/** Panels of 16 columns, each [K][16], the columns beyond the last one repeating it. A block is a panel of a batch. */
export function packPanels(
  w: usize, wBatch: usize, wDepth: usize, wColumn: usize,
  columns: i32, depth: i32, panel: usize,
  begin: i32, end: i32,
): void {
  const panels = (columns + PANEL - 1) / PANEL
  const bytes = <usize>depth << 6
  for (let block = begin; block < end; block++) {
    const first = (block % panels) * PANEL
    const from = w + <usize>(block / panels) * wBatch + <usize>first * wColumn
    const to = panel + <usize>block * bytes
    const count = min(PANEL, columns - first)
    if (wColumn === 4 && count === PANEL) copyPanel(from, wDepth, to, depth)
    else if (wDepth === 4 && count === PANEL) {
      for (let j: usize = 0; j < 16; j += 4) transpose4(from + j * wColumn, wColumn, to + (j << 2), 64, depth)
    } else {
      for (let j = 0; j < PANEL; j++) {
        let x = from + <usize>min(j, count - 1) * wColumn
        let y = to + (<usize>j << 2)
        for (let k = 0; k < depth; k++, x += wDepth, y += 64) store<f32>(y, load<f32>(x))
      }
    }
  }
}

/** Rows with their elements side by side, [M][K], of an `a` whose elements lie aDepth apart. A block is 16 rows of a batch. */
export function packRows(
  a: usize, aBatch: usize, aRow: usize, aDepth: usize,
  rows: i32, depth: i32, packed: usize,
  begin: i32, end: i32,
): void {
  const rowBlocks = (rows + 15) / 16
  const bytes = <usize>depth << 2
  for (let block = begin; block < end; block++) {
    const batch = <usize>(block / rowBlocks)
    const first = (block % rowBlocks) * 16
    const last = min(rows, first + 16)
    let x = a + batch * aBatch + <usize>first * aRow
    let y = packed + (batch * <usize>rows + <usize>first) * bytes
    let i = first
    if (aRow === 4) {
      // Four rows of four depths at a time; the depths that are left over, and other strides, element by element.
      const whole = depth & ~3
      for (; i + 4 <= last; i += 4, x += 16, y += 4 * bytes) {
        transpose4Across(x, aDepth, y, bytes, whole)
        for (let r: usize = 0; r < 4; r++) copyStrided(x + (r << 2) + <usize>whole * aDepth, aDepth, y + r * bytes + (<usize>whole << 2), depth - whole)
      }
    }
    for (; i < last; i++, x += aRow, y += bytes) copyStrided(x, aDepth, y, depth)
  }
}

/** c[i][j] = sum_k a[i][k] w[j][k]. A block is 4 columns of a batch. `table` holds (16 i, 16 i) for i below (K + 3) / 4, the entries of dotTile. */
export function gemmDot(
  a: usize, aBatch: usize, aRow: usize,
  w: usize, wBatch: usize, wColumn: usize,
  c: usize, cBatch: usize, cRow: usize,
  rows: i32, columns: i32, depth: i32, add: bool, table: usize,
  begin: i32, end: i32,
): void {
  const columnBlocks = (columns + 3) / 4
  // Every lane takes a quarter of the depth.
  const parts = (depth + 4 * DEPTH - 1) / (4 * DEPTH)
  const whole = depth / 4
  const part = (whole + parts - 1) / parts
  const mask = laneMask(depth & 3)
  const partial = table + (<usize>whole << 3)
  const partialStop = partial + (depth & 3 ? 8 : 0)
  for (let block = begin; block < end; block++) {
    const batch = <usize>(block / columnBlocks)
    const first = (block % columnBlocks) * 4
    const left = columns - first
    const w0 = w + batch * wBatch + <usize>first * wColumn
    const w1 = left > 1 ? w0 + wColumn : w0
    const w2 = left > 2 ? w1 + wColumn : w0
    const w3 = left > 3 ? w2 + wColumn : w0
    let k = 0
    do {
      const full = table + (<usize>k << 3)
      const stop = table + (<usize>min(whole, k + part) << 3)
      const tail = k + part >= whole ? partialStop : partial
      const more = add || k > 0
      let ai = a + batch * aBatch
      let ci = c + batch * cBatch + (<usize>first << 2)
      let i = 0
      for (; i + 2 <= rows; i += 2) {
        dotTile2(ai, aRow, w0, w1, w2, w3, full, stop, partial, tail, mask, ci, cRow, left, more)
        ai += 2 * aRow
        ci += 2 * cRow
      }
      if (i < rows) dotTile1(ai, aRow, w0, w1, w2, w3, full, stop, partial, tail, mask, ci, cRow, left, more)
      k += part
    } while (k < whole)
  }
}

function copyPanel(x: usize, xStep: usize, y: usize, depth: i32): void {
  for (let k = 0; k < depth; k++, x += xStep, y += 64) {
    v128.store(y, v128.load(x))
    v128.store(y, v128.load(x, 16), 16)
    v128.store(y, v128.load(x, 32), 32)
    v128.store(y, v128.load(x, 48), 48)
  }
}

function copyStrided(x: usize, step: usize, y: usize, count: i32): void {
  for (let k = 0; k < count; k++, x += step, y += 4) store<f32>(y, load<f32>(x))
}

/** Four runs along the depth, `xRun` apart, become four neighbours in every row of y. */
function transpose4(x: usize, xRun: usize, y: usize, yStep: usize, depth: i32): void {
  const x1 = x + xRun, x2 = x1 + xRun, x3 = x2 + xRun
  let at: usize = 0
  for (let k = 0; k + 4 <= depth; k += 4, at += 16, y += 4 * yStep) {
    write4(y, yStep, v128.load(x + at), v128.load(x1 + at), v128.load(x2 + at), v128.load(x3 + at))
  }
  for (let k = depth & ~3; k < depth; k++, at += 4, y += yStep) {
    store<f32>(y, load<f32>(x + at))
    store<f32>(y, load<f32>(x1 + at), 4)
    store<f32>(y, load<f32>(x2 + at), 8)
    store<f32>(y, load<f32>(x3 + at), 12)
  }
}

/** Four neighbours at every depth (a multiple of 4), `xStep` apart, become four rows of y. */
function transpose4Across(x: usize, xStep: usize, y: usize, yRow: usize, depth: i32): void {
  for (let k = 0; k < depth; k += 4, x += 4 * xStep, y += 16) {
    write4(y, yRow, v128.load(x), v128.load(x + xStep), v128.load(x + 2 * xStep), v128.load(x + 3 * xStep))
  }
}

/** Writes the transpose of four vectors to four places. */
@inline
export function write4(y: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(y, v128.shuffle<i64>(ab, cd, 0, 2))
  v128.store(y + step, v128.shuffle<i64>(ab, cd, 1, 3))
  v128.store(y + 2 * step, v128.shuffle<i64>(AB, CD, 0, 2))
  v128.store(y + 3 * step, v128.shuffle<i64>(AB, CD, 1, 3))
}
