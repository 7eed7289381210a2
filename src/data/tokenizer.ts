import { IndexError, kindOf, ValueError } from '../core/errors.js'
import { emptyTensor, Tensor } from '../core/tensor.js'

/** Turns text into numbers from 0 to vocabSize - 1, and back. */
export interface Tokenizer {
  readonly vocabSize: number
  /** @returns int64 [number of tokens] */
  encode(text: string): Tensor
  /** Text of tokens: a tensor of whole numbers, of any shape, or numbers in an array. @throws IndexError for a number that is no token */
  decode(tokens: Tensor | Iterable<number | bigint>): string
}

/** How a character is named in a message: `'é' (U+00E9)`. */
const named = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return `'${character}' (U+${code.toString(16).toUpperCase().padStart(4, '0')})`
}

function checkText(owner: string, text: unknown): asserts text is string {
  if (typeof text !== 'string') throw new TypeError(`${owner}: expected a text, got ${kindOf(text)}`)
}

function numbersOf(owner: string, tokens: Tensor | Iterable<number | bigint>, vocabSize: number): number[] {
  if (!(tokens instanceof Tensor) && typeof tokens?.[Symbol.iterator] !== 'function')
    throw new TypeError(`${owner}: expected a tensor or an array of tokens, got ${kindOf(tokens)}`)
  return Array.from(tokens instanceof Tensor ? tokens.toTypedArray() : tokens, (token) => {
    const number = typeof token === 'number' || typeof token === 'bigint' ? Number(token) : Number.NaN
    if (!(Number.isInteger(number) && number >= 0 && number < vocabSize))
      throw new IndexError(`${owner}: ${String(token)} is not a token; they are whole numbers from 0 to ${vocabSize - 1}`)
    return number
  })
}

/**
 * A token for each character (Unicode code point) that occurs in a text, in the order of their code points.
 * `new CharTokenizer(other.vocabulary)` makes the same tokenizer again.
 * @example const tokenizer = new CharTokenizer('to be'); tokenizer.encode('bee') // [1, 2, 2]: the vocabulary is ' beot'
 */
export class CharTokenizer implements Tokenizer {
  /** Every character once; its place is its token. */
  readonly vocabulary: string
  private readonly characters: readonly string[]
  private readonly tokens: ReadonlyMap<string, bigint>

  /** @param text has all characters that will be met */
  constructor(text: string) {
    checkText('CharTokenizer', text)
    this.characters = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
    this.vocabulary = this.characters.join('')
    this.tokens = new Map(this.characters.map((character, i) => [character, BigInt(i)]))
  }

  get vocabSize(): number {
    return this.characters.length
  }

  /** @throws ValueError that names the first character that is not in the vocabulary, and where it stands */
  encode(text: string): Tensor {
    checkText('CharTokenizer.encode', text)
    const { tokens, vocabSize } = this
    let count = 0
    for (const character of text) {
      if (!tokens.has(character))
        throw new ValueError(`the character ${named(character)}, number ${count + 1} of the text, is not in the vocabulary of ${vocabSize} characters`)
      count++
    }
    const encoded = emptyTensor([count], 'int64')
    const data = encoded.data
    let i = 0
    for (const character of text) data[i++] = tokens.get(character)!
    return encoded
  }

  decode(tokens: Tensor | Iterable<number | bigint>): string {
    return numbersOf('CharTokenizer.decode', tokens, this.vocabSize)
      .map((token) => this.characters[token])
      .join('')
  }
}

/** A token for each byte of the text in UTF-8: any text can be encoded, with 256 tokens. */
export class ByteTokenizer implements Tokenizer {
  readonly vocabSize = 256

  encode(text: string): Tensor {
    checkText('ByteTokenizer.encode', text)
    const bytes = new TextEncoder().encode(text)
    const encoded = emptyTensor([bytes.length], 'int64')
    const data = encoded.data
    for (const [i, byte] of bytes.entries()) data[i] = BigInt(byte)
    return encoded
  }

  /** Bytes that are no UTF-8, as a model may write them, become U+FFFD. */
  decode(tokens: Tensor | Iterable<number | bigint>): string {
    return new TextDecoder().decode(Uint8Array.from(numbersOf('ByteTokenizer.decode', tokens, 256)))
  }
}
