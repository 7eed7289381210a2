import { signal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Exports } from '../charts/exports.js'
import { CodePane } from '../parts/code-pane.js'
import { Knob } from '../parts/knob.js'
import { Notes } from '../parts/notes.js'
import { shortNumber } from '../parts/number.js'
import { announce, go, route } from '../state/app.js'
import { flagsOf, strayNotes } from '../state/url.js'
import type { AxesNumbers } from '../training/axes.js'
import { LabWorker } from '../worker/client.js'
import { type Block, blockOf, cellName } from './block.js'
import { BlockView } from './block-view.js'
import { Calculation } from './calculation.js'
import { axesCode } from './code.js'
import { Cube } from './cube.js'
import { blockPicture, blockRows, sharedInWords } from './picture.js'
import { readAxes, usualTrailing, writeAxes } from './read.js'
import { type AxesSettings, axesSettings, type NormChoice } from './settings.js'

let worker: LabWorker | undefined
const cell = signal(0)
const after = signal(false)

const inOneLine: Readonly<Record<NormChoice, string>> = {
  batch: 'one for each channel, over the batch',
  layer: 'one for each sample, over its features',
  instance: 'one for each channel of each sample',
  group: 'one for each group of channels of each sample',
  rms: 'one for each sample, and no mean',
}

/** The front door: which numbers share a mean. */
export function AxesPage() {
  const { params } = route.value
  const { settings, asked, notes } = useMemo(() => {
    const { settings, notes } = readAxes(params)
    return { settings, asked: blockOf(settings), notes: [...strayNotes(params, flagsOf(axesSettings)), ...notes] }
  }, [params])
  const { shown, of, problem } = useNumbers(settings, asked)
  // While the numbers of another block are under way, the last one stays with its own.
  const block = of ?? asked
  const chosen = Math.min(cell.value, block.groupOf.length - 1)

  const set = (change: Partial<AxesSettings>) => go([], writeAxes({ ...settings, ...change }))
  const unsaid = useRef(false)
  const choose = (next: number) => {
    if (next === cell.value) return
    cell.value = next
    unsaid.current = true
  }
  // Also where the numbers come after the choice.
  useEffect(() => {
    if (!shown || !unsaid.current) return
    unsaid.current = false
    announce(`${cellName(block, cell.value)}: ${shortNumber(shown.before[cell.value])} becomes ${shortNumber(shown.after[cell.value])}`)
  }, [shown, cell.value])
  const { norm, input } = settings
  const sizes: (keyof AxesSettings)[] = ['n', ...(input === 'sequence' ? (['l'] as const) : []), 'c', ...(input === 'image' ? (['h', 'w'] as const) : [])]
  const size = block.members[0].length
  return (
    <>
      <div class="lead">
        <h1>Which numbers share a mean?</h1>
        <p>
          Every normalization layer subtracts a mean and divides by a spread. They differ in one thing only: <em>whose</em> mean. Each colour below is one set
          of numbers that are averaged together. Point at a number to see the sum.
        </p>
      </div>
      <div class="norms" role="radiogroup" aria-label="Normalization">
        {Object.entries(axesSettings.norm.choices ?? {}).map(([name, label]) => (
          <label key={name} class={name === norm ? 'norm chosen' : 'norm'}>
            <input type="radio" name="norm" value={name} checked={name === norm} onChange={() => set({ norm: name as NormChoice })} />
            <Cube norm={name as NormChoice} />
            <span>
              <strong>{label}</strong>
              <small>{inOneLine[name as NormChoice]}</small>
            </span>
          </label>
        ))}
      </div>
      <Notes notes={notes} />
      <div class="axes">
        <section class="stage" aria-label="The block">
          <div class="knobs">
            <Knob
              id="input"
              setting={axesSettings.input}
              value={input}
              onChange={(v) => set({ input: v as AxesSettings['input'], trailing: usualTrailing[v as AxesSettings['input']] })}
            />
            {sizes.map((name) => (
              <Knob key={name} id={name} setting={axesSettings[name]} value={settings[name]} onChange={(v) => set({ [name]: v })} />
            ))}
            {norm === 'group' && <Knob id="groups" setting={axesSettings.groups} value={settings.groups} onChange={(v) => set({ groups: v as number })} />}
            {(norm === 'layer' || norm === 'rms') && <TrailingChoice block={asked} value={settings.trailing} onChange={(trailing) => set({ trailing })} />}
          </div>
          <div class="bar">
            <p class="caption">
              <strong>{block.groups}</strong> {block.groups === 1 ? 'statistic' : 'statistics'} of <strong>{size}</strong> {size === 1 ? 'value' : 'values'}
              <span class="quiet-text">
                {' '}
                — {block.words.each ? `one for each ${block.words.each}` : 'one for everything'}, over {block.words.over || 'nothing but itself'}
              </span>
            </p>
            <div class="segments" role="group" aria-label="Numbers shown">
              <button type="button" aria-pressed={!after.value} onClick={() => (after.value = false)}>
                Before
              </button>
              <button type="button" aria-pressed={after.value} onClick={() => (after.value = true)}>
                After
              </button>
            </div>
          </div>
          <BlockView block={block} values={shown ? (after.value ? shown.after : shown.before) : null} cell={chosen} onCell={choose} />
          <div class="bar under">
            <Knob id="trained" setting={axesSettings.trained} value={settings.trained} onChange={(v) => set({ trained: v as boolean })} />
            <button type="button" class="quiet" onClick={() => set({ seed: settings.seed + 1 })}>
              Other numbers
            </button>
          </div>
          {shown && <BlockFiles block={block} numbers={shown} title={`${axesSettings.norm.choices?.[norm]}, ${after.value ? 'after' : 'before'}`} />}
        </section>
        <div class="beside">
          {problem ? (
            <section class="panel problem-box" role="alert">
              <h2>No statistic of one number</h2>
              <p>{problem}</p>
              <p class="quiet-text">That is the layer’s own error, in PyTorch’s words: the variance of a single value says nothing.</p>
            </section>
          ) : shown ? (
            <Calculation block={block} numbers={shown} cell={chosen} />
          ) : (
            <section class="panel calculation">
              <p class="quiet-text">The numbers come from the library …</p>
            </section>
          )}
          <CodePane code={axesCode(settings, asked.shape)} />
        </div>
      </div>
    </>
  )
}

