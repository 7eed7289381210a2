import { buffer } from 'node:stream/consumers'
import type { Page } from 'playwright'
import { expect } from 'vitest'
import { benchData } from '../../../lab/training/data.js'
import { Session } from '../../../lab/training/session.js'
import { readBench } from '../../../lab/workbench/state.js'

/** The workbench as its tests drive it. */

/** Waits until every run can begin. */
export const ready = (page: Page, runs: number): Promise<void> =>
  page
    .getByText('paused')
    .nth(runs - 1)
    .waitFor()

/** Steps with the button until every run has done `steps`. */
export async function stepTo(page: Page, steps: number): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    await page.getByRole('button', { name: 'Step', exact: true }).click()
    await expect.poll(() => readings(page, 'step')).toEqual((await readings(page, 'step')).map(() => step))
  }
}

/** Plays to the next stop, which the page has been told: all runs are then at the same step, however fast the machine is. */
export async function playTo(page: Page, stop: number): Promise<void> {
  await page.getByRole('button', { name: 'Play', exact: true }).click()
  await stoppedAt(page, stop)
}

/** Waits until every run has come to a stop there. */
export async function stoppedAt(page: Page, stop: number): Promise<void> {
  const state = async () => [new Set(await readings(page, 'step')), new Set(await page.locator('.status').allTextContents())]
  await expect.poll(state, { timeout: 100_000 }).toEqual([new Set([stop]), new Set(['paused'])])
}

/** An address whose runs play on until they are told to pause. */
export const ENDLESS = 'stop-every=1000000'

export const readings = (page: Page, name: string): Promise<number[]> =>
  page.locator(`[data-reading="${name}"]`).evaluateAll((list) => list.map((e) => Number(e.getAttribute('value'))))

export async function downloaded(page: Page, press: () => Promise<unknown>): Promise<{ name: string; bytes: Buffer; text: string }> {
  const [file] = await Promise.all([page.waitForEvent('download'), press()])
  const bytes = await buffer(await file.createReadStream())
  return { name: file.suggestedFilename(), bytes, text: bytes.toString('utf8') }
}

/** The runs that an address names, as they come out in Node. */
export async function sessions(hash: string): Promise<Session[]> {
  const { state } = readBench(new Map(new URLSearchParams(hash.split('?')[1])), 'digits')
  const data = await benchData(state.bench, null)
  return state.runs.map((run) => new Session({ ...state.bench, ...run }, data))
}

/** The losses of the same runs in Node. */
export const inNode = async (hash: string, steps: number): Promise<number[][]> =>
  (await sessions(hash)).map((session) => Array.from({ length: steps }, () => session.next().record.loss))
