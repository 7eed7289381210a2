import { checkOptions, ValueError } from '../../core/errors.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import { layerNorm } from './layer-norm.js'

/**
 * Weight standardization (Qiao, Wang, Liu, Shen and Yuille 2019, arXiv:1903.10520, equation 3): each output channel's weights get mean 0 and
 * variance 1, W^ = (W - mean) / sqrt(var + eps), over the input channels and the kernel. That is `layerNorm` of the weight.
 *
 * @param weight [outChannels, ...] of a convolution or linear layer
 * @param options eps, default 1e-5
 * @throws ValueError for a weight of fewer than two axes
 */
export function standardizeWeight(weight: Tensor, options: { eps?: number } = {}): Tensor {
  checkTensor('standardizeWeight', 'weight', weight)
  checkOptions('standardizeWeight', options, ['eps'])
  if (weight.ndim < 2) throw new ValueError(`expected a weight with at least 2 axes (got ${weight.ndim})`)
  return layerNorm(weight, weight.shape.slice(1), null, null, { eps: options.eps ?? 1e-5 })
}
