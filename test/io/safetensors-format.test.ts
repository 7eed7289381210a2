import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSafetensors, type RawTensor, type SafetensorsDtype, SafetensorsError, serializeSafetensors } from '../../src/io/safetensors-format.js'

const golden = new URL('../golden/', import.meta.url)

/** A file from the text of its header and its data, with any claim about the header's length. */
function file(header: string, data: ArrayLike<number> = [], claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

const entry = (dtype: string, shape: unknown, offsets: unknown) => JSON.stringify({ dtype, shape, data_offsets: offsets })
const eight = new Uint8Array(8)

describe('files of the reference implementation', () => {
  const files = ['', 'checkpoints/'].flatMap((folder) =>
    readdirSync(new URL(folder, golden))
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => folder + name),
  )
  it('are found', () => expect(files.length).toBeGreaterThan(20))
  for (const name of files) {
    it(`${name} is read, and written again byte for byte`, () => {
      const bytes = new Uint8Array(readFileSync(new URL(name, golden)))
      const { tensors, metadata } = parseSafetensors(bytes)
      expect(tensors.size).toBeGreaterThan(10)
      expect(metadata).not.toBeNull()
      const again = serializeSafetensors(tensors, metadata)
      expect(again.length).toBe(bytes.length)
      expect(Buffer.compare(again, bytes)).toBe(0)
    })
  }

  it('all dtypes have the shapes and bytes that are expected', () => {
    const { tensors, metadata } = parseSafetensors(readFileSync(new URL('checkpoints/dtypes.safetensors', golden)))
    expect(metadata).toEqual({ format: 'pt', note: 'café' })
    expect([...new Set([...tensors.values()].map(({ dtype }) => dtype))].sort()).toEqual(['BF16', 'BOOL', 'F16', 'F32', 'F64', 'I16', 'I32', 'I64', 'I8', 'U8'])
    expect(tensors.get('scalar')).toMatchObject({ shape: [] })
    expect(tensors.get('empty')?.bytes.length).toBe(0)
    expect(tensors.get('empty')?.shape).toContain(0)
  })

  it('reads a view into a larger buffer, and Buffers', () => {
    const bytes = file(`{"a":${entry('U8', [8], [0, 8])}}`, [1, 2, 3, 4, 5, 6, 7, 8])
    const padded = Buffer.concat([Buffer.from('xyz'), bytes, Buffer.from('end')])
    const { tensors } = parseSafetensors(padded.subarray(3, 3 + bytes.length))
    expect(tensors.get('a')?.bytes).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
  })

  it('reads from shared memory', () => {
    const bytes = file(`{"a":${entry('U8', [8], [0, 8])}}`, eight)
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    expect(parseSafetensors(shared).tensors.get('a')?.shape).toEqual([8])
  })
})

