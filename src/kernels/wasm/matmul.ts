import { allocator } from '../../core/allocator.js'
import type { Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { copies } from './copy.js'
import { elementwise } from './elementwise.js'
import { activationCode } from './epilogue.js'
import { launch, withScratch } from './launch.js'
import { address, isFloat32 } from './views.js'

/** One product of matrices, or a batch of them, of float32. Addresses and strides in bytes; a batch stride of 0 shares the operand. */
export interface Product {
  batches: number
  rows: number
  columns: number
  depth: number
  a: number
  aBatch: number
  aRow: number
  aDepth: number
  w: number
  wBatch: number
  wDepth: number
  wColumn: number
  c: number
  cBatch: number
  cRow: number
  /** What c starts from: c itself, or rows whose elements lie side by side; nothing where 0. */
  start?: number
  startBatch?: number
  startRow?: number
  /** Then y = activation(c), with c's strides, by the code of epilogue.ts; 0 for none. */
  y?: number
  activation?: number
  params?: readonly number[]
}

/** Up to so many rows, packing w costs more than it saves. */
const FEW_ROWS = 16
/** Up to so many rows, sums across lanes cost less than packing a transposed w. */
const DOT_ROWS = 8
/** Bytes to pack operands into, at most but for very deep products: what caches hold, and a bound on the memory that a product takes. */
const WORKSPACE = 4 * 2 ** 20

const PANEL = 16
const BLOCK_ROWS = 64
const BLOCK_COLUMNS = 256

/** Whether `multiplyByDots` is faster. */
const isByDots = (p: Product): boolean => p.rows <= DOT_ROWS && p.wColumn !== 4 && isSideBySide(p.wDepth, p) && isSideBySide(p.aDepth, p)

/** c = start + a w, by the kernel that suits. */
export function multiply(product: Product): void {
  const p = simplified(product)
  if (isByDots(p)) multiplyByDots(p)
  else multiplyByPanels(p)
}

const isSideBySide = (depthStride: number, p: Product): boolean => depthStride === 4 || p.depth === 1

/** The same product with fewer batches or as a row, where there is one. */
function simplified(p: Product): Product {
  if (p.columns === 1 && p.rows > 1 && p.cRow === 4) {
    // A column as c is a row as c^T = w^T a^T, and rows are what vectors fill.
    const { a, aBatch, aRow, aDepth, w, wBatch, wDepth, wColumn } = p
    return { ...p, rows: 1, columns: p.rows, a: w, aBatch: wBatch, aRow: wColumn, aDepth: wDepth, w: a, wBatch: aBatch, wDepth: aDepth, wColumn: aRow }
  }
  const startsFromRows = !p.start || p.startBatch === p.rows * (p.startRow ?? 0)
  const isOneMatrix = p.wBatch === 0 && p.aBatch === p.rows * p.aRow && p.cBatch === p.rows * p.cRow && startsFromRows
  return isOneMatrix ? { ...p, rows: p.batches * p.rows, batches: 1 } : p
}

function multiplyByPanels(p: Product): void {
  const packA = !isSideBySide(p.aDepth, p)
  const packW = p.wColumn !== 4 || p.rows > FEW_ROWS
  const rowBytes = p.depth * 4
  const panelBytes = rowBytes * PANEL
  const panels = Math.ceil(p.columns / PANEL)
  // Passes over batches, columns and rows keep the packed operands within the workspace.
  const panelsAtOnce = packW ? fitting(panels, panelBytes, 1) : panels
  const rowsAtOnce = packA ? fitting(p.rows, rowBytes, BLOCK_ROWS) : p.rows
  const wBytes = packW ? panelsAtOnce * panelBytes : 0
  const aBytes = packA ? rowsAtOnce * rowBytes : 0
  if (wBytes + aBytes === 0) {
    launchGemm(p, p.w, p.wBatch, 64, p.wDepth)
    return
  }
  const batchesAtOnce = panelsAtOnce === panels && rowsAtOnce === p.rows ? fitting(p.batches, wBytes + aBytes, 1) : 1
  withScratch('matmul', batchesAtOnce * (wBytes + aBytes), (packedW) => {
    const packedA = packedW + batchesAtOnce * wBytes
    for (let batch = 0; batch < p.batches; batch += batchesAtOnce) {
      const batches = Math.min(batchesAtOnce, p.batches - batch)
      for (let column = 0; column < p.columns; column += panelsAtOnce * PANEL) {
        const columns = Math.min(panelsAtOnce * PANEL, p.columns - column)
        const w = p.w + batch * p.wBatch + column * p.wColumn
        const passPanels = Math.ceil(columns / PANEL)
        if (packW) launch('packPanels', (p.wBatch === 0 ? 1 : batches) * passPanels, w, p.wBatch, p.wDepth, p.wColumn, columns, p.depth, packedW)
        for (let row = 0; row < p.rows; row += rowsAtOnce) {
          const rows = Math.min(rowsAtOnce, p.rows - row)
          const at = batch * p.cBatch + row * p.cRow + column * 4
          const start = p.start && p.start + batch * (p.startBatch ?? 0) + row * (p.startRow ?? 0) + column * 4
          const pass = { ...p, batches, rows, columns, a: p.a + batch * p.aBatch + row * p.aRow, c: p.c + at, start, y: (p.y ?? 0) + at }
          if (packA) {
            launch('packRows', (p.aBatch === 0 ? 1 : batches) * Math.ceil(rows / 16), pass.a, p.aBatch, p.aRow, p.aDepth, rows, p.depth, packedA)
            pass.a = packedA
            pass.aRow = rowBytes
            pass.aBatch = p.aBatch === 0 ? 0 : rows * rowBytes
          }
          if (packW) launchGemm(pass, packedW, p.wBatch === 0 ? 0 : passPanels * panelBytes, panelBytes, 64)
          else launchGemm(pass, w, p.wBatch, 64, p.wDepth)
        }
      }
    }
  })
}

/** How many of `wanted` things fit into the workspace together, at least `least`. */
const fitting = (wanted: number, bytes: number, least: number): number => Math.min(wanted, Math.max(least, Math.floor(WORKSPACE / bytes)))

/** w as `gemm` reads it: 16 columns side by side, panels `wPanel` bytes apart and their rows `wStep`. */
function launchGemm(p: Product, w: number, wBatch: number, wPanel: number, wStep: number): void {
  const blocks = p.batches * Math.ceil(p.rows / BLOCK_ROWS) * Math.ceil(p.columns / BLOCK_COLUMNS)
  const { rows, columns, depth, start = 0, startBatch = 0, startRow = 0, y = 0, activation = 0, params: [e = 0, f = 0, g = 0] = [] } = p
  const operands = [p.a, p.aBatch, p.aRow, w, wBatch, wPanel, wStep, p.c, p.cBatch, p.cRow] as const
  launch('gemm', blocks, ...operands, rows, columns, depth, start, startBatch, startRow, y, activation, e, f, g)
}

/** The table of gemmDot: as it steps through the depth, in vectors, of both operands alike. */
export function dotTable(table: number, words: number): void {
  const at = new Uint32Array(allocator().memory.buffer, table, words)
  for (let i = 0; i < words; i++) at[i] = (i >> 1) * 16
}

/** For rows of a and columns of w that both lie along the depth: no packing, but sums across lanes. It starts from c or nothing, and has no activation. */
function multiplyByDots(p: Product): void {
  const entries = Math.ceil(p.depth / 4)
  withScratch('matmul', entries * 8, (table) => {
    dotTable(table, 2 * entries)
    const blocks = p.batches * Math.ceil(p.columns / 4)
    const operands = [p.a, p.aBatch, p.aRow, p.w, p.wBatch, p.wColumn, p.c, p.cBatch, p.cRow] as const
    launch('gemmDot', blocks, ...operands, p.rows, p.columns, p.depth, Boolean(p.start), table)
  })
}

const areFloat32 = (...views: (View | null | undefined)[]): boolean => views.every((view) => !view || isFloat32(view))

export const matmul: Pick<Kernels, 'matmul'> = {
  matmul(x, w, out, start = null, activated = null) {
    if (!areFloat32(x, w, out, start, activated?.y)) return reference.matmul(x, w, out, start, activated)
    const [batches, rows, depth] = x.shape
    const columns = w.shape[2]
    if (batches * rows * columns === 0) return
    if (depth === 0) {
      if (start) copies.copy(start, out)
      else copies.fill(out, 0)
    } else {
      const cRow = columns * 4
      const product: Product = {
        batches,
        rows,
        columns,
        depth,
        a: address(x),
        aBatch: x.strides[0] * 4,
        aRow: x.strides[1] * 4,
        aDepth: x.strides[2] * 4,
        w: address(w),
        wBatch: w.strides[0] * 4,
        wDepth: w.strides[1] * 4,
        wColumn: w.strides[2] * 4,
        c: address(out),
        cBatch: rows * cRow,
        cRow,
        ...(start && { start: address(start), startBatch: start.strides[0] * 4, startRow: start.strides[1] * 4 }),
      }
      const byDots = isByDots(simplified(product))
      if (start && (byDots || start.strides[2] !== 1 || columns === 1)) {
        if (start !== out) copies.copy(start, out)
        Object.assign(product, { start: product.c, startBatch: product.cBatch, startRow: cRow })
      }
      const activation = activated && !byDots ? activationCode(activated.op) : 0
      multiply(activated && activation > 0 ? { ...product, y: address(activated.y), activation, params: activated.params } : product)
      if (activation > 0) return
    }
    if (activated) elementwise.unary(activated.op, out, activated.y, activated.params)
  },
}
