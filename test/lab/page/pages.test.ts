import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lessons } from '../../../lab/lessons/lessons.js'
import { readSettings } from '../../../lab/state/url.js'
import { averagesSettings, benchOf, runOf } from '../../../lab/studies/averages.js'
import { sweepRuns, sweepSettings } from '../../../lab/studies/batch-size.js'
import { cellsOf, gridSettings } from '../../../lab/studies/grid.js'
import { benchData } from '../../../lab/training/data.js'
import { runNamed } from '../../../lab/training/experiments.js'
import { Session } from '../../../lab/training/session.js'
import { runTrial } from '../../../lab/training/trial.js'
import { advise } from '../../../src/experiments/index.js'
import { downloaded, ENDLESS, playTo, readings, stepTo } from './bench.js'
import { exact, Lab } from './lab.js'

/** A person's path through the pages of lessons, advice and studies, and their numbers beside those of Node. */

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(async () => {
  expect(lab.errors).toEqual([])
  await lab.end()
})

const settingsIn = (hash: string) => new Map(new URLSearchParams(hash.split('?')[1]))
const hashOf = (page: Page) => page.evaluate(() => location.hash)

describe('lessons', () => {
  test.each(['axes', 'stack', 'gap'])('%s: guess by keyboard, run, and read what was measured', async (id) => {
    const lesson = lessons.find((l) => l.id === id)!
    const { result } = await runNamed(lesson.experiment, lesson.flags, () => {})
    const expected = lesson.measure(result.runs)
    const page = await lab.open(`#/lessons/${id}`)
    const names = Object.keys(lesson.answers)
    await page.locator('.guess input').first().focus()
    await page.keyboard.press('Space')
    // The first answer is the right one in none of these.
    expect(expected.answer).not.toBe(names[0])
    await page.getByRole('button', { name: 'Run it', exact: true }).press('Enter')
    await page.getByText('The run says otherwise.').first().waitFor()
    expect(await page.locator('.outcome').textContent()).toContain(expected.text)
    for (const { term, value } of expected.readings) expect(await exact(page, `.outcome [data-reading="${term}"]`)).toBeCloseTo(value!, 6)
    expect(await page.locator('.measured-answer input').getAttribute('value')).toBe(expected.answer)
    // Right at the second attempt.
    await page.getByRole('button', { name: 'Guess again' }).click()
    await page.locator(`.guess input[value="${expected.answer}"]`).check()
    await page.getByRole('button', { name: 'Run it', exact: true }).click()
    await page.getByText('You were right.').first().waitFor()
    await page.close()
  })

  test('lead from one to the next, and to their experiment with the same settings', async () => {
    const page = await lab.open('#/lessons')
    await page.getByRole('link', { name: 'A batch of two' }).click()
    await page.getByRole('heading', { name: 'A batch of two' }).waitFor()
    await page.getByRole('button', { name: /^Next:/ }).click()
    await page.getByRole('heading', { name: 'How fast may one go?' }).waitFor()
    // Without running anything one can read why.
    await page.getByText('The network brakes itself.').waitFor()
    await page.getByRole('link', { name: 'Open it as an experiment' }).click()
    await page.getByRole('heading', { name: 'How high the learning rate may be' }).waitFor()
    expect(await page.locator('#learningRates').inputValue()).toBe('0.03,0.1,0.3,1,3')
    expect(await page.locator('.notes').count()).toBe(0)
    await page.close()
  })
})

test('advice: questions, the answer with its reasons, the lines; the address holds it', async () => {
  const page = await lab.open('#/advise')
  await page.locator('#batchSize').fill('4')
  await page.getByText('GroupNorm', { exact: true }).waitFor()
  await page.locator('#arch').selectOption('transformer')
  const advice = advise({ arch: 'transformer', batchSize: 4 })
  await page.getByText(advice.norm, { exact: true }).waitFor()
  const text = (await page.locator('#advice').textContent()) ?? ''
  for (const reason of advice.reasons) expect(text).toContain(reason.text)
  for (const reason of advice.dependsOn) expect(text).toContain(reason)
  expect(text).toContain(advice.certainty === 'sure' ? 'sure' : 'it depends')
  expect(await page.locator('pre').textContent()).toBe(advice.code.pytorch)
  await page.getByRole('button', { name: 'Evenkeel', exact: true }).click()
  expect(await page.locator('pre').textContent()).toBe(advice.code.evenkeel)
  await page.getByRole('link', { name: `measured: ${advice.reasons[0].experiment}` }).click()
  await page.getByRole('heading', { name: 'Which elements share a statistic' }).waitFor()
  await page.goBack()
  await page.getByText(advice.norm, { exact: true }).waitFor()
  expect(await hashOf(page)).toMatch(/arch=transformer.*|batch-size=4/)
  await page.close()
})

