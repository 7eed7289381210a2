import { afterAll, beforeAll, expect, test } from 'vitest'
import { blockOf } from '../../../lab/axes/block.js'
import { blockRows } from '../../../lab/axes/picture.js'
import { readAxes } from '../../../lab/axes/read.js'
import { csvOf } from '../../../lab/charts/export.js'
import { axesNumbers } from '../../../lab/training/axes.js'
import { runNamed } from '../../../lab/training/experiments.js'
import { downloaded, playTo, ready, stepTo } from './bench.js'
import { allFetched, Lab } from './lab.js'

/** What a page has at hand when the network is gone, and what it gives as files. */

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

test('the network is cut after the page has come: an experiment on the novel still runs, with the numbers of Node', async () => {
  const page = await lab.open('#/')
  await page.locator('.calculation').waitFor()
  await allFetched(page)
  await page.context().setOffline(true)
  const flags = { cell: 'rnn', norm: 'layer', length: '12', lr: '0.02', hidden: '8', 'batch-size': '4', steps: '3', seeds: '1' }
  const query = new URLSearchParams(flags).toString()
  await page.evaluate((hash) => {
    location.hash = hash
  }, `#/experiments/long-sequences?${query}`)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.locator('#summary').waitFor()
  const { result } = await runNamed('long-sequences', flags, () => {})
  const { text } = await downloaded(page, () => page.getByRole('button', { name: 'results.json' }).click())
  const losses = (runs: readonly object[]) => runs.map((run) => ('losses' in run ? run.losses : null)) as number[][]
  const [here, there] = [losses(JSON.parse(text).runs), losses(result.runs)]
  expect(here.map((run) => run.length)).toEqual([3])
  for (const [i, loss] of here[0].entries()) expect(loss).toBeCloseTo(there[0][i], 6)
  expect(lab.errors).toEqual([])
  await page.close()
})

test('the front door gives its block as a picture and every cell as a row', async () => {
  const page = await lab.open('#/?norm=group&groups=2&n=2')
  await page.locator('.calculation').waitFor()
  await page.locator('.stage').getByText('Numbers and files').click()
  const { name, text } = await downloaded(page, () => page.locator('.stage').getByRole('button', { name: 'CSV' }).click())
  expect(name).toBe('groupnorm-before.csv')
  const { settings } = readAxes(new Map([...new URLSearchParams('norm=group&groups=2&n=2')]))
  const { header, rows } = blockRows(blockOf(settings), axesNumbers(settings))
  expect(text).toBe(csvOf(header, rows))
  const { text: svg } = await downloaded(page, () => page.locator('.stage').getByRole('button', { name: 'SVG' }).click())
  expect(svg).toContain('4 statistics of 18 values')
  await page.close()
})

test('knobs that were turned in mid-run are in the PyTorch script, at the steps at which the worker turned them', async () => {
  const page = await lab.open('#/workbench?preset=spirals&runs=1&run1=norm:batch&stop-every=5')
  await ready(page, 1)
  await stepTo(page, 2)
  await page.locator('#run1-learningRate').fill('0.5')
  await page.locator('#run1-learningRate').press('Enter')
  await page.locator('.marks').filter({ hasText: 'step 2: lr 0.1 → 0.5' }).waitFor()
  await playTo(page, 5)
  const { text } = await downloaded(page, () => page.getByRole('button', { name: 'PyTorch script' }).click())
  expect(text).toContain('lr=0.1)\n')
  expect(text).toContain("CHANGES = {\n    3: {'lr': 0.5},\n}\n")
  await page.close()
})

test('the cursor at the beginning brings the first rows of the histograms', async () => {
  const page = await lab.open('#/workbench?preset=spirals&runs=1&depth=1&stop-every=370')
  await ready(page, 1)
  await playTo(page, 370)
  const histogram = page.locator('#histograms figure')
  await histogram.scrollIntoViewIfNeeded()
  await expect.poll(() => histogram.locator('.ridge').count()).toBe(14)
  // Rows have their step at their left; the ticks below are numbers, too.
  const steps = () => histogram.locator('text:not([text-anchor=middle])').allTextContents()
  await expect.poll(steps).not.toContain('1')
  await histogram.getByRole('application').focus()
  await page.keyboard.press('Home')
  await expect.poll(steps).toContain('1')
  await expect.poll(() => histogram.locator('.ridge').first().getAttribute('class')).toBe('ridge front')
  await histogram.getByText('Step 1: ').first().waitFor()
  await page.close()
})
