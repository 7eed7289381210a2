import { type Arguments, readOptions } from '../core/arguments.js'
import type { Dtype } from '../core/dtype.js'
import { ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { empty } from '../ops/create.js'
import { applyEpilogue, type Epilogue } from '../ops/epilogue.js'
import { bilinear, linear } from '../ops/linear.js'
import { requireArguments } from './arguments.js'
import { keepsNothing, withEpilogue } from './fusion.js'
import { kaimingUniform_, uniform_ } from './init.js'
import { Module } from './module.js'
import { pythonRepr } from './names.js'
import { Parameter } from './parameter.js'

/** Returns its input. As `torch.nn.Identity`; takes and ignores any arguments, so that it can stand in for any layer. */
export class Identity extends Module {
  constructor(..._ignored: readonly unknown[]) {
    super()
  }

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    return x
  }
}

export interface LinearOptions {
  /** Add a learned bias. Default true. */
  bias?: boolean
  /** Of the parameters. Default float32. */
  dtype?: Dtype
}

/**
 * y = x weightᵀ + bias. As `torch.nn.Linear`.
 *
 * Both start uniform in (-k, k), k = 1 / sqrt(inFeatures). Input [*, inFeatures], output [*, outFeatures].
 */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  weight: Parameter
  /** [outFeatures], or null */
  bias: Parameter | null

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    ...args: Arguments<[bias: boolean], LinearOptions>
  ) {
    super()
    requireArguments('Linear', { in_features: inFeatures, out_features: outFeatures })
    const { bias = true, dtype } = readOptions<LinearOptions>('Linear', ['bias', 'dtype'], 1, args)
    this.weight = new Parameter(empty([outFeatures, inFeatures], { dtype }))
    this.bias = bias ? new Parameter(empty([outFeatures], { dtype })) : null
    this.resetParameters()
  }

  /** Draws new initial values. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) })
    if (!this.bias) return
    const bound = this.inFeatures > 0 ? 1 / Math.sqrt(this.inFeatures) : 0
    uniform_(this.bias, { a: -bound, b: bound })
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias)
  }

  [withEpilogue](x: Tensor, epilogue: Epilogue): Tensor {
    if (epilogue.residual) return applyEpilogue(linear(x, this.weight, this.bias), epilogue)
    return linear(x, this.weight, this.bias, { activation: epilogue.activation })
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${pythonRepr(this.bias !== null)}`
  }
}

/**
 * y[o] = Σᵢⱼ a[i] weight[o, i, j] b[j] + bias[o]. As `torch.nn.Bilinear`.
 *
 * Both start uniform in (-k, k), k = 1 / sqrt(in1Features). Inputs [*, in1Features] and [*, in2Features], output [*, outFeatures].
 */
export class Bilinear extends Module {
  /** [outFeatures, in1Features, in2Features] */
  weight: Parameter
  /** [outFeatures], or null */
  bias: Parameter | null

  constructor(
    readonly in1Features: number,
    readonly in2Features: number,
    readonly outFeatures: number,
    ...args: Arguments<[bias: boolean], LinearOptions>
  ) {
    super()
    requireArguments('Bilinear', { in1_features: in1Features, in2_features: in2Features, out_features: outFeatures })
    if (in1Features <= 0) throw new ValueError(`in1_features must be > 0, but got ${in1Features}`)
    const { bias = true, dtype } = readOptions<LinearOptions>('Bilinear', ['bias', 'dtype'], 1, args)
    this.weight = new Parameter(empty([outFeatures, in1Features, in2Features], { dtype }))
    this.bias = bias ? new Parameter(empty([outFeatures], { dtype })) : null
    this.resetParameters()
  }

  /** Draws new initial values. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.in1Features)
    for (const p of this.parameters()) uniform_(p, { a: -bound, b: bound })
  }

  override forward(a: Tensor, b: Tensor): Tensor {
    return bilinear(a, b, this.weight, this.bias)
  }

  override extraRepr(): string {
    return `in1_features=${this.in1Features}, in2_features=${this.in2Features}, out_features=${this.outFeatures}, bias=${pythonRepr(this.bias !== null)}`
  }
}
