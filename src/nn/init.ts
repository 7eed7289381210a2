import { noGrad } from '../autograd/index.js'
import { type Arguments, readOptions } from '../core/arguments.js'
import { checkNumber, ValueError } from '../core/errors.js'
import { defaultGenerator } from '../core/random.js'
import { fillTruncNormal } from '../core/random-fill.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { fill_ } from '../ops/copy.js'
import { drawInto } from '../ops/draw.js'
import { randperm } from '../ops/random.js'
import type { DrawOptions } from '../ops/random-inplace.js'
import { orthonormalColumns } from './qr.js'

/**
 * Initial values for parameters, written in place and outside the graph: `nn.init.kaimingNormal_(layer.weight)`. As `torch.nn.init`, with
 * the same numbers from the same seed. Every function returns its tensor.
 */

/** What a layer's outputs go through, under PyTorch's names. */
export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky_relu'
  | 'selu'

/**
 * The factor that keeps the spread of activations: 1 for linear layers and sigmoid, 5/3 for tanh, sqrt(2) for ReLU,
 * sqrt(2 / (1 + slope^2)) for leaky ReLU, 3/4 for SELU.
 * @param param the slope of leaky ReLU. Default 0.01.
 * @throws ValueError for another name
 */
export function calculateGain(nonlinearity: Nonlinearity, param?: number | null): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv1d':
    case 'conv2d':
    case 'conv3d':
    case 'conv_transpose1d':
    case 'conv_transpose2d':
    case 'conv_transpose3d':
    case 'sigmoid':
      return 1
    case 'tanh':
      return 5 / 3
    case 'relu':
      return Math.sqrt(2)
    case 'leaky_relu': {
      const slope = param ?? 0.01
      if (typeof slope !== 'number') throw new ValueError(`negative_slope ${String(slope)} not a valid number`)
      return Math.sqrt(2 / (1 + slope ** 2))
    }
    case 'selu':
      return 3 / 4
    default:
      throw new ValueError(`Unsupported nonlinearity ${String(nonlinearity)}`)
  }
}

/** How many inputs one output sums, and how many outputs one input reaches, of a weight [out, in, ...kernel]. @throws ValueError below 2 dimensions */
export function calculateFanInAndFanOut(tensor: Tensor): { fanIn: number; fanOut: number } {
  checkTensor('calculateFanInAndFanOut', 'tensor', tensor)
  if (tensor.ndim < 2) throw new ValueError('Fan in and fan out can not be computed for tensor with fewer than 2 dimensions')
  const receptiveField = tensor.shape.slice(2).reduce((product, size) => product * size, 1)
  return { fanIn: tensor.shape[1] * receptiveField, fanOut: tensor.shape[0] * receptiveField }
}

export interface UniformOptions extends DrawOptions {
  /** Default 0. */
  a?: number
  /** Default 1. */
  b?: number
}

/** Uniform in [a, b); 0 and 1 unless given: `uniform_(weight, -0.1, 0.1)`. */
export function uniform_(tensor: Tensor, ...args: Arguments<[a: number, b: number], UniformOptions>): Tensor {
  checkTensor('uniform_', 'tensor', tensor)
  const { a = 0, b = 1, ...rest } = readOptions<UniformOptions>('uniform_', ['a', 'b', 'generator'], 2, args)
  return noGrad(() => tensor.uniform_(a, b, rest))
}

export interface NormalOptions extends DrawOptions {
  /** Default 0. */
  mean?: number
  /** Default 1. */
  std?: number
}

/** Normal; mean 0 and standard deviation 1 unless given: `normal_(weight, 0, 0.02)`. */
export function normal_(tensor: Tensor, ...args: Arguments<[mean: number, std: number], NormalOptions>): Tensor {
  checkTensor('normal_', 'tensor', tensor)
  const { mean = 0, std = 1, ...rest } = readOptions<NormalOptions>('normal_', ['mean', 'std', 'generator'], 2, args)
  return noGrad(() => tensor.normal_(mean, std, rest))
}

/** Every element `value`. */
export const constant_ = (tensor: Tensor, value: number): Tensor => noGrad(() => fill_(tensor, value))
/** Every element 1. */
export const ones_ = (tensor: Tensor): Tensor => constant_(tensor, 1)
/** Every element 0. */
export const zeros_ = (tensor: Tensor): Tensor => constant_(tensor, 0)

