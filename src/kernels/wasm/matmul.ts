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
  /** Whether c is one matrix, start and the sum of the batch's products, rather than each of them. */
  summed?: boolean
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
  /** What c starts from: c itself, or rows whose elements lie side by side, or with startColumn 0 a column for all; nothing where 0. */
  start?: number
  startBatch?: number
  startRow?: number
  startColumn?: 0
  /** Then y = activation(c), with c's strides, by the code of epilogue.ts; 0 for none. */
  y?: number
  activation?: number
  params?: readonly number[]
}

/** Up to so many rows, packing w costs more than it saves; more where its rows lie in few sets of the cache, on top of each other. */
const FEW_ROWS = 128
const FEW_CROWDED_ROWS = 16
/** Up to so many rows, sums across lanes cost less than packing a transposed w. */
const DOT_ROWS = 8
/** Bytes to pack operands into, at most but for very deep products: what caches hold, and a bound on the memory that a product takes. */
const WORKSPACE = 4 * 2 ** 20

const PANEL = 16
const BLOCK_ROWS = 64
/** Bytes of w that serve all rows before the next ones: what a second-level cache keeps, but a block has 8 to 16 panels. */
const BLOCK_BYTES = 2 ** 19
/** Blocks to have at least, for the threads, of so many products at least. */
const ENOUGH_BLOCKS = 8
const ENOUGH_PRODUCTS = 2 ** 18

/** Whether `multiplyByDots` is faster. */
const isByDots = (p: Product): boolean => {
  return p.rows <= DOT_ROWS && p.wColumn !== 4 && !p.summed && isSideBySide(p.wDepth, p) && isSideBySide(p.aDepth, p)
}

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
  const isOneMatrix =
    !p.summed && p.startColumn === undefined && p.wBatch === 0 && p.aBatch === p.rows * p.aRow && p.cBatch === p.rows * p.cRow && startsFromRows
  return isOneMatrix ? { ...p, rows: p.batches * p.rows, batches: 1 } : p
}

function multiplyByPanels(p: Product): void {
  const packA = !isSideBySide(p.aDepth, p)
  const isCrowded = p.wDepth % 512 === 0 && p.depth > 16
  const packW = p.wColumn !== 4 || p.rows > (isCrowded ? FEW_CROWDED_ROWS : FEW_ROWS)
  const panelBytes = p.depth * PANEL * 4
  const panels = Math.ceil(p.columns / PANEL)
  const aPanels = Math.ceil(p.rows / PANEL)
  // Passes over batches, columns and rows keep the packed operands within the workspace.
  const panelsAtOnce = packW ? fitting(panels, panelBytes, 1) : panels
  const aPanelsAtOnce = packA ? fitting(aPanels, panelBytes, BLOCK_ROWS / PANEL) : aPanels
  const wBytes = packW ? panelsAtOnce * panelBytes : 0
  const aBytes = packA ? aPanelsAtOnce * panelBytes : 0
  // Strides along a depth of 1 may be anything.
  const unpacked = { aPanel: PANEL * p.aRow, aDepth: 4, wPanel: PANEL * p.wColumn }
  if (wBytes + aBytes === 0) {
    launchGemm({ ...p, ...unpacked })
    return
  }
  const batchesAtOnce = panelsAtOnce === panels && aPanelsAtOnce === aPanels ? fitting(p.batches, wBytes + aBytes, 1) : 1
  withScratch('matmul', batchesAtOnce * (wBytes + aBytes), (packedW) => {
    const packedA = packedW + batchesAtOnce * wBytes
    for (let batch = 0; batch < p.batches; batch += batchesAtOnce) {
      const batches = Math.min(batchesAtOnce, p.batches - batch)
      const isMore = p.summed === true && batch > 0
      const source = isMore ? { start: p.c, startBatch: 0, startRow: p.cRow, startColumn: undefined } : p
      const cBatch = p.summed ? 0 : batch * p.cBatch
      for (let column = 0; column < p.columns; column += panelsAtOnce * PANEL) {
        const columns = Math.min(panelsAtOnce * PANEL, p.columns - column)
        const w = p.w + batch * p.wBatch + column * p.wColumn
        const ofW = packW ? packed(p.wBatch === 0 ? 1 : batches, w, p.wBatch, p.wDepth, p.wColumn, columns, p.depth, packedW) : 0
        for (let row = 0; row < p.rows; row += aPanelsAtOnce * PANEL) {
          const rows = Math.min(aPanelsAtOnce * PANEL, p.rows - row)
          const at = cBatch + row * p.cRow + column * 4
          const { startBatch = 0, startRow = 0, startColumn = 4 } = source
          const start = source.start && source.start + batch * startBatch + row * startRow + column * startColumn
          const pass: PanelProduct = { ...p, ...source, ...unpacked, batches, rows, columns, w, a: p.a + batch * p.aBatch + row * p.aRow, c: p.c + at, start }
          if (p.y) pass.y = p.y + at
          if (packA) {
            const aBatch = packed(p.aBatch === 0 ? 1 : batches, pass.a, p.aBatch, p.aDepth, p.aRow, rows, p.depth, packedA)
            Object.assign(pass, { a: packedA, aBatch: p.aBatch && aBatch, aPanel: panelBytes, aRow: 4, aDepth: 64 })
          }
          if (packW) Object.assign(pass, { w: packedW, wBatch: p.wBatch && ofW, wPanel: panelBytes, wDepth: 64 })
          launchGemm(pass)
        }
      }
    }
  })
}

