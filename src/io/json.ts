/** A JSON value whose objects keep every key, `__proto__` included, in order. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = Map<string, Json>

const MAXIMUM_DEPTH = 64
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const literals: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]

/**
 * Parses JSON strictly. Unlike `JSON.parse` it refuses an object that names a key twice, where one value would silently win.
 * @param fail throws the caller's error for a message and the index of the character it is about
 */
export function parseJson(text: string, fail: (message: string, at: number) => never): Json {
  let at = 0

  const skipSpace = () => {
    for (let c = text.charCodeAt(at); c === 32 || c === 9 || c === 10 || c === 13; c = text.charCodeAt(at)) at++
  }
  const shown = () => (at < text.length ? JSON.stringify(text[at]) : 'the end')

  function string(): string {
    const start = at
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length) fail('a string without a closing quote', start)
      if (text[at] === '\\') at++
    }
    at++
    try {
      return JSON.parse(text.slice(start, at))
    } catch {
      return fail('a string with a control character or an escape that JSON does not have', start)
    }
  }

  /** The items between two brackets, separated by commas. */
  function list(close: string, item: () => void): void {
    at++
    skipSpace()
    if (text[at] === close) at++
    else
      for (;;) {
        item()
        skipSpace()
        if (text[at] === close) {
          at++
          return
        }
        if (text[at] !== ',') fail(`expected ',' or '${close}', found ${shown()}`, at)
        at++
        skipSpace()
      }
  }

  function object(depth: number): JsonObject {
    const result: JsonObject = new Map()
    list('}', () => {
      const start = at
      if (text[at] !== '"') fail(`expected a key in quotes, found ${shown()}`, at)
      const key = string()
      if (result.has(key)) fail(`the key ${JSON.stringify(key)} appears twice`, start)
      skipSpace()
      if (text[at] !== ':') fail(`expected ':' after the key ${JSON.stringify(key)}, found ${shown()}`, at)
      at++
      result.set(key, value(depth))
    })
    return result
  }

  function array(depth: number): Json[] {
    const result: Json[] = []
    list(']', () => result.push(value(depth)))
    return result
  }

  function value(depth: number): Json {
    skipSpace()
    if (depth > MAXIMUM_DEPTH) fail(`nested more than ${MAXIMUM_DEPTH} deep`, at)
    if (text[at] === '"') return string()
    if (text[at] === '{') return object(depth + 1)
    if (text[at] === '[') return array(depth + 1)
    number.lastIndex = at
    const match = number.exec(text)
    if (match) {
      at = number.lastIndex
      return Number(match[0])
    }
    for (const [word, meaning] of literals) {
      if (text.startsWith(word, at)) {
        at += word.length
        return meaning
      }
    }
    return fail(`expected a value, found ${shown()}`, at)
  }

  const result = value(0)
  skipSpace()
  if (at < text.length) fail(`expected the end, found ${shown()}`, at)
  return result
}
