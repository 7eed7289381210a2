import { ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { type PadMode, pad } from '../ops/pad.js'
import type { PerAxis } from '../ops/spatial.js'
import { requireArguments } from './arguments.js'
import { Module } from './module.js'
import { pythonRepr } from './names.js'

/**
 * Adds elements around the last axes. `padding` is one amount for every side, or two an axis, before and after, from the last axis on:
 * [left, right, top, bottom, front, back]; negative ones cut off.
 */
abstract class Pad extends Module {
  readonly padding: readonly number[]

  protected constructor(
    layer: string,
    protected readonly axes: number,
    padding: PerAxis,
    private readonly mode: PadMode,
  ) {
    super()
    requireArguments(layer, { padding })
    this.padding = typeof padding === 'number' ? new Array<number>(2 * axes).fill(padding) : padding
  }

  override forward(x: Tensor): Tensor {
    return pad(x, this.padding, { mode: this.mode })
  }

  override extraRepr(): string {
    return pythonRepr(this.padding)
  }
}

abstract class ConstantPad extends Pad {
  protected constructor(
    layer: string,
    axes: number,
    padding: PerAxis,
    readonly value: number,
  ) {
    super(layer, axes, padding, 'constant')
    requireArguments(layer, { value })
  }

  override forward(x: Tensor): Tensor {
    return pad(x, this.padding, { value: this.value })
  }

  override extraRepr(): string {
    return `padding=${pythonRepr(this.padding)}, value=${pythonRepr(this.value)}`
  }
}

/** Adds `value` around the last axis. As `torch.nn.ConstantPad1d`. */
export class ConstantPad1d extends ConstantPad {
  constructor(padding: PerAxis, value: number) {
    super('ConstantPad1d', 1, padding, value)
  }
}

/** Adds `value` around the last two axes. As `torch.nn.ConstantPad2d`. */
export class ConstantPad2d extends ConstantPad {
  constructor(padding: PerAxis, value: number) {
    super('ConstantPad2d', 2, padding, value)
  }
}

/** Adds `value` around the last three axes. As `torch.nn.ConstantPad3d`. */
export class ConstantPad3d extends ConstantPad {
  constructor(padding: PerAxis, value: number) {
    super('ConstantPad3d', 3, padding, value)
  }
}

/** Adds zeros around the last axis. As `torch.nn.ZeroPad1d`. */
export class ZeroPad1d extends Pad {
  constructor(padding: PerAxis) {
    super('ZeroPad1d', 1, padding, 'constant')
  }
}

/** Adds zeros around the last two axes. As `torch.nn.ZeroPad2d`. */
export class ZeroPad2d extends Pad {
  constructor(padding: PerAxis) {
    super('ZeroPad2d', 2, padding, 'constant')
  }
}

/** Adds zeros around the last three axes. As `torch.nn.ZeroPad3d`. */
export class ZeroPad3d extends Pad {
  constructor(padding: PerAxis) {
    super('ZeroPad3d', 3, padding, 'constant')
  }
}

/** Mirrors the last axis of [N, C, L] or [C, L] at its ends. As `torch.nn.ReflectionPad1d`. */
export class ReflectionPad1d extends Pad {
  constructor(padding: PerAxis) {
    super('ReflectionPad1d', 1, padding, 'reflect')
  }
}

/** Mirrors the last two axes of [N, C, H, W] or [C, H, W] at their ends. As `torch.nn.ReflectionPad2d`. */
export class ReflectionPad2d extends Pad {
  constructor(padding: PerAxis) {
    super('ReflectionPad2d', 2, padding, 'reflect')
  }
}

/** Mirrors the last three axes of [N, C, D, H, W] or [C, D, H, W] at their ends. As `torch.nn.ReflectionPad3d`. */
export class ReflectionPad3d extends Pad {
  constructor(padding: PerAxis) {
    super('ReflectionPad3d', 3, padding, 'reflect')
  }
}

/** Repeats the first and last elements of [N, C, L] or [C, L]. As `torch.nn.ReplicationPad1d`. */
export class ReplicationPad1d extends Pad {
  constructor(padding: PerAxis) {
    super('ReplicationPad1d', 1, padding, 'replicate')
  }
}

/** Repeats the outermost elements of [N, C, H, W] or [C, H, W]. As `torch.nn.ReplicationPad2d`. */
export class ReplicationPad2d extends Pad {
  constructor(padding: PerAxis) {
    super('ReplicationPad2d', 2, padding, 'replicate')
  }
}

/** Repeats the outermost elements of [N, C, D, H, W] or [C, D, H, W]. As `torch.nn.ReplicationPad3d`. */
export class ReplicationPad3d extends Pad {
  constructor(padding: PerAxis) {
    super('ReplicationPad3d', 3, padding, 'replicate')
  }
}

abstract class CircularPad extends Pad {
  protected constructor(layer: string, axes: number, padding: PerAxis) {
    super(layer, axes, padding, 'circular')
  }

  override forward(x: Tensor): Tensor {
    const { axes } = this
    if (x.ndim !== axes + 1 && x.ndim !== axes + 2) throw new ValueError(`expected ${axes + 1}D or ${axes + 2}D input (got ${x.ndim}D input)`)
    return super.forward(x)
  }
}

/** Continues the last axis of [N, C, L] or [C, L] at its other end. As `torch.nn.CircularPad1d`. */
export class CircularPad1d extends CircularPad {
  constructor(padding: PerAxis) {
    super('CircularPad1d', 1, padding)
  }
}

/** Continues the last two axes of [N, C, H, W] or [C, H, W] at their other ends. As `torch.nn.CircularPad2d`. */
export class CircularPad2d extends CircularPad {
  constructor(padding: PerAxis) {
    super('CircularPad2d', 2, padding)
  }
}

/** Continues the last three axes of [N, C, D, H, W] or [C, D, H, W] at their other ends. As `torch.nn.CircularPad3d`. */
export class CircularPad3d extends CircularPad {
  constructor(padding: PerAxis) {
    super('CircularPad3d', 3, padding)
  }
}