describe('hostile and broken files are refused, saying what is wrong', () => {
  const a = (offsets: unknown, shape: unknown = [2], dtype = 'F32') => `{"a":${entry(dtype, shape, offsets)}}`
  const cases: [string, Uint8Array, string][] = [
    ['empty', new Uint8Array(0), 'it has 0 bytes'],
    ['shorter than the length', Uint8Array.of(1, 2, 3), 'it has 3 bytes'],
    ['header length of 2^64 - 1', file('{}', [], 2n ** 64n - 1n), 'claims 18446744073709551615 bytes'],
    ['header length above the limit', file('{}', [], 100_000_001n), 'more than the 100000000 allowed'],
    ['header length above the file', file('{}', eight, 11n), 'claims 11 bytes, but only 10 follow'],
    ['header length 0', file(''), "must begin with '{', found nothing"],
    ['header that is an array', file('[]'), `must begin with '{', found "["`],
    ['header after a space', file(' {}'), `must begin with '{', found " "`],
    ['header with a byte order mark', file('\ufeff{}'), "must begin with '{'"],
    ['bad UTF-8', Uint8Array.of(...file('{}').subarray(0, 8), 0xff, 0x7d), 'not valid UTF-8'],
    ['truncated JSON', file('{"a":'), 'not valid JSON: expected a value, found the end (at character 5 of 5)'],
    ['text after the header', file('{} x'), 'expected the end, found "x" (at character 3 of 4)'],
    ['single quotes', file("{'a':1}"), 'expected a key in quotes'],
    ['trailing comma', file('{"a":1,}'), 'expected a key in quotes, found "}"'],
    ['unclosed string', file('{"a'), 'a string without a closing quote'],
    ['line break in a string', file('{"a\n":1}'), 'a string with a control character'],
    ['bad number', file('{"a":01}'), `expected ',' or '}', found "1"`],
    ['nested too deep', file(`{"a":${'['.repeat(100_000)}`), 'nested more than 64 deep'],
    ['duplicate name', file(`{"a":${entry('U8', [8], [0, 8])},"a":${entry('U8', [8], [0, 8])}}`, eight), 'the key "a" appears twice'],
    ['duplicate name in escapes', file(`{"a":${entry('U8', [8], [0, 8])},"\\u0061":${entry('U8', [8], [0, 8])}}`, eight), 'the key "a" appears twice'],
    ['duplicate dtype', file('{"a":{"dtype":"U8","dtype":"I8","shape":[8],"data_offsets":[0,8]}}', eight), 'the key "dtype" appears twice'],
    ['tensor that is no object', file('{"a":5}'), 'tensor "a": expected an object with dtype, shape and data_offsets, got 5'],
    ['dtype missing', file('{"a":{"shape":[8],"data_offsets":[0,8]}}', eight), 'tensor "a": dtype is missing'],
    ['shape missing', file('{"a":{"dtype":"U8","data_offsets":[0,8]}}', eight), 'tensor "a": shape is missing'],
    ['offsets missing', file('{"a":{"dtype":"U8","shape":[8]}}', eight), 'tensor "a": data_offsets is missing'],
    ['unknown dtype', file(a([0, 8], [2], 'F31'), eight), 'tensor "a": unknown dtype "F31", expected one of U64, I64'],
    ['dtype of an object prototype', file(a([0, 8], [2], 'constructor'), eight), 'unknown dtype "constructor"'],
    ['dtype that is a number', file('{"a":{"dtype":5,"shape":[8],"data_offsets":[0,8]}}', eight), 'unknown dtype 5'],
    ['negative size', file(a([0, 8], [-2]), eight), 'shape must be an array of whole numbers, got [-2]'],
    ['fractional size', file(a([0, 8], [0.5]), eight), 'got [0.5]'],
    ['size beyond 2^53', file('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,8]}}', eight), 'shape must be an array of whole numbers'],
    ['shape that is a number', file(a([0, 8], 2), eight), 'shape must be an array of whole numbers, got 2'],
    ['shape whose product overflows', file(a([0, 8], [2 ** 40, 2 ** 40]), eight), 'is too large'],
    ['shape that overflows before a zero', file(a([0, 0], [2 ** 40, 2 ** 40, 0])), 'is too large'],
    ['three offsets', file(a([0, 4, 8]), eight), 'data_offsets must be two whole numbers, got [0,4,8]'],
    ['negative offset', file(a([-8, 0]), eight), 'data_offsets must be two whole numbers'],
    ['fractional offset', file(a([0, 7.5]), eight), 'data_offsets must be two whole numbers'],
    ['offsets backwards', file(a([8, 0]), eight), 'data_offsets [8, 0] end before they begin'],
    ['offsets beyond the data', file(a([0, 16], [4]), eight), 'data_offsets [0, 16] reach beyond the data, which has 8 bytes'],
    ['size against offsets', file(a([0, 8], [3]), eight), 'shape [3] of F32 takes 12 bytes, but data_offsets [0, 8] hold 8'],
    ['gap at the start', file(a([4, 8], [1]), eight), 'leaves a gap after the start of the data; expected to begin at 0'],
    ['rest at the end', file(a([0, 4], [1]), eight), 'the tensors take 4 bytes, but the file has 8 bytes of data'],
    ['data without tensors', file('{}', eight), 'the tensors take 0 bytes, but the file has 8'],
    [
      'gap',
      file(`{"a":${entry('U8', [2], [0, 2])},"b":${entry('U8', [4], [4, 8])}}`, eight),
      'tensor "b": data_offsets [4, 8] leaves a gap after tensor "a", which ends at 2',
    ],
    ['overlap', file(`{"a":${entry('U8', [6], [0, 6])},"b":${entry('U8', [4], [4, 8])}}`, eight), 'tensor "b": data_offsets [4, 8] overlaps tensor "a"'],
    ['same bytes twice', file(`{"a":${entry('U8', [8], [0, 8])},"b":${entry('U8', [8], [0, 8])}}`, eight), 'overlaps tensor "a"'],
    [
      'empty tensor inside another',
      file(`{"a":${entry('U8', [8], [0, 8])},"b":${entry('U8', [0], [4, 4])}}`, eight),
      'tensor "b": data_offsets [4, 4] overlaps tensor "a"',
    ],
    ['metadata that is a list', file('{"__metadata__":[]}'), '__metadata__ must be an object of strings, got []'],
    ['metadata with a number', file('{"__metadata__":{"a":1}}'), '__metadata__: the value of "a" must be a string, got 1'],
    ['duplicate metadata', file('{"__metadata__":{"a":"1","a":"2"}}'), 'the key "a" appears twice'],
  ]
  for (const [name, bytes, text] of cases) {
    it(name, () => {
      expect(() => parseSafetensors(bytes)).toThrow(SafetensorsError)
      expect(() => parseSafetensors(bytes)).toThrow(text)
    })
  }

  it('accepts what the format allows: any order, spaces, an empty file, empty tensors at a border, names of object members', () => {
    const order = parseSafetensors(file(`{"b" : ${entry('U8', [4], [4, 8])} , "a":${entry('U8', [4], [0, 4])}}   `, [1, 2, 3, 4, 5, 6, 7, 8]))
    expect(order.tensors.get('b')?.bytes).toEqual(Uint8Array.of(5, 6, 7, 8))
    expect(parseSafetensors(file('{}')).tensors.size).toBe(0)
    const borders = `{"a":${entry('U8', [0], [0, 0])},"b":${entry('U8', [8], [0, 8])},"c":${entry('F64', [3, 0], [8, 8])}}`
    expect(parseSafetensors(file(borders, eight)).tensors.size).toBe(3)
    const odd = parseSafetensors(file(`{"__proto__":${entry('U8', [8], [0, 8])},"__metadata__":{"__proto__":"x"}}`, eight))
    expect(odd.tensors.get('__proto__')?.shape).toEqual([8])
    expect(Object.entries(odd.metadata ?? {})).toEqual([['__proto__', 'x']])
  })

  it('refuses what is no Uint8Array', () => {
    expect(() => parseSafetensors('text' as never)).toThrow(TypeError)
  })
})

