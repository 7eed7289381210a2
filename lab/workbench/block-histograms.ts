import { type Histograms, hasRange, rowsAround } from '../charts/histograms.js'
import { nameOf, snapshotAt } from './figures.js'
import type { Track } from './track.js'

/** Which values of which block, and how they are drawn. */
export interface HistogramChoice {
  block: number
  side: 'into' | 'out'
  symlog: boolean
  form: Histograms['form']
}

/** The values in a block over the steps, a picture for each run, all on one axis. */
export function blockHistograms(runs: readonly Track[], step: number | null, { block, side, symlog, form }: HistogramChoice): Histograms[] {
  const drawn = runs.map((run, look) => {
    const rows = run.snapshots.items.flatMap((snapshot) => {
      const values = snapshot.blocks[block]?.[side]
      return values ? [{ step: snapshot.step, histogram: values.histogram }] : []
    })
    const at = step === null ? undefined : snapshotAt(run, step)?.step
    const marked = rows.findIndex((row) => row.step === at)
    const title = `${nameOf(run, runs)}, block ${block}, ${side === 'into' ? 'into' : 'out of'} the activation`
    return { title, look, rows, symlog, form, ...(marked >= 0 && { marked }) }
  })
  const seen = drawn.flatMap(({ rows, marked }) => rowsAround(rows, marked).shown.filter(({ histogram }) => hasRange(histogram)))
  const ends = seen.map(({ histogram: { low, high } }) => [low, high])
  const domain: readonly [number, number] = ends.length > 0 ? [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))] : [-1, 1]
  return drawn.map((one) => ({ ...one, domain }))
}
