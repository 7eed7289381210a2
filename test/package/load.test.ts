import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { root, runOrThrow } from './run.js'

/** What loading the package does, by counts: they are the same on every machine and under every load. */

const bundle = join(root, 'dist/bundle')

/** Runs a module program in a fresh process, with the package as `evenkeel` and what it wants to know as the last expression. */
async function inFreshProcess(program: string): Promise<unknown> {
  return JSON.parse(await runOrThrow(process.execPath, ['--input-type=module', '-e', program]))
}

test('importing compiles nothing and takes no memory; the first operation does, once', async () => {
  const counts = await inFreshProcess(`
    const made = { Module: 0, Instance: 0, Memory: 0 }
    for (const name of Object.keys(made)) {
      WebAssembly[name] = new Proxy(WebAssembly[name], { construct: (...args) => (made[name]++, Reflect.construct(...args)) })
    }
    const { tensor } = await import(${JSON.stringify(pathToFileURL(join(bundle, 'index.js')).href)})
    const counts = [{ ...made }]
    for (let i = 0; i < 2; i++) {
      tensor([1, 2]).add(1)
      counts.push({ ...made })
    }
    process.stdout.write(JSON.stringify(counts))`)
  const all = { Module: 1, Instance: 1, Memory: 1 }
  expect(counts).toEqual([{ Module: 0, Instance: 0, Memory: 0 }, all, all])
})

test('in Node the library is a few files', () => {
  const imported = new Set<string>()
  const visit = (file: string) => {
    if (imported.has(file)) return
    imported.add(file)
    for (const [, next] of readFileSync(join(bundle, file), 'utf8').matchAll(/^(?:import|\} from|import .* from) ["']\.\/([^"']+)["'];?$/gm)) visit(next!)
  }
  visit('index.js')
  expect(imported.size).toBeGreaterThan(1)
  expect(imported.size).toBeLessThanOrEqual(5)
  expect(readdirSync(bundle).length).toBeLessThanOrEqual(9)
})

test('the bundle keeps the names of classes, which modules print', async () => {
  const renamed = await inFreshProcess(`
    const all = await import(${JSON.stringify(pathToFileURL(join(bundle, 'index.js')).href)})
    const isClass = (value) => typeof value === 'function' && /^class\\b/.test(Function.prototype.toString.call(value))
    const renamed = []
    let classes = 0
    for (const space of [all, all.nn, all.optim]) {
      for (const [name, value] of Object.entries(space)) {
        if (!isClass(value)) continue
        classes++
        if (value.name !== name) renamed.push(name + ' is ' + value.name)
      }
    }
    if (classes < 100) renamed.push('only ' + classes + ' classes were found')
    process.stdout.write(JSON.stringify(renamed))`)
  expect(renamed).toEqual([])
})
