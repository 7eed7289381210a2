import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { walkthrough } from '../../src/experiments/index.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = async (example: string) => (await promisify(execFile)(process.execPath, ['scripts/run.mjs', `examples/${example}`], { cwd: root })).stdout
const read = (file: string) => readFileSync(`${root}/${file}`, 'utf8')

test('the walk-through prints the familiar shapes, and what each norm does to them', async () => {
  const output = await run('batchnorm-vs-layernorm.ts')
  expect(output).toMatch(/BatchNorm2d\(3\) +\[32, 3, 224, 224\] +runningMean \[3\], runningVar \[3\]/)
  expect(output).toMatch(/LayerNorm\(\[3, 224, 224\]\) +\[32, 3, 224, 224\]/)
  expect(output).toMatch(/LayerNorm\(\[224, 224\]\) +\[32, 3, 224, 224\]/)
  // Only BatchNorm's channels and LayerNorm's samples have mean 0 and variance 1.
  const normal = /mean 0\.000 to 0\.000 +variance 1\.000 to 1\.000/
  const line = (start: RegExp) => output.split('\n').find((l) => start.test(l)) ?? ''
  expect(line(/BatchNorm2d\(3\) +per channel/)).toMatch(normal)
  expect(line(/LayerNorm\(\[3, 224, 224\]\) +per channel/)).not.toMatch(normal)
  expect(line(/LayerNorm\(\[224, 224\]\) +per sample, channel/)).toMatch(normal)
  expect(output.match(/per sample +mean 0\.000 to 0\.000 +variance 1\.000 to 1\.000/g)).toHaveLength(1)
  expect(Number(output.match(/eval\(\) is .*largest difference (\S+)/)?.[1])).toBeLessThan(1e-5)
  expect(output).toMatch(/LayerNorm is the same in both: largest difference 0\.0\n/)
  expect(Number(output.match(/BatchNorm2d\(3\) +largest change (\S+)/)?.[1])).toBeGreaterThan(1)
  expect(Number(output.match(/LayerNorm\(\[3, 224, 224\]\) +largest change (\S+)/)?.[1])).toBe(0)

  const lines: string[] = []
  walkthrough((l) => lines.push(l))
  expect(`${lines.join('\n')}\n`).toBe(output)
})

test('the example is the text of the command, as a user writes it', () => {
  const body = read('src/experiments/walkthrough.ts').match(/=> void\): void \{\n([\s\S]*)\n\}\n$/)?.[1]
  const example = read('examples/batchnorm-vs-layernorm.ts').split('const print = console.log\n\n')[1]
  expect(example.trimEnd()).toBe(body?.replace(/^ {2}/gm, ''))
})

test('the training example is that of the README, and learns to read digits', async () => {
  const [, ...lines] = read('examples/train-digits.ts').split('\n')
  expect(read('README.md')).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
  const right = Number((await run('train-digits.ts')).match(/^(\d+) of 1000 digits right\n$/)?.[1])
  expect(right).toBeGreaterThan(850)
})

test('the fine-tuning example: new statistics alone bring most of it back, frozen old ones do not', async () => {
  const output = await run('fine-tune.ts')
  const [old, shifted] = (output.match(/as trained: (\S+) % of the old pictures, (\S+) % of the new/) ?? []).slice(1).map(Number)
  const of = (name: string) => (output.match(new RegExp(`^${name}: (\\S+) % before fine-tuning, (\\S+) % after`, 'm')) ?? []).slice(1).map(Number)
  const [[batchBefore, batchAfter], [frozenBefore, frozenAfter], [updated, updatedAfter]] = [
    'batch statistics',
    'frozen',
    'statistics of the new pictures, then frozen',
  ].map(of)
  expect(old).toBeGreaterThan(75)
  expect([batchBefore, frozenBefore]).toEqual([shifted, shifted])
  expect(updated).toBeGreaterThan(shifted + 40)
  expect(Math.min(batchAfter, updatedAfter)).toBeGreaterThan(frozenAfter)
})
