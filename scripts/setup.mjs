// Sets up what a fresh clone lacks: dependencies, kernels, dist. Plain Node built-ins only, since it runs before there are dependencies.
// Whether something is up to date is decided by content, never by time stamps: git sets those to the time of the checkout.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, '.cache')
const wasm = 'src/kernels/wasm/evenkeel.wasm'

/** Progress goes to stderr, so that the output of the command itself stays clean. */
export const say = (line) => process.stderr.write(`evenkeel: ${line}\n`)

/** What programs that run from the sources need. */
export async function setUpSources() {
  if (Number.parseInt(process.versions.node, 10) < 20) throw new Error(`Node 20 or newer is needed, this is ${process.version}.`)
  await ensureDependencies()
  await ensureBuilt(kernels)
}

/** All there is to set up. */
export async function setUp() {
  await setUpSources()
  await ensureBuilt(dist)
  await ensureBuilt(lab)
}

/** For a script that can do nothing without it: ends the process with a message where a step fails. */
export async function orExit(...steps) {
  try {
    for (const step of steps) await step()
  } catch (error) {
    say(error.message)
    process.exit(1)
  }
}

/** Installs what the lockfile of a folder names, unless that is what lies there. */
export async function ensureDependencies(folder = root) {
  if (dependenciesInPlace(folder)) return
  await underLock(async () => {
    if (dependenciesInPlace(folder)) return
    // No dependency needs its install script: the binaries of esbuild, biome and rolldown are packages of their own.
    await npm(`installing dependencies${folder === root ? '' : ` in ${relative(root, folder)}`}`, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
  })
}

/** Compares the lockfile with the one npm leaves in node_modules when an installation is complete. */
function dependenciesInPlace(folder) {
  const installedLock = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(installedLock)) return false
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true
    const found = installed[path]
    return found ? found.version === version : optional || devOptional
  })
}

/**
 * A build step: `inputs` and `outputs` list files, `build` makes the second from the first.
 * @typedef {{ name: string, inputs: () => string[], outputs: () => string[], build: () => Promise<void> }} Step
 */

/** @type {Step} */
const kernels = {
  name: 'kernels',
  inputs: () => ['scripts/build-kernels.mjs', 'node_modules/assemblyscript/package.json', ...filesUnder('src/kernels/wasm/assembly')],
  outputs: () => [wasm, 'src/kernels/wasm/binary.ts'],
  build: () => run('building the kernels', process.execPath, ['scripts/build-kernels.mjs']),
}

/** @type {Step} */
const dist = {
  name: 'dist',
  inputs: () => [
    'tsconfig.json',
    'tsconfig.build.json',
    'node_modules/typescript/package.json',
    'node_modules/esbuild/package.json',
    'node_modules/fast-png/package.json',
    'scripts/setup.mjs',
    'scripts/bundle-node.mjs',
    'scripts/bundle-png.mjs',
    'scripts/notices.mjs',
    wasm,
    ...filesUnder('src').filter((path) => path.endsWith('.ts') && !path.includes('/assembly/')),
  ],
  outputs: () => ['dist/index.js', ...filesUnder('dist').filter((path) => !path.startsWith('dist/lab/'))],
  async build() {
    // Compiled beside dist and moved there when complete, so that no half-built or outdated file can be imported.
    const fresh = join(cache, 'dist')
    rmSync(fresh, { recursive: true, force: true })
    await run('compiling the sources', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh])
    copyFileSync(join(root, wasm), join(fresh, relative('src', wasm)))
    await run('bundling the decoder of PNG', process.execPath, ['scripts/bundle-png.mjs', join(fresh, 'cli/png.js')])
    await run('bundling for Node', process.execPath, ['scripts/bundle-node.mjs', fresh])
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    renameSync(fresh, join(root, 'dist'))
  },
}

/** @type {Step} */
const lab = {
  name: 'lab',
  inputs: () => [
    'scripts/build-lab.mjs',
    'scripts/notices.mjs',
    'node_modules/fast-png/package.json',
    'node_modules/esbuild/package.json',
    'node_modules/preact/package.json',
    'node_modules/@preact/signals/package.json',
    'src/kernels/wasm/binary.ts',
    ...filesUnder('lab'),
    ...filesUnder('src').filter((path) => path.endsWith('.ts') && !path.includes('/assembly/')),
  ],
  outputs: () => ['dist/lab/index.html', ...filesUnder('dist/lab')],
  async build() {
    const fresh = join(cache, 'lab')
    rmSync(fresh, { recursive: true, force: true })
    mkdirSync(fresh, { recursive: true })
    await run('bundling the lab', process.execPath, ['scripts/build-lab.mjs', fresh])
    rmSync(join(root, 'dist/lab'), { recursive: true, force: true })
    renameSync(fresh, join(root, 'dist/lab'))
  },
}

async function ensureBuilt(step) {
  const stamp = join(cache, `${step.name}.json`)
  const inPlace = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === JSON.stringify({ inputs: hash(step.inputs()), outputs: hash(step.outputs()) })
  if (inPlace()) return
  await underLock(async () => {
    if (inPlace()) return
    const inputs = hash(step.inputs())
    await step.build()
    writeFileSync(stamp, JSON.stringify({ inputs, outputs: hash(step.outputs()) }))
  })
}

/** All files under a folder of the repository, as sorted paths from its root. */
function filesUnder(folder) {
  const path = join(root, folder)
  if (!existsSync(path)) return []
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/')).sort()
}

/** One hash over names and contents; a missing file counts as such. */
function hash(files) {
  const sum = createHash('sha256')
  for (const file of files) {
    const path = join(root, file)
    sum.update(`\0${file}\0`).update(existsSync(path) ? readFileSync(path) : 'missing')
  }
  return sum.digest('hex')
}

/** Lets one process at a time set up: two terminals on a fresh clone would otherwise install over each other. */
async function underLock(work) {
  const lock = join(cache, 'setup.pid')
  mkdirSync(cache, { recursive: true })
  for (let told = false; ; told = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isRunning(Number(readFileSync(lock, { encoding: 'utf8', flag: 'a+' })))) rmSync(lock, { force: true })
    else {
      if (!told) say('waiting for another process that is setting up')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return pid > 0
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Runs npm, the one that started this script where there is one. */
export function npm(what, args, folder = root) {
  const path = process.env.npm_execpath
  if (path?.endsWith('npm-cli.js')) return run(what, process.execPath, [path, ...args], { cwd: folder })
  return run(what, 'npm', args, { cwd: folder, shell: process.platform === 'win32' })
}

/** Runs a command quietly: a line when it starts, a line when it is done, and its output only where it fails. */
export async function run(what, command, args, options = {}) {
  say(`${what} …`)
  const start = performance.now()
  const { status, output } = await capture(command, args, options)
  if (status !== 0) throw new Error(`${what} failed: ${[command, ...args].join(' ')}\n${output.trimEnd()}`)
  say(`${what}: done in ${((performance.now() - start) / 1000).toFixed(1)} s`)
}

/** Runs a command to its end; stdout and stderr come back as one text. */
export function capture(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ status: code ?? 1, output: signal ? `${output}\n(ended by ${signal})` : output }))
  })
}
