import { checkOptions, ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { ReLU } from '../nn/activation.js'
import { type Layer, Sequential } from '../nn/containers.js'
import { Conv2d } from '../nn/conv.js'
import { Flatten } from '../nn/flatten.js'
import { forwardFused } from '../nn/fusion.js'
import { kaimingNormal_ } from '../nn/init.js'
import { Identity, Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pool.js'
import { checkSizes } from './arguments.js'
import { type ChannelNormFactory, type ImageNorm, imageNorms, normFactory } from './norms.js'

export interface ResNetOptions {
  /** Blocks of each of the four stages; a stage of 0 is left out. Default [2, 2, 2, 2], ResNet-18. */
  layers?: readonly [number, number, number, number]
  /** `'basic'`: two 3 x 3 convolutions. `'bottleneck'`: 1 x 1, 3 x 3, 1 x 1, with four times as many channels. Default `'basic'`. */
  block?: 'basic' | 'bottleneck'
  /** Channels of the first stage; each further one has twice as many. Default 64. */
  width?: number
  /** `'imagenet'`: a 7 x 7 convolution of stride 2 and max pooling. `'cifar'`: a 3 x 3 convolution, for images of about 32 x 32. Default `'imagenet'`. */
  stem?: 'imagenet' | 'cifar'
  /** Behind each convolution: `'batch'`, `'group'`, `'layer'` (over the channels), `'instance'`, `'none'`, or what makes it. Default `'batch'`. */
  norm?: ImageNorm
  /** Default 3. */
  inChannels?: number
  /** Default 1000. */
  numClasses?: number
}

/** What both blocks are made with. */
interface BlockSettings {
  readonly inChannels: number
  readonly channels: number
  readonly stride: number
  readonly norm: ChannelNormFactory
  /** Whether the convolutions have one: where no norm adds its own. */
  readonly bias: boolean
  /** Brings the input to the output's shape, null where it has it. */
  readonly downsample: Sequential | null
}

/** Two 3 x 3 convolutions beside a shortcut. */
class BasicBlock extends Module {
  static readonly expansion: number = 1
  readonly conv1: Conv2d
  readonly bn1: Layer
  readonly relu = new ReLU()
  readonly conv2: Conv2d
  readonly bn2: Layer
  readonly downsample: Sequential | null

  constructor({ inChannels, channels, stride, norm, bias, downsample }: BlockSettings) {
    super()
    this.conv1 = new Conv2d(inChannels, channels, 3, { stride, padding: 1, bias })
    this.bn1 = norm(channels)
    this.conv2 = new Conv2d(channels, channels, 3, { padding: 1, bias })
    this.bn2 = norm(channels)
    this.downsample = downsample
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv2.forward(forwardFused(this.bn1, this.relu, this.conv1.forward(x)))
    return forwardFused(this.bn2, this.relu, y, this.downsample ? this.downsample.forward(x) : x)
  }
}

/** A 3 x 3 convolution between two of 1 x 1 beside a shortcut; the stride is the middle one's, as in torchvision. */
class Bottleneck extends Module {
  static readonly expansion: number = 4
  readonly conv1: Conv2d
  readonly bn1: Layer
  readonly conv2: Conv2d
  readonly bn2: Layer
  readonly conv3: Conv2d
  readonly bn3: Layer
  readonly relu = new ReLU()
  readonly downsample: Sequential | null

  constructor({ inChannels, channels, stride, norm, bias, downsample }: BlockSettings) {
    super()
    const out = channels * Bottleneck.expansion
    this.conv1 = new Conv2d(inChannels, channels, 1, { bias })
    this.bn1 = norm(channels)
    this.conv2 = new Conv2d(channels, channels, 3, { stride, padding: 1, bias })
    this.bn2 = norm(channels)
    this.conv3 = new Conv2d(channels, out, 1, { bias })
    this.bn3 = norm(out)
    this.downsample = downsample
  }

  override forward(x: Tensor): Tensor {
    const y = forwardFused(this.bn1, this.relu, this.conv1.forward(x))
    const z = forwardFused(this.bn2, this.relu, this.conv2.forward(y))
    return forwardFused(this.bn3, this.relu, this.conv3.forward(z), this.downsample ? this.downsample.forward(x) : x)
  }
}

const blocks = { basic: BasicBlock, bottleneck: Bottleneck }

/**
 * A residual network. He, Zhang, Ren and Sun 2016, arXiv:1512.03385, with torchvision's layers, initial values and keys (conv1.weight, bn1.weight,
 * layer1.0.conv1.weight, ..., fc.bias), so that its checkpoints load; norms other than BatchNorm stand under the same names. Convolutions have
 * a bias only without a norm.
 *
 * Input [N, inChannels, H, W], output [N, numClasses], the logits.
 * @throws ValueError for an unknown norm, block or stem, and where a size is no positive whole number
 */
export class ResNet extends Module {
  readonly conv1: Conv2d
  readonly bn1: Layer
  readonly relu = new ReLU()
  readonly maxpool: Layer
  readonly layer1: Sequential
  readonly layer2: Sequential
  readonly layer3: Sequential
  readonly layer4: Sequential
  readonly avgpool = new AdaptiveAvgPool2d(1)
  readonly flatten = new Flatten()
  readonly fc: Linear

  constructor(options: ResNetOptions = {}) {
    super()
    checkOptions('ResNet', options, ['layers', 'block', 'width', 'stem', 'norm', 'inChannels', 'numClasses'])
    const { layers = [2, 2, 2, 2], block = 'basic', width = 64, stem = 'imagenet', norm = 'batch', inChannels = 3, numClasses = 1000 } = options
    if (!Object.hasOwn(blocks, block)) throw new ValueError(`ResNet: block must be 'basic' or 'bottleneck', got '${String(block)}'`)
    if (stem !== 'imagenet' && stem !== 'cifar') throw new ValueError(`ResNet: stem must be 'imagenet' or 'cifar', got '${String(stem)}'`)
    if (!(Array.isArray(layers) && layers.length === 4 && layers.every((n) => Number.isInteger(n) && n >= 0)))
      throw new ValueError(`ResNet: layers must be four whole numbers, got ${String(layers)}`)
    checkSizes('ResNet', { width, inChannels, numClasses })
    const makeNorm = normFactory<ChannelNormFactory>('ResNet', norm, imageNorms)
    const bias = norm === 'none'
    const Block = blocks[block]
    let channels = width

    const stage = (index: number): Sequential => {
      const made = new Sequential()
      const inner = width * 2 ** index
      const out = inner * Block.expansion
      for (let i = 0; i < layers[index]; i++) {
        const stride = index > 0 && i === 0 ? 2 : 1
        const same = stride === 1 && channels === out
        const downsample = same ? null : new Sequential(new Conv2d(channels, out, 1, { stride, bias }), makeNorm(out))
        made.append(new Block({ inChannels: channels, channels: inner, stride, norm: makeNorm, bias, downsample }))
        channels = out
      }
      return made
    }

    this.conv1 =
      stem === 'imagenet' ? new Conv2d(inChannels, width, 7, { stride: 2, padding: 3, bias }) : new Conv2d(inChannels, width, 3, { padding: 1, bias })
    this.bn1 = makeNorm(width)
    this.maxpool = stem === 'imagenet' ? new MaxPool2d(3, 2, { padding: 1 }) : new Identity()
    this.layer1 = stage(0)
    this.layer2 = stage(1)
    this.layer3 = stage(2)
    this.layer4 = stage(3)
    this.fc = new Linear(channels, numClasses)
    for (const m of this.modules()) if (m instanceof Conv2d) kaimingNormal_(m.weight, { mode: 'fan_out', nonlinearity: 'relu' })
  }

  override forward(images: Tensor): Tensor {
    let x = this.maxpool.forward(forwardFused(this.bn1, this.relu, this.conv1.forward(images)))
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) x = stage.forward(x)
    return this.fc.forward(this.flatten.forward(this.avgpool.forward(x)))
  }
}

/** ResNet-18, as torchvision's `resnet18`; options change parts of it. */
export const resnet18 = (options: ResNetOptions = {}): ResNet => new ResNet(options)
/** ResNet-34, as torchvision's `resnet34`. */
export const resnet34 = (options: ResNetOptions = {}): ResNet => new ResNet({ layers: [3, 4, 6, 3], ...options })
/** ResNet-50, as torchvision's `resnet50`: bottleneck blocks with the stride in the 3 x 3 convolution. */
export const resnet50 = (options: ResNetOptions = {}): ResNet => new ResNet({ layers: [3, 4, 6, 3], block: 'bottleneck', ...options })
/** ResNet-20 for images of 32 x 32 in 10 classes: section 4.2 of the paper, with a 1 x 1 convolution in the shortcuts that change size. */
export const resnet20 = (options: ResNetOptions = {}): ResNet => new ResNet({ layers: [3, 3, 3, 0], width: 16, stem: 'cifar', numClasses: 10, ...options })
