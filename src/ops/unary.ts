import { inPlace, record } from '../autograd/index.js'
import type { Dtype } from '../core/dtype.js'
import { RuntimeError } from '../core/errors.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import type { UnaryOp } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { zerosLike } from './create.js'
import { checkOverlap } from './overlap.js'
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
    checkTensor(op, 'input', x)
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

/** The same, written over x. */
function writtenOver(fn: (x: Tensor) => Tensor, op: UnaryOp, dtype: (input: Dtype) => Dtype = floatResult): (x: Tensor) => Tensor {
  return (x) => {
    checkTensor(op, 'input', x)
    checkCast(dtype(x.dtype), x.dtype)
    checkOverlap(x)
    return inPlace(x, [], () => kernels.unary(op, x, x), fn)
  }
}

const negKernel = unary('neg', { node: 'NegBackward0', saves: 'nothing', dtype: same, dx: (dy) => dy.neg() })

function checkNegatable(x: Tensor): Tensor {
  checkTensor('neg', 'input', x)
  if (x.dtype === 'bool') {
    throw new RuntimeError(
      'Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.',
    )
  }
  return x
}

/** -x. @throws RuntimeError for bool tensors */
export const neg = (x: Tensor): Tensor => negKernel(checkNegatable(x))

const negOver = writtenOver(neg, 'neg', same)

const flat = (op: UnaryOp, node: string) => unary(op, { node, saves: 'nothing', dtype: same, dx: (dy) => zerosLike(dy) })

/** -1, 0 or 1. Its gradient is zero, as are those of the four that round. */
export const sign = flat('sign', 'SignBackward0')
/** The largest whole number that is not above x. */
export const floor = flat('floor', 'FloorBackward0')
/** The smallest whole number that is not below x. */
export const ceil = flat('ceil', 'CeilBackward0')
/** To the nearest whole number, ties to the even one. */
export const round = flat('round', 'RoundBackward0')
/** To the next whole number towards 0. */
export const trunc = flat('trunc', 'TruncBackward0')

/** |x|. Its gradient at 0 is 0. */
export const abs = unary('abs', { node: 'AbsBackward0', saves: 'input', dtype: same, dx: (dy, x) => dy.mul(x.sign()) })
/** x². */
export const square = unary('square', { node: 'PowBackward0', saves: 'input', dtype: same, dx: (dy, x) => dy.mul(x.mul(2)) })
/** 1 / x. */
export const reciprocal = unary('reciprocal', { node: 'ReciprocalBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.square()).neg() })
/** The square root; NaN below 0. */
export const sqrt = unary('sqrt', { node: 'SqrtBackward0', saves: 'output', dx: (dy, _, y) => dy.div(y.mul(2)) })
/** 1 / sqrt(x). */
export const rsqrt = unary('rsqrt', { node: 'RsqrtBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(-0.5).mul(y.square().mul(y)) })
/** e to the power x. */
export const exp = unary('exp', { node: 'ExpBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y) })
/** exp(x) - 1, accurate near 0. */
export const expm1 = unary('expm1', { node: 'Expm1Backward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.add(1)) })
/** The natural logarithm. */
export const log = unary('log', { node: 'LogBackward0', saves: 'input', dx: (dy, x) => dy.div(x) })
/** The logarithm to the base 2. */
export const log2 = unary('log2', { node: 'Log2Backward0', saves: 'input', dx: (dy, x) => dy.div(x.mul(Math.LN2)) })
/** The logarithm to the base 10. */
export const log10 = unary('log10', { node: 'Log10Backward0', saves: 'input', dx: (dy, x) => dy.div(x.mul(Math.LN10)) })
/** log(1 + x), accurate near 0. */
export const log1p = unary('log1p', { node: 'Log1PBackward0', saves: 'input', dx: (dy, x) => dy.div(x.add(1)) })
/** The sine of x in radians. */
export const sin = unary('sin', { node: 'SinBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.cos()) })
/** The cosine of x in radians. */
export const cos = unary('cos', { node: 'CosBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.sin()).neg() })
/** The tangent of x in radians. */
export const tan = unary('tan', { node: 'TanBackward0', saves: 'output', dx: (dy, _, y) => dy.mul(y.square().add(1)) })
/** The inverse of sin, -pi / 2 to pi / 2. */
export const asin = unary('asin', { node: 'AsinBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.square().neg().add(1).rsqrt()) })
/** The inverse of cos, 0 to pi. */
export const acos = unary('acos', { node: 'AcosBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.square().neg().add(1).rsqrt()).neg() })
/** The inverse of tan, -pi / 2 to pi / 2. */
export const atan = unary('atan', { node: 'AtanBackward0', saves: 'input', dx: (dy, x) => dy.div(x.square().add(1)) })
/** The hyperbolic sine. */
export const sinh = unary('sinh', { node: 'SinhBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.cosh()) })
/** The hyperbolic cosine. */
export const cosh = unary('cosh', { node: 'CoshBackward0', saves: 'input', dx: (dy, x) => dy.mul(x.sinh()) })
/** 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x. */
export const erf = unary('erf', {
  node: 'ErfBackward0',
  saves: 'input',
  dx: (dy, x) =>
    dy.mul(
      x
        .square()
        .neg()
        .exp()
        .mul(2 / Math.sqrt(Math.PI)),
    ),
})
/** The inverse of erf; its derivative is sqrt(pi) / 2 exp(y²). */
export const erfinv = unary('erfinv', {
  node: 'ErfinvBackward0',
  saves: 'output',
  dx: (dy, _, y) =>
    dy.mul(
      y
        .square()
        .exp()
        .mul(Math.sqrt(Math.PI) / 2),
    ),
})

const predicate =
  (op: UnaryOp) =>
  (x: Tensor): Tensor => {
    checkTensor(op, 'input', x)
    const y = emptyTensor(x.shape, 'bool')
    kernels.unary(op, x, y)
    return y
  }

/** Whether x is zero. */
export const logicalNot = predicate('logicalNot')
/** Whether x is not a number. */
export const isnan = predicate('isNan')
/** Whether x is infinity or -infinity. */
export const isinf = predicate('isInf')
/** Whether x is neither infinite nor NaN. */
export const isfinite = predicate('isFinite')

/** `neg`, written over x. */
export const neg_ = (x: Tensor): Tensor => negOver(checkNegatable(x))
/** `abs`, written over x. */
export const abs_ = writtenOver(abs, 'abs', same)
/** `exp`, written over x. */
export const exp_ = writtenOver(exp, 'exp')
/** `log`, written over x. */
export const log_ = writtenOver(log, 'log')
/** `sqrt`, written over x. */
export const sqrt_ = writtenOver(sqrt, 'sqrt')
/** `rsqrt`, written over x. */
export const rsqrt_ = writtenOver(rsqrt, 'rsqrt')
/** `reciprocal`, written over x. */
export const reciprocal_ = writtenOver(reciprocal, 'reciprocal')
