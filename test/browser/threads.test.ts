import * as ev from 'evenkeel'
import { F, getNumThreads, setNumThreads, type Tensor } from 'evenkeel'
import { afterEach, expect, test, vi } from 'vitest'
import { threadUse } from '../../src/kernels/wasm/threads/threads.js'

afterEach(() => {
  setNumThreads(1)
  vi.restoreAllMocks()
})

const input = (seed: number, ...shape: number[]): Tensor => ev.randn(shape, { generator: new ev.Generator().manualSeed(seed), requiresGrad: true })

/** Loss and gradients of a small network, large enough to be shared. */
function step(): number[] {
  const [x, w, gamma, beta] = [input(1, 16, 16, 28, 28), input(2, 32, 16, 3, 3), input(3, 32), input(4, 32)]
  const y = F.gelu(F.batchNorm(F.conv2d(x, w, null, { padding: 1 }), ev.zeros([32]), ev.ones([32]), gamma, beta, { training: true }))
  const loss = y.square().mean()
  loss.backward()
  return [loss.item() as number, ...[x, w, gamma, beta].flatMap((t) => Array.from((t.grad as Tensor).data as Float32Array))]
}

test('workers of a cross-origin-isolated page take part, with the same bits, and the page never waits in Atomics.wait', async () => {
  const one = step()
  const wait = vi.spyOn(Atomics, 'wait')
  setNumThreads(2)
  expect(getNumThreads()).toBe(2)
  await vi.waitFor(() => expect(threadUse().ready).toBe(1), { timeout: 60_000 })
  for (let i = 0; i < 1000 && threadUse().ranges === 0; i++) expect(step()).toEqual(one)
  expect(threadUse().ranges).toBeGreaterThan(0)
  // The one attempt, which found out that this thread may not.
  expect(wait.mock.results.map(({ type }) => type)).toEqual(['throw'])
})

test('one thread again after setNumThreads(1)', () => {
  setNumThreads(3)
  setNumThreads(1)
  expect(getNumThreads()).toBe(1)
  expect(ev.ones([1_000_000]).sum().item()).toBe(1_000_000)
  expect(threadUse()).toEqual({ ready: 0, ranges: 0 })
})
