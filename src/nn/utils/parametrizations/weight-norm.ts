import { type Arguments, readOptions } from '../../../core/arguments.js'
import { normalizeDim } from '../../../core/shape.js'
import type { Tensor } from '../../../core/tensor.js'
import '../../../ops/methods.js'
import { Module } from '../../module.js'
import { pythonRepr } from '../../names.js'
import { type Parametrization, registerParametrization } from '../parametrize.js'

/** For PyTorch -1 is no axis from the end but another way to say null: one norm for everything. */
function axesOf(v: Tensor, dim: number | null): number[] | undefined {
  if (dim === null || dim === -1) return undefined
  const kept = normalizeDim(dim, v.ndim)
  return v.shape.map((_, axis) => axis).filter((axis) => axis !== kept)
}

/** Lengths of the slices along `dim`, with the other axes of size 1; for null and -1 one length, without axes. As `torch.norm_except_dim(v, 2, dim)`. */
export function normExceptDim(v: Tensor, dim: number | null): Tensor {
  const axes = axesOf(v, dim)
  return axes ? v.norm(2, { dim: axes, keepdim: true }) : v.norm()
}

/** w = g v / |v|: what `weightNorm` computes. */
export class _WeightNorm extends Module implements Parametrization {
  readonly formerSuffixes = ['_g', '_v']

  constructor(readonly dim: number | null = 0) {
    super()
  }

  override forward(g: Tensor, v: Tensor): Tensor {
    return v.mul(g.div(normExceptDim(v, this.dim)))
  }

  rightInverse(weight: Tensor): readonly Tensor[] {
    return [normExceptDim(weight, this.dim), weight]
  }
}

export interface WeightNormOptions {
  /** The axis whose slices have a length each: 0, the output channels, by default; null (or -1, as in PyTorch) for one length of the whole. */
  dim?: number | null
}

export type WeightNormArguments = Arguments<[dim: number | null], WeightNormOptions>

/**
 * Weight normalization: a weight's length g and direction v / |v| are learned in its place, w = g v / |v|. Salimans and Kingma 2016,
 * arXiv:1602.07868. As `torch.nn.utils.parametrizations.weight_norm`, with its keys `parametrizations.weight.original0` (g) and `original1` (v);
 * files of the older form with `weight_g` and `weight_v` load, too.
 *
 * The originals are new parameters: make optimizers afterwards. `parametrize.removeParametrizations(module, 'weight')` undoes it.
 *
 * @param name of the parameter. Default `'weight'`.
 * @returns module
 * @throws ValueError where there is no such parameter
 */
export function weightNorm<M extends Module>(module: M, name = 'weight', ...args: WeightNormArguments): M {
  const { dim = 0 } = readOptions<WeightNormOptions>('weightNorm', ['dim'], 1, args)
  if (dim !== null && !Number.isInteger(dim)) throw new TypeError(`weightNorm: dim must be a whole number or null, got ${pythonRepr(dim)}`)
  return registerParametrization(module, name, new _WeightNorm(dim), { unsafe: true })
}
