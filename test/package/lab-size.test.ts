import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, inject, test } from 'vitest'
import { root } from './run.js'

/** In kB of 1000 bytes: preact with signals takes 8 of it, the rest is the pages. */
const BUDGET = 60

test('the lab travels with the package, and what its page loads before the kernels is small', () => {
  const parts = ['index.html', 'lab.js', 'lab.css']
  expect(inject('files')).toEqual(expect.arrayContaining([...parts, 'worker.js'].map((file) => `dist/lab/${file}`)))
  const size = parts.reduce((sum, file) => sum + gzipSync(readFileSync(join(root, 'dist/lab', file)), { level: 9 }).length, 0) / 1000
  console.log(`the lab's page: ${size.toFixed(1)} kB of ${BUDGET} kB`)
  expect(size).toBeLessThanOrEqual(BUDGET)
})
