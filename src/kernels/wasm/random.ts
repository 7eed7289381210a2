import { allocator } from '../../core/allocator.js'
import type { Generator } from '../../core/random.js'
import { numelOf } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch, withScratch } from './launch.js'
import { address, COUNTABLE, isContiguousView } from './views.js'

/** Fewer numbers are drawn in JavaScript before the state is where the kernel can read it. */
const WORTH_COPYING = 512

function bernoulli(target: View, generator: Generator, p: number): void {
  const n = numelOf(target.shape)
  const bytes = target.dtype === 'bool' || target.dtype === 'uint8'
  const isKnown = (bytes || target.dtype === 'float32') && isContiguousView(target) && p >= 0 && p <= 1
  if (!isKnown || n < WORTH_COPYING || n >= COUNTABLE) return reference.bernoulli(target, generator, p)
  generator.exchange((words, next) =>
    withScratch('bernoulli', words.byteLength + 4, (ptr) => {
      const state = new Int32Array(allocator().memory.buffer, ptr, words.length + 1)
      state.set(words)
      state[words.length] = next
      launch('bernoulli', 1, ptr, address(target, bytes ? 1 : 4), n, p * 2 ** 53, bytes ? 1 : 0)
      words.set(state.subarray(0, words.length))
      return state[words.length]
    }),
  )
}

export const draws = { bernoulli } satisfies Partial<Kernels>
