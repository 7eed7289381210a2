import { type Arguments, readOptions } from '../core/arguments.js'
import { RuntimeError, ValueError } from '../core/errors.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { denseLike } from './draw.js'
import { bernoulli_ } from './random-inplace.js'

/** Dropout, with PyTorch's masks: bernoulli draws of 1 - p from the default generator, in memory order. */

export interface DropoutOptions {
  /** The probability of a zero. Default 0.5. */
  p?: number
  /** Whether to drop at all. Default true, false for the alpha variants. */
  training?: boolean
  /** Write the result over the input. Default false. */
  inplace?: boolean
}

export function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ValueError(`dropout probability has to be between 0 and 1, but got ${p}`)
}

type Mask = (x: Tensor) => Tensor

const elements: Mask = (x) => denseLike(x)

/** One number for each channel of each sample. @throws RuntimeError below 2 dimensions */
const features: Mask = (x) => {
  if (x.ndim < 2) throw new RuntimeError('Feature dropout requires at least 2 dimensions in the input')
  return emptyTensor(
    x.shape.map((size, d) => (d < 2 ? size : 1)),
    x.dtype,
  )
}

/** The value that SELU has far below 0, as a positive number: what alpha dropout puts in place of a dropped element. */
const ALPHA = 1.7580993408473766

/** Optional arguments of dropout and its like. */
export type DropoutArguments = Arguments<[p: number, training: boolean, inplace: boolean], DropoutOptions>

const readDropout = (owner: string, args: DropoutArguments) => readOptions<DropoutOptions>(owner, ['p', 'training', 'inplace'], 3, args)

function drop(owner: string, x: Tensor, args: DropoutArguments, makeMask: Mask, alpha: boolean): Tensor {
  checkTensor(owner, 'input', x)
  const options = readDropout(owner, args)
  const { p = 0.5, training = !alpha, inplace = false } = options
  checkProbability(p)
  if (!training || p === 0 || x.numel() === 0) return x
  if (p === 1) return inplace ? x.mul_(0) : x.mul(0)
  return composed([x], () => {
    const mask = bernoulli_(makeMask(x), 1 - p)
    if (!alpha) {
      kernels.binary('div', mask, 1 - p, mask)
      return inplace ? x.mul_(mask) : x.mul(mask)
    }
    // x a where it stays, -ALPHA a where it goes, all moved by ALPHA a p: mean and variance stay those of the input.
    const a = 1 / Math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    const shift = mask
      .sub(1)
      .mul(ALPHA * a)
      .add(ALPHA * a * p)
    kernels.binary('mul', mask, a, mask)
    return inplace ? x.mul_(mask).add_(shift) : x.mul(mask).add(shift)
  })
}

/**
 * Zeros elements with probability p and divides the others by 1 - p. As `torch.nn.functional.dropout`.
 * @see Srivastava et al. 2014, JMLR 15 @throws ValueError where p is not between 0 and 1
 */
export const dropout = (x: Tensor, ...args: DropoutArguments): Tensor => drop('dropout', x, args, elements, false)

/** Dropout that keeps mean and variance of SELU's activations. As `torch.nn.functional.alpha_dropout`. @see Klambauer et al. 2017, arXiv:1706.02515 */
export const alphaDropout = (x: Tensor, ...args: DropoutArguments): Tensor => drop('alphaDropout', x, args, elements, true)

/** `alphaDropout` of whole channels. */
export const featureAlphaDropout = (x: Tensor, ...args: DropoutArguments): Tensor => drop('featureAlphaDropout', x, args, features, true)

/**
 * Zeros whole channels of [N, C, L] or [C, L]. As `torch.nn.functional.dropout1d`.
 * @see Tompson et al. 2015, arXiv:1411.4280 @throws RuntimeError for other numbers of dimensions
 */
export function dropout1d(x: Tensor, ...args: DropoutArguments): Tensor {
  checkTensor('dropout1d', 'input', x)
  if (x.ndim !== 2 && x.ndim !== 3) {
    throw new RuntimeError(
      `dropout1d: Expected 2D or 3D input, but received a ${x.ndim}D input. Note that dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs).`,
    )
  }
  return dropBatched('dropout1d', x, args, 2)
}

/** Zeros whole channels of [N, C, H, W]. As `torch.nn.functional.dropout2d`, which also takes [N, C, L] as N samples. */
export const dropout2d = (x: Tensor, ...args: DropoutArguments): Tensor => drop('dropout2d', x, args, features, false)

/** Zeros whole channels of [N, C, D, H, W] or [C, D, H, W]. As `torch.nn.functional.dropout3d`. */
export const dropout3d = (x: Tensor, ...args: DropoutArguments): Tensor => dropBatched('dropout3d', x, args, 4)

/** `unbatched` dimensions mean a single sample. */
function dropBatched(owner: string, x: Tensor, args: DropoutArguments, unbatched: number): Tensor {
  checkTensor(owner, 'input', x)
  if (x.ndim !== unbatched) return drop(owner, x, args, features, false)
  const options = readDropout(owner, args)
  const y = drop(owner, x.unsqueeze(0), [{ ...options, inplace: false }], features, false).squeeze(0)
  return options.inplace ? x.copy_(y) : y
}
