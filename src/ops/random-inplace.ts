import { inPlace, record } from '../autograd/index.js'
import { checkNumber, checkOptions } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { type FillTarget, fillBernoulliFrom, fillCauchy, fillExponential, fillGeometric, fillLogNormal, fillNormal, fillUniform } from '../core/random-fill.js'
import { fillRandint, fillRandom } from '../core/random-integer.js'
import { checkTensor, Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { denseLike, drawInto } from './draw.js'

/** Tensors filled with random numbers in place: what `torch.Tensor`'s methods of the same names draw, from the same seed. */

export interface DrawOptions {
  /** Where the numbers come from. Default: the one that `manualSeed` restarts. */
  generator?: Generator
}

type Fill = (target: FillTarget, generator: Generator, companion: FillTarget | null, dense: Tensor) => void

function overwrite(owner: string, x: Tensor, options: DrawOptions, fill: Fill, companion: Tensor | null = null, parameters: object = {}): Tensor {
  checkTensor(owner, 'input', x)
  for (const [name, value] of Object.entries(parameters)) checkNumber(owner, name, value)
  checkOptions(owner, options, ['generator'])
  const { generator = defaultGenerator() } = options
  const draw = (t: Tensor) => drawInto(t, (target, given, dense) => fill(target, generator, given, dense), companion)
  return inPlace(
    x,
    [],
    () => draw(x),
    () => {
      const y = denseLike(x)
      draw(y)
      return record(y, { name: 'RandomFillBackward0', inputs: [x], backward: () => [null] })
    },
  )
}

/** Uniform in [from, to). @throws RuntimeError where from > to, or for a dtype that is no floating point type */
export const uniform_ = (x: Tensor, from = 0, to = 1, options: DrawOptions = {}): Tensor =>
  overwrite('uniform_', x, options, (target, generator) => fillUniform(target, generator, from, to), null, { from, to })

/**
 * Normal. Contiguous tensors of 16 and more elements are drawn in blocks, others one by one in pairs, as in PyTorch.
 * @throws RuntimeError where std < 0, or for a dtype that is no floating point type
 */
export const normal_ = (x: Tensor, mean = 0, std = 1, options: DrawOptions = {}): Tensor =>
  overwrite('normal_', x, options, (target, generator) => fillNormal(target, generator, mean, std), null, { mean, std })

/**
 * 1 with probability p, else 0.
 * @param p one probability, or a tensor of them that broadcasts to x
 * @throws RuntimeError where a probability is not between 0 and 1
 */
export function bernoulli_(x: Tensor, p: number | Tensor = 0.5, options: DrawOptions = {}): Tensor {
  checkTensor('bernoulli_', 'input', x)
  if (!(p instanceof Tensor)) return overwrite('bernoulli_', x, options, (_, generator, __, dense) => kernels.bernoulli(dense, generator, p))
  const each: Fill = (target, generator, given) => given && fillBernoulliFrom(target, generator, given)
  return overwrite('bernoulli_', x, options, each, p.detach().expand(x.shape))
}

/**
 * Whole numbers. `random_()`: over the dtype's range, from 0; `random_(end)`: 0 to end - 1; `random_(from, to)`: from to to - 1, where null
 * stands for the dtype's largest.
 * @throws RuntimeError where the range is empty or the dtype does not have its ends
 */
export function random_(x: Tensor, from?: number | bigint, to?: number | bigint | null, options: DrawOptions = {}): Tensor {
  checkTensor('random_', 'input', x)
  return overwrite('random_', x, options, (target, generator) => {
    if (from === undefined) fillRandom(target, generator)
    else if (to === undefined) fillRandint(target, generator, 0, from)
    else fillRandint(target, generator, from, to)
  })
}

/** Density lambda exp(-lambda x). @throws RuntimeError where lambda <= 0, or for a dtype that is no floating point type */
export const exponential_ = (x: Tensor, lambda = 1, options: DrawOptions = {}): Tensor =>
  overwrite('exponential_', x, options, (target, generator) => fillExponential(target, generator, lambda), null, { lambda })

/** exp of a normal with this mean and standard deviation. @throws RuntimeError where std <= 0 */
export const logNormal_ = (x: Tensor, mean = 1, std = 2, options: DrawOptions = {}): Tensor =>
  overwrite('logNormal_', x, options, (target, generator) => fillLogNormal(target, generator, mean, std), null, { mean, std })

/** Density sigma / (pi ((x - median)^2 + sigma^2)). @throws RuntimeError where sigma <= 0, or for a dtype that is no floating point type */
export const cauchy_ = (x: Tensor, median = 0, sigma = 1, options: DrawOptions = {}): Tensor =>
  overwrite('cauchy_', x, options, (target, generator) => fillCauchy(target, generator, median, sigma), null, { median, sigma })

/** The number of trials up to the first success of probability p: 1, 2, ... @throws RuntimeError where p is not in (0, 1) */
export const geometric_ = (x: Tensor, p: number, options: DrawOptions = {}): Tensor =>
  overwrite('geometric_', x, options, (target, generator) => fillGeometric(target, generator, p), null, { p })
