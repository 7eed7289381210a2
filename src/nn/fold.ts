import { checkOptions } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { type FoldOptions, fold, unfold } from '../ops/fold.js'
import type { PerAxis } from '../ops/spatial.js'
import { requireArguments } from './arguments.js'
import { Module } from './module.js'
import { pythonRepr } from './names.js'

const foldOptions = ['dilation', 'padding', 'stride']

/** Sliding blocks of [N, C, H, W] as columns [N, C · KH · KW, L]. As `torch.nn.Unfold`; see `F.unfold`. */
export class Unfold extends Module {
  readonly dilation: PerAxis
  readonly padding: PerAxis
  readonly stride: PerAxis

  constructor(
    readonly kernelSize: PerAxis,
    options: FoldOptions = {},
  ) {
    super()
    requireArguments('Unfold', { kernel_size: kernelSize })
    checkOptions('Unfold', options, foldOptions)
    this.dilation = options.dilation ?? 1
    this.padding = options.padding ?? 0
    this.stride = options.stride ?? 1
  }

  override forward(x: Tensor): Tensor {
    const { kernelSize, dilation, padding, stride } = this
    return unfold(x, kernelSize, { dilation, padding, stride })
  }

  override extraRepr(): string {
    const { kernelSize, dilation, padding, stride } = this
    return `kernel_size=${pythonRepr(kernelSize)}, dilation=${pythonRepr(dilation)}, padding=${pythonRepr(padding)}, stride=${pythonRepr(stride)}`
  }
}

/** Adds columns [N, C · KH · KW, L] up to [N, C, ...outputSize]. As `torch.nn.Fold`; see `F.fold`. */
export class Fold extends Module {
  readonly dilation: PerAxis
  readonly padding: PerAxis
  readonly stride: PerAxis

  constructor(
    readonly outputSize: PerAxis,
    readonly kernelSize: PerAxis,
    options: FoldOptions = {},
  ) {
    super()
    requireArguments('Fold', { output_size: outputSize, kernel_size: kernelSize })
    checkOptions('Fold', options, foldOptions)
    this.dilation = options.dilation ?? 1
    this.padding = options.padding ?? 0
    this.stride = options.stride ?? 1
  }

  override forward(x: Tensor): Tensor {
    const { outputSize, kernelSize, dilation, padding, stride } = this
    return fold(x, outputSize, kernelSize, { dilation, padding, stride })
  }

  override extraRepr(): string {
    const { outputSize, kernelSize, dilation, padding, stride } = this
    return `output_size=${pythonRepr(outputSize)}, kernel_size=${pythonRepr(kernelSize)}, dilation=${pythonRepr(dilation)}, padding=${pythonRepr(padding)}, stride=${pythonRepr(stride)}`
  }
}
