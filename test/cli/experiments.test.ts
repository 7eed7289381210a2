import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { advise, type Experiment, experiments, fromJson, type Result } from '../../src/experiments/index.js'
import { buildCommand, type Run } from './command.js'

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-experiments-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let evenkeel: Run
beforeAll(async () => {
  evenkeel = await buildCommand('experiments')
})

const read = (out: string, file: string) => readFileSync(join(out, file), 'utf8')
const results = (out: string) => fromJson(read(out, 'results.json')) as Result & { schema: string }

/** Smaller still than `--quick`, where that takes more than seconds. */
const smallest: Readonly<Record<string, readonly string[]>> = {
  compare: ['--samples', '64', '--image-size', '14', '--batch-size', '16', '--lr', '0.05'],
  'batch-size': ['--samples', '64', '--batch-size', '8,32'],
  'vision-transformer': ['--steps', '2'],
  'train-eval-gap': ['--steps', '4', '--stack-layers', '1,3', '--stack-batch-sizes', '4'],
}

test.each(experiments.map((experiment) => [experiment.name, experiment] as const))(
  'experiment %s writes JSON, CSV and a report that agree',
  async (name: string, experiment: Experiment) => {
    const out = join(folder, name)
    const { code, stdout, stderr } = await evenkeel(['experiment', name, '--quick', ...(smallest[name] ?? []), '--out', out])
    expect([code, stderr]).toEqual([0, ''])
    expect(readdirSync(out).sort()).toEqual(['report.html', 'results.csv', 'results.json', 'runs.jsonl'])
    const result = results(out)
    expect(result).toMatchObject({ schema: 'evenkeel-experiment/1', experiment: name, complete: true, planned: result.runs.length })
    // What was written is enough to draw all again.
    expect(experiment.findings(result)).toEqual(result.findings)
    expect(experiment.summary(result).rows.length).toBeGreaterThan(0)
    for (const { table } of experiment.figures(result)) expect(table.rows.length).toBeGreaterThan(0)
    for (const { claim, verdict, text } of result.findings) {
      expect(stdout).toContain(text)
      if (verdict) expect(stdout).toContain(claim)
    }
    const measures = result.runs.map((run) => [...experiment.measures(run)].filter(({ value }) => value !== null).length)
    const rows = read(out, 'results.csv').trimEnd().split('\n')
    expect(rows).toHaveLength(1 + measures.reduce((a, b) => a + b, 0))
    const columns = rows[0].split(',').length
    for (const row of rows) if (!row.includes('"')) expect(row.split(',')).toHaveLength(columns)
    const page = read(out, 'report.html')
    expect(page).toContain(`<h1`)
    expect(page).not.toMatch(/undefined|>NaN<|"NaN"/)
    expect(page).toContain(experiment.title.replaceAll('&', '&amp;'))
  },
)

describe('ended and taken up again', () => {
  const args = (out: string) => [
    'experiment',
    'learning-rate',
    '--norm',
    'batch',
    '--lr',
    '0.1,0.3,1e30',
    '--depth',
    '2',
    '--steps',
    '12',
    '--seeds',
    '1',
    '--out',
    out,
  ]

  test('with what a run in one piece gives; a loss that was no number included', async () => {
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
    let sent = false
    const first = await evenkeel([...args(parts), '--quick'], (child, said) => {
      if (!sent && /\[1\/3\].*loss/.test(said)) sent = child.kill('SIGINT')
    })
    expect(first.code).toBe(130)
    expect(results(parts).complete).toBe(false)
    // As if it had been killed while it wrote.
    appendFileSync(join(parts, 'runs.jsonl'), '{"config":{"norm":"ba')
    const second = await evenkeel([...args(parts), '--quick'])
    expect(second.stdout).toMatch(/[12] of the runs (is|are) there already/)
    expect(second.stdout).not.toContain('[1/3]')
    expect((await evenkeel([...args(whole), '--quick'])).code).toBe(0)
    expect(results(parts).runs).toEqual(results(whole).runs)
    expect(results(parts).runs[2]).toMatchObject({ status: 'diverged', divergence: { loss: expect.stringMatching(/^(NaN|Infinity|not computed)$/) } })
    expect(read(parts, 'report.html')).toContain('diverged')
  })

  test('--json prints what was written, also of runs that were there; other settings want another folder', async () => {
    const out = join(folder, 'axes-json')
    const axes = ['experiment', 'axes', '--norm', 'layer', '--out', out]
    const [a, b] = [await evenkeel([...axes, '--json']), await evenkeel([...axes, '--json'])]
    expect([a.code, b.code]).toEqual([0, 0])
    expect(b.stdout).toBe(read(out, 'results.json'))
    const figures = (text: string) => JSON.parse(text).runs
    expect(figures(a.stdout)).toEqual(figures(b.stdout))
    const other = await evenkeel([...axes, '--seed', '3'])
    expect(other).toMatchObject({ code: 1, stdout: '' })
    expect(other.stderr).toMatch(/has runs of other settings/)
  })
})

