import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Row } from './run.js'
import type { Workload } from './workload.js'

/** The rows of a report that was interrupted, so that the next one goes on where it ended. */

const path = new URL('../.cache/benchmark.json', import.meta.url)
const HOUR_MS = 3_600_000

interface Unfinished {
  /** What the rows depend on; others don't belong together. */
  key: string
  at: number
  rows: (Omit<Row, 'workload'> & { name: string })[]
}

/** Rows measured under the same conditions within the last hour. */
export function unfinishedRows(key: string, workloads: readonly Workload[]): Row[] {
  let saved: Unfinished
  try {
    saved = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return []
  }
  if (saved.key !== key || Date.now() - saved.at > HOUR_MS) return []
  return saved.rows.flatMap(({ name, ...row }) => workloads.filter((w) => w.name === name).map((workload) => ({ ...row, workload })))
}

export function saveUnfinished(key: string, rows: readonly Row[]): void {
  mkdirSync(new URL('./', path), { recursive: true })
  const saved: Unfinished = { key, at: Date.now(), rows: rows.map(({ workload, ...row }) => ({ ...row, name: workload.name })) }
  writeFileSync(path, JSON.stringify(saved))
}

export const forgetUnfinished = (): void => rmSync(path, { force: true })
