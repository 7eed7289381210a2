import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The libraries that are compared: those in JavaScript, loaded on demand from bench/node_modules. PyTorch: torch.ts. */

export type Jax = typeof import('@jax-js/jax')
export type Tfjs = typeof import('@tensorflow/tfjs')

/** `torch128` is PyTorch limited to the vector width that WebAssembly has. */
export const peerNames = ['jax', 'tfjs', 'torch', 'torch128'] as const
export type PeerName = (typeof peerNames)[number]

export const titles: Readonly<Record<PeerName, string>> = { jax: 'jax-js', tfjs: 'tfjs-wasm', torch: 'PyTorch', torch128: 'PyTorch, 128-bit' }

export async function loadJax(): Promise<Jax> {
  const jax = await import('@jax-js/jax')
  await jax.init('wasm')
  jax.defaultDevice('wasm')
  return jax
}

export async function loadTfjs(): Promise<Tfjs> {
  // tfjs advises to install a native package, on the console, at import.
  const { warn, log } = console
  console.warn = () => {}
  console.log = () => {}
  try {
    const tf = await import('@tensorflow/tfjs')
    const { setWasmPaths, setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm')
    const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(`${join(dirname(entry))}/`)
    setThreadsCount(1)
    if (!(await tf.setBackend('wasm'))) throw new Error('tfjs has no wasm backend here')
    await tf.ready()
    return tf
  } finally {
    console.warn = warn
    console.log = log
  }
}
