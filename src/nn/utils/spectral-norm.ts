import { noGrad } from '../../autograd/index.js'
import { KeyError, RuntimeError, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import type { Module } from '../module.js'
import { Parameter } from '../parameter.js'
import {
  dividedBySigma,
  powerIteration,
  randomDirection,
  type SpectralNormArguments,
  spectralNormOptions,
  weightMatrix,
} from './parametrizations/spectral-norm.js'
import { computeOnRead, restoreAttribute } from './parametrize.js'

const isNormalized = (module: Module, name: string): boolean => Reflect.get(module, `${name}Orig`) instanceof Parameter

/**
 * The older form of `parametrizations.spectralNorm`, for files that have `weight_orig`, `weight_u` and `weight_v`, which are members of the
 * module itself. As `torch.nn.utils.spectral_norm`. It starts from random vectors without any iteration, and turns v before u.
 *
 * @param name of the parameter. Default `'weight'`.
 * @returns module
 * @throws KeyError where there is no such parameter, RuntimeError where it is normalized already, ValueError without iterations
 */
export function spectralNorm<M extends Module>(module: M, name = 'weight', ...args: SpectralNormArguments): M {
  if (isNormalized(module, name)) throw new RuntimeError(`Cannot register two spectral_norm hooks on the same parameter ${name}`)
  const { dim, eps, nPowerIterations } = spectralNormOptions(module, args)
  const weight: unknown = Reflect.get(module, name)
  if (!(weight instanceof Parameter)) throw new KeyError(`'${name}'`)
  noGrad(() => {
    const [h, w] = weightMatrix(weight, dim).shape
    const [u, v] = [randomDirection(h, weight, eps), randomDirection(w, weight, eps)]
    Reflect.set(module, `${name}Orig`, weight)
    module.registerBuffer(`${name}U`, u)
    module.registerBuffer(`${name}V`, v)
  })
  computeOnRead(module, name, (self) => {
    const [original, u, v] = ['Orig', 'U', 'V'].map((suffix) => Reflect.get(self, name + suffix) as Tensor)
    const matrix = weightMatrix(original, dim)
    if (self.training) for (let i = 0; i < nPowerIterations; i++) powerIteration(matrix, u, v, eps, ['v', 'u'])
    return dividedBySigma(original, matrix, u, v)
  })
  return module
}

/**
 * Undoes `spectralNorm`: the weight as it is now, without another iteration, becomes an ordinary parameter. As `torch.nn.utils.remove_spectral_norm`.
 * @throws ValueError where the parameter is not normalized
 */
export function removeSpectralNorm<M extends Module>(module: M, name = 'weight'): M {
  if (!isNormalized(module, name)) throw new ValueError(`spectral_norm of '${name}' not found in ${module}`)
  const { training } = module
  module.training = false
  const weight = noGrad(() => Reflect.get(module, name) as Tensor)
  module.training = training
  for (const suffix of ['Orig', 'U', 'V']) Reflect.deleteProperty(module, name + suffix)
  restoreAttribute(module, name, new Parameter(weight))
  return module
}
