import { checkOptions, kindOf, ValueError } from '../core/errors.js'
import { pythonFloat } from '../nn/names.js'

/** One option of an optimizer. */
export interface Option<T> {
  readonly initial: T
  /** What the value must be, in words. */
  readonly kind: string
  isKind(value: unknown): boolean
  /** PyTorch's sentence about a value out of range, or null where it is right. */
  complaint(value: T): string | null
}

/** The options of an optimizer by name, in the order of PyTorch's `param_groups`. */
export type OptionTable<O> = { readonly [K in keyof O]: Option<O[K]> }

const isFiniteNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function numberOption(initial: number, label: string, inRange: (value: number) => boolean): Option<number> {
  return {
    initial,
    kind: 'a number',
    isKind: (value) => typeof value === 'number',
    complaint: (value) => (isFiniteNumber(value) && inRange(value) ? null : `Invalid ${label}: ${pythonFloat(value)}`),
  }
}

export const anyNumber = (initial: number, label: string): Option<number> => numberOption(initial, label, () => true)
export const nonNegative = (initial: number, label: string): Option<number> => numberOption(initial, label, (v) => v >= 0)
export const fraction = (initial: number, label: string): Option<number> => numberOption(initial, label, (v) => v >= 0 && v <= 1)

export const flag = (initial = false): Option<boolean> => ({
  initial,
  kind: 'true or false',
  isKind: (value) => typeof value === 'boolean',
  complaint: () => null,
})

export type Betas = readonly [number, number]

/** The decay rates of the first and second moment, each below 1. */
export const betas = (): Option<Betas> => ({
  initial: [0.9, 0.999],
  kind: 'an array of two numbers',
  isKind: (value) => Array.isArray(value) && value.length === 2 && value.every((v) => typeof v === 'number'),
  complaint(value) {
    const at = value.findIndex((v) => !(v >= 0 && v < 1))
    return at < 0 ? null : `Invalid beta parameter at index ${at}: ${pythonFloat(value[at])}`
  },
})

/** How PyTorch computes a step, never what it computes: it has several implementations, and there is one here. */
const executionOptions = ['foreach', 'fused', 'capturable', 'differentiable']
export const isExecutionOption = (name: string): boolean => executionOptions.includes(name)

/** @throws TypeError for options that `owner` does not have */
export function checkNames(owner: string, options: object, known: readonly string[]): void {
  const execution = Object.keys(options ?? {}).find(isExecutionOption)
  if (execution !== undefined) {
    throw new TypeError(`${owner}: option '${execution}' chooses among PyTorch's implementations of the same step; here there is one. Leave it out.`)
  }
  checkOptions(owner, options, known)
}

export function checkKind<T>(owner: string, name: string, option: Option<T>, value: unknown): void {
  if (option.isKind(value)) return
  throw new TypeError(`${owner}: ${name} must be ${option.kind}, got ${kindOf(value)}`)
}

/**
 * The value of every option: the one given, else the fallback's.
 * @throws TypeError where a value is of the wrong kind, ValueError with PyTorch's sentence where it is out of range or not finite
 */
export function completeOptions<O extends object>(
  owner: string,
  table: OptionTable<O>,
  given: Partial<O>,
  fallback: (name: keyof O & string) => O[keyof O & string],
): O {
  const complete = {} as O
  for (const name of Object.keys(table) as (keyof O & string)[]) {
    const option = table[name]
    const value = given[name] === undefined ? fallback(name) : given[name]
    checkKind(owner, name, option, value)
    const complaint = option.complaint(value)
    if (complaint !== null) throw new ValueError(complaint)
    complete[name] = value
  }
  return complete
}
