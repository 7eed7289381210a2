import { IndexError, kindOf, ValueError } from '../core/errors.js'
import { Tensor } from '../core/tensor.js'
import { indexSelect, select, tensor } from '../ops/index.js'
import type { Collated } from './collate.js'

/** A collection of samples: what `DataLoader` makes batches of. An array of samples is one, too. */
export interface Dataset<Sample> {
  readonly length: number
  /** The sample at an index from 0 to length - 1. */
  get(index: number): Sample
  /** Several samples already joined: faster than one by one, where the data set can. The result is what `defaultCollate` would make of them. */
  batch?(indices: readonly number[]): Collated<Sample>
}

/**
 * Samples are the slices of tensors along their first dimension. As `torch.utils.data.TensorDataset`.
 * @example new TensorDataset(images, labels).get(0) // [image, label], views
 * @throws ValueError where the first sizes differ
 */
export class TensorDataset<T extends readonly Tensor[] = readonly Tensor[]> implements Dataset<T> {
  /** As they were given. */
  readonly tensors: T
  readonly length: number

  constructor(...tensors: T) {
    if (tensors.length === 0) throw new ValueError('TensorDataset: expected at least one tensor')
    for (const t of tensors) {
      if (!(t instanceof Tensor)) throw new TypeError(`TensorDataset: expected tensors, got ${kindOf(t)}`)
      if (t.ndim === 0) throw new IndexError('Dimension specified as 0 but tensor has no dimensions')
    }
    const sizes = tensors.map((t) => t.shape[0])
    if (sizes.some((size) => size !== sizes[0])) throw new ValueError(`Size mismatch between tensors: their first sizes are ${sizes.join(', ')}`)
    this.tensors = tensors
    this.length = sizes[0]
  }

  get(index: number): T {
    checkIndex(index, this.length)
    return this.each((t) => select(t, 0, index)) as T
  }

  batch(indices: readonly number[]): Collated<T> {
    for (const index of indices) checkIndex(index, this.length)
    const at = tensor(BigInt64Array.from(indices, BigInt))
    return this.each((t) => indexSelect(t, 0, at)) as Collated<T>
  }

  /** As many tensors as T has, which the type system does not follow through `map`. */
  private each(f: (t: Tensor) => Tensor): unknown {
    return this.tensors.map(f)
  }
}

/** Some of the samples of another data set, by their indices. As `torch.utils.data.Subset`. @throws IndexError where one is not in it */
export class Subset<Sample> implements Dataset<Sample> {
  readonly indices: readonly number[]
  readonly batch?: (indices: readonly number[]) => Collated<Sample>

  constructor(
    readonly dataset: Dataset<Sample>,
    indices: Iterable<number>,
  ) {
    if (typeof dataset?.get !== 'function' || !Number.isInteger(dataset.length))
      throw new TypeError(`Subset: expected a data set, with a length and get(index), got ${kindOf(dataset)}`)
    if (typeof indices?.[Symbol.iterator] !== 'function') throw new TypeError(`Subset: expected indices, got ${kindOf(indices)}`)
    this.indices = [...indices]
    for (const index of this.indices) checkIndex(index, dataset.length)
    if (dataset.batch) this.batch = (indices) => dataset.batch!(indices.map((i) => this.at(i)))
  }

  get length(): number {
    return this.indices.length
  }

  get(index: number): Sample {
    return this.dataset.get(this.at(index))
  }

  private at(index: number): number {
    checkIndex(index, this.length)
    return this.indices[index]
  }
}

/** @throws IndexError */
export function checkIndex(index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) throw new IndexError(`index ${index} is out of bounds for dimension 0 with size ${length}`)
}
