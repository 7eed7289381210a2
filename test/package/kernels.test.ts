import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root, runOrThrow } from './run.js'

test('the kernels are built byte for byte the same from a copy of the sources elsewhere', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'evenkeel-kernels-'))
  try {
    cpSync(join(root, 'scripts'), join(copy, 'scripts'), { recursive: true })
    mkdirSync(join(copy, 'src/kernels/wasm'), { recursive: true })
    cpSync(join(root, 'src/kernels/wasm/assembly'), join(copy, 'src/kernels/wasm/assembly'), { recursive: true })
    cpSync(join(root, 'package.json'), join(copy, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
    await runOrThrow(process.execPath, ['scripts/build-kernels.mjs'], copy)
    for (const output of ['evenkeel.wasm', 'binary.ts']) {
      const [here, there] = [root, copy].map((folder) => readFileSync(join(folder, 'src/kernels/wasm', output)))
      expect(here!.length).toBeGreaterThan(0)
      expect(here!.equals(there!), output).toBe(true)
    }
    const shipped = readFileSync(join(root, 'dist/kernels/wasm/evenkeel.wasm'))
    expect(shipped.equals(readFileSync(join(root, 'src/kernels/wasm/evenkeel.wasm')))).toBe(true)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})
