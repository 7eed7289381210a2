import type { Tensor } from '../../src/core/tensor.js'
import * as ops from '../../src/ops/index.js'
import { between, bool, type Example, values } from './gradcheck-table.js'

/** Example inputs of the norms: see gradcheck-table.ts. */

const call = (run: (...inputs: Tensor[]) => Tensor | readonly Tensor[], ...shapes: number[][]): Example => ({
  inputs: () => shapes.map((shape, i) => values(shape, i)),
  run,
})
/** An input whose first two axes are swapped in memory: rules must not rely on contiguity. */
const swapped = (x: Tensor): Tensor => x.transpose(0, 1)
const running = (channels: number): [Tensor, Tensor] => [values([channels], 7).detach(), between(0.5, 2, [channels], 8).detach()]

export const normExamples: Record<string, Example[]> = {
  batchNorm: [
    call((x, w, b) => ops.batchNorm(x, null, null, w, b, { training: true }), [3, 2, 3], [2], [2]),
    call((x, w) => ops.batchNorm(x, ...running(2), w, null, { training: true, eps: 0.3, momentum: 0.7 }), [4, 2], [2]),
    call((x, b) => ops.batchNorm(swapped(x), null, null, null, b, { training: true }), [2, 3, 2, 2], [2]),
    call((x) => ops.batchNorm(x, null, null, null, null, { training: true, eps: 0 }), [1, 2, 4]),
    call((x, w, b) => ops.batchNorm(x, ...running(2), w, b), [3, 2, 2], [2], [2]),
    call((x) => ops.batchNorm(x, ...running(3)), [2, 3]),
  ],
  layerNorm: [
    call((x, w, b) => ops.layerNorm(x, [4], w, b), [2, 3, 4], [4], [4]),
    call((x, w) => ops.layerNorm(x, [2, 3], w, null, { eps: 0.3 }), [3, 2, 3], [2, 3]),
    call((x, b) => ops.layerNorm(swapped(x), [3], null, b), [2, 3, 3], [3]),
    call((x) => ops.layerNorm(x, [5], null, null, { eps: 0 }), [5]),
  ],
  groupNorm: [
    call((x, w, b) => ops.groupNorm(x, 2, w, b), [2, 4, 3], [4], [4]),
    call((x, w) => ops.groupNorm(x, 1, w, null, { eps: 0.3 }), [2, 3, 2, 2], [3]),
    call((x, b) => ops.groupNorm(swapped(x), 3, null, b), [3, 2, 4], [3]),
    call((x, w, b) => ops.groupNorm(x, 2, w, b, { eps: 0 }), [3, 6], [6], [6]),
    call((x) => ops.groupNorm(x, 2), [1, 4, 2]),
  ],
  instanceNorm: [
    call((x, w, b) => ops.instanceNorm(x, null, null, w, b), [2, 3, 4], [3], [3]),
    call((x, w) => ops.instanceNorm(x, ...running(2), w, null, { momentum: 0.7, eps: 0.3 }), [2, 2, 2, 2], [2]),
    call((x) => ops.instanceNorm(swapped(x), null, null, null, null, { eps: 0 }), [2, 3, 3]),
    call((x, w, b) => ops.instanceNorm(x, ...running(2), w, b, { useInputStats: false }), [2, 2, 3], [2], [2]),
  ],
  localResponseNorm: [
    call((x) => ops.localResponseNorm(x, 3, { alpha: 0.8, beta: 0.6, k: 1.3 }), [2, 4, 3]),
    call((x) => ops.localResponseNorm(x, 2, { alpha: 2 }), [1, 3, 2, 2]),
    call((x) => ops.localResponseNorm(swapped(x), 9), [3, 2, 2]),
  ],
  maskedBatchNorm: [
    call((x, w, b) => ops.maskedBatchNorm(x, { lengths: [3, 1] }, null, null, w, b, { training: true }), [2, 2, 3], [2], [2]),
    call(
      (x, w) =>
        ops.maskedBatchNorm(
          x,
          {
            mask: bool([
              [true, false, true],
              [false, false, true],
            ]),
          },
          ...running(2),
          w,
        ),
      [2, 2, 3],
      [2],
    ),
  ],
  maskedLayerNorm: [
    call((x, w, b) => ops.maskedLayerNorm(x, { lengths: [2, 1] }, [3], w, b), [2, 3, 3], [3], [3]),
    call(
      (x, w, b) =>
        ops.maskedLayerNorm(
          x,
          {
            mask: bool([
              [true, false, true],
              [false, true, true],
            ]),
          },
          [3, 2],
          w,
          b,
        ),
      [2, 3, 2],
      [3, 2],
      [3, 2],
    ),
    call((x, w) => ops.maskedLayerNorm(x, { lengths: [4, 2] }, [2, 4], w, null, { lengthDim: 2, eps: 0.3 }), [2, 2, 4], [2, 4]),
  ],
  // r and d are constants to the gradient: they stay at their bounds here, whatever the input.
  batchRenorm: [
    call((x, w, b) => ops.batchRenorm(x, ...running(2), w, b, { training: true, rMax: 1, dMax: 0 }), [3, 2, 3], [2], [2]),
    call(
      (x, w, b) => ops.batchRenorm(x, values([2]).detach().add(100), between(1e-6, 2e-6, [2]).detach(), w, b, { training: true, dMax: 2 }),
      [4, 2],
      [2],
      [2],
    ),
    call((x, b) => ops.batchRenorm(x, ...running(2), null, b), [3, 2, 2], [2]),
  ],
  adaptiveLayerNorm: [
    call((x, scale, shift) => ops.adaptiveLayerNorm(x, [4], scale, shift), [2, 3, 4], [2, 4], [2, 4]),
    call((x, scale, shift) => ops.adaptiveLayerNorm(x, [2, 2], scale, shift, { eps: 0.3 }), [3, 2, 2], [3, 2, 2], [3, 2, 2]),
  ],
  standardizeWeight: [call((w) => ops.standardizeWeight(w), [2, 3, 2, 2]), call((w) => ops.standardizeWeight(w, { eps: 0.3 }), [3, 4])],
  rmsNorm: [
    call((x, w) => ops.rmsNorm(x, [4], w), [2, 3, 4], [4]),
    call((x, w) => ops.rmsNorm(x, [2, 3], w, { eps: 0.3 }), [3, 2, 3], [2, 3]),
    call((x) => ops.rmsNorm(swapped(x), [3]), [2, 3, 3]),
    call((x) => ops.rmsNorm(x, [5], null, { eps: 0 }), [5]),
  ],
}
