import { expect, test, vi } from 'vitest'
import { benchData } from '../../lab/training/data.js'
import { Session } from '../../lab/training/session.js'
import { Trainer } from '../../lab/training/trainer.js'
import { pytorchScript } from '../../lab/workbench/script.js'
import { readBench } from '../../lab/workbench/state.js'
import type { Report } from '../../lab/worker/protocol.js'

/** Knobs that are turned while a run runs, and the program for PyTorch that turns them at the same steps. */

const { state } = readBench(new Map(new URLSearchParams('preset=spirals&depth=2')), 'digits')
const run = { ...state.runs[1], batchSize: 16 }
const changes = [
  { step: 3, settings: { learningRate: 0.5 } },
  { step: 5, settings: { batchSize: 64 } },
  { step: 5, settings: { momentum: null } },
  { step: 9, settings: { momentum: 0.5, batchSize: 8 } },
]
/** What that program prints with PyTorch 2.6. */
const inPyTorch = [
  1.4667463, 0.9856874, 0.9152186, 0.906475, 1.4052918, 1.6644522, 1.1627488, 1.3034394, 1.4875458, 1.0012145, 1.5147721, 2.8974631, 2.991554, 1.8729509,
]
const options = { steps: inPyTorch.length, address: 'x', own: null }

test('the program has the changes by the first step that they hold for, and the lines that make them', () => {
  const script = pytorchScript(state.bench, run, { ...options, changes })
  expect(script).toContain(
    ['CHANGES = {', "    4: {'lr': 0.5},", "    6: {'batch_size': 64, 'momentum': None},", "    10: {'batch_size': 8, 'momentum': 0.5},", '}', '', ''].join(
      '\n',
    ),
  )
  expect(script).toContain("    if 'lr' in change:\n        optimizer.param_groups[0]['lr'] = change['lr']\n")
  expect(script).toContain("    if 'batch_size' in change:\n        batches = endless(change['batch_size'])\n")
  expect(script).toContain("                layer.momentum = change['momentum']\n")
})

test('what nobody turned, or only after the last step, is not in it', () => {
  const script = pytorchScript(state.bench, run, {
    ...options,
    changes: [changes[0], { step: options.steps, settings: { batchSize: 2 } }],
  })
  expect(script).toContain("CHANGES = {\n    4: {'lr': 0.5},\n}\n")
  expect(script).not.toMatch(/change\['(batch_size|momentum)'\]/)
})

test('the run itself has the losses of PyTorch', async () => {
  const session = new Session({ ...state.bench, ...run }, await benchData(state.bench, null))
  for (const [i, loss] of inPyTorch.entries()) {
    for (const change of changes) if (change.step === i) session.change(change.settings)
    expect(Math.abs(session.next().record.loss / loss - 1)).toBeLessThan(2e-5)
  }
})

test('a worker says after which step a change holds; a step that was begun in slow motion is ended before it', async () => {
  // What a worker's page is without the headers for threads.
  vi.stubGlobal('crossOriginIsolated', false)
  const reports: Report[] = []
  const trainer = new Trainer((report) => reports.push(report))
  const said = (type: Report['type']) => reports.filter((report) => report.type === type)
  void trainer.train({ type: 'train', config: { ...state.bench, ...run }, own: null, threads: 1 })
  trainer.obey({ type: 'change', settings: { momentum: 0.2 } })
  trainer.obey({ type: 'step' })
  trainer.obey({ type: 'part' })
  trainer.obey({ type: 'part' })
  trainer.obey({ type: 'change', settings: { learningRate: 0.5 } })
  await expect.poll(() => said('changed')).toHaveLength(2)
  expect(said('changed')).toEqual([
    { type: 'changed', step: 0, settings: { momentum: 0.2 } },
    { type: 'changed', step: 2, settings: { learningRate: 0.5 } },
  ])
  expect(reports.at(-2)?.type).toBe('steps')
})
