import { isGradEnabled, record } from '../autograd/index.js'
import { dtypes, indexHint, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions, IndexError, RuntimeError, ValueError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, emptyTensor, type Tensor, windowOf } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { where } from './binary.js'
import { composed } from './composed.js'
import { copy_ } from './copy.js'
import { full, onesLike, zerosLike } from './create.js'
import { checkReduction, type LossOptions, type Reduction, reduceLoss } from './loss-reduction.js'

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

/** The targets as [N, 1, ...S]. */
interface Targets {
  /** Class indices, 0 for what is ignored. */
  index: Tensor
  /** Which count; null where all do. */
  counted: Tensor | null
  /** The weights of their classes; null for 1. */
  weights: Tensor | null
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

interface Count {
  /** How many targets are ignored. */
  ignored: number
  /** What a mean divides by: the sum of the weights of what counts. */
  total: number
}

/** Checks the targets against the classes of x, [N, C, ...S]. @throws IndexError for one that is no class */
function checkTargets(x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number): Count {
  const classes = x.shape[1]
  const values = target.isContiguous() ? target.data : target.toTypedArray()
  // Of int64 the two halves, the lower first: a BigInt for each target would cost more than the kernel.
  const halves = values instanceof BigInt64Array ? new Int32Array(values.buffer, values.byteOffset, 2 * values.length) : null
  const classWeights = weight?.to('float64').toTypedArray() ?? null
  let ignored = 0
  let total = 0
  for (let i = 0; i < values.length; i++) {
    const t = halves ? halves[2 * i + 1] * 2 ** 32 + (halves[2 * i] >>> 0) : Number(values[i])
    if (t === ignoreIndex) ignored++
    else if (t < 0 || t >= classes) throw new IndexError(`Target ${t} is out of bounds.`)
    else total += classWeights ? Number(classWeights[t]) : 1
  }
  return { ignored, total }
}

function targetsOf(x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, ignored: number): Targets {
  const shape = [x.shape[0], 1, ...x.shape.slice(2)]
  const given = target.to('int64').reshape(shape)
  const counted = ignored > 0 ? given.ne(ignoreIndex) : null
  const index = counted ? where(counted, given, 0) : given
  return { index, counted, weights: weight?.indexSelect(0, index.reshape([-1])).reshape(shape) ?? null }
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
    const { ignored, total } = checkTargets(rows, target, weight, ignoreIndex)
    const { index, counted, weights } = targetsOf(rows, target, weight, ignoreIndex, ignored)
    const picked = rows.gather(1, index).neg()
    const loss = weights ? picked.mul(weights) : picked
    // Not by a product: an ignored log-probability may be infinite.
    const kept = counted ? where(counted, loss, 0) : loss
    if (reduction === 'none') return kept.reshape(target.shape)
    return reduction === 'sum' ? kept.sum() : kept.sum().div(total)
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
  return hardCrossEntropy(batched(x), target, weight, ignoreIndex, reduction, labelSmoothing)
}

/**
 * Against classes, in one pass: what is kept for backward is two numbers a sample, no probabilities. With a_c what class c counts in a loss:
 * loss = -sum_c a_c log(p_c);  dx_c = dy (p_c sum_k a_k - a_c).
 */
function hardCrossEntropy(x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction, smoothing: number): Tensor {
  const { ignored, total } = scope(() => checkTargets(x, target, weight, ignoreIndex))
  const samples = [x.shape[0], ...x.shape.slice(2)]
  const options = { weight, ignoreIndex, smoothing }
  const [y, classes, maxima, logSums] = scope(() => {
    const shaped = target.reshape(samples)
    const classes = shaped.dtype === 'int64' && shaped.isContiguous() ? shaped : copy_(emptyTensor(samples, 'int64'), shaped)
    const losses = emptyTensor(reduction === 'none' ? target.shape : samples, x.dtype)
    const [maxima, logSums] = [0, 1].map(() => emptyTensor(samples, x.dtype === 'float64' ? 'float64' : 'float32'))
    kernels.crossEntropy(classesLast(x), classes, options, losses, maxima, logSums)
    const y = reduction === 'none' ? losses : reduction === 'sum' ? losses.sum() : losses.sum().div(total)
    return [y, classes, maxima, logSums]
  })
  const own = classes.storage === target.storage ? [] : [classes]
  return record(y, {
    name: x.ndim === 4 ? 'NllLoss2DBackward0' : 'NllLossBackward0',
    inputs: [x],
    saved: [x, target, weight],
    scratch: [maxima, logSums, ...own],
    backward: (dy) => {
      const each = reduction === 'none' ? dy.reshape(samples) : reduction === 'sum' ? dy : dy.div(total)
      if (isGradEnabled()) {
        const counts = countsOf(x, targetsOf(x, target, weight, ignoreIndex, ignored), weight, smoothing)
        return [
          x
            .softmax(1)
            .mul(counts.sum(1, { keepdim: true }))
            .sub(counts)
            .mul(each.ndim > 0 ? each.unsqueeze(1) : each),
        ]
      }
      const dx = emptyTensor(x.shape, x.dtype)
      kernels.crossEntropyBackward(each, classesLast(x), classes, options, maxima, logSums, classesLast(dx))
      return [dx]
    },
  })
}

/** [N, C, ...S] as [N, ...S, C], outside the graph. */
const classesLast = (x: Tensor): Tensor => {
  const order = [0, ...x.shape.slice(2).map((_, d) => d + 2), 1]
  const [shape, strides] = [x.shape, x.strides].map((sizes) => order.map((d) => sizes[d]))
  return windowOf(x, shape, strides, x.offset)
}

/** What each class counts in the loss of each sample, [N, C, ...S]. */
function countsOf(x: Tensor, { index, counted, weights }: Targets, weight: Tensor | null, smoothing: number): Tensor {
  const even = full(x.shape, smoothing / x.shape[1], { dtype: x.dtype })
  const right = (weights ?? onesLike(index, { dtype: x.dtype })).mul(1 - smoothing)
  const counts = alongClasses(even, weight).add(zerosLike(x).scatter(1, index, right))
  return counted ? where(counted, counts, 0) : counts
}

/** Each class's entry times its weight; classes lie along axis 1. */
const alongClasses = (x: Tensor, weight: Tensor | null): Tensor => (weight ? x.mul(weight.reshape([-1, ...x.shape.slice(2).map(() => 1)])) : x)

/** Against class probabilities, which can have gradients themselves. */
function softCrossEntropy(x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction, labelSmoothing: number): Tensor {
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