/** Packs matrices of `depth` rows of w, or as many columns of a, into panels at `to`. @returns the bytes of one */
function packed(batches: number, x: number, batch: number, depthStride: number, stride: number, count: number, depth: number, to: number): number {
  const panels = Math.ceil(count / PANEL)
  launch('packPanels', batches * panels, x, batch, depthStride, stride, count, depth, to)
  return panels * PANEL * depth * 4
}

/** How many of `wanted` things fit into the workspace together, at least `least`. */
const fitting = (wanted: number, bytes: number, least: number): number => Math.min(wanted, Math.max(least, Math.floor(WORKSPACE / bytes)))

/** Operands as `gemm` reads them: panels of 16 rows of a and of 16 columns of w, and the elements of both within a panel. */
interface PanelProduct extends Product {
  aPanel: number
  wPanel: number
}

function launchGemm(p: PanelProduct): void {
  const { rows, columns, depth, start = 0, startBatch = 0, startRow = 0, startColumn = 4, y = 0, activation = 0, params: [e = 0, f = 0, g = 0] = [] } = p
  const [batches, terms] = p.summed ? [1, p.batches] : [p.batches, 1]
  const [blockRows, blockPanels] = blockOf(batches, rows, columns, depth * terms)
  const blocks = batches * Math.ceil(rows / blockRows) * Math.ceil(columns / (blockPanels * PANEL))
  const operands = [p.a, p.aBatch, p.aPanel, p.aRow, p.aDepth, p.w, p.wBatch, p.wPanel, p.wDepth, p.c, p.cBatch, p.cRow] as const
  const from = [start, startBatch, startRow, startColumn] as const
  launch('gemm', blocks, ...operands, rows, columns, depth, terms, ...from, y, activation, e, f, g, blockRows, blockPanels)
}

/** Rows, a multiple of 16, and panels of a block of c. What c's elements are does not depend on it. */
function blockOf(batches: number, rows: number, columns: number, depth: number): [rows: number, panels: number] {
  let blockRows = Math.min(BLOCK_ROWS, Math.ceil(rows / PANEL) * PANEL)
  let panels = Math.min(Math.ceil(columns / PANEL), Math.max(8, Math.min(16, Math.floor(BLOCK_BYTES / (depth * PANEL * 4)))))
  const blocks = () => batches * Math.ceil(rows / blockRows) * Math.ceil(columns / (panels * PANEL))
  while (blocks() < ENOUGH_BLOCKS && blockRows * panels * PANEL * depth >= 2 * ENOUGH_PRODUCTS && (blockRows > PANEL || panels > 1)) {
    if (panels * PANEL >= blockRows) panels = Math.ceil(panels / 2)
    else blockRows = Math.ceil(blockRows / 2 / PANEL) * PANEL
  }
  return [blockRows, panels]
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
