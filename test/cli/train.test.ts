import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCommand, type Run } from './command.js'

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-train-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let evenkeel: Run
beforeAll(async () => {
  evenkeel = await buildCommand('train')
})

const results = (out: string) => JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))
const weights = (out: string) => readFileSync(join(out, 'model.safetensors')).toString('hex')

/** A text with a rule that a bigram can't see: each word is written three times. */
const text = join(folder, 'text.txt')
beforeAll(() => {
  const words = ['whale', 'ship', 'sea', 'harpoon', 'captain']
  writeFileSync(text, Array.from({ length: 700 }, (_, i) => `${words[(i * i + (i >> 2)) % 5]} `.repeat(3)).join('.'))
})
const tiny = (...more: string[]) => ['train', '--data', text, '--context', '16', '--batch-size', '8', ...more]

test('a text is learned, and what was learned is written, shown and sampled', async () => {
  const out = join(folder, 'text')
  const { code, stdout, stderr } = await evenkeel(tiny('--steps', '60', '--out', out))
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(readdirSync(out).sort()).toEqual(['checkpoint.safetensors', 'model.safetensors', 'report.html', 'results.csv', 'results.json'])
  const { schema, status, losses, evaluations, references, settings, kind } = results(out)
  expect({ schema, status, kind, steps: losses.length }).toEqual({ schema: 'evenkeel-train/1', status: 'finished', kind: 'text', steps: 60 })
  expect(settings).toMatchObject({ model: 'charlm', context: 16, batchSize: 8, seed: 0 })
  const [unigram, bigram] = references
  expect([unigram.name, bigram.name]).toEqual(['unigram', 'bigram'])
  expect(bigram.loss).toBeLessThan(unigram.loss)
  expect(evaluations[0].loss).toBeLessThan(bigram.loss)
  const page = readFileSync(join(out, 'report.html'), 'utf8')
  const csv = readFileSync(join(out, 'results.csv'), 'utf8')
  for (const { loss } of [evaluations[0], unigram, bigram]) {
    expect(stdout).toContain(loss.toFixed(3))
    expect(page).toContain(loss.toFixed(3))
    expect(csv).toContain(`_loss,${loss}\n`)
  }
  expect(csv).toContain(`0,training_loss,${losses[0]}\n`)
  expect(page).toMatch(/<path class="line"/)

  const say = (...more: string[]) => evenkeel(['sample', out, '--length', '40', '--prompt', 'whale ', ...more])
  const [a, b, c] = await Promise.all([say('--seed', '1'), say('--seed', '1'), say('--seed', '2')])
  expect(a.code).toBe(0)
  expect(a.stdout).toMatch(/^whale [a-z .]{40}\n$/)
  expect(b.stdout).toBe(a.stdout)
  expect(c.stdout).not.toBe(a.stdout)
  expect(await evenkeel(['sample', out, '--prompt', 'Whale'])).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^evenkeel: the character 'W' \(U\+0057\), number 1 of the text, is not in the vocabulary of \d+ characters\n$/),
  })

  // What is there is not written over by accident.
  const again = await evenkeel(tiny('--steps', '60', '--out', out))
  expect(again.code).toBe(1)
  expect(again.stderr).toMatch(/is not empty\. Choose another --out, or add --force/)
})

test('killed at any moment and resumed, it goes on bit for bit as if never interrupted', async () => {
  const [whole, cut] = [join(folder, 'whole'), join(folder, 'cut')]
  // 90 steps of 8 are more than a pass, and no multiple of the steps between checkpoints.
  const run = (out: string) => tiny('--steps', '90', '--checkpoint-every', '7', '--seed', '5', '--out', out)
  expect((await evenkeel(run(whole))).code).toBe(0)
  let begun = false
  const killed = await evenkeel(run(cut), (child, said) => {
    if (begun || !said.includes('checkpoints in')) return
    begun = true
    // As soon as there is a checkpoint beyond the first: some steps later or before, and perhaps while the next one is written.
    const first = readFileIfThere(join(cut, 'checkpoint.safetensors'))
    const watch = setInterval(() => {
      const now = readFileIfThere(join(cut, 'checkpoint.safetensors'))
      if (now === null || now === first || now.length === first?.length) return
      clearInterval(watch)
      child.kill('SIGKILL')
    }, 1)
    child.on('close', () => clearInterval(watch))
  })
  expect(killed.code).toBe(null)
  expect(existsSync(join(cut, 'results.json'))).toBe(false)

  const resumed = await evenkeel(['train', '--resume', cut])
  expect(resumed.stderr).toBe('')
  expect(resumed.code).toBe(0)
  expect(Number(/going on after step (\d+)/.exec(resumed.stdout)?.[1])).toBeLessThan(90)
  expect(results(cut).losses).toEqual(results(whole).losses)
  expect(results(cut).evaluations).toEqual(results(whole).evaluations)
  expect(weights(cut)).toBe(weights(whole))
})

