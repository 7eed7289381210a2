import { manualSeed } from '../../src/core/random.js'
import type { Tensor } from '../../src/core/tensor.js'
import * as ops from '../../src/ops/index.js'
import { between, type Example, int64, values } from './gradcheck-table.js'

/** Example inputs of losses and distances: see gradcheck-table.ts. */

const call = (run: (...inputs: Tensor[]) => Tensor, ...shapes: number[][]): Example => ({ inputs: () => shapes.map((shape, i) => values(shape, i)), run })

/** A score of random values and targets that need no gradient. */
const against = (shape: number[], target: () => Tensor, run: (x: Tensor, target: Tensor) => Tensor): Example => ({
  inputs: () => [values(shape), target()],
  run,
})
const constant = (x: Tensor): Tensor => x.detach()
const weights = (...numbers: number[]): Tensor => ops.tensor(numbers, { dtype: 'float64' })
const labels = () => int64([2, 0, 3])
const someIgnored = () => int64([2, -100, 1])
const pixels = () =>
  int64([
    [
      [0, 2],
      [1, 1],
    ],
  ])
const signs = () => ops.tensor([1, -1, 1], { dtype: 'float64' })

const classes: Record<string, Example[]> = {
  nllLoss: [
    against([3, 4], labels, (x, t) => ops.nllLoss(x, t)),
    against([3, 4], someIgnored, (x, t) => ops.nllLoss(x, t, { weight: weights(0.5, 2, 1, 3), reduction: 'none' })),
    against(
      [4],
      () => int64(1),
      (x, t) => ops.nllLoss(x, t, { reduction: 'sum' }),
    ),
    against([1, 3, 2, 2], pixels, (x, t) => ops.nllLoss(x, t, { weight: weights(0.5, 2, 1), ignoreIndex: 1 })),
  ],
  crossEntropy: [
    against([3, 4], labels, (x, t) => ops.crossEntropy(x, t)),
    against([4, 3], labels, (x, t) => ops.crossEntropy(x.t(), t, { reduction: 'none' })),
    against([3, 4], someIgnored, (x, t) => ops.crossEntropy(x, t, { weight: weights(0.5, 2, 1, 3), labelSmoothing: 0.2 })),
    against([3, 4], someIgnored, (x, t) => ops.crossEntropy(x, t, { labelSmoothing: 1, reduction: 'sum' })),
    against([1, 3, 2, 2], pixels, (x, t) => ops.crossEntropy(x, t, { labelSmoothing: 0.1 })),
    // Class probabilities have gradients too.
    call((x, t) => ops.crossEntropy(x, t), [2, 3], [2, 3]),
    call((x, t) => ops.crossEntropy(x, t, { weight: weights(0.5, 2, 1), labelSmoothing: 0.2, reduction: 'none' }), [2, 3, 2], [2, 3, 2]),
    call((x, t) => ops.crossEntropy(x, t, { reduction: 'none' }), [3], [3]),
  ],
}

const elementwise: Record<string, Example[]> = {
  mseLoss: [
    call((x, t) => ops.mseLoss(x, t), [2, 3], [2, 3]),
    call((x, t) => ops.mseLoss(x, t, { reduction: 'none' }), [3], [3]),
    call((x, t, w) => ops.mseLoss(x, t, { weight: w }), [3], [3], [3]),
  ],
  l1Loss: [call((x, t) => ops.l1Loss(x, t, { reduction: 'sum' }), [2, 3], [2, 3]), call((x, t, w) => ops.l1Loss(x, t, { weight: w }), [3], [3], [3])],
  smoothL1Loss: [
    call((x, t) => ops.smoothL1Loss(x, t, { reduction: 'none' }), [2, 3], [2, 3]),
    call((x, t) => ops.smoothL1Loss(x, t, { beta: 0.3 }), [2, 3], [2, 3]),
    call((x, t) => ops.smoothL1Loss(x, t, { beta: 0 }), [2, 3], [2, 3]),
  ],
  huberLoss: [
    call((x, t) => ops.huberLoss(x, t, { reduction: 'none' }), [2, 3], [2, 3]),
    call((x, t, w) => ops.huberLoss(x, t, { delta: 0.7, weight: w }), [2, 3], [2, 3], [2, 3]),
  ],
  softMarginLoss: [{ inputs: () => [values([3]), signs()], run: (x, t) => ops.softMarginLoss(x, t, { reduction: 'none' }) }],
  poissonNllLoss: [
    { inputs: () => [values([3]), between(0.5, 3, [3])], run: (x, t) => ops.poissonNllLoss(x, t, { full: true, reduction: 'none' }) },
    { inputs: () => [between(0.5, 2, [3]), between(0.5, 3, [3], 1)], run: (x, t) => ops.poissonNllLoss(x, t, { logInput: false, eps: 0.01 }) },
  ],
  binaryCrossEntropy: [
    { inputs: () => [between(0.1, 0.9, [2, 3]), between(0.1, 0.9, [2, 3], 1)], run: (x, t) => ops.binaryCrossEntropy(x, t) },
    {
      inputs: () => [between(0.1, 0.9, [3]), between(0.1, 0.9, [3], 1)],
      run: (x, t) => ops.binaryCrossEntropy(x, t, { weight: weights(0.5, 2, 1), reduction: 'none' }),
    },
  ],
  binaryCrossEntropyWithLogits: [
    call((x, t) => ops.binaryCrossEntropyWithLogits(x, t), [2, 3], [2, 3]),
    call((x, t, w, p) => ops.binaryCrossEntropyWithLogits(x, t, { weight: w, posWeight: p, reduction: 'sum' }), [2, 3], [2, 3], [2, 3], [3]),
  ],
  klDiv: [
    { inputs: () => [values([2, 3]), between(0.1, 0.9, [2, 3], 1)], run: (x, t) => ops.klDiv(x, t, { reduction: 'batchmean' }) },
    call((x, t) => ops.klDiv(x, t, { logTarget: true, reduction: 'none' }), [2, 3], [2, 3]),
  ],
}

