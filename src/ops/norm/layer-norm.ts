import { type Arguments, readOptions } from '../../core/arguments.js'
import { isFloatingPoint, refuseDtype } from '../../core/dtype.js'
import type { Shape } from '../../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../../core/tensor.js'
import { type EpilogueOptions, epilogueOptions, readEpilogue } from '../epilogue.js'
import { normKinds, trailingAxes } from './axes.js'
import { checkMixedDtype, checkTrailingShape } from './checks.js'
import { rowNorm } from './row-norm.js'

export interface LayerNormOptions extends EpilogueOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/**
 * Layer normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, with one mean and biased variance per sample, over the trailing
 * axes that `normalizedShape` names. Keeps no running averages: training and inference are the same.
 * As `torch.nn.functional.layer_norm` (Ba, Kiros and Hinton 2016, arXiv:1607.06450).
 *
 * @param input [..., ...normalizedShape]
 * @param weight, bias of shape normalizedShape, or null for 1 and 0
 * @returns same shape and dtype as input
 * @throws RuntimeError where the trailing sizes of input, weight or bias differ from normalizedShape, or dtypes are mixed
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  ...args: Arguments<[eps: number], LayerNormOptions>
): Tensor {
  checkTensor('layerNorm', 'input', input)
  checkOptionalTensor('layerNorm', 'weight', weight)
  checkOptionalTensor('layerNorm', 'bias', bias)
  const options = readOptions<LayerNormOptions>('layerNorm', ['eps', ...epilogueOptions], 1, args)
  const { eps = 1e-5 } = options
  checkTrailingShape('layer_norm', input, normalizedShape, { weight, bias })
  checkMixedDtype(input, [weight, bias])
  if (!isFloatingPoint(input.dtype)) refuseDtype('LayerNormKernelImpl', input.dtype)
  return rowNorm(
    'NativeLayerNormBackward0',
    input,
    weight,
    bias,
    trailingAxes(normKinds.layer, input.shape, normalizedShape),
    eps,
    readEpilogue('layerNorm', input, options),
  )
}
