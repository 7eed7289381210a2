import { type Arguments, readOptions } from '../core/arguments.js'
import type { Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { requireArguments } from './arguments.js'
import { keepsNothing } from './fusion.js'
import { Module } from './module.js'
import { pythonRepr } from './names.js'

export interface FlattenOptions {
  /** Default 1. */
  startDim?: number
  /** Default -1. */
  endDim?: number
}

/** Joins the axes from `startDim` to `endDim` into one; by default all but the batch. As `torch.nn.Flatten`. */
export class Flatten extends Module {
  readonly startDim: number
  readonly endDim: number

  constructor(...args: Arguments<[startDim: number, endDim: number], FlattenOptions>) {
    super()
    const options = readOptions<FlattenOptions>('Flatten', ['startDim', 'endDim'], 2, args)
    this.startDim = options.startDim ?? 1
    this.endDim = options.endDim ?? -1
  }

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    return x.flatten(this.startDim, this.endDim)
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`
  }
}

/** Splits axis `dim` into several of `unflattenedSize`; one may be -1. As `torch.nn.Unflatten`. */
export class Unflatten extends Module {
  constructor(
    readonly dim: number,
    readonly unflattenedSize: Shape,
  ) {
    super()
    requireArguments('Unflatten', { dim, unflattened_size: unflattenedSize })
    if (!Array.isArray(unflattenedSize)) throw new TypeError(`unflattened_size must be a tuple of ints, but found type ${pythonType(unflattenedSize)}`)
    unflattenedSize.forEach((size, i) => {
      if (!Number.isInteger(size)) throw new TypeError(`unflattened_size must be tuple of ints, but found element of type ${pythonType(size)} at pos ${i}`)
    })
  }

  get [keepsNothing](): true {
    return true
  }

  override forward(x: Tensor): Tensor {
    return x.unflatten(this.dim, this.unflattenedSize)
  }

  override extraRepr(): string {
    return `dim=${pythonRepr(this.dim)}, unflattened_size=${pythonRepr(this.unflattenedSize)}`
  }
}

const pythonType = (value: unknown): string =>
  typeof value === 'number' ? (Number.isInteger(value) ? 'int' : 'float') : typeof value === 'string' ? 'str' : value === null ? 'NoneType' : typeof value
