import { useEffect, useRef, useState } from 'preact/hooks'
import type { Setting } from '../../src/experiments/settings.js'

interface KnobProps {
  id: string
  setting: Setting<unknown>
  value: unknown
  onChange: (value: unknown) => void
  disabled?: boolean
}

/** The control of a setting: a menu, a switch, or a field that says what it takes when it is given something else. */
export function Knob(props: KnobProps) {
  const { setting } = props
  if (setting.kind === 'choice' && setting.item && setting.choices) return <ManyChoices {...props} choices={setting.choices} />
  if (setting.kind === 'choice' && setting.choices) return <Menu {...props} choices={setting.choices} />
  if (setting.kind === 'switch' && !setting.item) return <Switch {...props} />
  return <Field {...props} />
}

function Menu({ id, setting, value, onChange, disabled, choices }: KnobProps & { choices: Readonly<Record<string, string>> }) {
  return (
    <div class="knob">
      <label for={id} title={setting.help}>
        {setting.label}
      </label>
      <select id={id} value={setting.toText(value)} disabled={disabled} onChange={(event) => onChange(setting.fromText(event.currentTarget.value))}>
        {Object.entries(choices).map(([name, text]) => (
          <option value={name} key={name}>
            {text}
          </option>
        ))}
        {setting.isValid(null) && <option value="none">none</option>}
      </select>
    </div>
  )
}

/** Several of a few. */
function ManyChoices({ id, setting, value, onChange, disabled, choices }: KnobProps & { choices: Readonly<Record<string, string>> }) {
  const chosen = setting.toText(value).split(',')
  const toggle = (name: string, on: boolean) => {
    const next = setting.fromText(
      Object.keys(choices)
        .filter((n) => (n === name ? on : chosen.includes(n)))
        .join(','),
    )
    if (next !== undefined) onChange(next)
  }
  return (
    <fieldset class="knob many" disabled={disabled}>
      <legend title={setting.help}>{setting.label}</legend>
      <div>
        {Object.entries(choices).map(([name, text]) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              id={`${id}-${name}`}
              checked={chosen.includes(name)}
              disabled={chosen.length === 1 && chosen[0] === name}
              onChange={(event) => toggle(name, event.currentTarget.checked)}
            />
            {text}
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function Switch({ id, setting, value, onChange, disabled }: KnobProps) {
  return (
    <label class="knob check" title={setting.help}>
      <input type="checkbox" id={id} checked={value === true} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />
      {setting.label}
    </label>
  )
}

function Field({ id, setting, value, onChange, disabled }: KnobProps) {
  const text = setting.toText(value)
  const [problem, setProblem] = useState('')
  const input = useRef<HTMLInputElement>(null)
  // A value from elsewhere, such as the back button, replaces what was typed.
  useEffect(() => {
    if (input.current) input.current.value = text
    setProblem('')
  }, [text])
  const wholeNumber = setting.kind === 'integer' && !setting.item
  const change = (typed: string) => {
    const next = setting.fromText(typed)
    setProblem(next === undefined ? `must be ${setting.expected}` : '')
    if (next !== undefined && setting.toText(next) !== text) onChange(next)
  }
  const attributes = {
    ref: input,
    id,
    autocomplete: 'off',
    defaultValue: text,
    disabled,
    'aria-invalid': problem !== '',
    'aria-describedby': problem ? `${id}-problem` : undefined,
    onChange: (event: { currentTarget: HTMLInputElement }) => change(event.currentTarget.value),
  }
  return (
    <div class={`knob ${wholeNumber ? 'short' : ''}`}>
      <label for={id} title={setting.help}>
        {setting.label}
      </label>
      {wholeNumber ? (
        <input
          {...attributes}
          type="number"
          min={setting.min ?? undefined}
          max={setting.max ?? undefined}
          onInput={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <input {...attributes} type="text" inputMode={setting.item ? 'text' : 'decimal'} />
      )}
      {problem && (
        <span class="problem" id={`${id}-problem`} role="alert">
          {setting.label} {problem}
        </span>
      )}
    </div>
  )
}
