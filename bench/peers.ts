import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The libraries that are compared, loaded on demand from bench/node_modules. */

export type Jax = typeof import('@jax-js/jax')
export type Tfjs = typeof import('@tensorflow/tfjs')

export interface Peers {
  jax: Jax | null
  tfjs: Tfjs | null
}

export const peerNames = ['jax', 'tfjs'] as const
export type PeerName = (typeof peerNames)[number]

async function loadJax(): Promise<Jax> {
  const jax = await import('@jax-js/jax')
  await jax.init('wasm')
  jax.defaultDevice('wasm')
  return jax
}

async function loadTfjs(): Promise<Tfjs> {
  const tf = await import('@tensorflow/tfjs')
  const { setWasmPaths, setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm')
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(`${join(dirname(entry))}/`)
  setThreadsCount(1)
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs has no wasm backend here')
  await tf.ready()
  return tf
}

/** tfjs advises to install a native package, on standard error, at import. */
async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const { warn, log } = console
  console.warn = () => {}
  console.log = () => {}
  try {
    return await load()
  } finally {
    console.warn = warn
    console.log = log
  }
}

export async function loadPeers(names: readonly PeerName[]): Promise<Peers> {
  return {
    jax: names.includes('jax') ? await quietly(loadJax) : null,
    tfjs: names.includes('tfjs') ? await quietly(loadTfjs) : null,
  }
}
