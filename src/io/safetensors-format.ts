import { kindOf, ValueError } from '../core/errors.js'
import { type Json, type JsonObject, parseJson } from './json.js'

/**
 * The safetensors file format: 8 bytes of header length (little endian), a JSON header that gives each tensor's dtype, shape and place,
 * then the bytes of the tensors, one after the other. @see https://github.com/huggingface/safetensors#format
 */

/** A file that is no proper safetensors file, or a tensor that the format or this library does not have. */
export class SafetensorsError extends ValueError {
  override name = 'SafetensorsError'
}

/** The format's dtypes and the bytes of an element, in the order in which the reference implementation writes them: largest alignment first. */
const elementBytes = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const
/** The format's name of a dtype. */
export type SafetensorsDtype = keyof typeof elementBytes
const dtypeOrder = Object.keys(elementBytes)

/** A tensor in a file: little endian bytes in row-major order. */
export interface RawTensor {
  dtype: SafetensorsDtype
  shape: readonly number[]
  bytes: Uint8Array
}

/** A whole file. */
export interface SafetensorsContents {
  /** By name, in the order of the header. */
  tensors: Map<string, RawTensor>
  /** Strings that the writer attached; null where there are none. */
  metadata: Record<string, string> | null
}

const LENGTH_BYTES = 8
/** The reference implementation's limit, against headers made to exhaust memory. */
const MAXIMUM_HEADER_BYTES = 100_000_000

/**
 * Reads a file's bytes. The whole header is checked before anything is made; the tensors' bytes are windows onto `file`, not copies.
 * @throws SafetensorsError that says what is wrong, where, and what was expected
 */
export function parseSafetensors(file: Uint8Array): SafetensorsContents {
  if (!(file instanceof Uint8Array)) throw new TypeError('parseSafetensors: expected the bytes of a file as a Uint8Array')
  // Node's Buffer is a Uint8Array whose slice() makes no copy.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  const header = readHeader(bytes)
  const data = bytes.subarray(LENGTH_BYTES + header.length)
  const entries: Entry[] = []
  let metadata: Record<string, string> | null = null
  for (const [name, value] of header.json) {
    if (name === '__metadata__') metadata = readMetadata(value)
    else entries.push(readEntry(name, value, data.length))
  }
  checkCoverage(entries, data.length)
  return {
    tensors: new Map(entries.map(({ name, dtype, shape, begin, end }) => [name, { dtype, shape, bytes: data.subarray(begin, end) }])),
    metadata,
  }
}

function readHeader(bytes: Uint8Array): { length: number; json: JsonObject } {
  if (bytes.length < LENGTH_BYTES) {
    throw new SafetensorsError(`not a safetensors file: it has ${bytes.length} bytes, and the length of the header alone takes ${LENGTH_BYTES}`)
  }
  const declared = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  if (declared > BigInt(MAXIMUM_HEADER_BYTES)) {
    throw new SafetensorsError(
      `the header claims ${declared} bytes, more than the ${MAXIMUM_HEADER_BYTES} allowed: this is no safetensors file, or a hostile one`,
    )
  }
  const length = Number(declared)
  if (length > bytes.length - LENGTH_BYTES) {
    throw new SafetensorsError(
      `the header claims ${length} bytes, but only ${bytes.length - LENGTH_BYTES} follow its length: the file is cut off or no safetensors file`,
    )
  }
  let text: string
  try {
    // A copy, as TextDecoder refuses shared memory.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.slice(LENGTH_BYTES, LENGTH_BYTES + length))
  } catch {
    throw new SafetensorsError('the header is not valid UTF-8')
  }
  if (text[0] !== '{') throw new SafetensorsError(`the header must begin with '{', found ${length === 0 ? 'nothing' : JSON.stringify(text[0])}`)
  const json = parseJson(text, (message, at) => {
    throw new SafetensorsError(`the header is not valid JSON: ${message} (at character ${at} of ${text.length})`)
  })
  if (!(json instanceof Map)) throw new SafetensorsError('the header must be a JSON object')
  return { length, json }
}

function readMetadata(value: Json): Record<string, string> {
  if (!(value instanceof Map)) throw new SafetensorsError(`__metadata__ must be an object of strings, got ${kind(value)}`)
  const entries: [string, string][] = []
  for (const [key, text] of value) {
    if (typeof text !== 'string') throw new SafetensorsError(`__metadata__: the value of ${JSON.stringify(key)} must be a string, got ${kind(text)}`)
    entries.push([key, text])
  }
  return Object.fromEntries(entries)
}

interface Entry {
  name: string
  dtype: SafetensorsDtype
  shape: number[]
  begin: number
  end: number
}

function readEntry(name: string, value: Json, available: number): Entry {
  const refuse = (message: string): never => {
    throw new SafetensorsError(`tensor ${JSON.stringify(name)}: ${message}`)
  }
  if (!(value instanceof Map)) return refuse(`expected an object with dtype, shape and data_offsets, got ${kind(value)}`)
  for (const key of ['dtype', 'shape', 'data_offsets']) if (!value.has(key)) refuse(`${key} is missing`)

  const dtype = value.get('dtype') as Json
  if (!isDtype(dtype)) return refuse(`unknown dtype ${kind(dtype)}, expected one of ${dtypeOrder.join(', ')}`)

  const shape = value.get('shape') as Json
  if (!isWholeNumbers(shape)) return refuse(`shape must be an array of whole numbers, got ${kind(shape)}`)

  const offsets = value.get('data_offsets') as Json
  if (!isWholeNumbers(offsets) || offsets.length !== 2) return refuse(`data_offsets must be two whole numbers, got ${kind(offsets)}`)
  const [begin, end] = offsets
  if (begin > end) refuse(`data_offsets [${begin}, ${end}] end before they begin`)
  if (end > available) refuse(`data_offsets [${begin}, ${end}] reach beyond the data, which has ${available} bytes: the file is cut off or the header wrong`)

  const needed = byteSize(dtype, shape)
  if (needed === null) return refuse(`shape [${shape.join(', ')}] of ${dtype} is too large`)
  if (needed !== end - begin) refuse(`shape [${shape.join(', ')}] of ${dtype} takes ${needed} bytes, but data_offsets [${begin}, ${end}] hold ${end - begin}`)
  return { name, dtype, shape, begin, end }
}