const distances: Record<string, Example[]> = {
  cosineEmbeddingLoss: [
    {
      inputs: () => [values([3, 4]), values([3, 4], 1), signs()],
      run: (a, b, t) => ops.cosineEmbeddingLoss(a, b, t, { margin: -0.9, reduction: 'none' }),
    },
    { inputs: () => [values([3]), values([3], 1), constant(ops.tensor(1, { dtype: 'float64' }))], run: (a, b, t) => ops.cosineEmbeddingLoss(a, b, t) },
  ],
  marginRankingLoss: [{ inputs: () => [values([3]), values([3], 1), signs()], run: (a, b, t) => ops.marginRankingLoss(a, b, t, { margin: 0.31 }) }],
  tripletMarginLoss: [
    call((a, p, n) => ops.tripletMarginLoss(a, p, n, { margin: 5, reduction: 'none' }), [2, 3], [2, 3], [2, 3]),
    call((a, p, n) => ops.tripletMarginLoss(a, p, n, { margin: 5, p: 3, swap: true }), [2, 3], [2, 3], [2, 3]),
  ],
  normalize: [
    call((x) => ops.normalize(x), [2, 3]),
    call((x) => ops.normalize(x, { p: 3, dim: 0 }), [2, 3]),
    // Shorter than eps: divided by it.
    call((x) => ops.normalize(x, { eps: 100 }), [2, 3]),
  ],
  cosineSimilarity: [
    call((a, b) => ops.cosineSimilarity(a, b), [2, 3], [2, 3]),
    call((a, b) => ops.cosineSimilarity(a, b, { dim: 0 }), [3, 1], [3, 2]),
    call((a, b) => ops.cosineSimilarity(a, b, { eps: 100 }), [2, 3], [2, 3]),
  ],
  pairwiseDistance: [
    call((a, b) => ops.pairwiseDistance(a, b), [2, 3], [3]),
    call((a, b) => ops.pairwiseDistance(a, b, { p: 1, keepdim: true }), [2, 3], [2, 3]),
  ],
}

/** Random, but the same for the same seed. */
const seeded = (run: (x: Tensor) => Tensor, ...shape: number[]): Example => ({
  inputs: () => [values(shape)],
  run: (x) => {
    manualSeed(3)
    return run(x)
  },
})
const dropouts: Record<string, Example[]> = {
  dropout: [seeded((x) => ops.dropout(x, { p: 0.4 }), 2, 3), seeded((x) => ops.dropout(x.clone(), { p: 1, inplace: true }), 3)],
  alphaDropout: [seeded((x) => ops.alphaDropout(x, { training: true }), 2, 3)],
  featureAlphaDropout: [seeded((x) => ops.featureAlphaDropout(x, { training: true }), 2, 3, 2)],
  dropout1d: [seeded((x) => ops.dropout1d(x), 3, 2)],
  dropout2d: [seeded((x) => ops.dropout2d(x.clone(), { inplace: true }), 2, 2, 2, 1)],
  dropout3d: [seeded((x) => ops.dropout3d(x), 2, 1, 2, 1, 2)],
}

export const lossExamples: Record<string, Example[]> = { ...classes, ...elementwise, ...distances, ...dropouts }
