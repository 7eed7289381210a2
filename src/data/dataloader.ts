import { type Arguments, readOptions } from '../core/arguments.js'
import { RuntimeError, ValueError } from '../core/errors.js'
import { defaultGenerator, Generator } from '../core/random.js'
import { LastTurn, turns } from '../core/storage.js'
import { type BatchSampler, permutation } from './batch-sampler.js'
import { type Collated, defaultCollate } from './collate.js'
import type { Dataset } from './dataset.js'

export interface DataLoaderOptions<Sample, Batch> {
  /** Samples in a batch. Default 1. */
  batchSize?: number
  /** Whether each pass takes the samples in a new random order. Default false. */
  shuffle?: boolean
  /** Whether a last batch that is not full is left out. Default false. */
  dropLast?: boolean
  /** What the orders are drawn from. Default: one seeded from the default generator for each pass, as PyTorch does. */
  generator?: Generator
  /** Short for a `generator` of its own with that seed. */
  seed?: number | bigint
  /** Says which samples make up each batch, in place of `batchSize`, `shuffle` and `dropLast`. */
  batchSampler?: BatchSampler
  /** Joins the samples of a batch. Default `defaultCollate`. */
  collate?: (samples: Sample[]) => Batch
}

/** How far a `DataLoader` is, for a file. */
export interface DataLoaderState {
  /** State of the generator that the pass's order is drawn from, when the pass began; null before the first pass. */
  generator: Uint8Array | null
  /** Batches of the pass that were given, the one that is being worked on included. */
  batches: number
}

/**
 * Batches of a data set, for `for (const [x, y] of loader)`. As `torch.utils.data.DataLoader` without workers: after `manualSeed(s)` the
 * batches are those that PyTorch gives after `manual_seed(s)`.
 *
 * Each turn of such a loop is a scope: what was made in it and is no parameter, buffer, gradient, optimizer state or `keep`-ed is released
 * when the next turn starts, so a training loop runs in constant memory. What the last turn made stays until the next pass over this loader.
 *
 * @throws ValueError where the batch size is no positive whole number, or an empty data set should be shuffled
 */
export class DataLoader<Sample, Batch = Collated<Sample>> implements Iterable<Batch> {
  readonly dataset: Dataset<Sample>
  readonly batchSize: number
  readonly shuffle: boolean
  readonly dropLast: boolean
  readonly generator: Generator | null
  readonly batchSampler: BatchSampler | null
  private readonly collate: ((samples: Sample[]) => Batch) | null
  private readonly lastTurn = new LastTurn()
  private state: DataLoaderState = { generator: null, batches: 0 }
  /** Whether the next pass goes on from `state`. */
  private resumes = false

  constructor(dataset: Dataset<Sample> | readonly Sample[], ...args: Arguments<[batchSize: number, shuffle: boolean], DataLoaderOptions<Sample, Batch>>) {
    const known = ['batchSize', 'shuffle', 'dropLast', 'generator', 'seed', 'batchSampler', 'collate'] as const
    const options = readOptions<DataLoaderOptions<Sample, Batch>>('DataLoader', known, 2, args)
    const { batchSize = 1, shuffle = false, dropLast = false, generator, seed, batchSampler, collate } = options
    this.dataset = toDataset(dataset)
    if (!(Number.isInteger(batchSize) && batchSize > 0)) throw new ValueError(`batch_size should be a positive integer value, but got batch_size=${batchSize}`)
    if (typeof shuffle !== 'boolean') throw new ValueError(`shuffle should be a boolean value, but got shuffle=${shuffle}`)
    if (typeof dropLast !== 'boolean') throw new ValueError(`drop_last should be a boolean value, but got drop_last=${dropLast}`)
    if (generator !== undefined && !(generator instanceof Generator)) throw new TypeError('DataLoader: generator must be a Generator')
    if (generator !== undefined && seed !== undefined) throw new ValueError('DataLoader: give a generator or a seed, not both')
    if (collate !== undefined && typeof collate !== 'function') throw new TypeError('DataLoader: collate must be a function')
    if (batchSampler !== undefined) checkBatchSampler(batchSampler, options)
    if (shuffle && this.dataset.length === 0) throw new ValueError('num_samples should be a positive integer value, but got num_samples=0')
    this.batchSize = batchSize
    this.shuffle = shuffle
    this.dropLast = dropLast
    this.generator = seed === undefined ? (generator ?? null) : new Generator().manualSeed(seed)
    this.batchSampler = batchSampler ?? null
    this.collate = collate ?? null
  }

