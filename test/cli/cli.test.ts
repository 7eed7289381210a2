import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCommand, type Run, root } from './command.js'

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let evenkeel: Run
beforeAll(async () => {
  evenkeel = await buildCommand('main')
})

const tiny = ['compare', '--samples', '64', '--image-size', '14', '--norm', 'none,batch', '--batch-size', '16,4', '--lr', '0.05']

describe('help', () => {
  test('by itself, with --help, for each command', async () => {
    const [alone, general, compare] = await Promise.all([evenkeel([]), evenkeel(['--help']), evenkeel(['compare', '--help'])])
    expect(alone).toEqual(general)
    expect(general.code).toBe(0)
    expect(general.stdout).toMatch(/evenkeel compare +Train/)
    expect(compare.code).toBe(0)
    for (const option of ['--norm', '--batch-size', '--lr', '--epochs', '--samples', '--seed', '--out', '--json', '--force', '--image-size'])
      expect(compare.stdout).toContain(option)
    for (const line of [...general.stdout.split('\n'), ...compare.stdout.split('\n')]) expect(line.length).toBeLessThan(130)
  })

  test('--version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(await evenkeel(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })
})

test('a comparison prints a table and findings and writes three files that agree', async () => {
  const out = join(folder, 'run')
  const { code, stdout, stderr } = await evenkeel([...tiny, '--out', out])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(readdirSync(out).sort()).toEqual(['report.html', 'results.csv', 'results.json', 'runs.jsonl'])
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))
  expect(results).toMatchObject({
    schema: 'evenkeel-experiment/1',
    experiment: 'compare',
    complete: true,
    settings: { samples: 64, seed: 0, norms: ['none', 'batch'] },
    environment: { node: process.version },
  })
  expect(results.runs).toHaveLength(4)
  expect(results.findings.length).toBeGreaterThan(0)
  const page = readFileSync(join(out, 'report.html'), 'utf8')
  const csv = readFileSync(join(out, 'results.csv'), 'utf8')
  for (const run of results.runs) {
    const accuracy = `${(100 * run.testAccuracy).toFixed(1)}%`
    expect(page).toContain(accuracy)
    expect(stdout).toContain(accuracy)
    expect(page).toContain(run.lossAt[3].loss.toFixed(3))
    expect(csv).toContain(`${run.norm},${run.batchSize},0.05,64,0,14,0,,training_loss,${run.losses[0]}\n`)
    expect(csv).toContain(`${run.norm},${run.batchSize},0.05,64,0,14,,,test_accuracy,${run.testAccuracy}\n`)
  }
  for (const { text } of results.findings) expect(stdout).toContain(text)
  expect(stdout).toMatch(/\[4\/4\] BatchNorm, batch size 4, learning rate 0\.05: /)

  // What is there is not written over by accident.
  const other = await evenkeel([...tiny, '--out', out, '--seed', '1'])
  expect(other.code).toBe(1)
  expect(other.stderr).toMatch(/has runs of other settings\. Choose another --out, or add --force/)
  expect(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))).toEqual(results)

  // As if it had been killed while it wrote its second run: the first is kept, the others are made again, with the same numbers.
  const kept = readFileSync(join(out, 'runs.jsonl'), 'utf8').split('\n')
  expect(kept).toHaveLength(1 + 4 + 1)
  writeFileSync(join(out, 'runs.jsonl'), `${kept[0]}\n${kept[1]}\n${kept[2].slice(0, 100)}`)
  const resumed = await evenkeel([...tiny, '--out', out])
  expect(resumed.stdout).toContain('1 of the runs is there already')
  expect(resumed.stdout).not.toContain('[1/4]')
  expect(resumed.stdout).toContain('[2/4]')
  const untimed = ({ runs }: { runs: { msPerStep: number }[] }) => runs.map(({ msPerStep: _, ...rest }) => rest)
  expect(untimed(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')))).toEqual(untimed(results))

  const forced = await evenkeel([...tiny, '--out', out, '--force', '--seed', '1'])
  expect(forced.code).toBe(0)
  expect(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).settings.seed).toBe(1)
})

test('--json prints the results and nothing else; the same seed gives the same figures', async () => {
  const [a, b] = await Promise.all(['json-a', 'json-b'].map((name) => evenkeel([...tiny, '--json', '--out', join(folder, name)])))
  expect(a.code).toBe(0)
  expect(a.stderr).toMatch(/\[1\/4\] no norm/)
  expect(a.stdout).toBe(readFileSync(join(folder, 'json-a/results.json'), 'utf8'))
  const figures = (text: string) => JSON.parse(text).runs.map(({ msPerStep: _, ...rest }: { msPerStep: number }) => rest)
  expect(figures(a.stdout)).toEqual(figures(b.stdout))
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it after the step, keeps what was measured and says where', async (signal) => {
  const out = join(folder, signal)
  let sent = false
  // A short run, and then one of 20,000 steps, in which the signal comes.
  const { code, stdout, stderr } = await evenkeel(
    ['compare', '--image-size', '14', '--norm', 'batch', '--batch-size', '5000,1', '--lr', '0.05', '--samples', '20000', '--out', out],
    (child, said) => {
      // Not by its number alone: a slow first run says how far it is.
      if (!sent && /\[1\/2\].*test digits right/.test(said)) sent = child.kill(signal)
    },
  )
  expect(code).toBe(signal === 'SIGINT' ? 130 : 143)
  expect(stderr).toMatch(/Stopping after this step, to keep what was measured/)
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))
  expect(results.complete).toBe(false)
  expect(results.runs[0]).toMatchObject({ status: 'finished', steps: 4 })
  // The signal may come before the second run's first step.
  const [, second] = results.runs
  if (second) expect(second).toMatchObject({ status: 'stopped', stepsPlanned: 20_000, losses: { length: second.steps } })
  expect(stdout).toMatch(/Stopped: [12] of the runs were begun/)
  expect(stdout).toContain(`Written to ${out}`)
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Stopped early')
  expect(readFileSync(join(out, 'results.csv'), 'utf8')).toContain('batch,5000,0.05,20000,0,14,,,test_accuracy,')
})

test('a folder that cannot be made is an error before anything is trained', async () => {
  const file = join(folder, 'a-file')
  writeFileSync(file, 'keep me')
  const { code, stdout, stderr } = await evenkeel([...tiny, '--out', join(file, 'inside')])
  expect(code).toBe(1)
  expect(stderr).toBe(`evenkeel: can't make the folder ${join(file, 'inside')}: a file is in the way\n`)
  expect(stdout).toBe('')
  expect(readFileSync(file, 'utf8')).toBe('keep me')
})

test('wrong usage is exit code 2 and one sentence', async () => {
  expect(await evenkeel(['compare', '--batchsize', '3'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'evenkeel: compare has no option --batchsize. Did you mean --batch-size? See evenkeel --help.\n',
  })
})
