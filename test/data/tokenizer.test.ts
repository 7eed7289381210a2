import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IndexError, ValueError } from '../../src/core/errors.js'
import { ByteTokenizer, CharTokenizer } from '../../src/data/index.js'
import { tensor } from '../../src/ops/index.js'

describe('CharTokenizer', () => {
  it('numbers the characters in the order of their code points', () => {
    const tokenizer = new CharTokenizer('to be or 🐋, né')
    expect(tokenizer.vocabulary).toBe(' ,benorté🐋')
    expect(tokenizer.vocabSize).toBe(10)
    const tokens = tokenizer.encode('bee 🐋')
    expect([tokens.dtype, tokens.shape]).toEqual(['int64', [5]])
    expect(tokens.toArray()).toEqual([2n, 3n, 3n, 0n, 9n])
    expect(tokenizer.decode(tokens)).toBe('bee 🐋')
    expect(tokenizer.decode([4, 8n])).toBe('né')
    expect(
      tokenizer.decode(
        tensor([
          [2n, 3n],
          [3n, 0n],
        ]),
      ),
    ).toBe('bee ')
  })

  it('gives back any text of its characters, also when made again from its vocabulary', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, more) => {
        const again = new CharTokenizer(new CharTokenizer(text + more).vocabulary)
        expect(again.decode(again.encode(text))).toBe(text)
      }),
    )
  })

  it('names what it does not know', () => {
    const tokenizer = new CharTokenizer('abc')
    expect(() => tokenizer.encode('abécd')).toThrow(
      new ValueError("the character 'é' (U+00E9), number 3 of the text, is not in the vocabulary of 3 characters"),
    )
    expect(() => tokenizer.decode([0, 3])).toThrow(new IndexError('CharTokenizer.decode: 3 is not a token; they are whole numbers from 0 to 2'))
    expect(() => tokenizer.decode([0.5])).toThrow(IndexError)
    expect(() => tokenizer.encode(5 as never)).toThrow('CharTokenizer.encode: expected a text, got number')
    expect(() => tokenizer.decode(5 as never)).toThrow('expected a tensor or an array of tokens, got number')
  })
})

describe('ByteTokenizer', () => {
  it('encodes any text as its bytes, and decodes any bytes', () => {
    const tokenizer = new ByteTokenizer()
    expect(tokenizer.encode('aé').toArray()).toEqual([97n, 0xc3n, 0xa9n])
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      }),
    )
    expect(tokenizer.decode([97, 0xff])).toBe('a\ufffd')
    expect(() => tokenizer.decode([256])).toThrow(IndexError)
  })
})
