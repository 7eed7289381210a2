import { signal } from '@preact/signals'
import { type Histograms as Drawn, describeHistograms, drawHistograms, histogramRows } from '../charts/histograms.js'
import { Picture } from '../charts/picture.js'
import { Stops } from '../charts/stops.js'
import { Panel } from '../parts/panel.js'
import { bench } from './bench.js'
import { blockHistograms, type HistogramChoice } from './block-histograms.js'
import { BlockPicker } from './block-picker.js'
import type { Track } from './track.js'

const choice = signal<HistogramChoice>({ block: 0, side: 'into', symlog: false, form: 'ridge' })
const choose = (change: Partial<HistogramChoice>) => {
  choice.value = { ...choice.value, ...change }
}

/** The values in a block over the steps; the arrow keys go from step to step, in all figures. */
export function Histograms({ runs }: { runs: readonly Track[] }) {
  // The runs are the same objects with more in them.
  bench.tick.value
  const depth = runs[0]?.bench.depth ?? 1
  const { side, symlog, form } = choice.value
  const block = Math.min(choice.value.block, depth - 1)
  const drawn = blockHistograms(runs, bench.cursor.value, { ...choice.value, block })
  return (
    <Panel
      id="histograms"
      heading="What the numbers in a block look like, over the steps"
      aside={
        <div class="bar">
          <BlockPicker depth={depth} chosen={block} onChoose={(i) => choose({ block: i })} />
          <Segments label="Which values" names={{ into: 'Into the activation', out: 'Out of it' }} value={side} onChange={(next) => choose({ side: next })} />
          <Segments label="Form" names={{ ridge: 'Ridge', overlay: 'Overlay' }} value={form} onChange={(next) => choose({ form: next })} />
          <label class="check">
            <input type="checkbox" checked={symlog} onChange={(event) => choose({ symlog: event.currentTarget.checked })} />
            symlog
          </label>
        </div>
      }
    >
      <div class="figures three">
        {drawn.map((one) => (
          <OneRun key={one.title} drawn={one} />
        ))}
      </div>
    </Panel>
  )
}

function OneRun({ drawn }: { drawn: Drawn }) {
  const { title, rows, marked } = drawn
  return (
    <Picture
      title={title}
      markup={() => drawHistograms(drawn)}
      version={drawn}
      data={() => histogramRows(rows)}
      below={<p class="count">{describeHistograms(rows, marked)}</p>}
    >
      <Stops
        label={`${title}. ${describeHistograms(rows, marked)}`}
        stops={() => rows.map(({ step }) => step)}
        at={bench.cursor}
        say={(step) => describeHistograms(rows, rows.filter((row) => row.step <= step).length - 1)}
      />
    </Picture>
  )
}

interface SegmentsProps<T extends string> {
  label: string
  names: Readonly<Record<T, string>>
  value: T
  onChange: (value: T) => void
}

const Segments = <T extends string>({ label, names, value, onChange }: SegmentsProps<T>) => (
  <div class="segments" role="group" aria-label={label}>
    {(Object.keys(names) as T[]).map((name) => (
      <button type="button" key={name} aria-pressed={name === value} onClick={() => onChange(name)}>
        {names[name]}
      </button>
    ))}
  </div>
)
