import { checkOptions, ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { ReLU } from '../nn/activation.js'
import type { Layer } from '../nn/containers.js'
import { Conv2d } from '../nn/conv.js'
import { Flatten } from '../nn/flatten.js'
import { forwardFused } from '../nn/fusion.js'
import { Identity, Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { BatchNorm2d } from '../nn/norm/batch-norm.js'
import { LayerNorm } from '../nn/norm/layer-norm.js'
import { MaxPool2d } from '../nn/pool.js'
import { normFactory, unknownNorm } from './norms.js'

/** Makes the normalization of feature maps [N, channels, height, width]. */
export type NormFactory = (channels: number, height: number, width: number) => Layer

/** The normalizations that can be named; each is the layer's usual form for images. */
const norms = {
  none: { label: 'no norm', make: () => new Identity() },
  batch: { label: 'BatchNorm', make: (channels: number) => new BatchNorm2d(channels) },
  layer: { label: 'LayerNorm', make: (...shape: [number, number, number]) => new LayerNorm(shape) },
} satisfies Record<string, { label: string; make: NormFactory }>

const factories: Readonly<Record<string, NormFactory>> = Object.fromEntries(Object.entries(norms).map(([name, { make }]) => [name, make]))

/** A normalization that can be named. */
export type NormName = keyof typeof norms
/** All names of normalizations. */
export const normNames = Object.keys(norms) as NormName[]
/** As it is called in text: `BatchNorm`. @throws ValueError for an unknown name */
export const normLabel = (name: NormName): string => (isNormName(name) ? norms[name].label : unknownNorm('normLabel', name, normNames))
/** Whether a word names a normalization. */
export const isNormName = (name: string): name is NormName => Object.hasOwn(norms, name)

export interface DigitsCnnOptions {
  /** Behind each convolution: a name, or what makes the layer. Default `'batch'`. */
  norm?: NormName | NormFactory
  /** Height and width of the images. Default 28. */
  imageSize?: number
  /** Channels of the four convolutions. Default [8, 16, 16, 32]. */
  channels?: readonly [number, number, number, number]
  /** Default 10. */
  numClasses?: number
}

/**
 * A small network for digits: four 3 x 3 convolutions, each with a norm and ReLU behind it, the first, second and last followed by 2 x 2
 * max pooling, then one linear layer. Convolutions have a bias only without a norm, which would take it away or adds its own.
 *
 * Keys of the state dict: conv1.weight, norm1.weight, ..., fc.bias. Input [N, 1, imageSize, imageSize], output [N, numClasses], the logits.
 * @throws ValueError for an unknown norm, and for images smaller than 8 x 8, of which pooling leaves nothing
 */
export class DigitsCnn extends Module {
  readonly conv1: Conv2d
  readonly norm1: Layer
  readonly relu1 = new ReLU()
  readonly pool1 = new MaxPool2d(2)
  readonly conv2: Conv2d
  readonly norm2: Layer
  readonly relu2 = new ReLU()
  readonly pool2 = new MaxPool2d(2)
  readonly conv3: Conv2d
  readonly norm3: Layer
  readonly relu3 = new ReLU()
  readonly conv4: Conv2d
  readonly norm4: Layer
  readonly relu4 = new ReLU()
  readonly pool4 = new MaxPool2d(2)
  readonly flatten = new Flatten()
  readonly fc: Linear

  constructor(options: DigitsCnnOptions = {}) {
    super()
    checkOptions('DigitsCnn', options, ['norm', 'imageSize', 'channels', 'numClasses'])
    const { norm = 'batch', imageSize = 28, channels = [8, 16, 16, 32], numClasses = 10 } = options
    if (!(Number.isInteger(imageSize) && imageSize >= 8)) throw new ValueError(`DigitsCnn: imageSize must be a whole number of at least 8, got ${imageSize}`)
    const make = normFactory('DigitsCnn', norm, factories)
    const bias = norm === 'none'
    const conv = (from: number, to: number) => new Conv2d(from, to, 3, { padding: 1, bias })
    const half = Math.floor(imageSize / 2)
    const quarter = Math.floor(half / 2)
    const eighth = Math.floor(quarter / 2)
    const [c1, c2, c3, c4] = channels
    this.conv1 = conv(1, c1)
    this.norm1 = make(c1, imageSize, imageSize)
    this.conv2 = conv(c1, c2)
    this.norm2 = make(c2, half, half)
    this.conv3 = conv(c2, c3)
    this.norm3 = make(c3, quarter, quarter)
    this.conv4 = conv(c3, c4)
    this.norm4 = make(c4, quarter, quarter)
    this.fc = new Linear(c4 * eighth * eighth, numClasses)
  }

  override forward(images: Tensor): Tensor {
    let x = this.pool1.forward(forwardFused(this.norm1, this.relu1, this.conv1.forward(images)))
    x = this.pool2.forward(forwardFused(this.norm2, this.relu2, this.conv2.forward(x)))
    x = forwardFused(this.norm3, this.relu3, this.conv3.forward(x))
    x = this.pool4.forward(forwardFused(this.norm4, this.relu4, this.conv4.forward(x)))
    return this.fc.forward(this.flatten.forward(x))
  }
}
