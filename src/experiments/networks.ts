import { noGrad } from '../autograd/index.js'
import { manualSeed } from '../core/random.js'
import type { Tensor } from '../core/tensor.js'
import { GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh } from '../nn/activation.js'
import { type Layer, Sequential } from '../nn/containers.js'
import { Flatten } from '../nn/flatten.js'
import { kaimingNormal_, normal_, xavierNormal_, zeros_ } from '../nn/init.js'
import { Identity, Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm2d, LayerNorm, RMSNorm } from '../nn/norm/index.js'
import type { Norm } from './norms.js'

/** The networks that experiments train, with the norm and its surroundings as arguments. */

/** Neighbouring channels that share a statistic in GroupNorm: a group has 4 channels. */
const CHANNELS_PER_GROUP = 4

/** Of feature maps [N, C, H, W]. LayerNorm is over C, H and W; RMSNorm too. */
export function imageNorm(norm: Norm): (channels: number, height: number, width: number) => Layer {
  return (channels, height, width) => {
    switch (norm) {
      case 'none':
        return new Identity()
      case 'batch':
        return new BatchNorm2d(channels)
      case 'layer':
        return new LayerNorm([channels, height, width])
      case 'group':
        return new GroupNorm(Math.max(1, channels / CHANNELS_PER_GROUP), channels)
      case 'instance':
        return new InstanceNorm2d(channels, { affine: true })
      case 'rms':
        return new RMSNorm([channels, height, width])
    }
  }
}

/** Of features [N, C]. */
export type FeatureNorm = Exclude<Norm, 'group' | 'instance'>

export function featureNorm(norm: FeatureNorm, features: number): Layer {
  switch (norm) {
    case 'none':
      return new Identity()
    case 'batch':
      return new BatchNorm1d(features)
    case 'layer':
      return new LayerNorm(features)
    case 'rms':
      return new RMSNorm(features)
  }
}

export const activationNames = { relu: 'ReLU', leaky: 'LeakyReLU', tanh: 'tanh', sigmoid: 'sigmoid', gelu: 'GELU', silu: 'SiLU' } as const
export type Activation = keyof typeof activationNames
const activations: Readonly<Record<Activation, () => Layer>> = {
  relu: () => new ReLU(),
  leaky: () => new LeakyReLU(0.01),
  tanh: () => new Tanh(),
  sigmoid: () => new Sigmoid(),
  gelu: () => new GELU(),
  silu: () => new SiLU(),
}

export const initNames = { default: "PyTorch's default", kaiming: 'Kaiming', xavier: 'Xavier', small: 'normal, std 0.01' } as const
export type Init = keyof typeof initNames
const inits: Readonly<Record<Init, (weight: Tensor) => unknown>> = {
  default: () => undefined,
  kaiming: (weight) => kaimingNormal_(weight, { nonlinearity: 'relu' }),
  xavier: (weight) => xavierNormal_(weight),
  small: (weight) => normal_(weight, 0, 0.01),
}

export const placeNames = {
  before: 'norm before the activation',
  after: 'norm after the activation',
  'pre-norm': 'pre-norm residual: x + f(norm(x))',
  'post-norm': 'post-norm residual: norm(x + f(x))',
} as const
export type Place = keyof typeof placeNames

/** One hidden layer, whose parts are `linear`, `norm` and `activation` wherever they stand. */
class Block extends Module {
  readonly linear: Linear
  readonly norm: Layer
  readonly activation: Layer

  constructor(
    from: number,
    width: number,
    private readonly place: Place,
    norm: FeatureNorm,
    activation: Activation,
  ) {
    super()
    this.linear = new Linear(from, width)
    this.norm = featureNorm(norm, width)
    this.activation = activations[activation]()
  }

  override forward(x: Tensor): Tensor {
    const { linear, norm, activation } = this
    switch (this.place) {
      case 'before':
        return activation.forward(norm.forward(linear.forward(x)))
      case 'after':
        return norm.forward(activation.forward(linear.forward(x)))
      case 'pre-norm':
        return x.add(activation.forward(linear.forward(norm.forward(x))))
      case 'post-norm':
        return norm.forward(x.add(activation.forward(linear.forward(x))))
    }
  }
}

export interface StackOptions {
  inputs: number
  width: number
  /** Hidden layers. */
  depth: number
  norm: FeatureNorm
  place: Place
  activation: Activation
  init: Init
  seed: number
}

const CLASSES = 10

/**
 * A multilayer perceptron: `depth` hidden layers of `width`, then one linear layer. With a residual place, a linear layer without norm and activation
 * comes first, as the skip needs equal widths. Linear layers start alike whatever the norm; their biases start at 0.
 */
export function stack({ inputs, width, depth, norm, place, activation, init, seed }: StackOptions): Sequential {
  manualSeed(seed)
  const residual = place === 'pre-norm' || place === 'post-norm'
  const parts: Record<string, Layer> = { flatten: new Flatten() }
  if (residual) parts.embed = new Linear(inputs, width)
  for (let i = 0; i < depth; i++) parts[`hidden${i + 1}`] = new Block(i === 0 && !residual ? inputs : width, width, place, norm, activation)
  if (place === 'pre-norm') parts.norm = featureNorm(norm, width)
  parts.head = new Linear(width, CLASSES)
  const model = new Sequential(parts)
  noGrad(() => {
    for (const module of model.modules()) {
      if (!(module instanceof Linear)) continue
      inits[init](module.weight)
      if (module.bias) zeros_(module.bias)
    }
  })
  return model
}
