import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { expect, inject, test } from 'vitest'
import { root, run } from './run.js'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

test('publint finds nothing to say about the packed package', async () => {
  const tarball = readFileSync(inject('tarball'))
  const buffer = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
  expect(messages.map((message) => formatMessage(message, pkg ?? manifest))).toEqual([])
})

test('types resolve for every way of importing (arethetypeswrong)', async () => {
  const args = [inject('tarball'), '--profile', 'esm-only', '--exclude-entrypoints', './kernels.wasm', './data/*', '--no-emoji', '--no-color']
  const { status, stdout, stderr } = await run(process.execPath, [join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), ...args])
  expect(status, stdout + stderr).toBe(0)
})

test('the package holds what users need and nothing of the workshop', () => {
  const files = inject('files')
  const exported = Object.values<string | Record<string, string>>(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? target : Object.values(target),
  )
  const needed = [...exported.filter((path) => !path.includes('*')), ...Object.values<string>(manifest.bin)].map((path) => path.replace('./', ''))
  expect(files).toEqual(expect.arrayContaining([...needed, 'README.md', 'LICENSE', 'CHANGELOG.md']))
  // Real digits are embedded under a licence of their own, whose notice must travel with them.
  expect(files.filter((path) => /^dist\/data\/.*(licen[cs]e|notice)/i.test(path) || /^data\/.*(licen[cs]e|notice)/i.test(path))).not.toEqual([])
  expect(files.filter((path) => !/^(dist|data)\/|^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/.test(path))).toEqual([])
  expect(files.filter((path) => /\.(ts|map|tsbuildinfo)$/.test(path) && !path.endsWith('.d.ts'))).toEqual([])
})

test('installing runs no script and brings no other package', () => {
  expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
  expect(manifest.dependencies ?? {}).toEqual({})
  expect(manifest.peerDependencies ?? {}).toEqual({})
  expect(manifest.optionalDependencies ?? {}).toEqual({})
})
