import { checkOptions, kindOf, ValueError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { full, indexSelect, narrow, select, stack, tensor } from '../ops/index.js'
import type { Collated } from './collate.js'
import { checkIndex, type Dataset } from './dataset.js'

export interface SequenceDatasetOptions {
  /** One for each sequence: [N, ...]. Samples and batches then end with them. */
  labels?: Tensor
  /** What fills the places behind the end of a shorter sequence. Default 0. */
  paddingValue?: number
}

/** A sequence [length, ...], its length (int64, no dimensions) and, where there are labels, its label. */
export type SequenceSample = readonly [sequence: Tensor, length: Tensor, ...label: Tensor[]]

/**
 * Sequences of different lengths. A batch is [padded, lengths] or, with labels, [padded, lengths, labels]: padded is
 * [batch, longest of the batch, ...], lengths int64 [batch], ready for `packPaddedSequence(padded, lengths, true, false)`.
 * For batches of similar lengths give the DataLoader a `BucketBatchSampler` of `lengths`.
 *
 * @throws ValueError where sequences differ in dtype or in their sizes beyond the first, or labels are not as many
 */
export class SequenceDataset implements Dataset<SequenceSample> {
  /** Of each sequence. */
  readonly lengths: readonly number[]
  private readonly labels: Tensor | null
  private readonly paddingValue: number

  constructor(
    readonly sequences: readonly Tensor[],
    options: SequenceDatasetOptions = {},
  ) {
    checkOptions('SequenceDataset', options, ['labels', 'paddingValue'])
    if (!Array.isArray(sequences)) throw new TypeError(`SequenceDataset: expected an array of tensors, got ${kindOf(sequences)}`)
    const { labels = null, paddingValue = 0 } = options
    const [first] = sequences
    for (const [i, sequence] of sequences.entries()) {
      if (!(sequence instanceof Tensor)) throw new TypeError(`SequenceDataset: sequence ${i} must be a tensor, got ${kindOf(sequence)}`)
      if (sequence.ndim === 0) throw new ValueError(`SequenceDataset: sequence ${i} has no dimension to be long in`)
      if (sequence.dtype !== first.dtype || !sameShape(sequence.shape.slice(1), first.shape.slice(1))) {
        const of = (t: Tensor) => `${t.dtype} ${formatShape(['length', ...t.shape.slice(1)] as never)}`
        throw new ValueError(`SequenceDataset: sequence ${i} is ${of(sequence)}, sequence 0 is ${of(first)}`)
      }
    }
    if (labels !== null) {
      if (!(labels instanceof Tensor)) throw new TypeError(`SequenceDataset: labels must be a tensor, got ${kindOf(labels)}`)
      if (labels.shape[0] !== sequences.length)
        throw new ValueError(`SequenceDataset: ${sequences.length} sequences need as many labels, got a tensor of shape ${formatShape(labels.shape)}`)
    }
    if (typeof paddingValue !== 'number') throw new TypeError(`SequenceDataset: paddingValue must be a number, got ${kindOf(paddingValue)}`)
    this.labels = labels
    this.paddingValue = paddingValue
    this.lengths = sequences.map(({ shape }) => shape[0])
  }

  get length(): number {
    return this.sequences.length
  }

  get(index: number): SequenceSample {
    checkIndex(index, this.length)
    const length = tensor(BigInt(this.lengths[index]))
    const sequence = this.sequences[index]
    return this.labels ? [sequence, length, select(this.labels, 0, index)] : [sequence, length]
  }

  batch(indices: readonly number[]): Collated<SequenceSample> {
    for (const index of indices) checkIndex(index, this.length)
    const lengths = indices.map((i) => this.lengths[i])
    const longest = Math.max(0, ...lengths)
    const padded = stack(indices.map((i) => this.padded(i, longest)))
    const numbers = tensor(BigInt64Array.from(lengths, BigInt))
    return this.labels ? [padded, numbers, indexSelect(this.labels, 0, tensor(BigInt64Array.from(indices, BigInt)))] : [padded, numbers]
  }

  private padded(index: number, length: number): Tensor {
    const sequence = this.sequences[index]
    if (sequence.shape[0] === length) return sequence
    const padded = full([length, ...sequence.shape.slice(1)], this.paddingValue, { dtype: sequence.dtype })
    narrow(padded, 0, 0, sequence.shape[0]).copy_(sequence)
    return padded
  }
}
