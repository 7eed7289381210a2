import { type Arguments, readOptions } from '../../core/arguments.js'
import { checkOptions, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { batchNorm } from '../../ops/norm/batch-norm.js'
import type { ProcessGroup } from '../../ops/norm/process-group.js'
import { type Share, syncBatchNorm } from '../../ops/norm/sync-batch-norm.js'
import type { Module } from '../module.js'
import { replaceModules } from '../utils/replace-modules.js'
import { BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d } from './batch-norm.js'
import { type ChannelNormOptions, channelNormOptionNames } from './channel-norm.js'

export interface SyncBatchNormOptions extends ChannelNormOptions {
  /** The replicas whose shares make up a batch. Default null, as in PyTorch without a process group: the layer is an ordinary BatchNorm. */
  processGroup?: ProcessGroup | null
}

type BatchNormClass = typeof BatchNorm1d | typeof BatchNorm2d | typeof BatchNorm3d

const batchNormClasses: readonly BatchNormClass[] = [BatchNorm1d, BatchNorm2d, BatchNorm3d]

const optionNames = [...channelNormOptionNames, 'processGroup'] as const

/** The same layer as another class: parameters and buffers are shared, not copied. */
function moveState<N extends BatchNorm>(from: BatchNorm, to: N): N {
  to.weight = from.weight
  to.bias = from.bias
  for (const name of ['runningMean', 'runningVar', 'numBatchesTracked'] as const) to.registerBuffer(name, from[name])
  to.frozen = from.frozen
  to.training = from.training
  return to
}

const optionsOf = ({ eps, momentum, affine, trackRunningStats }: BatchNorm): ChannelNormOptions => ({ eps, momentum, affine, trackRunningStats })

/**
 * Batch normalization of [N, C, ...] over the shares of all replicas of a process group: in training its statistics, gradients and running
 * averages are those of the whole batch. Without a group, in evaluation, and where frozen it is BatchNorm. Constructor and state-dict keys of
 * https://pytorch.org/docs/2.6/generated/torch.nn.SyncBatchNorm.html
 *
 * @throws ValueError for inputs of one axis or without channels, and where a channel has one value in the whole batch
 */
export class SyncBatchNorm extends BatchNorm {
  processGroup: ProcessGroup | null
  /** What `convertSyncBatchNorm` made it from. */
  private convertedFrom: BatchNormClass | null = null

  constructor(numFeatures: number, ...args: Arguments<[eps: number, momentum: number | null], SyncBatchNormOptions>) {
    const { processGroup = null, ...options } = readOptions<SyncBatchNormOptions>('SyncBatchNorm', optionNames, 2, args)
    super(numFeatures, options)
    this.processGroup = processGroup
  }

  protected override checkInput(input: Tensor): void {
    if (input === undefined) throw new TypeError("SyncBatchNorm: forward() missing 1 required positional argument: 'input'")
    if (input.ndim < 2) throw new ValueError(`expected at least 2D input (got ${input.ndim}D input)`)
    if (input.shape[1] === 0) throw new ValueError('SyncBatchNorm number of input channels should be non-zero')
  }

  override forward(input: Tensor): Tensor {
    const { processGroup } = this
    if (!this.synchronizes || !processGroup || processGroup.size < 2) return this.normalize(input, batchNorm)
    return syncBatchNorm([this.share(input)], processGroup)[0]
  }

  private get synchronizes(): boolean {
    return this.training && !this.frozen
  }

  /** Counts the batch and says what this replica brings to it. */
  private share(input: Tensor): Share {
    let share: Share | undefined
    this.normalize(input, (x, runningMean, runningVar, weight = null, bias = null, { momentum = 0.1, eps = 1e-5 } = {}) => {
      share = { input: x, runningMean, runningVar, weight, bias, momentum, eps }
      return x
    })
    return share as Share
  }

  /**
   * One forward pass of several replicas in one thread, where none can wait for another: each takes its step with the others' shares at hand. One
   * backward pass through the sum of all losses then gives each replica its gradients.
   * @param replicas copies of one layer, with parameters and running averages of their own
   * @param inputs each replica's share; sizes may differ, and some may be empty
   * @returns each replica's output
   */
  static forwardTogether(replicas: readonly SyncBatchNorm[], inputs: readonly Tensor[]): readonly Tensor[] {
    if (replicas.length !== inputs.length) throw new ValueError(`forwardTogether: got ${replicas.length} replicas and ${inputs.length} inputs`)
    if (!replicas.every((replica) => replica.synchronizes)) return replicas.map((replica, i) => replica.forward(inputs[i]))
    return syncBatchNorm(
      replicas.map((replica, i) => replica.share(inputs[i])),
      replicas[0].processGroup,
    )
  }

  /**
   * Makes every BatchNorm in a model a SyncBatchNorm with the same parameters and buffers, in place. As
   * `torch.nn.SyncBatchNorm.convert_sync_batchnorm`.
   * @returns the model, or where it is itself a BatchNorm, the layer that takes its place
   */
  static convertSyncBatchNorm(model: Module, processGroup: ProcessGroup | null = null): Module {
    return replaceModules(model, (layer, path) => {
      const Class = batchNormClasses.find((C) => layer.constructor === C)
      if (!Class || !(layer instanceof BatchNorm)) {
        if (/^LazyBatchNorm\dd$/.test(layer.constructor.name))
          throw new ValueError(`convertSyncBatchNorm: '${path}' doesn't know its channels before its first batch`)
        return null
      }
      const converted = moveState(layer, new SyncBatchNorm(layer.numFeatures, { ...optionsOf(layer), processGroup }))
      converted.convertedFrom = Class
      return converted
    })
  }

  /**
   * The way back: every SyncBatchNorm becomes the BatchNorm that it was made from, in place. Its parameters and buffers go along.
   * @param options.dims for layers that were never anything else, which BatchNorm they become: 1, 2 or 3 spatial axes
   * @returns the model, or where it is itself a SyncBatchNorm, the layer that takes its place
   * @throws ValueError for such layers without `dims`
   */
  static revertSyncBatchNorm(model: Module, options: { dims?: 1 | 2 | 3 } = {}): Module {
    checkOptions('revertSyncBatchNorm', options, ['dims'])
    const { dims } = options
    return replaceModules(model, (layer, path) => {
      if (!(layer instanceof SyncBatchNorm)) return null
      const Class = layer.convertedFrom ?? (dims === undefined ? null : batchNormClasses[dims - 1])
      if (!Class) throw new ValueError(`revertSyncBatchNorm: '${path}' was not made from a BatchNorm: say with { dims: 1 | 2 | 3 } which it shall be`)
      return moveState(layer, new Class(layer.numFeatures, optionsOf(layer)))
    })
  }
}
