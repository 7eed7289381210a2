import { describe, expect, inject, test } from 'vitest'
import { backendInfo } from '../../src/kernels/index.js'
import { zeros } from '../../src/ops/index.js'
import { program, type Results } from './program.js'
import type { Answer, Order } from './worker.js'

const expected = inject('nodeResults')

function expectSame(results: Results): void {
  expect(Object.keys(results)).toEqual(Object.keys(expected))
  for (const [name, wanted] of Object.entries(expected)) {
    const got = results[name]
    expect(got.length, name).toBe(wanted.length)
    // The same WebAssembly computes float32 in both; what goes through JavaScript's Math may differ by its last bit.
    wanted.forEach((value, i) => {
      if (Math.abs(got[i] - value) > 1e-6 * Math.abs(value) + 1e-9) expect(got[i], `${name}, element ${i}`).toBe(value)
    })
  }
}

function inWorker(order: Order): Promise<Answer> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  return new Promise<Answer>((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || 'the worker did not start'))
    worker.onmessage = ({ data }: MessageEvent<Answer>) => (data.error ? reject(new Error(data.error)) : resolve(data))
    worker.postMessage(order)
  }).finally(() => worker.terminate())
}

describe('a page computes what Node computes: seeds, operations, gradients, norms and a training', () => {
  test('in the page itself', async () => {
    expectSame(await program())
    expect(backendInfo()).toMatchObject({ backend: 'wasm', refusal: null, sharedMemory: true })
    expect(zeros([1]).data.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  test('in a worker', async () => {
    const { results, backend, shared } = await inWorker({ shared: true })
    expect(backend).toMatchObject({ backend: 'wasm', refusal: null, sharedMemory: true })
    expect(shared).toBe(true)
    expectSame(results)
  })

  test('where memory can not be shared, for want of cross-origin isolation', async () => {
    const { results, backend, shared } = await inWorker({ shared: false })
    expect(backend).toMatchObject({ backend: 'wasm', refusal: null, threads: 1, sharedMemory: false })
    expect(shared).toBe(false)
    expectSame(results)
  })

  test('the training learns', () => {
    for (const norm of ['batch', 'layer']) {
      const losses = expected[`${norm}: losses`]
      expect(losses.length).toBe(314)
      expect(losses[0]).toBeGreaterThan(2)
      expect(losses.slice(-20).reduce((a, b) => a + b) / 20).toBeLessThan(0.4)
      expect(expected[`${norm}: accuracy`][0]).toBeGreaterThan(0.9)
    }
  })
})
