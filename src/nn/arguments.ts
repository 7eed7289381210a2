/**
 * Refuses a layer whose required arguments are left out: JavaScript would go on with `undefined`.
 * @param given the arguments under PyTorch's names
 * @throws TypeError with Python's text
 */
export function requireArguments(layer: string, given: Readonly<Record<string, unknown>>): void {
  const missing = Object.keys(given)
    .filter((name) => given[name] === undefined)
    .map((name) => `'${name}'`)
  if (missing.length === 0) return
  const list = missing.length < 3 ? missing.join(' and ') : `${missing.slice(0, -1).join(', ')}, and ${missing.at(-1)}`
  throw new TypeError(`${layer}.__init__() missing ${missing.length} required positional argument${missing.length === 1 ? '' : 's'}: ${list}`)
}
