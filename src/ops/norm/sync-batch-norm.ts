import { isGradEnabled, noGrad, recordAll } from '../../autograd/index.js'
import { isFloatingPoint, refuseDtype } from '../../core/dtype.js'
import { ValueError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { scope } from '../../core/storage.js'
import { emptyTensor, type Tensor } from '../../core/tensor.js'
import { kernels } from '../../kernels/index.js'
import { copy_ } from '../copy.js'
import { zeros } from '../create.js'
import { cat } from '../join.js'
import '../methods.js'
import { batchNormAxes, type NormAxes, parameterShape, sharedCount, summedForParameters } from './axes.js'
import { checkChannelSizes, checkMixedDtype, checkRunningNeedNoGrad } from './checks.js'
import { asContiguousShape } from './layout.js'
import { gatherAll, type ProcessGroup, sumAll } from './process-group.js'

/** One replica's part of the batch, and its own copy of the layer's state. */
export interface Share {
  readonly input: Tensor
  readonly runningMean: Tensor | null
  readonly runningVar: Tensor | null
  readonly weight: Tensor | null
  readonly bias: Tensor | null
  /** Weight of the new batch in the running averages. */
  readonly momentum: number
  readonly eps: number
}

/** Statistics of the whole batch: [C], float64. */
interface Statistics {
  readonly count: number
  readonly mean: Tensor
  readonly variance: Tensor
  readonly rstd: Tensor
}

/**
 * Batch normalization whose batch is spread over replicas: one mean and variance per channel of all shares together, so that outputs, gradients and
 * running statistics are those of BatchNorm on the whole batch. Shares may differ in size and be empty.
 *
 * Forward: each share's count, mean and sum of squared deviations are gathered and combined pairwise by Chan, Golub and LeVeque 1979 (eq. 2.1):
 * with d = mean_b - mean_a and n = n_a + n_b, mean = mean_a + d n_b / n and M = M_a + M_b + d^2 n_a n_b / n. Backward: dx = rstd (g - sum(g) / n -
 * x^ sum(g x^) / n) with g = dy weight and sums over all replicas. Gradients of weight and bias are those of the share alone, as in PyTorch: whoever
 * averages the gradients of all parameters over the replicas does so for these.
 *
 * @param shares the replicas of this thread: one, or several that take their step together
 * @param group the replicas beyond this thread; null for none
 * @returns each share's output
 * @throws ValueError where a channel has one value in the whole batch
 */
export function syncBatchNorm(shares: readonly Share[], group: ProcessGroup | null): readonly Tensor[] {
  const parts = shares.map((share) => ({ ...share, axes: batchNormAxes(share.input.shape) }))
  for (const part of parts) check(part)
  const statistics = noGrad(() =>
    scope(() =>
      combine(
        gatherAll(
          parts.map(({ input, axes }) => moments(input, axes)),
          group,
        ),
        shares[0],
      ),
    ),
  )
  for (const part of parts) updateRunning(part, statistics)
  const { count, mean, rstd } = statistics
  statistics.variance.dispose()
  const outputs = parts.map(({ input, axes, weight, bias }) => normalize(input, axes, weight, bias, mean, rstd))
  return recordAll(outputs, {
    name: 'SyncBatchNormBackward',
    inputs: parts.flatMap(({ input, weight, bias }) => [input, weight, bias]),
    saved: parts.flatMap(({ input, weight }) => [input, weight]),
    scratch: [mean, rstd],
    backward: (dys, saved, needs) => {
      const own = parts.map(({ axes, bias, eps }, i) => {
        const [input, weight] = [saved[2 * i] as Tensor, saved[2 * i + 1]]
        return { input, weight, bias, axes, eps, dy: dys[i] ?? zeros(input.shape, { dtype: input.dtype }), needs: needs.slice(3 * i, 3 * i + 3) }
      })
      return isGradEnabled() ? composedBackward(own, count, group) : fusedBackward(own, count, mean, rstd, group)
    },
  })
}

function check({ input, runningMean, runningVar, weight, bias }: Share): void {
  checkRunningNeedNoGrad({ running_mean: runningMean, running_var: runningVar })
  checkChannelSizes(input.shape[1], 1, true, { running_mean: runningMean, running_var: runningVar, weight, bias })
  if (!isFloatingPoint(input.dtype)) refuseDtype('batch_norm', input.dtype)
  checkMixedDtype(input, [weight, bias, runningMean, runningVar])
}

const view = ({ shape: [n, c, , l] }: NormAxes) => [n, c, l]

/** Mean, sum of squared deviations, and count of a share: [3, C]. */
function moments(input: Tensor, axes: NormAxes): Tensor {
  const channels = axes.shape[1]
  const count = sharedCount(axes)
  const sums = zeros([3, channels], { dtype: 'float64' })
  if (count === 0) return sums
  const [mean, rstd] = [sums.select(0, 0), emptyTensor([channels], 'float64')]
  // With an eps of 0 the reciprocal root gives the variance back; it is 0 for a constant channel.
  kernels.batchNorm(asContiguousShape(input, view(axes)), null, null, noRunning, 0, emptyTensor(view(axes), input.dtype), mean, rstd)
  copy_(sums.select(0, 1), rstd.pow(-2).maskedFill(rstd.eq(0), 0).mul(count))
  sums.select(0, 2).fill_(count)
  return sums
}

const noRunning = { mean: null, variance: null, momentum: 0 }

function combine(gathered: readonly Tensor[], { input, eps }: Share): Statistics {
  let count = 0
  let [mean, deviations] = gathered[0].unbind(0)
  for (const share of gathered) {
    const [shareMean, shareDeviations, counts] = share.unbind(0)
    const n = counts.select(0, 0).item()
    const total = count + n
    if (count === 0) [mean, deviations] = [shareMean, shareDeviations]
    else if (n > 0) {
      const delta = shareMean.sub(mean)
      mean = mean.add(delta, { alpha: n / total })
      deviations = deviations.add(shareDeviations).add(delta.square(), { alpha: (count * n) / total })
    }
    count = total
  }
  if (count === 1) {
    throw new ValueError(
      `Expected more than 1 value per channel when training, got input size torch.Size(${formatShape(input.shape)}), and nothing from other replicas`,
    )
  }
  const variance = deviations.div(Math.max(count, 1))
  const shifted = variance.add(eps)
  const rstd = shifted.maskedFill(shifted.eq(0), Number.POSITIVE_INFINITY).rsqrt()
  // Not a view of what was gathered: that is released with the scope.
  return { count, mean: mean.clone(), variance, rstd }
}

function updateRunning({ runningMean, runningVar, momentum }: Share, { count, mean, variance }: Statistics): void {
  if (count === 0) return
  const update = (running: Tensor, batch: Tensor) =>
    noGrad(() =>
      scope(() => {
        copy_(
          running,
          running
            .to('float64')
            .mul(1 - momentum)
            .add(batch, { alpha: momentum }),
        )
      }),
    )
  if (runningMean) update(runningMean, mean)
  if (runningVar)
    update(
      runningVar,
      noGrad(() => variance.mul(count / (count - 1))),
    )
}

/** y = (x - mean) rstd weight + bias, by the kernel. */
function normalize(x: Tensor, axes: NormAxes, weight: Tensor | null, bias: Tensor | null, mean: Tensor, rstd: Tensor): Tensor {
  const y = emptyTensor(x.shape, x.dtype)
  if (x.numel() > 0) kernels.batchNormInference(asContiguousShape(x, view(axes)), weight, bias, mean, rstd, asContiguousShape(y, view(axes)))
  return y
}

/** What backward knows of one share. */
interface Part {
  readonly input: Tensor
  readonly weight: Tensor | null
  readonly bias: Tensor | null
  readonly axes: NormAxes
  readonly eps: number
  readonly dy: Tensor
  readonly needs: readonly boolean[]
}

/** Gradients of input, weight and bias for each part. */
function fusedBackward(parts: readonly Part[], count: number, mean: Tensor, rstd: Tensor, group: ProcessGroup | null): (Tensor | null)[] {
  const channels = mean.shape
  const local = parts.map(({ input, weight, axes, dy }) => {
    const wide = input.dtype === 'float64' ? 'float64' : 'float32'
    const [dx, dweight, dbias] = [emptyTensor(input.shape, input.dtype), zeros(channels, { dtype: wide }), zeros(channels, { dtype: wide })]
    if (input.numel() > 0) {
      const [dy3, x3, dx3] = [dy, input, dx].map((t) => asContiguousShape(t, view(axes)))
      kernels.batchNormBackward(dy3, x3, weight, mean, rstd, false, dx3, dweight, dbias)
    }
    return { dx, dweight, dbias }
  })
  const needed = parts.some(({ needs }) => needs[0])
  const sums = needed
    ? sumAll(
        local.map(({ dweight, dbias }) => cat([dweight, dbias]).to('float64')),
        group,
      )
    : null
  return parts.flatMap(({ input, weight, bias, axes, needs }, i) => {
    const { dx, dweight, dbias } = local[i]
    if (sums && needs[0]) dx.add_(correction(sums, count, input, axes, weight, mean, rstd))
    return [needs[0] ? dx : null, needs[1] && weight ? dweight : null, needs[2] && bias ? dbias : null]
  })
}

/** What dx = rstd g lacks: -rstd weight (sum(dy x^) x^ + sum(dy)) / n, again a shift and scale of x^ per channel. */
function correction(sums: Tensor, count: number, input: Tensor, axes: NormAxes, weight: Tensor | null, mean: Tensor, rstd: Tensor): Tensor {
  const coefficient = (weight ? rstd.mul(weight) : rstd).div(-count)
  const wide = input.dtype === 'float64' ? 'float64' : 'float32'
  const [scale, shift] = sums.reshape([2, -1]).mul(coefficient).to(wide).unbind(0)
  return normalize(input, axes, scale, shift, mean, rstd)
}

/** The same in ops, from the inputs on, so that it can be differentiated: sums over replicas are sums of gradients, too. */
function composedBackward(parts: readonly Part[], count: number, group: ProcessGroup | null): (Tensor | null)[] {
  const statistic = (of: (part: Part, i: number) => Tensor): Tensor =>
    sumAll(
      parts.map((part, i) => of(part, i).sum(part.axes.shared, { keepdim: true })),
      group,
    ).div(count)
  const wide = (t: Tensor, axes: NormAxes) => t.to('float64').reshape(axes.shape)
  const mean = statistic(({ input, axes }) => wide(input, axes))
  const centered = parts.map(({ input, axes }) => wide(input, axes).sub(mean))
  const shifted = statistic((_, i) => centered[i].square()).add(parts[0].eps)
  const rstd = shifted.maskedFill(shifted.eq(0), Number.POSITIVE_INFINITY).rsqrt()
  const xhat = centered.map((t) => t.mul(rstd))
  const g = parts.map(({ dy, axes, weight }) => (weight ? wide(dy, axes).mul(weight.reshape(parameterShape(axes))) : wide(dy, axes)))
  const [meanG, meanGx] = [statistic((_, i) => g[i]), statistic((_, i) => g[i].mul(xhat[i]))]
  return parts.flatMap(({ dy, input, axes, weight, bias, needs }, i) => {
    const overShare = (t: Tensor) => t.sum(summedForParameters).reshape([axes.shape[1]])
    return [
      needs[0] ? g[i].sub(meanG).sub(xhat[i].mul(meanGx)).mul(rstd).reshape(input.shape) : null,
      needs[1] && weight ? overShare(wide(dy, axes).mul(xhat[i])) : null,
      needs[2] && bias ? overShare(wide(dy, axes)) : null,
    ]
  })
}
