import type { CDPSession, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENDLESS, playTo, readings, ready } from './bench.js'
import { inWords, Lab, longestTask, mainThread } from './lab.js'

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

/** The value below which such a share of them lies. */
const share = (values: readonly number[], part: number): number => [...values].sort((a, b) => a - b)[Math.ceil(part * values.length) - 1]

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

/** Milliseconds from navigation until something is painted, and what the main thread worked for it. */
async function firstPicture(hash: string, selector: string): Promise<{ clock: number; processor: number; crowd: number }> {
  let spent: () => Promise<number> = async () => Number.NaN
  const page = await lab.open(hash, {}, async (p) => {
    spent = await mainThread(p)
    await p.addInitScript((wanted) => {
      const { port1, port2 } = new MessageChannel()
      // A message that is sent in a frame comes after its paint.
      port1.onmessage = () => Object.assign(globalThis, { pictured: performance.now() })
      const observer = new MutationObserver(() => {
        if (!document.querySelector(wanted)) return
        observer.disconnect()
        requestAnimationFrame(() => port2.postMessage(null))
      })
      observer.observe(document, { childList: true, subtree: true })
    }, selector)
  })
  const clock = await (await page.waitForFunction(() => (globalThis as unknown as { pictured?: number }).pictured)).jsonValue()
  const processor = await spent()
  const crowd = await crowding(page)
  await page.close()
  return { clock: clock ?? Number.NaN, processor, crowd }
}

describe('fast start', () => {
  test.each([
    ['the front door, its block and sum', '#/', '[data-name=variance]', 1000],
    ['the workbench, stored runs as curves', '#/workbench', '#curves .chart .line', 1500],
  ])('%s', async (name, hash, selector, limit) => {
    const opened: Awaited<ReturnType<typeof firstPicture>>[] = []
    for (let i = 0; i < 3; i++) opened.push(await firstPicture(hash, selector))
    const list = (key: 'clock' | 'processor' | 'crowd', digits: number) => opened.map((one) => one[key].toFixed(digits)).join(', ')
    console.log(
      `${name}: first useful picture ${list('clock', 0)} ms after navigation, of which the main thread worked ${list('processor', 0)} ms; the machine was ${list('crowd', 1)} times as slow as undisturbed`,
    )
    for (const { processor } of opened) expect(processor).toBeLessThan(limit)
    // By the clock the best of three, where other programs take of the machine.
    expect(Math.min(...opened.map(({ clock, crowd }) => clock / Math.max(1, crowd)))).toBeLessThan(limit)
  })
})

describe('never blocked', () => {
  test('while three runs train, a click or key is painted within 100 ms, and pause acts at once', async () => {
    const page = await lab.open(`#/workbench?${ENDLESS}`, {}, (p) => p.addInitScript(watch))
    await ready(page, 3)
    await page.getByRole('button', { name: 'Play' }).click()
    await expect.poll(async () => Math.min(...(await readings(page, 'step')))).toBeGreaterThan(3)
    const loss = page.getByRole('application', { name: /^Training loss/ })
    let done = 0
    const longest = await longestTask(lab, page, async () => {
      for (let i = 0; i < 8; i++) {
        await page.getByRole('button', { name: i % 2 ? 'Ridge' : 'Overlay', exact: true }).click()
        await loss.focus()
        for (const key of ['End', 'ArrowLeft', 'ArrowLeft']) await page.keyboard.press(key)
        done += 4
      }
    })
    const crowd = await crowding(page)
    const times = await page.evaluate(() => (globalThis as unknown as Watched).interactions)
    // What is quicker than 16 ms is not even listed.
    const all = [...Array.from({ length: Math.max(0, done - times.length) }, () => 0), ...times]
    console.log(
      `click or key to paint: p95 ${share(all, 0.95)} ms, median ${share(all, 0.5)} ms of ${all.length} events; longest task of the page ${inWords(longest)}; the machine was ${crowd.toFixed(1)} times as slow as undisturbed`,
    )
    expect(all.length).toBeGreaterThanOrEqual(32)
    // A press waits for the task that runs and for its own: two of 50 ms, however busy the machine is.
    expect(longest.processor).toBeLessThanOrEqual(50)
    expect(share(all, 0.95)).toBeLessThanOrEqual(100 * Math.max(1, crowd))

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
    const page = await lab.open('#/workbench?preset=spirals&runs=2&depth=2&run1=norm:none&run2=norm:batch&stop-every=300')
    await ready(page, 2)
    const session = await page.context().newCDPSession(page)
    await playTo(page, 300)
    const [heapBefore, tensorsBefore] = [await heap(session), await readings(page, 'tensors')]
    await page.locator('#stopEvery').fill('2000')
    await playTo(page, 2000)
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
    const page = await lab.open('#/workbench?preset=spirals&depth=64&runs=2&stop-every=8')
    await ready(page, 2)
    await page.evaluate(() => scrollTo(0, 0))
    const drawn = () => page.locator('figure .canvas svg.chart').count()
    const longest = await longestTask(lab, page, () => playTo(page, 8))
    console.log(`64 layers: longest task of the page ${inWords(longest)}; ${await drawn()} of ${await page.locator('figure').count()} figures drawn`)
    expect(longest.processor).toBeGreaterThan(0)
    expect(longest.processor).toBeLessThanOrEqual(50)
    expect(await drawn()).toBeLessThan(await page.locator('figure').count())
    await page.close()
  })
})

async function heap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  return usedSize
}