export interface TruncNormalOptions extends NormalOptions {
  /** Nothing below it. Default -2, whatever the standard deviation. */
  a?: number
  /** Nothing above it. Default 2. */
  b?: number
}

/** Normal, cut off to [a, b]. */
export function truncNormal_(tensor: Tensor, ...args: Arguments<[mean: number, std: number, a: number, b: number], TruncNormalOptions>): Tensor {
  checkTensor('truncNormal_', 'tensor', tensor)
  const options = readOptions<TruncNormalOptions>('truncNormal_', ['mean', 'std', 'a', 'b', 'generator'], 4, args)
  const { mean = 0, std = 1, a = -2, b = 2, generator = defaultGenerator() } = options
  for (const [name, value] of Object.entries({ mean, std, a, b })) checkNumber('truncNormal_', name, value)
  if (mean < a - 2 * std || mean > b + 2 * std) {
    console.warn('evenkeel: mean is more than 2 std from [a, b] in nn.init.truncNormal_. The distribution of values may be incorrect.')
  }
  drawInto(tensor, (target) => fillTruncNormal(target, generator, mean, std, a, b))
  tensor.storage.version++
  return tensor
}

/** The identity matrix. @throws ValueError for other than 2 dimensions */
export function eye_(tensor: Tensor): Tensor {
  checkTensor('eye_', 'tensor', tensor)
  if (tensor.ndim !== 2) throw new ValueError('Only tensors with 2 dimensions are supported')
  return noGrad(() => {
    tensor.fill_(0)
    for (let i = 0; i < Math.min(...tensor.shape); i++) tensor.select(0, i).select(0, i).fill_(1)
    return tensor
  })
}

export interface DiracOptions {
  /** Each group of output channels preserves the input's first ones. Default 1. */
  groups?: number
}

/**
 * A convolution that passes its input channels on: 1 in the middle of the kernel that leads from a channel to its own.
 * @throws ValueError for other than 3, 4 or 5 dimensions
 */
export function dirac_(tensor: Tensor, ...args: Arguments<[groups: number], DiracOptions>): Tensor {
  checkTensor('dirac_', 'tensor', tensor)
  const { groups = 1 } = readOptions<DiracOptions>('dirac_', ['groups'], 1, args)
  if (tensor.ndim < 3 || tensor.ndim > 5) throw new ValueError('Only tensors with 3, 4, or 5 dimensions are supported')
  const [out, channels, ...kernel] = tensor.shape
  if (out % groups !== 0) throw new ValueError('dim 0 must be divisible by groups')
  return noGrad(() => {
    tensor.fill_(0)
    for (let o = 0; o < out; o++) {
      const channel = o % (out / groups)
      if (channel >= channels) continue
      let element = tensor.select(0, o).select(0, channel)
      for (const size of kernel) element = element.select(0, Math.floor(size / 2))
      element.fill_(1)
    }
    return tensor
  })
}

function xavierStd(tensor: Tensor, gain: number): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor)
  return gain * Math.sqrt(2 / (fanIn + fanOut))
}

export interface GainOptions extends DrawOptions {
  /** What `calculateGain` says for the layer's nonlinearity. Default 1. */
  gain?: number
}

/** Uniform in (-a, a), a = gain sqrt(6 / (fanIn + fanOut)). @see Glorot, Bengio 2010 */
export function xavierUniform_(tensor: Tensor, ...args: Arguments<[gain: number], GainOptions>): Tensor {
  const { gain = 1, ...rest } = readOptions<GainOptions>('xavierUniform_', ['gain', 'generator'], 1, args)
  const bound = Math.sqrt(3) * xavierStd(tensor, gain)
  return uniform_(tensor, { ...rest, a: -bound, b: bound })
}

/** Normal with std = gain sqrt(2 / (fanIn + fanOut)). @see Glorot, Bengio 2010 */
export function xavierNormal_(tensor: Tensor, ...args: Arguments<[gain: number], GainOptions>): Tensor {
  const { gain = 1, ...rest } = readOptions<GainOptions>('xavierNormal_', ['gain', 'generator'], 1, args)
  return normal_(tensor, { ...rest, std: xavierStd(tensor, gain) })
}

export interface KaimingOptions extends DrawOptions {
  /** The slope of the leaky ReLU behind the layer. Default 0. */
  a?: number
  /** Which spread to keep: that of the activations ('fan_in', the default) or that of the gradients ('fan_out'). */
  mode?: 'fan_in' | 'fan_out'
  /** Default 'leaky_relu'. */
  nonlinearity?: Nonlinearity
}

