import { expect, test } from 'vitest'
import { Progress } from '../../src/cli/progress.js'
import { duration, painter, textTable } from '../../src/cli/terminal.js'
import { compareExperiment, defaultsOf } from '../../src/experiments/index.js'
import { madeUpRun } from '../experiments/made-up.js'

const screen = (isTTY: boolean, columns?: number) => {
  let text = ''
  return { isTTY, columns, write: (t: string) => (text += t), text: () => text }
}
const config = { norm: 'batch', batchSize: 32, learningRate: 0.05 } as const
const configs = compareExperiment.runs(defaultsOf(compareExperiment.settings))
const progress = { config: { ...configs[1], ...config }, run: 2, runs: 12, step: 1234, steps: 5000, values: { loss: 0.25 } }

/** Draws until a bar shows: it is redrawn at most ten times a second. */
function drawn(columns: number | undefined): string {
  const out = screen(true, columns)
  const bar = new Progress(compareExperiment, configs, out, painter(out, { NO_COLOR: '1' }))
  while (out.text() === '') bar.update(progress)
  bar.clear()
  return out.text()
}

/** What is on the line, without the codes that clear it. */
const line = (columns: number | undefined) => drawn(columns).split('\x1b[2K')[1].replace('\r', '')

test('the bar says which run, how far, and how long it will take; a terminal may not know its width', () => {
  expect(line(200)).toMatch(/^[█░]{24} 2\/12 BatchNorm, batch size 32, learning rate 0\.05 · step 1,234\/5,000 · loss 0\.250 · \d+:\d\d left$/)
  for (const columns of [undefined, 0, 80]) expect(line(columns)).toMatch(/^[█░]{8,} 2\/12 · step 1,234\/5,000 · loss 0\.250 · \d+:\d\d left$/)
})

test.each([20, 40, 79, 80, 120])('it never fills a line of %i columns', (columns) => {
  expect(line(columns).length).toBeLessThan(columns)
})

test('a run that ends has a line that stays', () => {
  const out = screen(false)
  new Progress(compareExperiment, configs, out, painter(out, {})).runEnded(madeUpRun(config, { testAccuracy: 0.974 }), 2)
  expect(out.text()).toBe('[ 2/12] BatchNorm, batch size 32, learning rate 0.05: 97.4% of the test digits right, training loss 0.250, 2.00 ms per step\n')
})

test('colours only on a terminal that wants them', () => {
  const bold = (isTTY: boolean, env: Record<string, string>) => painter(screen(isTTY), env).bold('x')
  expect(bold(true, {})).toBe('\x1b[1mx\x1b[22m')
  for (const plain of [bold(false, {}), bold(true, { NO_COLOR: '1' }), bold(true, { TERM: 'dumb' })]) expect(plain).toBe('x')
})

test('tables align numbers to the right under headings of several lines', () => {
  const columns = [
    { heading: ['norm'], numeric: false },
    { heading: ['loss at', '100'], numeric: true },
  ]
  expect(
    textTable(
      columns,
      [
        ['BatchNorm', '0.5'],
        ['none', '12.25'],
      ],
      (row) => row,
    ),
  ).toBe(['           loss at', 'norm           100', '─────────  ───────', 'BatchNorm      0.5', 'none         12.25'].join('\n'))
})

test.each([
  [0, '0:00'],
  [65.4, '1:05'],
  [7384, '2:03:04'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})
