import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { flagOf, type SettingTable } from '../../src/experiments/settings.js'
import { download, fileName, tableCsv } from '../charts/export.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { Panel } from '../parts/panel.js'
import { Progress } from '../parts/progress.js'
import { announce, go, route } from '../state/app.js'
import { flagsOf, readSettings, strayNotes, writeSettings } from '../state/url.js'
import { LabWorker } from '../worker/client.js'
import type { ExperimentView } from '../worker/protocol.js'
import { FigureView } from './figure.js'
import { TableView } from './table.js'
import { useExperiment } from './use-experiment.js'
import { type ExperimentWords, settingTable } from './words.js'

/** What the registry has, from the worker that has it. */
const words = signal<readonly ExperimentWords[] | null>(null)
const loadProblem = signal('')
let asked: LabWorker | undefined

function load(): void {
  if (asked) return
  asked = new LabWorker()
  asked.ask<'describe'>({ type: 'describe' }).then(
    ({ experiments }) => {
      words.value = experiments
    },
    (error: Error) => {
      loadProblem.value = error.message
    },
  )
}

export function ExperimentsPage() {
  useEffect(load, [])
  const [, name] = route.value.path
  if (loadProblem.value) return <Lead title="Experiments" text={loadProblem.value} />
  const list = words.value
  if (!list) return <Lead title="Experiments" text="Loading the library…" />
  if (!name) return <Index list={list} />
  const experiment = list.find((e) => e.name === name)
  if (experiment) return <ExperimentPage key={name} experiment={experiment} />
  return (
    <Lead title={`There is no experiment “${name}”`} text="The address may be of another version of the lab.">
      <p>
        <a href="#/experiments">All experiments</a>
      </p>
    </Lead>
  )
}

const Lead = ({ title, text, children }: { title: string; text: string; children?: ComponentChildren }) => (
  <div class="lead">
    <h1>{title}</h1>
    <p>{text}</p>
    {children}
  </div>
)

function Index({ list }: { list: readonly ExperimentWords[] }) {
  return (
    <>
      <Lead
        title="What is said, and what is measured"
        text="Each of these takes a common claim about normalization and runs it, here, on real networks. The findings are computed from the runs and may contradict the textbook."
      />
      <ul class="cards">
        {list.map(({ name, title, claim }) => (
          <li key={name} class="panel">
            <h2>
              <a href={`#/experiments/${name}`}>{title}</a>
            </h2>
            <p>“{claim}”</p>
            <p class="quiet-text small">
              <code>evenkeel experiment {name}</code>
            </p>
          </li>
        ))}
      </ul>
      <OpenResults />
    </>
  )
}