  /** Number of batches in a pass. */
  get length(): number {
    if (this.batchSampler) return this.batchSampler.length
    const batches = this.dataset.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  /** A new pass, or after `loadStateDict` the rest of the one that was saved. */
  [Symbol.iterator](): IterableIterator<Batch> {
    const { generator, state } = this
    const resumed = this.resumes && state.generator ? (generator ?? new Generator()).setState(state.generator) : null
    // PyTorch draws a seed for worker processes here, also where there are none.
    if (!resumed) drawSeed(generator ?? defaultGenerator())
    const done = resumed ? state.batches : 0
    this.resumes = false
    return turns(this.batches(resumed, done), 'the loop over a DataLoader', this.lastTurn)
  }

  /**
   * How far the loop over this loader is, so that a new one can go on from there: call it in the loop, when the batch has been worked on.
   * As `torchdata.stateful_dataloader.StatefulDataLoader.state_dict()`.
   */
  stateDict(): DataLoaderState {
    return { ...this.state }
  }

  /** The next pass gives what was left of the saved one, in the same order. @throws RuntimeError where the state has not this loader's form */
  loadStateDict(state: DataLoaderState): void {
    const { generator, batches } = state ?? {}
    if (!(generator === null || generator instanceof Uint8Array) || !(Number.isInteger(batches) && batches >= 0 && batches <= this.length))
      throw new RuntimeError(`DataLoader.loadStateDict: expected { generator, batches } as stateDict() of a loader of ${this.length} batches gives it`)
    if (generator) new Generator().setState(generator)
    this.state = { generator: generator?.slice() ?? null, batches }
    this.resumes = true
  }

  /** @param resumed what the order of a resumed pass is drawn from, of which `done` batches were given before */
  private *batches(resumed: Generator | null, done: number): IterableIterator<Batch> {
    const random = this.shuffle || this.batchSampler !== null
    const generator = resumed ?? this.generator ?? (random ? new Generator().manualSeed(drawSeed(defaultGenerator())) : defaultGenerator())
    this.state = { generator: resumed ? this.state.generator : generator.getState(), batches: done }
    let batch = 0
    for (const indices of this.groups(generator)) {
      if (batch++ < done) continue
      this.state.batches = batch
      yield this.fetch(indices)
    }
  }

  private fetch(indices: readonly number[]): Batch {
    const { dataset, collate } = this
    if (collate) return collate(indices.map((i) => dataset.get(i)))
    const batch = dataset.batch ? dataset.batch(indices) : defaultCollate(indices.map((i) => dataset.get(i)))
    // Without a collate of its own, Batch is what it is by default.
    return batch as Batch & Collated<Sample>
  }

  private *groups(generator: Generator): IterableIterator<readonly number[]> {
    if (this.batchSampler) {
      yield* this.batchSampler.batches(generator)
      return
    }
    let group: number[] = []
    for (const index of this.order(generator)) {
      group.push(index)
      if (group.length < this.batchSize) continue
      yield group
      group = []
    }
    if (group.length > 0 && !this.dropLast) yield group
  }

  private *order(generator: Generator): IterableIterator<number> {
    const { length } = this.dataset
    if (!this.shuffle) {
      for (let i = 0; i < length; i++) yield i
      return
    }
    yield* permutation(length, generator)
    // PyTorch's sampler draws one more, of which it uses nothing: the next pass depends on it.
    permutation(length, generator)
  }
}

function checkBatchSampler(sampler: BatchSampler, { batchSize, shuffle, dropLast }: { batchSize?: number; shuffle?: boolean; dropLast?: boolean }): void {
  if (typeof sampler?.batches !== 'function') throw new TypeError('DataLoader: batchSampler must have a length and batches(generator)')
  if (batchSize !== undefined || shuffle !== undefined || dropLast !== undefined)
    throw new ValueError('batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last')
}

function toDataset<Sample>(dataset: Dataset<Sample> | readonly Sample[]): Dataset<Sample> {
  if (isArray(dataset)) return { length: dataset.length, get: (i) => dataset[i] }
  if (dataset === null || typeof dataset !== 'object' || typeof dataset.get !== 'function' || !Number.isInteger(dataset.length)) {
    throw new TypeError('DataLoader: expected a data set, with a length and get(index), or an array of samples')
  }
  return dataset
}

const isArray = <Sample>(dataset: Dataset<Sample> | readonly Sample[]): dataset is readonly Sample[] => Array.isArray(dataset)

/** As `torch.empty((), dtype=torch.int64).random_()`. */
const drawSeed = (generator: Generator): bigint => BigInt.asUintN(63, generator.random64())
