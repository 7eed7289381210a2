import type { Dtype } from '../../core/dtype.js'
import { Tensor } from '../../core/tensor.js'
import type { LoadProblem, StateDict } from '../state-dict.js'
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './batch-norm.js'
import { type ChannelNorm, type ChannelNormArguments, type ChannelNormOptions, readChannelNormOptions } from './channel-norm.js'
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './instance-norm.js'

type EagerNorm = new (numFeatures: number, options?: ChannelNormOptions) => ChannelNorm & { forward(input: Tensor): Tensor }

/**
 * A norm that learns its number of channels from the first input, or from the state dict that it loads, and is an ordinary one from then on.
 * As in PyTorch, `affine` and `trackRunningStats` are true by default for all of them.
 */
function lazy(name: string, Eager: EagerNorm): new (...args: ChannelNormArguments) => InstanceType<EagerNorm> {
  const Lazy = class extends Eager {
    private stateDtype: Dtype | undefined

    constructor(...args: ChannelNormArguments) {
      const options = readChannelNormOptions(name, args)
      super(0, { affine: true, trackRunningStats: true, ...options })
      this.stateDtype = options.dtype
    }

    /** Parameters are made when the channels are known: an optimizer must not see those of size 0. */
    protected override createState(channels: number, dtype?: Dtype): void {
      if (channels > 0) super.createState(channels, dtype)
    }

    private become(channels: number): void {
      Reflect.set(this, 'numFeatures', channels)
      this.createState(channels, this.stateDtype)
      Object.setPrototypeOf(this, Eager.prototype)
    }

    override forward(input: Tensor): Tensor {
      this.checkInput(input)
      this.become(input.shape[this.channelDim(input)])
      return super.forward(input)
    }

    override prepareToLoad(state: StateDict, prefix: string, version: number | undefined): readonly LoadProblem[] {
      const known = state[`${prefix}weight`] ?? state[`${prefix}running_mean`]
      if (known instanceof Tensor && known.ndim === 1) this.become(known.shape[0])
      return super.prepareToLoad(state, prefix, version)
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
/**
 * `InstanceNorm1d` for inputs whose channels are not known in advance; unlike it, affine and with running averages unless told otherwise.
 * https://pytorch.org/docs/2.6/generated/torch.nn.LazyInstanceNorm1d.html
 */
export const LazyInstanceNorm1d = lazy('LazyInstanceNorm1d', InstanceNorm1d)
/** `InstanceNorm2d` for inputs whose channels are not known in advance. See `LazyInstanceNorm1d`. */
export const LazyInstanceNorm2d = lazy('LazyInstanceNorm2d', InstanceNorm2d)
/** `InstanceNorm3d` for inputs whose channels are not known in advance. See `LazyInstanceNorm1d`. */
export const LazyInstanceNorm3d = lazy('LazyInstanceNorm3d', InstanceNorm3d)
