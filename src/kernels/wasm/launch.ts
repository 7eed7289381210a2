import { allocator, type Block } from '../../core/allocator.js'
import type { KernelArguments } from './binary.js'
import { instantiate, type KernelExports, type KernelName } from './loader.js'
import { runShared } from './threads/threads.js'

let kernels: KernelExports | undefined
let launches = 0

/** Compiles the kernels, once. @throws where the host cannot. */
export function load(): void {
  kernels ??= instantiate()
}

/** Whether there is a kernel of that name. */
export function hasKernel(name: string): name is KernelName {
  if (!kernels) kernels = instantiate()
  return name in kernels
}

/**
 * Runs a kernel over its blocks 0 to `blocks`: the one place through which every kernel goes. Blocks are independent of each other and
 * of how they are grouped into ranges, so that a range may go to another thread.
 * @throws RuntimeError where a worker thread has died
 */
export function launch<K extends KernelName>(kernel: K, blocks: number, ...args: KernelArguments[K]): void {
  if (!kernels) kernels = instantiate()
  launches++
  if (!runShared(kernels, kernel, blocks, args)) kernels[kernel](...args, 0, blocks)
}

/** Kernels launched so far, for benchmarks. */
export const launchCount = (): number => launches

/** Where numbers lie that a kernel reads by address, as it reads a tensor of one element. Below the tensors, above the static data. */
const ARGUMENTS = 0xff000
let slots: Float32Array | undefined

/** Puts a number into a slot, for the next launch. @returns its address */
export function argument(slot: number, value: number): number {
  const { buffer } = allocator().memory
  if (slots?.buffer !== buffer) slots = new Float32Array(buffer, ARGUMENTS, 16)
  slots[slot] = value
  return ARGUMENTS + slot * 4
}

/**
 * Working memory for the time of `use`, from the tensors' pool.
 * @throws RuntimeError "out of memory: ... for the workspace of batchNorm"
 */
export function withScratch<T>(owner: string, bytes: number, use: (ptr: number) => T): T {
  const block: Block = allocator().allocate(bytes, () => `the workspace of ${owner}`)
  try {
    return use(block.ptr)
  } finally {
    allocator().release(block)
  }
}
