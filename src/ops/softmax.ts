import { record } from '../autograd/index.js'
import { checkDtype, type Dtype, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions } from '../core/errors.js'
import { normalizeDim } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { neg } from './unary.js'

export interface SoftmaxOptions {
  /** Converts the input first. Default: its own. */
  dtype?: Dtype
}

interface Definition {
  owner: string
  log: boolean
  node: string
}

function normalized({ owner, log, node }: Definition, input: Tensor, dim: number, options: SoftmaxOptions | undefined): Tensor {
  checkTensor(owner, 'input', input)
  checkOptions(owner, options, ['dtype'])
  if (options?.dtype !== undefined) checkDtype(owner, options.dtype)
  if (dim === undefined) throw new TypeError(`${owner}: missing 1 required positional argument: 'dim'`)
  const d = normalizeDim(dim, input.ndim)
  const x = input.to(options?.dtype ?? input.dtype)
  if (!isFloatingPoint(x.dtype)) refuseDtype(`${log ? 'log_softmax' : 'softmax'}_lastdim_kernel_impl`, x.dtype)
  const y = emptyTensor(x.shape, x.dtype)
  kernels.softmax(x, d, log, y)
  return record(y, { name: node, inputs: [x], saved: [y], backward: (dy, [y]) => [log ? logSoftmaxBackward(dy, y, d) : softmaxBackward(dy, y, d)] })
}

/** exp(x) / sum(exp(x)) along `dim`. As `torch.softmax`. */
export const softmax = (x: Tensor, dim: number, options?: SoftmaxOptions): Tensor =>
  normalized({ owner: 'softmax', log: false, node: 'SoftmaxBackward0' }, x, dim, options)

/** log(softmax(x)), without the loss of a softmax near 0. As `torch.log_softmax`. */
export const logSoftmax = (x: Tensor, dim: number, options?: SoftmaxOptions): Tensor =>
  normalized({ owner: 'logSoftmax', log: true, node: 'LogSoftmaxBackward0' }, x, dim, options)

/** softmax(-x) along `dim`. As `torch.nn.functional.softmin`. */
export const softmin = (x: Tensor, dim: number, options?: SoftmaxOptions): Tensor => composed([x], () => softmax(neg(x), dim, options))

/**
 * dx = y (dy - sum(dy y)). With v the gradient of dx, and s = sum(dy y):
 * d dy = y (v - sum(v y)), which is the same function of v;  d y = v (dy - s) - dy sum(v y).
 */
function softmaxBackward(dy: Tensor, y: Tensor, dim: number): Tensor {
  const dx = emptyTensor(y.shape, y.dtype)
  kernels.softmaxBackward(dy, y, dim, false, dx)
  return record(dx, {
    name: 'SoftmaxBackwardDataBackward0',
    inputs: [dy, y],
    saved: [dy, y],
    backward: (v, [dy, y], [needsDy, needsY]) => [
      needsDy ? softmaxBackward(v, y, dim) : null,
      needsY ? v.mul(dy.sub(sumAlong(dy.mul(y), dim))).sub(dy.mul(sumAlong(v.mul(y), dim))) : null,
    ],
  })
}

/** dx = dy - exp(y) sum(dy). With v the gradient of dx: d dy = v - sum(v exp(y));  d y = -v exp(y) sum(dy). */
function logSoftmaxBackward(dy: Tensor, y: Tensor, dim: number): Tensor {
  const dx = emptyTensor(y.shape, y.dtype)
  kernels.softmaxBackward(dy, y, dim, true, dx)
  return record(dx, {
    name: 'LogSoftmaxBackwardDataBackward0',
    inputs: [dy, y],
    saved: [dy, y],
    backward: (v, [dy, y], [needsDy, needsY]) => {
      const weighted = v.mul(y.exp())
      return [needsDy ? v.sub(sumAlong(weighted, dim)) : null, needsY ? weighted.mul(sumAlong(dy, dim)).neg() : null]
    },
  })
}

const sumAlong = (x: Tensor, dim: number): Tensor => (x.ndim === 0 ? x : x.sum(dim, { keepdim: true }))
