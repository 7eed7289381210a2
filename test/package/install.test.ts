import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { npm, root, run, runOrThrow } from './run.js'

const walkthrough = 'examples/batchnorm-vs-layernorm.ts'
const otherNodes = process.env.EVENKEEL_ALL_NODES ? ['22', '24'] : []
let folder: string

/** An empty folder, with the packed package and nothing else installed. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-install-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  await runOrThrow(...npm('install', '--offline', '--no-audit', '--no-fund', inject('tarball')), folder)
  const { code } = transformSync(readFileSync(join(root, walkthrough), 'utf8'), { loader: 'ts', format: 'esm' })
  writeFileSync(join(folder, 'walkthrough.js'), code)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('installed into an empty folder', () => {
  test('it is the only package there', () => {
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['evenkeel'])
  })

  test('the walk-through prints the shapes of the familiar comparison', async () => {
    expectWalkthrough(await runOrThrow(process.execPath, ['walkthrough.js'], folder))
  })

  test('evenkeel/node writes tensors to a file and reads them back', async () => {
    const source = `
      import { tensor } from 'evenkeel'
      import { readSafetensors, writeSafetensors } from 'evenkeel/node'
      writeSafetensors('t.safetensors', { weight: tensor([[1, 2], [3, 4.5]]) })
      console.log(JSON.stringify(readSafetensors('t.safetensors').weight.toArray()))`
    expect(await runOrThrow(process.execPath, ['--input-type=module', '--eval', source], folder)).toBe('[[1,2],[3,4.5]]\n')
  })

  test('the command explains itself', async () => {
    const { status, stdout } = await run(...npm('exec', '--offline', '--', 'evenkeel', '--help'), folder)
    expect(status).toBe(0)
    expect(stdout).toMatch(/evenkeel compare/)
  })

  test.each(otherNodes)('the walk-through runs under Node %s', async (version) => {
    const node = await nodeBinary(version)
    expect(await runOrThrow(node, ['--version'])).toMatch(new RegExp(`^v${version}\\.`))
    expectWalkthrough(await runOrThrow(node, ['walkthrough.js'], folder))
  })
})

function expectWalkthrough(output: string) {
  expect(output).toMatch(/\[32, 3, 224, 224\]/)
  expect(output).toMatch(/\[3\]/)
}

/** Another Node from npm, in a cache of its own. Its platform's package holds the binary itself, so no install script need run. */
async function nodeBinary(version: string): Promise<string> {
  const cache = join(root, '.cache', `node-${version}`)
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, 'package.json'), '{ "private": true }\n')
  await runOrThrow(...npm('install', '--prefer-offline', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`), cache)
  return join(cache, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
}
