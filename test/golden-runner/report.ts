import { scope } from '../../src/index.js'
import { NotThereYet } from './bindings.js'
import type { Errors } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import { runnerFor } from './runners.js'

export interface Report {
  passed: number
  failed: { name: string; reason: string; stack: string }[]
  later: Map<string, number>
  worst: number
  ratios: number[]
  closerThanStored: string[]
}

function runCase(family: Family, c: GoldenCase, report: Report): void {
  const errors: Errors = { worst: 0, accuracy: [], closerThanStored: report.closerThanStored }
  try {
    scope(() => runnerFor(c)(family, c, errors))
    report.passed++
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof NotThereYet) report.later.set(error.message, (report.later.get(error.message) ?? 0) + 1)
    else report.failed.push({ name: c.name, reason: error.name === 'Mismatch' ? error.message : `${error.name}: ${error.message}`, stack: error.stack ?? '' })
  }
  report.worst = Math.max(report.worst, errors.worst)
  // A case's largest error against its own scale; below one rounding both are as good as exact.
  for (const { ours, torch } of errors.accuracy) if (ours > 0 && torch > 0 && Number.isFinite(ours)) report.ratios.push(ours / torch)
}

/** Runs every case of a family, or those that `select` picks. */
export function runFamily(family: Family, select: (c: GoldenCase) => boolean = () => true): Report {
  const report: Report = { passed: 0, failed: [], later: new Map(), worst: 0, ratios: [], closerThanStored: [] }
  for (const c of family.cases) if (select(c)) runCase(family, c, report)
  return report
}

/** The geometric mean of our largest errors against float64 over PyTorch's own; NaN where the data have none. */
export const accuracyRatio = ({ ratios }: Report): number => Math.exp(ratios.reduce((s, r) => s + Math.log(r), 0) / ratios.length)
