// npm test: sets up what is missing, runs every check, and only then sums up, so that one failure does not hide another.
//   npm test                every check;  with --all or CI=true also under Node 22 and 24
//   npm test -- PATH ...    any argument goes to vitest, which then runs the Node tests alone: npm test -- test/nn -t 'batch norm'

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureChromium } from './chromium.mjs'
import { capture, ensureDependencies, root, say, setUp } from './setup.mjs'

const all = process.argv.includes('--all') || (process.env.CI ?? 'false') !== 'false'
const filter = process.argv.slice(2).filter((argument) => argument !== '--all')
const tool = (path) => join('node_modules', path)

/** @typedef {{ passed: number, failed: number }} Count */

/** A command that counts as one check, and shows its output only where it fails. */
async function command(path, ...args) {
  const { status, output } = await capture(process.execPath, [tool(path), ...args])
  if (status !== 0) process.stdout.write(`${output.trimEnd()}\n`)
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** One vitest project, counted test by test from vitest's own report. */
async function vitest(project, args = [], env = {}) {
  const report = join(root, '.cache', `vitest-${project}.json`)
  mkdirSync(join(root, '.cache'), { recursive: true })
  rmSync(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const child = spawn(process.execPath, [tool('vitest/vitest.mjs'), 'run', '--project', project, ...reporters, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), ...env },
  })
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (!existsSync(report)) throw new Error(`vitest ended with ${status} and left no report.`)
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not even be loaded has no tests to count.
  const broken = testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')).length
  const skipped = args.length > 0 ? 0 : numPendingTests + numTodoTests
  if (skipped > 0) say(`${skipped} tests of "${project}" were skipped; a skipped test counts as failed.`)
  const failed = numFailedTests + broken + skipped
  if (failed === 0 && numPassedTests === 0) throw new Error('no test ran.')
  // Status 1 with no failed test: an error outside any test, such as a promise rejected after its test had ended.
  return { passed: numPassedTests, failed: failed || (status === 0 ? 0 : 1) }
}

/** @type {Record<string, () => Promise<Count>>} */
const everything = {
  'format and lint': () => command('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '--colors=off'),
  types: () => command('typescript/bin/tsc', '--noEmit'),
  // The benchmark's types are those of the libraries that it compares with, a download of their own.
  ...(all && {
    "the benchmark's types": async () => {
      await ensureDependencies(join(root, 'bench'))
      return command('typescript/bin/tsc', '--noEmit', '-p', 'bench')
    },
  }),
  'import directions': () => command('dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.mjs', ...sources()),
  'tests in Node': () => vitest('node'),
  'tests in Chromium': async () => vitest('browser', [], { CHROMIUM_PATH: await ensureChromium(say) }),
  'the lab in Chromium': async () => vitest('lab', [], { CHROMIUM_PATH: await ensureChromium(say) }),
  package: () => vitest('package', [], { EVENKEEL_ALL_NODES: all ? '1' : '' }),
}
const checks = filter.length > 0 ? { tests: () => vitest('node', filter) } : everything

function sources() {
  return ['src', 'lab', 'test', 'bench', 'examples'].filter((folder) => existsSync(join(root, folder)))
}

const total = { passed: 0, failed: 0 }
const failures = []
async function count(name, check) {
  const start = performance.now()
  let result
  try {
    result = await check()
  } catch (error) {
    console.log(error.message)
    result = { passed: 0, failed: 1 }
  }
  total.passed += result.passed
  total.failed += result.failed
  if (result.failed > 0) failures.push(name)
  console.log(`${result.failed > 0 ? 'FAILED' : 'ok'}  ${name}  (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  return result.failed === 0
}

const ready = await count('set-up', async () => {
  await setUp()
  return { passed: 1, failed: 0 }
})
// Without dependencies no check can run; with sources that don't compile most still tell something.
if (ready || existsSync(join(root, 'node_modules/vitest'))) for (const [name, check] of Object.entries(checks)) await count(name, check)

if (failures.length > 0) console.log(`\nfailed: ${failures.join(', ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed > 0 ? 1 : 0
