import { noGrad, record } from '../autograd/index.js'
import { type Arguments, readOptions } from '../core/arguments.js'
import { type Dtype, dtypes, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkNumber, RuntimeError, ValueError } from '../core/errors.js'
import { normalizeDim } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, Tensor } from '../core/tensor.js'
import { Activation, activate, type Definition, type Params } from './activation-rule.js'
import { div, sub, where } from './binary.js'
import { composed } from './composed.js'
import { zerosLike } from './create.js'
import { floatResult } from './promote.js'
import { abs } from './unary.js'

/** Activations: element-wise functions, each with its curvature where that is not zero (activation-rule.ts). */

const none: Params = []

/** What most activations take. */
export interface InplaceOptions {
  /** Write the result over the input. Default false. */
  inplace?: boolean
}

const floatsOnly =
  (kernel: string) =>
  (dtype: Dtype): Dtype =>
    isFloatingPoint(dtype) ? dtype : refuseDtype(kernel, dtype)

function numbersOnly(message: string): (dtype: Dtype) => Dtype {
  return (dtype) => {
    if (dtype === 'bool') throw new RuntimeError(message)
    return dtype
  }
}

/** 1 - t. */
const complement = (t: Tensor): Tensor => t.neg().add(1)
/** t (1 - t): the derivative of the sigmoid whose value is t. */
const sigmoidSlope = (s: Tensor): Tensor => s.mul(complement(s))

/** Optional arguments of functions that have no other than `inplace`. */
export type InplaceArguments = Arguments<[inplace: boolean], InplaceOptions>
const readInplace = (owner: string, args: InplaceArguments) => readOptions<InplaceOptions>(owner, ['inplace'], 1, args).inplace

/** Functions of `inplace` alone. */
interface Simple {
  definition: Definition
  plain(x: Tensor, ...args: InplaceArguments): Tensor
  over(x: Tensor): Tensor
}
function simple(name: string, def: Definition): Simple {
  return {
    definition: def,
    plain: (x, ...args) => activate(def, x, none, readInplace(name, args)),
    over: (x) => activate(def, x, none, true),
  }
}

const sigmoidFunctions = simple('sigmoid', {
  forward: 'sigmoid',
  backward: 'sigmoidBackward',
  node: 'Sigmoid',
  reads: 'output',
  curvature: (y) => y.mul(-2).add(1),
  dtype: floatResult,
})
/** 1 / (1 + exp(-x)). */
export const sigmoid = (x: Tensor): Tensor => sigmoidFunctions.plain(x)
/** `sigmoid`, written over x. */
export const sigmoid_ = sigmoidFunctions.over

const tanhFunctions = simple('tanh', {
  forward: 'tanh',
  backward: 'tanhBackward',
  node: 'Tanh',
  reads: 'output',
  curvature: (y) => y.mul(-2),
  dtype: floatResult,
})
/** (exp(x) - exp(-x)) / (exp(x) + exp(-x)). */
export const tanh = (x: Tensor): Tensor => tanhFunctions.plain(x)
/** `tanh`, written over x. */
export const tanh_ = tanhFunctions.over

const reluFunctions = simple('relu', {
  forward: 'relu',
  backward: 'reluBackward',
  node: 'Relu',
  reads: 'output',
  curvature: null,
  dtype: numbersOnly('Boolean inputs not supported for relu'),
})
/** max(x, 0). */
export const relu = reluFunctions.plain
/** `relu`, written over x. */
export const relu_ = reluFunctions.over

const siluFunctions = simple('silu', {
  forward: 'silu',
  backward: 'siluBackward',
  node: 'Silu',
  reads: 'input',
  // h = s (1 + x (1 - s)),  h' = s (1 - s) (2 + x (1 - 2 s))
  curvature: (x) => {
    const s = x.sigmoid()
    return sigmoidSlope(s).mul(x.mul(s.mul(-2).add(1)).add(2))
  },
  dtype: floatsOnly('silu_cpu'),
})
/** x sigmoid(x), also known as swish. @see Hendrycks, Gimpel 2016, arXiv:1606.08415 */
export const silu = siluFunctions.plain
/** `silu`, written over x. */
export const silu_ = siluFunctions.over

