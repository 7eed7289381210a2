import { checkOptions } from './errors.js'
import type { Shape } from './shape.js'
import { Tensor } from './tensor.js'

/**
 * Optional arguments in both of Python's manners: the most used ones by position, in PyTorch's order, and all of them by name in an object that
 * comes last. `new nn.MaxPool2d(2, 2, { ceilMode: true })` is `new nn.MaxPool2d(2, { stride: 2, ceilMode: true })`.
 */

/** What may follow the required arguments: as many of the values T as one likes, then the options O. */
export type Arguments<T extends readonly unknown[], O> = (T extends readonly [...infer Fewer, unknown] ? Arguments<Fewer, O> : never) | [...T, options?: O]

const isOptions = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && !ArrayBuffer.isView(value) && !(value instanceof Tensor)

/** The options object at the end, and what stands before it. */
function splitOptions(given: readonly unknown[]): { values: readonly unknown[]; named: Readonly<Record<string, unknown>> } {
  let count = given.length
  while (count > 0 && given[count - 1] === undefined) count--
  const last = given[count - 1]
  return isOptions(last) ? { values: given.slice(0, count - 1), named: last } : { values: given.slice(0, count), named: {} }
}

/** `readOptions` for an owner that checks the names itself. */
export function byName<O extends object>(owner: string, known: readonly (keyof O & string)[], positions: number, given: readonly unknown[]): O {
  const { values, named } = splitOptions(given)
  if (values.some(isOptions)) throw new TypeError(`${owner}: the object with options comes last`)
  if (values.length > positions) throw new TypeError(tooManyValues(owner, known, positions, values))
  if (values.length === 0) return named as O
  const options: Record<string, unknown> = { ...named }
  values.forEach((value, i) => {
    if (value === undefined) return
    if (named[known[i]] !== undefined) throw new TypeError(`${owner}: got multiple values for argument '${known[i]}'`)
    options[known[i]] = value
  })
  return options as O
}

/**
 * The options of `owner`, from arguments of the type `Arguments`.
 * @param known their names in PyTorch's order
 * @param positions how many of these may stand by position; undefined there is as if left out
 * @throws TypeError for unknown names, too many values, an option given twice, and options before values
 */
export function readOptions<O extends object>(owner: string, known: readonly (keyof O & string)[], positions: number, given: readonly unknown[]): O {
  const options = byName<O>(owner, known, positions, given)
  checkOptions(owner, options, known)
  return options
}

function tooManyValues(owner: string, known: readonly string[], positions: number, values: readonly unknown[]): string {
  const byPosition = known.slice(0, positions)
  const allowed = positions === 0 ? 'takes its options by name' : `takes ${byPosition.join(', ')} by position and its other options by name`
  const meant = values.slice(positions, known.length).flatMap((value, i) => (value === undefined ? [] : [`${known[positions + i]}: ${textOf(value)}`]))
  return `${owner}: ${allowed}, in an object that comes last${meant.length > 0 ? `. Did you mean { ${meant.join(', ')} }?` : ''}`
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : Array.isArray(value) ? `[${value.map(textOf).join(', ')}]` : value instanceof Tensor ? '...' : String(value)

/** Sizes as PyTorch takes them, in an array or one by one, then the options O: `zeros([2, 3])`, `zeros(2, 3)`, `zeros(2, 3, { dtype: 'int64' })`. */
export type SizeArguments<O> = [shape: Shape, options?: O] | [...sizes: number[]] | [...sizes: number[], options: O]

/** The shape and the options, from arguments of the type `SizeArguments`. The caller checks them. */
export function readSizes<O extends object>(given: SizeArguments<O>): { shape: Shape; options: O } {
  const { values, named } = splitOptions(given)
  const shape = values.length === 1 && typeof values[0] !== 'number' ? values[0] : values
  return { shape: shape as Shape, options: named as O }
}
