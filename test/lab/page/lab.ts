import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright'
import { inject } from 'vitest'
import type { LabServer } from '../../../src/cli/server.js'

/** The lab as it is built, served as the command does it, in a real browser. */

export const root = fileURLToPath(new URL('../../..', import.meta.url))
const screenshots = join(root, '.cache/lab-screenshots')

export class Lab {
  /** Everything that was asked for, and everything that went wrong in a page. */
  readonly requests: string[] = []
  readonly errors: string[] = []

  private constructor(
    readonly server: LabServer,
    readonly browser: Browser,
  ) {}

  /** @param isolate with the headers that allow threads */
  static async start(isolate = true): Promise<Lab> {
    // What npm test has built, not the sources: the server finds the page beside itself.
    const { serveLab }: typeof import('../../../src/cli/server.js') = await import(join(root, 'dist/cli/server.js'))
    const server = await serveLab({ port: 0, isolate })
    return new Lab(server, await chromium.connect(inject('browser')))
  }

  async open(hash = '', options: BrowserContextOptions = {}, before?: (page: Page) => Promise<unknown>): Promise<Page> {
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
    // Slow and shared machines: a guard against hanging, not a measure.
    page.setDefaultTimeout(60_000)
    page.on('request', (request) => this.requests.push(request.url()))
    page.on('console', (message) => message.type() === 'error' && this.errors.push(message.text()))
    page.on('pageerror', (error) => this.errors.push(String(error)))
    await before?.(page)
    await page.goto(this.server.url + hash)
    await page.locator('h1').waitFor()
    return page
  }

  async end(): Promise<void> {
    await this.browser.close()
    await this.server.close()
  }
}

export const phone: BrowserContextOptions = { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }

/** Scrolls through a page, as figures are drawn when they come into sight. */
export async function drawAll(page: Page): Promise<void> {
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  for (let y = 0; y <= height; y += 500) {
    await page.evaluate((top) => scrollTo(0, top), y)
    await frames(page, 4)
  }
  await page.evaluate(() => scrollTo(0, 0))
}

/** A picture for a reviewer. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}

/** The page fetches the rest of itself, and what its workers need, when what was asked for is there. */
export async function allFetched(page: Page): Promise<void> {
  const parts = readdirSync(join(root, 'dist/lab')).filter((name) => /^page-.*\.js$/.test(name))
  const wanted = [...parts, '/worker.js', '/mnist-5000-1000.bin.gz', '/part-1.txt.gz']
  await page.waitForFunction((names) => {
    const fetched = performance.getEntriesByType('resource').map(({ name }) => name)
    return names.every((name) => fetched.some((address) => address.endsWith(name)))
  }, wanted)
}

export const frames = (page: Page, count: number): Promise<void> =>
  page.evaluate(async (n) => {
    for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame)
  }, count)

/** The value that an element of the page carries in full. */
export const exact = async (page: Page, selector: string): Promise<number> => Number(await page.locator(selector).first().getAttribute('value'))

interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  /** In microseconds: by the clock, and of the processor. */
  dur?: number
  tdur?: number
  args?: { name?: string }
}

/** A task's length in milliseconds: by its processor time, and by the clock, which counts waiting for the processor, too. */
interface TaskLength {
  processor: number
  clock: number
}

/** The longest task of the page's main thread in the meantime. */
export async function longestTask({ browser }: Lab, page: Page, meantime: () => Promise<void>): Promise<TaskLength> {
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline'] })
  const trace = await meantime().then(
    () => browser.stopTracing(),
    async (error) => {
      await browser.stopTracing()
      throw error
    },
  )
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse(trace.toString())
  const main = new Set(traceEvents.filter((e) => e.name === 'thread_name' && e.args?.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`))
  const tasks = traceEvents.filter(({ name, pid, tid }) => name === 'RunTask' && main.has(`${pid} ${tid}`))
  const most = (times: number[]) => Math.max(0, ...times) / 1000
  return { processor: most(tasks.map(({ tdur = 0 }) => tdur)), clock: most(tasks.map(({ dur = 0 }) => dur)) }
}

export const inWords = ({ processor, clock }: TaskLength): string => `${processor.toFixed(1)} ms of processor time (${clock.toFixed(1)} ms by the clock)`

/** Asks how much processor time the page's main thread has taken since, in milliseconds. Waiting for the processor is not the page's doing. */
export async function mainThread(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN)
  }
}
