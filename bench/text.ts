import type { Timing } from './measure.js'
import type { PeerName } from './peers.js'
import type { Row } from './run.js'

/** Figures as text, the same on the screen and in the report. */

export const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(value < 1 ? 2 : 3))

/** In us below 0.1 ms. */
export const milliseconds = (ms: number): string => (ms < 0.1 ? `${digits(ms * 1000)} us` : `${digits(ms)} ms`)

/** A single call has no spread. */
export const timing = (t: Timing | undefined): string => (t ? milliseconds(t.median) + (t.samples > 1 ? ` ±${Math.round(t.spread * 100)}%` : ' once') : '-')

/** How many times as long as ours: above 1 Evenkeel is faster. In brackets the same of the fastest calls, which a loaded machine disturbs less. */
export const ratio = (peer: Timing | undefined, own: Timing): string => (peer ? `${digits(peer.median / own.median)}x (${digits(peer.min / own.min)})` : '')

const percent = (share: number): string => `${Math.round(100 * share)}%`

export const rate = (r: Row['rate']): string => (r ? `${digits(r.value)} ${r.unit}, ${percent(r.share)} (${percent(r.fastestShare)})` : '')

/** Medians in ms; null where a peer can't, or wasn't there. */
export function jsonOf(rows: readonly Row[], columns: readonly PeerName[]): string {
  const list = rows.map(({ workload, threads, own, peers }) => ({
    name: workload.name,
    threads,
    ms: own.median,
    peers: Object.fromEntries(columns.map((n) => [n, peers[n]?.median ?? null])),
  }))
  return `${JSON.stringify({ rows: list }, null, 2)}\n`
}
