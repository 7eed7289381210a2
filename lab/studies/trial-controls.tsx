import { announce } from '../state/app.js'
import type { Trials } from './trials.js'

/** Start, stop, and how far the runs are. */
export function TrialControls({ trials, start }: { trials: Trials; start: string }) {
  const { running, outcomes, done } = trials
  const all = outcomes.value.length
  const begin = async () => {
    announce(`${all} runs begin`)
    await trials.start()
    announce(`${trials.done} of ${all} runs are there`)
  }
  return (
    <div class="controls">
      {running.value ? (
        <button type="button" class="primary" onClick={() => trials.stop()}>
          Stop
        </button>
      ) : (
        <button type="button" class="primary" disabled={done === all} onClick={begin}>
          {done === 0 ? start : done === all ? 'All runs are there' : 'Go on'}
        </button>
      )}
      <div class="progress">
        <progress value={done} max={all} aria-label="Runs that are done" />
        <span>
          {done} of {all} runs
        </span>
      </div>
    </div>
  )
}
