import { isGradEnabled, noGrad, record } from '../../autograd/index.js'
import { type Arguments, readOptions } from '../../core/arguments.js'
import { isFloatingPoint, refuseDtype } from '../../core/dtype.js'
import { checkNumber, IndexError, ValueError } from '../../core/errors.js'
import { formatShape, numelOf } from '../../core/shape.js'
import { scope } from '../../core/storage.js'
import { checkOptionalTensor, checkTensor, emptyTensor, type Tensor } from '../../core/tensor.js'
import { kernels } from '../../kernels/index.js'
import { clone } from '../copy.js'
import { applyEpilogue, type EpilogueOptions, epilogueOptions, nodeName, readEpilogue, savedFor, throughActivation, withKernelEpilogue } from '../epilogue.js'
import { batchNormAxes, type NormAxes } from './axes.js'
import { checkChannelSizes, checkMixedDtype, checkRunningNeedNoGrad } from './checks.js'
import { composedNorm, composedNormBackward } from './composed.js'
import { asContiguousShape, releaseCopy } from './layout.js'

export interface BatchNormOptions extends EpilogueOptions {
  /** Normalise with the batch's own statistics and update the running ones. Default false: with the running ones. */
  training?: boolean
  /** Weight of the new batch in the running averages. Default 0.1. */
  momentum?: number
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/** @throws ValueError where each channel has a single value, whose variance would be 0 */
function checkBatchSize(x: Tensor): void {
  if (x.ndim === 0) throw new IndexError('tuple index out of range')
  if (x.shape[0] * numelOf(x.shape.slice(2)) === 1) {
    throw new ValueError(`Expected more than 1 value per channel when training, got input size torch.Size(${formatShape(x.shape)})`)
  }
}

/**
 * Batch normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, with one mean and variance per channel, over the batch and all
 * positions. As `torch.nn.functional.batch_norm` (Ioffe and Szegedy 2015, arXiv:1502.03167).
 *
 * In training the batch's own biased variance normalises, and running statistics, each updated where given, become
 * (1 - momentum) old + momentum new, with the unbiased variance. Otherwise the running statistics normalise.
 *
 * @param input [N, C, ...]
 * @param runningMean, runningVar [C], changed in place in training
 * @param weight, bias [C], or null for 1 and 0
 * @returns same shape and dtype as input
 * @throws ValueError in training with one value per channel; RuntimeError for wrong sizes, dtypes, or missing running statistics
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  ...args: Arguments<[training: boolean, momentum: number, eps: number], BatchNormOptions>
): Tensor {
  checkTensor('batchNorm', 'input', input)
  checkOptionalTensor('batchNorm', 'runningMean', runningMean)
  checkOptionalTensor('batchNorm', 'runningVar', runningVar)
  checkOptionalTensor('batchNorm', 'weight', weight)
  checkOptionalTensor('batchNorm', 'bias', bias)
  const options = readOptions<BatchNormOptions>('batchNorm', ['training', 'momentum', 'eps', ...epilogueOptions], 3, args)
  const { training = false, momentum = 0.1, eps = 1e-5 } = options
  checkNumber('batchNorm', 'eps', eps)
  checkNumber('batchNorm', 'momentum', momentum)
  if (training) checkBatchSize(input)
  checkRunningNeedNoGrad({ running_mean: runningMean, running_var: runningVar })
  if (input.ndim < 2 && training) throw new IndexError('Dimension out of range (expected to be in range of [-1, 0], but got 1)')
  const epilogue = readEpilogue('batchNorm', input, options)
  if (input.numel() === 0 && input.ndim > 1) return applyEpilogue(emptyBatch(input, weight, bias), epilogue)
  checkChannelSizes(input.shape[1] ?? 0, 1, training, { running_mean: runningMean, running_var: runningVar, weight, bias })
  if (!isFloatingPoint(input.dtype)) refuseDtype('batch_norm', input.dtype)
  checkMixedDtype(input, [weight, bias, runningMean, runningVar])

  const axes = batchNormAxes(input.shape)
  const view = channelView(axes)
  const asChannels = (t: Tensor) => asContiguousShape(t, view)
  const y = emptyTensor(input.shape, input.dtype)
  const x3 = asChannels(input)
  const { mean, rstd } = normalise()
  releaseCopy(x3, input)
  return record(y, {
    name: nodeName('NativeBatchNormBackward0', epilogue),
    inputs: epilogue ? [input, weight, bias, epilogue.residual] : [input, weight, bias],
    saved: [input, weight, ...savedFor(epilogue, bias, y)],
    scratch: [mean, rstd],
    backward: (dy, [x, w, b, residual, output], needs) => {
      const source = x as Tensor
      const again = {
        kernel: () => {
          const z = emptyTensor(source.shape, source.dtype)
          const end = residual && { residual, activation: null }
          withKernelEpilogue(end, view, (e) => kernels.batchNormInference(asChannels(source), w, b, mean, rstd, asChannels(z), e))
          return z
        },
        operation: () => {
          const z = composedNorm(source, w, bias, axes, eps, training ? null : { mean, rstd }).to(source.dtype)
          return applyEpilogue(z, epilogue && { ...epilogue, activation: null })
        },
      }
      const { dz, own } = epilogue ? throughActivation(epilogue, dy, output, again) : { dz: dy, own: false }
      const dresidual = epilogue ? [needs[3] ? dz : null] : []
      if (isGradEnabled()) {
        const [dx, dweight, dbias] = composedNormBackward(dz, source, w, axes, eps, training ? null : { mean, rstd }, [axes.shape[1]])
        return [needs[0] ? dx : null, needs[1] ? dweight : null, needs[2] ? dbias : null, ...dresidual]
      }
      const free = own && !needs[3]
      const dx = needs[0] ? (free ? dz : emptyTensor(source.shape, source.dtype)) : null
      const dweight = needs[1] && weight ? emptyTensor(weight.shape, weight.dtype) : null
      const dbias = needs[2] && bias ? emptyTensor(bias.shape, bias.dtype) : null
      kernels.batchNormBackward(asChannels(dz), asChannels(source), w, mean, rstd, training, dx && asChannels(dx), dweight, dbias)
      if (free && !dx) dz.dispose()
      return [dx, dweight, dbias, ...dresidual]
    },
  })

  function normalise(): { mean: Tensor; rstd: Tensor } {
    if (training) {
      const m = emptyTensor([axes.shape[1]], 'float64')
      const r = emptyTensor([axes.shape[1]], 'float64')
      const running = { mean: runningMean, variance: runningVar, momentum }
      withKernelEpilogue(epilogue, view, (end) => kernels.batchNorm(x3, weight, bias, running, eps, asChannels(y), m, r, end))
      for (const t of [runningMean, runningVar]) if (t) t.storage.version++
      return { mean: m, rstd: r }
    }
    // checkChannelSizes has made sure that both are there.
    const m = clone((runningMean as Tensor).detach())
    const r = noGrad(() => scope(() => (runningVar as Tensor).to('float64').add(eps).rsqrt()))
    withKernelEpilogue(epilogue, view, (end) => kernels.batchNormInference(x3, weight, bias, m, r, asChannels(y), end))
    return { mean: m, rstd: r }
  }
}

const channelView = ({ shape: [n, c, , l] }: NormAxes) => [n, c, l]

/** PyTorch keeps an empty batch in the graph of its parameters: their gradients are zero, not missing. */
function emptyBatch(input: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  let y = clone(input)
  if (weight) y = y.mul(weight.select(0, 0))
  if (bias) y = y.add(bias.select(0, 0))
  return y
}
