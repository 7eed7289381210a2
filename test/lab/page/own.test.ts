import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'fast-png'
import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { downloaded, playTo, ready } from './bench.js'
import { Lab } from './lab.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab.end())

const table = Array.from({ length: 60 }, (_, i) => `${i % 7},${(i * 5) % 11},${i % 2 ? 'odd' : 'even'}`)
const text = 'It was the best of times, it was the worst of times. '.repeat(12)

/** As a person drops files on the bench. */
const drop = (page: Page, files: readonly { name: string; contents: string }[]) =>
  page.evaluate((given) => {
    const transfer = new DataTransfer()
    for (const { name, contents } of given) transfer.items.add(new File([contents], name))
    document.querySelector('.bench')?.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }))
  }, files)

describe('one’s own files', () => {
  test('a table and a text by dropping, with the line of what is wrong; the run knows the classes', async () => {
    const page = await lab.open('#/workbench?preset=spirals&runs=1&stop-every=20')
    await ready(page, 1)
    await drop(page, [{ name: 'mine.csv', contents: [...table, '1,x,odd'].join('\n') }])
    await page.getByText('mine.csv: Line 61, column 2: “x” is not a number.').waitFor()
    await drop(page, [{ name: 'mine.csv', contents: table.join('\n') }])
    await page.getByText('60 rows; 2 classes: even, odd').waitFor()
    expect(await page.locator('#data').inputValue()).toBe('own')
    expect(await page.locator('.notes').count()).toBe(0)
    await ready(page, 1)
    await playTo(page, 20)
    expect(await page.locator('pre').textContent()).toContain('nn.Linear(2, 64)')
    const { bytes } = await downloaded(page, () => page.getByRole('button', { name: 'Data (safetensors)' }).click())
    expect(bytes.toString('latin1')).toContain('train.inputs')

    await drop(page, [{ name: 'tale.txt', contents: text }])
    await page.getByText(/places in the text; \d+ classes/).waitFor()
    await ready(page, 1)
    await playTo(page, 20)
    await page.close()
  })

  test('a folder of images by its button; a broken one is named', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'evenkeel-own-')), 'pictures')
    for (const [label, name] of ['dark', 'bright'].entries()) {
      mkdirSync(join(folder, name), { recursive: true })
      for (let i = 0; i < 8; i++) {
        const data = new Uint8Array(20 * 16).fill(100 * label + 5 * i)
        writeFileSync(join(folder, name, `${i}.png`), encode({ width: 20, height: 16, data, channels: 1 }))
      }
    }
    const page = await lab.open('#/workbench?data=own&runs=1&stop-every=10')
    await page.getByText('There is no data of your own yet').waitFor()
    await page.locator('#own-folder').setInputFiles(folder)
    await page.getByText('16 images, in grey and 28 × 28; 2 classes: bright, dark').waitFor()
    await ready(page, 1)
    await playTo(page, 10)
    writeFileSync(join(folder, 'dark', '9.png'), 'no image')
    await page.locator('#own-folder').setInputFiles(folder)
    await page.getByText('dark/9.png: not a PNG image that can be read').waitFor()
    await page.close()
  })

  test('nothing of it was sent', () => {
    const others = lab.requests.filter((url) => !url.startsWith(`blob:${lab.server.url}`) && !url.startsWith('data:'))
    expect(others.length).toBeGreaterThan(5)
    for (const url of others) expect(url.replace(lab.server.url, '')).toMatch(/^(#.*|[\w-]+\.(js|css)|data\/(digits|moby-dick)\/.*\.gz)?$/)
    expect(lab.errors).toEqual([])
  })
})
