import type { Worker } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { playTo, readings, ready } from './bench.js'
import { allFetched, Lab } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

const two = '#/workbench?preset=spirals&runs=2'

/** The workers that train; the threads of their kernels have no such name. */
async function trainers(workers: readonly Worker[]): Promise<Worker[]> {
  const named = await Promise.all(workers.map(async (worker) => ({ worker, name: await worker.evaluate(() => self.name).catch(() => '') })))
  return named.flatMap(({ worker, name }) => (/^evenkeel-/.test(name) ? [worker] : []))
}

describe('what goes wrong is said, and the rest goes on', () => {
  test('the network is cut after the page has come: every preset still trains', async () => {
    const page = await lab.open('#/')
    await page.locator('.calculation').waitFor()
    await allFetched(page)
    await page.context().setOffline(true)
    await page.getByRole('link', { name: 'Workbench' }).click()
    await ready(page, 3)
    await page.locator('#stopEvery').fill('3')
    await playTo(page, 3)
    expect(await page.locator('#data').inputValue()).toBe('digits14')
    await page.getByRole('button', { name: 'Spirals, small and quick' }).click()
    await ready(page, 3)
    await page.locator('#stopEvery').fill('20')
    await playTo(page, 20)
    await page.close()
  })

  test('a worker that is closed in mid-run is told from one that works', async () => {
    const page = await lab.open(`${two}&stop-every=5`)
    await ready(page, 2)
    await playTo(page, 5)
    const [first] = await trainers(page.workers())
    await first.evaluate(() => self.close())
    await page.getByText('The worker that computes this has ended: it was closed from outside, or ran out of memory.').waitFor()
    await page.getByRole('button', { name: 'Play' }).click()
    // One stands where it was, the other goes on.
    await expect.poll(async () => (await readings(page, 'step')).sort((a, b) => a - b)).toEqual([5, 10])
    await page.getByRole('button', { name: 'Reset' }).click()
    await ready(page, 2)
    await page.close()
  })

  test('a memory that is full is said in the library’s words', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=2&run1=batch-size:256;norm:none&stop-every=20')
    await ready(page, 2)
    const [first] = await trainers(page.workers())
    await first.evaluate(() => {
      WebAssembly.Memory.prototype.grow = () => {
        throw new RangeError('Maximum memory size exceeded')
      }
    })
    await page.getByRole('button', { name: 'Play' }).click()
    await page.getByText('out of memory').waitFor()
    await expect.poll(async () => (await readings(page, 'step')).filter((step) => step === 20).length).toBe(1)
    await page.close()
  })

  test('a link of another version, with names that are gone, gives runs and notes', async () => {
    const page = await lab.open('#/workbench?v=7&preset=gone&run1=norm:batchnorm;colour:red&depth=1e9')
    await ready(page, 3)
    const notes = (await page.locator('.notes li').allTextContents()).join('\n')
    expect(notes).toMatch(/another version of the lab/)
    expect(notes).toMatch(/preset “gone”/)
    expect(notes).toMatch(/Run 1: .*norm “batchnorm”, which must be/)
    expect(notes).toMatch(/Run 1: .*“colour”/)
    expect(notes).toMatch(/depth “1e9”.*64 is shown/)
    await page.close()
  })

  test('hide= takes panels of the workbench away, and stays while knobs are turned', async () => {
    const page = await lab.open(`${two}&hide=code,histograms,slow`)
    await ready(page, 2)
    await page.locator('#curves').waitFor()
    for (const id of ['code', 'histograms', 'slow']) expect(await page.locator(`#${id}`).count()).toBe(0)
    await page.locator('#run1-norm').selectOption('rms')
    expect(await page.evaluate(() => location.hash)).toMatch(/run1=norm:rms.*hide=code,histograms,slow/)
    await page.close()
  })
})