const mishFunctions = simple('mish', {
  forward: 'mish',
  backward: 'mishBackward',
  node: 'Mish',
  reads: 'input',
  // With t = tanh(softplus(x)), s = sigmoid(x), q = (1 - t^2) s = t':  h = t + x q,  h' = q (2 + x (1 - s - 2 t s))
  curvature: (x) => {
    const s = x.sigmoid()
    const t = softplus(x).tanh()
    return complement(t.square())
      .mul(s)
      .mul(x.mul(complement(s).sub(t.mul(s).mul(2))).add(2))
  },
  dtype: floatsOnly('mish_cpu'),
})
/** x tanh(softplus(x)). @see Misra 2019, arXiv:1908.08681 */
export const mish = mishFunctions.plain
/** `mish`, written over x. */
export const mish_ = mishFunctions.over

const hardswishFunctions = simple('hardswish', {
  forward: 'hardswish',
  backward: 'hardswishBackward',
  node: 'Hardswish',
  reads: 'input',
  curvature: (x) => x.abs().lt(3).to(x.dtype).div(3),
  dtype: floatsOnly('hardswish_cpu'),
})
/** x clamp(x + 3, 0, 6) / 6. @see Howard et al. 2019, arXiv:1905.02244 */
export const hardswish = hardswishFunctions.plain
/** `hardswish`, written over x. */
export const hardswish_ = hardswishFunctions.over

const hardsigmoidFunctions = simple('hardsigmoid', {
  forward: 'hardsigmoid',
  backward: 'hardsigmoidBackward',
  node: 'Hardsigmoid',
  reads: 'input',
  curvature: null,
  dtype: floatsOnly('hardsigmoid_cpu'),
})
/** clamp(x + 3, 0, 6) / 6. */
export const hardsigmoid = hardsigmoidFunctions.plain
/** `hardsigmoid`, written over x. */
export const hardsigmoid_ = hardsigmoidFunctions.over

const logsigmoidFunctions = simple('logsigmoid', {
  forward: 'logSigmoid',
  backward: 'logSigmoidBackward',
  node: 'LogSigmoid',
  reads: 'input',
  curvature: (x) => sigmoidSlope(x.sigmoid()).neg(),
  dtype: floatsOnly('log_sigmoid_cpu'),
})
/** log(sigmoid(x)), without overflow. */
export const logsigmoid = (x: Tensor): Tensor => logsigmoidFunctions.plain(x)

const leakyReluDefinition: Definition = {
  forward: 'leakyRelu',
  backward: 'leakyReluBackward',
  node: 'LeakyRelu',
  reads: 'input',
  curvature: null,
  dtype: floatsOnly('leaky_relu_cpu'),
}
export interface LeakyReluOptions extends InplaceOptions {
  /** Default 0.01. */
  negativeSlope?: number
}
/** x where x > 0, else negativeSlope x. @param options.negativeSlope default 0.01 */
export function leakyRelu(x: Tensor, ...args: Arguments<[negativeSlope: number, inplace: boolean], LeakyReluOptions>): Tensor {
  const options = readOptions<LeakyReluOptions>('leakyRelu', ['negativeSlope', 'inplace'], 2, args)
  return activate(leakyReluDefinition, x, [options.negativeSlope ?? 0.01], options.inplace)
}
/** `leakyRelu`, written over x. */
export const leakyRelu_ = (x: Tensor, ...args: Arguments<[negativeSlope: number], Omit<LeakyReluOptions, 'inplace'>>): Tensor =>
  leakyRelu(x, { ...readOptions<Omit<LeakyReluOptions, 'inplace'>>('leakyRelu_', ['negativeSlope'], 1, args), inplace: true })

