/** Interleaved timing: every round runs each contestant once in turn, so that a machine that drifts drifts for all. */

export interface Timing {
  /** ms */
  median: number
  min: number
  /** Half the distance between the 10th and 90th percentile, over the median. */
  spread: number
  samples: number
}

export type Run = () => void | Promise<void>

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]

function summary(times: readonly number[]): Timing {
  const sorted = times.slice().sort((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  return { median, min: sorted[0], spread: (quantile(sorted, 0.9) - quantile(sorted, 0.1)) / 2 / median, samples: sorted.length }
}

async function time(run: Run): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/**
 * Times `runs` in turn for about `seconds` in all, at least `least` rounds, after two rounds that don't count. A contestant so slow that a
 * single run takes more than its share of the time is run once per `seconds` only.
 */
export async function interleave<K extends string>(runs: Readonly<Record<K, Run>>, seconds = 3, least = 5): Promise<Record<K, Timing>> {
  const names = Object.keys(runs) as K[]
  const times = Object.fromEntries(names.map((n) => [n, [] as number[]])) as Record<K, number[]>
  const slow = new Set<K>()
  for (const name of names) {
    const first = await time(runs[name])
    if (first > seconds * 1000) {
      slow.add(name)
      times[name].push(first)
    } else await time(runs[name])
  }
  const end = performance.now() + seconds * 1000
  for (let round = 0; round < least || performance.now() < end; round++) {
    for (const name of names) if (!slow.has(name)) times[name].push(await time(runs[name]))
    if (round >= 400) break
  }
  return Object.fromEntries(names.map((n) => [n, summary(times[n])])) as Record<K, Timing>
}
