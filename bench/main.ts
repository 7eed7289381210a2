import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { defaultPeers, readOptions, UsageError, usage } from './options.js'
import { type PeerName, titles } from './peers.js'
import { report, reportPath } from './report.js'
import { endPeers, loadPeers, measure, type Row } from './run.js'
import { scaling } from './scaling.js'
import { jsonOf, rate, ratio, timing } from './text.js'

/** Times Evenkeel beside its peers in one run, after comparing their results. */

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const WIDTH = { name: 25, time: 17, rate: 24, ratio: 15 }

function printRow({ workload, own, peers, rate: reached }: Row, names: readonly PeerName[]): void {
  const columns = names.map((n) => timing(peers[n]).padEnd(WIDTH.time) + ratio(peers[n], own).padEnd(WIDTH.ratio))
  console.log((workload.name.padEnd(WIDTH.name) + timing(own).padEnd(WIDTH.time) + rate(reached).padEnd(WIDTH.rate) + columns.join('')).trimEnd())
  for (const n of names) if (workload.without?.[n]) console.log(`${''.padEnd(WIDTH.name)}${titles[n]}: ${workload.without[n]}`)
}

async function main(): Promise<void> {
  const { help, seconds, python, chosen, peers: names, json, report: reporting } = readOptions(process.argv.slice(2))
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
      try {
        const row = await measure(workload, peers, seconds, () => interrupted)
        if (!row) break
        printRow(row, names)
        rows.push(row)
      } catch (error) {
        // Ctrl-C ends what a workload has started, too.
        if (interrupted) break
        console.error(`bench: ${messageOf(error)}`)
        process.exitCode = 1
      }
    }
    if (json !== undefined) writeFileSync(json, jsonOf(rows, [...new Set([...defaultPeers, ...names])]))
    if (reporting && !interrupted) {
      const say = (line: string) => console.log(line)
      const sizes = await scaling(seconds, say, () => interrupted)
      if (sizes) report(rows, names, peers, sizes, [loadBefore, loadavg()[0]], seconds)
      console.log(sizes ? `written: ${reportPath}` : 'no report: interrupted')
    }
  } finally {
    endPeers(peers)
  }
  if (interrupted) process.exitCode = 130
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${messageOf(error)}`)
  process.exitCode = error instanceof UsageError || (error instanceof TypeError && 'code' in error) ? 2 : 1
}
