import { noGrad } from '../../autograd/index.js'
import { AssertionError, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { zeros } from '../../ops/create.js'
import '../../ops/methods.js'
import { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from '../conv.js'
import { Linear } from '../linear.js'
import type { Module } from '../module.js'
import type { BatchNorm } from '../norm/batch-norm.js'
import { Parameter } from '../parameter.js'
import { isParametrized, ownTensor, removeParametrizations } from './parametrize.js'

export type ConvLayer = Conv1d | Conv2d | Conv3d | ConvTranspose1d | ConvTranspose2d | ConvTranspose3d

const transposedLayers: readonly unknown[] = [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d]
const fusable: readonly unknown[] = [Conv1d, Conv2d, Conv3d, ...transposedLayers, Linear]

/**
 * A convolution that does what it and the BatchNorm behind it do in evaluation: with s = weight_bn / sqrt(running_var + eps), its kernels are
 * multiplied by s, and its bias is (bias - running_mean) s + bias_bn. As `torch.nn.utils.fusion.fuse_conv_bn_eval`; transposed convolutions are
 * recognised.
 *
 * @returns a new layer; the given ones stay as they are
 * @throws AssertionError in training mode, or where the norm has no running averages; ValueError where the channels differ
 */
export function fuseConvBn<C extends ConvLayer>(conv: C, norm: BatchNorm): C {
  if (conv.outChannels !== norm.numFeatures)
    throw new ValueError(`fuseConvBn: the convolution gives ${conv.outChannels} channels, the norm takes ${norm.numFeatures}`)
  const { groups, outChannels } = conv
  return fused('fuseConvBn', conv, norm, (weight, scale) => {
    if (!transposedLayers.includes(plainClass(conv))) return weight.mul(scale.reshape([outChannels, ...ones(weight.ndim - 1)]))
    // [in, out / groups, ...]: the output channels of a group belong to its rows alone.
    const [inChannels, perGroup, ...kernel] = weight.shape
    const grouped = weight.reshape([groups, inChannels / groups, perGroup, ...kernel])
    return grouped.mul(scale.reshape([groups, 1, perGroup, ...ones(kernel.length)])).reshape(weight.shape)
  })
}

/**
 * A linear layer that does what it and the BatchNorm behind it do in evaluation. As `torch.nn.utils.fusion.fuse_linear_bn_eval`; see `fuseConvBn`.
 * It holds for inputs [N, C]: with more axes BatchNorm normalises another one than the layer's last.
 */
export function fuseLinearBn(linear: Linear, norm: BatchNorm): Linear {
  if (linear.outFeatures !== norm.numFeatures && norm.numFeatures !== 1) {
    throw new AssertionError('To fuse, linear.out_features == bn.num_features or bn.num_features == 1')
  }
  return fused('fuseLinearBn', linear, norm, (weight, scale) => weight.mul(scale.unsqueeze(-1)))
}

const ones = (n: number): number[] => new Array<number>(n).fill(1)

/** The layer's class, also where it is parametrized. */
function plainClass(layer: Module): unknown {
  const prototype: object = Object.getPrototypeOf(layer)
  return isParametrized(layer) ? Object.getPrototypeOf(prototype).constructor : prototype.constructor
}

/** Whether a layer's forward is known to be a product with its weight, plus its bias. */
export const isFusable = (layer: Module): layer is ConvLayer | Linear => fusable.includes(plainClass(layer))

function fused<L extends ConvLayer | Linear>(owner: string, layer: L, norm: BatchNorm, scaled: (weight: Tensor, scale: Tensor) => Tensor): L {
  if (layer.training || (norm.training && !norm.frozen)) throw new AssertionError('Fusion only for eval!')
  const { runningMean, runningVar, eps } = norm
  if (!runningMean || !runningVar) throw new AssertionError(`${owner}: the norm has no running averages (trackRunningStats is false)`)
  if (!fusable.includes(plainClass(layer))) throw new ValueError(`${owner}: ${layer.constructor.name} may do more than multiply by its weight`)
  const result = layer.clone() as L
  for (const name of ['weight', 'bias']) if (isParametrized(result, name)) removeParametrizations(result, name)
  const { weight, bias } = result
  if (!ownTensor(result, 'weight')) throw new ValueError(`${owner}: the weight is computed from others: call removeWeightNorm or removeSpectralNorm first`)
  noGrad(() => {
    const wide = (t: Tensor) => t.to('float64')
    const rstd = wide(runningVar).add(eps).rsqrt()
    const scale = norm.weight ? rstd.mul(norm.weight) : rstd
    const shifted = (bias ? wide(bias) : zeros(runningMean.shape, { dtype: 'float64' })).sub(runningMean).mul(scale)
    result.weight = new Parameter(scaled(wide(weight), scale).to(weight.dtype), weight.requiresGrad)
    result.bias = new Parameter((norm.bias ? shifted.add(norm.bias) : shifted).to((bias ?? weight).dtype), bias?.requiresGrad ?? false)
  })
  return result
}
