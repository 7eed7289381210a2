import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { tiles } from '../../../scripts/generate-tiles.mjs'

test('the committed register tiles are what their generator makes', () => {
  expect(readFileSync(new URL('../../../src/kernels/wasm/assembly/tiles.ts', import.meta.url), 'utf8')).toBe(tiles())
})
