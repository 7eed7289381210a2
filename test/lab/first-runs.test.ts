import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { storedRuns } from '../../lab/training/stored.js'
import { lossChart } from '../../lab/workbench/figures.js'
import { readBench } from '../../lab/workbench/state.js'
import { type StoredRuns, trackOf } from '../../lab/workbench/stored.js'
import { firstPresets, firstRunsFile } from './first-runs.js'

const stored: StoredRuns = JSON.parse(readFileSync(firstRunsFile, 'utf8'))

test('the file has the presets that the page begins with', () => {
  expect(Object.keys(stored)).toEqual(firstPresets)
})

/** Every number of what JSON holds, with its place. */
function* numbers(value: unknown, path = ''): Generator<[string, number]> {
  if (typeof value === 'number') yield [path, value]
  else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) yield* numbers(inner, `${path}.${key}`)
}

/** Kernels that sum in another order, as faster ones do, move the last of five digits, a value to the next bin, a sample to the other side of right. */
const tolerance = (path: string, value: number): number =>
  path.includes('.counts.') ? 2 : /accuracy/i.test(path) ? 1 / 32 : 2e-3 * Math.max(0.1, Math.abs(value))

test.each(firstPresets)('%s: what is stored is the live run, to rounding (after a change of the trainer: npm run first-runs)', async (preset) => {
  const { state } = readBench(new Map([['preset', preset]]), preset)
  const live = new Map(numbers(await storedRuns(state)))
  const kept = new Map(numbers(stored[preset]))
  expect([...kept.keys()]).toEqual([...live.keys()])
  for (const [path, value] of kept) expect(Math.abs(value - live.get(path)!), path).toBeLessThanOrEqual(tolerance(path, value))
  const chart = lossChart(
    stored[preset].map((told, i) => trackOf(told, state, i)),
    [],
  )
  expect(chart.series.map(({ points }) => points.at(-1)?.x)).toEqual(stored[preset].map(({ loss }) => loss.length))
})
