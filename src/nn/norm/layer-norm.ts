import { noGrad } from '../../autograd/index.js'
import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import type { Shape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { fill_ } from '../../ops/copy.js'
import { ones, zeros } from '../../ops/create.js'
import type { Epilogue } from '../../ops/epilogue.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { layerNorm } from '../../ops/norm/layer-norm.js'
import { maskedLayerNorm, type ValidPositions } from '../../ops/norm/masked.js'
import { withEpilogue } from '../fusion.js'
import { Module } from '../module.js'
import { pythonFloat, pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'
import { shapeArgument } from './shape-argument.js'

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Learn a weight and bias per element of normalizedShape. Default true. */
  elementwiseAffine?: boolean
  /** With `elementwiseAffine`: learn a bias, too. Default true. */
  bias?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

/**
 * Layer normalization over the trailing axes that `normalizedShape` names: one mean and variance per sample, the same in training and
 * evaluation.
 *
 * y = (x - mean) / sqrt(var + eps) * weight + bias, with the biased variance. Ba, Kiros and Hinton 2016, arXiv:1607.06450; semantics of
 * https://pytorch.org/docs/2.6/generated/torch.nn.LayerNorm.html
 *
 * @param normalizedShape sizes of the trailing axes, or one number for the last axis
 * @example new nn.LayerNorm([3, 224, 224]).forward(randn([32, 3, 224, 224]))
 * @throws RuntimeError where the trailing sizes of the input differ from normalizedShape
 */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape
  eps: number
  readonly elementwiseAffine: boolean
  /** Of shape normalizedShape, starts as 1; null without `elementwiseAffine`. */
  weight: Parameter | null = null
  /** Of shape normalizedShape, starts as 0; null without `elementwiseAffine` or `bias`. */
  bias: Parameter | null = null

  constructor(normalizedShape: number | Shape, ...args: Arguments<[eps: number, elementwiseAffine: boolean], LayerNormOptions>) {
    super()
    const {
      eps = 1e-5,
      elementwiseAffine = true,
      bias = true,
      dtype,
    } = readOptions<LayerNormOptions>('LayerNorm', ['eps', 'elementwiseAffine', 'bias', 'dtype'], 2, args)
    this.normalizedShape = shapeArgument('LayerNorm', normalizedShape)
    this.eps = eps
    this.elementwiseAffine = elementwiseAffine
    if (elementwiseAffine) {
      this.weight = new Parameter(ones(this.normalizedShape, { dtype }))
      if (bias) this.bias = new Parameter(zeros(this.normalizedShape, { dtype }))
    }
  }

  /** What it normalises, for texts and summaries. */
  get kind(): NormKind {
    return normKinds.layer
  }

  /** As when it was made: weight 1, bias 0. */
  resetParameters(): void {
    noGrad(() => {
      if (this.weight) fill_(this.weight, 1)
      if (this.bias) fill_(this.bias, 0)
    })
  }

  /**
   * @param input [..., ...normalizedShape]
   * @param valid for sequences of different lengths, [N, L, C]: which positions are data, `{ lengths: [5, 3] }` or `{ mask }`, bool [N, L];
   * `lengthDim` says which axis they lie on, default 1. The others enter no statistic, get no gradient, and are 0 in the result.
   */
  override forward(input: Tensor, valid?: ValidPositions & { lengthDim?: number }): Tensor {
    const { normalizedShape, weight, bias, eps } = this
    if (!valid) return layerNorm(input, normalizedShape, weight, bias, { eps })
    return maskedLayerNorm(input, valid, normalizedShape, weight, bias, { eps, lengthDim: valid.lengthDim })
  }

  [withEpilogue](input: Tensor, epilogue: Epilogue): Tensor {
    return layerNorm(input, this.normalizedShape, this.weight, this.bias, { eps: this.eps, ...epilogue })
  }

  override extraRepr(): string {
    return `${pythonRepr(this.normalizedShape)}, eps=${pythonFloat(this.eps)}, elementwise_affine=${pythonRepr(this.elementwiseAffine)}`
  }
}
