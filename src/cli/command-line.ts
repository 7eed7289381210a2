import { parseArgs } from 'node:util'
import { nearestName, ValueError } from '../core/errors.js'
import { flagOf, type Setting, type SettingsOf, type SettingTable } from '../experiments/index.js'

/** How a command line is read, whatever the command: options by name, settings by their tables, errors in a sentence. */

/** The command line could not be understood; exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export interface Option {
  name: string
  /** What stands for the value in the help; none for a switch. */
  value?: string
  help: string
  /** Also known by a letter. */
  short?: string
}

export interface Command {
  name: string
  summary: string
  details: string
  /** What stands for the one argument that it takes, if it takes one. */
  argument?: string
  options: readonly Option[]
  examples: readonly string[]
}

const valueWords = { integer: 'N', number: 'X', choice: 'WORD', switch: 'yes|no' } as const

/** A flag for each setting, with what it may be and its default. */
export function settingOptions(settings: SettingTable): Option[] {
  return Object.entries(settings).map(([name, setting]) => ({
    name: flagOf(name, setting),
    value: setting.item ? 'LIST' : valueWords[setting.kind],
    help: settingHelp(setting),
  }))
}

/** A setting that says its own default in words has no other. */
function settingHelp({ help, choices, toText, default: value }: Setting<unknown>): string {
  const words = `${help}${choices ? `: ${Object.keys(choices).join(', ')}` : ''}`
  return help.includes('default') ? words : `${words} (default ${toText(value)})`
}

/** What a reader of settings has to say about wrong ones is said of the command line. */
export function wellUsed<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ValueError ? new UsageError(`${error.message}.`) : error
  }
}

export function didYouMean(word: string, known: readonly string[]): string {
  const nearest = nearestName(word, known)
  return nearest ? ` Did you mean ${nearest}?` : ''
}

/** Values by the options' long names; switches have an empty one, and an argument stands under what the help calls it. */
export function optionValues(command: Command, args: readonly string[]): Map<string, string> {
  const options = Object.fromEntries(
    command.options.map(({ name, value, short }) => [name, { type: value ? ('string' as const) : ('boolean' as const), ...(short ? { short } : {}) }]),
  )
  // Not strict, as parseArgs's own errors name neither what is near nor what is missing.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true })
  const values = new Map<string, string>()
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional' && command.argument && !values.has(command.argument)) {
      values.set(command.argument, token.value)
      continue
    }
    if (token.kind === 'positional') throw new UsageError(`${command.name} takes no argument '${token.value}'; options begin with --.`)
    const option = command.options.find(({ name, short }) => token.rawName === `--${name}` || token.rawName === `-${short}`)
    if (!option) {
      const known = command.options.map(({ name }) => `--${name}`)
      throw new UsageError(`${command.name} has no option ${token.rawName}.${didYouMean(token.rawName, known) || ` Its options: ${known.join(', ')}.`}`)
    }
    if (values.has(option.name)) throw new UsageError(`--${option.name} is given twice.`)
    if (option.value && !token.value) throw new UsageError(`--${option.name} needs a value: --${option.name} ${option.value}.`)
    if (!option.value && token.value !== undefined) throw new UsageError(`--${option.name} takes no value, got '${token.value}'.`)
    values.set(option.name, token.value ?? '')
  }
  return values
}

/** The settings that have a flag on the command line. */
export function givenSettings<T extends SettingTable>(table: T, values: ReadonlyMap<string, string>): Partial<SettingsOf<T>> {
  const given = Object.fromEntries(
    Object.entries(table).flatMap(([name, setting]) => {
      const flag = flagOf(name, setting)
      const text = values.get(flag)
      return text === undefined ? [] : [[name, settingValue(flag, setting, text)]]
    }),
  )
  return given as Partial<SettingsOf<T>>
}

function settingValue(flag: string, setting: Setting<unknown>, text: string): unknown {
  const value = setting.fromText(text)
  if (value !== undefined) return value
  const { item, expected } = setting
  if (!item) throw new UsageError(`--${flag} must be ${expected}, got '${text}'.${setting.choices ? didYouMean(text, Object.keys(setting.choices)) : ''}`)
  const parts = text.split(',').map((part) => part.trim())
  const wrong = parts.find((part) => item.fromText(part) === undefined)
  if (wrong !== undefined) settingValue(flag, item, wrong)
  const twice = parts.find((part, i) => parts.indexOf(part) < i)
  throw new UsageError(twice === undefined ? `--${flag} must have ${expected}, got '${text}'.` : `--${flag} names ${twice} twice.`)
}

type Reader<T> = (option: string, text: string) => T

const number = (text: string): number => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN)

export const wholeNumber =
  (low: number, high: number): Reader<number> =>
  (option, text) => {
    const value = number(text)
    if (Number.isInteger(value) && value >= low && value <= high) return value
    throw new UsageError(`--${option} must be a whole number from ${low} to ${high}, got '${text}'.`)
  }

export const positiveNumber: Reader<number> = (option, text) => {
  const value = number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new UsageError(`--${option} must be a finite number above 0, got '${text}'.`)
}
