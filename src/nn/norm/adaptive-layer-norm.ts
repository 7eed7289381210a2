import type { Dtype } from '../../core/dtype.js'
import { checkNumber, checkOptions } from '../../core/errors.js'
import type { Shape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { adaptiveLayerNorm } from '../../ops/norm/adaptive-layer-norm.js'
import { type NormKind, normKinds } from '../../ops/norm/axes.js'
import { SiLU } from '../activation.js'
import { requireArguments } from '../arguments.js'
import { Sequential } from '../containers.js'
import { zeros_ } from '../init.js'
import { Linear } from '../linear.js'
import { Module } from '../module.js'
import { pythonFloat } from '../names.js'

export interface AdaptiveLayerNormOptions {
  /** Added to the variance. Default 1e-6. */
  eps?: number
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

/** Layer normalization over the last axis, with `parts` vectors per sample that a linear layer makes of the condition. */
abstract class Adaptive extends Module {
  eps: number
  /** SiLU and a linear layer that starts as 0. */
  modulation: Sequential

  protected constructor(
    layer: string,
    private readonly parts: number,
    readonly numFeatures: number,
    readonly conditionSize: number,
    options: AdaptiveLayerNormOptions,
  ) {
    super()
    requireArguments(layer, { num_features: numFeatures, condition_size: conditionSize })
    checkNumber(layer, 'num_features', numFeatures)
    checkOptions(layer, options, ['eps', 'dtype'])
    this.eps = options.eps ?? 1e-6
    this.modulation = new Sequential(new SiLU(), new Linear(conditionSize, parts * numFeatures, { dtype: options.dtype }))
    this.resetParameters()
  }

  /** What it normalises, for texts and summaries. */
  get kind(): NormKind {
    return normKinds.layer
  }

  get normalizedShape(): Shape {
    return [this.numFeatures]
  }

  /** As when it was made: a condition changes nothing. */
  resetParameters(): void {
    for (const p of this.modulation.parameters()) zeros_(p)
  }

  /** The normalised input, and the last of three parts. */
  protected modulate(input: Tensor, condition: Tensor): [y: Tensor, rest: Tensor | undefined] {
    const [shift, scale, gate] = (this.modulation.forward(condition) as Tensor).chunk(this.parts, -1)
    return [adaptiveLayerNorm(input, this.normalizedShape, scale, shift, { eps: this.eps }), gate]
  }

  override extraRepr(): string {
    return `${this.numFeatures}, ${this.conditionSize}, eps=${pythonFloat(this.eps)}`
  }
}

/**
 * Adaptive layer normalization: LayerNorm without weights of its own, whose scale and shift a condition gives, such as the embedding of a
 * diffusion step and class. y = layerNorm(x) (1 + scale) + shift, [shift, scale] = linear(silu(condition)). The linear layer starts as 0,
 * and the norm as a plain LayerNorm. Peebles and Xie 2023 (DiT), arXiv:2212.09748, section 3.2.
 *
 * @param numFeatures C, the last axis of the input
 * @param conditionSize D
 * @example new nn.AdaptiveLayerNorm(64, 128).forward(randn([8, 10, 64]), randn([8, 128]))
 */
export class AdaptiveLayerNorm extends Adaptive {
  constructor(numFeatures: number, conditionSize: number, options: AdaptiveLayerNormOptions = {}) {
    super('AdaptiveLayerNorm', 2, numFeatures, conditionSize, options)
  }

  /**
   * @param input [N, ..., C]
   * @param condition [N, D]
   */
  override forward(input: Tensor, condition: Tensor): Tensor {
    return this.modulate(input, condition)[0]
  }
}

/**
 * DiT's adaLN-Zero: `AdaptiveLayerNorm` with a third vector per sample, the gate, by which the residual block behind the norm is multiplied.
 * It starts as 0, so that every block starts as the identity: x + gate.unsqueeze(1) * block(y).
 */
export class AdaptiveLayerNormZero extends Adaptive {
  constructor(numFeatures: number, conditionSize: number, options: AdaptiveLayerNormOptions = {}) {
    super('AdaptiveLayerNormZero', 3, numFeatures, conditionSize, options)
  }

  /**
   * @param input [N, ..., C]
   * @param condition [N, D]
   * @returns the normalised input and the gate [N, C]
   */
  override forward(input: Tensor, condition: Tensor): [y: Tensor, gate: Tensor] {
    return this.modulate(input, condition) as [Tensor, Tensor]
  }
}
