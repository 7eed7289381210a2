import { dtypes, indexHint, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions, IndexError, RuntimeError, ValueError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { where } from './binary.js'
import { composed } from './composed.js'
import { checkReduction, type LossOptions, reduceLoss } from './loss-reduction.js'

/** Losses of a classifier: the negative log-probability of the right class. */

export interface NllOptions extends LossOptions {
  /** One weight a class. Default: all 1. */
  weight?: Tensor | null
  /** A target that counts for nothing. Default -100. */
  ignoreIndex?: number
}

export interface CrossEntropyOptions extends NllOptions {
  /** This share of the target is spread evenly over all classes. Default 0. @see Szegedy et al. 2015, arXiv:1512.00567 */
  labelSmoothing?: number
}

/** The targets as [N, 1, ...S]: what both parts of a smoothed loss need to know of them. */
interface Targets {
  /** Class indices, 0 for what is ignored. */
  index: Tensor
  /** Which count; null where all do. */
  counted: Tensor | null
  /** The weights of their classes; null for 1. */
  weights: Tensor | null
  /** What a mean divides by: the sum of the weights of what counts. */
  total: number
}

function checkShapes(x: Tensor, target: Tensor, weight: Tensor | null): void {
  if (x.ndim === 0) throw new ValueError('Expected 1 or more dimensions (got 0)')
  const batch = target.ndim > 0 ? target.shape[0] : 0
  if (x.ndim > 1 && x.shape[0] !== batch) throw new ValueError(`Expected input batch_size (${x.shape[0]}) to match target batch_size (${batch}).`)
  const spatial = x.shape.slice(2)
  const wrongWeight = weight !== null && (weight.ndim !== 1 || weight.shape[0] !== x.shape[x.ndim === 1 ? 0 : 1])
  const mismatch = `size mismatch (got input: ${formatShape(x.shape)}${x.ndim === 4 ? ' ' : ''}, target: ${formatShape(target.shape)}`
  if (x.ndim <= 2) {
    if (target.ndim > 1) throw new RuntimeError('0D or 1D target tensor expected, multi-target not supported')
    if (x.ndim === 1 && target.ndim === 1 && target.shape[0] !== 1) throw new RuntimeError(`${mismatch})`)
    if (wrongWeight) {
      throw new RuntimeError(
        `weight tensor should be defined either for all ${x.shape[x.ndim - 1]} classes or no classes but got weight tensor of shape: ${formatShape(weight.shape)}`,
      )
    }
    return
  }
  if (x.ndim === 4 && target.ndim !== 3) {
    throw new RuntimeError(`only batches of spatial targets supported (3D tensors) but got targets of dimension: ${target.ndim}`)
  }
  const fits = sameShape(target.shape.slice(1), spatial)
  if (x.ndim !== 4 && !fits) throw new RuntimeError(`Expected target size ${formatShape([x.shape[0], ...spatial])}, got ${formatShape(target.shape)}`)
  if (wrongWeight) throw new RuntimeError('weight tensor should be defined either for all or no classes')
  if (!fits) throw new RuntimeError(mismatch)
}

function checkDtypes(x: Tensor, target: Tensor, weight: Tensor | null): void {
  if (!isFloatingPoint(x.dtype)) refuseDtype('nll_loss_out_frame', x.dtype)
  if (target.dtype !== 'int64' && target.dtype !== 'uint8') {
    throw new RuntimeError(`expected scalar type Long but found ${dtypes[target.dtype].scalarName}`, indexHint(target.dtype))
  }
  if (weight && weight.dtype !== x.dtype)
    throw new RuntimeError(`expected scalar type ${dtypes[x.dtype].scalarName} but found ${dtypes[weight.dtype].scalarName}`)
  if (weight?.requiresGrad) {
    throw new RuntimeError(
      "The function 'nll_loss_forward' is not differentiable with respect to argument 'weight'. This input cannot have requires_grad True.",
    )
  }
}

/** Checks the targets against the classes of x, [N, C, ...S]. */
function targetsOf(x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number): Targets {
  const classes = x.shape[1]
  const shape = [x.shape[0], 1, ...x.shape.slice(2)]
  const values = target.toTypedArray()
  const classWeights = weight?.to('float64').toTypedArray() ?? null
  let ignored = 0
  let total = 0
  for (let i = 0; i < values.length; i++) {
    const t = Number(values[i])
    if (t === ignoreIndex) ignored++
    else if (t < 0 || t >= classes) throw new IndexError(`Target ${t} is out of bounds.`)
    else total += classWeights ? Number(classWeights[t]) : 1
  }
  const given = target.to('int64').reshape(shape)
  const counted = ignored > 0 ? given.ne(ignoreIndex) : null
  const index = counted ? where(counted, given, 0) : given
  return { index, counted, weights: weight?.indexSelect(0, index.reshape([-1])).reshape(shape) ?? null, total }
}

/** Reduces losses [N, 1, ...S] to the target's shape or a number; a mean is weighted. */
function reduceOver({ counted, total }: Targets, loss: Tensor, target: Tensor, reduction: LossOptions['reduction']): Tensor {
  // Not by a product: an ignored log-probability may be infinite.
  const kept = counted ? where(counted, loss, 0) : loss
  if (reduction === 'none') return kept.reshape(target.shape)
  return reduction === 'sum' ? kept.sum() : kept.sum().div(total)
}

const pick = (logProbabilities: Tensor, { index, weights }: Targets): Tensor => {
  const picked = logProbabilities.gather(1, index).neg()
  return weights ? picked.mul(weights) : picked
}

const batched = (x: Tensor): Tensor => (x.ndim === 1 ? x.unsqueeze(0) : x)

/**
 * The negative of the log-probability of each target's class, times the class's weight. A mean divides by the sum of these weights.
 * As `torch.nn.functional.nll_loss`.
 * @param x log-probabilities [N, C, ...S], or [C] for one sample
 * @param target class indices, int64 or uint8, [N, ...S] or a single one
 * @throws IndexError for a target that is no class; ValueError or RuntimeError where shapes or dtypes don't fit
 */
export function nllLoss(x: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  checkTensor('nllLoss', 'input', x)
  checkTensor('nllLoss', 'target', target)
  checkOptions('nllLoss', options, ['weight', 'ignoreIndex', 'reduction'])
  const { weight = null, ignoreIndex = -100 } = options
  const reduction = checkReduction(options.reduction)
  checkShapes(x, target, weight)
  checkDtypes(x, target, weight)
  return composed([x], () => {
    const rows = batched(x)
    const targets = targetsOf(rows, target, weight, ignoreIndex)
    return reduceOver(targets, pick(rows, targets), target, reduction)
  })
}

/**
 * The cross-entropy between softmax(x) and the target. As `torch.nn.functional.cross_entropy`.
 * @param x scores [N, C, ...S], or [C] for one sample
 * @param target class indices as in `nllLoss`, or class probabilities of x's shape
 * @throws as `nllLoss`, and RuntimeError where labelSmoothing is not between 0 and 1
 */
export function crossEntropy(x: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkTensor('crossEntropy', 'input', x)
  checkTensor('crossEntropy', 'target', target)
  checkOptions('crossEntropy', options, ['weight', 'ignoreIndex', 'reduction', 'labelSmoothing'])
  const { weight = null, ignoreIndex = -100, labelSmoothing = 0 } = options
  const reduction = checkReduction(options.reduction)
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) throw new RuntimeError(`label_smoothing must be between 0.0 and 1.0. Got: ${labelSmoothing}`)
  if (sameShape(x.shape, target.shape)) return softCrossEntropy(x, target, weight, ignoreIndex, reduction, labelSmoothing)
  checkShapes(x, target, weight)
  checkDtypes(x, target, weight)
  return composed([x], () => {
    const rows = batched(x)
    const targets = targetsOf(rows, target, weight, ignoreIndex)
    const logProbabilities = rows.logSoftmax(1)
    const loss = pick(logProbabilities, targets)
    if (labelSmoothing === 0) return reduceOver(targets, loss, target, reduction)
    const overClasses = alongClasses(logProbabilities, weight).sum(1, { keepdim: true })
    const smoothed = loss.mul(1 - labelSmoothing).sub(overClasses, { alpha: labelSmoothing / rows.shape[1] })
    return reduceOver(targets, smoothed, target, reduction)
  })
}