/** A results.json of the command. */
function OpenResults() {
  const [view, setView] = useState<ExperimentView | null>(null)
  const [wrong, setWrong] = useState('')
  const open = async (file: File | undefined) => {
    if (!file) return
    const worker = new LabWorker()
    try {
      const answer = await worker.ask<'results'>({ type: 'results', text: await file.text() })
      setView(answer.view)
      setWrong('')
      announce(`${file.name} opened`)
    } catch (error) {
      setView(null)
      setWrong(`${file.name}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      worker.end()
    }
  }
  return (
    <>
      <section
        class="panel drop"
        aria-label="Open a result"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault()
          void open(event.dataTransfer?.files[0])
        }}
      >
        <label for="results-file">
          Open a <code>results.json</code> of the command, or drop it here
        </label>
        <input id="results-file" type="file" accept=".json,application/json" onChange={(event) => open(event.currentTarget.files?.[0])} />
        {wrong && (
          <p class="problem" role="alert">
            {wrong}
          </p>
        )}
      </section>
      {view && (
        <>
          <h2 class="result-title">{view.title}</h2>
          <ResultView view={view} />
        </>
      )}
    </>
  )
}

function ExperimentPage({ experiment }: { experiment: ExperimentWords }) {
  const table: SettingTable = useMemo(() => settingTable(experiment.settings), [experiment])
  const { params } = route.value
  const { values, notes } = useMemo(() => {
    const reading = readSettings(table, params)
    return { values: reading.values, notes: [...strayNotes(params, flagsOf(table)), ...reading.notes] }
  }, [table, params])
  const { running, progress, view, problem, run, stop } = useExperiment(experiment.name, experiment.title)
  const set = (name: string, value: unknown) => go(['experiments', experiment.name], writeSettings(table, { ...values, [name]: value }))
  const quick = () =>
    go(
      ['experiments', experiment.name],
      Object.entries(experiment.quick).map(([name, text]) => [flagOf(name, table[name]), text]),
    )
  return (
    <>
      <div class="lead">
        <p class="count">
          <a href="#/experiments">Experiments</a>
        </p>
        <h1>{experiment.title}</h1>
        <p>It is said: “{experiment.claim}”</p>
      </div>
      <Notes notes={notes} />
      <section class="panel" aria-label="Settings">
        <div class="knobs settings">
          {Object.entries(table).map(([name, setting]) => (
            <Knob key={name} id={name} setting={setting} value={values[name]} disabled={running} onChange={(value) => set(name, value)} />
          ))}
        </div>
        <div class="controls">
          {running ? (
            <button type="button" class="primary" onClick={stop}>
              Stop
            </button>
          ) : (
            <button type="button" class="primary" onClick={() => run(Object.fromEntries(writeSettings(table, values)))}>
              Run
            </button>
          )}
          {Object.keys(experiment.quick).length > 0 && (
            <button type="button" disabled={running} onClick={quick}>
              Quick settings
            </button>
          )}
          <button type="button" class="quiet" disabled={running} onClick={() => go(['experiments', experiment.name])}>
            Defaults
          </button>
          <Progress progress={progress} />
        </div>
        <p class="command quiet-text small">
          <code>
            evenkeel experiment {experiment.name}
            {writeSettings(table, values).map(([name, text]) => ` --${name} ${text}`)}
          </code>
        </p>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </section>
      {view ? (
        <ResultView view={view} />
      ) : (
        !running && (
          <p class="waiting quiet-text">
            Run it, and what the runs say to that is told here, with every figure and number. With the settings as they stand that may take minutes; with the
            quick ones it takes seconds.
          </p>
        )
      )}
    </>
  )
}

const verdicts = { holds: 'holds', 'does not hold': 'does not hold', depends: 'depends' } as const

function ResultView({ view }: { view: ExperimentView }) {
  const { result, summary, findings, figures, method } = view
  return (
    <>
      {!result.complete && (
        <p class="so-far quiet-text small" role="status">
          {result.runs.length} of {result.planned} runs so far.
        </p>
      )}
      {findings.length > 0 && (
        <Panel id="findings" heading="What these runs say">
          <ul class="findings">
            {findings.map(({ claim, verdict, text }) => (
              <li key={claim + text}>
                {verdict && <span class={`verdict-tag ${verdict.replaceAll(' ', '-')}`}>{verdicts[verdict]}</span>}
                {claim && <strong>{claim} </strong>}
                {text}
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {figures.map((figure) => (
        <FigureView key={figure.id} figure={figure} />
      ))}
      <Panel id="summary" heading="At a glance">
        {summary.rows.length > 0 ? <TableView table={summary} /> : <p class="quiet-text">Comes with the first runs that are whole.</p>}
        <p class="exports">
          <button type="button" class="quiet" onClick={() => download(`${fileName(result.experiment)}.csv`, tableCsv(summary), 'text/csv')}>
            CSV
          </button>
          <button type="button" class="quiet" onClick={() => download('results.json', JSON.stringify(result), 'application/json')}>
            results.json
          </button>
        </p>
        <details>
          <summary>How it was measured</summary>
          <dl class="method">
            {method.map(([term, text]) => (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </details>
      </Panel>
    </>
  )
}