/** Parameters alpha, scale, inputScale: scale (x > 0 ? x : alpha (exp(inputScale x) - 1)). */
const eluDefinition: Definition = {
  forward: 'elu',
  backward: 'eluBackward',
  node: 'Elu',
  reads: 'input',
  // exp of the negative part only: an infinity times the mask's 0 would be NaN.
  curvature: (x, [alpha, scale, inputScale]) =>
    x
      .minimum(0)
      .mul(inputScale)
      .exp()
      .mul(alpha * scale * inputScale ** 2)
      .mul(x.le(0).to(x.dtype)),
  dtype: floatsOnly('elu_cpu'),
}
export interface EluOptions extends InplaceOptions {
  /** Default 1. */
  alpha?: number
}
/** x where x > 0, else alpha (exp(x) - 1). @param options.alpha default 1 @see Clevert et al. 2015, arXiv:1511.07289 */
export function elu(x: Tensor, ...args: Arguments<[alpha: number, inplace: boolean], EluOptions>): Tensor {
  const options = readOptions<EluOptions>('elu', ['alpha', 'inplace'], 2, args)
  return activate(eluDefinition, x, [options.alpha ?? 1, 1, 1], options.inplace)
}
/** `elu`, written over x. */
export const elu_ = (x: Tensor, ...args: Arguments<[alpha: number], Omit<EluOptions, 'inplace'>>): Tensor =>
  elu(x, { ...readOptions<Omit<EluOptions, 'inplace'>>('elu_', ['alpha'], 1, args), inplace: true })

/** x where x > 0, else alpha (exp(x / alpha) - 1). @param options.alpha default 1 @see Barron 2017, arXiv:1704.07483 */
export function celu(x: Tensor, ...args: Arguments<[alpha: number, inplace: boolean], EluOptions>): Tensor {
  const options = readOptions<EluOptions>('celu', ['alpha', 'inplace'], 2, args)
  const { alpha = 1 } = options
  checkNumber('celu', 'alpha', alpha)
  if (alpha === 0) throw new RuntimeError('ZeroDivisionError: alpha cannot be 0 for CELU')
  // PyTorch's gradient divides by alpha as a float32.
  return activate(eluDefinition, x, [alpha, 1, 1 / alpha], options.inplace, [alpha, 1, 1 / Math.fround(alpha)])
}
/** `celu`, written over x. */
export const celu_ = (x: Tensor, ...args: Arguments<[alpha: number], Omit<EluOptions, 'inplace'>>): Tensor =>
  celu(x, { ...readOptions<Omit<EluOptions, 'inplace'>>('celu_', ['alpha'], 1, args), inplace: true })

/** Chosen so that layers keep mean 0 and variance 1. */
const seluParams: Params = [1.6732632423543772, 1.0507009873554805, 1]
/** scale (x > 0 ? x : alpha (exp(x) - 1)) with alpha 1.6733 and scale 1.0507. @see Klambauer et al. 2017, arXiv:1706.02515 */
export function selu(x: Tensor, ...args: InplaceArguments): Tensor {
  return activate(eluDefinition, x, seluParams, readInplace('selu', args))
}
/** `selu`, written over x. */
export const selu_ = (x: Tensor): Tensor => selu(x, { inplace: true })

const gaussianDensity = (x: Tensor): Tensor =>
  x
    .square()
    .mul(-0.5)
    .exp()
    .mul(1 / Math.sqrt(2 * Math.PI))

