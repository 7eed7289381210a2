import { checkOptions, ValueError } from '../../core/errors.js'
import { formatShape, type Shape } from '../../core/shape.js'
import { checkTensor, type Tensor } from '../../core/tensor.js'
import { composed } from '../composed.js'
import { layerNorm } from './layer-norm.js'

/**
 * Adaptive layer normalization, the conditioning of DiT (Peebles and Xie 2023, arXiv:2212.09748, section 3.2):
 * y = layerNorm(x) (1 + scale) + shift, with a scale and shift per sample, which a network computes from the condition.
 *
 * @param input [N, ..., ...normalizedShape]
 * @param scale, shift [N, ...normalizedShape], the same for all positions between
 * @param options eps, default 1e-6 as in DiT
 * @throws ValueError where scale and shift don't fit; else as `layerNorm`
 */
export function adaptiveLayerNorm(input: Tensor, normalizedShape: Shape, scale: Tensor, shift: Tensor, options: { eps?: number } = {}): Tensor {
  checkTensor('adaptiveLayerNorm', 'input', input)
  checkTensor('adaptiveLayerNorm', 'scale', scale)
  checkTensor('adaptiveLayerNorm', 'shift', shift)
  checkOptions('adaptiveLayerNorm', options, ['eps'])
  const between = input.ndim - normalizedShape.length - 1
  const perSample = (name: string, t: Tensor): Tensor => {
    const fits = between >= 0 && t.ndim === normalizedShape.length + 1 && t.shape[0] === input.shape[0] && normalizedShape.every((s, i) => t.shape[i + 1] === s)
    if (!fits) {
      throw new ValueError(
        `expected ${name} of shape [N, ${normalizedShape.join(', ')}] for input of shape ${formatShape(input.shape)}, got ${formatShape(t.shape)}`,
      )
    }
    return t.reshape([t.shape[0], ...new Array<number>(between).fill(1), ...normalizedShape])
  }
  return composed([input, scale, shift], () => {
    const [factor, term] = [perSample('scale', scale).add(1), perSample('shift', shift)]
    return layerNorm(input, normalizedShape, null, null, { eps: options.eps ?? 1e-6 })
      .mul(factor)
      .add(term)
  })
}
