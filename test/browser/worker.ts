import type { BackendInfo } from '../../src/kernels/index.js'
import type { Results } from './program.js'

export interface Order {
  /** False takes SharedArrayBuffer away before the library is loaded, as pages without cross-origin isolation don't have it. */
  shared: boolean
}

export interface Answer {
  results: Results
  backend: BackendInfo
  /** Whether the memory of the tensors is shared. */
  shared: boolean
  error?: string
}

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  if (!data.shared) Reflect.deleteProperty(globalThis, 'SharedArrayBuffer')
  try {
    const [{ program }, { backendInfo }, { zeros }] = await Promise.all([
      import('./program.js'),
      import('../../src/kernels/index.js'),
      import('../../src/ops/index.js'),
    ])
    const results = await program()
    postMessage({ results, backend: backendInfo(), shared: Object.prototype.toString.call(zeros([1]).data.buffer) === '[object SharedArrayBuffer]' })
  } catch (error) {
    postMessage({ error: error instanceof Error ? error.stack : String(error) })
  }
}
