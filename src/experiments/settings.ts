import { checkOptions, ValueError } from '../core/errors.js'

/**
 * What a person may choose about an experiment, said once: flags of the command, knobs of the page, checks of the function and the text of the
 * documentation come from the same table.
 */
export interface Setting<T> {
  readonly kind: 'integer' | 'number' | 'choice' | 'switch'
  /** Of one value of a list; null for a setting with one value. */
  readonly item: Setting<unknown> | null
  readonly default: T
  /** A knob's name: `batch size`. */
  readonly label: string
  /** A sentence without its full stop. */
  readonly help: string
  /** How the command and URLs call it; null where that is its name in kebab case. */
  readonly flag: string | null
  /** What a value must be, in words: `a whole number from 1 to 5000`. */
  readonly expected: string
  /** Of numbers; null without a bound. */
  readonly min: number | null
  readonly max: number | null
  /** What can be chosen, and how it is called in text; null where it is not a choice. */
  readonly choices: Readonly<Record<string, string>> | null
  isValid(value: unknown): value is T
  /** undefined where the text says no such value. */
  fromText(text: string): T | undefined
  /** The text that `fromText` reads back: in a command line, a URL or a table. */
  toText(value: T): string
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>
/** The values of a table's settings. */
export type SettingsOf<T extends SettingTable> = { readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never }

interface Words<T> {
  default: T
  label: string
  help: string
  flag?: string
}

const plain = { flag: null, item: null, min: null, max: null, choices: null }
const parseNumber = (text: string): number => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN)

function numeric(
  kind: 'integer' | 'number',
  words: Words<number>,
  bounds: { min: number | null; max: number | null },
  expected: string,
  fits: (v: number) => boolean,
) {
  const isValid = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && fits(value)
  const setting: Setting<number> = {
    ...plain,
    ...words,
    ...bounds,
    kind,
    expected,
    isValid,
    fromText: (text) => {
      const value = parseNumber(text)
      return isValid(value) ? value : undefined
    },
    toText: String,
  }
  return setting
}

/** A whole number, both ends allowed. */
export const integer = ({ min, max, ...words }: Words<number> & { min: number; max: number }): Setting<number> =>
  numeric('integer', words, { min, max }, `a whole number from ${min} to ${max}`, (v) => Number.isInteger(v) && v >= min && v <= max)

/** A number with both ends allowed. */
export const number = ({ min, max, ...words }: Words<number> & { min: number; max: number }): Setting<number> =>
  numeric('number', words, { min, max }, `a number from ${min} to ${max}`, (v) => v >= min && v <= max)

export const positive = (words: Words<number>): Setting<number> => numeric('number', words, { min: 0, max: null }, 'a finite number above 0', (v) => v > 0)

/** Of the generator of random numbers. */
export const seed = (words: Partial<Words<number>> = {}): Setting<number> =>
  integer({ default: 0, label: 'seed', help: 'Of the initial weights and the order of the data', min: 0, max: Number.MAX_SAFE_INTEGER, ...words })

/** One of several words. @param choices each with how it is called in text */
export function choice<C extends string>({ choices, ...words }: Words<NoInfer<C>> & { choices: Readonly<Record<C, string>> }): Setting<C> {
  const names = Object.keys(choices)
  const isValid = (value: unknown): value is C => typeof value === 'string' && names.includes(value)
  return {
    ...plain,
    ...words,
    kind: 'choice',
    choices,
    expected: `one of ${names.join(', ')}`,
    isValid,
    fromText: (text) => {
      const word = text.trim()
      return isValid(word) ? word : undefined
    },
    toText: String,
  }
}

/** Yes or no. */
export function toggle(words: Words<boolean>): Setting<boolean> {
  const values = new Map([
    ['yes', true],
    ['no', false],
  ])
  return {
    ...plain,
    ...words,
    kind: 'switch',
    expected: 'yes or no',
    isValid: (value): value is boolean => typeof value === 'boolean',
    fromText: (text) => values.get(text.trim()),
    toText: (value) => (value ? 'yes' : 'no'),
  }
}

/** A setting that may also be `none`, which is null. */
export function orNone<T>(setting: Setting<T>): Setting<T | null> {
  return {
    ...setting,
    expected: `${setting.expected}, or none`,
    isValid: (value): value is T | null => value === null || setting.isValid(value),
    fromText: (text) => (text.trim() === 'none' ? null : setting.fromText(text)),
    toText: (value) => (value === null ? 'none' : setting.toText(value)),
  }
}

interface ListWords<T> extends Partial<Words<readonly T[]>> {
  default: readonly T[]
  /** Entries at most. Default 64. */
  most?: number
  /** Whether a value may stand there twice, as in a shape. Default false. */
  repeats?: boolean
}

/** One or more values, separated by commas in text. */
export function list<T>(item: Setting<T>, { most = 64, repeats = false, ...words }: ListWords<NoInfer<T>>): Setting<readonly T[]> {
  const isValid = (value: unknown): value is readonly T[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= most &&
    value.every((v) => item.isValid(v)) &&
    (repeats || new Set<unknown>(value).size === value.length)
  return {
    ...item,
    ...words,
    item,
    expected: `1 to ${most} entries${repeats ? '' : ', none of them twice'}, each ${item.expected}`,
    isValid,
    fromText: (text) => {
      const values = text.split(',').map((part) => item.fromText(part))
      return isValid(values) ? values : undefined
    },
    toText: (values) => values.map((v) => item.toText(v)).join(','),
  }
}

/** Sizes of axes. */
export const shape = (words: Words<readonly number[]> & { most?: number; largest?: number }): Setting<readonly number[]> =>
  list(integer({ default: 1, label: words.label, help: words.help, min: 1, max: words.largest ?? 4096 }), { ...words, repeats: true, most: words.most ?? 5 })

/** Every setting at its default. */
export const defaultsOf = <T extends SettingTable>(table: T): SettingsOf<T> =>
  Object.fromEntries(Object.entries(table).map(([name, setting]) => [name, setting.default])) as SettingsOf<T>

/**
 * The given settings, and defaults for those left out.
 * @param owner named in errors
 * @throws TypeError for an unknown name, ValueError for a value that is not allowed
 */
export function completeSettings<T extends SettingTable>(owner: string, table: T, given: Partial<SettingsOf<T>>): SettingsOf<T> {
  checkOptions(owner, given, Object.keys(table))
  const values: Record<string, unknown> = { ...defaultsOf(table) }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const { isValid, expected } = table[name]
    if (!isValid(value)) throw new ValueError(`${owner}: ${name} must be ${expected}, got ${textOf(value)}`)
    values[name] = value
  }
  return values as SettingsOf<T>
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : Array.isArray(value) ? `[${value.map(textOf).join(', ')}]` : String(value)

/** How the command and URLs call a setting: `batchSizes` is `batch-size`, which takes a list. */
export const flagOf = (name: string, { flag }: Setting<unknown>): string => flag ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
