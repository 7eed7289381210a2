import { noGrad, record } from '../autograd/index.js'
import { dtypes, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions, RuntimeError, ValueError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { where } from './binary.js'
import { composed } from './composed.js'
import { pairwiseDistance } from './distance.js'
import { checkReduction, type LossOptions, reduceLoss } from './loss-reduction.js'

/** Losses of element-wise differences, of probabilities, and of distances. Classifiers' losses are in cross-entropy.ts. */

export interface WeightedLossOptions extends LossOptions {
  /** A weight for each element. Default: all 1. */
  weight?: Tensor | null
}

/** PyTorch holds this bound as a float32, for float64 losses too. */
const EPSILON = Math.fround(1e-12)

const torchSize = (x: Tensor): string => `torch.Size(${formatShape(x.shape)})`

const warned = new Set<string>()

/** Says once what PyTorch warns of. */
function warnOfBroadcast(owner: string, x: Tensor, target: Tensor): void {
  if (sameShape(x.shape, target.shape) || warned.has(owner)) return
  warned.add(owner)
  console.warn(
    `evenkeel: ${owner}: using a target size (${torchSize(target)}) that is different to the input size (${torchSize(x)}). This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.`,
  )
}

/** x - target, for losses that broadcast with a warning. */
function difference(owner: string, kernel: string, x: Tensor, target: Tensor): Tensor {
  const d = x.sub(target)
  warnOfBroadcast(owner, x, target)
  if (!isFloatingPoint(d.dtype)) refuseDtype(kernel, d.dtype)
  return d
}

/** A function of differences whose slope is itself an operation. */
function ofDifference(name: string, d: Tensor, value: (d: Tensor) => Tensor, slope: (d: Tensor) => Tensor): Tensor {
  const y = scope(() => noGrad(() => value(d)))
  return record(y, { name, inputs: [d], saved: [d], backward: (dy, [d]) => [slope(d).mul(dy)] })
}

function reduceWeighted(losses: Tensor, x: Tensor, options: WeightedLossOptions, divideBy: 'weights' | 'elements'): Tensor {
  const reduction = checkReduction(options.reduction)
  const { weight } = options
  if (!weight) return reduceLoss(losses, reduction)
  if (!sameShape(weight.shape, x.shape)) throw new ValueError('Weights and input must have the same size.')
  const weighted = losses.mul(weight)
  return reduction === 'mean' && divideBy === 'weights' ? weighted.sum().div(weight.sum()) : reduceLoss(weighted, reduction)
}

/** (x - target)^2. As `torch.nn.functional.mse_loss`. */
export function mseLoss(x: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  checkTensor('mseLoss', 'input', x)
  checkTensor('mseLoss', 'target', target)
  checkOptions('mseLoss', options, ['weight', 'reduction'])
  checkReduction(options.reduction)
  return composed([x, target, options.weight ?? null], () => {
    const d = difference('mseLoss', 'mse_cpu', x, target)
    const losses = ofDifference(
      'MseLossBackward0',
      d,
      (d) => d.square(),
      (d) => d.mul(2),
    )
    return reduceWeighted(losses, x, options, 'weights')
  })
}

/** |x - target|. As `torch.nn.functional.l1_loss`. */
export function l1Loss(x: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  checkTensor('l1Loss', 'input', x)
  checkTensor('l1Loss', 'target', target)
  checkOptions('l1Loss', options, ['weight', 'reduction'])
  checkReduction(options.reduction)
  return composed([x, target, options.weight ?? null], () => {
    const losses = x.sub(target).abs()
    warnOfBroadcast('l1Loss', x, target)
    return reduceWeighted(losses, x, options, 'weights')
  })
}

/** d^2 / 2 where |d| < delta, else delta (|d| - delta / 2). With c = d cut to [-delta, delta] that is c (d - c / 2), and its slope is c. */
function huber(d: Tensor, delta: number): Tensor {
  const cut = (d: Tensor) => d.hardtanh({ minVal: -delta, maxVal: delta })
  const value = (d: Tensor) => {
    const c = cut(d)
    return c.mul(d.sub(c, { alpha: 0.5 }))
  }
  return ofDifference('HuberLossBackward0', d, value, cut)
}

/**
 * d^2 / 2 where |d| < delta, else delta (|d| - delta / 2), of d = x - target. As `torch.nn.functional.huber_loss`.
 * @param options.delta default 1
 * @throws RuntimeError where delta is not positive
 */
export function huberLoss(x: Tensor, target: Tensor, options: WeightedLossOptions & { delta?: number } = {}): Tensor {
  checkTensor('huberLoss', 'input', x)
  checkTensor('huberLoss', 'target', target)
  checkOptions('huberLoss', options, ['delta', 'weight', 'reduction'])
  checkReduction(options.reduction)
  const { delta = 1 } = options
  if (!(delta > 0)) throw new RuntimeError('huber_loss does not support non-positive values for delta.')
  return composed([x, target, options.weight ?? null], () =>
    reduceWeighted(huber(difference('huberLoss', 'huber_cpu', x, target), delta), x, options, 'elements'),
  )
}

/**
 * d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, of d = x - target; |d| where beta is 0. As `torch.nn.functional.smooth_l1_loss`.
 * @param options.beta default 1
 * @throws RuntimeError where beta is negative
 */
export function smoothL1Loss(x: Tensor, target: Tensor, options: LossOptions & { beta?: number } = {}): Tensor {
  checkTensor('smoothL1Loss', 'input', x)
  checkTensor('smoothL1Loss', 'target', target)
  checkOptions('smoothL1Loss', options, ['beta', 'reduction'])
  const reduction = checkReduction(options.reduction)
  const { beta = 1 } = options
  if (!(beta >= 0)) throw new RuntimeError('smooth_l1_loss does not support negative values for beta.')
  return composed([x, target], () => {
    const d = difference('smoothL1Loss', 'smooth_l1_cpu', x, target)
    return reduceLoss(beta === 0 ? d.abs() : huber(d, beta).div(beta), reduction)
  })
}

/** log(1 + exp(-target x)) for targets of 1 and -1. As `torch.nn.functional.soft_margin_loss`, without its overflow. */
export function softMarginLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkTensor('softMarginLoss', 'input', x)
  checkTensor('softMarginLoss', 'target', target)
  checkOptions('softMarginLoss', options, ['reduction'])
  const reduction = checkReduction(options.reduction)
  // Beyond 40 the 1 is lost in float64 too.
  return composed([x, target], () => reduceLoss(x.mul(target).neg().softplus({ threshold: 40 }), reduction))
}