const kaimingOptions = ['a', 'mode', 'nonlinearity', 'generator'] as const
type KaimingArguments = Arguments<[a: number, mode: 'fan_in' | 'fan_out', nonlinearity: Nonlinearity], KaimingOptions>

/** The standard deviation that Kaiming initialisation gives, or null where there is nothing to fill. */
function kaimingStd(tensor: Tensor, options: KaimingOptions): number | null {
  checkTensor('init', 'tensor', tensor)
  const { a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' } = options
  if (tensor.shape.includes(0)) return null
  if (mode !== 'fan_in' && mode !== 'fan_out') throw new ValueError(`Mode ${String(mode)} not supported, please use one of ['fan_in', 'fan_out']`)
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor)
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fan_in' ? fanIn : fanOut)
}

/** Uniform in (-bound, bound), bound = gain sqrt(3 / fan). @see He et al. 2015, arXiv:1502.01852 */
export function kaimingUniform_(tensor: Tensor, ...args: KaimingArguments): Tensor {
  const options = readOptions<KaimingOptions>('kaimingUniform_', kaimingOptions, 3, args)
  const std = kaimingStd(tensor, options)
  if (std === null) return tensor
  const bound = Math.sqrt(3) * std
  return uniform_(tensor, { a: -bound, b: bound, generator: options.generator })
}

/** Normal with std = gain / sqrt(fan). @see He et al. 2015, arXiv:1502.01852 */
export function kaimingNormal_(tensor: Tensor, ...args: KaimingArguments): Tensor {
  const options = readOptions<KaimingOptions>('kaimingNormal_', kaimingOptions, 3, args)
  const std = kaimingStd(tensor, options)
  return std === null ? tensor : normal_(tensor, { std, generator: options.generator })
}

/**
 * A (semi-)orthogonal matrix; trailing dimensions count as one. It is Q of the QR factorisation of a normal matrix, its columns turned so
 * that R's diagonal is positive, which makes it uniform among the orthogonal ones.
 * @see Saxe et al. 2013, arXiv:1312.6120; Mezzadri 2006, arXiv:math-ph/0609050
 * @throws ValueError below 2 dimensions
 */
export function orthogonal_(tensor: Tensor, ...args: Arguments<[gain: number], GainOptions>): Tensor {
  checkTensor('orthogonal_', 'tensor', tensor)
  const { gain = 1, ...rest } = readOptions<GainOptions>('orthogonal_', ['gain', 'generator'], 1, args)
  if (tensor.ndim < 2) throw new ValueError('Only tensors with 2 or more dimensions are supported')
  if (tensor.numel() === 0) return tensor
  const rows = tensor.shape[0]
  const columns = tensor.numel() / rows
  return noGrad(() => {
    const drawn = emptyTensor([rows, columns], tensor.dtype).normal_(0, 1, rest)
    const tall = rows < columns ? drawn.t() : drawn
    const q = orthonormalColumns(tall)
    tensor.copy_((rows < columns ? q.t() : q).reshape(tensor.shape)).mul_(gain)
    drawn.dispose()
    q.dispose()
    return tensor
  })
}

export interface SparseOptions extends DrawOptions {
  /** Of the elements that are not 0. Default 0.01. */
  std?: number
}

/**
 * Normal with zeros: in each column a share `sparsity`, rounded up. @see Martens 2010, Hessian-free optimization
 * @throws ValueError for other than 2 dimensions
 */
export function sparse_(tensor: Tensor, sparsity: number, ...args: Arguments<[std: number], SparseOptions>): Tensor {
  checkTensor('sparse_', 'tensor', tensor)
  checkNumber('sparse_', 'sparsity', sparsity)
  const { std = 0.01, ...rest } = readOptions<SparseOptions>('sparse_', ['std', 'generator'], 1, args)
  if (tensor.ndim !== 2) throw new ValueError('Only tensors with 2 dimensions are supported')
  const [rows, columns] = tensor.shape
  const zeros = Math.ceil(sparsity * rows)
  return noGrad(() => {
    normal_(tensor, { ...rest, std })
    for (let column = 0; column < columns; column++) {
      // PyTorch draws the rows from the default generator, whichever the values came from.
      const order = randperm(rows, { dtype: 'int32' })
      for (const row of order.data.subarray(0, zeros)) tensor.select(0, Number(row)).select(0, column).fill_(0)
      order.dispose()
    }
    return tensor
  })
}
