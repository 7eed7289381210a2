import { type Arguments, readOptions } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import * as ops from '../ops/dropout.js'
import { keepsNothing } from './fusion.js'
import { Module } from './module.js'
import { pythonFloat, pythonRepr } from './names.js'

/** Dropout as modules: active in training, the identity after `eval()`. */

export interface DropoutModuleOptions {
  /** The probability of a zero. Default 0.5. */
  p?: number
  /** Write the result over the input. Default false. */
  inplace?: boolean
}

abstract class DropoutModule extends Module {
  readonly p: number
  readonly inplace: boolean

  constructor(...args: Arguments<[p: number, inplace: boolean], DropoutModuleOptions>) {
    super()
    const options = readOptions<DropoutModuleOptions>(new.target.name, ['p', 'inplace'], 2, args)
    this.p = options.p ?? 0.5
    this.inplace = options.inplace ?? false
    ops.checkProbability(this.p)
  }

  protected abstract readonly drop: (x: Tensor, options: ops.DropoutOptions) => Tensor

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    return this.drop(x, { p: this.p, training: this.training, inplace: this.inplace })
  }

  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, inplace=${pythonRepr(this.inplace)}`
  }
}

/** Zeros elements with probability p and divides the others by 1 - p. */
export class Dropout extends DropoutModule {
  protected get drop() {
    return ops.dropout
  }
}

/** Zeros whole channels of [N, C, L] or [C, L]. */
export class Dropout1d extends DropoutModule {
  protected get drop() {
    return ops.dropout1d
  }
}

/** Zeros whole channels of [N, C, H, W]. */
export class Dropout2d extends DropoutModule {
  protected get drop() {
    return ops.dropout2d
  }
}

/** Zeros whole channels of [N, C, D, H, W] or [C, D, H, W]. */
export class Dropout3d extends DropoutModule {
  protected get drop() {
    return ops.dropout3d
  }
}

/** Dropout that keeps mean and variance of SELU's activations. */
export class AlphaDropout extends DropoutModule {
  protected get drop() {
    return ops.alphaDropout
  }
}

/** `AlphaDropout` of whole channels. */
export class FeatureAlphaDropout extends DropoutModule {
  protected get drop() {
    return ops.featureAlphaDropout
  }
}
