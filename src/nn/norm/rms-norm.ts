import { noGrad } from '../../autograd/index.js'
import { type Arguments, readOptions } from '../../core/arguments.js'
import type { Dtype } from '../../core/dtype.js'
import type { Shape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { fill_ } from '../../ops/copy.js'
import { ones } from '../../ops/create.js'
import type { Epilogue } from '../../ops/epilogue.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { rmsNorm } from '../../ops/norm/rms-norm.js'
import { withEpilogue } from '../fusion.js'
import { Module } from '../module.js'
import { pythonFloat, pythonRepr } from '../names.js'
import { Parameter } from '../parameter.js'
import { shapeArgument } from './shape-argument.js'

export interface RMSNormOptions {
  /** Added to the mean square. Default null: the machine epsilon of the input's dtype. */
  eps?: number | null
  /** Learn a weight per element of normalizedShape. Default true. */
  elementwiseAffine?: boolean
  /** Of the weight. Default float32. */
  dtype?: Dtype
}

/**
 * Root mean square normalization over the trailing axes that `normalizedShape` names: each sample is divided by the root of its mean square, the
 * same in training and evaluation. The mean is not taken off, and there is no bias.
 *
 * y = x / sqrt(mean(x^2) + eps) * weight. Zhang and Sennrich 2019, arXiv:1910.07467; semantics of
 * https://pytorch.org/docs/2.6/generated/torch.nn.RMSNorm.html
 *
 * @param normalizedShape sizes of the trailing axes, or one number for the last axis
 * @example new nn.RMSNorm(64).forward(randn([8, 10, 64]))
 * @throws RuntimeError where the trailing sizes of the input differ from normalizedShape
 */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape
  eps: number | null
  readonly elementwiseAffine: boolean
  /** Of shape normalizedShape, starts as 1; null without `elementwiseAffine`. */
  weight: Parameter | null = null

  constructor(normalizedShape: number | Shape, ...args: Arguments<[eps: number | null, elementwiseAffine: boolean], RMSNormOptions>) {
    super()
    this.normalizedShape = shapeArgument('RMSNorm', normalizedShape)
    const { eps = null, elementwiseAffine = true, dtype } = readOptions<RMSNormOptions>('RMSNorm', ['eps', 'elementwiseAffine', 'dtype'], 2, args)
    this.eps = eps
    this.elementwiseAffine = elementwiseAffine
    if (elementwiseAffine) this.weight = new Parameter(ones(this.normalizedShape, { dtype }))
  }

  /** What it normalises, for texts and summaries. */
  get kind(): NormKind {
    return normKinds.rms
  }

  /** As when it was made: weight 1. */
  resetParameters(): void {
    const { weight } = this
    if (weight) noGrad(() => fill_(weight, 1))
  }

  override forward(input: Tensor): Tensor {
    return rmsNorm(input, this.normalizedShape, this.weight, { eps: this.eps })
  }

  [withEpilogue](input: Tensor, epilogue: Epilogue): Tensor {
    return rmsNorm(input, this.normalizedShape, this.weight, { eps: this.eps, ...epilogue })
  }

  override extraRepr(): string {
    const eps = this.eps === null ? 'None' : pythonFloat(this.eps)
    return `${pythonRepr(this.normalizedShape)}, eps=${eps}, elementwise_affine=${pythonRepr(this.elementwiseAffine)}`
  }
}
