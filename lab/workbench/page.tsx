import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { defaultsOf } from '../../src/experiments/settings.js'
import { Plot } from '../charts/plot.js'
import { CodePane } from '../parts/code-pane.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { Panel } from '../parts/panel.js'
import { go, route } from '../state/app.js'
import type { OwnData } from '../training/own.js'
import { bench } from './bench.js'
import { BlockPicker } from './block-picker.js'
import { benchCode } from './code.js'
import { accuracyChart, deadChart, gapChart, gradientChart, lossChart, nameOf, statisticsChart } from './figures.js'
import { Histograms } from './histograms.js'
import { droppedFiles, OwnFiles, ownProblem, readFiles } from './own-files.js'
import { RunCard } from './run-card.js'
import { type BenchSettings, benchSettings, playSettings, runSettings } from './settings.js'
import { SlowMotion } from './slow-motion.js'
import { type BenchState, firstPreset, MOST_RUNS, presets, readBench, writeBench } from './state.js'
import { storedRuns, storedTracks } from './stored.js'
import { TakeAway } from './take-away.js'

const ratio = signal(false)
const variance = signal(false)
const statisticsBlock = signal(0)
const chosen = signal(1)
const fallback = firstPreset(innerWidth < 640)

/** Up to three networks that train side by side while one looks into them. */
export function WorkbenchPage() {
  const { params } = route.value
  const { state, notes } = useMemo(() => readBench(params, fallback), [params])
  useEffect(() => bench.show(state), [state, bench.own.value])
  useKeys()
  const set = (change: Partial<BenchState>) => go(['workbench'], writeBench({ ...state, ...change }, fallback))
  const { label, text } = presets[state.preset]
  const waiting = state.bench.data === 'own' && bench.own.value === null
  const takeOwn = ({ kind }: OwnData) => set({ bench: { ...state.bench, data: 'own', network: kind === 'pictures' ? 'cnn' : 'mlp' } })
  const drop = async (event: DragEvent) => {
    event.preventDefault()
    const data = event.dataTransfer && (await readFiles(await droppedFiles(event.dataTransfer)))
    if (data) takeOwn(data)
  }
  return (
    <>
      <div class="lead">
        <h1>Train it and watch</h1>
        <p>{text}</p>
      </div>
      <div class="presets" role="group" aria-label="Presets">
        {Object.entries(presets).map(([name, preset]) => (
          <button type="button" key={name} aria-pressed={name === state.preset} onClick={() => go(['workbench'], [['preset', name]])}>
            {preset.label}
          </button>
        ))}
      </div>
      <Notes notes={[...notes, ...(ownProblem.value ? [ownProblem.value] : [])]} />
      <section class="panel bench" aria-label={`Bench: ${label}`} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
        <div class="knobs">
          {(Object.keys(benchSettings) as (keyof BenchSettings)[]).map((key) => (
            <Knob
              key={key}
              id={key}
              setting={benchSettings[key]}
              value={state.bench[key]}
              onChange={(value) => set({ bench: { ...state.bench, [key]: value } })}
            />
          ))}
          <Knob
            id="stopEvery"
            setting={playSettings.stopEvery}
            value={state.play.stopEvery}
            onChange={(stopEvery) => set({ play: { stopEvery: Number(stopEvery) } })}
          />
          {!waiting && <Controls />}
        </div>
        {state.bench.data === 'own' && <OwnFiles onRead={takeOwn} />}
      </section>
      {!waiting && <Live state={state} set={set} />}
    </>
  )
}

