import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { nearestName } from '../src/core/errors.js'
import { cnn } from './cnn.js'
import { elementwise } from './elementwise.js'
import { norms } from './norms.js'
import { overhead } from './overhead.js'
import { type PeerName, peerNames, titles } from './peers.js'
import { products } from './products.js'
import { report, reportPath } from './report.js'
import { endPeers, loadPeers, measure, type Row } from './run.js'
import { scaling } from './scaling.js'
import { rate, ratio, timing } from './text.js'
import type { Workload } from './workload.js'

/** Times Evenkeel beside its peers in one run, after comparing their results. */

const workloads: readonly Workload[] = [...norms, ...products, ...cnn, ...elementwise, ...overhead]
const defaultPeers: readonly PeerName[] = ['jax', 'tfjs', 'torch']

const usage = `Usage: npm run bench [-- OPTIONS]
  --only NAME,...          workloads, also by their beginning; default: all
  --peers jax,tfjs,torch   what to compare with; torch128 is PyTorch limited to 128-bit vectors, '' nothing
  --torch-python COMMAND   a Python with torch; default: python3 or python, where they have it
  --threads 1              the number of threads; this version has one
  --seconds S              for each workload, default 3
  --json FILE              writes the medians in ms
  --report                 measures all and writes ${reportPath}
Ctrl-C ends after what is being measured, with what there is; a second one at once.
Workloads: ${workloads.map((w) => w.name).join(', ')}`

class UsageError extends Error {}

const words = (text: string): string[] => text.split(',').filter((n) => n !== '')

function unknown(what: string, name: string, all: readonly string[]): UsageError {
  return new UsageError(`unknown ${what} '${name}', did you mean '${nearestName(name, all) ?? all[0]}'?`)
}

function choosePeers(text: string | undefined): readonly PeerName[] {
  if (text === undefined) return defaultPeers
  return words(text).map((name) => {
    const found = peerNames.find((n) => n === name)
    if (!found) throw unknown('peer', name, peerNames)
    return found
  })
}

function chooseWorkloads(text: string | undefined): readonly Workload[] {
  if (text === undefined) return workloads
  const names = workloads.map((w) => w.name)
  const wanted = words(text)
  for (const name of wanted) if (!names.some((n) => n.startsWith(name))) throw unknown('workload', name, names)
  return workloads.filter((w) => wanted.some((name) => (names.includes(name) ? w.name === name : w.name.startsWith(name))))
}

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      'torch-python': { type: 'string' },
      threads: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '3' },
      json: { type: 'string' },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const seconds = Number(values.seconds)
  if (!(seconds > 0)) throw new UsageError(`--seconds must be a positive number, got '${values.seconds}'`)
  if (values.threads !== '1') throw new UsageError(`--threads: this version computes on one thread, so it must be 1, got '${values.threads}'`)
  if (values.report && values.only !== undefined) throw new UsageError('--report writes about all workloads, so it takes no --only')
  return { ...values, seconds, python: values['torch-python'] ?? null, chosen: chooseWorkloads(values.only), peers: choosePeers(values.peers) }
}

const WIDTH = { name: 25, time: 17, rate: 22, ratio: 15 }

function printRow({ workload, own, peers, rate: reached }: Row, names: readonly PeerName[]): void {
  const columns = names.map((n) => timing(peers[n]).padEnd(WIDTH.time) + ratio(peers[n], own).padEnd(WIDTH.ratio))
  console.log(workload.name.padEnd(WIDTH.name) + timing(own).padEnd(WIDTH.time) + rate(reached).padEnd(WIDTH.rate) + columns.join('').trimEnd())
  for (const n of names) if (workload.without?.[n]) console.log(`${''.padEnd(WIDTH.name)}${titles[n]}: ${workload.without[n]}`)
}

async function main(): Promise<void> {
  const { help, seconds, python, chosen, peers: names, json, report: reporting } = options()
  if (help) {
    console.log(usage)
    return
  }
  let interrupted = false
  process.on('SIGINT', () => {
    if (interrupted) process.exit(130)
    interrupted = true
    console.error('bench: ending; Ctrl-C again ends at once')
  })
  const loadBefore = loadavg()[0]
  const peers = await loadPeers(names, python, 1)
  const rows: Row[] = []
  try {
    console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, one thread; load ${loadBefore.toFixed(1)}`)
    for (const n of ['torch', 'torch128'] as const) if (names.includes(n)) console.log(`${titles[n]}: ${peers[n]?.version ?? peers.missing}`)
    console.log(
      'Median ± half the distance between the 10th and 90th percentile; the share of what this machine can do at most; how many times as long a peer takes (fastest calls)',
    )
    const heads = names.map((n) => titles[n].padEnd(WIDTH.time + WIDTH.ratio))
    console.log('workload'.padEnd(WIDTH.name) + 'Evenkeel'.padEnd(WIDTH.time) + 'rate, of the ceiling'.padEnd(WIDTH.rate) + heads.join('').trimEnd())
    for (const workload of chosen) {
      if (interrupted) break
      const row = await measure(workload, peers, seconds, () => interrupted)
      if (!row) break
      printRow(row, names)
      rows.push(row)
    }
    if (json !== undefined) writeFileSync(json, jsonOf(rows, names))
    if (reporting && !interrupted) {
      const sizes = await scaling(seconds, (line) => console.log(line))
      report(rows, names, peers, sizes, [loadBefore, loadavg()[0]], seconds)
      console.log(`written: ${reportPath}`)
    }
  } finally {
    endPeers(peers)
  }
  if (interrupted) process.exitCode = 130
}

/** Medians in ms; null where a peer can't, or wasn't there. */
function jsonOf(rows: readonly Row[], names: readonly PeerName[]): string {
  const columns = [...new Set([...defaultPeers, ...names])]
  const list = rows.map(({ workload, own, peers }) => ({
    name: workload.name,
    threads: 1,
    ms: own.median,
    peers: Object.fromEntries(columns.map((n) => [n, peers[n]?.median ?? null])),
  }))
  return `${JSON.stringify({ rows: list }, null, 2)}\n`
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof UsageError || (error instanceof TypeError && 'code' in error) ? 2 : 1
}
