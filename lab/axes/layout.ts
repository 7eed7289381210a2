import type { Block } from './block.js'
import { positionOf } from './block.js'

/** Where each cell lies: images are tiles of H x W with channels from left to right and samples from top to bottom. */
export interface Layout {
  width: number
  height: number
  x: Float64Array
  y: Float64Array
  labels: { text: string; x: number; y: number; end: boolean }[]
  /** Cells by row and column of the whole picture, for the arrow keys; -1 between tiles. */
  rows: number[][]
}

export const CELL = 40
const GAP = 14
const LEFT = 44
const TOP = 26

export function layoutOf(block: Block): Layout {
  const { shape, names } = block
  const count = block.groupOf.length
  const place = (cell: number): { row: number; column: number; tileRow: number; tileColumn: number } => {
    const at = positionOf(shape, cell)
    if (names.length === 4) return { tileRow: at[0], tileColumn: at[1], row: at[0] * shape[2] + at[2], column: at[1] * shape[3] + at[3] }
    if (names.length === 3) return { tileRow: 0, tileColumn: at[0], row: at[1], column: at[0] * shape[2] + at[2] }
    return { tileRow: 0, tileColumn: 0, row: at[0], column: at[1] }
  }
  const layout: Layout = { width: 0, height: 0, x: new Float64Array(count), y: new Float64Array(count), labels: [], rows: [] }
  for (let cell = 0; cell < count; cell++) {
    const { row, column, tileRow, tileColumn } = place(cell)
    layout.x[cell] = LEFT + column * CELL + tileColumn * GAP
    layout.y[cell] = TOP + row * CELL + tileRow * GAP
    layout.rows[row] ??= []
    layout.rows[row][column] = cell
    layout.width = Math.max(layout.width, layout.x[cell] + CELL + 4)
    layout.height = Math.max(layout.height, layout.y[cell] + CELL + 4)
  }
  const across = (letter: string, size: number, span: number, gap: number) => {
    for (let i = 0; i < size; i++) {
      layout.labels.push({ text: `${letter} ${i + 1}`, x: LEFT + i * (span * CELL + gap) + (span * CELL) / 2, y: TOP - 9, end: false })
    }
  }
  const down = (letter: string, size: number, span: number, gap: number) => {
    for (let i = 0; i < size; i++) {
      layout.labels.push({ text: `${letter} ${i + 1}`, x: LEFT - 10, y: TOP + i * (span * CELL + gap) + (span * CELL) / 2 + 5, end: true })
    }
  }
  if (names.length === 4) {
    across('C', shape[1], shape[3], GAP)
    down('N', shape[0], shape[2], GAP)
  } else if (names.length === 3) {
    across('N', shape[0], shape[2], GAP)
    down('L', shape[1], 1, 0)
  } else {
    across('C', shape[1], 1, 0)
    down('N', shape[0], 1, 0)
  }
  return layout
}

/** The edge of a group of cells: a line wherever a cell and its neighbour are not both in it. */
export function outline({ x, y, rows }: Layout, groupOf: Int32Array, wanted: (group: number) => boolean, inset = 0): string {
  const path: string[] = []
  for (const [r, row] of rows.entries()) {
    for (const [c, cell] of row.entries()) {
      if (cell === undefined || !wanted(groupOf[cell])) continue
      const joined = (other: number | undefined, dx: number, dy: number) =>
        other !== undefined &&
        groupOf[other] === groupOf[cell] &&
        Math.abs(x[other] - x[cell]) <= CELL * Math.abs(dx) + 0.5 &&
        Math.abs(y[other] - y[cell]) <= CELL * Math.abs(dy) + 0.5
      const [left, top, right, bottom] = [x[cell] + inset, y[cell] + inset, x[cell] + CELL - inset, y[cell] + CELL - inset]
      if (!joined(rows[r - 1]?.[c], 0, 1)) path.push(`M${left} ${top}H${right}`)
      if (!joined(rows[r + 1]?.[c], 0, 1)) path.push(`M${left} ${bottom}H${right}`)
      if (!joined(row[c - 1], 1, 0)) path.push(`M${left} ${top}V${bottom}`)
      if (!joined(row[c + 1], 1, 0)) path.push(`M${right} ${top}V${bottom}`)
    }
  }
  return path.join('')
}
