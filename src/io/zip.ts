/**
 * The part of the zip format that PyTorch's checkpoints use: entries that are stored, not compressed, in one archive below 4 GiB.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */

const LOCAL_HEADER = 0x04034b50
const DIRECTORY_HEADER = 0x02014b50
const END_OF_DIRECTORY = 0x06054b50
const LOCAL_HEADER_BYTES = 30
const DIRECTORY_HEADER_BYTES = 46
const END_BYTES = 22
const UTF8_NAMES = 0x0800
const ENCRYPTED = 0x0001
/** PyTorch's own alignment of an entry's bytes, so that they can be mapped into memory as they lie. */
const ALIGNMENT = 64

let crcTable: Uint32Array | undefined

function makeCrcTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    return c
  })
}

function crc32(bytes: Uint8Array): number {
  crcTable ??= makeCrcTable()
  let c = 0xffffffff
  for (let i = 0; i < bytes.length; i++) c = crcTable[(c ^ bytes[i]) & 0xff] ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Whether a file says that it is a zip archive. */
export const isZip = (file: Uint8Array): boolean => file.length >= 4 && viewOf(file).getUint32(0, true) === LOCAL_HEADER

interface Entry {
  readonly name: string
  readonly headerAt: number
  readonly begin: number
  readonly end: number
  readonly crc: number
}

/**
 * The entries of an archive by name: windows onto `file`, not copies. Everything is checked first: places and sizes, that no two entries share
 * bytes, and the check sums.
 * @param fail throws the caller's error
 */
export function readZip(file: Uint8Array, fail: (message: string) => never): Map<string, Uint8Array> {
  const view = viewOf(file)
  const endAt = findEnd(view, fail)
  const [count, size, directoryAt] = [view.getUint16(endAt + 10, true), view.getUint32(endAt + 12, true), view.getUint32(endAt + 16, true)]
  if (count === 0xffff || directoryAt === 0xffffffff) fail('the archive has more than 65,534 entries or 4 GiB')
  if (directoryAt + size > endAt) fail(`the archive's directory claims bytes ${directoryAt} to ${directoryAt + size}, but the file has ${file.length}`)
  const entries: Entry[] = []
  let at = directoryAt
  for (let i = 0; i < count; i++) {
    if (at + DIRECTORY_HEADER_BYTES > directoryAt + size || view.getUint32(at, true) !== DIRECTORY_HEADER)
      fail(`entry ${i} of the archive's directory is damaged`)
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true))
    const next = at + DIRECTORY_HEADER_BYTES + nameBytes + extraBytes + commentBytes
    if (next > directoryAt + size) fail(`entry ${i} of the archive's directory is cut off`)
    const nameAt = at + DIRECTORY_HEADER_BYTES
    entries.push(readEntry(file, at, file.subarray(nameAt, nameAt + nameBytes), directoryAt, fail))
    at = next
  }
  checkApart(entries, fail)
  const found = new Map<string, Uint8Array>()
  for (const { name, begin, end, crc } of entries) {
    if (found.has(name)) fail(`the archive has two entries named ${JSON.stringify(name)}`)
    const bytes = file.subarray(begin, end)
    if (crc32(bytes) !== crc) fail(`${JSON.stringify(name)} is damaged: its check sum is wrong`)
    found.set(name, bytes)
  }
  return found
}

/** The record at the end, behind which only a comment may follow. */
function findEnd(view: DataView, fail: (message: string) => never): number {
  const last = view.byteLength - END_BYTES
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === END_OF_DIRECTORY && at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength) return at
  }
  return fail('the archive has no directory at its end: the file is cut off')
}

