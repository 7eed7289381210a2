import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nn } from 'evenkeel'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as layers from '../../src/nn/norm/index.js'
import { type NormKind, normInWords } from '../../src/ops/norm/axes.js'

/** What docs/norms says of axes, options and defaults is held against the layers; its samples are run. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = `${root}/docs/norms`
const files = readdirSync(folder)
const read = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8')

type Norm = nn.Module & { readonly kind: NormKind }
/** A class, whatever its constructor takes. */
interface NormClass {
  readonly name: string
  readonly prototype: Norm
}
/** The layers that a page is about, and how they are made without options. */
const pages: Readonly<Record<string, readonly (readonly [NormClass, ...number[]])[]>> = {
  'batch-norm.md': [
    [nn.BatchNorm1d, 4],
    [nn.BatchNorm2d, 4],
    [nn.BatchNorm3d, 4],
  ],
  'sync-batch-norm.md': [[nn.SyncBatchNorm, 4]],
  'batch-renorm.md': [
    [nn.BatchRenorm1d, 4],
    [nn.BatchRenorm2d, 4],
    [nn.BatchRenorm3d, 4],
  ],
  'layer-norm.md': [[nn.LayerNorm, 4]],
  'rms-norm.md': [[nn.RMSNorm, 4]],
  'adaptive-layer-norm.md': [
    [nn.AdaptiveLayerNorm, 4, 3],
    [nn.AdaptiveLayerNormZero, 4, 3],
  ],
  'group-norm.md': [[nn.GroupNorm, 2, 4]],
  'instance-norm.md': [
    [nn.InstanceNorm1d, 4],
    [nn.InstanceNorm2d, 4],
    [nn.InstanceNorm3d, 4],
  ],
  'local-response-norm.md': [[nn.LocalResponseNorm, 5]],
}
const make = ([Class, ...sizes]: readonly [NormClass, ...number[]], ...options: unknown[]): Norm =>
  Reflect.construct(Class as NormClass & (new () => Norm), [...sizes, ...options])
const cases = Object.entries(pages).flatMap(([page, list]) => list.map((layer) => ({ page, layer, name: layer[0].name })))

/** The cells of the table whose header these are, row by row. */
function table(page: string, header: string): string[][] {
  const lines = read(page).split('\n')
  const rows = lines.slice(lines.indexOf(header) + 2)
  const end = rows.findIndex((line) => !line.startsWith('|'))
  return rows.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}
const facts = (page: string): Record<string, string> => Object.fromEntries(table(page, '| | |'))
const quoted = (words: string | null): string => (words === null ? 'none' : `\`${words}\``)

describe.each(cases)('$page, $name', ({ page, layer }) => {
  const norm = make(layer)
  const learns = norm.kind.axes !== nn.LocalResponseNorm.prototype.kind.axes

  test('axes are those of the kernels', () => {
    const words = normInWords(norm.kind)
    const said = facts(page)
    expect(said['one statistic for each']).toBe(quoted(words.statistics))
    expect(said['taken over']).toBe(quoted(words.over))
    expect(said['running average for each']).toBe(quoted(words.running))
    const parameters = said['weight and bias for each'] ?? said['weight for each'] ?? said['scale and shift for each'].replace('sample and ', '')
    expect(parameters).toBe(quoted(learns ? words.parameters : null))
    expect('weight for each' in said).toBe(norm instanceof nn.RMSNorm)
    expect(read(page).split('\n')[0]).toContain(layer[0].name)
  })

  test('options are those that it takes, with their defaults', () => {
    let known: string[] = []
    try {
      make(layer, { noSuchOption: 1 })
    } catch (error) {
      known = String(error).split('Known options: ')[1].split(', ')
    }
    const options = table(page, '| option | default | |')
    expect(options.map(([name]) => name.replaceAll('`', '')).sort()).toEqual([...known].sort())
    for (const [name, value] of options) {
      if (name === '`dtype`') expect(norm.parameters()[0]?.dtype ?? 'float32').toBe(value)
      else {
        const field: unknown = Reflect.get(norm, name.replaceAll('`', ''))
        const wanted: unknown = JSON.parse(value.replaceAll('`', ''))
        // An option may have the name of the parameter that it is about.
        expect(typeof wanted === 'boolean' && typeof field !== 'boolean' ? field !== null : field).toBe(wanted)
      }
    }
  })
})

test('the overview says what the pages say', () => {
  const rows = table('README.md', '| norm | one statistic for each | taken over | weight and bias for each | running average for each |')
  const linked = rows.map(([link, ...cells]) => [link.match(/\((.*)\)/)?.[1] ?? '', ...cells])
  expect(linked.map(([page]) => page).sort()).toEqual(Object.keys(pages).sort())
  for (const [page, statistics, over, parameters, running] of linked) {
    const { kind } = make(pages[page][0])
    const words = normInWords(kind)
    expect([statistics, over, running]).toEqual([quoted(words.statistics), quoted(words.over), quoted(words.running)])
    expect(parameters).toBe(facts(page)['weight and bias for each'] ?? quoted(words.parameters))
  }
})

test('every norm has its place, and every link leads somewhere', () => {
  const text = files.map(read).join('\n')
  for (const name of Object.keys(layers)) expect(text, name).toMatch(new RegExp(`\\b${name.replace(/\dd$/, '')}`))
  expect(files.filter((file) => !(file in pages)).sort()).toEqual(['README.md', 'weights.md'])
  for (const file of files) {
    for (const [, target, heading] of read(file).matchAll(/\]\((?!https:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const there = readFileSync(`${folder}/${target}`, 'utf8')
      if (heading !== undefined) expect(there, `${file}: ${target}#${heading}`).toMatch(new RegExp(`^#+ ${heading}$`, 'm'))
    }
  }
})

describe('samples print what they say', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test.each(files)('%s', async (file) => {
    const samples = [...read(file).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code)
    expect(samples).toHaveLength(1)
    const [code] = samples
    const expected = code.split('\n').flatMap((line) => line.match(/^(?:console\.log.*|)\/\/ (.*)$/)?.[1] ?? [])
    expect(expected.length).toBeGreaterThan(0)
    const printed: string[] = []
    vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => void printed.push(values.map(String).join(' ')))
    mkdirSync(`${root}/.cache/docs`, { recursive: true })
    const program = `${root}/.cache/docs/${file.replace('.md', '.ts')}`
    writeFileSync(program, code)
    await import(/* @vite-ignore */ program)
    expect(printed).toEqual(expected)
  })
})
