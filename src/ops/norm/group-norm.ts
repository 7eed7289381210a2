import { type Arguments, readOptions } from '../../core/arguments.js'
import { isFloatingPoint, refuseDtype } from '../../core/dtype.js'
import { RuntimeError, ValueError, ZeroDivisionError } from '../../core/errors.js'
import { formatShape, numelOf, sameShape } from '../../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../../core/tensor.js'
import { type EpilogueOptions, epilogueOptions, readEpilogue } from '../epilogue.js'
import { groupNormAxes } from './axes.js'
import { checkMixedDtype } from './checks.js'
import { rowNorm } from './row-norm.js'

export interface GroupNormOptions extends EpilogueOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

function check(input: Tensor, groups: number, weight: Tensor | null, bias: Tensor | null): void {
  if (input.ndim < 2) throw new RuntimeError(`Expected at least 2 dimensions for input tensor but received ${input.ndim}`)
  if (groups === 0) throw new ZeroDivisionError('integer division or modulo by zero')
  const [batch, channels] = input.shape
  // As PyTorch counts: over all samples, so that groups of one value pass in a larger batch.
  if (Math.floor((batch * channels) / groups) * numelOf(input.shape.slice(2)) === 1) {
    throw new ValueError(`Expected more than 1 value per channel when training, got input size ${formatShape(input.shape)}`)
  }
  const shape = formatShape(input.shape)
  if (!(groups > 0)) throw new RuntimeError(`Expected num groups to be greater than 0, got ${groups}`)
  if (channels % groups !== 0) {
    throw new RuntimeError(`Expected number of channels in input to be divisible by num_groups, but got input of shape ${shape} and num_groups=${groups}`)
  }
  for (const [name, t] of [
    ['weight', weight],
    ['bias', bias],
  ] as const) {
    if (!t || sameShape(t.shape, [channels])) continue
    // PyTorch gives the weight's shape for the bias, too.
    throw new RuntimeError(
      `Expected ${name} to be a vector of size equal to the number of channels in input, but got ${name} of shape ${formatShape(weight?.shape ?? [0])} and input of shape ${shape}`,
    )
  }
}

/**
 * Group normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, with one mean and biased variance per sample and group of
 * `numGroups` equal groups of neighbouring channels, over these channels and all positions. Keeps no running averages: training and inference are
 * the same. As `torch.nn.functional.group_norm` (Wu and He 2018, arXiv:1803.08494).
 *
 * @param input [N, C, ...]
 * @param numGroups a divisor of C; 1 shares over all channels, C over none
 * @param weight, bias [C], or null for 1 and 0
 * @returns same shape and dtype as input
 * @throws RuntimeError where C can't be divided so, or sizes or dtypes don't fit; ValueError for an input with one value per group
 */
export function groupNorm(
  input: Tensor,
  numGroups: number,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  ...args: Arguments<[eps: number], GroupNormOptions>
): Tensor {
  checkTensor('groupNorm', 'input', input)
  checkOptionalTensor('groupNorm', 'weight', weight)
  checkOptionalTensor('groupNorm', 'bias', bias)
  const options = readOptions<GroupNormOptions>('groupNorm', ['eps', ...epilogueOptions], 1, args)
  const { eps = 1e-5 } = options
  check(input, numGroups, weight, bias)
  if (!isFloatingPoint(input.dtype)) refuseDtype('GroupNormKernelImpl', input.dtype)
  checkMixedDtype(input, [weight, bias])
  return rowNorm('NativeGroupNormBackward0', input, weight, bias, groupNormAxes(input.shape, numGroups), eps, readEpilogue('groupNorm', input, options))
}
