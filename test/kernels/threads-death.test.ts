import type * as workerThreads from 'node:worker_threads'
import * as ev from 'evenkeel'
import { afterEach, expect, test, vi } from 'vitest'
import type * as control from '../../src/kernels/wasm/threads/control.js'
import { threadUse } from '../../src/kernels/wasm/threads/threads.js'

vi.mock('../../src/kernels/wasm/threads/work.js', () => ({ workOf: () => 1e6 }))
/** Ten seconds are too long for a test. */
vi.mock('../../src/kernels/wasm/threads/control.js', async (original) => ({ ...(await original<typeof control>()), LOOK_MS: 20, LEAST_LOOKS: 5 }))

afterEach(() => {
  ev.setNumThreads(1)
  vi.restoreAllMocks()
})

/** Claims a range, as a worker does, and ends without having done it. */
const deserter = `
  const { word } = require('node:worker_threads').workerData.test
  const words = new Int32Array(require('node:worker_threads').workerData.control)
  Atomics.add(words, word.ready, 1)
  for (;;) {
    const claim = Atomics.load(words, word.claim)
    if ((claim & 0xffff) >= claim >>> 16) continue
    if (Atomics.compareExchange(words, word.claim, claim, (((claim >>> 16) - 1) << 16) | (claim & 0xffff)) === claim) break
  }`

test('a worker that ends in the middle of a kernel is an error, no hang', async () => {
  const x = ev.ones([1_000_000])
  const { word } = await vi.importActual<typeof control>('../../src/kernels/wasm/threads/control.js')
  const module = process.getBuiltinModule('node:worker_threads')
  const { Worker } = module
  vi.spyOn(module, 'Worker').mockImplementation(function (this: unknown, _, options?: workerThreads.WorkerOptions) {
    return new Worker(deserter, { ...options, workerData: { ...options?.workerData, test: { word } } })
  })
  ev.setNumThreads(2)
  await vi.waitFor(() => expect(threadUse().ready).toBe(1), { timeout: 60_000 })
  // On a busy machine this thread may be done before the worker has taken its range.
  expect(() => {
    for (let i = 0; i < 10_000; i++) x.exp()
  }).toThrow(
    new ev.RuntimeError(
      'a worker thread has died (it stopped in the middle of a kernel), and the result of the kernel exp is incomplete. Evenkeel goes on with one thread; setNumThreads(2) starts new ones.',
    ),
  )
  expect(ev.getNumThreads()).toBe(1)
  expect(x.exp().log().sum().item()).toBe(1_000_000)
})
