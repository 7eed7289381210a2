import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { RuntimeError } from '../../src/core/errors.js'
import { scope } from '../../src/index.js'
import { NotThereYet } from './bindings.js'
import type { Errors } from './compare.js'
import { Family, type GoldenCase } from './data.js'
import { runnerFor } from './runners.js'

/**
 * Checks a folder of golden data: `npm run golden -- [FOLDER] [--only FAMILY] [--case NAME] [--verbose]`.
 * Prints per family the cases passed and failed and the largest error, and per norm family the ratio of our largest error against float64 to
 * PyTorch's own; ends with `N passed, N failed`.
 */

/** Families of later issues: listed by name, never counted as passed. */
const notThereYet = ['groupnorm', 'instancenorm', 'rmsnorm', 'lrn_normalize', 'weight_spectral_norm', 'recurrent', 'attention', 'tools']

interface Report {
  passed: number
  failed: { name: string; reason: string }[]
  later: Map<string, number>
  worst: number
  ratios: number[]
  closerThanStored: string[]
}

function runCase(family: Family, c: GoldenCase, report: Report): void {
  const errors: Errors = { worst: 0, accuracy: [], closerThanStored: report.closerThanStored }
  try {
    scope(() => runnerFor(family, c)(family, c, errors))
    report.passed++
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof NotThereYet) report.later.set(error.message, (report.later.get(error.message) ?? 0) + 1)
    else report.failed.push({ name: c.name, reason: error.name === 'Mismatch' ? error.message : `${error.name}: ${error.message}${verbose ? `\n${error.stack}` : ''}` })
  }
  report.worst = Math.max(report.worst, errors.worst)
  // A case's largest error against its own scale; below one rounding both are as good as exact.
  for (const { ours, torch } of errors.accuracy) if (ours > 0 && torch > 0 && Number.isFinite(ours)) report.ratios.push(ours / torch)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, case: { type: 'string' }, verbose: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
})
const { verbose } = values

function usage(): string {
  return 'Usage: npm run golden -- [FOLDER] [--only FAMILY[,FAMILY]] [--case NAME] [--verbose]\nChecks golden data in the format of test/golden/README.md (default folder: test/golden).'
}

function main(): number {
  if (values.help) {
    console.log(usage())
    return 0
  }
  const folder = resolve(positionals[0] ?? 'test/golden')
  if (!existsSync(folder)) throw new RuntimeError(`${folder}: no such folder`)
  const only = values.only?.split(',')
  const names = readdirSync(folder)
    .filter((f) => f.endsWith('.json') && existsSync(join(folder, f.replace(/json$/, 'safetensors'))))
    .map((f) => f.slice(0, -'.json'.length))
    .filter((f) => !only || only.includes(f))
  if (names.length === 0) throw new RuntimeError(`${folder}: no family found (NAME.json beside NAME.safetensors)`)
  const started = performance.now()
  let passed = 0
  let failed = 0
  const later: string[] = []
  const pad = (text: string | number, n: number) => String(text).padEnd(n)
  console.log(`${pad('family', 22)}${pad('passed', 8)}${pad('failed', 8)}${pad('largest error', 16)}error against float64, ours : torch's`)
  for (const name of names) {
    if (notThereYet.includes(name)) {
      later.push(name)
      continue
    }
    const family = new Family(folder, name)
    const report: Report = { passed: 0, failed: [], later: new Map(), worst: 0, ratios: [], closerThanStored: [] }
    for (const c of family.cases) if (!values.case || c.name === values.case) runCase(family, c, report)
    passed += report.passed
    failed += report.failed.length
    const mean = report.ratios.length > 0 ? `geometric mean ${Math.exp(report.ratios.reduce((s, r) => s + Math.log(r), 0) / report.ratios.length).toFixed(3)} over ${report.ratios.length} arrays` : ''
    console.log(`${pad(name, 22)}${pad(report.passed, 8)}${pad(report.failed.length, 8)}${pad(`${report.worst.toPrecision(3)} of 1`, 16)}${mean}`)
    for (const { name: caseName, reason } of report.failed.slice(0, verbose ? undefined : 20)) console.log(`  ${caseName}: ${reason}`)
    if (!verbose && report.failed.length > 20) console.log(`  ... and ${report.failed.length - 20} more (--verbose shows all)`)
    for (const line of report.closerThanStored) console.log(`  passed by exact arithmetic: ${line}`)
    for (const [what, n] of report.later) later.push(`${name}: ${n} cases of ${what}`)
  }
  if (later.length > 0) console.log(`Not there yet: ${later.join('; ')}`)
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
  console.log(`${passed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
}

try {
  process.exitCode = main()
} catch (error) {
  console.error(error instanceof Error ? `golden: ${error.message}` : error)
  process.exitCode = 2
}
