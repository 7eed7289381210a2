import { manualSeed } from '../../src/core/random.js'
import type { Tensor } from '../../src/core/tensor.js'
import * as ops from '../../src/ops/index.js'
import { between, bool, type Example, int64, values } from './gradcheck-table.js'

/** Example inputs of the layers' operations: see gradcheck-table.ts. */

const call = (run: (...inputs: Tensor[]) => Tensor | readonly Tensor[], ...shapes: number[][]): Example => ({
  inputs: () => shapes.map((shape, i) => values(shape, i)),
  run,
})
const positive = (run: (x: Tensor) => Tensor, shape: number[]): Example => ({ inputs: () => [between(0.5, 2, shape)], run })
/** An input whose first two axes are swapped in memory: rules must not rely on contiguity. */
const swapped = (x: Tensor): Tensor => x.transpose(0, 1)

const linear: Record<string, Example[]> = {
  linear: [
    call((x, w, b) => ops.linear(x, w, b), [2, 3], [4, 3], [4]),
    call((x, w) => ops.linear(x, w), [2, 2, 3], [2, 3]),
    call((x, w, b) => ops.linear(x, w, b), [3], [2, 3], [2]),
    call((x, w) => ops.linear(swapped(x), swapped(w)), [3, 2], [3, 2]),
    call((x, w) => ops.linear(x, w), [2, 3], [3]),
    call((x, w, b) => ops.linear(x, w, b), [2, 3], [4, 3], [1]),
  ],
  bilinear: [
    call((a, b, w, c) => ops.bilinear(a, b, w, c), [2, 2], [2, 3], [2, 2, 3], [2]),
    call((a, b, w) => ops.bilinear(a, b, w), [2, 1, 2], [2, 1, 2], [2, 2, 2]),
    call((a, b, w) => ops.bilinear(a, b, w), [2], [2], [3, 2, 2]),
  ],
}

const convolutions: Record<string, Example[]> = {
  conv1d: [
    call((x, w, b) => ops.conv1d(x, w, b), [2, 2, 5], [3, 2, 2], [3]),
    call((x, w) => ops.conv1d(x, w, null, { stride: 2, padding: 2, dilation: 2 }), [1, 2, 6], [2, 2, 2]),
    call((x, w) => ops.conv1d(x, w, null, { groups: 2, padding: 'same' }), [1, 4, 4], [2, 2, 4]),
    call((x, w) => ops.conv1d(swapped(x), w), [2, 2, 4], [1, 2, 3]),
    call((x, w, b) => ops.conv1d(x, w, b, { padding: 'valid' }), [2, 4], [2, 2, 2], [2]),
  ],
  conv2d: [
    call((x, w, b) => ops.conv2d(x, w, b), [1, 2, 4, 3], [2, 2, 2, 2], [2]),
    // The windows leave a row and a column out.
    call((x, w) => ops.conv2d(x, w, null, { stride: [2, 1], padding: [0, 1] }), [1, 2, 4, 3], [2, 2, 3, 2]),
    call((x, w) => ops.conv2d(x, w, null, { dilation: 2, padding: 1, groups: 2 }), [1, 2, 4, 4], [4, 1, 2, 2]),
    call((x, w) => ops.conv2d(x, w, null, { padding: 'same', dilation: [1, 2] }), [1, 1, 3, 4], [1, 1, 2, 2]),
  ],
  conv3d: [call((x, w, b) => ops.conv3d(x, w, b, { stride: [1, 2, 1], padding: [1, 0, 0] }), [1, 1, 2, 3, 2], [2, 1, 2, 2, 1], [2])],
  convTranspose1d: [
    call((x, w, b) => ops.convTranspose1d(x, w, b, { stride: 2, padding: 1, outputPadding: 1 }), [2, 2, 3], [2, 3, 2], [3]),
    // An output padding beyond the stride: a convolution of this result would be longer than the input.
    call((x, w) => ops.convTranspose1d(x, w, null, { dilation: 3, outputPadding: 2 }), [1, 2, 3], [2, 1, 2]),
    call((x, w) => ops.convTranspose1d(x, w), [2, 3], [2, 2, 2]),
  ],
  convTranspose2d: [
    call((x, w, b) => ops.convTranspose2d(x, w, b, { groups: 2, stride: [2, 1] }), [1, 2, 2, 3], [2, 1, 2, 2], [2]),
    call((x, w) => ops.convTranspose2d(x, w, null, { padding: 1, dilation: [1, 2] }), [1, 1, 3, 2], [1, 2, 3, 2]),
  ],
  convTranspose3d: [call((x, w) => ops.convTranspose3d(x, w, null, { stride: [1, 2, 1] }), [1, 1, 2, 2, 1], [1, 2, 1, 2, 2])],
}

