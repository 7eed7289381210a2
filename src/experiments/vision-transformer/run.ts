import { manualSeed } from '../../core/random.js'
import type { Tensor } from '../../core/tensor.js'
import { DigitsCnn } from '../../models/index.js'
import type { Layer } from '../../nn/containers.js'
import { normal_ } from '../../nn/init.js'
import { Linear } from '../../nn/linear.js'
import { Module } from '../../nn/module.js'
import { Parameter } from '../../nn/parameter.js'
import { TransformerEncoder, TransformerEncoderLayer } from '../../nn/transformer/index.js'
import { zeros } from '../../ops/create.js'
import { crossEntropy } from '../../ops/cross-entropy.js'
import { Adam } from '../../optim/index.js'
import type { RunContext, RunState } from '../experiment.js'
import { featureNorm, imageNorm } from '../networks.js'
import { digits, endless, evaluate, release, train } from '../train.js'

export type ViTNorm = 'none' | 'batch' | 'layer' | 'rms'
export type Network = 'vit' | 'cnn'
export type NormPlace = 'pre' | 'post'

export interface ViTConfig {
  network: Network
  norm: ViTNorm
  place: NormPlace
  learningRate: number
  batchSize: number
  steps: number
  seed: number
}

export interface ViTRun extends ViTConfig, RunState {
  losses: number[]
  testAccuracy: number | null
  testLoss: number | null
}

const IMAGE_SIZE = 14
const PATCH = 2
const SIDE = IMAGE_SIZE / PATCH
const TOKENS = SIDE * SIDE
const FEATURES = 32
const HEADS = 4
const LAYERS = 3
export const vitInWords = `${TOKENS} patches of ${PATCH} x ${PATCH} pixels, ${LAYERS} encoder layers of ${FEATURES} features and ${HEADS} heads, mean over the patches, a linear layer; no dropout`

/** A small vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) with the mean of the tokens in place of a class token. */
class SmallViT extends Module {
  readonly embed = new Linear(PATCH * PATCH, FEATURES)
  readonly position = new Parameter(zeros([TOKENS, FEATURES]))
  readonly encoder: TransformerEncoder
  readonly head = new Linear(FEATURES, 10)

  constructor(norm: ViTNorm, place: NormPlace) {
    super()
    normal_(this.position, 0, 0.02)
    const layer = new TransformerEncoderLayer(FEATURES, HEADS, {
      dimFeedforward: 2 * FEATURES,
      dropout: 0,
      activation: 'gelu',
      batchFirst: true,
      normFirst: place === 'pre',
      norm,
    })
    this.encoder = new TransformerEncoder(layer, LAYERS, place === 'pre' ? tokenNorm(norm) : null)
  }

  override forward(images: Tensor): Tensor {
    const batch = images.shape[0]
    const patches = images
      .reshape([batch, SIDE, PATCH, SIDE, PATCH])
      .permute([0, 1, 3, 2, 4])
      .reshape([batch, TOKENS, PATCH * PATCH])
    const tokens = this.embed.forward(patches).add(this.position)
    return this.head.forward(this.encoder.forward(tokens).mean(1))
  }
}

/** Of tokens [N, L, E]; BatchNorm's statistics are over N and L, as in the layers. */
function tokenNorm(norm: ViTNorm): Layer {
  const inner = featureNorm(norm, FEATURES)
  return norm === 'batch' ? new Rows(inner) : inner
}

class Rows extends Module {
  constructor(readonly inner: Layer) {
    super()
  }
  override forward(x: Tensor): Tensor {
    return this.inner.forward(x.reshape([-1, FEATURES])).reshape(x.shape)
  }
}

export async function vitRun(config: ViTConfig, context: RunContext): Promise<ViTRun> {
  const { network, norm, place, learningRate, batchSize, steps, seed } = config
  const data = await digits(IMAGE_SIZE, context)
  manualSeed(seed)
  const model = network === 'vit' ? new SmallViT(norm, place) : new DigitsCnn({ norm: norm === 'none' ? 'none' : imageNorm(norm), imageSize: IMAGE_SIZE })
  const { losses, status, divergence } = await train(
    {
      model,
      optimizer: new Adam(model.parameters(), { lr: learningRate }),
      batches: endless(data.train, { batchSize, seed }),
      steps,
      lossOf: ([images, labels]) => crossEntropy(model.forward(images), labels),
    },
    context,
  )
  const test = status === 'finished' ? evaluate(model, data.test) : null
  release(model)
  return { ...config, status, divergence, losses, testAccuracy: test?.accuracy ?? null, testLoss: test?.loss ?? null }
}
