import { allocator } from '../../core/allocator.js'
import type { KernelArguments } from './binary.js'
import { kernelBytes } from './bytes.js'

/** Exported functions take plain numbers: addresses wrap to unsigned 32 bits, so those above 2 GiB are right. */
export type KernelName = keyof KernelArguments
export type KernelExports = Readonly<Record<KernelName, (...args: (number | boolean)[]) => void>>

/** The import "env" "memory" of kind memory, up to the flags of its limits: 3 is shared with a maximum, 1 unshared with a maximum. */
const memoryImport = [3, ...'env'].concat([6, ...'memory'], 2).map((c) => (typeof c === 'string' ? c.charCodeAt(0) : c))

/** Where a page may not share memory between threads, the module must ask for an unshared one. */
function importUnshared(bytes: Uint8Array): void {
  const at = bytes.findIndex((_, i) => memoryImport.every((byte, j) => bytes[i + j] === byte))
  bytes[at + memoryImport.length] = 1
}

/** Whether other threads can work on the memory. */
export const isShared = (memory: WebAssembly.Memory): boolean => typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer

let module: WebAssembly.Module | undefined

/** The compiled kernels; other threads instantiate it on the same memory. @throws where the host has no WebAssembly SIMD or forbids compiling. */
export function kernelModule(): WebAssembly.Module {
  if (!module) {
    const bytes = kernelBytes()
    if (!isShared(allocator().memory)) importUnshared(bytes)
    module = new WebAssembly.Module(bytes)
  }
  return module
}

export function instantiate(): KernelExports {
  return new WebAssembly.Instance(kernelModule(), { env: { memory: allocator().memory } }).exports as KernelExports
}
