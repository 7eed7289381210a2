import { noGrad } from '../../autograd/index.js'
import { checkOptions, ValueError } from '../../core/errors.js'
import { scope } from '../../core/storage.js'
import { checkOptionalTensor, checkTensor, emptyTensor, type Tensor } from '../../core/tensor.js'
import { kernels } from '../../kernels/index.js'
import { composed } from '../composed.js'
import { type BatchNormOptions, batchNorm } from './batch-norm.js'

export interface BatchRenormOptions extends BatchNormOptions {
  /** Bound of the scale's correction r, from 1 (none) up. Default 3. */
  rMax?: number
  /** Bound of the shift's correction d, from 0 (none) up. Default 5. */
  dMax?: number
}

/**
 * Batch renormalization (Ioffe 2017, arXiv:1702.03275, algorithm 1): BatchNorm whose training result is corrected towards what the running
 * statistics would give, so that small or unbalanced batches train what evaluation uses.
 *
 * x^ = (x - mean) / sqrt(var + eps) * r + d, y = x^ weight + bias, with constants that get no gradient:
 *
 *     r = sqrt(var + eps) / sqrt(runningVar + eps), between 1 / rMax and rMax
 *     d = (mean - runningMean) / sqrt(runningVar + eps), between -dMax and dMax
 *
 * With rMax 1 and dMax 0 it is BatchNorm; the paper begins so and relaxes to 3 and 5. In evaluation it is BatchNorm, too. The running
 * statistics are BatchNorm's, so that the states of both can be exchanged; the paper averages the standard deviation instead of the variance.
 *
 * @param input [N, C, ...]
 * @param runningMean, runningVar [C], changed in place in training
 * @param weight, bias [C], or null for 1 and 0
 * @throws ValueError for bounds that leave nothing; else as `batchNorm`
 */
export function batchRenorm(
  input: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: BatchRenormOptions = {},
): Tensor {
  checkTensor('batchRenorm', 'input', input)
  checkTensor('batchRenorm', 'runningMean', runningMean)
  checkTensor('batchRenorm', 'runningVar', runningVar)
  checkOptionalTensor('batchRenorm', 'weight', weight)
  checkOptionalTensor('batchRenorm', 'bias', bias)
  checkOptions('batchRenorm', options, ['training', 'momentum', 'eps', 'rMax', 'dMax'])
  const { rMax = 3, dMax = 5, ...rest } = options
  if (!(rMax >= 1)) throw new ValueError(`rMax must be at least 1, got ${rMax}`)
  if (!(dMax >= 0)) throw new ValueError(`dMax must be at least 0, got ${dMax}`)
  const { training = false, eps = 1e-5 } = rest
  // What has no statistics of its own, or doesn't fit, is batchNorm's to handle or refuse.
  if (!training || input.ndim < 2 || input.numel() === 0 || runningMean.numel() !== input.shape[1] || runningVar.numel() !== input.shape[1]) {
    return batchNorm(input, runningMean, runningVar, weight, bias, rest)
  }
  return composed([input, weight, bias], () => {
    const { r, d } = corrections(input, runningMean, runningVar, eps, rMax, dMax)
    // (x^ r + d) weight + bias, in the shape of batchNorm: its weight is r weight, its bias d weight + bias.
    const shift = weight ? weight.mul(d) : d
    return batchNorm(input, runningMean, runningVar, weight ? weight.mul(r) : r, bias ? bias.add(shift) : shift, rest)
  })
}

function corrections(input: Tensor, runningMean: Tensor, runningVar: Tensor, eps: number, rMax: number, dMax: number): { r: Tensor; d: Tensor } {
  return noGrad(() =>
    scope(() => {
      const channels = [input.shape[1]]
      const mean = emptyTensor(channels, 'float64')
      const variance = emptyTensor(channels, 'float64')
      const others = input.shape.map((_, dim) => dim).filter((dim) => dim !== 1)
      kernels.moments(input, others, mean, variance)
      const deviation = runningVar.to('float64').add(eps).sqrt()
      return {
        r: variance
          .add(eps)
          .sqrt()
          .div(deviation)
          .clamp(1 / rMax, rMax)
          .to(input.dtype),
        d: mean.sub(runningMean).div(deviation).clamp(-dMax, dMax).to(input.dtype),
      }
    }),
  )
}
