import type { CDPSession, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { playTo, readings, ready } from './bench.js'
import { Lab, longestTask } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

/** How much longer things take than the page's own work, as other programs share the processor: what a fixed loop takes over what it takes undisturbed. */
const crowding = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const times: number[] = []
    for (let i = 0; i < 25; i++) {
      const begun = performance.now()
      let x = 0
      for (let j = 0; j < 400_000; j++) x += Math.sqrt(j)
      times.push(performance.now() - begun + 0 * x)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    times.sort((a, b) => a - b)
    return times[23] / times[0]
  })

interface Watched {
  /** From each click or key to its paint, in milliseconds; those that took 16 or more. */
  interactions: number[]
  /** From each order to pause to the worker's word that it has. */
  pauses: number[]
}

/** Runs in the page, before it. */
function watch(): void {
  const watched: Watched = { interactions: [], pauses: [] }
  Object.assign(globalThis, watched)
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) if (name === 'click' || name === 'keydown') watched.interactions.push(duration)
  }).observe({ type: 'event', durationThreshold: 16, buffered: true } as PerformanceObserverInit)
  globalThis.Worker = class extends Worker {
    private told = 0
    constructor(address: string | URL, options?: WorkerOptions) {
      super(address, options)
      this.addEventListener('message', ({ data }) => {
        if (data.report?.type === 'paused' && this.told > 0) watched.pauses.push(performance.now() - this.told)
      })
    }
    override postMessage(message: { type?: string }): void {
      if (message.type === 'pause') this.told = performance.now()
      super.postMessage(message)
    }
  }
}

describe('never blocked', () => {
  test('while three runs train, a click or key is painted within 100 ms, and pause acts at once', async () => {
    const page = await lab.open('#/workbench', {}, (p) => p.addInitScript(watch))
    await ready(page, 3)
    await page.getByRole('button', { name: 'Play' }).click()
    await expect.poll(async () => Math.min(...(await readings(page, 'step')))).toBeGreaterThan(3)
    const loss = page.getByRole('application', { name: /^Training loss/ })
    let done = 0
    for (let i = 0; i < 8; i++) {
      await page.getByRole('button', { name: i % 2 ? 'Ridge' : 'Overlay', exact: true }).click()
      await loss.focus()
      for (const key of ['End', 'ArrowLeft', 'ArrowLeft']) await page.keyboard.press(key)
      done += 4
    }
    const crowd = await crowding(page)
    const times = await page.evaluate(() => (globalThis as unknown as Watched).interactions)
    // What is quicker than 16 ms is not even listed.
    const all = [...Array.from({ length: Math.max(0, done - times.length) }, () => 0), ...times].sort((a, b) => a - b)
    const p95 = all[Math.ceil(0.95 * all.length) - 1]
    console.log(
      `click or key to paint: p95 ${p95} ms, median ${all[Math.floor(all.length / 2)]} ms of ${all.length} events; the machine was ${crowd.toFixed(1)} times as slow as undisturbed`,
    )
    expect(all.length).toBeGreaterThanOrEqual(32)
    expect(p95).toBeLessThanOrEqual(100 * Math.max(1, crowd))

    // A pause is heard between two steps: it waits for the one in work.
    const rates = await readings(page, 'steps/s')
    await page.getByRole('button', { name: 'Pause' }).click()
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as Watched).pauses.length)).toBe(3)
    const pauses = await page.evaluate(() => (globalThis as unknown as Watched).pauses)
    console.log(
      `from pause to stillness: ${pauses.map((ms) => ms.toFixed(0)).join(', ')} ms, at ${rates.map((rate) => rate.toFixed(0)).join(', ')} steps a second`,
    )
    const slowest = 1000 / Math.min(...rates)
    for (const ms of pauses) expect(ms).toBeLessThanOrEqual(Math.max(100, slowest) * Math.max(1, crowd))
    await page.close()
  })
})

describe('flat memory', () => {
  test('2,000 steps: the page grows by less than 10 MB, the workers hold the same tensors', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=2&depth=2&run1=norm:none&run2=norm:batch')
    await ready(page, 2)
    const session = await page.context().newCDPSession(page)
    await playTo(page, 300)
    const [heapBefore, tensorsBefore] = [await heap(session), await readings(page, 'tensors')]
    await page.getByRole('button', { name: 'Play' }).click()
    await expect.poll(async () => Math.min(...(await readings(page, 'step'))), { timeout: 110_000 }).toBe(2000)
    await expect.poll(() => page.locator('.status').allTextContents()).toEqual(['paused', 'paused'])
    const [heapAfter, tensorsAfter] = [await heap(session), await readings(page, 'tensors')]
    console.log(
      `heap ${(heapBefore / 1e6).toFixed(1)} MB after 300 steps, ${(heapAfter / 1e6).toFixed(1)} MB after 2,000; tensors ${tensorsBefore} and ${tensorsAfter}`,
    )
    expect(heapAfter - heapBefore).toBeLessThan(10e6)
    expect(tensorsAfter).toEqual(tensorsBefore)
    expect(tensorsAfter[0]).toBeGreaterThan(10)
    // The line has few points, however long the run.
    const points = await page.locator('figure[aria-label="Training loss"] .line').first().getAttribute('d')
    expect(points?.match(/[ML]/g)?.length).toBeLessThanOrEqual(72)
    await page.close()
  })

  test('64 layers: only what is in sight is drawn, and no task of the page is long', async () => {
    const page = await lab.open('#/workbench?preset=spirals&depth=64&runs=2')
    await ready(page, 2)
    await page.evaluate(() => scrollTo(0, 0))
    const drawn = () => page.locator('figure .canvas svg.chart').count()
    await lab.browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', 'toplevel'] })
    await playTo(page, 8)
    const longest = longestTask((await lab.browser.stopTracing()).toString())
    console.log(
      `64 layers: longest task of the page ${longest.toFixed(1)} ms of processor time; ${await drawn()} of ${await page.locator('figure').count()} figures drawn`,
    )
    expect(longest).toBeGreaterThan(0)
    expect(longest).toBeLessThan(50)
    expect(await drawn()).toBeLessThan(await page.locator('figure').count())
    await page.close()
  })
})

async function heap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  return usedSize
}
