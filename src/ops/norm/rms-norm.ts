import { type Arguments, readOptions } from '../../core/arguments.js'
import { isFloatingPoint, refuseDtype } from '../../core/dtype.js'
import type { Shape } from '../../core/shape.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../../core/tensor.js'
import { composed } from '../composed.js'
import { applyEpilogue, type EpilogueOptions, epilogueOptions, readEpilogue } from '../epilogue.js'
import { normKinds, trailingAxes } from './axes.js'
import { checkTrailingShape } from './checks.js'
import { rowNorm } from './row-norm.js'

export interface RMSNormOptions extends EpilogueOptions {
  /** Added to the mean square. Default null: the machine epsilon of the input's dtype. */
  eps?: number | null
}

/** The distance from 1 to the next number. */
const machineEpsilon: Readonly<Record<string, number>> = { float64: 2 ** -52, float32: 2 ** -23, float16: 2 ** -10, bfloat16: 2 ** -7 }

/**
 * Root mean square normalization: y = x / sqrt(mean(x^2) + eps) * weight, with one mean square per sample, over the trailing axes that
 * `normalizedShape` names. The mean is not taken off. As `torch.nn.functional.rms_norm` (Zhang and Sennrich 2019, arXiv:1910.07467).
 *
 * @param input [..., ...normalizedShape]
 * @param weight of shape normalizedShape, or null for 1
 * @returns same shape as input, in the dtype that input and weight promote to
 * @throws RuntimeError where the trailing sizes of input or weight differ from normalizedShape
 */
export function rmsNorm(input: Tensor, normalizedShape: Shape, weight: Tensor | null = null, ...args: Arguments<[eps: number | null], RMSNormOptions>): Tensor {
  checkTensor('rmsNorm', 'input', input)
  checkOptionalTensor('rmsNorm', 'weight', weight)
  const options = readOptions<RMSNormOptions>('rmsNorm', ['eps', ...epilogueOptions], 1, args)
  checkTrailingShape('rms_norm', input, normalizedShape, { weight })
  if (!isFloatingPoint(input.dtype)) refuseDtype('rms_norm', input.dtype)
  const eps = options.eps ?? machineEpsilon[input.dtype]
  const axes = trailingAxes(normKinds.rms, input.shape, normalizedShape)
  const epilogue = readEpilogue('rmsNorm', input, options)
  if (!weight || weight.dtype === input.dtype) return rowNorm('RmsNormBackward0', input, weight, null, axes, eps, epilogue)
  return composed([input, weight], () => applyEpilogue(rowNorm('RmsNormBackward0', input, null, null, axes, eps).mul(weight), epilogue))
}
