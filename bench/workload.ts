import type { Run } from './measure.js'
import type { Peers } from './peers.js'

/** One contestant: what is timed, and one result to check first. */
export interface Contestant {
  run: Run
  /** The numbers that all contestants must agree on. */
  result(): Promise<Float32Array> | Float32Array
  dispose?(): void
}

export interface Workload {
  name: string
  /** What is done, with sizes. */
  description: string
  /** Bytes that the operation has to move at least, for the rate in GB/s. */
  bytes?: number
  ours(): Contestant
  jax?(jax: NonNullable<Peers['jax']>): Contestant
  tfjs?(tf: NonNullable<Peers['tfjs']>): Contestant
  /** Why a peer is missing. */
  without?: Partial<Record<keyof Peers, string>>
}

/** Fixed numbers, the same for every contestant: sines of the index, spread over -1 to 1. */
export function numbers(length: number, seed: number): Float32Array {
  const values = new Float32Array(length)
  for (let i = 0; i < length; i++) values[i] = Math.sin((i + 1) * (0.7 + 0.13 * seed)) * Math.cos(i * 0.01 + seed)
  return values
}

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
