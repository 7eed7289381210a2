import type { Generator } from '../../core/random.js'
import { fillBernoulli } from '../../core/random-fill.js'
import { numelOf } from '../../core/shape.js'
import type { Kernels, View } from '../contract.js'

function bernoulli({ storage, dtype, offset, shape }: View, generator: Generator, p: number): void {
  fillBernoulli({ data: storage.array(dtype).subarray(offset, offset + numelOf(shape)), dtype }, generator, p)
}

export const draws = { bernoulli } satisfies Partial<Kernels>
