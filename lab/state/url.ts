import { nearestName } from '../../src/core/errors.js'
import { defaultsOf, flagOf, type Setting, type SettingsOf, type SettingTable } from '../../src/experiments/settings.js'

/**
 * The state of the lab is its address: `#/workbench?v=1&seed=3&hide=code`. What is at its default is left out, so that an address says what is
 * special about it.
 */
export const URL_VERSION = 1

export interface Route {
  /** `['experiments', 'batch-size']`; the front door is `[]`. */
  path: readonly string[]
  params: ReadonlyMap<string, string>
}

export function parseHash(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?')
  return { path: path.split('/').filter(Boolean).map(decode), params: new Map([...new URLSearchParams(query)]) }
}

/** An address typed by hand may have a % that encodes nothing. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function formatHash({ path, params }: Route): string {
  // Commas and colons may stand for themselves, which keeps lists readable.
  const query = new URLSearchParams([...params]).toString().replaceAll('%2C', ',').replaceAll('%3A', ':')
  return `#/${path.map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`
}

export interface Reading<T extends SettingTable> {
  values: SettingsOf<T>
  /** A sentence for each value that could not be taken as it was. */
  notes: string[]
}

/** Settings as the address gives them; what can't be is replaced by the nearest that can, with a note. */
export function readSettings<T extends SettingTable>(table: T, params: ReadonlyMap<string, string>, start: SettingsOf<T> = defaultsOf(table)): Reading<T> {
  const notes: string[] = []
  const values: Record<string, unknown> = { ...start }
  for (const [name, setting] of Object.entries(table)) {
    const text = params.get(flagOf(name, setting))
    if (text === undefined) continue
    const value = setting.fromText(text)
    if (value !== undefined) {
      values[name] = value
      continue
    }
    const near = nearest(setting, text)
    const used = near ?? values[name]
    values[name] = used
    notes.push(`The address asks for ${setting.label} ${quoted(text)}, which must be ${setting.expected}: ${setting.toText(used)} is shown.`)
  }
  return { values: values as SettingsOf<T>, notes }
}

const quoted = (text: string): string => `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`

/** The nearest allowed number, or undefined where the text is none. */
function nearest(setting: Setting<unknown>, text: string): unknown {
  if (setting.item || (setting.kind !== 'integer' && setting.kind !== 'number') || text.trim() === '') return undefined
  const asked = Number(text)
  if (Number.isNaN(asked)) return undefined
  const bounded = Math.min(setting.max ?? Number.MAX_VALUE, Math.max(setting.min ?? -Number.MAX_VALUE, asked))
  const value = setting.kind === 'integer' ? Math.round(bounded) : bounded
  return setting.isValid(value) ? value : undefined
}

/** What the settings of a table are called in an address. */
export const flagsOf = (table: SettingTable): string[] => Object.entries(table).map(([name, setting]) => flagOf(name, setting))

/** What differs from `start`, by flag. */
export function writeSettings<T extends SettingTable>(table: T, values: SettingsOf<T>, start: SettingsOf<T> = defaultsOf(table)): [string, string][] {
  return Object.entries(table).flatMap(([name, setting]): [string, string][] => {
    const text = setting.toText(values[name])
    return text === setting.toText(start[name]) ? [] : [[flagOf(name, setting), text]]
  })
}

/** Notes about what the address says and nobody reads: a version of another day, misspelt names. */
export function strayNotes(params: ReadonlyMap<string, string>, known: readonly string[]): string[] {
  const notes: string[] = []
  for (const [name, text] of params) {
    if (name === 'v') {
      if (text !== String(URL_VERSION))
        notes.push(`This address was made by another version of the lab (${quoted(text)}, here ${URL_VERSION}): what is shown may differ.`)
    } else if (name !== 'hide' && !known.includes(name)) {
      const near = nearestName(name, known)
      notes.push(`The address names ${quoted(name)}, which this page doesn't have${near ? `; it has ${near}` : ''}.`)
    }
  }
  return notes
}
