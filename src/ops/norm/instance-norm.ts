import { noGrad } from '../../autograd/index.js'
import { type Arguments, readOptions } from '../../core/arguments.js'
import { isFloatingPoint, refuseDtype } from '../../core/dtype.js'
import { RuntimeError, ValueError } from '../../core/errors.js'
import { formatShape, normalizeDim, numelOf } from '../../core/shape.js'
import { scope } from '../../core/storage.js'
import { checkOptionalTensor, checkTensor, type Tensor } from '../../core/tensor.js'
import { copy_ } from '../copy.js'
import { type EpilogueOptions, epilogueOptions, readEpilogue } from '../epilogue.js'
import { instanceNormAxes, sharedCount } from './axes.js'
import { batchNorm } from './batch-norm.js'
import { checkChannelSizes, checkMixedDtype, checkRunningNeedNoGrad } from './checks.js'
import { rowNorm } from './row-norm.js'

export interface InstanceNormOptions extends EpilogueOptions {
  /** Normalise with the input's own statistics, and update the running ones where given. Default true; false: with the running ones. */
  useInputStats?: boolean
  /** Weight of the new batch in the running averages. Default 0.1. */
  momentum?: number
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/**
 * Instance normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, with one mean and biased variance per sample and channel, over all
 * positions. As `torch.nn.functional.instance_norm` (Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022).
 *
 * Running statistics, each updated where given, become (1 - momentum) old + momentum new, where new is the samples' average of the mean or
 * of the unbiased variance.
 *
 * @param input [N, C, ...]
 * @param runningMean, runningVar [C], changed in place with `useInputStats`
 * @param weight, bias [C], or null for 1 and 0
 * @returns same shape and dtype as input
 * @throws ValueError for one position per channel; RuntimeError for wrong sizes or dtypes, or missing running statistics
 */
export function instanceNorm(
  input: Tensor,
  runningMean: Tensor | null = null,
  runningVar: Tensor | null = null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  ...args: Arguments<[useInputStats: boolean, momentum: number, eps: number], InstanceNormOptions>
): Tensor {
  checkTensor('instanceNorm', 'input', input)
  checkOptionalTensor('instanceNorm', 'runningMean', runningMean)
  checkOptionalTensor('instanceNorm', 'runningVar', runningVar)
  checkOptionalTensor('instanceNorm', 'weight', weight)
  checkOptionalTensor('instanceNorm', 'bias', bias)
  const options = readOptions<InstanceNormOptions>('instanceNorm', ['useInputStats', 'momentum', 'eps', ...epilogueOptions], 3, args)
  const { useInputStats = true, momentum = 0.1, eps = 1e-5 } = options
  if (useInputStats && numelOf(input.shape.slice(2)) === 1) {
    throw new ValueError(`Expected more than 1 spatial element when training, got input size torch.Size(${formatShape(input.shape)})`)
  }
  if (!useInputStats && !(runningMean && runningVar)) {
    throw new RuntimeError('Expected running_mean and running_var to be defined when use_input_stats is false')
  }
  normalizeDim(1, input.ndim)
  checkRunningNeedNoGrad({ running_mean: runningMean, running_var: runningVar })
  checkChannelSizes(input.shape[1], input.shape[0], useInputStats, { running_mean: runningMean, running_var: runningVar, weight, bias })
  if (!useInputStats) return batchNorm(input, runningMean, runningVar, weight, bias, { eps, residual: options.residual, activation: options.activation })
  if (!isFloatingPoint(input.dtype)) refuseDtype('batch_norm', input.dtype)
  checkMixedDtype(input, [weight, bias, runningMean, runningVar])
  const axes = instanceNormAxes(input.shape)
  const rows = input.shape.slice(0, 2)
  return rowNorm('InstanceNormBackward0', input, weight, bias, axes, eps, readEpilogue('instanceNorm', input, options), (mean, rstd) => {
    if (input.numel() === 0) return
    const n = sharedCount(axes)
    if (runningMean && mean) average(runningMean, () => mean.reshape(rows), momentum)
    if (runningVar) average(runningVar, () => unbiasedVariance(rstd.reshape(rows), eps, n), momentum)
  })
}

/** From rstd = 1 / sqrt(var + eps), which is 0 for a constant row without eps. */
const unbiasedVariance = (rstd: Tensor, eps: number, n: number): Tensor =>
  rstd
    .pow(-2)
    .maskedFill(rstd.eq(0), 0)
    .sub(eps)
    .clampMin(0)
    .mul(n / (n - 1))

/** `batch` [N, C], averaged over the samples, enters `running` [C]. */
function average(running: Tensor, batch: () => Tensor, momentum: number): void {
  noGrad(() =>
    scope(
      () =>
        void copy_(
          running,
          running
            .to('float64')
            .mul(1 - momentum)
            .add(batch().mean(0), { alpha: momentum }),
        ),
    ),
  )
}
