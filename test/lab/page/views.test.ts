import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { experiments, runExperiment } from '../../../src/experiments/index.js'
import { playTo, readings, ready as runsReady } from './bench.js'
import { drawAll, Lab, phone, root, screenshot } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface View {
  name: string
  hash: string
  /** Less work, on a phone; the same where it is not given. */
  onPhone?: string
  /** Brings the view to where there is something to see. */
  ready: (page: Page) => Promise<void>
}

const views: readonly View[] = [
  { name: 'axes', hash: '#/?norm=group', ready: (page) => page.locator('.calculation').waitFor() },
  {
    name: 'workbench',
    hash: '#/workbench?preset=spirals&stop-every=30',
    ready: async (page) => {
      await runsReady(page, 3)
      await playTo(page, 30)
    },
  },
  { name: 'experiments', hash: '#/experiments', ready: (page) => page.locator('.cards li').first().waitFor() },
  {
    name: 'experiment',
    hash: '#/experiments/axes',
    ready: async (page) => {
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText('What these runs say').waitFor()
    },
  },
]

const filled = async (page: Page, start: string) => {
  await page.getByRole('button', { name: start }).click()
  await page.getByText('All runs are there').waitFor()
}
const moreViews: readonly View[] = [
  { name: 'lessons', hash: '#/lessons', ready: (page) => page.locator('.lesson-cards li').first().waitFor() },
  {
    name: 'lesson',
    hash: '#/lessons/gap',
    ready: async (page) => {
      await page.getByLabel('The same, nearly').check()
      await page.getByRole('button', { name: 'Run it' }).click()
      await page.locator('#figure-loss').waitFor()
    },
  },
  { name: 'advise', hash: '#/advise?batch-size=4', ready: (page) => page.locator('.big-answer').waitFor() },
  {
    name: 'grid',
    hash: '#/studies/grid?data=spirals&depth=3&norm=none,batch,layer&activation=relu,tanh&lr=0.03,0.3,3,30',
    onPhone: '#/studies/grid?data=spirals&depth=3&norm=none,batch&activation=relu&lr=0.03,0.3,3,30',
    ready: (page) => filled(page, 'Fill the grid'),
  },
  {
    name: 'batch-size',
    hash: '#/studies/batch-size?data=spirals&samples=128',
    onPhone: '#/studies/batch-size?data=spirals&samples=128&norm=batch',
    ready: (page) => filled(page, 'Run all batch sizes'),
  },
  {
    name: 'averages',
    hash: '#/studies/averages?data=spirals&stop-every=50',
    ready: async (page) => {
      await page.getByRole('button', { name: 'Play' }).click()
      await expect.poll(() => readings(page, 'step')).toEqual([50])
      await page.locator('#means .marker').first().waitFor()
    },
  },
]

async function violations(page: Page): Promise<string[]> {
  // Evaluated, not added to the page: its policy allows no script from elsewhere.
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } }
    const { violations } = await axe.run()
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`))
  })
}

/** What one presses and is less than 24 pixels high or wide; what moves. */
const targets = (page: Page) =>
  page.evaluate(() => {
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

describe.each([...views, ...moreViews])('$name', ({ name, hash, onPhone = hash, ready }) => {
  test('no violation of accessibility rules, light and dark; nothing small to press, nothing that moves for those who want no motion', async () => {
    const page = await lab.open(hash, { reducedMotion: 'reduce' })
    await ready(page)
    await drawAll(page)
    await screenshot(page, `${name}-light`)
    expect(await violations(page)).toEqual([])
    const found = await targets(page)
    expect(found.count).toBeGreaterThan(5)
    expect(found).toMatchObject({ small: [], moving: 0, animations: 0 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await screenshot(page, `${name}-dark`)
    expect(await violations(page)).toEqual([])
    await page.close()
  })

  test('fits a phone, and works there', async () => {
    const page = await lab.open(onPhone, phone)
    await ready(page)
    await drawAll(page)
    await screenshot(page, `${name}-phone`)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    await page.close()
  })
})

test('an experiment on its page says what it says in Node', async () => {
  const page = await lab.open('#/experiments/axes?shape=2,4,3&normalized-axes=2')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('What these runs say').waitFor()
  const axes = experiments.find(({ name }) => name === 'axes')
  const result = await runExperiment(axes!, { shape: [2, 4, 3], normalizedAxes: 2 } as never)
  const text = (await page.locator('.findings').textContent()) ?? ''
  for (const finding of result.findings) expect(text).toContain(finding.text)
  await page.close()
})

test('a results.json opens; a broken one says what is wrong', async () => {
  const page = await lab.open('#/experiments')
  const axes = experiments.find(({ name }) => name === 'axes')
  const result = await runExperiment(axes!, {})
  const give = (name: string, contents: string) =>
    page.locator('#results-file').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(contents) })
  await give('broken.json', '{"experiment": ')
  await page.getByRole('alert').filter({ hasText: 'broken.json: This is no JSON' }).waitFor()
  await give('other.json', '{"a": 1}')
  await page.getByRole('alert').filter({ hasText: 'is not a results.json' }).waitFor()
  await give('results.json', JSON.stringify(result))
  await page.getByText(result.findings[0].text).waitFor()
  await page.close()
})

test('a browser without SIMD gets a sentence', async () => {
  const page = await lab.open('', {}, (p) => p.addInitScript(() => (WebAssembly.validate = () => false)))
  await page.getByText('This one does not').waitFor()
  await page.close()
})

test('a worker that can’t be started is said, and the page goes on', async () => {
  const page = await lab.open('#/workbench?preset=spirals&runs=1', {}, (p) => p.route('**/worker.js', (route) => route.abort()))
  await page.getByText('The worker that computes this has ended').waitFor()
  await page.getByRole('link', { name: 'Axes' }).click()
  await page.getByText('Which numbers share a mean?').waitFor()
  await page.close()
  // The browser's own complaint about the request that was cut.
  lab.errors.splice(0)
})

test('a teacher can hide panels, and a stale link is told from a wrong one', async () => {
  const page = await lab.open('#/?hide=code,nav&v=0')
  expect(await page.locator('#code').count()).toBe(0)
  expect(await page.locator('nav').count()).toBe(0)
  await page.getByText('another version of the lab').waitFor()
  await page.goto(`${lab.server.url}#/nowhere`)
  await page.getByText('There is no page “nowhere”').waitFor()
  await page.close()
})

test('nothing was asked of any other place, and nothing went wrong', () => {
  expect(lab.requests.length).toBeGreaterThan(10)
  expect(lab.requests.filter((url) => !url.startsWith(lab.server.url) && !url.startsWith(`blob:${lab.server.url}`) && !url.startsWith('data:'))).toEqual([])
  expect(lab.errors).toEqual([])
  expect(readFileSync(join(root, 'dist/lab/index.html'), 'utf8')).not.toMatch(/(src|href)="https?:/)
})
