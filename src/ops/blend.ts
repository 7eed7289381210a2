import { dtypes } from '../core/dtype.js'
import { checkNumber, checkOptions, RuntimeError } from '../core/errors.js'
import { checkTensor, Tensor } from '../core/tensor.js'
import { div, mul, where } from './binary.js'
import { composed } from './composed.js'
import { copy_ } from './copy.js'

/** Sums of a tensor and a product of two others, as running averages and optimizers write them. */

/**
 * x + weight (end - x): from x at weight 0 to `end` at weight 1. As `torch.lerp`, which counts the nearer half from `end`.
 * @throws RuntimeError where the dtypes differ
 */
export function lerp(x: Tensor, end: Tensor, weight: number | Tensor): Tensor {
  checkTensor('lerp', 'input', x)
  checkTensor('lerp', 'end', end)
  if (end.dtype !== x.dtype) throw new RuntimeError(`expected dtype ${dtypes[x.dtype].cppName} for \`end\` but got dtype ${dtypes[end.dtype].cppName}`)
  if (!(weight instanceof Tensor)) {
    checkNumber('lerp', 'weight', weight)
    return composed([x, end], () => {
      const way = end.sub(x)
      return Math.abs(weight) < 0.5 ? x.add(way, { alpha: weight }) : end.sub(way, { alpha: 1 - weight })
    })
  }
  if (weight.dtype !== x.dtype) {
    throw new RuntimeError(`expected dtype ${dtypes[x.dtype].cppName} for \`weight\` but got dtype ${dtypes[weight.dtype].cppName}`)
  }
  return composed([x, end, weight], () => {
    const way = end.sub(x)
    return where(weight.abs().lt(0.5), x.add(way.mul(weight)), end.sub(way.mul(weight.neg().add(1))))
  })
}
export const lerp_ = (x: Tensor, end: Tensor, weight: number | Tensor): Tensor =>
  composed([x, end, weight instanceof Tensor ? weight : null], () => copy_(x, lerp(x, end, weight)))

export interface ValueOptions {
  /** What the product or quotient is multiplied by. Default 1. */
  value?: number
}

type Product = (a: Tensor, b: Tensor) => Tensor

function addScaled(owner: string, x: Tensor, a: Tensor, b: Tensor, options: ValueOptions, product: Product): Tensor {
  checkTensor(owner, 'input', x)
  checkTensor(owner, 'tensor1', a)
  checkTensor(owner, 'tensor2', b)
  checkOptions(owner, options, ['value'])
  const { value = 1 } = options
  checkNumber(owner, 'value', value)
  return composed([x, a, b], () => x.add(product(a, b), { alpha: value }))
}

/** x + value a b. As `torch.addcmul`. */
export const addcmul = (x: Tensor, a: Tensor, b: Tensor, options: ValueOptions = {}): Tensor => addScaled('addcmul', x, a, b, options, mul)
/** `addcmul` written over x. */
export const addcmul_ = (x: Tensor, a: Tensor, b: Tensor, options: ValueOptions = {}): Tensor => composed([x, a, b], () => copy_(x, addcmul(x, a, b, options)))

/** x + value a / b. As `torch.addcdiv`. */
export const addcdiv = (x: Tensor, a: Tensor, b: Tensor, options: ValueOptions = {}): Tensor => addScaled('addcdiv', x, a, b, options, div)
/** `addcdiv` written over x. */
export const addcdiv_ = (x: Tensor, a: Tensor, b: Tensor, options: ValueOptions = {}): Tensor => composed([x, a, b], () => copy_(x, addcdiv(x, a, b, options)))
