import type { Contestant } from './workload.js'

/** Interleaved timing: the contestants take turns, so that a machine that drifts drifts for all. */

export interface Timing {
  /** ms */
  median: number
  min: number
  /** Half the distance between the 10th and 90th percentile, over the median. */
  spread: number
  samples: number
}

/** A turn lasts about this long: calls in a row, as in a program of one's own. */
const TURN_MS = 15
const LEAST_ROUNDS = 5

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]

export function summary(times: readonly number[]): Timing {
  const sorted = times.slice().sort((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  return { median, min: sorted[0], spread: (quantile(sorted, 0.9) - quantile(sorted, 0.1)) / 2 / median, samples: sorted.length }
}

/** Lets the process hear signals, which wait while tasks are synchronous. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * Times the contestants in turns for about `seconds` in all. Calls before the first round don't count, nor does the first call of a turn
 * of several: it finds the caches as the contestant before left them. One that takes `seconds` for a single call is called that once.
 * @param ended asked after each turn, whether to stop with what there is
 */
export async function interleave<K extends string>(
  contestants: Readonly<Partial<Record<K, Pick<Contestant, 'times'>>>>,
  seconds: number,
  ended: () => boolean = () => false,
): Promise<Partial<Record<K, Timing>>> {
  const entries = Object.entries(contestants) as [K, Pick<Contestant, 'times'>][]
  const times = new Map(entries.map(([name]) => [name, [] as number[]]))
  const turns: { name: K; calls: number }[] = []
  for (const [name, contestant] of entries) {
    const start = performance.now()
    const first = await contestant.times(1)
    if (performance.now() - start > seconds * 1000) {
      times.get(name)?.push(...first)
      continue
    }
    // A few calls for compilers to warm up, then what a call takes by the clock: it may do more than the part it times.
    const calls = performance.now() - start > TURN_MS * 10 ? 1 : 5
    const again = performance.now()
    await contestant.times(calls)
    turns.push({ name, calls: Math.max(1, Math.min(200, Math.round((TURN_MS * calls) / (performance.now() - again)))) })
  }
  const end = performance.now() + seconds * 1000
  for (let round = 0; (round < LEAST_ROUNDS || performance.now() < end) && !ended(); round++) {
    for (const { name, calls } of turns) {
      const warm = calls > 1 ? 1 : 0
      const measured = (await contestants[name]?.times(calls + warm)) ?? []
      times.get(name)?.push(...measured.slice(warm))
      await breathe()
    }
  }
  const timed = [...times].filter(([, list]) => list.length > 0)
  return Object.fromEntries(timed.map(([name, list]) => [name, summary(list)])) as Partial<Record<K, Timing>>
}
