import { type Arguments, readOptions } from '../core/arguments.js'
import { ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import * as ops from '../ops/activation.js'
import type { Activation } from '../ops/activation-rule.js'
import { full } from '../ops/create.js'
import { logSoftmax, softmax, softmin } from '../ops/softmax.js'
import { requireArguments } from './arguments.js'
import { asActivation } from './fusion.js'
import { Module } from './module.js'
import { pythonFloat, pythonRepr } from './names.js'
import { Parameter } from './parameter.js'

/** Activations as modules: each is the function of the same name in `ops/activation.ts` with its options fixed. */

abstract class InplaceActivation extends Module {
  readonly inplace: boolean

  constructor(options: ops.InplaceOptions) {
    super()
    this.inplace = options.inplace ?? false
  }

  /** The arguments with their values, and `inplace` where it is set. */
  protected repr(...parts: string[]): string {
    return [...parts, ...(this.inplace ? ['inplace=True'] : [])].join(', ')
  }

  override extraRepr(): string {
    return this.repr()
  }
}

abstract class PlainInplaceActivation extends InplaceActivation {
  constructor(...args: ops.InplaceArguments) {
    super(readOptions<ops.InplaceOptions>(new.target.name, ['inplace'], 1, args))
  }
}

/** max(x, 0). */
export class ReLU extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.relu(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.relu()
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.relu6(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.relu6()
  }
}

/** ELU with the alpha and scale that keep mean 0 and variance 1. */
export class SELU extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.selu(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.selu()
  }
}

/** x sigmoid(x). */
export class SiLU extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.silu(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.silu()
  }
}

/** x tanh(softplus(x)). */
export class Mish extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.mish(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.mish()
  }
}

/** x clamp(x + 3, 0, 6) / 6. PyTorch does not print its `inplace`. */
export class Hardswish extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.hardswish(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.hardswish()
  }
  override extraRepr(): string {
    return ''
  }
}

