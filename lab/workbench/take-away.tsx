import { download } from '../charts/export.js'
import { Panel } from '../parts/panel.js'
import { announce } from '../state/app.js'
import { bench } from './bench.js'
import { nameOf } from './figures.js'
import type { Run } from './run.js'
import { pytorchScript } from './script.js'
import type { BenchState } from './state.js'

/** Steps of a script for a run that has not begun. */
const STEPS = 200

/** Runs as files, and their address. @param run the one whose network and script are meant */
export function TakeAway({ state, run, runs }: { state: BenchState; run: Run; runs: readonly Run[] }) {
  const save = async (what: 'weights' | 'data', name: string) => {
    try {
      download(name, await run.save(what), 'application/octet-stream')
    } catch (error) {
      announce(`It can’t be saved: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const script = () =>
    download(
      'evenkeel-run.py',
      pytorchScript(state.bench, run.first, { steps: run.step || STEPS, address: location.href, own: bench.own.value, changes: run.changes }),
      'text/x-python',
    )
  const gone = run.status.value === 'failed' || run.status.value === 'starting'
  return (
    <Panel id="files" heading="Take it with you">
      <p>The address of this page holds every knob and the seed: whoever opens it gets the same runs, number for number.</p>
      <p class="exports">
        <button type="button" onClick={() => download('evenkeel-runs.json', json(state, runs), 'application/json')}>
          Runs as JSON
        </button>
        <button type="button" class="quiet" onClick={copyAddress}>
          Copy the address
        </button>
      </p>
      <p>{nameOf(run, runs)}: its network with PyTorch’s keys, and a program that makes the same run in PyTorch, with the same first weights and batches.</p>
      <p class="exports">
        <button type="button" disabled={gone} onClick={() => save('weights', 'evenkeel-run.safetensors')}>
          Weights (safetensors)
        </button>
        <button type="button" onClick={script}>
          PyTorch script
        </button>
        {state.bench.data === 'own' && (
          <button type="button" disabled={gone} onClick={() => save('data', 'evenkeel-data.safetensors')}>
            Data (safetensors)
          </button>
        )}
      </p>
      <p class="quiet-text small command">
        The same figures without a browser: <code>evenkeel draw '{location.href}'</code>
      </p>
    </Panel>
  )
}

async function copyAddress(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href)
    announce('Address copied')
  } catch {
    announce('The browser does not allow copying; the address is in the address bar')
  }
}

const json = (state: BenchState, runs: readonly Run[]): string =>
  JSON.stringify(
    {
      schema: 'evenkeel-lab/1',
      address: location.href,
      bench: state.bench,
      runs: runs.map((run) => ({
        settings: run.settings,
        status: run.status.value,
        step: run.step,
        divergence: run.divergence,
        problem: run.problem || null,
        began: run.first,
        changes: run.changes,
        firstLosses: run.firstLosses,
        stepsPerPoint: run.loss.stride,
        loss: run.loss.points(Number.MAX_SAFE_INTEGER),
        accuracy: run.accuracy.points(Number.MAX_SAFE_INTEGER),
        evaluations: run.evaluations.items,
        snapshots: run.snapshots.items,
      })),
    },
    // JSON knows neither NaN nor infinities.
    (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value),
  )
