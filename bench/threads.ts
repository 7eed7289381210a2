import { setNumThreads } from '../src/index.js'
import { threadUse } from '../src/kernels/wasm/threads/threads.js'
import { summary, type Timing } from './measure.js'
import type { Workload } from './workload.js'

/** What more threads give: the same workloads with different numbers of threads in turns, each against itself. */

export interface ThreadScaling {
  threads: readonly number[]
  rows: readonly { name: string; timings: readonly Timing[] }[]
}

/** Workloads that are large enough to be shared: products and convolutions, norms that fit no cache and one that does, a training step. */
export const scalingNames = [
  'matmul_512_fwd',
  'matmul_1024_fwd',
  'linear_256x784_512',
  'conv3_32x32x28x28_64_fwd',
  'conv3_32x32x28x28_64',
  'conv1_32x32x28x28_64',
  'dw3_32x32x28x28',
  'bn_32x3x224x224',
  'bn_64x64x56x56',
  'ln_32x3x224x224',
  'ln_256x1024',
  'gelu_256x1024',
  'cnn_bn_step',
  'gpt_step',
]

const ROUNDS = 5

/** Uses `threads` threads and waits until they can take part. */
export async function useThreads(threads: number): Promise<void> {
  setNumThreads(threads)
  while (threadUse().ready < threads - 1) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Times each workload with each number of threads, for about `seconds` in all rounds. @returns null where it ended early */
export async function threadScaling(
  workloads: readonly Workload[],
  threads: readonly number[],
  seconds: number,
  say: (line: string) => void,
  ended: () => boolean,
): Promise<ThreadScaling | null> {
  const contestants = await Promise.all(workloads.map(async ({ name, ours }) => ({ name, ...(await ours()) })))
  const times = contestants.map(() => threads.map((): number[] => []))
  const turn = (seconds * 1000) / ROUNDS / threads.length
  for (let round = 0; round < ROUNDS; round++) {
    for (const [k, n] of threads.entries()) {
      await useThreads(n)
      for (const [i, contestant] of contestants.entries()) {
        if (ended()) return null
        const [one] = await contestant.times(1)
        times[i][k].push(...(await contestant.times(Math.max(2, Math.round(turn / one)))).slice(1))
      }
    }
  }
  await useThreads(1)
  for (const { dispose } of contestants) dispose?.()
  const rows = contestants.map(({ name }, i) => ({ name, timings: times[i].map(summary) }))
  say(`ms with ${threads.join(', ')} threads, and how many times as fast: medians (fastest calls)`)
  for (const { name, timings } of rows) say(`${name.padEnd(27)}${timings.map((t) => t.median.toPrecision(3).padEnd(9)).join('')}${gains(timings).join(', ')}`)
  return { threads, rows }
}

/** How many times as fast as with the first number of threads; in brackets the same of the fastest calls. */
export const gains = (timings: readonly Timing[]): string[] =>
  timings.slice(1).map((t) => `${(timings[0].median / t.median).toFixed(2)}x (${(timings[0].min / t.min).toFixed(2)})`)
