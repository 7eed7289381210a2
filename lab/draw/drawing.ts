import { type Chart, chart as drawChart } from '../../src/experiments/report/chart.js'
import { chartRows, csvOf, fileName, type Key, type Rows, standaloneSvg } from '../charts/export.js'
import type { OwnFile } from '../training/own.js'

/** A figure as files. */
export interface Drawing {
  /** A name for files, without an ending. */
  name: string
  svg: string
  csv: string
}

export interface DrawOptions {
  /** Of each run of the workbench and of the running averages. */
  steps: number
  signal: AbortSignal
  /** @param share of the whole, from 0 to 1 */
  onProgress: (share: number, text: string) => void
  /** Files of one's own, for an address that is of such. */
  own?: readonly OwnFile[]
}

export interface Drawn {
  drawings: Drawing[]
  /** What could not be taken as the address has it. */
  notes: string[]
}

export const drawing = (name: string, svg: string, { header, rows }: Rows, keys: readonly Key[] = []): Drawing => ({
  name: fileName(name),
  svg: standaloneSvg(svg, keys),
  csv: csvOf(header, rows),
})

export const chartDrawing = (name: string, chart: Chart): Drawing => drawing(name, drawChart(chart), chartRows(chart), chart.series)

/** Lets Ctrl-C in. @returns whether to go on */
export async function breath({ signal }: DrawOptions): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve))
  return !signal.aborted
}
