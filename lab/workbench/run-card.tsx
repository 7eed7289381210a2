import { dashes } from '../../src/experiments/report/chart.js'
import { Knob } from '../parts/knob.js'
import { percent } from '../parts/number.js'
import { Readings } from '../parts/readings.js'
import type { Backend } from '../worker/protocol.js'
import { nameOf } from './figures.js'
import type { Run } from './run.js'
import { type RunSettings, runSettings } from './settings.js'

const inWords = { starting: 'starting', paused: 'paused', playing: 'training', diverged: 'diverged', failed: 'stopped' } as const

const computer = ({ name, simd, threads }: Backend): string =>
  `${name === 'wasm' ? `WebAssembly${simd ? ' with SIMD' : ''}` : 'plain JavaScript'}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`

/** As they stand in the card; which place is meant takes the most words and has a line of its own. */
const order: readonly (keyof RunSettings)[] = ['norm', 'activation', 'place', 'batchSize', 'learningRate', 'momentum']

interface RunCardProps {
  run: Run
  runs: readonly Run[]
  onChange: (settings: RunSettings) => void
  onRemove: (() => void) | null
}

/** A run's knobs, and where it stands. */
export function RunCard({ run, runs, onChange, onRemove }: RunCardProps) {
  const look = runs.indexOf(run)
  const { settings } = run
  const knobs = order.filter((key) => (key !== 'momentum' || settings.norm === 'batch') && (key !== 'place' || settings.norm !== 'none'))
  const evaluation = run.evaluations.items.at(-1)
  const status = run.status.value
  return (
    <section class={`panel run look-${look}`} aria-label={`Run ${look + 1}: ${nameOf(run, runs)}`}>
      <header>
        <h2>
          <svg width="34" height="14" viewBox="0 0 34 14" aria-hidden="true" class="series">
            <path class="line" d="M1 7h32" stroke-dasharray={dashes[look]} />
          </svg>
          {nameOf(run, runs)}
        </h2>
        <span class={`status ${status}`}>{inWords[status]}</span>
        {onRemove && (
          <button type="button" class="quiet remove" aria-label={`Remove run ${look + 1}`} onClick={onRemove}>
            ×
          </button>
        )}
      </header>
      <div class="run-knobs">
        {knobs.map((key) => (
          <Knob
            key={key}
            id={`run${look + 1}-${key}`}
            setting={runSettings[key]}
            value={settings[key]}
            onChange={(value) => onChange({ ...settings, [key]: value })}
          />
        ))}
      </div>
      {run.divergence && (
        <p class="verdict" role="status">
          Loss {run.divergence.loss} at step {run.divergence.step}: the first bad number is in <code>{run.divergence.layer}</code>, its {run.divergence.tensor}.
        </p>
      )}
      {run.problem && (
        <p class="verdict" role="status">
          {run.problem}
        </p>
      )}
      <Readings
        list={[
          { term: 'step', value: run.step, text: run.step.toLocaleString('en-US') },
          { term: 'loss', value: run.step === 0 && Number.isNaN(run.loss.latest) ? undefined : run.loss.latest },
          { term: 'test', value: evaluation?.testAccuracy, text: evaluation ? percent(evaluation.testAccuracy) : '–' },
          { term: 'steps/s', value: run.stepsPerSecond, text: run.stepsPerSecond > 0 ? run.stepsPerSecond.toFixed(run.stepsPerSecond < 10 ? 1 : 0) : '–' },
        ]}
      />
      {run.backend && (
        <p class="marks" data-backend>
          {computer(run.backend)}
          {run.memory && (
            <>
              {' · '}
              <span class="together">
                <data value={run.memory.tensors} data-reading="tensors">
                  {run.memory.tensors}
                </data>{' '}
                tensors, {(run.memory.bytes / 1e6).toFixed(1)} MB
              </span>
            </>
          )}
        </p>
      )}
      {run.changes.length > 0 && (
        <p class="marks">
          {run.changes
            .slice(-3)
            .map(({ step, text }) => `step ${step}: ${text}`)
            .join(' · ')}
        </p>
      )}
    </section>
  )
}
