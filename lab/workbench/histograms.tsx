import { signal } from '@preact/signals'
import { Picture } from '../charts/picture.js'
import { describe, type Ridge, ridge, ridgeRows } from '../charts/ridge.js'
import { Panel } from '../parts/panel.js'
import { bench } from './bench.js'
import { BlockPicker } from './block-picker.js'
import { nameOf, snapshotAt } from './figures.js'
import type { Run } from './run.js'

const block = signal(0)
const side = signal<'into' | 'out'>('into')
const symlog = signal(false)
const ROWS = 14

/** The values in a block over the steps, one ridge for each run, all on one axis. */
export function Histograms({ runs }: { runs: readonly Run[] }) {
  // The runs are the same objects with more in them.
  bench.tick.value
  const depth = runs[0]?.bench.depth ?? 1
  const chosen = Math.min(block.value, depth - 1)
  const step = bench.cursor.value
  const ridges = runs.map((run): Ridge => {
    const snapshots = run.snapshots.items.slice(-ROWS)
    const marked = step === null ? undefined : snapshots.indexOf(snapshotAt(run, step) ?? snapshots[0])
    const rows = snapshots.flatMap((snapshot) => {
      const values = snapshot.blocks[chosen]?.[side.value]
      return values ? [{ step: snapshot.step, histogram: values.histogram }] : []
    })
    return { title: nameOf(run, runs), look: runs.indexOf(run), rows, domain: [0, 0], symlog: symlog.value, marked: marked === -1 ? undefined : marked }
  })
  const all = ridges.flatMap(({ rows }) => rows.map(({ histogram }) => histogram))
  const domain: readonly [number, number] = all.length > 0 ? [Math.min(...all.map(({ low }) => low)), Math.max(...all.map(({ high }) => high))] : [-1, 1]
  return (
    <Panel
      id="histograms"
      heading="What the numbers in a block look like, over the steps"
      aside={
        <div class="bar">
          <BlockPicker depth={depth} chosen={chosen} onChoose={(i) => (block.value = i)} />
          <div class="segments" role="group" aria-label="Which values">
            <button type="button" aria-pressed={side.value === 'into'} onClick={() => (side.value = 'into')}>
              Into the activation
            </button>
            <button type="button" aria-pressed={side.value === 'out'} onClick={() => (side.value = 'out')}>
              Out of it
            </button>
          </div>
          <label class="check">
            <input type="checkbox" checked={symlog.value} onChange={(event) => (symlog.value = event.currentTarget.checked)} />
            symlog
          </label>
        </div>
      }
    >
      <div class="figures three">
        {ridges.map((one) => {
          const shown = { ...one, domain }
          return (
            <Picture
              key={one.title}
              title={`${one.title}, block ${chosen}, ${side.value === 'into' ? 'into' : 'out of'} the activation`}
              markup={() => ridge(shown)}
              version={shown}
              data={() => ridgeRows(one.rows)}
              below={<p class="count">{describe(one.rows)}</p>}
            />
          )
        })}
      </div>
    </Panel>
  )
}
