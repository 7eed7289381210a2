import { record } from '../autograd/index.js'
import { readSizes, type SizeArguments } from '../core/arguments.js'
import { checkDtype, type Dtype, getDefaultDtype, isFloatingPoint } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { defaultGenerator, type Generator } from '../core/random.js'
import { type FillTarget, fillNormal, fillUniform } from '../core/random-fill.js'
import { fillRandint, fillRandperm } from '../core/random-integer.js'
import { multinomial as drawCategories } from '../core/random-multinomial.js'
import { broadcastShapes, checkShape, type Shape } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, emptyTensor, Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { denseLike, drawInto } from './draw.js'
import { checkOperand, shapeOf, tensorOrNull } from './promote.js'
import { bernoulli_, type DrawOptions } from './random-inplace.js'

/** New tensors of random numbers: after `manualSeed(s)` those that PyTorch's CPU functions of the same names give after `manual_seed(s)`. */

export interface RandomOptions extends DrawOptions {
  /** Default: the default float (int64 for whole numbers), or that of the tensor it is like. */
  dtype?: Dtype
  /** Whether operations on it are recorded for backward. Default false. */
  requiresGrad?: boolean
}

type Fill = (target: FillTarget, generator: Generator) => void

function draw(owner: string, options: RandomOptions, fallback: Dtype, make: (dtype: Dtype) => Tensor, fill: Fill): Tensor {
  checkOptions(owner, options, ['dtype', 'generator', 'requiresGrad'])
  const { dtype = fallback, generator = defaultGenerator(), requiresGrad = false } = options
  checkDtype(owner, dtype)
  const t = make(dtype)
  drawInto(t, (target) => fill(target, generator))
  return requiresGrad ? t.requiresGrad_() : t
}

const drawSizes = (owner: string, args: SizeArguments<RandomOptions>, fill: Fill): Tensor => {
  const { shape, options } = readSizes(args)
  return drawNew(owner, shape, options, getDefaultDtype(), fill)
}

function drawNew(owner: string, shape: Shape, options: RandomOptions, fallback: Dtype, fill: Fill): Tensor {
  checkShape(owner, shape)
  return draw(owner, options, fallback, (dtype) => emptyTensor(shape, dtype), fill)
}

function drawLike(owner: string, x: Tensor, options: RandomOptions, fill: Fill): Tensor {
  checkTensor(owner, 'input', x)
  return draw(owner, options, x.dtype, (dtype) => denseLike(x, dtype), fill)
}

/**
 * Uniform in [0, 1), `rand([2, 3])` or `rand(2, 3)`: multiples of 2^-24 in float32, of 2^-53 in float64. As `torch.rand`.
 * @throws RuntimeError for integer dtypes
 */
export const rand = (...args: SizeArguments<RandomOptions>): Tensor => drawSizes('rand', args, fillUniform)

/**
 * Standard normal, `randn([2, 3])` or `randn(2, 3)`. 16 and more elements are made in blocks, fewer in pairs of which the generator keeps
 * the second. As `torch.randn`.
 * @throws RuntimeError for integer dtypes
 */
export const randn = (...args: SizeArguments<RandomOptions>): Tensor => drawSizes('randn', args, fillNormal)

/** `rand` of x's shape and, unless given, dtype; drawn in the order of x's memory. */
export const randLike = (x: Tensor, options: RandomOptions = {}): Tensor => drawLike('randLike', x, options, fillUniform)
/** `randn` of x's shape and, unless given, dtype; drawn in the order of x's memory. */
export const randnLike = (x: Tensor, options: RandomOptions = {}): Tensor => drawLike('randnLike', x, options, fillNormal)

type Whole = number | bigint

/**
 * Whole numbers from `low` (default 0) to `high` - 1: `randint(high, shape)` or `randint(low, high, shape)`. int64 unless `dtype` says
 * otherwise. As `torch.randint`.
 * @throws RuntimeError where low >= high, or the dtype does not have the ends
 */
export function randint(high: Whole, shape: Shape, options?: RandomOptions): Tensor
export function randint(low: Whole, high: Whole, shape: Shape, options?: RandomOptions): Tensor
export function randint(first: Whole, second: Whole | Shape, third?: Shape | RandomOptions, fourth?: RandomOptions): Tensor {
  if (typeof second === 'object') return randint(0, first, second, third as RandomOptions | undefined)
  return drawNew('randint', third as Shape, fourth ?? {}, 'int64', (target, generator) => fillRandint(target, generator, first, second))
}