function readEntry(file: Uint8Array, at: number, nameBytes: Uint8Array, limit: number, fail: (message: string) => never): Entry {
  const view = viewOf(file)
  const name = new TextDecoder().decode(nameBytes.slice())
  const shown = JSON.stringify(name)
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)]
  const [crc, packed, size, headerAt] = [16, 20, 24, 42].map((field) => view.getUint32(at + field, true))
  if (flags & ENCRYPTED) fail(`${shown} is encrypted`)
  if (method !== 0) fail(`${shown} is compressed (method ${method}); PyTorch stores its entries as they are`)
  if (packed !== size) fail(`${shown} claims ${packed} bytes stored and ${size} in itself`)
  if (headerAt + LOCAL_HEADER_BYTES > limit || view.getUint32(headerAt, true) !== LOCAL_HEADER) fail(`${shown} is not where the archive's directory says`)
  const [ownNameBytes, extraBytes] = [view.getUint16(headerAt + 26, true), view.getUint16(headerAt + 28, true)]
  const nameAt = headerAt + LOCAL_HEADER_BYTES
  const begin = nameAt + ownNameBytes + extraBytes
  const end = begin + size
  if (end > limit) fail(`${shown} claims bytes ${begin} to ${end}, beyond the archive's ${limit} bytes of data`)
  if (ownNameBytes !== nameBytes.length || nameBytes.some((byte, i) => byte !== file[nameAt + i])) fail(`${shown} has another name where it is stored`)
  return { name, headerAt, begin, end, crc }
}

/** Small files whose entries overlap could unfold to any size. */
function checkApart(entries: readonly Entry[], fail: (message: string) => never): void {
  const ordered = [...entries].sort((a, b) => a.headerAt - b.headerAt)
  for (let i = 1; i < ordered.length; i++) {
    const [before, after] = [ordered[i - 1], ordered[i]]
    if (after.headerAt < before.end) fail(`${JSON.stringify(before.name)} and ${JSON.stringify(after.name)} share bytes of the archive`)
  }
}

/** An archive with these entries, whose bytes begin at multiples of 64. @throws what `fail` throws where it would reach 4 GiB or 65,535 entries */
export function writeZip(entries: readonly (readonly [name: string, bytes: Uint8Array])[], fail: (message: string) => never): Uint8Array {
  const encoder = new TextEncoder()
  let size = 0
  const placed = entries.map(([text, bytes]) => {
    const name = encoder.encode(text)
    const headerAt = size
    // An extra field takes 4 bytes itself.
    const unpadded = headerAt + LOCAL_HEADER_BYTES + name.length + 4
    const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT
    const begin = unpadded + padding
    size = begin + bytes.length
    return { name, bytes, headerAt, begin, padding, crc: crc32(bytes) }
  })
  const directoryAt = size
  for (const { name } of placed) size += DIRECTORY_HEADER_BYTES + name.length
  const endAt = size
  size += END_BYTES
  if (size >= 2 ** 32 || entries.length >= 0xffff)
    fail(`the file would have ${size} bytes in ${entries.length} entries: an archive holds below 4 GiB and 65,535`)
  const file = new Uint8Array(size)
  const view = viewOf(file)
  /** What both headers of an entry share, from its version on. */
  const describe = (at: number, { name, bytes, crc }: (typeof placed)[number]) => {
    view.setUint16(at + 2, UTF8_NAMES, true)
    view.setUint32(at + 10, crc, true)
    view.setUint32(at + 14, bytes.length, true)
    view.setUint32(at + 18, bytes.length, true)
    view.setUint16(at + 22, name.length, true)
  }
  let at = directoryAt
  for (const entry of placed) {
    const { name, bytes, headerAt, begin, padding } = entry
    view.setUint32(headerAt, LOCAL_HEADER, true)
    describe(headerAt + 4, entry)
    view.setUint16(headerAt + 28, padding + 4, true)
    file.set(name, headerAt + LOCAL_HEADER_BYTES)
    const extraAt = headerAt + LOCAL_HEADER_BYTES + name.length
    // The identifier that PyTorch's own padding has.
    file.set(encoder.encode('FB'), extraAt)
    view.setUint16(extraAt + 2, padding, true)
    file.set(bytes, begin)

    view.setUint32(at, DIRECTORY_HEADER, true)
    describe(at + 6, entry)
    view.setUint32(at + 42, headerAt, true)
    file.set(name, at + DIRECTORY_HEADER_BYTES)
    at += DIRECTORY_HEADER_BYTES + name.length
  }
  view.setUint32(endAt, END_OF_DIRECTORY, true)
  view.setUint16(endAt + 8, entries.length, true)
  view.setUint16(endAt + 10, entries.length, true)
  view.setUint32(endAt + 12, endAt - directoryAt, true)
  view.setUint32(endAt + 16, directoryAt, true)
  return file
}
