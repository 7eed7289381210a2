import type { Jax, PeerName, Tfjs } from './peers.js'

/** One contestant: what is timed, and one result to check first. */
export interface Contestant {
  /** Runs `calls` times. @returns ms of each */
  times(calls: number): readonly number[] | Promise<readonly number[]>
  /** The arrays that all contestants must agree on, from a fresh start. */
  result(): readonly Float32Array[] | Promise<readonly Float32Array[]>
  dispose?(): void
}

export interface Workload {
  name: string
  /** What is done, with sizes. */
  description: string
  /** Bytes that the operation has to move at least: its rate is in GB/s, its ceiling a copy of `copy` bytes. */
  bytes?: number
  copy?: number
  /** Floating-point operations, where they are the limit: the rate is in GF/s, the ceiling 128-bit arithmetic in registers. */
  flops?: number
  ours(): Contestant | Promise<Contestant>
  jax?(jax: Jax): Contestant
  tfjs?(tf: Tfjs): Contestant
  /** The same as a Python program: calls `timed(run, result)`, with what torch_peer.py defines. */
  torch?: string
  /** Why a peer is missing. */
  without?: Partial<Record<PeerName, string>>
  /** What to reach: ours over the peer's median, or ms. */
  targets?: readonly Target[]
}

export type Target = { peer: PeerName; ratio: number } | { ms: number }

/** Times every call of `run` by itself; where a call does `repeats` of what is measured, a time is that of one. */
export const each =
  (run: () => void | Promise<void>, repeats = 1): Contestant['times'] =>
  async (calls) => {
    const times: number[] = []
    for (let i = 0; i < calls; i++) {
      const start = performance.now()
      const pending = run()
      if (pending) await pending
      times.push((performance.now() - start) / repeats)
    }
    return times
  }

/** Fixed numbers, the same for every contestant: sines of the index, spread over -1 to 1. */
export function numbers(length: number, seed: number): Float32Array {
  const values = new Float32Array(length)
  for (let i = 0; i < length; i++) values[i] = Math.sin((i + 1) * (0.7 + 0.13 * seed)) * Math.cos(i * 0.01 + seed)
  return values
}

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
