import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { root, runOrThrow } from './run.js'

interface Budget {
  /** What a page would write. */
  source: string
  /** Ceiling of the minified bundle after gzip, in kB of 1000 bytes. */
  gzipKB: number
  /** What it is made of, and why it may be this large. */
  reason: string
}

const { budgets } = JSON.parse(readFileSync(join(root, 'test/package/bundle-size.json'), 'utf8')) as { budgets: Record<string, Budget> }

/** Bundles for browsers from the built package, through its own `exports`. */
async function bundle(source: string): Promise<Uint8Array> {
  const result = await build({
    stdin: { contents: source, resolveDir: root, loader: 'js' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Without the repository's own paths, which lead to the sources.
    tsconfigRaw: {},
    // Only dynamic imports behind a check for Node may be left; the next test sees to it.
    external: ['node:*'],
    logLevel: 'silent',
  })
  return result.outputFiles[0]!.contents
}

const gzipped = (contents: Uint8Array) => gzipSync(contents, { level: 9 }).length / 1000

describe('bundle size', () => {
  test.each(Object.entries(budgets))('%s stays in its budget', async (name, { source, gzipKB, reason }) => {
    const size = gzipped(await bundle(source))
    console.log(`${name}: ${size.toFixed(1)} kB of ${gzipKB} kB`)
    expect(size, reason).toBeLessThanOrEqual(gzipKB)
    // A budget far above the size would let it grow unseen.
    expect(size, 'lower the budget in test/package/bundle-size.json').toBeGreaterThan(gzipKB * 0.75)
  })

  test('a page that needs tensors only does not pay for layers, optimizers and data', async () => {
    const [tensors, everything] = await Promise.all([bundle(budgets.tensor!.source), bundle(budgets.everything!.source)])
    expect(tensors.length).toBeLessThan(everything.length * 0.8)
  })

  test('tree shaking leaves the methods of a tensor in place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bundle-'))
    try {
      const file = join(folder, 'bundle.mjs')
      writeFileSync(file, await bundle("import { tensor } from 'evenkeel'; console.log(tensor([1, 2, 3]).mul(2).mean().item())"))
      expect(await runOrThrow(process.execPath, [file])).toBe('4\n')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('nothing that a browser loads imports a Node built-in', async () => {
    const text = new TextDecoder().decode(await bundle(budgets.everything!.source))
    expect(text).not.toMatch(/\bimport\s*[^("']*["']node:|\bfrom\s*["']node:/)
  })
})
