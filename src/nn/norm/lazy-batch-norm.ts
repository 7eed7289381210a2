import type { Dtype } from '../../core/dtype.js'
import type { Tensor } from '../../core/tensor.js'
import type { LoadOptions, LoadResult, StateDict } from '../state-dict.js'
import { type BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from './batch-norm.js'

type BatchNormClass = new (numFeatures: number, options?: BatchNormOptions) => BatchNorm

/**
 * A BatchNorm that learns its number of channels from the first input, or from the state dict that it loads, and is that BatchNorm from
 * then on.
 */
function lazy(name: string, Eager: BatchNormClass): new (options?: BatchNormOptions) => BatchNorm {
  const Lazy = class extends Eager {
    #dtype: Dtype | undefined

    constructor(options: BatchNormOptions = {}) {
      super(0, options)
      this.#dtype = options.dtype
    }

    /** Parameters are made when the channels are known: an optimizer must not see those of size 0. */
    protected override createState(channels: number, dtype?: Dtype): void {
      if (channels > 0) super.createState(channels, dtype)
    }

    #become(channels: number): void {
      Reflect.set(this, 'numFeatures', channels)
      this.createState(channels, this.#dtype)
      Object.setPrototypeOf(this, Eager.prototype)
    }

    override forward(input: Tensor): Tensor {
      this.checkInputDim(input)
      this.#become(input.shape[1])
      return super.forward(input)
    }

    override loadStateDict(state: StateDict, options: LoadOptions = {}): LoadResult {
      const known = state.weight ?? state.running_mean
      if (known) this.#become(known.shape[0])
      return super.loadStateDict(state, options)
    }
  }
  Object.defineProperty(Lazy, 'name', { value: name })
  return Lazy
}

/** `BatchNorm1d` for inputs whose channels are not known in advance. https://pytorch.org/docs/2.6/generated/torch.nn.LazyBatchNorm1d.html */
export const LazyBatchNorm1d = lazy('LazyBatchNorm1d', BatchNorm1d)
/** `BatchNorm2d` for inputs whose channels are not known in advance. */
export const LazyBatchNorm2d = lazy('LazyBatchNorm2d', BatchNorm2d)
/** `BatchNorm3d` for inputs whose channels are not known in advance. */
export const LazyBatchNorm3d = lazy('LazyBatchNorm3d', BatchNorm3d)
