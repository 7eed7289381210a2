import { useMemo } from 'preact/hooks'
import { type AdviseSettings, advise, adviseSettings } from '../../src/experiments/advise.js'
import { CodePane } from '../parts/code-pane.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { Panel } from '../parts/panel.js'
import { announce, go, route } from '../state/app.js'
import { flagsOf, readSettings, strayNotes, writeSettings } from '../state/url.js'

/** Which norm for a network, with reasons that can be run. */
export function AdvisePage() {
  const { params } = route.value
  const { settings, advice, notes } = useMemo(() => {
    const { values, notes } = readSettings(adviseSettings, params)
    return { settings: values, advice: advise(values), notes: [...strayNotes(params, flagsOf(adviseSettings)), ...notes] }
  }, [params])
  const set = (change: Partial<AdviseSettings>) => {
    const next = { ...settings, ...change }
    go(['advise'], writeSettings(adviseSettings, next))
    announce(`Advice: ${advise(next).norm}`)
  }
  const knobs = (Object.keys(adviseSettings) as (keyof AdviseSettings)[]).filter((key) => matters(key, settings))
  const { norm, certainty, reasons, dependsOn, code } = advice
  return (
    <>
      <div class="lead">
        <h1>Which norm for this network?</h1>
        <p>Rules of the field, each with the experiment that puts it to the test. Say what you have; what is sure is told from what depends.</p>
      </div>
      <Notes notes={notes} />
      <section class="panel" aria-label="What you have">
        <div class="knobs">
          {knobs.map((key) => (
            <Knob key={key} id={key} setting={adviseSettings[key]} value={settings[key]} onChange={(value) => set({ [key]: value })} />
          ))}
        </div>
      </section>
      <div class="advice">
        <Panel
          id="advice"
          heading="Take"
          class="answer"
          aside={<span class={`verdict-tag ${certainty === 'sure' ? '' : 'depends'}`}>{certainty === 'sure' ? 'sure' : 'a start: it depends'}</span>}
        >
          <p class="big-answer">{norm}</p>
          <ul class="reasons">
            {reasons.map(({ text, experiment }) => (
              <li key={text}>
                {text} <ExperimentLink name={experiment} />
              </li>
            ))}
          </ul>
          {dependsOn.length > 0 && (
            <>
              <h3>To weigh</h3>
              <ul class="reasons weigh">
                {dependsOn.map((text) => (
                  <li key={text}>{linked(text)}</li>
                ))}
              </ul>
            </>
          )}
        </Panel>
        <CodePane code={{ torch: code.pytorch, evenkeel: code.evenkeel }} heading="The line to write">
          <p class="command quiet-text small">
            <code>{commandOf(settings)}</code>
          </p>
        </CodePane>
      </div>
    </>
  )
}

/** Questions whose answer changes nothing are not asked. */
function matters(key: keyof AdviseSettings, settings: AdviseSettings): boolean {
  const { choices, kind } = adviseSettings[key]
  const others = kind === 'switch' ? [true, false] : choices ? Object.keys(choices) : [1, 2, 15, 16, 1000]
  return key === 'arch' || new Set(others.map((value) => JSON.stringify(advise({ ...settings, [key]: value })))).size > 1
}

const ExperimentLink = ({ name }: { name: string }) => (
  <a class="measured" href={`#/experiments/${name}`}>
    measured: {name}
  </a>
)

/** `experiment batch-size` in a sentence leads there. */
function linked(text: string) {
  const [before, name, after] = text.split(/\bexperiment ([a-z]+(?:-[a-z]+)+)/)
  if (name === undefined) return text
  return (
    <>
      {before}
      <a href={`#/experiments/${name}`}>experiment {name}</a>
      {after}
    </>
  )
}

/** The command takes images for granted, and asks whether there are none. */
const commandOf = (settings: AdviseSettings): string =>
  ['evenkeel advise', ...writeSettings(adviseSettings, settings).map(([flag, text]) => (flag === 'image' ? '--no-image' : `--${flag} ${text}`))].join(' ')
