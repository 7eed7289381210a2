/**
 * The one place where names in code and names in saved files meet: attributes are camelCase, state-dict keys PyTorch's snake_case.
 * `runningMean` is saved as `running_mean`, `layer1`, `W` and `conv_block` as themselves.
 */
export const stateKey = (attribute: string): string =>
  attribute.replace(/([a-z0-9])([A-Z])(?=[a-z0-9]|$)/g, (_, before: string, upper: string) => `${before}_${upper.toLowerCase()}`)

/** The other way: `running_mean` is `runningMean`. */
export const attributeName = (key: string): string => key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** As Python prints a float: `1e-05`, `1.0`, `0.1`, `inf`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** As Python prints a value of an option: `True`, `None`, `'zeros'`, `(3, 3)`; a number as the integer or float that it looks like. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : pythonFloat(value)
  if (Array.isArray(value)) return value.length === 1 ? `(${pythonRepr(value[0])},)` : `(${value.map(pythonRepr).join(', ')})`
  return String(value)
}