/** The tensors must cover the data without gap, overlap or rest: a file cannot hide anything, nor name the same bytes twice. */
function checkCoverage(entries: readonly Entry[], available: number): void {
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let covered = 0
  let previous = 'the start of the data'
  for (const { name, begin, end } of ordered) {
    if (begin !== covered) {
      const problem = begin < covered ? 'overlaps' : 'leaves a gap after'
      throw new SafetensorsError(`tensor ${JSON.stringify(name)}: data_offsets [${begin}, ${end}] ${problem} ${previous}; expected to begin at ${covered}`)
    }
    covered = end
    previous = `tensor ${JSON.stringify(name)}, which ends at ${end}`
  }
  if (covered !== available) throw new SafetensorsError(`the tensors take ${covered} bytes, but the file has ${available} bytes of data`)
}

/** Bytes of a tensor, or null beyond what a number holds exactly. */
function byteSize(dtype: SafetensorsDtype, shape: readonly number[]): number | null {
  let size: number = elementBytes[dtype]
  for (const s of shape) {
    size *= s
    if (!Number.isSafeInteger(size)) return null
  }
  return size
}

const isDtype = (value: unknown): value is SafetensorsDtype => typeof value === 'string' && dtypeOrder.includes(value)
const isWholeNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0)

/** A value as an error text shows it, cut short. */
function kind(value: Json): string {
  if (value instanceof Map) return 'an object'
  const text = JSON.stringify(value, (_, v) => (v instanceof Map ? '{…}' : v))
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/**
 * Makes the bytes of a file. Order and padding are the reference implementation's: dtypes of the largest alignment first, then names, and
 * spaces after the header so that the data begins at a multiple of 8.
 * @throws SafetensorsError where a name, dtype, shape or number of bytes can't be written
 */
export function serializeSafetensors(tensors: Iterable<readonly [string, RawTensor]>, metadata: Record<string, string> | null = null): Uint8Array {
  if (typeof tensors?.[Symbol.iterator] !== 'function')
    throw new TypeError(`serializeSafetensors: expected pairs of a name and a tensor, got ${kindOf(tensors)}`)
  const pairs = [...tensors]
  if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    throw new TypeError('serializeSafetensors: each entry must be a pair of a name and a tensor')
  const ordered = pairs.map(([name, tensor]) => ({ name, key: encodeName(name), ...tensor }))
  ordered.sort((a, b) => dtypeOrder.indexOf(a.dtype) - dtypeOrder.indexOf(b.dtype) || compareBytes(a.key, b.key))

  const header: string[] = []
  if (metadata !== null) header.push(`"__metadata__":${JSON.stringify(checkMetadata(metadata))}`)
  let size = 0
  const names = new Set<string>()
  for (const { name, dtype, shape, bytes } of ordered) {
    if (!isDtype(dtype))
      throw new SafetensorsError(`tensor ${JSON.stringify(name)}: unknown dtype ${JSON.stringify(dtype)}, expected one of ${dtypeOrder.join(', ')}`)
    if (!isWholeNumbers(shape)) throw new SafetensorsError(`tensor ${JSON.stringify(name)}: shape must be an array of whole numbers`)
    const needed = byteSize(dtype, shape)
    if (needed !== bytes.length) {
      throw new SafetensorsError(`tensor ${JSON.stringify(name)}: shape [${shape.join(', ')}] of ${dtype} takes ${needed} bytes, got ${bytes.length}`)
    }
    if (names.has(name)) throw new SafetensorsError(`two tensors are named ${JSON.stringify(name)}`)
    header.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [size, size + needed] })}`)
    size += needed
    names.add(name)
  }

  const json = new TextEncoder().encode(`{${header.join(',')}}`)
  const length = Math.ceil(json.length / 8) * 8
  if (length > MAXIMUM_HEADER_BYTES) throw new SafetensorsError(`the header would take ${length} bytes, more than the ${MAXIMUM_HEADER_BYTES} allowed`)
  const file = new Uint8Array(LENGTH_BYTES + length + size)
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true)
  file.set(json, LENGTH_BYTES)
  file.fill(0x20, LENGTH_BYTES + json.length, LENGTH_BYTES + length)
  let at = LENGTH_BYTES + length
  for (const { bytes } of ordered) {
    file.set(bytes, at)
    at += bytes.length
  }
  return file
}

function encodeName(name: string): Uint8Array {
  if (name === '__metadata__') throw new SafetensorsError("a tensor can't be named __metadata__: the format keeps its metadata under that name")
  if (/\p{Surrogate}/u.test(name)) throw new SafetensorsError(`the name ${JSON.stringify(name)} is not valid Unicode: it has half of a surrogate pair`)
  return new TextEncoder().encode(name)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

function checkMetadata(metadata: Record<string, string>): Record<string, string> {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') throw new SafetensorsError(`metadata: the value of ${JSON.stringify(key)} must be a string, got ${typeof value}`)
  }
  return metadata
}
