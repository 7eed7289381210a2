import { inPlace, record } from '../autograd/index.js'
import type { Dtype } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import { emptyTensor, type Tensor } from '../core/tensor.js'
import type { UnaryOp } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { checkCast, floatResult } from './promote.js'

interface Definition {
  /** PyTorch's name of the backward node. */
  node: string
  /** What the gradient reads: the input, the output, or neither. */
  saves: 'input' | 'output' | 'nothing'
  /** The gradient with respect to x, from that of y; null where it is zero. */
  dx(dy: Tensor, x: Tensor, y: Tensor): Tensor | null
  /** The result's dtype from the input's. Default: floats keep theirs, others become the default float. */
  dtype?: (input: Dtype) => Dtype
}

const same = (dtype: Dtype): Dtype => dtype

/** An element-wise function of one tensor with its gradient. */
function unary(op: UnaryOp, def: Definition): (x: Tensor) => Tensor {
  return (x) => {
    const y = emptyTensor(x.shape, (def.dtype ?? floatResult)(x.dtype))
    kernels.unary(op, x, y)
    return record(y, {
      name: def.node,
      inputs: [x],
      saved: def.saves === 'input' ? [x] : def.saves === 'output' ? [y] : [],
      backward: (dy) => [def.dx(dy, x, y)],
    })
  }
}

function writtenOver(fn: (x: Tensor) => Tensor, op: UnaryOp, dtype: (input: Dtype) => Dtype = floatResult): (x: Tensor) => Tensor {
  return (x) => {
    checkCast(dtype(x.dtype), x.dtype)
    return inPlace(
      x,
      [],
      () => kernels.unary(op, x, x),
      () => fn(x),
    )
  }
}

const negKernel = unary('neg', { node: 'NegBackward0', saves: 'nothing', dtype: same, dx: (dy) => dy.neg() })

/** -x. @throws RuntimeError for bool tensors */
export function neg(x: Tensor): Tensor {
  if (x.dtype === 'bool') {
    throw new RuntimeError('Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.')
  }
  return negKernel(x)
}

const flat = (op: UnaryOp, node: string) => unary(op, { node, saves: 'nothing', dtype: same, dx: () => null })

/** -1, 0 or 1. Its gradient is zero, as are those of the four that round. */
export const sign = flat('sign', 'SignBackward0')
export const floor = flat('floor', 'FloorBackward0')
export const ceil = flat('ceil', 'CeilBackward0')
/** To the nearest whole number, ties to the even one. */
export const round = flat('round', 'RoundBackward0')
export const trunc = flat('trunc', 'TruncBackward0')

export const abs = unary('abs', { node: 'AbsBackward0', saves: 'input', dtype: same, dx: (dy, x) => dy.mul(x.sign()) })
export const square = unary('square', { node: 'PowBackward0', saves: 'input', dtype: same, dx: (dy, x) => dy.mul(x.mul(2)) })
export const reciprocal = unary('reciprocal', { node: 'ReciprocalBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.square()).neg() })
export const sqrt = unary('sqrt', { node: 'SqrtBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.reciprocal().mul(0.5)) })
export const rsqrt = unary('rsqrt', { node: 'RsqrtBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(-0.5).mul(y.square().mul(y)) })
export const exp = unary('exp', { node: 'ExpBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y) })
export const expm1 = unary('expm1', { node: 'Expm1Backward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.add(1)) })
export const log = unary('log', { node: 'LogBackward0', saves: 'input', dx: (dy, x) => dy.div(x) })
export const log2 = unary('log2', { node: 'Log2Backward0', saves: 'input', dx: (dy, x) => dy.div(x.mul(Math.LN2)) })
export const log10 = unary('log10', { node: 'Log10Backward0', saves: 'input', dx: (dy, x) => dy.div(x.mul(Math.LN10)) })
export const log1p = unary('log1p', { node: 'Log1PBackward0', saves: 'input', dx: (dy, x) => dy.div(x.add(1)) })
export const sin = unary('sin', { node: 'SinBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.cos()) })
export const cos = unary('cos', { node: 'CosBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.sin()).neg() })
export const tan = unary('tan', { node: 'TanBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.square().add(1)) })
export const asin = unary('asin', { node: 'AsinBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.square().neg().add(1).rsqrt()) })
export const acos = unary('acos', { node: 'AcosBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.square().neg().add(1).rsqrt()).neg() })
export const atan = unary('atan', { node: 'AtanBackward0', saves: 'input', dx: (dy, x) => dy.div(x.square().add(1)) })
export const sinh = unary('sinh', { node: 'SinhBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.cosh()) })
export const cosh = unary('cosh', { node: 'CoshBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.sinh()) })
/** erf'(x) = 2 / sqrt(pi) exp(-x^2) */
export const erf = unary('erf', { node: 'ErfBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.square().neg().exp().mul(2 / Math.sqrt(Math.PI))) })
/** The derivative of the inverse is sqrt(pi) / 2 exp(y^2). */
export const erfinv = unary('erfinv', { node: 'ErfinvBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.square().exp().mul(Math.sqrt(Math.PI) / 2)) })

const predicate =
  (op: UnaryOp) =>
  (x: Tensor): Tensor => {
    const y = emptyTensor(x.shape, 'bool')
    kernels.unary(op, x, y)
    return y
  }

export const logicalNot = predicate('logicalNot')
export const isnan = predicate('isNan')
export const isinf = predicate('isInf')
export const isfinite = predicate('isFinite')

export const neg_ = writtenOver(neg, 'neg', same)
export const abs_ = writtenOver(abs, 'abs', same)
export const exp_ = writtenOver(exp, 'exp')
export const log_ = writtenOver(log, 'log')
export const sqrt_ = writtenOver(sqrt, 'sqrt')
export const rsqrt_ = writtenOver(rsqrt, 'rsqrt')
export const reciprocal_ = writtenOver(reciprocal, 'reciprocal')