describe('writing', () => {
  const raw = (dtype: SafetensorsDtype, shape: number[], bytes: number): RawTensor => ({ dtype, shape, bytes: new Uint8Array(bytes).fill(7) })

  it('orders by alignment, then name, and aligns the data to 8 bytes', () => {
    const bytes = serializeSafetensors([
      ['u8', raw('U8', [3], 3)],
      ['b32', raw('F32', [1], 4)],
      ['é', raw('F32', [1], 4)],
      ['a32', raw('F32', [1], 4)],
      ['f64', raw('F64', [1], 8)],
      ['f16', raw('F16', [1], 2)],
    ])
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    const header = new TextDecoder().decode(bytes.subarray(8, 8 + length))
    expect(Object.keys(JSON.parse(header))).toEqual(['f64', 'a32', 'b32', 'é', 'f16', 'u8'])
    expect(bytes.length).toBe(8 + length + 25)
  })

  it('refuses what it could not read back', () => {
    expect(() => serializeSafetensors([['__metadata__', raw('U8', [1], 1)]])).toThrow("can't be named __metadata__")
    expect(() => serializeSafetensors([['\ud800', raw('U8', [1], 1)]])).toThrow('half of a surrogate pair')
    expect(() => serializeSafetensors([['a', raw('F32', [2], 4)]])).toThrow('tensor "a": shape [2] of F32 takes 8 bytes, got 4')
    expect(() => serializeSafetensors([['a', raw('F32', [0.5], 2)]])).toThrow('shape must be an array of whole numbers')
    expect(() => serializeSafetensors([['a', raw('Q4' as SafetensorsDtype, [1], 1)]])).toThrow('unknown dtype "Q4"')
    const twice: [string, RawTensor][] = [
      ['a', raw('U8', [1], 1)],
      ['a', raw('F32', [1], 4)],
    ]
    expect(() => serializeSafetensors(twice)).toThrow('two tensors are named "a"')
    expect(() => serializeSafetensors([], { a: 1 as never })).toThrow('metadata: the value of "a" must be a string, got number')
  })

  const sizes = { U64: 8, I64: 8, F64: 8, F32: 4, U32: 4, I32: 4, BF16: 2, F16: 2, U16: 2, I16: 2, F8_E4M3: 1, F8_E5M2: 1, I8: 1, U8: 1, BOOL: 1 } as const
  const tensor = fc.tuple(fc.constantFrom(...(Object.keys(sizes) as SafetensorsDtype[])), fc.array(fc.nat(4), { maxLength: 4 })).chain(([dtype, shape]) => {
    const length = shape.reduce((n, s) => n * s, sizes[dtype])
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): RawTensor => ({ dtype, shape, bytes: new Uint8Array(bytes) }))
  })
  const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__' && !/\p{Surrogate}/u.test(text))
  const contents = fc.tuple(
    fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 8 }),
    fc.option(fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), { maxKeys: 4 })),
  )

  it('reads back what it wrote, of every dtype', () => {
    fc.assert(
      fc.property(contents, ([tensors, metadata]) => {
        const read = parseSafetensors(serializeSafetensors(tensors, metadata))
        expect(new Map([...read.tensors].sort(([a], [b]) => (a < b ? -1 : 1)))).toEqual(new Map([...tensors].sort(([a], [b]) => (a < b ? -1 : 1))))
        expect(Object.entries(read.metadata ?? {})).toEqual(Object.entries(metadata ?? {}))
      }),
      { numRuns: 300 },
    )
  })

  it('a damaged file is read or refused, never anything else', () => {
    let refused = 0
    fc.assert(
      fc.property(
        contents,
        fc.array(
          fc.record({
            at: fc.nat(),
            byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...[...'{}[]",:0123456789-e.\\u '].map((c) => c.charCodeAt(0)))),
          }),
          {
            minLength: 1,
            maxLength: 6,
          },
        ),
        fc.option(fc.nat(), { freq: 3 }),
        ([tensors, metadata], changes, cut) => {
          const bytes = serializeSafetensors(tensors, metadata)
          // Mostly in the length and the header, where damage matters.
          const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
          for (const { at, byte } of changes) bytes[at % header] = byte
          try {
            const read = parseSafetensors(cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1)))
            for (const { bytes: part } of read.tensors.values()) expect(part.length).toBeLessThanOrEqual(bytes.length)
          } catch (error) {
            expect(error).toBeInstanceOf(SafetensorsError)
            refused++
          }
        },
      ),
      { numRuns: 2000 },
    )
    expect(refused).toBeGreaterThan(1000)
  })
})
