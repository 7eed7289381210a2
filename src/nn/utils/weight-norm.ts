import { noGrad } from '../../autograd/index.js'
import { readOptions } from '../../core/arguments.js'
import { KeyError, RuntimeError, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import type { Module } from '../module.js'
import { Parameter } from '../parameter.js'
import { _WeightNorm, normExceptDim, type WeightNormArguments, type WeightNormOptions } from './parametrizations/weight-norm.js'
import { computeOnRead, restoreAttribute } from './parametrize.js'

const isNormalized = (module: Module, name: string): boolean => Reflect.get(module, `${name}G`) instanceof Parameter

/**
 * The older form of `parametrizations.weightNorm`, for files that have `weight_g` and `weight_v`: the same formula, but g and v are parameters
 * of the module itself. As `torch.nn.utils.weight_norm`.
 *
 * @param name of the parameter. Default `'weight'`.
 * @returns module
 * @throws KeyError where there is no such parameter, RuntimeError where it is weight-normalized already
 */
export function weightNorm<M extends Module>(module: M, name = 'weight', ...args: WeightNormArguments): M {
  const { dim = 0 } = readOptions<WeightNormOptions>('weightNorm', ['dim'], 1, args)
  if (isNormalized(module, name)) throw new RuntimeError(`Cannot register two weight_norm hooks on the same parameter ${name}`)
  const weight: unknown = Reflect.get(module, name)
  if (!(weight instanceof Parameter)) throw new KeyError(`'${name}'`)
  const formula = new _WeightNorm(dim)
  const g = noGrad(() => normExceptDim(weight, dim))
  const member = (self: Module, suffix: string) => Reflect.get(self, name + suffix) as Tensor
  Reflect.set(module, `${name}G`, new Parameter(g))
  Reflect.set(module, `${name}V`, new Parameter(weight.detach()))
  computeOnRead(module, name, (self) => formula.forward(member(self, 'G'), member(self, 'V')))
  return module
}

/**
 * Undoes `weightNorm`: the weight as it is now becomes an ordinary parameter. As `torch.nn.utils.remove_weight_norm`.
 * @throws ValueError where the parameter is not weight-normalized
 */
export function removeWeightNorm<M extends Module>(module: M, name = 'weight'): M {
  if (!isNormalized(module, name)) throw new ValueError(`weight_norm of '${name}' not found in ${module}`)
  const weight = noGrad(() => Reflect.get(module, name) as Tensor)
  for (const suffix of ['G', 'V']) Reflect.deleteProperty(module, name + suffix)
  restoreAttribute(module, name, new Parameter(weight))
  return module
}
