import { type Ceilings, loadCeilings } from './ceilings.js'
import { interleave, type Timing } from './measure.js'
import { type Jax, loadJax, loadTfjs, type PeerName, peerNames, type Tfjs, titles } from './peers.js'
import { Torch } from './torch.js'
import type { Contestant, Workload } from './workload.js'

/** Loads the peers that are there, and times one workload after the other. */

export interface Row {
  workload: Workload
  threads: number
  own: Timing
  peers: Partial<Record<PeerName, Timing>>
  /** What it reaches of what this machine can do, measured in the same turns. */
  rate?: { value: number; unit: 'GB/s' | 'GF/s'; share: number; fastestShare: number }
}

export interface Peers {
  jax?: Jax
  tfjs?: Tfjs
  torch?: Torch
  torch128?: Torch
  /** Why PyTorch is not there. */
  missing: string | null
}

/**
 * @param python how to call a Python with torch; null looks for one on the PATH
 * @throws Error where a JavaScript peer doesn't load, or `python` has no torch
 */
export async function loadPeers(names: readonly PeerName[], python: string | null, threads: number): Promise<Peers> {
  const peers: Peers = { missing: null }
  if (names.includes('jax')) peers.jax = await loadJax()
  if (names.includes('tfjs')) peers.tfjs = await loadTfjs()
  for (const name of ['torch', 'torch128'] as const) {
    if (!names.includes(name) || peers.missing !== null) continue
    for (const command of python === null ? ['python3', 'python'] : [python]) {
      try {
        peers[name] = await Torch.start(command, threads, name === 'torch128')
        break
      } catch (error) {
        if (python !== null) throw error
      }
    }
    if (!peers[name]) peers.missing = 'no Python with torch on the PATH; say where with --torch-python "COMMAND"'
  }
  return peers
}

export function endPeers(peers: Peers): void {
  peers.torch?.end()
  peers.torch128?.end()
}

async function contestants(workload: Workload, peers: Peers): Promise<Partial<Record<'ours' | PeerName, Contestant>>> {
  const all: Partial<Record<'ours' | PeerName, Contestant>> = { ours: await workload.ours() }
  if (peers.jax && workload.jax) all.jax = workload.jax(peers.jax)
  if (peers.tfjs && workload.tfjs) all.tfjs = workload.tfjs(peers.tfjs)
  if (peers.torch && workload.torch) all.torch = await peers.torch.make(workload.torch)
  if (peers.torch128 && workload.torch) all.torch128 = await peers.torch128.make(workload.torch)
  return all
}

/** Sums run in other orders in other libraries, over up to millions of elements; a wrong formula is further off than this. */
const TOLERANCE = 1e-3

/** @throws Error where a peer's numbers differ: then its time would mean nothing */
function agree(workload: Workload, name: PeerName, ours: readonly Float32Array[], theirs: readonly Float32Array[]): void {
  const refuse = (what: string) => new Error(`${workload.name}: ${titles[name]} gives other numbers than Evenkeel (${what})`)
  if (ours.length !== theirs.length) throw refuse(`${theirs.length} arrays, not ${ours.length}`)
  ours.forEach((own, k) => {
    if (own.length !== theirs[k].length) throw refuse(`array ${k} has ${theirs[k].length} elements, not ${own.length}`)
    let scale = 0
    let worst = 0
    for (let i = 0; i < own.length; i++) {
      scale = Math.max(scale, Math.abs(own[i]))
      worst = Math.max(worst, Math.abs(own[i] - theirs[k][i]))
    }
    if (!(worst <= TOLERANCE * scale)) throw refuse(`array ${k}: largest difference ${worst}, largest value ${scale}`)
  })
}

let ceilings: Ceilings | undefined

/**
 * Compares the results of all, then times them in turns, what the machine can do at most among them: with one thread, whatever `threads` is.
 * @param threads how many there are; useThreads() has started them
 * @returns null where it ended before anything was timed
 */
export async function measure(workload: Workload, threads: number, peers: Peers, seconds: number, ended: () => boolean): Promise<Row | null> {
  ceilings ??= await loadCeilings()
  const all = await contestants(workload, peers)
  try {
    const { ours } = all
    if (!ours) return null
    const own = await ours.result()
    for (const name of peerNames) {
      const result = await all[name]?.result()
      if (result) agree(workload, name, own, result)
    }
    const amount = workload.bytes ?? workload.flops
    const ceiling = amount === undefined ? undefined : ceilings.of(workload)
    const timings: Partial<Record<string, Timing>> = await interleave({ ...all, ...ceiling?.contestants }, seconds, ended)
    if (!timings.ours) return null
    const row: Row = { workload, threads, own: timings.ours, peers: Object.fromEntries(peerNames.flatMap((n) => (timings[n] ? [[n, timings[n]]] : []))) }
    if (amount !== undefined && ceiling) {
      const least = (key: 'median' | 'min') => Math.min(...Object.keys(ceiling.contestants).map((n) => timings[n]?.[key] ?? Number.POSITIVE_INFINITY))
      const share = (key: 'median' | 'min') => amount / row.own[key] / (ceiling.amount / least(key))
      row.rate = {
        value: amount / row.own.median / 1e6,
        unit: workload.bytes === undefined ? 'GF/s' : 'GB/s',
        share: share('median'),
        fastestShare: share('min'),
      }
    }
    return row
  } finally {
    for (const contestant of Object.values(all)) contestant.dispose?.()
  }
}
