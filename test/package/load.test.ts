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

/** What an import of the package reads. */
function loaded(file = 'index.js', found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const [, next] of readFileSync(join(bundle, file), 'utf8').matchAll(/\b(?:import|from)\s*["']\.\/([^"']+)["']/g)) loaded(next, found)
  return found
}

test('in Node the library is a few files', () => {
  expect(loaded().size).toBeGreaterThan(1)
  expect(loaded().size).toBeLessThanOrEqual(5)
  expect(readdirSync(bundle).length).toBeLessThanOrEqual(9)
})

/** One character beyond Latin-1, in a comment even, makes V8 keep a whole file as 16-bit text: twice the memory, of which each page costs time. */
test('what Node loads is ASCII', () => {
  expect([...loaded()].filter((file) => readFileSync(join(bundle, file)).some((byte) => byte > 127))).toEqual([])
})

test('importing draws no random numbers from the system: that loads more of Node than the package is', async () => {
  const drawn = await inFreshProcess(`
    let drawn = 0
    const { getRandomValues } = crypto
    crypto.getRandomValues = (array) => (drawn++, getRandomValues.call(crypto, array))
    const { randn } = await import(${JSON.stringify(pathToFileURL(join(bundle, 'index.js')).href)})
    const counts = [drawn]
    for (let i = 0; i < 2; i++) {
      randn([2])
      counts.push(drawn)
    }
    process.stdout.write(JSON.stringify(counts))`)
  expect(drawn).toEqual([0, 1, 1])
})

test('the methods that the bundle lists are those of the modules', async () => {
  const methods = (file: string) =>
    inFreshProcess(`
      const { Tensor } = await import(${JSON.stringify(pathToFileURL(join(root, 'dist', file)).href)})
      process.stdout.write(JSON.stringify(Object.getOwnPropertyNames(Tensor.prototype).sort()))`)
  const [listed, there] = await Promise.all(['bundle/index.js', 'index.js'].map(methods))
  expect(listed).toEqual(there)
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
