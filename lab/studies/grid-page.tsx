import { useLayoutEffect, useMemo } from 'preact/hooks'
import { normNames } from '../../src/experiments/norms.js'
import { Exports } from '../charts/exports.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { Panel } from '../parts/panel.js'
import { go, route } from '../state/app.js'
import { flagsOf, readSettings, strayNotes, writeSettings } from '../state/url.js'
import { activationNames } from '../workbench/settings.js'
import { firstPreset } from '../workbench/state.js'
import { type Cell, cellsOf, type GridSettings, gridSettings, LEARNED, workbenchHash } from './grid.js'
import { cellText, gridPicture, gridRows } from './grid-picture.js'
import { TrialControls } from './trial-controls.js'
import { type Outcome, Trials } from './trials.js'

const trials = new Trials()
const fallback = firstPreset(innerWidth < 640)

/** Learning rate by norm by activation: where does a network learn? */
export function GridPage() {
  const { params } = route.value
  const { settings, cells, notes } = useMemo(() => {
    const { values, notes } = readSettings(gridSettings, params)
    return { settings: values, cells: cellsOf(values), notes: [...strayNotes(params, flagsOf(gridSettings)), ...notes] }
  }, [params])
  // Before the first paint: a button that can be pressed has its tasks.
  useLayoutEffect(() => trials.show(cells.map(({ config, steps }) => ({ config, steps }))), [cells])
  const set = (change: Partial<GridSettings>) => go(['studies', 'grid'], writeSettings(gridSettings, { ...settings, ...change }))
  const outcomes = trials.outcomes.value
  return (
    <>
      <Notes notes={notes} />
      <section class="panel" aria-label="Settings">
        <div class="knobs settings">
          {(Object.keys(gridSettings) as (keyof GridSettings)[]).map((key) => (
            <Knob
              key={key}
              id={key}
              setting={gridSettings[key]}
              value={settings[key]}
              disabled={trials.running.value}
              onChange={(value) => set({ [key]: value })}
            />
          ))}
        </div>
        <TrialControls trials={trials} start="Fill the grid" />
      </section>
      <Panel
        id="grid"
        heading={`Test data right after ${settings.steps} steps, in eval(), in %`}
        aside={<p class="quiet-text small">A cell opens as a run on the workbench, from the same weights.</p>}
      >
        <div class="grids">
          {settings.activations.map((activation) => (
            <table class="grid" key={activation}>
              <caption>{activationNames[activation]}</caption>
              <thead>
                <tr>
                  <th scope="col">learning rate</th>
                  {settings.rates.map((rate) => (
                    <th scope="col" key={rate}>
                      {rate}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {settings.norms.map((norm) => (
                  <tr key={norm}>
                    <th scope="row">{normNames[norm]}</th>
                    {cells.map((cell, i) =>
                      cell.norm === norm && cell.activation === activation ? <CellView key={cell.rate} cell={cell} outcome={outcomes[i]} /> : null,
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          ))}
        </div>
        <GridFiles settings={settings} cells={cells} outcomes={outcomes} />
        <p class="scale small quiet-text" aria-hidden="true">
          0% <span class="ramp" /> 100%, <span class="cell-mark diverged">✕ step</span> diverged
        </p>
      </Panel>
      <Summary settings={settings} cells={cells} outcomes={outcomes} />
    </>
  )
}

function CellView({ cell, outcome }: { cell: Cell; outcome: Outcome | undefined }) {
  const { trial } = outcome ?? {}
  const accuracy = trial?.evaluation?.testAccuracy
  const { norm, activation, rate } = cell
  const name = `${activationNames[activation]}, ${normNames[norm]}, learning rate ${rate}`
  const said =
    accuracy !== undefined
      ? `${Math.round(100 * accuracy)}% right`
      : trial?.divergence
        ? `diverged at step ${trial.divergence.step}`
        : (outcome?.problem ?? 'not run yet')
  const shade = accuracy === undefined ? undefined : { style: `--share: ${Math.round(100 * accuracy)}%` }
  return (
    <td>
      <a
        class={`cell-mark ${accuracy !== undefined ? 'filled' : trial?.divergence ? 'diverged' : ''}`}
        href={workbenchHash(cell.config, fallback)}
        aria-label={`${name}: ${said}`}
        title={`${name}: ${said}`}
        {...shade}
      >
        <data value={accuracy ?? trial?.divergence?.step}>{cellText(outcome)}</data>
      </a>
    </td>
  )
}

/** The grids as files, one after the other. */
function GridFiles({ settings, cells, outcomes }: { settings: GridSettings; cells: readonly Cell[]; outcomes: readonly (Outcome | undefined)[] }) {
  return (
    <details class="export">
      <summary>Files</summary>
      {settings.activations.map((activation) => (
        <div class="bar small" key={activation}>
          {activationNames[activation]}
          <Exports
            title={`grid ${activation}`}
            markup={() => gridPicture(settings, activation, cells, outcomes)}
            data={() => gridRows(cells, outcomes, activation)}
          />
        </div>
      ))}
    </details>
  )
}

/** The highest rate of each row that learns. */
function Summary({ settings, cells, outcomes }: { settings: GridSettings; cells: readonly Cell[]; outcomes: readonly (Outcome | undefined)[] }) {
  if (outcomes.length !== cells.length || outcomes.includes(undefined)) return null
  const highest = (norm: Cell['norm'], activation: Cell['activation']) =>
    Math.max(
      0,
      ...cells.flatMap((cell, i) =>
        cell.norm === norm && cell.activation === activation && (outcomes[i]?.trial?.evaluation?.testAccuracy ?? 0) > LEARNED ? [cell.rate] : [],
      ),
    )
  return (
    <Panel id="highest" heading={`The highest rate that gets more than ${100 * LEARNED}% right`}>
      <div class="scroll" tabIndex={0} role="region" aria-label="Highest learning rates">
        <table>
          <thead>
            <tr>
              <th scope="col">Norm</th>
              {settings.activations.map((activation) => (
                <th scope="col" class="number" key={activation}>
                  {activationNames[activation]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {settings.norms.map((norm) => (
              <tr key={norm}>
                <th scope="row">{normNames[norm]}</th>
                {settings.activations.map((activation) => (
                  <td class="number" key={activation}>
                    {highest(norm, activation) || 'none'}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