const geluDefinition: Definition = {
  forward: 'gelu',
  backward: 'geluBackward',
  node: 'Gelu',
  reads: 'input',
  // h = Phi + x phi,  h' = phi (2 - x^2)
  curvature: (x) => gaussianDensity(x).mul(x.square().neg().add(2)),
  dtype: floatsOnly('GeluKernelImpl'),
}
const geluCoefficient = Math.sqrt(2 / Math.PI)
const geluTanhDefinition: Definition = {
  ...geluDefinition,
  forward: 'geluTanh',
  backward: 'geluTanhBackward',
  // With u = c (x + a x^3), t = tanh(u):  h = (1 + t) / 2 + x (1 - t^2) u' / 2,  h' = (1 - t^2) (u' + x (u'' / 2 - t u'^2))
  curvature: (x) => {
    const squared = x.square()
    const t = squared.mul(0.044715).add(1).mul(x).mul(geluCoefficient).tanh()
    const first = squared
      .mul(3 * 0.044715)
      .add(1)
      .mul(geluCoefficient)
    const halfSecond = x.mul(3 * 0.044715 * geluCoefficient)
    return complement(t.square()).mul(x.mul(halfSecond.sub(t.mul(first.square()))).add(first))
  },
}
export interface GeluOptions {
  /** 'none' is exact, by the normal distribution function; 'tanh' an approximation. Default 'none'. */
  approximate?: 'none' | 'tanh'
}
/** x Phi(x), Phi the normal distribution function. @see Hendrycks, Gimpel 2016, arXiv:1606.08415 @throws RuntimeError for another `approximate` */
export function gelu(x: Tensor, ...args: Arguments<[approximate: 'none' | 'tanh'], GeluOptions>): Tensor {
  const { approximate = 'none' } = readOptions<GeluOptions>('gelu', ['approximate'], 1, args)
  if (approximate !== 'none' && approximate !== 'tanh') throw new RuntimeError('approximate argument must be either none or tanh.')
  return activate(approximate === 'none' ? geluDefinition : geluTanhDefinition, x, none)
}

const softplusDefinition: Definition = {
  forward: 'softplus',
  backward: 'softplusBackward',
  node: 'Softplus',
  reads: 'input',
  curvature: (x, [beta, threshold]) => {
    const scaled = x.mul(beta)
    return sigmoidSlope(scaled.sigmoid()).mul(beta).mul(scaled.le(threshold).to(x.dtype))
  },
  dtype: floatsOnly('softplus_cpu'),
}
export interface SoftplusOptions {
  /** Default 1. */
  beta?: number
  /** Where beta x is greater, the result is x. Default 20. */
  threshold?: number
}
/** log(1 + exp(beta x)) / beta, and x itself where beta x > threshold. @param options beta 1, threshold 20 */
export function softplus(x: Tensor, ...args: Arguments<[beta: number, threshold: number], SoftplusOptions>): Tensor {
  const options = readOptions<SoftplusOptions>('softplus', ['beta', 'threshold'], 2, args)
  return activate(softplusDefinition, x, [options.beta ?? 1, options.threshold ?? 20])
}

const hardtanhDefinition: Definition = {
  forward: 'hardtanh',
  backward: 'hardtanhBackward',
  node: 'Hardtanh',
  reads: 'input',
  curvature: null,
  dtype: numbersOnly('Bool inputs not supported for hardtanh'),
}
export interface HardtanhOptions extends InplaceOptions {
  /** Default -1. */
  minVal?: number
  /** Default 1. */
  maxVal?: number
}
/** x cut off to [minVal, maxVal]. @throws ValueError where minVal > maxVal */
export function hardtanh(x: Tensor, ...args: Arguments<[minVal: number, maxVal: number, inplace: boolean], HardtanhOptions>): Tensor {
  const { minVal = -1, maxVal = 1, inplace } = readOptions<HardtanhOptions>('hardtanh', ['minVal', 'maxVal', 'inplace'], 3, args)
  if (minVal > maxVal) throw new ValueError('min_val cannot be greater than max_val')
  return activate(hardtanhDefinition, x, [minVal, maxVal], inplace)
}
/** `hardtanh`, written over x. */
export const hardtanh_ = (x: Tensor, ...args: Arguments<[minVal: number, maxVal: number], Omit<HardtanhOptions, 'inplace'>>): Tensor =>
  hardtanh(x, { ...readOptions<Omit<HardtanhOptions, 'inplace'>>('hardtanh_', ['minVal', 'maxVal'], 2, args), inplace: true })

