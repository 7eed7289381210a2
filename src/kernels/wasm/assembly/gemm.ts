/**
 * Matrix product: c[b] = start[b] + a[b] w[b], float32, accumulated in float32 over at most DEPTH products, then block by block into c.
 *
 * `gemm` wants 16 columns of w side by side in every row: either w itself, or panels that `packPanels` made of it. Of a it wants elements of a row
 * near each other: rows as they lie (elements 4 apart, panels 16 rows), or the same panels of 16 rows (elements 64 apart, rows 4). `gemmDot` takes
 * a's rows and w's columns as they lie when both are side by side along the depth, and few: no packing, but a sum across lanes for every element.
 * Strides are in bytes. Shapes: a [M, K], w [K, N], c [M, N]; batches share an operand whose batch stride is 0. No alignment is asked for.
 * Tails: rows in pairs, then one; columns in 16s, the last panel is read whole (see tiles.ts) and stored in part.
 */
import { activate } from './epilogue'
import { dotTile1, dotTile2, gemmTile1, gemmTile2 } from './tiles'
import { DEPTH, laneMask } from './vectors'

const PANEL: i32 = 16

/**
 * c = start + a w of single matrices. What c starts from may be c itself, a row for all (startRow 0), a column for all (startStep 0, otherwise 4), or
 * nothing (0).
 */
export function product(
  a: usize, aPanel: usize, aRow: usize, aStep: usize,
  w: usize, wPanel: usize, wStep: usize,
  c: usize, cRow: usize,
  rows: i32, columns: i32, depth: i32, start: usize, startRow: usize, startStep: usize,
): void {
  const parts = max(1, (depth + DEPTH - 1) / DEPTH)
  const part = (depth + parts - 1) / parts
  let k = 0
  do {
    const count = min(part, depth - k)
    const step: usize = start ? 2 * startRow : 0
    for (let j = 0; j < columns; j += PANEL) {
      const left = columns - j
      let ap = a + <usize>k * aStep
      let ci = c + (<usize>j << 2)
      let si = start ? start + <usize>j * startStep : 0
      for (let first = 0; first < rows; first += PANEL, ap += aPanel) {
        const last = min(rows, first + PANEL)
        let ai = ap
        let i = first
        for (; i + 2 <= last; i += 2) {
          gemmTile2(ai, aRow, aStep, w, wStep, count, ci, cRow, si, startRow, startStep, left)
          ai += 2 * aRow
          ci += 2 * cRow
          si += step
        }
        if (i < last) gemmTile1(ai, aRow, aStep, w, wStep, count, ci, cRow, si, startRow, startStep, left)
      }
      w += wPanel
    }
    w += <usize>count * wStep - <usize>((columns + PANEL - 1) / PANEL) * wPanel
    start = c
    startRow = cRow
    startStep = 4
    k += part
  } while (k < depth)
}

/**
 * c[b] = start[b] + a[b] w[b], or c = start + sum_t a[t] w[t] over `terms`, which lie as far apart as batches would. A block is `blockRows` (a multiple of
 * 16) by `blockPanels` of c; the next one has the next rows, and so the same panels, which a second-level cache keeps. With an activation
 * (epilogue.ts), y = activation(c), block by block; y has c's strides and may be c.
 */
export function gemm(
  a: usize, aBatch: usize, aPanel: usize, aRow: usize, aStep: usize,
  w: usize, wBatch: usize, wPanel: usize, wStep: usize,
  c: usize, cBatch: usize, cRow: usize,
  rows: i32, columns: i32, depth: i32, terms: i32, start: usize, startBatch: usize, startRow: usize, startStep: usize,
  y: usize, activation: i32, p: f32, q: f32, r: f32, blockRows: i32, blockPanels: i32,
  begin: i32, end: i32,
): void {
  const blockColumns = blockPanels * PANEL
  const columnBlocks = (columns + blockColumns - 1) / blockColumns
  const rowBlocks = (rows + blockRows - 1) / blockRows
  // All blocks take a term before the next one, which then comes from further away.
  for (let term = 0; term < terms; term++, a += aBatch, w += wBatch) {
    for (let block = begin; block < end; block++) {
      const firstRow = (block % rowBlocks) * blockRows
      const rest = block / rowBlocks
      const firstColumn = (rest % columnBlocks) * blockColumns
      const batch = <usize>(rest / columnBlocks)
      const height = min(rows - firstRow, blockRows)
      const width = min(columns - firstColumn, blockColumns)
      const at = batch * cBatch + <usize>firstRow * cRow + (<usize>firstColumn << 2)
      const ai = a + batch * aBatch + <usize>(firstRow / PANEL) * aPanel
      const wi = w + batch * wBatch + <usize>(firstColumn / PANEL) * wPanel
      if (term > 0) product(ai, aPanel, aRow, aStep, wi, wPanel, wStep, c + at, cRow, height, width, depth, c + at, cRow, 4)
      else {
        const from = start ? start + batch * startBatch + <usize>firstRow * startRow + <usize>firstColumn * startStep : 0
        product(ai, aPanel, aRow, aStep, wi, wPanel, wStep, c + at, cRow, height, width, depth, from, startRow, startStep)
      }
      if (!activation || term < terms - 1) continue
      for (let i = at, stop = at + <usize>height * cRow; i < stop; i += cRow) activate(activation, c + i, y + i, p, q, r, width)
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
      transpose16(from, wColumn, to, depth)
    } else {
      for (let j = 0; j < PANEL; j++) {
        let x = from + <usize>min(j, count - 1) * wColumn
        let y = to + (<usize>j << 2)
        for (let k = 0; k < depth; k++, x += wDepth, y += 64) store<f32>(y, load<f32>(x))
      }
    }
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

/** Sixteen runs along the depth, `xRun` apart, become a panel. */
function transpose16(x: usize, xRun: usize, y: usize, depth: i32): void {
  let k = 0
  for (; k + 4 <= depth; k += 4, x += 16, y += 256) {
    let run = x
    for (let to = y; to < y + 64; to += 16, run += 4 * xRun) {
      write4(to, 64, v128.load(run), v128.load(run + xRun), v128.load(run + 2 * xRun), v128.load(run + 3 * xRun))
    }
  }
  for (; k < depth; k++, x += 4) {
    let run = x
    for (let to = y; y < to + 64; y += 4, run += xRun) store<f32>(y, load<f32>(run))
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
