import { isGradEnabled, record } from '../../autograd/index.js'
import { getDefaultDtype, isFloatingPoint } from '../../core/dtype.js'
import { checkNumber, checkOptions, RuntimeError, ValueError } from '../../core/errors.js'
import { numelOf } from '../../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../../core/tensor.js'
import type { ResponseNormOptions } from '../../kernels/contract.js'
import { kernels } from '../../kernels/index.js'
import { averageOverWindows } from '../pool-rule.js'
import { slidingAxis } from '../pool-windows.js'
import { asContiguousShape } from './layout.js'

export interface LocalResponseNormOptions {
  /** Weight of the neighbours' mean square. Default 1e-4. */
  alpha?: number
  /** Exponent. Default 0.75. */
  beta?: number
  /** What is added, so that nothing is divided by zero. Default 1. */
  k?: number
}

/**
 * Local response normalization: each channel is divided by (k + alpha / size sum(a^2))^beta, the sum running over `size` neighbouring channels
 * at the same position, from c - floor(size / 2) on; channels beyond the ends count as 0. As `torch.nn.functional.local_response_norm`
 * (Krizhevsky, Sutskever and Hinton 2012, section 3.3).
 *
 * @param input [N, C, ...] with at least one position axis
 * @returns same shape as input
 * @throws ValueError for fewer than three axes, RuntimeError for a size below 1
 */
export function localResponseNorm(input: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor {
  checkTensor('localResponseNorm', 'input', input)
  checkNumber('localResponseNorm', 'size', size)
  checkOptions('localResponseNorm', options, ['alpha', 'beta', 'k'])
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options
  if (input.ndim < 3) throw new ValueError(`Expected 3D or higher dimensionality                          input (got ${input.ndim} dimensions)`)
  if (input.numel() === 0) return input
  if (!(size > 0)) throw new RuntimeError(`kernel size should be greater than zero, but got ${input.ndim > 3 ? `kT: ${size} kH: 1` : `kH: ${size}`} kW: 1`)
  return fused(isFloatingPoint(input.dtype) ? input : input.to(getDefaultDtype()), { size, alpha, beta, k })
}

function fused(input: Tensor, options: ResponseNormOptions): Tensor {
  const rows = [input.shape[0], input.shape[1], numelOf(input.shape.slice(2))]
  const y = emptyTensor(input.shape, input.dtype)
  const scale = emptyTensor(input.shape, input.dtype)
  kernels.localResponseNorm(asContiguousShape(input, rows), options, asContiguousShape(y, rows), asContiguousShape(scale, rows))
  return record(y, {
    name: 'LocalResponseNormBackward0',
    inputs: [input],
    saved: [input],
    scratch: [scale],
    backward: (dy, [x]) => {
      if (isGradEnabled()) return [composedBackward(dy, x, options)]
      const dx = emptyTensor(x.shape, x.dtype)
      const view = (t: Tensor) => asContiguousShape(t, rows)
      kernels.localResponseNormBackward(view(dy), view(x), view(scale), options, view(dx))
      return [dx]
    },
  })
}

/** The gradient in ordinary ops: dx = dy s^-beta - 2 alpha beta / size x sum(dy x s^(-beta - 1)), s = k + alpha / size sum(x^2). */
function composedBackward(dy: Tensor, x: Tensor, { size, alpha, beta, k }: ResponseNormOptions): Tensor {
  const scale = neighbourMean(x.square(), size, Math.floor(size / 2))
    .mul(alpha)
    .add(k)
  const direct = dy.mul(scale.pow(-beta))
  const terms = direct.mul(x).div(scale)
  return direct.sub(neighbourMean(terms, size, Math.floor((size - 1) / 2)).mul(x), { alpha: 2 * alpha * beta })
}

/** Over `size` channels from c - before on, divided by `size`: channels beyond the ends count as 0. */
function neighbourMean(x: Tensor, size: number, before: number): Tensor {
  const [batch, channels] = x.shape
  const positions = numelOf(x.shape.slice(2))
  const windows = [slidingAxis(channels, channels, size, 1, before, 1), slidingAxis(positions, positions, 1, 1, 0, 1)]
  return averageOverWindows(x.reshape([batch, 1, channels, positions]), windows, size).reshape(x.shape)
}