test.each([
  [['--arch', 'cnn', '--batch-size', '4'], { arch: 'cnn', batchSize: 4 }],
  [['--arch', 'cnn', '--batch-size', '4', '--replicas', '8'], { arch: 'cnn', batchSize: 4, replicas: 8 }],
  [['--arch', 'rnn', '--sequence-variability', 'much', '--no-image'], { arch: 'rnn', sequenceVariability: 'much', image: false }],
  [['--arch', 'vit', '--image'], { arch: 'vit' }],
] as const)('advise %o says what the function says', async (args, settings) => {
  const [json, words] = await Promise.all([evenkeel(['advise', ...args, '--json']), evenkeel(['advise', ...args])])
  const advice = advise(settings)
  expect(json).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject(JSON.parse(JSON.stringify(advice)))
  for (const text of [advice.norm, advice.code.pytorch, advice.code.evenkeel, ...advice.reasons.map((reason) => reason.text)]) {
    expect(words.stdout.replace(/\s+/g, ' ')).toContain(text.replace(/\s+/g, ' '))
  }
})

test('advise has an answer to every combination, and its reasons are experiments', () => {
  const known = experiments.map(({ name }) => name)
  for (const arch of ['cnn', 'mlp', 'rnn', 'transformer', 'vit', 'generator'] as const)
    for (const batchSize of [1, 2, 16, 4096])
      for (const sequenceVariability of ['none', 'some', 'much'] as const)
        for (const image of [true, false])
          for (const replicas of [1, 8])
            for (const channels of [1, 6, 64]) {
              const { reasons, code, dependsOn } = advise({ arch, batchSize, sequenceVariability, image, replicas, channels })
              expect(reasons.length).toBeGreaterThan(0)
              for (const { experiment } of reasons) expect(known).toContain(experiment)
              expect(dependsOn.length).toBeGreaterThan(0)
              expect(code.evenkeel).toMatch(/^new nn\.\w+Norm/)
            }
})

test('wrong settings are exit code 2 and a sentence that says what is right', async () => {
  const wrong: readonly (readonly [args: readonly string[], sentence: RegExp])[] = [
    [['experiment', 'batchsize'], /There is no experiment 'batchsize'\. Did you mean batch-size\?/],
    [['experiment', 'batch-size', '--norm', 'lair'], /--norm must be .*, got 'lair'\. Did you mean layer\?/],
    [['experiment', 'batch-size', '--batch-size', '0'], /--batch-size must be a whole number from 1 to 1024, got '0'/],
    [['experiment', 'batch-size', '--samples', '8', '--batch-size', '32'], /samples must be at least one batch \(32\), got 8/],
    [['experiment', 'long-sequences', '--length', '1'], /--length must be a whole number from 2 to 2000, got '1'/],
    [['experiment', 'learning-rate', '--lr', '0.1,0.1'], /--lr names 0\.1 twice/],
    [['advise', '--arch', 'cnm'], /--arch must be .*, got 'cnm'\. Did you mean cnn\?/],
    [['advise', '--image', '--no-image'], /Give --image or --no-image, not both/],
    [['advise', '--replicas', 'many'], /--replicas must be a whole number from 1 to 100000, got 'many'/],
  ]
  const outcomes = await Promise.all(wrong.map(([args]) => evenkeel(args)))
  for (const [i, { code, stdout, stderr }] of outcomes.entries()) {
    expect([code, stdout], wrong[i][0].join(' ')).toEqual([2, ''])
    expect(stderr).toMatch(wrong[i][1])
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  }
})