export interface PoissonNllOptions extends LossOptions {
  /** Whether x is the logarithm of the expected count: exp(x) - target x, else x - target log(x + eps). Default true. */
  logInput?: boolean
  /** Add Stirling's approximation of log(target!) for targets above 1. Default false. */
  full?: boolean
  /** Default 1e-8. */
  eps?: number
}

/** The negative log-likelihood of counts under a Poisson distribution. As `torch.nn.functional.poisson_nll_loss`. */
export function poissonNllLoss(x: Tensor, target: Tensor, options: PoissonNllOptions = {}): Tensor {
  checkTensor('poissonNllLoss', 'input', x)
  checkTensor('poissonNllLoss', 'target', target)
  checkOptions('poissonNllLoss', options, ['logInput', 'full', 'eps', 'reduction'])
  const { logInput = true, full = false, eps = 1e-8 } = options
  const reduction = checkReduction(options.reduction)
  return composed([x, target], () => {
    const loss = logInput ? x.exp().sub(target.mul(x)) : x.sub(target.mul(x.add(eps).log()))
    if (!full) return reduceLoss(loss, reduction)
    const stirling = target
      .mul(target.log())
      .sub(target)
      .add(target.mul(2 * Math.PI).log(), { alpha: 0.5 })
    return reduceLoss(loss.add(where(target.le(1), 0, stirling)), reduction)
  })
}

/** Whether every element lies in [0, 1]; NaN does not. */
function isProbability(x: Tensor): boolean {
  if (x.numel() === 0) return true
  const end = emptyTensor([], x.dtype)
  const dims = x.shape.map((_, d) => d)
  const [min, max] = (['min', 'max'] as const).map((op) => {
    kernels.reduce(op, x, dims, end)
    return end.item()
  })
  end.dispose()
  return min >= 0 && max <= 1
}

/**
 * -(target log(x) + (1 - target) log(1 - x)), logarithms cut off at -100. As `torch.nn.functional.binary_cross_entropy`.
 * @param x probabilities
 * @param target of x's shape, between 0 and 1
 * @param options.weight broadcasts against x
 * @throws ValueError where the shapes differ, RuntimeError where the dtypes do or an element is not between 0 and 1
 */