/** What follows the runs as they come. */
function Live({ state, set }: { state: BenchState; set: (change: Partial<BenchState>) => void }) {
  const tick = bench.tick.value
  const runs = bench.runs.value
  const earlier = bench.earlier.value
  const step = bench.cursor.value
  const stored = useMemo(() => storedTracks(state), [state, storedRuns.value])
  const begun = runs.filter((run) => run.step > 0).length
  // A run takes the place of its stored one with its first step.
  const tracks = stored ? runs.map((run, i) => (run.step === 0 && !run.problem ? (stored[i] ?? run) : run)) : runs
  const at = Math.min(chosen.value, Math.max(0, runs.length - 1))
  const depth = state.bench.depth
  const charts = useMemo(() => ({ loss: lossChart(tracks, earlier), accuracy: accuracyChart(tracks), gap: gapChart(tracks) }), [tick, stored, runs, earlier])
  const layers = useMemo(() => ({ gradient: gradientChart(tracks, step, ratio.value), dead: deadChart(tracks, step) }), [tick, stored, runs, step, ratio.value])
  const withAverages = tracks.find((run) => run.settings.norm === 'batch')
  const averaged = Math.min(statisticsBlock.value, depth - 1)
  const statistics = withAverages ? statisticsChart(withAverages, averaged, step, variance.value) : null
  const run = runs[at]
  return (
    <>
      <div class="runs">
        {state.runs.map((settings, i) =>
          runs[i] ? (
            <RunCard
              key={i}
              run={runs[i]}
              runs={runs}
              onChange={(next) => set({ runs: state.runs.map((old, j) => (j === i ? next : old)) })}
              onRemove={state.runs.length > 1 ? () => set({ runs: state.runs.filter((_, j) => j !== i) }) : null}
            />
          ) : (
            <section class="panel run" key={settings.norm} />
          ),
        )}
        {state.runs.length < MOST_RUNS && (
          <button type="button" class="add" onClick={() => set({ runs: [...state.runs, state.runs.at(-1) ?? defaultsOf(runSettings)] })}>
            + Add a run
          </button>
        )}
      </div>
      <Panel id="curves" heading="How it goes" aside={<p class="quiet-text small">Point at a step: every figure below goes back to it.</p>}>
        {stored && begun < runs.length && (
          <p class="stored">
            <strong>Stored</strong> The first {stored[0].step} steps of these runs, as this trainer made them before.{' '}
            {begun === 0 ? 'Press play, and your own take their place.' : 'Your own take their place as they come.'}
          </p>
        )}
        <div class="figures curves">
          <Plot chart={charts.loss} cursor={bench.cursor} />
          <Plot chart={charts.accuracy} cursor={bench.cursor} />
          <Plot chart={charts.gap} cursor={bench.cursor} />
        </div>
      </Panel>
      <Histograms runs={tracks} />
      <div class="trio">
        <Panel
          id="gradients"
          heading="What arrives of the gradient"
          aside={
            <label class="check">
              <input type="checkbox" checked={ratio.value} onChange={(event) => (ratio.value = event.currentTarget.checked)} />
              in lengths of the weight
            </label>
          }
        >
          <Plot chart={layers.gradient} />
        </Panel>
        <Panel id="dead" heading="Units that say nothing" aside={<p class="quiet-text small">Behind ReLU about half is usual.</p>}>
          <Plot chart={layers.dead} />
        </Panel>
        <Panel
          id="averages"
          heading="Running averages against the batch"
          aside={
            <div class="bar">
              <BlockPicker depth={depth} chosen={averaged} onChoose={(i) => (statisticsBlock.value = i)} />
              <label class="check">
                <input type="checkbox" checked={variance.value} onChange={(event) => (variance.value = event.currentTarget.checked)} />
                variance
              </label>
            </div>
          }
        >
          {statistics ? (
            <Plot chart={statistics} />
          ) : (
            <p class="quiet-text">
              {withAverages ? 'Press play: the averages move with every batch.' : 'No run on the bench keeps running averages; BatchNorm does.'}
            </p>
          )}
        </Panel>
      </div>
      <SlowMotion runs={runs} chosen={at} onChoose={(i) => (chosen.value = i)} />
      {run && (
        <div class="two">
          <CodePane code={benchCode(state.bench, run.settings, bench.own.value)} heading={`${nameOf(run, runs)} in code`} />
          <TakeAway state={state} run={run} runs={runs} />
        </div>
      )}
    </>
  )
}

function Controls() {
  bench.tick.value
  const playing = bench.runs.value.some((run) => run.status.value === 'playing')
  const over = bench.runs.value.length > 0 && bench.runs.value.every((run) => !run.live)
  return (
    <div class="controls" role="group" aria-label="Training">
      <button type="button" class="primary" disabled={over} onClick={() => (playing ? bench.pause() : bench.play())} aria-keyshortcuts="k">
        {playing ? 'Pause' : 'Play'}
      </button>
      <button type="button" disabled={over} onClick={() => bench.step()} aria-keyshortcuts="j">
        Step
      </button>
      <button type="button" onClick={() => bench.reset()} aria-keyshortcuts="r">
        Reset
      </button>
    </div>
  )
}

/** k plays and pauses, j is a step, r starts anew; not while something is typed. */
function useKeys(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).closest('input, select, textarea')) return
      if (event.key === 'k') bench.runs.value.some((run) => run.status.value === 'playing') ? bench.pause() : bench.play()
      else if (event.key === 'j') bench.step()
      else if (event.key === 'r') bench.reset()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
}
