import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { nearestName } from '../src/core/errors.js'
import { cnn } from './cnn.js'
import { interleave, type Run, type Timing } from './measure.js'
import { norms } from './norms.js'
import { loadPeers, type PeerName, peerNames } from './peers.js'
import type { Contestant, Workload } from './workload.js'

/**
 * Times Evenkeel beside its peers, interleaved in one run: `npm run bench [-- --only NAME,... --peers jax,tfjs --seconds S --json FILE]`.
 * Results are compared before anything is timed. Medians in ms; the ratio is the peer's median over ours.
 */

const workloads: readonly Workload[] = [...norms, ...cnn]

const usage = `Usage: npm run bench [-- --only NAME,... --peers jax,tfjs --seconds S --json FILE]
Workloads: ${workloads.map((w) => w.name).join(', ')}`

interface Row {
  name: string
  threads: number
  /** Median in ms. */
  ms: number
  peers: Record<PeerName, number | null>
}

class UsageError extends Error {}

function choose<T extends string>(what: string, text: string | undefined, all: readonly T[]): readonly T[] {
  if (text === undefined) return all
  return text
    .split(',')
    .filter((n) => n !== '')
    .map((name) => {
      const found = all.find((n) => n === name)
      if (!found) throw new UsageError(`unknown ${what} '${name}', did you mean '${nearestName(name, all) ?? all[0]}'?`)
      return found
    })
}

/** @throws Error where a peer's numbers differ: then its time would mean nothing */
async function agree(workload: Workload, name: string, ours: Float32Array, theirs: Float32Array): Promise<void> {
  const scale = ours.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
  let worst = 0
  for (let i = 0; i < ours.length; i++) worst = Math.max(worst, Math.abs(ours[i] - theirs[i]))
  if (ours.length !== theirs.length || !(worst <= 1e-3 * scale)) {
    throw new Error(`${workload.name}: ${name} gives other numbers (largest difference ${worst}, largest value ${scale})`)
  }
}

const ms = (t: Timing | undefined): string => (t ? `${t.median.toFixed(t.median < 10 ? 3 : 1)} ±${Math.round(t.spread * 100)}%` : '-')

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      seconds: { type: 'string', default: '3' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const only = choose(
    'workload',
    values.only,
    workloads.map((w) => w.name),
  )
  const names = choose('peer', values.peers, peerNames)
  const seconds = Number(values.seconds)
  if (!(seconds > 0)) throw new UsageError(`--seconds must be a positive number, got '${values.seconds}'`)
  const peers = await loadPeers(names)
  console.log(`${cpus()[0].model}, Node ${process.version}, one thread; medians in ms ± half the distance between the 10th and 90th percentile`)
  console.log(`${'workload'.padEnd(20)}${'Evenkeel'.padEnd(16)}${'GB/s'.padEnd(8)}${peerNames.map((n) => n.padEnd(16) + 'ratio'.padEnd(8)).join('')}`)
  const rows: Row[] = []
  for (const workload of workloads.filter((w) => only.includes(w.name))) {
    const contestants: Partial<Record<'ours' | PeerName, Contestant>> = { ours: workload.ours() }
    if (peers.jax && workload.jax) contestants.jax = workload.jax(peers.jax)
    if (peers.tfjs && workload.tfjs) contestants.tfjs = workload.tfjs(peers.tfjs)
    const ours = await workload.ours().result()
    for (const name of peerNames) {
      const peer = contestants[name]
      if (peer) await agree(workload, name, ours, await peer.result())
    }
    const runs = Object.fromEntries(Object.entries(contestants).map(([n, c]) => [n, c.run])) as Record<string, Run>
    const timings: Record<string, Timing | undefined> = await interleave(runs, seconds)
    const own = timings.ours as Timing
    const rate = workload.bytes ? (workload.bytes / own.median / 1e6).toFixed(1) : ''
    const columns = peerNames.map((n) => ms(timings[n]).padEnd(16) + (timings[n] ? `${(timings[n].median / own.median).toFixed(1)}x` : '').padEnd(8))
    console.log(`${workload.name.padEnd(20)}${ms(own).padEnd(16)}${rate.padEnd(8)}${columns.join('')}`)
    for (const [peer, reason] of Object.entries(workload.without ?? {})) if (names.includes(peer as PeerName)) console.log(`${''.padEnd(20)}${peer}: ${reason}`)
    rows.push({ name: workload.name, threads: 1, ms: own.median, peers: { jax: timings.jax?.median ?? null, tfjs: timings.tfjs?.median ?? null } })
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ rows }, null, 2)}\n`)
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof UsageError || (error instanceof TypeError && 'code' in error) ? 2 : 1
}
