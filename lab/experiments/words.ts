import { choice, integer, list, number, orNone, positive, type Setting, type SettingTable, toggle } from '../../src/experiments/settings.js'

/** A setting as a message can carry it: its functions are made again on the page from the kind and the bounds. */
export interface SettingWords extends Pick<Setting<unknown>, 'kind' | 'flag' | 'label' | 'help' | 'min' | 'max' | 'choices' | 'expected'> {
  default: unknown
  item: SettingWords | null
  /** Whether there may be none. */
  optional: boolean
  /** Whether a value of a list may be there twice. */
  repeats: boolean
  /** Whether a bound is left out of what is allowed, as 0 is of `positive`. */
  above: boolean
}

export interface ExperimentWords {
  name: string
  title: string
  claim: string
  settings: Record<string, SettingWords>
  /** Values for a look that takes seconds, as text. */
  quick: Record<string, string>
}

export function settingWords(setting: Setting<unknown>): SettingWords {
  const { kind, flag, label, help, min, max, choices, expected, item } = setting
  return {
    kind,
    flag,
    label,
    help,
    min,
    max,
    choices,
    expected,
    default: setting.default,
    item: item ? settingWords(item) : null,
    optional: setting.isValid(null),
    repeats: item !== null && Array.isArray(setting.default) && setting.default.length > 0 && setting.isValid([setting.default[0], setting.default[0]]),
    above: kind === 'number' && min === 0 && max === null,
  }
}

/** The table of an experiment's settings, as the experiment itself has it. */
export const settingTable = (words: Readonly<Record<string, SettingWords>>): SettingTable =>
  Object.fromEntries(Object.entries(words).map(([name, setting]) => [name, settingOf(setting)]))

function settingOf(words: SettingWords): Setting<unknown> {
  const { item, repeats, optional } = words
  const one: Setting<unknown> = item
    ? list(settingOf(item), { ...words, flag: undefined, default: words.default as readonly unknown[], repeats })
    : single(words)
  return { ...(optional ? orNone(one) : one), flag: words.flag, default: words.default, expected: words.expected }
}

function single({ kind, label, help, min, max, choices, above, ...words }: SettingWords): Setting<unknown> {
  const low = min ?? -Number.MAX_VALUE
  const high = max ?? Number.MAX_VALUE
  const value = typeof words.default === 'number' ? words.default : low
  switch (kind) {
    case 'choice':
      return choice({ label, help, default: String(words.default), choices: choices ?? {} })
    case 'switch':
      return toggle({ label, help, default: words.default === true })
    case 'integer':
      return integer({ label, help, default: value, min: low, max: high })
    case 'number':
      return above ? positive({ label, help, default: value }) : number({ label, help, default: value, min: low, max: high })
  }
}
