import { checkOptions, RuntimeError, ValueError } from '../../core/errors.js'
import { numelOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { composed } from '../composed.js'
import { slidingAxis } from '../pool-windows.js'
import { averageOverWindows } from '../pooling.js'

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
  checkOptions('localResponseNorm', options, ['alpha', 'beta', 'k'])
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options
  if (input.ndim < 3) throw new ValueError(`Expected 3D or higher dimensionality                          input (got ${input.ndim} dimensions)`)
  if (input.numel() === 0) return input
  if (!(size > 0)) throw new RuntimeError(`kernel size should be greater than zero, but got ${input.ndim > 3 ? `kT: ${size} kH: 1` : `kH: ${size}`} kW: 1`)
  const [batch, channels] = input.shape
  const windows = slidingAxis(channels, channels, size, 1, Math.floor(size / 2), 1)
  return composed([input], () => {
    const squares = input.square().reshape([batch, 1, channels, numelOf(input.shape.slice(2))])
    const positions = slidingAxis(squares.shape[3], squares.shape[3], 1, 1, 0, 1)
    return input.div(averageOverWindows(squares, [windows, positions], size).reshape(input.shape).mul(alpha).add(k).pow(beta))
  })
}