describe('studies', () => {
  test('the grid: cells have the values of Node, and open as runs that come to the same', async () => {
    const hash = '#/studies/grid?data=spirals&depth=3&norm=none,batch&activation=tanh&lr=0.1,1'
    const cells = cellsOf(readSettings(gridSettings, settingsIn(hash)).values)
    const expected = []
    for (const { config, steps } of cells) expected.push((await runTrial(config, steps)).evaluation?.testAccuracy)
    const page = await lab.open(hash)
    await page.getByRole('button', { name: 'Fill the grid' }).press('Enter')
    await page.getByText('All runs are there').waitFor()
    const shown = await page.locator('.grid data').evaluateAll((list) => list.map((e) => Number(e.getAttribute('value'))))
    expect(shown).toEqual(expected)
    await page.getByRole('link', { name: 'tanh, BatchNorm, learning rate 1:' }).click()
    await page.getByText('paused').waitFor()
    await page.locator('#stopEvery').fill('50')
    await playTo(page, 50)
    const { text } = await downloaded(page, () => page.getByRole('button', { name: 'Runs as JSON' }).click())
    const [{ evaluations }]: { evaluations: { step: number; testAccuracy: number }[] }[] = JSON.parse(text).runs
    expect(evaluations.find(({ step }) => step === 50)?.testAccuracy).toBe(expected[3])
    // What was filled is still there, one step of history before the knob that was turned.
    await page.goBack()
    await page.goBack()
    await page.getByText('All runs are there').waitFor()
    await page.close()
  })

  test('the grid stops when it is told to, keeps what is done, and goes on', async () => {
    const page = await lab.open('#/studies/grid?data=spirals&depth=24&steps=200')
    await page.getByRole('button', { name: 'Fill the grid' }).click()
    await page.locator('.grid .filled').first().waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'Go on' }).waitFor()
    const done = await page.locator('.grid .filled, .grid .diverged').count()
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(84)
    await page.close()
  })

  test('batch sizes: PyTorch’s sentence at one sample, and accuracies as in Node', async () => {
    const hash = '#/studies/batch-size?data=spirals&samples=128'
    const page = await lab.open(hash)
    await page.getByRole('button', { name: 'Run all batch sizes' }).click()
    await page.getByText('All runs are there').waitFor()
    await page.getByText('Expected more than 1 value per channel when training, got input size torch.Size([1, 64])').waitFor()
    const largest = sweepRuns(readSettings(sweepSettings, settingsIn(hash)).values).filter(({ batchSize }) => batchSize === 128)
    const values = page.getByRole('figure', { name: 'Test data right in eval(), at the end' }).locator('.legend data')
    for (const [i, { config, steps }] of largest.entries()) {
      const { evaluation } = await runTrial(config, steps)
      expect(Number(await values.nth(i).getAttribute('value'))).toBeCloseTo(100 * evaluation!.testAccuracy, 9)
    }
    expect(await page.locator('#sizes figure').count()).toBe(9)
    await page.close()
  })

  test('running averages: both losses are those of Node, and the momentum is changed by keys while it runs', async () => {
    const hash = '#/studies/averages?data=spirals&lr=0.05'
    const settings = readSettings(averagesSettings, settingsIn(hash)).values
    const session = new Session({ ...benchOf(settings), ...runOf(settings) }, await benchData(settings, null))
    const { evaluation } = session.next()
    const page = await lab.open(`${hash}&${ENDLESS}`)
    await page.getByRole('button', { name: 'Step' }).click()
    await expect.poll(() => readings(page, 'step')).toEqual([1])
    expect(await exact(page, '[data-reading="loss in train()"]')).toBeCloseTo(evaluation!.train, 6)
    expect(await exact(page, '[data-reading="loss in eval()"]')).toBeCloseTo(evaluation!.eval, 6)
    await page.getByRole('button', { name: 'Play' }).click()
    await page.locator('#momentum').focus()
    await page.keyboard.press('Home')
    await expect.poll(() => hashOf(page)).toContain('momentum=none')
    expect(await page.locator('#momentum').getAttribute('aria-valuetext')).toMatch(/^none/)
    await expect.poll(async () => (await readings(page, 'step'))[0]).toBeGreaterThan(30)
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.locator('#variances .marker').first().waitFor()
    await page.close()
  })
})

describe('the workbench before its first step', () => {
  test('shows stored runs that say so; the first steps of its own take their place', async () => {
    const page = await lab.open('#/workbench')
    await page.locator('#curves .chart .line').first().waitFor()
    await page.getByText('Stored', { exact: true }).waitFor()
    await page.getByText('paused').nth(2).waitFor()
    await stepTo(page, 1)
    await expect.poll(() => page.locator('.stored').count()).toBe(0)
    const live = await readings(page, 'loss')
    const legend = page.getByRole('figure', { name: 'Training loss' }).locator('.legend data')
    expect(await legend.evaluateAll((list) => list.map((e) => Number(e.getAttribute('value'))))).toEqual(live)
    await page.close()
  })
})
