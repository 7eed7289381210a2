import { expect, test } from 'vitest'

test('the page is cross-origin isolated, so that memory can be shared with workers', () => {
  expect(globalThis.crossOriginIsolated).toBe(true)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true })
  expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer)
})