const readFileIfThere = (file: string): Buffer | null => (existsSync(file) ? readFileSync(file) : null)

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it after the step, keeps what was learned and says how to go on', async (signal) => {
  const out = join(folder, signal)
  let sent = false
  const { code, stdout, stderr } = await evenkeel(tiny('--steps', '100000', '--checkpoint-every', '5', '--out', out), (child) => {
    if (!sent && existsSync(join(out, 'checkpoint.safetensors'))) sent = child.kill(signal)
  })
  expect(code).toBe(signal === 'SIGINT' ? 130 : 143)
  expect(stderr).toMatch(/Stopping after this step/)
  expect(stdout).toContain(`evenkeel train --resume ${out} goes on from there.`)
  const { status, steps } = results(out)
  expect(status).toBe('stopped')
  const longer = await evenkeel(['train', '--resume', out, '--steps', String(steps + 2)])
  expect(longer.code).toBe(0)
  expect(results(out)).toMatchObject({ status: 'finished', steps: steps + 2 })
})

describe('a folder of another configuration', () => {
  const out = join(folder, 'other')
  beforeAll(async () => {
    await evenkeel(tiny('--steps', '2', '--out', out))
  })

  test('is refused with what differs, and stays as it was', async () => {
    const before = readFileSync(join(out, 'checkpoint.safetensors')).toString('hex')
    const { code, stderr } = await evenkeel(['train', '--resume', out, '--lr', '0.1', '--seed', '4'])
    expect(code).toBe(1)
    expect(stderr).toBe(`evenkeel: can't go on with ${out}: it was trained otherwise: --lr is 0.004 there, 0.1 here; --seed is 0 there, 4 here\n`)
    expect(readFileSync(join(out, 'checkpoint.safetensors')).toString('hex')).toBe(before)
    const model = await evenkeel(['train', '--resume', out, '--model', 'gpt'])
    expect(model.stderr).toMatch(/--model is charlm there, gpt here/)
  })

  test('so is one whose text has changed since', async () => {
    const copy = join(folder, 'changed.txt')
    writeFileSync(copy, `${readFileSync(text, 'utf8')}!`)
    const { code, stderr } = await evenkeel(['train', '--resume', out, '--data', copy])
    expect(code).toBe(1)
    expect(stderr).toContain(`the data are ${text} there, ${copy} here`)
  })

  test('and one without a checkpoint, or with half of one', async () => {
    const none = await evenkeel(['train', '--resume', join(folder, 'nowhere')])
    expect(none.code).toBe(1)
    expect(none.stderr).toMatch(/can't read .*nowhere\/checkpoint\.safetensors: it or a folder on the way does not exist/)
    const half = join(folder, 'half')
    cpSync(out, half, { recursive: true })
    const file = join(half, 'checkpoint.safetensors')
    writeFileSync(file, readFileSync(file).subarray(0, 5000))
    expect((await evenkeel(['train', '--resume', half])).stderr).toMatch(/half\/checkpoint\.safetensors: /)
  })
})

test('bad text is named', async () => {
  const bad = join(folder, 'latin1.txt')
  writeFileSync(bad, Buffer.from('Moby Dick, la baleine g\xe9ante', 'latin1'))
  const { code, stderr } = await evenkeel(['train', '--data', bad, '--out', join(folder, 'bad')])
  expect(code).toBe(1)
  expect(stderr).toBe(`evenkeel: ${bad}: invalid UTF-8 at byte 24 (counted from 0): found 0x61\n`)
  expect(existsSync(join(folder, 'bad'))).toBe(false)
  writeFileSync(bad, 'too short')
  expect((await evenkeel(['train', '--data', bad])).stderr).toMatch(/has 9 characters: too few to learn from 64 at a time/)
})

describe('a folder of images', () => {
  const images = join(folder, 'images')
  beforeAll(() => {
    // Dark and bright images of every kind of PNG that is written: grey, RGB, RGBA, 16 bits.
    for (const [label, name] of ['bright', 'dark'].entries()) {
      mkdirSync(join(images, name), { recursive: true })
      for (let i = 0; i < 20; i++) {
        const channels = [1, 3, 4][i % 3]
        const depth = i % 5 === 4 ? 16 : 8
        const level = (label === 0 ? 0.8 : 0.1) * (2 ** depth - 1)
        const values = Array.from({ length: 64 * channels }, (_, k) => Math.round(level * (0.7 + (0.3 * ((k * 7919 + i) % 10)) / 10)))
        const data = depth === 16 ? Uint16Array.from(values) : Uint8Array.from(values)
        writeFileSync(join(images, name, `${String(i).padStart(2, '0')}.png`), encode({ width: 8, height: 8, channels, depth, data }))
      }
    }
  })

  test('is learned', async () => {
    const out = join(folder, 'images-out')
    const { code, stdout, stderr } = await evenkeel(['train', '--model', 'resnet', '--data', images, '--steps', '40', '--batch-size', '8', '--out', out])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('36 samples, 4 held out; 2 classes, 3 x 8 x 8')
    expect(results(out).evaluations[0]).toMatchObject({ step: 40, accuracy: 1 })
    expect((await evenkeel(['sample', out])).stderr).toBe('evenkeel: resnet was trained on images and writes no text\n')
  })

  test('is refused where something in it is not as it should be', async () => {
    const bad = join(folder, 'bad-images')
    cpSync(images, bad, { recursive: true })
    const train = async () => (await evenkeel(['train', '--model', 'resnet', '--data', bad, '--out', join(folder, 'bad-out')])).stderr
    writeFileSync(join(bad, 'dark/05.png'), 'not an image')
    expect(await train()).toMatch(/^evenkeel: can't read .*dark\/05\.png as a PNG image: /)
    writeFileSync(join(bad, 'dark/05.png'), encode({ width: 9, height: 8, channels: 1, depth: 8, data: new Uint8Array(72) }))
    expect(await train()).toMatch(/all images must have the same size: .*bright\/00\.png has 8 x 8, .*dark\/05\.png has 9 x 8 pixels/)
    rmSync(join(bad, 'dark'), { recursive: true })
    expect(await train()).toMatch(/needs a sub-folder of PNG images for each of at least two classes, and has 1/)
    expect((await evenkeel(['train', '--model', 'resnet', '--data', text])).stderr).toMatch(/--data must be a folder with a sub-folder for each class/)
    expect((await evenkeel(['train', '--data', images])).stderr).toMatch(/--data must be a text file, and .* is a folder/)
  })
})

test('wrong usage is exit code 2 and one sentence', async () => {
  const [flag, model, both, norm] = await Promise.all([
    evenkeel(['train', '--modell', 'gpt']),
    evenkeel(['train', '--model', 'gtp']),
    evenkeel(['train', '--resume', 'a', '--out', 'b']),
    evenkeel(['train', '--model', 'gpt', '--norm', 'instance']),
  ])
  for (const { code, stdout } of [flag, model, both, norm]) expect([code, stdout]).toEqual([2, ''])
  expect(flag.stderr).toBe('evenkeel: train has no option --modell. Did you mean --model? See evenkeel --help.\n')
  expect(model.stderr).toMatch(/--model must be one of .*, got 'gtp'\. Did you mean gpt\?/)
  expect(both.stderr).toMatch(/--resume goes on in its own folder; leave --out away\./)
  expect(norm.stderr).toMatch(/gpt takes no norm 'instance'\. Its norms: layer, rms, none\./)
})