const pools: Record<string, Example[]> = {
  maxPool1d: [call((x) => ops.maxPool1d(x, 2), [1, 2, 5]), call((x) => ops.maxPool1d(x, 3, { stride: 1, padding: 1 }), [2, 4])],
  maxPool2d: [
    call((x) => ops.maxPool2d(x, 2), [1, 2, 4, 3]),
    call((x) => ops.maxPool2d(x, [3, 2], { stride: [2, 1], padding: 1, ceilMode: true }), [1, 1, 4, 4]),
    call((x) => ops.maxPool2d(x, 2, { stride: 1, dilation: 2, returnIndices: true })[0], [2, 4, 4]),
    call((x) => ops.maxPool2d(swapped(x), 2), [2, 1, 3, 3]),
  ],
  maxPool3d: [call((x) => ops.maxPool3d(x, 2, { stride: 1 }), [1, 1, 2, 3, 3])],
  avgPool1d: [call((x) => ops.avgPool1d(x, 3, { stride: 2, padding: 1, countIncludePad: false }), [1, 2, 4])],
  avgPool2d: [
    call((x) => ops.avgPool2d(x, 2), [1, 2, 4, 3]),
    call((x) => ops.avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true }), [1, 1, 4, 4]),
    call((x) => ops.avgPool2d(x, [1, 2], { stride: [1, 1], divisorOverride: 3 }), [2, 2, 3]),
    call((x) => ops.avgPool2d(swapped(x), 2), [2, 1, 2, 2]),
  ],
  avgPool3d: [call((x) => ops.avgPool3d(x, 2, { stride: 1 }), [1, 1, 2, 3, 3])],
  lpPool1d: [positive((x) => ops.lpPool1d(x, 3, 2), [1, 2, 4])],
  lpPool2d: [positive((x) => ops.lpPool2d(x, 1.5, 2, { stride: 1 }), [1, 1, 3, 3]), call((x) => ops.lpPool2d(x, 2, [1, 2], { ceilMode: true }), [1, 1, 2, 3])],
  lpPool3d: [positive((x) => ops.lpPool3d(x, 2, 2), [1, 2, 2, 2, 2])],
  adaptiveAvgPool1d: [call((x) => ops.adaptiveAvgPool1d(x, 3), [1, 2, 5])],
  adaptiveAvgPool2d: [call((x) => ops.adaptiveAvgPool2d(x, [4, 2]), [1, 1, 3, 3]), call((x) => ops.adaptiveAvgPool2d(x, [null, 1]), [1, 3, 3])],
  adaptiveAvgPool3d: [call((x) => ops.adaptiveAvgPool3d(x, 2), [1, 1, 3, 2, 2])],
  adaptiveMaxPool1d: [call((x) => ops.adaptiveMaxPool1d(x, 3), [1, 2, 5])],
  adaptiveMaxPool2d: [
    call((x) => ops.adaptiveMaxPool2d(x, [2, null]), [1, 1, 3, 3]),
    call((x) => ops.adaptiveMaxPool2d(x, 2, { returnIndices: true })[0], [1, 3, 3]),
  ],
  adaptiveMaxPool3d: [call((x) => ops.adaptiveMaxPool3d(x, [1, 2, 2]), [1, 1, 2, 3, 3])],
}

const lookups: Record<string, Example[]> = {
  embedding: [
    {
      inputs: () => [
        int64([
          [2, 0],
          [2, 1],
        ]),
        values([3, 2]),
      ],
      run: (i, w) => ops.embedding(i, w),
    },
    // The padding's row is not looked up: where it is, its gradient is by design not the derivative.
    { inputs: () => [int64([2, 0, 2]), values([3, 2])], run: (i, w) => ops.embedding(i, w.mul(w), { paddingIdx: -2 }) },
    // Nor is it of rows that are looked up twice, with scaleGradByFreq.
    { inputs: () => [int64([2, 0]), values([3, 2])], run: (i, w) => ops.embedding(i, w, { scaleGradByFreq: true }) },
  ],
  embeddingBag: [
    ...(['sum', 'mean', 'max'] as const).map((mode) => ({
      inputs: () => [int64([2, 0, 2, 1, 1]), int64([0, 2, 2]), values([3, 2])],
      run: (i: Tensor, offsets: Tensor, w: Tensor) => ops.embeddingBag(i, w, { offsets, mode, paddingIdx: 0 }),
    })),
    {
      inputs: () => [
        int64([
          [2, 0],
          [1, 1],
        ]),
        values([3, 2]),
      ],
      run: (i, w) => ops.embeddingBag(i, w),
    },
    {
      inputs: () => [int64([2, 0, 2]), int64([0, 1, 3]), values([3, 2]), values([3], 1)],
      run: (i, offsets, w, perSampleWeights) => ops.embeddingBag(i, w, { offsets, mode: 'sum', perSampleWeights, includeLastOffset: true }),
    },
  ],
}

