/**
 * JSON of results, which knows no NaN and no infinities: they are written as texts and read back as the numbers they were, so that a run that is read from a
 * file is drawn as it was.
 */

const names: ReadonlyMap<unknown, number> = new Map([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) => [String(value), value]))

export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner))

/** @throws SyntaxError where it is no JSON */
export const fromJson = (text: string): unknown =>
  JSON.parse(text, function (this: object, key: string, inner: unknown) {
    // A divergence says in words what the loss was.
    return key === 'loss' && 'where' in this ? inner : (names.get(inner) ?? inner)
  })