/** min(max(x, 0), 6). */
export function relu6(x: Tensor, ...args: InplaceArguments): Tensor {
  return activate(hardtanhDefinition, x, [0, 6], readInplace('relu6', args))
}
/** `relu6`, written over x. */
export const relu6_ = (x: Tensor): Tensor => relu6(x, { inplace: true })

const shrink = (forward: 'hardshrink' | 'softshrink', node: string): Definition => ({
  forward,
  backward: 'shrinkBackward',
  node,
  reads: 'input',
  curvature: null,
  dtype: floatsOnly(`${forward}_cpu`),
})
const hardshrinkDefinition: Definition = shrink('hardshrink', 'Hardshrink')
const softshrinkDefinition: Definition = shrink('softshrink', 'Softshrink')
export interface ShrinkOptions {
  /** Half the width of the middle, which becomes 0. Default 0.5. */
  lambd?: number
}
/** x where |x| > lambd, else 0. */
export function hardshrink(x: Tensor, ...args: Arguments<[lambd: number], ShrinkOptions>): Tensor {
  const { lambd = 0.5 } = readOptions<ShrinkOptions>('hardshrink', ['lambd'], 1, args)
  return activate(hardshrinkDefinition, x, [lambd])
}
/** x moved towards 0 by lambd, and 0 where |x| <= lambd. @throws RuntimeError where lambd < 0 */
export function softshrink(x: Tensor, ...args: Arguments<[lambd: number], ShrinkOptions>): Tensor {
  const { lambd = 0.5 } = readOptions<ShrinkOptions>('softshrink', ['lambd'], 1, args)
  if (!(lambd >= 0)) throw new RuntimeError(`lambda must be greater or equal to 0, but found to be ${lambd}.`)
  return activate(softshrinkDefinition, x, [lambd])
}

const thresholdDefinition: Definition = {
  forward: 'threshold',
  backward: 'thresholdBackward',
  node: 'Threshold',
  reads: 'input',
  curvature: null,
  dtype: (dtype) => (dtype === 'bool' ? refuseDtype('threshold_cpu', dtype) : dtype),
}
/** x where x > threshold, else value. */
export function threshold(x: Tensor, limit: number, value: number, ...args: InplaceArguments): Tensor {
  if (x instanceof Tensor && !isFloatingPoint(x.dtype) && !Number.isFinite(value)) {
    throw new RuntimeError(`value cannot be converted to type ${dtypes[x.dtype].cppName} without overflow`)
  }
  return activate(thresholdDefinition, x, [limit, value], readInplace('threshold', args))
}
/** `threshold`, written over x. */
export const threshold_ = (x: Tensor, limit: number, value: number): Tensor => threshold(x, limit, value, { inplace: true })

/** x - tanh(x). */
export const tanhshrink = (x: Tensor): Tensor => composed([x], () => sub(x, tanh(x)))

/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => composed([x], () => div(x, abs(x).add(1)))

export interface GluOptions {
  /** Which axis is halved. Default -1. */
  dim?: number
}
/**
 * a sigmoid(b) for the two halves a, b of x along `dim`. @see Dauphin et al. 2016, arXiv:1612.08083
 * @param options.dim default -1
 * @throws RuntimeError where the size of that axis is odd
 */
export function glu(x: Tensor, ...args: Arguments<[dim: number], GluOptions>): Tensor {
  checkTensor('glu', 'input', x)
  const options = readOptions<GluOptions>('glu', ['dim'], 1, args)
  if (x.ndim === 0) throw new RuntimeError('glu does not support scalars because halving size must be even')
  const dim = normalizeDim(options.dim ?? -1, x.ndim)
  const size = x.shape[dim]
  if (size % 2 !== 0) throw new RuntimeError(`Halving dimension must be even, but dimension ${dim} is size ${size}`)
  if (!isFloatingPoint(x.dtype)) refuseDtype('glu_cpu', x.dtype)
  return composed([x], () => x.narrow(dim, 0, size / 2).mul(x.narrow(dim, size / 2, size / 2).sigmoid()))
}

