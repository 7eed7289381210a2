import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { downloaded, ENDLESS, inNode, readings, ready, stepTo } from './bench.js'
import { exact, inWords, Lab, longestTask } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

describe('three runs side by side', () => {
  const hash = '#/workbench?preset=spirals&run3=norm:group'

  test('the losses on the screen are those of the same runs in Node', async () => {
    const page = await lab.open(hash)
    await ready(page, 3)
    await stepTo(page, 3)
    const expected = await inNode(hash, 3)
    const shown = await readings(page, 'loss')
    expect(shown).toHaveLength(3)
    for (const [i, loss] of shown.entries()) expect(loss).toBeCloseTo(expected[i][2], 6)
    const file = JSON.parse((await downloaded(page, () => page.getByRole('button', { name: 'Runs as JSON' }).click())).text)
    for (const [i, run] of file.runs.entries()) for (const [j, loss] of run.firstLosses.entries()) expect(loss).toBeCloseTo(expected[i][j], 6)
    await page.close()
  })

  test('without the headers that allow threads there is one, and the numbers are the same', async () => {
    const plain = await Lab.start(false)
    const page = await plain.open(hash)
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false)
    await ready(page, 3)
    await stepTo(page, 2)
    const expected = await inNode(hash, 2)
    for (const [i, loss] of (await readings(page, 'loss')).entries()) expect(loss).toBeCloseTo(expected[i][1], 6)
    await plain.end()
  })

  test('two runs without norm are one and the same', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=2&run2=norm:none')
    await ready(page, 2)
    await stepTo(page, 4)
    const file = JSON.parse((await downloaded(page, () => page.getByRole('button', { name: 'Runs as JSON' }).click())).text)
    expect(file.runs[0].firstLosses).toHaveLength(4)
    expect(file.runs[0].firstLosses).toEqual(file.runs[1].firstLosses)
    await page.close()
  })

  test('play, change a knob while it runs, pause; the page never works for long', async () => {
    const page = await lab.open(`${hash}&${ENDLESS}`)
    await ready(page, 3)
    const longest = await longestTask(lab, page, async () => {
      await page.getByRole('button', { name: 'Play' }).click()
      await expect.poll(async () => Math.min(...(await readings(page, 'step'))), { timeout: 60_000 }).toBeGreaterThan(40)
      await page.locator('#run1-learningRate').fill('0.2')
      await page.keyboard.press('Tab')
      await page.getByText(/step \d+: lr 0\.1 → 0\.2/).waitFor()
      await expect.poll(() => page.locator('.run').first().locator('.status').textContent()).toBe('training')
      await page.getByRole('button', { name: 'Pause' }).click()
    })
    console.log(`longest task of the page while three runs trained: ${inWords(longest)}; at most 50 are allowed`)
    expect(longest.processor).toBeGreaterThan(0)
    expect(longest.processor).toBeLessThanOrEqual(50)
    // Figures follow: a line in the chart, histograms that count every value.
    await page.locator('#histograms').scrollIntoViewIfNeeded()
    await page.locator('#histograms .ridge').first().waitFor()
    expect(await page.locator('#histograms .count').first().textContent()).toMatch(/2,048 values from .* none outside/)
    // Each worker tells the rest of its step, and then is still.
    await expect.poll(() => page.locator('.status').allTextContents()).toEqual(['paused', 'paused', 'paused'])
    await page.close()
  })

  test('a run that diverges is said to, with step, layer and tensor, and the others go on', async () => {
    const page = await lab.open('#/workbench?preset=hot&runs=2&run1=learning-rate:100&stop-every=40')
    await ready(page, 2)
    await page.getByRole('button', { name: 'Play' }).click()
    await page
      .getByText(/Loss (NaN|inf|Infinity) at step \d+: the first bad number is in/)
      .first()
      .waitFor()
    await expect.poll(async () => (await readings(page, 'step'))[1]).toBe(40)
    expect((await readings(page, 'step'))[0]).toBeLessThan(40)
    await page.close()
  })

  test('BatchNorm with one sample shows PyTorch’s sentence', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=2&run2=norm:batch;batch-size:1')
    await ready(page, 2)
    await page.getByRole('button', { name: 'Step', exact: true }).click()
    await page.getByText('Expected more than 1 value per channel when training, got input size').waitFor()
    await page.close()
  })

  test('one step in slow motion, part by part, on real digits', async () => {
    const page = await lab.open('#/workbench?runs=1&run1=norm:batch')
    await ready(page, 1)
    const panel = page.locator('#slow')
    await panel.getByRole('button', { name: 'Begin step 1' }).press('Enter')
    await panel.getByRole('img', { name: /The first digits of the batch: \d/ }).waitFor()
    for (const part of ['forward', 'statistics', 'running averages', 'loss', 'backward', 'update']) {
      await panel.getByRole('button', { name: `Next: ${part}` }).press('Enter')
    }
    await panel.getByRole('button', { name: 'Finish the step' }).press('Enter')
    await expect.poll(() => readings(page, 'step')).toEqual([1])
    const [[expected]] = await inNode('#/workbench?runs=1&run1=norm:batch', 1)
    expect(await exact(page, '[data-reading=loss]')).toBeCloseTo(expected, 6)
    await page.close()
  })
})
