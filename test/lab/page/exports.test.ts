import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSafetensors } from '../../../src/index.js'
import { downloaded, inNode, playTo, ready, sessions, stepTo } from './bench.js'
import { Lab, root } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

const STEPS = 3
const hash = '#/workbench?preset=spirals&run3=norm:group'

describe('what leaves the workbench', () => {
  test('every figure as SVG, PNG and CSV, and the command writes the same without a browser', async () => {
    const page = await lab.open(hash)
    await ready(page, 3)
    await stepTo(page, STEPS)
    const figures = await page.getByRole('figure').all()
    const names = await Promise.all(figures.map((figure) => figure.getAttribute('aria-label')))
    expect(names).toHaveLength(9)
    const files = new Map<string, string>()
    for (const figure of figures) {
      await figure.scrollIntoViewIfNeeded()
      await figure.getByText('Numbers and files').click()
      for (const kind of ['SVG', 'CSV']) {
        const { name, text } = await downloaded(page, () => figure.getByRole('button', { name: kind }).click())
        files.set(name, text)
      }
      const { bytes } = await downloaded(page, () => figure.getByRole('button', { name: 'PNG' }).click())
      expect(bytes.subarray(1, 4).toString()).toBe('PNG')
      expect(bytes.length).toBeGreaterThan(3000)
      // The numbers are there as a table, too.
      const rows = await figure.locator('tbody tr').count()
      expect(rows).toBe(Math.min(120, (files.get([...files.keys()].at(-1) ?? '') ?? '').trim().split('\n').length - 1))
    }
    await page.close()
    const [header, ...losses] = (files.get('training-loss.csv') ?? '').trim().split('\n')
    expect(header).toBe('series,step,value')
    expect(losses.map((row) => Number(row.split(',').at(-1)))).toEqual((await inNode(hash, STEPS)).flat().map((v) => expect.closeTo(v, 6)))

    const out = mkdtempSync(join(tmpdir(), 'evenkeel-draw-'))
    const command = [join(root, 'dist/bundle/main.js'), 'draw', `${lab.server.url}${hash}`, '--steps', String(STEPS), '--out', out]
    const { stdout } = await promisify(execFile)(process.execPath, command)
    expect(stdout).toContain('training-loss.svg')
    const drawn = readdirSync(out)
    expect(drawn).toEqual(expect.arrayContaining([...files.keys()]))
    // A file alone says what its lines stand for.
    expect(files.get('training-loss.svg')).toMatch(/^<svg xmlns=.*<style>.*<\/svg>$/s)
    expect(files.get('training-loss.svg')).toMatch(/<text[^>]*>no norm<\/text>.*<text[^>]*>GroupNorm<\/text>/s)
    for (const [name, text] of files) {
      const other = readFileSync(join(out, name), 'utf8')
      if (name.endsWith('.svg')) expect(picture(other), name).toBe(picture(text))
      else expect(cells(other), name).toEqual(cells(text).map((cell) => (typeof cell === 'number' ? expect.closeTo(cell, 6) : cell)))
    }
  })

  test('weights as safetensors with PyTorch’s keys, and the run as a PyTorch script', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=1&run1=norm:batch')
    await ready(page, 1)
    await stepTo(page, STEPS)
    const files = page.locator('#files')
    const { name, bytes } = await downloaded(page, () => files.getByRole('button', { name: 'Weights (safetensors)' }).click())
    expect(name).toBe('evenkeel-run.safetensors')
    const weights = loadSafetensors(new Uint8Array(bytes))
    const [session] = await sessions('#/workbench?preset=spirals&runs=1&run1=norm:batch')
    for (let step = 0; step < STEPS; step++) session.next()
    const expected = session.stateDict()
    // A file has its tensors in an order of its own.
    expect(Object.keys(weights).sort()).toEqual(Object.keys(expected).sort())
    expect(Object.keys(weights)).toEqual(expect.arrayContaining(['blocks.0.linear.weight', 'blocks.0.norm.running_mean', 'fc.bias']))
    for (const [key, tensor] of Object.entries(weights)) {
      expect(tensor.shape).toEqual(expected[key].shape)
      const values = Array.from(expected[key].toTypedArray(), Number)
      for (const [i, value] of Array.from(tensor.toTypedArray(), Number).entries()) expect(value, key).toBeCloseTo(values[i], 5)
    }
    const { text: script } = await downloaded(page, () => files.getByRole('button', { name: 'PyTorch script' }).click())
    expect(script).toContain(`STEPS = ${STEPS}\n`)
    expect(script.match(/named\(linear=nn\.Linear\(\d+, 64\), norm=nn\.BatchNorm1d\(64\), act=nn\.ReLU\(\)\)/g)).toHaveLength(4)
    await page.close()
  })

  test('the same address gives the same first 50 losses, bit for bit', async () => {
    const losses: unknown[] = []
    for (let load = 0; load < 2; load++) {
      const page = await lab.open('#/workbench?preset=spirals&runs=2&seed=7&hide=nav&stop-every=50')
      await ready(page, 2)
      expect(await page.locator('nav').count()).toBe(0)
      await playTo(page, 50)
      const file = JSON.parse((await downloaded(page, () => page.getByRole('button', { name: 'Runs as JSON' }).click())).text)
      losses.push(file.runs.map((run: { firstLosses: number[] }) => run.firstLosses))
      await page.close()
    }
    const [first, second] = losses as number[][][]
    expect(first.map((run) => run.length)).toEqual([50, 50])
    expect(second).toEqual(first)
    expect(first[0]).not.toEqual(first[1])
  })
})

/** What is drawn, in tenths of a pixel; values in words have more digits than that. */
const picture = (svg: string): string => svg.replace(/<title>[^<]*<\/title>| aria-label="[^"]*"/g, '')

/** The cells of a CSV, numbers as such. */
const cells = (csv: string): (string | number)[] => csv.split(/[,\n]/).map((cell) => (cell !== '' && Number.isFinite(Number(cell)) ? Number(cell) : cell))
