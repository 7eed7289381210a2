import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axes } from '../../../src/experiments/index.js'
import { exact, Lab } from './lab.js'

let lab: Lab
let page: Page
beforeAll(async () => {
  lab = await Lab.start()
  page = await lab.open()
})
afterAll(() => lab.end())

const config = { groups: 2, normalizedAxes: 3, affine: false, eps: 1e-5, seed: 0 } as const

describe('the front door', () => {
  test('a visit by keyboard: choose a norm and a cell, and read the sum, whose numbers are those of the library', async () => {
    const page = await lab.open()
    await page.locator('input[value=batch]').focus()
    await page.keyboard.press('ArrowDown')
    await page.locator('input[value=layer]:checked').waitFor({ state: 'attached' })
    expect(await page.evaluate(() => location.hash)).toContain('norm=layer')
    const block = page.locator('svg.block')
    await block.focus()
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowDown']) await page.keyboard.press(key)
    await page.locator('.where', { hasText: 'sample 1, channel 2, row 2, column 1' }).waitFor()

    const run = axes({ norm: 'layer', shape: [3, 4, 3, 3], ...config })
    const cell = 9 + 3
    await expect.poll(() => exact(page, '[data-name=mean]')).toBeCloseTo(run.statistics[0].mean, 9)
    expect(await exact(page, '[data-name=variance]')).toBeCloseTo(run.statistics[0].variance, 9)
    expect(await exact(page, '[data-name=normalised]')).toBeCloseTo(run.standardized[cell], 9)
    expect(await exact(page, '[data-name=after]')).toBeCloseTo(run.after[cell], 9)
    expect(await page.locator('.cell.lit').count()).toBe(run.statistics[0].count)
    // The live region says it, a moment later.
    await page.locator('#live', { hasText: /sample 1, channel 2, row 2, column 1: .* becomes / }).waitFor({ state: 'attached' })
    await page.close()
  })

  test.each(['batch', 'layer', 'instance', 'group', 'rms'] as const)('%s: the lit cells are those of the statistic', async (norm) => {
    await page.goto(`${lab.server.url}#/?norm=${norm}&n=2`)
    await page.locator(`input[value=${norm}]:checked`).waitFor({ state: 'attached' })
    const run = axes({ norm, shape: [2, 4, 3, 3], ...config })
    for (const cell of [0, 20, 71]) {
      await page.locator(`[data-cell="${cell}"]`).hover()
      const members = run.group.flatMap((g, i) => (g === run.group[cell] ? [i] : []))
      await expect.poll(() => page.locator('.cell.lit').evaluateAll((cells) => cells.map((c) => Number(c.getAttribute('data-cell'))))).toEqual(members)
      await expect.poll(() => exact(page, '[data-name=variance]')).toBeCloseTo(run.statistics[run.group[cell]].variance, 9)
    }
  })

  test('sequences: BatchNorm sees channels second, and the code says so', async () => {
    await page.goto(`${lab.server.url}#/?input=sequence&n=2&c=3&l=4`)
    await page.locator('#l').waitFor()
    const run = axes({ norm: 'batch', shape: [2, 3, 4], ...config })
    await page.locator('[data-cell="1"]').hover()
    await expect.poll(() => exact(page, '[data-name=mean]')).toBeCloseTo(run.statistics[1].mean, 9)
    await expect(page.locator('pre').textContent()).resolves.toContain('norm(x.transpose(1, 2)).transpose(1, 2)')
    await page.getByRole('button', { name: 'Evenkeel', exact: true }).click()
    await expect(page.locator('pre').textContent()).resolves.toContain('new nn.BatchNorm1d(3)')
  })

  test('what the address asks for and can’t have is replaced, with a note; the back button goes back', async () => {
    const page = await lab.open('#/?norm=group&c=6&groups=4&n=99&colour=red')
    const notes = await page.locator('.notes li').allTextContents()
    expect(notes).toHaveLength(3)
    expect(notes.join(' ')).toMatch(/“colour”.*99.*6 is shown.*4 groups don't divide 6/)
    await page.locator('input[value=rms]').check({ force: true })
    await expect.poll(() => page.evaluate(() => location.hash)).toContain('norm=rms')
    await page.goBack()
    await page.locator('input[value=group]:checked').waitFor({ state: 'attached' })
    await page.close()
  })

  test('a statistic of one value is the layer’s own error, not NaN', async () => {
    await page.goto(`${lab.server.url}#/?input=table&n=1`)
    await page.getByText('Expected more than 1 value per channel when training').waitFor()
  })
})
