import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { downloaded, inNode, playTo, readings, ready, stepTo } from './bench.js'
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

describe('without a mouse', () => {
  test('choose a norm, run, read the loss from the chart, take it away', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=1&run1=norm:batch')
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
      const heard: string[] = []
      Object.assign(globalThis, { heard })
      if (live) new MutationObserver(() => heard.push(live.textContent ?? '')).observe(live, { childList: true, characterData: true, subtree: true })
    })
    for (const key of ['Home', 'End', 'Home', 'ArrowRight', 'ArrowLeft', 'Home']) await page.keyboard.press(key)
    // On a long line the first point is the mean of a few steps; how many is a matter of how long the run has played.
    const at = (await page.getByRole('figure', { name: 'Training loss' }).locator('.at').textContent()) ?? ''
    const steps = Number(/^step (\d+)$/.exec(at)?.[1])
    const [losses] = await inNode('#/workbench?preset=spirals&runs=1&run1=norm:layer', steps)
    const first = losses.reduce((sum, loss) => sum + loss, 0) / steps
    await page.locator('#live', { hasText: `${at}: LayerNorm ${Number(first.toPrecision(3))}` }).waitFor({ state: 'attached' })
    // Six keys in a row are not six sentences.
    expect(await page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard.length)).toBeLessThan(4)
    expect(await page.locator('#live').getAttribute('aria-live')).toBe('polite')

    await tabTo(page, /^Numbers and files/)
    await page.keyboard.press('Enter')
    await tabTo(page, /^CSV$/)
    const { text } = await downloaded(page, () => page.keyboard.press('Enter'))
    expect(text.trim().split('\n').at(-1)).toMatch(new RegExp(`^LayerNorm,${(await readings(page, 'step'))[0]},`))
    await page.close()
  })

  test('one cursor over all figures; a run that was is overlaid, and named by what changed', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=2')
    await ready(page, 2)
    await playTo(page, 40)
    const chart = page.getByRole('application', { name: /^Training loss/ })
    await chart.focus()
    await page.keyboard.press('Home')
    const at = await page.getByRole('figure', { name: 'Training loss' }).locator('.at').textContent()
    // The first point of the line; it may stand for a few steps.
    expect(at).toMatch(/^step \d$/)
    for (const name of ['Training loss', 'Test accuracy in eval()', 'Gap: loss in eval() − loss in train()']) {
      const figure = page.getByRole('figure', { name })
      expect(await figure.locator('.cursor').count()).toBe(1)
      expect(await figure.locator('.at').textContent()).toBe(at)
    }
    // A histogram moves the same cursor. Its rows are every sixteenth step, of which the last fourteen are shown.
    const numberIn = async (text: Promise<string | null>) => Number(/\d+/.exec((await text) ?? '')?.[0])
    const histogram = page.locator('#histograms').getByRole('application').first()
    await histogram.focus()
    await page.keyboard.press('Home')
    const chosen = () => numberIn(page.locator('#histograms .count').first().textContent())
    const shown = () => numberIn(page.getByRole('figure', { name: 'Training loss' }).locator('.at').textContent())
    await expect.poll(async () => Math.abs((await chosen()) - (await shown()))).toBeLessThan(16)
    const before = await chosen()
    await page.keyboard.press('ArrowRight')
    await expect.poll(chosen).toBe(before + 16)
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

  test.each(['#/', '#/workbench?preset=spirals', '#/experiments', '#/experiments/axes', '#/advise', '#/lessons'])(
    '%s: what one presses is at least 24 pixels high and wide, and nothing moves for those who want no motion',
    async (hash) => {
      const page = await lab.open(hash, { reducedMotion: 'reduce' })
      if (hash.includes('workbench')) {
        await ready(page, 3)
        await stepTo(page, 1)
      }
      const found = await page.evaluate(() => {
        const small: string[] = []
        let count = 0
        for (const e of document.querySelectorAll<HTMLElement>('button, select, input, summary, a, [tabindex="0"]')) {
          // A link within a sentence is as high as the sentence; a box or a hidden button is pressed by its label.
          if (e.tagName === 'A' && getComputedStyle(e).display === 'inline') continue
          const { width, height } = (e.matches('[type=checkbox], [type=radio]') ? (e.closest('label') ?? e) : e).getBoundingClientRect()
          if (width <= 1 || height <= 1) continue
          count++
          if (Math.min(width, height) < 24) small.push(`${e.outerHTML.slice(0, 80)}: ${width} x ${height}`)
        }
        const moving = [...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration !== '0s')
        return { small, count, moving: moving.length, animations: document.getAnimations().length }
      })
      expect(found.count).toBeGreaterThan(5)
      expect(found).toMatchObject({ small: [], moving: 0, animations: 0 })
      await page.close()
    },
  )
})
