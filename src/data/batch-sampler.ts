import { checkOptions, kindOf, ValueError } from '../core/errors.js'
import type { Generator } from '../core/random.js'
import { fillRandperm } from '../core/random-integer.js'

/** Says which samples make up each batch of a pass, in place of `batchSize`, `shuffle` and `dropLast` of a `DataLoader`. */
export interface BatchSampler {
  /** Number of batches in a pass. */
  readonly length: number
  /** The batches of one pass, as indices; whatever is random is drawn from the generator, so that a pass can be repeated. */
  batches(generator: Generator): Iterable<readonly number[]>
}

/** 0 to length - 1 in a random order, as `torch.randperm`. */
export function permutation(length: number, generator: Generator): Int32Array {
  const data = new Int32Array(length)
  fillRandperm({ data, dtype: 'int32' }, generator)
  return data
}

export interface BucketBatchSamplerOptions {
  /** Sequences in a batch. Default 1. */
  batchSize?: number
  /** How many batches are sorted by length together: more give less padding, fewer more chance. Default 100. */
  batchesPerBucket?: number
  /** Whether batches that are not full are left out. Default false. */
  dropLast?: boolean
}

/**
 * Batches of sequences of similar length, so that little is padded, in an order that is random all the same: the samples are shuffled, cut into
 * buckets of `batchesPerBucket` batches, sorted by length within each, cut into batches, and the batches of each bucket are shuffled.
 * @example new DataLoader(data, { batchSampler: new BucketBatchSampler(data.lengths, { batchSize: 32 }), seed: 0 })
 * @throws ValueError where a length is no whole number of at least 0, or an option is no positive whole number
 */
export class BucketBatchSampler implements BatchSampler {
  readonly lengths: readonly number[]
  readonly batchSize: number
  readonly batchesPerBucket: number
  readonly dropLast: boolean

  constructor(lengths: Iterable<number>, options: BucketBatchSamplerOptions = {}) {
    checkOptions('BucketBatchSampler', options, ['batchSize', 'batchesPerBucket', 'dropLast'])
    const { batchSize = 1, batchesPerBucket = 100, dropLast = false } = options
    if (typeof lengths?.[Symbol.iterator] !== 'function') throw new TypeError(`BucketBatchSampler: expected the lengths, got ${kindOf(lengths)}`)
    this.lengths = [...lengths]
    const wrong = this.lengths.findIndex((length) => !(Number.isInteger(length) && length >= 0))
    if (wrong >= 0) throw new ValueError(`BucketBatchSampler: length ${wrong} must be a whole number of at least 0, got ${kindOf(this.lengths[wrong])}`)
    for (const [name, value] of Object.entries({ batchSize, batchesPerBucket }))
      if (!(Number.isInteger(value) && value > 0)) throw new ValueError(`BucketBatchSampler: ${name} must be a positive whole number, got ${value}`)
    if (typeof dropLast !== 'boolean') throw new TypeError(`BucketBatchSampler: dropLast must be true or false, got ${kindOf(dropLast)}`)
    this.batchSize = batchSize
    this.batchesPerBucket = batchesPerBucket
    this.dropLast = dropLast
  }

  get length(): number {
    const batches = this.lengths.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  *batches(generator: Generator): Iterable<readonly number[]> {
    const { lengths, batchSize, dropLast } = this
    const order = permutation(lengths.length, generator)
    const bucketSize = batchSize * this.batchesPerBucket
    for (let start = 0; start < order.length; start += bucketSize) {
      const bucket = [...order.subarray(start, start + bucketSize)].sort((a, b) => lengths[a] - lengths[b])
      const batches = Math.ceil(bucket.length / batchSize)
      for (const batch of permutation(batches, generator)) {
        const indices = bucket.slice(batch * batchSize, (batch + 1) * batchSize)
        if (indices.length === batchSize || !dropLast) yield indices
      }
    }
  }
}
