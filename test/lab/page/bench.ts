import { readFileSync } from 'node:fs'
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

/** Lets all runs play until each has done at least `steps`. */
export async function playTo(page: Page, steps: number): Promise<void> {
  await page.getByRole('button', { name: 'Play' }).click()
  await expect.poll(async () => Math.min(...(await readings(page, 'step'))), { timeout: 100_000 }).toBeGreaterThanOrEqual(steps)
  await page.getByRole('button', { name: 'Pause' }).click()
}

export const readings = (page: Page, name: string): Promise<number[]> =>
  page.locator(`[data-reading="${name}"]`).evaluateAll((list) => list.map((e) => Number(e.getAttribute('value'))))

export async function downloaded(page: Page, press: () => Promise<unknown>): Promise<{ name: string; bytes: Buffer; text: string }> {
  const [file] = await Promise.all([page.waitForEvent('download'), press()])
  const bytes = readFileSync((await file.path()) ?? '')
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
