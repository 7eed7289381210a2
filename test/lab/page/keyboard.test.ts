import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { downloaded, ENDLESS, inNode, playTo, readings, ready } from './bench.js'
import { Lab } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

const MOST_TABS = 120

/** Goes on by Tab to what has a name or id, as somebody without a mouse does. */
async function tabTo(page: Page, wanted: RegExp, key = 'Tab'): Promise<void> {
  const seen: string[] = []
  for (let i = 0; i < MOST_TABS; i++) {
    await page.keyboard.press(key)
    const name = await page.evaluate(() => {
      const { activeElement: e } = document
      return `${e?.id ?? ''} ${e?.getAttribute('aria-label') ?? e?.textContent ?? ''}`.trim()
    })
    if (wanted.test(name)) return
    seen.push(name.slice(0, 40))
  }
  throw new Error(`${wanted} is not reached: ${seen.join(' | ')}`)
}

/** What a screen reader was told, and when keys were pressed. */
interface Listened {
  heard: string[]
  keys: number[]
}

describe('without a mouse', () => {
  test('choose a norm, run, read the loss from the chart, take it away', async () => {
    const page = await lab.open(`#/workbench?preset=spirals&runs=1&run1=norm:batch&${ENDLESS}`)
    await ready(page, 1)
    await tabTo(page, /^run1-norm/)
    await page.keyboard.type('LayerNorm')
    await expect.poll(() => page.evaluate(() => location.hash)).toContain('norm:layer')
    await ready(page, 1)
    await tabTo(page, /^Play$/, 'Shift+Tab')
    await page.keyboard.press('Space')
    await expect.poll(async () => (await readings(page, 'step'))[0]).toBeGreaterThan(5)
    // The focus has stayed where it was, and the button is another.
    await page.keyboard.press('Space')
    await expect.poll(() => page.locator('.status').textContent()).toBe('paused')

    await tabTo(page, /^Training loss/)
    await page.evaluate(() => {
      const live = document.getElementById('live')
      const listened: Listened = { heard: [], keys: [] }
      Object.assign(globalThis, listened)
      addEventListener('keydown', () => listened.keys.push(performance.now()), { capture: true })
      if (live) new MutationObserver(() => listened.heard.push(live.textContent ?? '')).observe(live, { childList: true, characterData: true, subtree: true })
    })
    for (const key of ['Home', 'End', 'Home', 'ArrowRight', 'ArrowLeft', 'Home']) await page.keyboard.press(key)
    // On a long line the first point is the mean of a few steps; how many is a matter of how long the run has played.
    const at = (await page.getByRole('figure', { name: 'Training loss' }).locator('.at').textContent()) ?? ''
    const steps = Number(/^step (\d+)$/.exec(at)?.[1])
    const [losses] = await inNode('#/workbench?preset=spirals&runs=1&run1=norm:layer', steps)
    const first = losses.reduce((sum, loss) => sum + loss, 0) / steps
    await page.locator('#live', { hasText: `${at}: LayerNorm ${Number(first.toPrecision(3))}` }).waitFor({ state: 'attached' })
    // A sentence follows a key only where none comes within a quarter of a second: six in a row are not six sentences.
    const { heard, keys } = await page.evaluate(() => {
      const { heard, keys } = globalThis as unknown as Listened
      return { heard, keys }
    })
    expect(keys).toHaveLength(6)
    // What the run itself says, such as that it has paused, may come in between.
    expect(heard.filter((sentence) => /^step \d/.test(sentence)).length).toBeLessThanOrEqual(1 + keys.slice(1).filter((key, i) => key - keys[i] > 240).length)
    expect(await page.locator('#live').getAttribute('aria-live')).toBe('polite')

    await tabTo(page, /^Numbers and files/)
    await page.keyboard.press('Enter')
    await tabTo(page, /^CSV$/)
    // The steps that were on their way when it paused may still come.
    const lastRow = async () => (await downloaded(page, () => page.keyboard.press('Enter'))).text.trim().split('\n').at(-1)
    await expect.poll(async () => (await lastRow())?.startsWith(`LayerNorm,${(await readings(page, 'step'))[0]},`)).toBe(true)
    await page.close()
  })

  test('one cursor over all figures; a run that was is overlaid, and named by what changed', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=2&stop-every=40')
    await ready(page, 2)
    await playTo(page, 40)
    const chart = page.getByRole('application', { name: /^Training loss/ })
    await chart.focus()
    await page.keyboard.press('Home')
    for (const name of ['Training loss', 'Test accuracy in eval()', 'Gap: loss in eval() − loss in train()']) {
      const figure = page.getByRole('figure', { name })
      expect(await figure.locator('.cursor').count()).toBe(1)
      expect(await figure.locator('.at').textContent()).toBe('step 1')
    }
    // A histogram moves the same cursor. Its rows are every sixteenth step.
    const histogram = page.locator('#histograms').getByRole('application').first()
    await histogram.focus()
    await page.keyboard.press('Home')
    for (const step of [1, 17, 33]) {
      await expect.poll(() => page.locator('#histograms .count').first().textContent()).toMatch(new RegExp(`^Step ${step}:`))
      await expect.poll(() => page.getByRole('figure', { name: 'Training loss' }).locator('.at').textContent()).toBe(`step ${step}`)
      await page.keyboard.press('ArrowRight')
    }
    await page.keyboard.press('Escape')
    await expect.poll(() => page.locator('.cursor').count()).toBe(0)

    await page.locator('#run2-norm').selectOption('rms')
    const legend = page.getByRole('figure', { name: 'Training loss' }).locator('.legend')
    await legend.getByText('earlier: BatchNorm (before norm BatchNorm → RMSNorm)').waitFor()
    await page.locator('#seed').fill('5')
    await page.keyboard.press('Tab')
    await legend.getByText('earlier: no norm (before seed 0 → 5)').waitFor()
    await page.close()
  })
})
