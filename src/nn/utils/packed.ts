import { RuntimeError } from '../../core/errors.js'
import { checkTensor, Tensor } from '../../core/tensor.js'
import '../../ops/methods.js'

/**
 * Sequences of different lengths, step by step: first the first elements of all of them, the longest sequence first, then the second elements of
 * those that have one, and so on. Recurrent layers take and give it, and never see padding. Made by `packPaddedSequence` and `packSequence`.
 */
export interface PackedSequence {
  /** [N, ...], N the sum of all lengths */
  readonly data: Tensor
  /** int64 [longest length]: sequences at each step */
  readonly batchSizes: Tensor
  /** int64 [B]: which sequence of the batch is the longest, and so on; null where they were in order. */
  readonly sortedIndices: Tensor | null
  /** int64 [B]: the other way round. */
  readonly unsortedIndices: Tensor | null
}

/** Whether a layer's input is packed. */
export const isPacked = (input: unknown): input is PackedSequence =>
  typeof input === 'object' && input !== null && 'batchSizes' in input && 'data' in input && !(input instanceof Tensor)

/** The elements of a vector. */
export const numbersOf = (t: Tensor): number[] => Array.from(t.contiguous().data, Number)
/** The steps' sizes as numbers. @throws RuntimeError where they don't fit the data */
export function batchSizesOf(sequence: PackedSequence): number[] {
  checkTensor('PackedSequence', 'data', sequence.data)
  checkTensor('PackedSequence', 'batchSizes', sequence.batchSizes)
  const sizes = numbersOf(sequence.batchSizes)
  const total = sizes.reduce((a, b) => a + b, 0)
  if (sizes.length === 0 || sizes.some((n, t) => n < 1 || (t > 0 && n > sizes[t - 1])) || total !== sequence.data.shape[0]) {
    throw new RuntimeError(
      `batch_sizes must fall from step to step and add up to the ${sequence.data.shape[0]} elements of the data, got [${sizes}]: pack_padded_sequence and pack_sequence make such sequences`,
    )
  }
  return sizes
}
