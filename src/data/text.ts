import { checkOptions, kindOf, ValueError } from '../core/errors.js'
import { gunzip, readPackaged } from './packaged.js'

/**
 * Text from the bytes of a UTF-8 file; a byte order mark at its start is left out.
 * @throws ValueError that names the first byte that is no UTF-8
 */
export function decodeText(bytes: Uint8Array): string {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`decodeText: expected the bytes of a file as a Uint8Array, got ${kindOf(bytes)}`)
  try {
    // A copy where memory is shared, which a decoder refuses.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice())
  } catch (cause) {
    const at = firstInvalid(bytes)
    const byte = at < bytes.length ? `0x${bytes[at].toString(16).padStart(2, '0')}` : 'the end of the text in the middle of a character'
    throw new ValueError(`invalid UTF-8 at byte ${at.toLocaleString('en-US')} (counted from 0): found ${byte}`, { cause })
  }
}

/** Where a text stops being UTF-8, by the table of well-formed byte sequences (Unicode 15, table 3-7). */
function firstInvalid(bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at++]
    if (lead < 0x80) continue
    const more = lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0
    if (more === 0) return at - 1
    // The second byte's range rules out overlong forms, surrogates and what lies above U+10FFFF.
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    for (let i = 0; i < more; i++, at++) {
      if (at >= bytes.length || bytes[at] < low || bytes[at] > high) return at
      low = 0x80
      high = 0xbf
    }
  }
  return at
}

/**
 * Cuts a text, or the tokens of one, into what is learned from and what is held out: the last part of it, as neighbouring pieces know each other.
 * @param validation the share that is held out. Default 0.1.
 * @throws ValueError where the share is not between 0 and 1
 */
export function splitText(text: string, validation = 0.1): { train: string; validation: string } {
  if (typeof text !== 'string') throw new TypeError(`splitText: expected a text, got ${kindOf(text)}`)
  if (!(validation >= 0 && validation <= 1)) throw new ValueError(`splitText: validation must be a share from 0 to 1, got ${validation}`)
  let cut = text.length - Math.floor(text.length * validation)
  // Not through the middle of a character of two units.
  if (/[\udc00-\udfff]/.test(text.charAt(cut)) && /[\ud800-\udbff]/.test(text.charAt(cut - 1))) cut++
  return { train: text.slice(0, cut), validation: text.slice(cut) }
}

export interface LoadMobyDickOptions {
  /** `'whole'` for 1,191,933 characters (0.48 MB to load), `'start'` for the first 300,000 (0.12 MB). Default `'whole'`. */
  part?: 'whole' | 'start'
  /** The folder with the files, ending in `/`, for pages whose bundler does not carry it along. Default: the one in the package. */
  source?: string | URL
}

/**
 * Real prose: Moby Dick by Herman Melville (public domain, see data/moby-dick), in ASCII, 80 different characters.
 * @throws ValueError where a file can't be had or is damaged
 */
export async function loadMobyDick(options: LoadMobyDickOptions = {}): Promise<string> {
  checkOptions('loadMobyDick', options, ['part', 'source'])
  const { part = 'whole', source = new URL('../../data/moby-dick/', import.meta.url) } = options
  if (part !== 'whole' && part !== 'start') throw new ValueError(`loadMobyDick: part must be 'whole' or 'start', got ${part}`)
  const names = part === 'whole' ? ['part-1.txt.gz', 'part-2.txt.gz'] : ['part-1.txt.gz']
  const parts = names.map(async (name) => {
    const file = await readPackaged(source instanceof URL ? new URL(name, source) : `${source}${name}`)
    const damaged = (cause: unknown) => new ValueError(`the file ${name} is damaged: it is cut off or changed, as decompressing it failed`, { cause })
    return decodeText(await gunzip(file, damaged))
  })
  return (await Promise.all(parts)).join('')
}