/** clamp(x + 3, 0, 6) / 6. PyTorch does not print its `inplace`. */
export class Hardsigmoid extends PlainInplaceActivation {
  override forward(x: Tensor): Tensor {
    return ops.hardsigmoid(x, { inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.hardsigmoid()
  }
  override extraRepr(): string {
    return ''
  }
}

/** x where x > 0, else negativeSlope x (default 0.01). */
export class LeakyReLU extends InplaceActivation {
  readonly negativeSlope: number

  constructor(...args: Arguments<[negativeSlope: number, inplace: boolean], ops.LeakyReluOptions>) {
    const options = readOptions<ops.LeakyReluOptions>(new.target.name, ['negativeSlope', 'inplace'], 2, args)
    super(options)
    this.negativeSlope = options.negativeSlope ?? 0.01
  }
  override forward(x: Tensor): Tensor {
    return ops.leakyRelu(x, { negativeSlope: this.negativeSlope, inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.leakyRelu(this.negativeSlope)
  }
  override extraRepr(): string {
    return this.repr(`negative_slope=${pythonFloat(this.negativeSlope)}`)
  }
}

/** x where x > 0, else alpha (exp(x) - 1); alpha 1 unless given. */
export class ELU extends InplaceActivation {
  readonly alpha: number

  constructor(...args: Arguments<[alpha: number, inplace: boolean], ops.EluOptions>) {
    const options = readOptions<ops.EluOptions>(new.target.name, ['alpha', 'inplace'], 2, args)
    super(options)
    this.alpha = options.alpha ?? 1
  }
  override forward(x: Tensor): Tensor {
    return ops.elu(x, { alpha: this.alpha, inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.elu(this.alpha)
  }
  override extraRepr(): string {
    return this.repr(`alpha=${pythonFloat(this.alpha)}`)
  }
}

/** x where x > 0, else alpha (exp(x / alpha) - 1); alpha 1 unless given. */
export class CELU extends ELU {
  override forward(x: Tensor): Tensor {
    return ops.celu(x, { alpha: this.alpha, inplace: this.inplace })
  }
}

/** x cut off to [minVal, maxVal], [-1, 1] unless given. @throws ValueError where the range is empty */
export class Hardtanh extends InplaceActivation {
  readonly minVal: number
  readonly maxVal: number

  constructor(...args: Arguments<[minVal: number, maxVal: number, inplace: boolean], ops.HardtanhOptions>) {
    const options = readOptions<ops.HardtanhOptions>('Hardtanh', ['minVal', 'maxVal', 'inplace'], 3, args)
    super(options)
    this.minVal = options.minVal ?? -1
    this.maxVal = options.maxVal ?? 1
    if (!(this.maxVal > this.minVal)) throw new ValueError(`Hardtanh: maxVal must be greater than minVal, got ${this.minVal} and ${this.maxVal}`)
  }
  override forward(x: Tensor): Tensor {
    return ops.hardtanh(x, { minVal: this.minVal, maxVal: this.maxVal, inplace: this.inplace })
  }
  get [asActivation](): Activation {
    return ops.activationOf.hardtanh(this.minVal, this.maxVal)
  }
  override extraRepr(): string {
    return this.repr(`min_val=${pythonFloat(this.minVal)}`, `max_val=${pythonFloat(this.maxVal)}`)
  }
}

/** x where x > threshold, else value. */
export class Threshold extends InplaceActivation {
  constructor(
    readonly threshold: number,
    readonly value: number,
    ...args: ops.InplaceArguments
  ) {
    super(readOptions<ops.InplaceOptions>('Threshold', ['inplace'], 1, args))
    requireArguments('Threshold', { threshold, value })
  }
  override forward(x: Tensor): Tensor {
    return ops.threshold(x, this.threshold, this.value, { inplace: this.inplace })
  }
  override extraRepr(): string {
    return this.repr(`threshold=${pythonFloat(this.threshold)}`, `value=${pythonFloat(this.value)}`)
  }
}

/** x Phi(x), exact, or by tanh with `approximate: 'tanh'`. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh'

  constructor(...args: Arguments<[approximate: 'none' | 'tanh'], ops.GeluOptions>) {
    super()
    const options = readOptions<ops.GeluOptions>('GELU', ['approximate'], 1, args)
    this.approximate = options.approximate ?? 'none'
  }
  override forward(x: Tensor): Tensor {
    return ops.gelu(x, { approximate: this.approximate })
  }
  get [asActivation](): Activation {
    return ops.activationOf.gelu(this.approximate)
  }
  override extraRepr(): string {
    return `approximate=${pythonRepr(this.approximate)}`
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return ops.sigmoid(x)
  }
  get [asActivation](): Activation {
    return ops.activationOf.sigmoid()
  }
}

/** log(sigmoid(x)). */
export class LogSigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return ops.logsigmoid(x)
  }
}

/** (exp(x) - exp(-x)) / (exp(x) + exp(-x)). */
export class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return ops.tanh(x)
  }
  get [asActivation](): Activation {
    return ops.activationOf.tanh()
  }
}

/** x - tanh(x). */
export class Tanhshrink extends Module {
  override forward(x: Tensor): Tensor {
    return ops.tanhshrink(x)
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  override forward(x: Tensor): Tensor {
    return ops.softsign(x)
  }
}

/** log(1 + exp(beta x)) / beta, linear where beta x > threshold; beta 1, threshold 20 unless given. */
export class Softplus extends Module {
  readonly beta: number
  readonly threshold: number

  constructor(...args: Arguments<[beta: number, threshold: number], ops.SoftplusOptions>) {
    super()
    const options = readOptions<ops.SoftplusOptions>('Softplus', ['beta', 'threshold'], 2, args)
    this.beta = options.beta ?? 1
    this.threshold = options.threshold ?? 20
  }
  override forward(x: Tensor): Tensor {
    return ops.softplus(x, { beta: this.beta, threshold: this.threshold })
  }
  get [asActivation](): Activation {
    return ops.activationOf.softplus(this.beta, this.threshold)
  }
  override extraRepr(): string {
    return `beta=${pythonFloat(this.beta)}, threshold=${pythonFloat(this.threshold)}`
  }
}

/** x where |x| > lambd (default 0.5), else 0. */
export class Hardshrink extends Module {
  readonly lambd: number

  constructor(...args: Arguments<[lambd: number], ops.ShrinkOptions>) {
    super()
    const options = readOptions<ops.ShrinkOptions>('Hardshrink', ['lambd'], 1, args)
    this.lambd = options.lambd ?? 0.5
  }
  override forward(x: Tensor): Tensor {
    return ops.hardshrink(x, { lambd: this.lambd })
  }
  override extraRepr(): string {
    return pythonFloat(this.lambd)
  }
}

/** x moved towards 0 by lambd (default 0.5), and 0 between. */
export class Softshrink extends Module {
  readonly lambd: number

  constructor(...args: Arguments<[lambd: number], ops.ShrinkOptions>) {
    super()
    const options = readOptions<ops.ShrinkOptions>('Softshrink', ['lambd'], 1, args)
    this.lambd = options.lambd ?? 0.5
  }
  override forward(x: Tensor): Tensor {
    return ops.softshrink(x, { lambd: this.lambd })
  }
  override extraRepr(): string {
    return pythonFloat(this.lambd)
  }
}

/** a sigmoid(b) for the two halves of the input along `dim` (default -1). */
export class GLU extends Module {
  readonly dim: number

  constructor(...args: Arguments<[dim: number], ops.GluOptions>) {
    super()
    const options = readOptions<ops.GluOptions>('GLU', ['dim'], 1, args)
    this.dim = options.dim ?? -1
  }
  override forward(x: Tensor): Tensor {
    return ops.glu(x, { dim: this.dim })
  }
  override extraRepr(): string {
    return `dim=${this.dim}`
  }
}

export interface PReLUOptions {
  /** 1, or a slope for each channel. Default 1. */
  numParameters?: number
  /** Default 0.25. */
  init?: number
}

/** x where x > 0, else a learned slope times x: one, or one for each of `numParameters` channels. The slopes start at `init` (default 0.25). */
export class PReLU extends Module {
  readonly numParameters: number
  weight: Parameter

  constructor(...args: Arguments<[numParameters: number, init: number], PReLUOptions>) {
    super()
    const options = readOptions<PReLUOptions>('PReLU', ['numParameters', 'init'], 2, args)
    this.numParameters = options.numParameters ?? 1
    this.weight = new Parameter(full([this.numParameters], options.init ?? 0.25))
  }
  override forward(x: Tensor): Tensor {
    return ops.prelu(x, this.weight)
  }
  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`
  }
}

export interface SoftmaxOptions {
  /** Along which axis. Give it: what PyTorch guesses without one is seldom meant. */
  dim?: number | null
}

abstract class SoftmaxModule extends Module {
  readonly dim: number | null

  constructor(...args: Arguments<[dim: number | null], SoftmaxOptions>) {
    super()
    const options = readOptions<SoftmaxOptions>(new.target.name, ['dim'], 1, args)
    this.dim = options.dim ?? null
  }
  /** Without a `dim`: axis 0 of a tensor with 0, 1 or 3 axes, else axis 1, as PyTorch guesses. */
  protected axis(x: Tensor): number {
    return this.dim ?? (x.ndim === 0 || x.ndim === 1 || x.ndim === 3 ? 0 : 1)
  }
  override extraRepr(): string {
    return `dim=${pythonRepr(this.dim)}`
  }
}

/** exp(x) / sum(exp(x)) along `dim`. */
export class Softmax extends SoftmaxModule {
  override forward(x: Tensor): Tensor {
    return softmax(x, this.axis(x))
  }
}

/** log(softmax(x)) along `dim`. */
export class LogSoftmax extends SoftmaxModule {
  override forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis(x))
  }
}

/** softmax(-x) along `dim`. */
export class Softmin extends SoftmaxModule {
  override forward(x: Tensor): Tensor {
    return softmin(x, this.axis(x))
  }
}

/** Softmax over the channels of [N, C, H, W] or [C, H, W]. @throws ValueError for other numbers of dimensions */
export class Softmax2d extends Module {
  override forward(x: Tensor): Tensor {
    if (x.ndim !== 3 && x.ndim !== 4) throw new ValueError(`Softmax2d: expected input to be 3D or 4D, got ${x.ndim}D instead`)
    return softmax(x, -3)
  }
}