/**
 * x where x > 0, else weight x: one learned slope, or one for each channel (axis 1). @see He et al. 2015, arXiv:1502.01852
 * @throws RuntimeError where the number of slopes is neither 1 nor that of the channels
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  checkTensor('prelu', 'input', x)
  checkTensor('prelu', 'weight', weight)
  if (x.dtype !== weight.dtype) {
    throw new RuntimeError(`prelu: Type promoting not supported. Got ${dtypes[x.dtype].scalarName} and ${dtypes[weight.dtype].scalarName}`)
  }
  if (weight.numel() !== 1) {
    if (x.ndim === 0) throw new RuntimeError('Not allow zero-dim input tensor.')
    const channels = x.ndim > 1 ? x.shape[1] : 1
    if (channels !== weight.numel()) {
      throw new RuntimeError(
        `Mismatch of parameter numbers and input channel size. Found parameter numbers = ${weight.numel()} and channel size = ${channels}.`,
      )
    }
  }
  if (weight.ndim > 1) throw new RuntimeError(`prelu: Expected \`weight\` to be a scalar or 1D tensor, but got: ndim = ${weight.ndim}`)
  const slopes = weight.reshape(x.shape.map((_, d) => (d === 1 ? weight.numel() : 1)))
  const y = scope(() => noGrad(() => where(x.gt(0), x, x.mul(slopes))))
  return record(y, {
    name: 'PreluKernelBackward0',
    inputs: [x, slopes],
    saved: [x, slopes],
    backward: (dy, [input, w], [needsX, needsSlopes]) => [
      needsX ? preluInputGrad(dy, input, w) : null,
      needsSlopes ? where(input.gt(0), 0, input.mul(dy)) : null,
    ],
  })
}

/** dy where x > 0, else slopes dy. */
function preluInputGrad(dy: Tensor, x: Tensor, slopes: Tensor): Tensor {
  const dx = scope(() => noGrad(() => where(x.gt(0), dy, dy.mul(slopes))))
  return record(dx, {
    name: 'PreluKernelBackwardBackward0',
    inputs: [dy, x, slopes],
    saved: [dy, x, slopes],
    backward: (g, [gradient, input, w], [needsGradient, needsX, needsSlopes]) => [
      needsGradient ? preluInputGrad(g, input, w) : null,
      needsX ? zerosLike(input) : null,
      needsSlopes ? where(input.gt(0), 0, g.mul(gradient)) : null,
    ],
  })
}

/** The activations that norms can end with, with their parameters. */
export const activationOf = {
  relu: () => new Activation(reluFunctions.definition),
  relu6: () => new Activation(hardtanhDefinition, [0, 6]),
  leakyRelu: (negativeSlope = 0.01) => new Activation(leakyReluDefinition, [negativeSlope]),
  elu: (alpha = 1) => new Activation(eluDefinition, [alpha, 1, 1]),
  selu: () => new Activation(eluDefinition, seluParams),
  gelu: (approximate: 'none' | 'tanh' = 'none') => new Activation(approximate === 'none' ? geluDefinition : geluTanhDefinition),
  silu: () => new Activation(siluFunctions.definition),
  mish: () => new Activation(mishFunctions.definition),
  sigmoid: () => new Activation(sigmoidFunctions.definition),
  tanh: () => new Activation(tanhFunctions.definition),
  softplus: (beta = 1, threshold = 20) => new Activation(softplusDefinition, [beta, threshold]),
  hardtanh: (minVal = -1, maxVal = 1) => new Activation(hardtanhDefinition, [minVal, maxVal]),
  hardswish: () => new Activation(hardswishFunctions.definition),
  hardsigmoid: () => new Activation(hardsigmoidFunctions.definition),
} as const
export type ActivationName = keyof typeof activationOf