/** Each class's entry times its weight; classes lie along axis 1. */
const alongClasses = (x: Tensor, weight: Tensor | null): Tensor => (weight ? x.mul(weight.reshape([-1, ...x.shape.slice(2).map(() => 1)])) : x)

/** Against class probabilities, which can have gradients themselves. */
function softCrossEntropy(
  x: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  reduction: NonNullable<LossOptions['reduction']>,
  labelSmoothing: number,
): Tensor {
  if (!isFloatingPoint(target.dtype)) {
    throw new RuntimeError(`Expected floating point type for target with class probabilities, got ${dtypes[target.dtype].scalarName}`)
  }
  if (ignoreIndex >= 0) throw new RuntimeError('ignore_index is not supported for floating point target')
  if (x.ndim === 0) throw new ValueError('Expected 1 or more dimensions (got 0)')
  const rows = batched(x)
  const classes = rows.shape[1]
  if (weight && (weight.ndim !== 1 || weight.shape[0] !== classes)) {
    throw new RuntimeError(
      `cross_entropy: weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ${formatShape(weight.shape)}`,
    )
  }
  return composed([x, target], () => {
    const given = batched(target)
    const wanted = labelSmoothing > 0 ? given.mul(1 - labelSmoothing).add(labelSmoothing / classes) : given
    const losses = alongClasses(rows.logSoftmax(1).mul(wanted), weight).sum(1).neg()
    return reduceLoss(x.ndim === 1 ? losses.reshape([]) : losses, reduction)
  })
}
