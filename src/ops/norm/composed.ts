import type { Tensor } from '../../core/tensor.js'
import { type NormAxes, parameterShape, statisticShape, summedForParameters } from './axes.js'

/**
 * The norms and their gradients written in ordinary ops: what the fused kernels must agree with, and what runs where a backward pass is
 * itself recorded, so that derivatives of any order exist.
 */

export interface Statistics {
  readonly mean: Tensor | null
  readonly rstd: Tensor
}

const wide = (x: Tensor): Tensor => (x.dtype === 'float64' ? x : x.to('float64'))

/** x^ = (x - mean) rstd in four axes; statistics of x itself (without a mean where the norm is not centered) unless they are given. */
function standardize(x: Tensor, axes: NormAxes, eps: number, given: Statistics | null): { xhat: Tensor; rstd: Tensor } {
  const x4 = wide(x).reshape(axes.shape)
  if (given) {
    const rstd = wide(given.rstd).reshape(statisticShape(axes))
    return { xhat: (given.mean ? x4.sub(wide(given.mean).reshape(statisticShape(axes))) : x4).mul(rstd), rstd }
  }
  const centered = axes.centered ? x4.sub(x4.mean(axes.shared, { keepdim: true })) : x4
  const shifted = centered.square().mean(axes.shared, { keepdim: true }).add(eps)
  const rstd = (axes.lenient && eps === 0 ? shifted.maskedFill(shifted.eq(0), Number.POSITIVE_INFINITY) : shifted).rsqrt()
  return { xhat: centered.mul(rstd), rstd }
}

/** y = x^ weight + bias, in float64. */
export function composedNorm(x: Tensor, weight: Tensor | null, bias: Tensor | null, axes: NormAxes, eps: number, given: Statistics | null = null): Tensor {
  let y = standardize(x, axes, eps, given).xhat
  if (weight) y = y.mul(weight.reshape(parameterShape(axes)))
  if (bias) y = y.add(bias.reshape(parameterShape(axes)))
  return y.reshape(x.shape)
}

/**
 * With g = dy weight: dx = rstd (g - mean(g) - x^ mean(g x^)), where given statistics are constants: dx = rstd g;
 * dweight = sum(dy x^), dbias = sum(dy).
 */
export function composedNormBackward(
  dy: Tensor,
  x: Tensor,
  weight: Tensor | null,
  axes: NormAxes,
  eps: number,
  given: Statistics | null,
  parameterSizes: readonly number[],
): [dx: Tensor, dweight: Tensor, dbias: Tensor] {
  const { xhat, rstd } = standardize(x, axes, eps, given)
  const dy4 = wide(dy).reshape(axes.shape)
  const g = weight ? dy4.mul(weight.reshape(parameterShape(axes))) : dy4
  const average = (t: Tensor) => t.mean(axes.shared, { keepdim: true })
  const projected = given ? g : (axes.centered ? g.sub(average(g)) : g).sub(xhat.mul(average(g.mul(xhat))))
  return [
    projected.mul(rstd).reshape(x.shape),
    dy4.mul(xhat).sum(summedForParameters).reshape(parameterSizes),
    dy4.sum(summedForParameters).reshape(parameterSizes),
  ]
}
