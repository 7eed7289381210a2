import { useLayoutEffect, useMemo } from 'preact/hooks'
import { normNames } from '../../src/experiments/norms.js'
import { Plot } from '../charts/plot.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { Panel } from '../parts/panel.js'
import { go, route } from '../state/app.js'
import { flagsOf, readSettings, strayNotes, writeSettings } from '../state/url.js'
import { accuracyChart, batchSizes, type SweepSettings, sweepCharts, sweepRuns, sweepSettings } from './batch-size.js'
import { TrialControls } from './trial-controls.js'
import { Trials } from './trials.js'

const trials = new Trials()

/** The same network at batch size 1, 2, 4 ... 128. */
export function BatchSizePage() {
  const { params } = route.value
  const { settings, runs, notes } = useMemo(() => {
    const { values, notes } = readSettings(sweepSettings, params)
    return { settings: values, runs: sweepRuns(values), notes: [...strayNotes(params, flagsOf(sweepSettings)), ...notes] }
  }, [params])
  // Before the first paint: a button that can be pressed has its tasks.
  useLayoutEffect(() => trials.show(runs.map(({ config, steps }) => ({ config, steps }))), [runs])
  const set = (change: Partial<SweepSettings>) => go(['studies', 'batch-size'], writeSettings(sweepSettings, { ...settings, ...change }))
  const outcomes = trials.outcomes.value
  const { charts, accuracy } = useMemo(
    () => ({ charts: sweepCharts(settings, runs, outcomes), accuracy: accuracyChart(settings, runs, outcomes) }),
    [settings, runs, outcomes],
  )
  return (
    <>
      <Notes notes={notes} />
      <section class="panel" aria-label="Settings">
        <div class="knobs settings">
          {(Object.keys(sweepSettings) as (keyof SweepSettings)[]).map((key) => (
            <Knob
              key={key}
              id={key}
              setting={sweepSettings[key]}
              value={settings[key]}
              disabled={trials.running.value}
              onChange={(value) => set({ [key]: value })}
            />
          ))}
        </div>
        <TrialControls trials={trials} start="Run all batch sizes" />
      </section>
      <Panel id="sizes" heading={`${settings.samples.toLocaleString('en-US')} samples each, in batches of 1 to 128`}>
        <div class="figures several">
          {charts.map((chart, i) => (
            <div key={chart.title}>
              <Plot chart={chart} />
              {runs.map(({ norm, batchSize }, j) => {
                const problem = outcomes[j]?.problem
                return batchSize === batchSizes[i] && problem ? (
                  <p class="verdict" key={norm}>
                    <strong>{normNames[norm]}:</strong> {problem}
                  </p>
                ) : null
              })}
            </div>
          ))}
          <Plot chart={accuracy} />
        </div>
      </Panel>
    </>
  )
}
