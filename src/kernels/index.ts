import { allocator, type MemoryUse } from '../core/allocator.js'
import { RuntimeError } from '../core/errors.js'
import type { Kernels } from './contract.js'
import { reference } from './reference/index.js'
import { wasm } from './wasm/index.js'
import { load } from './wasm/launch.js'
import { isShared } from './wasm/loader.js'
import { getNumThreads } from './wasm/threads/threads.js'

export type * from './contract.js'
export { getNumThreads, setNumThreads } from './wasm/threads/threads.js'

export type BackendName = 'wasm' | 'reference'

let name: BackendName | undefined
/** Why the host cannot run the WebAssembly kernels, or null. */
let refusal: string | null = null

/** Chooses at the first kernel call: compiling takes milliseconds, and importing the package shall do nothing. */
const undecided = new Proxy(reference, {
  get(_, kernel) {
    decide()
    return Reflect.get(kernels, kernel)
  },
})

/** The backend that ops call. */
export let kernels: Kernels = undecided

function decide(): void {
  if (name !== undefined) return
  try {
    setBackend('wasm')
  } catch (error) {
    refusal = error instanceof Error ? error.message : String(error)
    setBackend('reference')
  }
}

/**
 * Runs every later kernel on `backend`. By default that is 'wasm' where the host can compile it, else 'reference'.
 * @throws RuntimeError where the host has no WebAssembly SIMD or forbids compiling WebAssembly.
 */
export function setBackend(backend: BackendName): void {
  if (backend !== 'wasm' && backend !== 'reference') throw new TypeError(`setBackend: expected 'wasm' or 'reference', got '${String(backend)}'`)
  if (backend === 'wasm') {
    try {
      load()
    } catch (error) {
      throw new RuntimeError(`the WebAssembly kernels can't be compiled here: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  name = backend
  kernels = backend === 'wasm' ? wasm : reference
}

export interface BackendInfo {
  /** 'wasm' where the host can compile the kernels, else 'reference', plain JavaScript. */
  readonly backend: BackendName
  /** Why it is not 'wasm', where the host could not compile that. */
  readonly refusal: string | null
  /** Whether kernels compute four float32 at a time, in vectors of 128 bits. */
  readonly simd: boolean
  /** Whether kernels use relaxed SIMD, whose results differ from machine to machine: they don't (docs/architecture.md says why). */
  readonly relaxedSimd: boolean
  /** As `getNumThreads()`. */
  readonly threads: number
  /** Whether tensors lie in memory that threads can share. */
  readonly sharedMemory: boolean
  /** As `memory()`. */
  readonly memory: MemoryUse
}

/** What runs the kernels, on how many threads, in which memory. */
export function backendInfo(): BackendInfo {
  decide()
  const { memory } = allocator()
  const isWasm = name === 'wasm'
  return {
    backend: isWasm ? 'wasm' : 'reference',
    refusal,
    simd: isWasm,
    relaxedSimd: false,
    threads: isWasm ? getNumThreads() : 1,
    sharedMemory: isShared(memory),
    memory: allocator().use(),
  }
}