const resampling: Record<string, Example[]> = {
  pad: [
    call((x) => ops.pad(x, [1, 2, 0, 1], { value: 3 }), [2, 3]),
    call((x) => ops.pad(x, [-1, 1, 2, -1]), [3, 3]),
    call((x) => ops.pad(x, [1, 2, 2, -1], { mode: 'reflect' }), [1, 3, 3]),
    call((x) => ops.pad(x, [2, 1], { mode: 'replicate' }), [2, 3]),
    call((x) => ops.pad(swapped(x), [2, 3, 1, 0], { mode: 'circular' }), [2, 1, 2, 3]),
    call((x) => ops.pad(x, [1, 0, 0, 1, 1, 1], { mode: 'replicate' }), [1, 2, 2, 2]),
  ],
  interpolate: [
    call((x) => ops.interpolate(x, { size: 5 }), [1, 2, 3]),
    call((x) => ops.interpolate(x, { scaleFactor: 1.5, mode: 'nearest-exact' }), [1, 1, 2, 3]),
    call((x) => ops.interpolate(x, { size: 5, mode: 'linear', alignCorners: true }), [1, 2, 3]),
    call((x) => ops.interpolate(x, { size: [4, 2], mode: 'bilinear' }), [1, 1, 3, 3]),
    call((x) => ops.interpolate(x, { size: [4, 3], mode: 'bicubic' }), [1, 1, 3, 2]),
    call((x) => ops.interpolate(x, { scaleFactor: [1, 2, 1], mode: 'trilinear' }), [1, 1, 2, 2, 2]),
    call((x) => ops.interpolate(x, { size: [2, 4], mode: 'area' }), [1, 1, 3, 3]),
    call((x) => ops.interpolate(x, { size: [2, 2], mode: 'bilinear', antialias: true }), [1, 1, 5, 3]),
    call((x) => ops.interpolate(x, { size: 2, mode: 'bicubic', antialias: true }), [1, 1, 5, 2]),
  ],
  unfold: [call((x) => ops.unfold(x, 2), [1, 2, 3, 3]), call((x) => ops.unfold(x, [1, 2], { dilation: [1, 2], padding: 1, stride: [2, 1] }), [1, 3, 3])],
  fold: [call((x) => ops.fold(x, [3, 2], 2), [1, 4, 2]), call((x) => ops.fold(x, 3, [1, 2], { dilation: [1, 2], padding: 1, stride: [2, 1] }), [4, 9])],
  pixelShuffle: [call((x) => ops.pixelShuffle(x, 2), [1, 4, 2, 1])],
  pixelUnshuffle: [call((x) => ops.pixelUnshuffle(x, 2), [1, 2, 4])],
  channelShuffle: [call((x) => ops.channelShuffle(x, 2), [1, 4, 2])],
}

const attention: Record<string, Example[]> = {
  scaledDotProductAttention: [
    call((q, k, v) => ops.scaledDotProductAttention(q, k, v), [2, 2, 3, 2], [2, 2, 4, 2], [2, 2, 4, 3]),
    call((q, k, v) => ops.scaledDotProductAttention(q, k, v, { isCausal: true, scale: 0.7 }), [2, 4, 2], [2, 3, 2], [2, 3, 2]),
    call(
      (q, k, v) =>
        ops.scaledDotProductAttention(
          q,
          k,
          v,
          bool([
            [true, false],
            [false, false],
            [true, true],
          ]),
        ),
      [3, 2],
      [2, 2],
      [2, 1],
    ),
    call((q, k, v, mask) => ops.scaledDotProductAttention(q, k, v, mask), [2, 3, 2], [2, 2, 2], [2, 2, 2], [3, 1]),
    call((q, k, v) => ops.scaledDotProductAttention(q, k, v, { enableGqa: true }), [4, 2, 2], [2, 3, 2], [2, 3, 2]),
    call((q, k, v) => ops.scaledDotProductAttention(q, k, v, { enableGqa: true }), [4, 2, 1], [2, 2, 1], [1, 2, 2]),
    call((q, k, v) => ops.scaledDotProductAttention(swapped(q), swapped(k), v), [2, 3, 2], [2, 3, 2], [2, 2]),
    call(
      (q, k, v) => {
        manualSeed(3)
        return ops.scaledDotProductAttention(q, k, v, { dropoutP: 0.4 })
      },
      [2, 2, 2],
      [2, 3, 2],
      [2, 3, 2],
    ),
  ],
}

export const layerExamples: Record<string, Example[]> = { ...linear, ...attention, ...convolutions, ...pools, ...lookups, ...resampling }
