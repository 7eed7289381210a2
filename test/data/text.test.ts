import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ValueError } from '../../src/core/errors.js'
import { decodeText, loadMobyDick, splitText } from '../../src/data/index.js'

const folder = new URL('../../data/moby-dick/', import.meta.url)
const readme = readFileSync(new URL('README.md', folder), 'utf8')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('the files', () => {
  it('have the hashes that their README names, and their licence beside them', () => {
    for (const name of ['part-1.txt.gz', 'part-2.txt.gz']) {
      const file = readFileSync(new URL(name, folder))
      expect(readme).toContain(`| ${gunzipSync(file).length.toLocaleString('en-US')} | \`${sha256(file)}\` | \`${sha256(gunzipSync(file))}\` |`)
    }
    expect(readFileSync(new URL('LICENSE.md', folder), 'utf8')).toContain('https://creativecommons.org/publicdomain/zero/1.0/legalcode')
  })

  it('hold the novel, from the first words to the last, in 80 characters', async () => {
    const [whole, start] = await Promise.all([loadMobyDick(), loadMobyDick({ part: 'start' })])
    expect(whole.length).toBe(1_191_933)
    expect(new Set(whole).size).toBe(80)
    expect(whole).toMatch(/^CHAPTER 1\. Loomings\.\n\nCall me Ishmael\. Some years ago--never mind how long precisely--having\n/)
    expect(whole.trimEnd()).toMatch(/rolled on as it rolled five thousand years ago\.$/)
    expect(start).toBe(whole.slice(0, 300_000))
  })
})

it('loadMobyDick says what is wrong', async () => {
  await expect(loadMobyDick({ part: 'half' as never })).rejects.toThrow("part must be 'whole' or 'start', got half")
  await expect(loadMobyDick({ parts: 'start' } as never)).rejects.toThrow("Did you mean 'part'?")
  await expect(loadMobyDick({ source: new URL('nowhere/', folder) })).rejects.toThrow(/can't read file:.*nowhere\/part-[12]\.txt\.gz: ENOENT/)
})

describe('decodeText', () => {
  const bad = (bytes: readonly number[]): unknown => {
    try {
      return decodeText(Uint8Array.from(bytes))
    } catch (error) {
      expect(error).toBeInstanceOf(ValueError)
      return (error as Error).message
    }
  }

  it('reads UTF-8 of one to four bytes and leaves out a byte order mark', () => {
    const text = 'Ahab, é, —, 🐋\r\n'
    expect(decodeText(new TextEncoder().encode(text))).toBe(text)
    expect(decodeText(new TextEncoder().encode(`\ufeff${text}`))).toBe(text)
    expect(decodeText(new Uint8Array(0))).toBe('')
    const shared = new Uint8Array(new SharedArrayBuffer(2))
    shared.set([104, 105])
    expect(decodeText(shared)).toBe('hi')
  })

  it.each<[string, number[], string]>([
    ['latin1', [0x61, 0xe9, 0x62], 'byte 2 (counted from 0): found 0x62'],
    ['a byte that never occurs', [0x61, 0x62, 0xff], 'byte 2 (counted from 0): found 0xff'],
    ['a continuation without a beginning', [0x80], 'byte 0 (counted from 0): found 0x80'],
    ['an overlong slash', [0xc0, 0xaf], 'byte 0 (counted from 0): found 0xc0'],
    ['an overlong form of three bytes', [0xe0, 0x9f, 0x80], 'byte 1 (counted from 0): found 0x9f'],
    ['a surrogate', [0xed, 0xa0, 0x80], 'byte 1 (counted from 0): found 0xa0'],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], 'byte 1 (counted from 0): found 0x90'],
    ['cut off', [0x61, 0xe2, 0x82], 'byte 3 (counted from 0): found the end of the text in the middle of a character'],
  ])('names the byte: %s', (_, bytes, message) => {
    expect(bad(bytes)).toBe(`invalid UTF-8 at ${message}`)
  })

  it('finds a fault in any bytes that the platform refuses, and everything before it is UTF-8', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x90, 0x8b)), { maxLength: 12 }), (bytes) => {
        const at = /^invalid UTF-8 at byte (\d+)/.exec(String(bad(bytes)))
        if (!at) return
        // Before the character that the fault is in, all is well; with the fault, it is not.
        let end = Number(at[1])
        while (end > 0 && bytes[end - 1] >= 0x80) end--
        expect(() => new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes.slice(0, end)))).not.toThrow()
        expect(() => new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes.slice(0, Number(at[1]) + 1)))).toThrow()
      }),
    )
  })
})

it('splitText holds out the last part, and cuts no character in two', () => {
  expect(splitText('0123456789')).toEqual({ train: '012345678', validation: '9' })
  expect(splitText('0123456789', 0.35)).toEqual({ train: '0123456', validation: '789' })
  expect(splitText('ab🐋c', 0.4)).toEqual({ train: 'ab🐋', validation: 'c' })
  expect(splitText('', 0.1)).toEqual({ train: '', validation: '' })
  expect(() => splitText('abc', 2)).toThrow('validation must be a share from 0 to 1, got 2')
})
