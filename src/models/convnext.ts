import { checkNumber, checkOptions, ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { GELU } from '../nn/activation.js'
import { type Layer, ModuleDict, ModuleList, Sequential } from '../nn/containers.js'
import { Conv2d } from '../nn/conv.js'
import { Flatten } from '../nn/flatten.js'
import { forwardFused } from '../nn/fusion.js'
import { truncNormal_, zeros_ } from '../nn/init.js'
import { Identity, Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { Parameter } from '../nn/parameter.js'
import { AdaptiveAvgPool2d } from '../nn/pool.js'
import { full, ones } from '../ops/create.js'
import { dropout } from '../ops/dropout.js'
import '../ops/methods.js'
import { checkSizes } from './arguments.js'
import { LayerNorm2d } from './layer-norm-2d.js'
import { type ChannelNormFactory, type ImageNorm, imageNorms, normFactory } from './norms.js'

export interface ConvNeXtOptions {
  /** Blocks of each of the four stages. Default [3, 3, 9, 3]. */
  depths?: readonly [number, number, number, number]
  /** Channels of each. Default [96, 192, 384, 768]. */
  dims?: readonly [number, number, number, number]
  /** Side of the patches that the first convolution reads. Default 4; smaller images want a smaller one. */
  patchSize?: number
  /** What the learned weight of a residual branch starts as. Default 1e-6. */
  layerScale?: number
  /** The probability that the last block's branch is left out for an image, in training; earlier ones have less, from 0 on. Huang et al. 2016, arXiv:1603.09382. Default 0. */
  stochasticDepthProb?: number
  /** `'layer'` (over the channels), `'batch'`, `'group'`, `'instance'` (not before the last layer), `'none'`, or what makes it. Default `'layer'`. */
  norm?: ImageNorm
  /** Default 3. */
  inChannels?: number
  /** Default 1000. */
  numClasses?: number
}

/** ConvNeXt's LayerNorm has a smaller eps than PyTorch's default. */
const norms: Readonly<Record<string, ChannelNormFactory>> = { ...imageNorms, layer: (channels) => new LayerNorm2d(channels, { eps: 1e-6 }) }

/** A 7 x 7 convolution of each channel, a norm, and two linear layers across the channels, beside a shortcut. [N, dim, H, W] */
export class ConvNeXtBlock extends Module {
  /** [dim, 1, 1] */
  readonly layerScale: Parameter
  /** Under the numbers that torchvision's Sequential gives them. */
  readonly block: ModuleDict<Layer>

  constructor(
    dim: number,
    norm: ImageNorm = 'layer',
    layerScale = 1e-6,
    readonly stochasticDepthProb = 0,
  ) {
    super()
    checkSizes('ConvNeXtBlock', { dim })
    checkNumber('ConvNeXtBlock', 'layerScale', layerScale)
    if (!(stochasticDepthProb >= 0 && stochasticDepthProb <= 1))
      throw new ValueError(`drop probability has to be between 0 and 1, but got ${stochasticDepthProb}`)
    const makeNorm = normFactory<ChannelNormFactory>('ConvNeXtBlock', norm, norms)
    this.layerScale = new Parameter(full([dim, 1, 1], layerScale))
    this.block = new ModuleDict<Layer>({
      0: new Conv2d(dim, dim, 7, { padding: 3, groups: dim }),
      2: makeNorm(dim),
      3: new Linear(dim, 4 * dim),
      4: new GELU(),
      5: new Linear(4 * dim, dim),
    })
  }

  override forward(x: Tensor): Tensor {
    const [conv, norm, expand, gelu, reduce] = this.block
    const y = norm.forward(conv.forward(x)).permute(0, 2, 3, 1)
    const z = reduce.forward(forwardFused(expand, gelu, y)).permute(0, 3, 1, 2)
    const branch = z.mul(this.layerScale)
    // A number for each image: 0, or what keeps the mean.
    return x.add(
      this.training && this.stochasticDepthProb > 0
        ? branch.mul(dropout(ones([x.shape[0], 1, 1, 1], { dtype: branch.dtype }), { p: this.stochasticDepthProb }))
        : branch,
    )
  }
}

/**
 * A convolutional network with the proportions of a vision transformer. Liu et al. 2022, arXiv:2201.03545, with torchvision's initial values and keys
 * (features.0.0.weight, features.1.0.layer_scale, features.1.0.block.0.weight, ..., classifier.2.bias). The defaults are ConvNeXt-T, which torchvision trains
 * with a `stochasticDepthProb` of 0.1.
 *
 * Input [N, inChannels, H, W], H and W at least 8 patches; output [N, numClasses], the logits.
 * @throws ValueError for an unknown norm, and where a size is no positive whole number
 */
export class ConvNeXt extends Module {
  /** The patches, then by turns a stage's blocks and the halving before the next. */
  readonly features: ModuleList<Sequential>
  readonly avgpool = new AdaptiveAvgPool2d(1)
  readonly classifier: Sequential

  constructor(options: ConvNeXtOptions = {}) {
    super()
    checkOptions('ConvNeXt', options, ['depths', 'dims', 'patchSize', 'layerScale', 'stochasticDepthProb', 'norm', 'inChannels', 'numClasses'])
    const { depths = [3, 3, 9, 3], dims = [96, 192, 384, 768], patchSize = 4, layerScale = 1e-6, norm = 'layer', inChannels = 3, numClasses = 1000 } = options
    const { stochasticDepthProb = 0 } = options
    for (const [name, list] of Object.entries({ depths, dims })) {
      if (!Array.isArray(list) || list.length !== 4) throw new ValueError(`ConvNeXt: ${name} must be four sizes, got ${String(list)}`)
      checkSizes('ConvNeXt', Object.fromEntries(list.map((size, i) => [`${name}[${i}]`, size])))
    }
    checkSizes('ConvNeXt', { patchSize, inChannels, numClasses })
    const makeNorm = normFactory<ChannelNormFactory>('ConvNeXt', norm, norms)
    this.features = new ModuleList([new Sequential(new Conv2d(inChannels, dims[0], patchSize, { stride: patchSize }), makeNorm(dims[0]))])
    const blocks = depths.reduce((sum, depth) => sum + depth)
    let made = 0
    const block = (dim: number) => new ConvNeXtBlock(dim, norm, layerScale, (stochasticDepthProb * made++) / Math.max(1, blocks - 1))
    dims.forEach((dim, i) => {
      if (i > 0) this.features.append(new Sequential(makeNorm(dims[i - 1]), new Conv2d(dims[i - 1], dim, 2, { stride: 2 })))
      this.features.append(new Sequential(...Array.from({ length: depths[i] }, () => block(dim))))
    })
    // Of one position an InstanceNorm would leave nothing.
    const last = norm === 'instance' ? new Identity() : makeNorm(dims[3])
    this.classifier = new Sequential(last, new Flatten(), new Linear(dims[3], numClasses))
    for (const m of this.modules()) {
      if (!(m instanceof Conv2d || m instanceof Linear)) continue
      truncNormal_(m.weight, 0, 0.02)
      if (m.bias) zeros_(m.bias)
    }
  }

  override forward(images: Tensor): Tensor {
    let x = images
    for (const part of this.features) x = part.forward(x)
    return this.classifier.forward(this.avgpool.forward(x))
  }
}
