import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { Plot } from '../charts/plot.js'
import { LessonRun } from '../lessons/lesson-run.js'
import { stack } from '../lessons/two-modes.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { Panel } from '../parts/panel.js'
import { Readings } from '../parts/readings.js'
import { announce, go, route } from '../state/app.js'
import { flagsOf, readSettings, strayNotes, writeSettings } from '../state/url.js'
import { BlockPicker } from '../workbench/block-picker.js'
import { statisticsChart } from '../workbench/figures.js'
import { Run } from '../workbench/run.js'
import { nextStop } from '../workbench/settings.js'
import { type AveragesSettings, averagesSettings, benchOf, bothModes, channelChart, momenta, runOf } from './averages.js'

const run = signal<Run | null>(null)
const tick = signal(0)
const block = signal(0)
const channel = signal(0)
const MS_BETWEEN_TICKS = 160
let due = false

/** What comes in between is drawn together. */
function changed(): void {
  if (due) return
  due = true
  setTimeout(() => {
    due = false
    tick.value++
  }, MS_BETWEEN_TICKS)
}

function begin(settings: AveragesSettings): void {
  run.value?.close()
  run.value = new Run(runOf(settings), benchOf(settings), null, 1, changed)
  changed()
}

/** The run that these settings mean: what may change while it runs is changed. */
function show(settings: AveragesSettings): void {
  const before = run.value
  if (!before || JSON.stringify(before.bench) !== JSON.stringify(benchOf(settings))) begin(settings)
  else if (JSON.stringify(before.settings) !== JSON.stringify(runOf(settings))) before.change(runOf(settings))
}

/** Batch, running average and data, channel by channel, and what the difference does to the loss. */
export function AveragesPage() {
  const { params } = route.value
  const { settings, notes } = useMemo(() => {
    const { values, notes } = readSettings(averagesSettings, params)
    return { settings: values, notes: [...strayNotes(params, flagsOf(averagesSettings)), ...notes] }
  }, [params])
  useEffect(() => show(settings), [settings])
  const set = (change: Partial<AveragesSettings>) => go(['studies', 'averages'], writeSettings(averagesSettings, { ...settings, ...change }))
  return (
    <>
      <Notes notes={notes} />
      <section class="panel" aria-label="Settings">
        <div class="knobs settings">
          {(Object.keys(averagesSettings) as (keyof AveragesSettings)[])
            .filter((key) => key !== 'momentum')
            .map((key) => (
              <Knob key={key} id={key} setting={averagesSettings[key]} value={settings[key]} onChange={(value) => set({ [key]: value })} />
            ))}
          <Momentum value={settings.momentum} onChange={(momentum) => set({ momentum })} />
        </div>
        <Controls settings={settings} />
      </section>
      <Live depth={settings.depth} />
      <section class="embedded" aria-labelledby="stack-heading">
        <h2 id="stack-heading">{stack.title}</h2>
        {stack.text.map((paragraph) => (
          <p key={paragraph}>{paragraph}</p>
        ))}
        <LessonRun lesson={stack} />
      </section>
    </>
  )
}

/** A slider from none to 1; a value from the address that lies between its stops is shown at the nearest. */
function Momentum({ value, onChange }: { value: number | null; onChange: (momentum: number | null) => void }) {
  const distance = (other: number | null) =>
    other === value ? 0 : other === null || value === null ? 100 : 1e-6 + Math.abs(Math.log((other + 1e-4) / (value + 1e-4)))
  const at = momenta.reduce<number>((best, other, i) => (distance(other) < distance(momenta[best]) ? i : best), 0)
  const text = (momentum: number | null) => (momentum === null ? 'None' : String(momentum))
  return (
    <div class="knob slider">
      <label for="momentum" title={averagesSettings.momentum.help}>
        momentum <strong>{text(value)}</strong>
      </label>
      <input
        id="momentum"
        type="range"
        min={0}
        max={momenta.length - 1}
        step={1}
        value={at}
        aria-valuetext={value === null ? 'none: the plain average of all batches' : text(value)}
        onInput={(event) => onChange(momenta[Number(event.currentTarget.value)])}
      />
      <span class="ends" aria-hidden="true">
        <span>None: plain average</span>
        <span>1: last batch only</span>
      </span>
    </div>
  )
}

function Controls({ settings }: { settings: AveragesSettings }) {
  tick.value
  const now = run.value
  const playing = now?.status.value === 'playing'
  const over = !now?.live
  const play = () => {
    if (playing) now.pause()
    else now?.play(nextStop(settings, now.step))
    announce(playing ? 'Paused' : 'Training')
    changed()
  }
  return (
    <div class="controls" role="group" aria-label="Training">
      <button type="button" class="primary" disabled={over} onClick={play}>
        {playing ? 'Pause' : 'Play'}
      </button>
      <button type="button" disabled={over} onClick={() => now?.stepOnce()}>
        Step
      </button>
      <button type="button" onClick={() => begin(settings)}>
        Reset
      </button>
    </div>
  )
}

/** What follows the run as it comes. */
function Live({ depth }: { depth: number }) {
  const drawn = tick.value
  const now = run.value
  const at = Math.min(block.value, depth - 1)
  const charts = useMemo(
    () =>
      now && {
        loss: bothModes(now),
        mean: statisticsChart(now, at, null, false),
        variance: statisticsChart(now, at, null, true),
        overTime: channelChart(now, at, channel.value, false),
      },
    [drawn, now, at, channel.value],
  )
  if (!now || !charts) return null
  const evaluation = now.evaluations.items.at(-1)
  const channels = charts.mean?.x.names?.length ?? 0
  return (
    <>
      {(now.divergence || now.problem) && (
        <p class="verdict" role="status">
          {now.divergence ? `Loss ${now.divergence.loss} at step ${now.divergence.step}.` : now.problem}
        </p>
      )}
      <div class="two modes">
        <Panel id="modes" heading="The same weights, twice">
          <Readings
            list={[
              { term: 'step', value: now.step, text: now.step.toLocaleString('en-US') },
              { term: 'loss in train()', value: evaluation?.train },
              { term: 'loss in eval()', value: evaluation?.eval },
              { term: 'eval − train', value: evaluation && evaluation.eval - evaluation.train },
            ]}
          />
          <Plot chart={charts.loss} />
        </Panel>
        <Panel
          id="channel"
          heading="One channel over the steps"
          aside={
            <div class="bar">
              <BlockPicker depth={depth} chosen={at} onChoose={(i) => (block.value = i)} />
              {channels > 0 && (
                <label class="inline">
                  <span>channel</span>
                  <select value={String(channel.value)} onChange={(event) => (channel.value = Number(event.currentTarget.value))}>
                    {Array.from({ length: channels }, (_, i) => (
                      <option value={String(i)} key={String(i)}>
                        {i}
                      </option>
                    ))}
                  </select>
                </label>
              )}
            </div>
          }
        >
          <Plot chart={charts.overTime} />
        </Panel>
      </div>
      {charts.mean && charts.variance ? (
        <div class="two modes">
          <Panel id="means" heading="The mean of every channel">
            <Plot chart={charts.mean} />
          </Panel>
          <Panel id="variances" heading="The variance of every channel">
            <Plot chart={charts.variance} />
          </Panel>
        </div>
      ) : (
        <p class="quiet-text waiting">Press play: with every batch the averages move.</p>
      )}
    </>
  )
}
