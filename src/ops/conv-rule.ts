import { record } from '../autograd/index.js'
import type { Shape } from '../core/shape.js'
import { emptyTensor, type Tensor } from '../core/tensor.js'
import type { ConvGeometry } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { type Activatable, type Activation, withActivation } from './activation-rule.js'

/**
 * Convolution y = x * w is linear in x and in w, so with a gradient dy the sum T(x, w, dy) = Σ (x * w)·dy is linear in three tensors, and
 * each of the three operations here is its gradient with respect to one of them. Their own gradients are therefore each other: any number
 * of derivatives needs no further kernel. x [N, C, ...S], w [O, C / groups, ...K], y [N, O, ...Y].
 */

/** A vector over channels, shaped to broadcast against [N, C, ...S]. */
const overChannels = (vector: Tensor, rank: number): Tensor => vector.reshape([vector.shape[0], ...new Array<number>(rank - 2).fill(1)])

const biasGrad = (dy: Tensor): Tensor => dy.sum(dy.shape.map((_, d) => d).filter((d) => d !== 1))

/** y = activation(x * w + bias), where x * w = ∂T/∂dy, with the spatial sizes `size`. */
export function convolve(x: Tensor, w: Tensor, bias: Tensor | null, geometry: ConvGeometry, size: Shape, activation: Activation | null = null): Tensor {
  const operation: Activatable = {
    shape: [x.shape[0], w.shape[0], ...size],
    dtype: x.dtype,
    inputs: [x, w, bias],
    compute: (z, activated) => kernels.conv(x, w, bias, geometry, z, activated),
    record: (z) =>
      record(z, {
        name: 'ConvolutionBackward0',
        inputs: [x, w, bias],
        saved: [w.requiresGrad ? x : null, x.requiresGrad ? w : null],
        backward: (dy, _, [needsX, needsW, needsBias]) => [
          needsX ? convolveTransposed(dy, w, null, geometry, x.shape.slice(2)) : null,
          needsW ? weightGrad(dy, x, geometry, w.shape.slice(2)) : null,
          needsBias ? biasGrad(dy) : null,
        ],
      }),
  }
  return withActivation(operation, activation)
}

/** dx = ∂T/∂x, with the spatial sizes `size`; as a forward pass, transposed convolution of dy, which may have a bias. */
export function convolveTransposed(dy: Tensor, w: Tensor, bias: Tensor | null, geometry: ConvGeometry, size: Shape): Tensor {
  const dx = emptyTensor([dy.shape[0], w.shape[1] * geometry.groups, ...size], dy.dtype)
  kernels.convInputGrad(dy, w, geometry, dx)
  if (bias) kernels.binary('add', dx, overChannels(bias.detach(), dx.ndim), dx)
  return record(dx, {
    name: 'ConvolutionBackward0',
    inputs: [dy, w, bias],
    saved: [w.requiresGrad ? dy : null, dy.requiresGrad ? w : null],
    backward: (g, _, [needsDy, needsW, needsBias]) => [
      needsDy ? convolve(g, w, null, geometry, dy.shape.slice(2)) : null,
      needsW ? weightGrad(dy, g, geometry, w.shape.slice(2)) : null,
      needsBias ? biasGrad(g) : null,
    ],
  })
}

/** dw = ∂T/∂w, with kernels of `size`. */
function weightGrad(dy: Tensor, x: Tensor, geometry: ConvGeometry, size: Shape): Tensor {
  const dw = emptyTensor([dy.shape[1], x.shape[1] / geometry.groups, ...size], x.dtype)
  kernels.convWeightGrad(dy, x, geometry, dw)
  return record(dw, {
    name: 'ConvolutionBackwardBackward0',
    inputs: [dy, x],
    saved: [x.requiresGrad ? dy : null, dy.requiresGrad ? x : null],
    backward: (g, _, [needsDy, needsX]) => [
      needsDy ? convolve(x, g, null, geometry, dy.shape.slice(2)) : null,
      needsX ? convolveTransposed(dy, g, null, geometry, x.shape.slice(2)) : null,
    ],
  })
}
