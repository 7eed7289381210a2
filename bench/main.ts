import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { defaultPeers, readOptions, UsageError, usage } from './options.js'
import { type PeerName, titles } from './peers.js'
import { report, reportPath } from './report.js'
import { endPeers, loadPeers, measure, type Peers, type Row } from './run.js'
import { scaling } from './scaling.js'
import { jsonOf, rate, ratio, timing } from './text.js'
import { scalingNames, threadScaling, useThreads } from './threads.js'
import { forgetUnfinished, saveUnfinished, unfinishedRows } from './unfinished.js'

/** Times Evenkeel beside its peers in one run, after comparing their results. */

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const WIDTH = { name: 25, time: 17, rate: 24, ratio: 15 }

function printRow({ workload, own, peers, rate: reached }: Row, names: readonly PeerName[]): void {
  const columns = names.map((n) => timing(peers[n]).padEnd(WIDTH.time) + ratio(peers[n], own).padEnd(WIDTH.ratio))
  console.log((workload.name.padEnd(WIDTH.name) + timing(own).padEnd(WIDTH.time) + rate(reached).padEnd(WIDTH.rate) + columns.join('')).trimEnd())
  for (const n of names) if (workload.without?.[n]) console.log(`${''.padEnd(WIDTH.name)}${titles[n]}: ${workload.without[n]}`)
}

type Options = ReturnType<typeof readOptions>

/** Measures all chosen workloads with one number of threads, those of `known` aside. */
async function measureAll(
  threads: number,
  options: Options,
  peers: Peers,
  known: readonly Row[],
  done: (row: Row) => void,
  ended: () => boolean,
): Promise<void> {
  const { peers: names, chosen, seconds } = options
  console.log(
    `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${threads === 1 ? 'one thread' : `${threads} threads`}; load ${loadavg()[0].toFixed(1)}`,
  )
  for (const n of ['torch', 'torch128'] as const) if (names.includes(n)) console.log(`${titles[n]}: ${peers[n]?.version ?? peers.missing}`)
  console.log(
    'Median ± half the distance between the 10th and 90th percentile; the share of what this machine can do at most; how many times as long a peer takes (fastest calls)',
  )
  const heads = names.map((n) => titles[n].padEnd(WIDTH.time + WIDTH.ratio))
  console.log('workload'.padEnd(WIDTH.name) + 'Evenkeel'.padEnd(WIDTH.time) + 'rate, of the ceiling'.padEnd(WIDTH.rate) + heads.join('').trimEnd())
  for (const workload of chosen) {
    if (ended()) return
    try {
      const row = known.find((r) => r.workload === workload) ?? (await measure(workload, threads, peers, seconds, ended))
      if (!row) return
      printRow(row, names)
      done(row)
    } catch (error) {
      // Ctrl-C ends what a workload has started, too.
      if (ended()) return
      console.error(`bench: ${messageOf(error)}`)
      process.exitCode = 1
    }
  }
}

/** What rows of one report have in common. */
const keyOf = ({ peers, seconds, python }: Options, { torch }: Peers): string => JSON.stringify([peers, seconds, python, torch?.version, process.version])

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const { help, seconds, python, chosen, peers: names, json, report: reporting, threads } = options
  if (help) {
    console.log(usage)
    return
  }
  let interrupted = false
  const ended = () => interrupted
  process.on('SIGINT', () => {
    if (interrupted) process.exit(130)
    interrupted = true
    console.error('bench: ending; Ctrl-C again ends at once')
  })
  const loadBefore = loadavg()[0]
  const rows: Row[] = []
  const say = (line: string) => console.log(line)
  for (const n of threads) {
    if (interrupted) break
    const peers = await loadPeers(names, python, n)
    try {
      await useThreads(n)
      const key = keyOf(options, peers)
      const known = reporting ? unfinishedRows(key, chosen) : []
      await measureAll(
        n,
        options,
        peers,
        known,
        (row) => {
          rows.push(row)
          if (reporting) saveUnfinished(key, rows)
        },
        ended,
      )
      if (!reporting || interrupted) continue
      const shared = scalingNames.flatMap((name) => chosen.filter((w) => w.name === name))
      const byThreads = await threadScaling(shared, [1, 2], seconds, say, ended)
      const sizes = byThreads && (await scaling(seconds, say, ended))
      if (!sizes) continue
      report({ rows, names, peers, sizes, threads: byThreads, load: [loadBefore, loadavg()[0]], seconds })
      forgetUnfinished()
      console.log(`written: ${reportPath}`)
    } finally {
      endPeers(peers)
    }
  }
  if (json !== undefined) writeFileSync(json, jsonOf(rows, [...new Set([...defaultPeers, ...names])]))
  if (reporting && interrupted) console.log('no report: interrupted; --report goes on from here')
  if (interrupted) process.exitCode = 130
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${messageOf(error)}`)
  process.exitCode = error instanceof UsageError || (error instanceof TypeError && 'code' in error) ? 2 : 1
}
