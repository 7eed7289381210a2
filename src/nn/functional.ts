/** Layers as functions, under PyTorch's functional names: `F.crossEntropy` is `torch.nn.functional.cross_entropy`. */
export {
  celu,
  celu_,
  elu,
  elu_,
  gelu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  hardtanh_,
  leakyRelu,
  leakyRelu_,
  logsigmoid,
  mish,
  prelu,
  relu,
  relu_,
  relu6,
  selu,
  selu_,
  sigmoid,
  silu,
  softplus,
  softshrink,
  softsign,
  tanh,
  tanhshrink,
  threshold,
  threshold_,
} from '../ops/activation.js'
export { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d, adaptiveMaxPool1d, adaptiveMaxPool2d, adaptiveMaxPool3d } from '../ops/adaptive-pool.js'
export { scaledDotProductAttention } from '../ops/attention.js'
export { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from '../ops/conv.js'
export { crossEntropy, nllLoss } from '../ops/cross-entropy.js'
export { cosineSimilarity, normalize, pairwiseDistance } from '../ops/distance.js'
export { alphaDropout, dropout, dropout1d, dropout2d, dropout3d, featureAlphaDropout } from '../ops/dropout.js'
export { embedding } from '../ops/embedding.js'
export { embeddingBag } from '../ops/embedding-bag.js'
export { fold, unfold } from '../ops/fold.js'
export { interpolate } from '../ops/interpolate.js'
export { bilinear, linear } from '../ops/linear.js'
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  cosineEmbeddingLoss,
  huberLoss,
  klDiv,
  l1Loss,
  marginRankingLoss,
  mseLoss,
  poissonNllLoss,
  smoothL1Loss,
  softMarginLoss,
  tripletMarginLoss,
} from '../ops/loss.js'
export type { LossOptions, Reduction } from '../ops/loss-reduction.js'
export {
  adaptiveLayerNorm,
  batchNorm,
  batchRenorm,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
  maskedBatchNorm,
  maskedLayerNorm,
  rmsNorm,
  standardizeWeight,
} from '../ops/norm/index.js'
export { oneHot } from '../ops/one-hot.js'
export { pad } from '../ops/pad.js'
export { avgPool1d, avgPool2d, avgPool3d, lpPool1d, lpPool2d, lpPool3d, maxPool1d, maxPool2d, maxPool3d } from '../ops/pool.js'
export { channelShuffle, pixelShuffle, pixelUnshuffle } from '../ops/shuffle.js'
export { logSoftmax, softmax, softmin } from '../ops/softmax.js'