export function binaryCrossEntropy(x: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  checkTensor('binaryCrossEntropy', 'input', x)
  checkTensor('binaryCrossEntropy', 'target', target)
  checkOptions('binaryCrossEntropy', options, ['weight', 'reduction'])
  const reduction = checkReduction(options.reduction)
  const { weight } = options
  if (!sameShape(x.shape, target.shape)) {
    throw new ValueError(
      `Using a target size (${torchSize(target)}) that is different to the input size (${torchSize(x)}) is deprecated. Please ensure they have the same size.`,
    )
  }
  for (const other of [target, weight]) {
    if (other && other.dtype !== x.dtype) throw new RuntimeError(`Found dtype ${dtypes[other.dtype].scalarName} but expected ${dtypes[x.dtype].scalarName}`)
  }
  if (!isProbability(x)) throw new RuntimeError('all elements of input should be between 0 and 1')
  if (!isProbability(target)) throw new RuntimeError('all elements of target should be between 0 and 1')
  if (weight?.requiresGrad) {
    throw new RuntimeError(
      "The function 'binary_cross_entropy' is not differentiable with respect to argument 'weight'. This input cannot have requires_grad True.",
    )
  }
  const value = () => {
    const ofZero = x.neg().log1p().clampMin(-100)
    return target
      .sub(1)
      .mul(ofZero)
      .sub(target.mul(x.log().clampMin(-100)))
  }
  return composed([x, target], () => {
    const losses = record(
      scope(() => noGrad(value)),
      {
        name: 'BinaryCrossEntropyBackward0',
        inputs: [x, target],
        saved: [x, target],
        // The slope 1 / (x (1 - x)) ends at 1e12, where the logarithms do.
        backward: (dy, [x, target], [needsX, needsTarget]) => [
          needsX ? dy.mul(x.sub(target)).div(x.neg().add(1).mul(x).clampMin(EPSILON)) : null,
          needsTarget ? dy.mul(x.neg().log1p().sub(x.log())) : null,
        ],
      },
    )
    return reduceLoss(weight ? losses.mul(weight) : losses, reduction)
  })
}

export interface BceWithLogitsOptions extends WeightedLossOptions {
  /** What the positive part of the loss is multiplied with; broadcasts against x. Default 1. */
  posWeight?: Tensor | null
}

/**
 * Binary cross-entropy of sigmoid(x), without overflow: (1 - target) x - log(sigmoid(x)).
 * As `torch.nn.functional.binary_cross_entropy_with_logits`.
 * @throws ValueError where the shapes of x and target differ
 */
export function binaryCrossEntropyWithLogits(x: Tensor, target: Tensor, options: BceWithLogitsOptions = {}): Tensor {
  checkTensor('binaryCrossEntropyWithLogits', 'input', x)
  checkTensor('binaryCrossEntropyWithLogits', 'target', target)
  checkOptions('binaryCrossEntropyWithLogits', options, ['weight', 'posWeight', 'reduction'])
  const reduction = checkReduction(options.reduction)
  const { weight = null, posWeight = null } = options
  if (!sameShape(x.shape, target.shape)) throw new ValueError(`Target size (${torchSize(target)}) must be the same as input size (${torchSize(x)})`)
  return composed([x, target, weight, posWeight], () => {
    const positive = posWeight ? x.logsigmoid().mul(posWeight.sub(1).mul(target).add(1)) : x.logsigmoid()
    const losses = target.neg().add(1).mul(x).sub(positive)
    return reduceLoss(weight ? losses.mul(weight) : losses, reduction)
  })
}

export interface KlDivOptions {
  /** 'batchmean' divides the sum by the size of the first axis, which is the divergence's definition; 'mean' by the number of elements. Default 'mean'. */
  reduction?: LossOptions['reduction'] | 'batchmean'
  /** Whether the target is given as its logarithm. Default false. */
  logTarget?: boolean
}

/**
 * The Kullback-Leibler divergence target (log(target) - x), x being log-probabilities. As `torch.nn.functional.kl_div`.
 */
export function klDiv(x: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  checkTensor('klDiv', 'input', x)
  checkTensor('klDiv', 'target', target)
  checkOptions('klDiv', options, ['reduction', 'logTarget'])
  const { reduction = 'mean', logTarget = false } = options
  const known = checkReduction(reduction === 'batchmean' ? 'sum' : reduction)
  return composed([x, target], () => {
    // A probability of 0 contributes 0, though its logarithm is infinite.
    const losses = logTarget ? target.exp().mul(target.sub(x)) : where(target.eq(0), 0, target.mul(target.log())).sub(target.mul(x))
    const reduced = reduceLoss(losses, known)
    return reduction === 'batchmean' && x.ndim > 0 ? reduced.div(x.shape[0]) : reduced
  })
}

