import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, inject, test } from 'vitest'
import { root } from './run.js'

/** In kB of 1000 bytes: preact with signals takes 8 of it, the rest is the pages. */
const BUDGET = 60

const read = (file: string): Buffer => readFileSync(join(root, 'dist/lab', file))
const matches = (file: string, pattern: RegExp): string[] => [...read(file).toString().matchAll(pattern)].map(([, name]) => name)

/** A module and all that comes with it. */
function withImports(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const next of matches(file, /(?:from|import)"\.\/([^"]+\.js)"/g)) withImports(next, found)
  return found
}

test('the lab travels with the package, and what a visit to any of its pages loads before the kernels is small', () => {
  const frame = ['index.html', 'lab.css', ...withImports('lab.js')]
  expect(inject('files')).toEqual(expect.arrayContaining([...frame, 'worker.js'].map((file) => `dist/lab/${file}`)))
  const pages = matches('lab.js', /import\("\.\/([^"]+\.js)"\)/g)
  expect(pages.length).toBeGreaterThanOrEqual(4)
  const sizes = [[], ...pages.map((page) => [...withImports(page)])].map(
    (files) => [...new Set([...frame, ...files])].reduce((sum, file) => sum + gzipSync(read(file), { level: 9 }).length, 0) / 1000,
  )
  console.log(`the lab's front door and pages: ${sizes.map((size) => size.toFixed(1)).join(', ')} kB of ${BUDGET} kB`)
  for (const size of sizes) expect(size).toBeLessThanOrEqual(BUDGET)
})