interface Answered {
  shown: AxesNumbers | null
  /** The block whose numbers these are. */
  of: Block | null
  problem: string
}

/** The numbers of the library, from its worker. */
function useNumbers(settings: AxesSettings, block: Block): Answered {
  const [state, setState] = useState<Answered>({ shown: null, of: null, problem: '' })
  const key = JSON.stringify(settings)
  useEffect(() => {
    let current = true
    worker ??= new LabWorker()
    worker.ask<'axes'>({ type: 'axes', settings }).then(
      ({ numbers }) => current && setState({ shown: numbers, of: block, problem: '' }),
      (error: Error) => current && setState({ shown: null, of: null, problem: error.message }),
    )
    return () => {
      current = false
    }
  }, [key])
  return state
}

function TrailingChoice({ block, value, onChange }: { block: Block; value: number; onChange: (trailing: number) => void }) {
  const { names, shape } = block
  return (
    <div class="knob">
      <label for="trailing">normalizedShape</label>
      <select id="trailing" value={String(value)} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {names.map((_, i) => {
          const from = names.length - 1 - i
          return (
            <option key={from} value={String(i + 1)}>
              [{names.slice(from).join(', ')}] = [{shape.slice(from).join(', ')}]
            </option>
          )
        })}
      </select>
    </div>
  )
}

/** The block as files, and every statistic of it as a table. */
function BlockFiles({ block, numbers, title }: { block: Block; numbers: AxesNumbers; title: string }) {
  const [open, setOpen] = useState(false)
  const whole = `${title}. ${sharedInWords(block)}`
  return (
    <details class="export" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Numbers and files</summary>
      {open && (
        <>
          <Exports
            title={title}
            markup={() => blockPicture(block, after.value ? numbers.after : numbers.before, whole)}
            data={() => blockRows(block, numbers)}
          />
          <div class="scroll" tabIndex={0} role="region" aria-label="Statistics">
            <table>
              <caption>Mean and variance of each group of cells, and what the layer makes of it</caption>
              <thead>
                <tr>
                  <th scope="col">first cell</th>
                  <th scope="col" class="number">
                    values
                  </th>
                  <th scope="col" class="number">
                    {block.norm.centered ? 'mean' : 'mean (kept)'}
                  </th>
                  <th scope="col" class="number">
                    {block.norm.centered ? 'variance' : 'mean square'}
                  </th>
                  <th scope="col" class="number">
                    mean after
                  </th>
                </tr>
              </thead>
              <tbody>
                {block.members.map((members, g) => (
                  <tr key={g}>
                    <th scope="row">{cellName(block, members[0])}</th>
                    <td class="number">{members.length}</td>
                    <td class="number">{shortNumber(numbers.mean[g], 4)}</td>
                    <td class="number">{shortNumber(numbers.variance[g], 4)}</td>
                    <td class="number">{shortNumber(members.reduce((sum, i) => sum + numbers.after[i], 0) / members.length, 4)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </details>
  )
}