export interface MarginOptions extends LossOptions {
  /** Default 0. */
  margin?: number
}

/**
 * 1 - cos where the target is 1, max(0, cos - margin) where it is -1. As `torch.nn.functional.cosine_embedding_loss`.
 * @param x1 and x2: [N, D] with a target [N], or [D] with a single target
 * @param options.margin default 0
 */
export function cosineEmbeddingLoss(x1: Tensor, x2: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  checkTensor('cosineEmbeddingLoss', 'x1', x1)
  checkTensor('cosineEmbeddingLoss', 'x2', x2)
  checkTensor('cosineEmbeddingLoss', 'target', target)
  checkOptions('cosineEmbeddingLoss', options, ['margin', 'reduction'])
  const { margin = 0 } = options
  const reduction = checkReduction(options.reduction)
  const dim = target.ndim
  if (dim > 1) throw new RuntimeError('0D or 1D target tensor expected, multi-target not supported')
  if (x1.ndim !== dim + 1 || x2.ndim !== dim + 1) {
    throw new RuntimeError(
      `${dim}D target tensor expects ${dim + 1}D input tensors, but found inputs with sizes ${formatShape(x1.shape)} and ${formatShape(x2.shape)}.`,
    )
  }
  return composed([x1, x2, target], () => {
    const squared = (x: Tensor) => x.mul(x).sum(dim).add(EPSILON)
    const cos = x1
      .mul(x2)
      .sum(dim)
      .div(squared(x1).mul(squared(x2)).sqrt())
    const losses = where(target.eq(1), cos.neg().add(1), 0).add(where(target.eq(-1), cos.sub(margin).clampMin(0), 0))
    return reduceLoss(losses, reduction)
  })
}

/** max(0, margin - target (x1 - x2)) for targets of 1 and -1. As `torch.nn.functional.margin_ranking_loss`. @param options.margin default 0 */
export function marginRankingLoss(x1: Tensor, x2: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  checkTensor('marginRankingLoss', 'x1', x1)
  checkTensor('marginRankingLoss', 'x2', x2)
  checkTensor('marginRankingLoss', 'target', target)
  checkOptions('marginRankingLoss', options, ['margin', 'reduction'])
  const { margin = 0 } = options
  const reduction = checkReduction(options.reduction)
  if (x1.ndim !== x2.ndim || x1.ndim !== target.ndim) {
    throw new RuntimeError(
      `margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: ${torchSize(x1)}, input2: ${torchSize(x2)}, target: ${torchSize(target)} `,
    )
  }
  return composed([x1, x2, target], () => reduceLoss(target.neg().mul(x1.sub(x2)).add(margin).clampMin(0), reduction))
}

export interface TripletOptions extends LossOptions {
  /** Default 1. */
  margin?: number
  /** Which norm measures distances. Default 2. */
  p?: number
  /** Added to each difference. Default 1e-6. */
  eps?: number
  /** Take the distance of the positive to the negative where that is smaller. Default false. @see Balntas et al. 2016 */
  swap?: boolean
}

/**
 * max(0, d(anchor, positive) - d(anchor, negative) + margin). As `torch.nn.functional.triplet_margin_loss`.
 * @throws ValueError where the margin is not positive, RuntimeError where the numbers of dimensions differ
 */
export function tripletMarginLoss(anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletOptions = {}): Tensor {
  checkTensor('tripletMarginLoss', 'anchor', anchor)
  checkTensor('tripletMarginLoss', 'positive', positive)
  checkTensor('tripletMarginLoss', 'negative', negative)
  checkOptions('tripletMarginLoss', options, ['margin', 'p', 'eps', 'swap', 'reduction'])
  const { margin = 1, p = 2, eps = 1e-6, swap = false } = options
  const reduction = checkReduction(options.reduction)
  if (!(margin > 0)) throw new ValueError(`margin must be greater than 0, got ${margin}`)
  if (anchor.ndim !== positive.ndim || anchor.ndim !== negative.ndim) {
    throw new RuntimeError(
      `The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor ${anchor.ndim}D, positive ${positive.ndim}D, and negative ${negative.ndim}D inputs`,
    )
  }
  return composed([anchor, positive, negative], () => {
    const distance = (a: Tensor, b: Tensor) => pairwiseDistance(a, b, { p, eps })
    const toNegative = distance(anchor, negative)
    const away = swap ? toNegative.minimum(distance(positive, negative)) : toNegative
    return reduceLoss(distance(anchor, positive).sub(away).add(margin).clampMin(0), reduction)
  })
}