/** `randint` of the shape and dtype of x: `randintLike(x, high)` or `randintLike(x, low, high)`. */
export function randintLike(x: Tensor, high: Whole, options?: RandomOptions): Tensor
export function randintLike(x: Tensor, low: Whole, high: Whole, options?: RandomOptions): Tensor
export function randintLike(x: Tensor, first: Whole, second?: Whole | RandomOptions, third?: RandomOptions): Tensor {
  checkTensor('randintLike', 'input', x)
  if (typeof second === 'object' || second === undefined) return randintLike(x, 0, first, second)
  return drawLike('randintLike', x, third ?? {}, (target, generator) => fillRandint(target, generator, first, second))
}

/** The numbers 0 to n - 1 in random order, int64. As `torch.randperm`. */
export const randperm = (n: number, options: RandomOptions = {}): Tensor => drawNew('randperm', [n], options, 'int64', fillRandperm)

/** 1 with the probability that the element of `p` gives, else 0. As `torch.bernoulli`. @throws RuntimeError outside 0 to 1 */
export function bernoulli(p: Tensor, options: DrawOptions = {}): Tensor {
  checkTensor('bernoulli', 'p', p)
  checkOptions('bernoulli', options, ['generator'])
  return record(bernoulli_(denseLike(p), p, options), { name: 'BernoulliBackward0', inputs: [p], backward: () => [null] })
}

/**
 * Normal with a mean and a standard deviation for each element: numbers, or tensors that broadcast. As `torch.normal`.
 * @param shape where both are numbers
 * @throws RuntimeError where a standard deviation is negative
 */
export function normal(mean: Tensor | number, std: Tensor | number = 1, shape?: Shape, options: RandomOptions = {}): Tensor {
  if (typeof mean === 'number' && typeof std === 'number') {
    if (!shape) throw new TypeError('normal: a mean and a standard deviation that are numbers need a shape')
    return drawNew('normal', shape, options, getDefaultDtype(), (target, generator) => fillNormal(target, generator, mean, std))
  }
  checkOperand('normal', mean)
  checkOperand('normal', std)
  if (shape) throw new TypeError('normal: the shape is that of the tensors, so none may be given beside them')
  if (std instanceof Tensor && scope(() => std.lt(0).any().item()) !== 0) throw new RuntimeError('normal expects all elements of std >= 0.0')
  const dtype = mean instanceof Tensor ? mean.dtype : (std as Tensor).dtype
  const y = drawNew('normal', broadcastShapes(shapeOf(mean), shapeOf(std)), options, isFloatingPoint(dtype) ? dtype : getDefaultDtype(), (target, generator) =>
    fillNormal(target, generator, 0, typeof std === 'number' ? std : 1),
  )
  if (std instanceof Tensor) kernels.binary('mul', y, std, y)
  kernels.binary('add', y, mean, y)
  return record(y, { name: 'NormalBackward0', inputs: [tensorOrNull(mean), tensorOrNull(std)], backward: () => [null, null] })
}

/**
 * Indices drawn in proportion to weights, which need not sum to 1. As `torch.multinomial`.
 * @param weights one row of weights or several (2-dimensional), >= 0
 * @param options.replacement whether an index can be drawn again. Default false.
 * @returns int64, `numSamples` indices a row
 */
export function multinomial(weights: Tensor, numSamples: number, options: DrawOptions & { replacement?: boolean } = {}): Tensor {
  checkTensor('multinomial', 'weights', weights)
  checkOptions('multinomial', options, ['replacement', 'generator'])
  const { replacement = false, generator = defaultGenerator() } = options
  if (weights.ndim !== 1 && weights.ndim !== 2) throw new RuntimeError('prob_dist must be 1 or 2 dim')
  const indices = drawCategories({ data: weights.toTypedArray(), dtype: weights.dtype }, weights.shape[weights.ndim - 1], numSamples, replacement, generator)
  const y = emptyTensor([...weights.shape.slice(0, -1), numSamples], 'int64')
  const data = y.data as BigInt64Array
  indices.forEach((index, i) => {
    data[i] = BigInt(index)
  })
  return y
}
