import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { RuntimeError } from '../../src/core/errors.js'
import { Family } from './data.js'
import { accuracyRatio, runFamily } from './report.js'

/**
 * Checks a folder of golden data: `npm run golden -- [FOLDER] [--only FAMILY] [--case NAME] [--verbose]`.
 * Prints per family the cases passed and failed and the largest error, and per norm family the ratio of our largest error against float64 to
 * PyTorch's own; ends with `N passed, N failed`.
 */

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
    const report = runFamily(new Family(folder, name), (c) => !values.case || c.name === values.case)
    passed += report.passed
    failed += report.failed.length
    const mean = report.ratios.length > 0 ? `geometric mean ${accuracyRatio(report).toFixed(3)} over ${report.ratios.length} arrays` : ''
    console.log(`${pad(name, 22)}${pad(report.passed, 8)}${pad(report.failed.length, 8)}${pad(`${report.worst.toPrecision(3)} of 1`, 16)}${mean}`)
    for (const { name: caseName, reason, stack } of report.failed.slice(0, verbose ? undefined : 20))
      console.log(`  ${caseName}: ${reason}${verbose ? `\n${stack}` : ''}`)
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
