import type { Shape } from '../../src/core/shape.js'
import type { Tensor } from '../../src/core/tensor.js'
import * as ops from '../../src/ops/index.js'

/**
 * Example inputs of every differentiable operation: `gradcheck.test.ts` runs gradcheck and gradgradcheck over all of them, and fails for an
 * exported operation that is neither in `examples` nor in `notDifferentiable`. Add a line here with each new operation.
 */
export interface Example {
  /** Fresh float64 tensors; those that require grad are checked. Small: a Jacobian is computed column by column. */
  inputs: () => Tensor[]
  /** What to call with them. Default: the operation of the entry's name. */
  run?: (...inputs: Tensor[]) => Tensor | readonly Tensor[]
  /** False where the second derivative is not defined at the inputs. Default true. */
  twice?: boolean
}

/** Numbers between -2 and 2 without pattern, the same each time; no two are equal, none is near 0 or a whole number's half. */
export function values(shape: Shape, seed = 0): Tensor {
  const n = shape.reduce((a, b) => a * b, 1)
  const data = Float64Array.from({ length: n }, (_, i) => {
    const u = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453
    const v = 4 * (u - Math.floor(u)) - 2
    const distance = Math.abs(v * 2 - Math.round(v * 2))
    return distance < 0.05 ? v + 0.06 : v
  })
  return ops.tensor(data, { shape, requiresGrad: true })
}

/** The same, between `low` and `high`. */
export function between(low: number, high: number, shape: Shape, seed = 0): Tensor {
  const x = values(shape, seed)
  const data = x.data as Float64Array
  data.forEach((v, i) => {
    data[i] = low + ((Math.max(-1.99, Math.min(1.99, v)) + 2) / 4) * (high - low)
  })
  return x
}

/** Without gradient: indices, targets, masks. */
export const int64 = (data: ops.NestedArray): Tensor => ops.tensor(data, { dtype: 'int64' })
export const bool = (data: ops.NestedArray): Tensor => ops.tensor(data, { dtype: 'bool' })
const float64 = (data: ops.NestedArray): Tensor => ops.tensor(data, { dtype: 'float64', requiresGrad: true })

/** One example of the operation itself. */
const of = (...inputs: (() => Tensor)[]): Example => ({ inputs: () => inputs.map((make) => make()) })
/** One example of a call with further arguments. */
const call = (run: (...inputs: Tensor[]) => Tensor | readonly Tensor[], ...inputs: (() => Tensor)[]): Example => ({
  inputs: () => inputs.map((make) => make()),
  run,
})
const v =
  (...shape: number[]) =>
  () =>
    values(shape)
const w =
  (...shape: number[]) =>
  () =>
    values(shape, 1)
const b =
  (low: number, high: number, ...shape: number[]) =>
  () =>
    between(low, high, shape)
/** A view whose axes are swapped: rules must not rely on contiguity. */
const swapped = (x: Tensor): Tensor => x.transpose(0, 1)

const elementwise = (...shape: number[]): Example[] => [of(v(...shape)), of(v()), call((x) => swapped(x), v(...shape))]
const unary = (make: () => Tensor): Example[] => [of(make)]
const operands: Example[] = [of(v(2, 3), w(2, 3)), of(v(3), w(2, 1)), of(v(), w(2)), of(b(0.5, 2, 2, 2), b(0.5, 1.5, 2))]

const binary: Record<string, Example[]> = {
  add: [...operands, call((x, y) => x.add(y, { alpha: 2.5 }), v(2, 3), w(3)), call((x) => ops.add(2, x), v(3))],
  sub: [...operands, call((x, y) => x.sub(y, { alpha: -1.5 }), v(2, 3), w(3)), call((x) => ops.sub(2, x), v(3))],
  mul: [...operands, call((x) => x.mul(3), v(3)), call((x) => x.mul(x), v(3))],
  div: [...operands, call((x) => ops.div(2, x), v(3)), call((x, y) => x.div(y, { roundingMode: 'trunc' }), v(3), b(0.6, 0.9, 3))],
  floorDivide: [of(v(3), b(0.6, 0.9, 3))],
  remainder: [of(b(1.1, 1.4, 3), b(0.6, 0.9, 3)), of(b(-1.4, -1.1, 3), b(0.6, 0.9, 3))],
  fmod: [of(b(1.1, 1.4, 3), b(0.6, 0.9, 3)), of(b(-1.4, -1.1, 3), b(0.6, 0.9, 3))],
  pow: [
    of(b(0.5, 2, 2, 3), v(3)),
    call((x) => x.pow(3), v(3)),
    call((x) => x.pow(-1.5), b(0.5, 2, 3)),
    call((x) => x.pow(2), v(3)),
    call((x) => ops.pow(2.5, x), v(3)),
  ],
  maximum: operands,
  minimum: operands,
  lerp: [
    call((x, y) => x.lerp(y, 0.3), v(2, 3), w(3)),
    call((x, y) => x.lerp(y, 0.8), v(2, 3), w(3)),
    of(v(2, 3), w(3), b(-1, 0.4, 3)),
    of(v(2, 3), w(3), b(0.6, 1.5, 3)),
  ],
  addcmul: [of(v(2, 3), w(3), v(2, 1)), call((x, y, z) => ops.addcmul(x, y, z, { value: -1.5 }), v(2, 3), w(3), v(2, 1))],
  addcdiv: [of(v(2, 3), w(3), b(0.5, 2, 2, 1)), call((x, y, z) => ops.addcdiv(x, y, z, { value: -1.5 }), v(2, 3), w(3), b(0.5, 2, 2, 1))],
  atan2: [...operands, call((x) => ops.atan2(x, 0.7), v(3))],
  where: [
    { inputs: () => [bool([[true], [false]]), values([2, 3]), values([3], 1)], run: (c, x, y) => ops.where(c, x, y) },
    { inputs: () => [bool([true, false, true]), values([3])], run: (c, x) => ops.where(c, 2, x) },
  ],
  maskedFill: [
    { inputs: () => [values([2, 3]), bool([true, false, true])], run: (x, m) => x.maskedFill(m, 7) },
    { inputs: () => [values([2, 3]), bool([true, false, true]), values([])], run: (x, m, y) => x.maskedFill(m, y) },
  ],
}

/** Written over a copy of the first input, so that a graph is recorded. */
const inPlace: Record<string, Example[]> = {
  add_: [call((x, y) => x.clone().add_(y, { alpha: 2 }), v(2, 3), w(3))],
  sub_: [call((x, y) => x.clone().sub_(y), v(2, 3), w(3))],
  mul_: [call((x) => x.clone().mul_(2.5), v(2, 3)), call((x, y) => x.clone().mul_(y), v(2, 3), w(3))],
  div_: [call((x, y) => x.clone().div_(y), v(2, 3), w(3))],
  pow_: [call((x) => x.clone().pow_(3), v(2, 3))],
  lerp_: [call((x, y) => x.clone().lerp_(y, 0.3), v(2, 3), w(3))],
  addcmul_: [call((x, y, z) => x.clone().addcmul_(y, z, { value: 2 }), v(2, 3), w(3), v(2, 1))],
  addcdiv_: [call((x, y, z) => x.clone().addcdiv_(y, z, { value: 2 }), v(2, 3), w(3), b(0.5, 2, 2, 1))],
  maskedFill_: [{ inputs: () => [values([2, 3]), bool([true, false, true])], run: (x, m) => x.clone().maskedFill_(m, 7) }],
  neg_: [call((x) => x.clone().neg_(), v(3))],
  abs_: [call((x) => x.mul(2).abs_(), v(3))],
  exp_: [call((x) => x.clone().exp_(), v(3))],
  log_: [call((x) => x.clone().log_(), b(0.5, 2, 3))],
  sqrt_: [call((x) => x.clone().sqrt_(), b(0.5, 2, 3))],
  rsqrt_: [call((x) => x.clone().rsqrt_(), b(0.5, 2, 3))],
  reciprocal_: [call((x) => x.clone().reciprocal_(), b(0.5, 2, 3))],
  clamp_: [call((x) => x.clone().clamp_(-1, 1), v(5))],
  copy_: [call((x, y) => x.mul(1).copy_(y), v(2, 3), w(3))],
  fill_: [call((x) => x.mul(1).fill_(3).add(x), v(2))],
  zero_: [call((x) => x.mul(1).zero_().add(x), v(2))],
  indexPut_: [call((x, y) => x.mul(1).indexPut_([[1, 0, 1], ':2'], y, { accumulate: true }), v(2, 3), w(3, 2))],
  scatterAdd_: [
    {
      inputs: () => [
        values([2, 3]),
        int64([
          [0, 0],
          [2, 1],
        ]),
        values([2, 2], 1),
      ],
      run: (x, i, y) => x.mul(1).scatterAdd_(1, i, y),
    },
  ],
}

const unaries: Record<string, Example[]> = {
  neg: unary(v(2, 3)),
  abs: unary(v(2, 3)),
  sign: unary(v(3)),
  floor: unary(v(3)),
  ceil: unary(v(3)),
  round: unary(v(3)),
  trunc: unary(v(3)),
  square: unary(v(2, 3)),
  reciprocal: unary(v(2, 3)),
  sqrt: unary(b(0.3, 2, 2, 3)),
  rsqrt: unary(b(0.3, 2, 2, 3)),
  exp: [...unary(v(2, 3)), ...elementwise(2, 3)],
  expm1: unary(v(2, 3)),
  log: unary(b(0.3, 2, 2, 3)),
  log2: unary(b(0.3, 2, 2, 3)),
  log10: unary(b(0.3, 2, 2, 3)),
  log1p: unary(b(-0.5, 2, 2, 3)),
  sin: unary(v(2, 3)),
  cos: unary(v(2, 3)),
  tan: unary(b(-1, 1, 2, 3)),
  asin: unary(b(-0.8, 0.8, 2, 3)),
  acos: unary(b(-0.8, 0.8, 2, 3)),
  atan: unary(v(2, 3)),
  sinh: unary(v(2, 3)),
  cosh: unary(v(2, 3)),
  erf: unary(v(2, 3)),
  erfinv: unary(b(-0.8, 0.8, 2, 3)),
}

const shapes: Record<string, Example[]> = {
  view: [call((x) => x.view(3, -1), v(2, 3))],
  viewAs: [call((x) => x.viewAs(ops.zeros(3, 2)), v(2, 3))],
  reshape: [call((x) => swapped(x).reshape(6), v(2, 3)), call((x) => x.reshape([3, 2]), v(2, 3))],
  permute: [call((x) => x.permute(2, 0, 1), v(2, 3, 2))],
  transpose: [call((x) => x.transpose(0, -1), v(2, 3, 2))],
  t: [of(v(2, 3))],
  expand: [call((x) => x.expand(2, 3, -1), v(3, 1)), call((x) => x.expand(2, 3, 4), v(3, 1))],
  expandAs: [of(v(3, 1), w(2, 3, 2))],
  unsqueeze: [call((x) => x.unsqueeze(1), v(2, 3))],
  squeeze: [call((x) => x.squeeze(), v(2, 1, 3, 1)), call((x) => x.squeeze(1), v(2, 1, 3, 1))],
  flatten: [call((x) => x.flatten(1), v(2, 3, 2)), of(v())],
  unflatten: [call((x) => x.unflatten(1, [3, -1]), v(2, 6))],
  slice: [call((x) => x.slice(1, 1, 5, 2), v(2, 6)), call((x) => x.slice(0, -2), v(3, 2))],
  narrow: [call((x) => x.narrow(1, 1, 2), v(2, 4))],
  select: [call((x) => x.select(1, -1), v(2, 3, 2))],
  diagonal: [call((x) => x.diagonal(1), v(3, 4)), call((x) => x.diagonal(-1, 2, 0), v(3, 2, 4))],
  movedim: [call((x) => x.movedim([0, 1], [-1, 0]), v(2, 3, 2))],
  clone: [of(v(2, 3)), call((x) => swapped(x).clone(), v(2, 3))],
  contiguous: [call((x) => swapped(x).contiguous(), v(2, 3))],
  to: [call((x) => x.to('float64').mul(x), v(3))],
}

const reductions: Record<string, Example[]> = {
  sum: [of(v(2, 3)), call((x) => x.sum(1), v(2, 3)), call((x) => x.sum([0, 2], { keepdim: true }), v(2, 3, 2)), of(v())],
  sumToSize: [call((x) => x.sumToSize([3, 1]), v(2, 3, 2))],
  mean: [of(v(2, 3)), call((x) => x.mean([0, -1]), v(2, 3, 2)), call((x) => swapped(x).mean(0, { keepdim: true }), v(2, 3))],
  variance: [of(v(2, 3)), call((x) => x.var(1, { correction: 0 }), v(2, 3)), call((x) => x.var([0, 2], { keepdim: true }), v(2, 3, 2))],
  std: [of(v(2, 3)), call((x) => x.std(1, { correction: 0 }), v(2, 3))],
  varMean: [of(v(2, 3)), call((x) => x.varMean(1), v(2, 3))],
  stdMean: [of(v(2, 3)), call((x) => x.stdMean(1), v(2, 3))],
  prod: [
    of(v(2, 3)),
    call((x) => x.prod(1), v(2, 3)),
    call(
      (x) => x.prod(0),
      () =>
        float64([
          [0, 2],
          [3, 0.5],
        ]),
    ),
    call(
      (x) => x.prod(),
      () =>
        float64([
          [0, 2],
          [3, 0],
        ]),
    ),
    of(v()),
  ],
  cumsum: [call((x) => x.cumsum(1), v(2, 3)), call((x) => x.cumsum(0), v(2, 3)), call((x) => x.cumsum(0), v())],
  logsumexp: [call((x) => x.logsumexp(1), v(2, 3)), call((x) => x.logsumexp([0, 2], { keepdim: true }), v(2, 3, 2)), call((x) => x.logsumexp(0), v())],
  amax: [of(v(2, 3)), call((x) => x.amax([0, 2]), v(2, 3, 2)), of(v())],
  amin: [of(v(2, 3)), call((x) => x.amin(1, { keepdim: true }), v(2, 3))],
  max: [of(v(2, 3)), call((x) => x.max(1).values, v(2, 3)), call((x) => x.max(0, { keepdim: true }).values, v(2, 3)), call((x) => x.max(0).values, v())],
  min: [of(v(2, 3)), call((x) => x.min(1).values, v(2, 3))],
  norm: [
    ...[2, 1, 3, 1.5, 0.5, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0].map((p) => call((x: Tensor) => x.norm(p), v(2, 3))),
    call((x) => x.norm(2, { dim: 1, keepdim: true }), v(2, 3)),
    call((x) => x.norm(3, { dim: [0, 2] }), v(2, 3, 2)),
    of(v()),
  ],
  sort: [call((x) => x.sort().values, v(2, 3)), call((x) => x.sort({ dim: 0, descending: true }).values, v(3, 2))],
  topk: [call((x) => x.topk(2).values, v(2, 3))],
  softmax: [call((x) => x.softmax(1), v(2, 3)), call((x) => x.softmax(0), v(2, 3)), call((x) => x.softmax(0), v())],
  logSoftmax: [call((x) => x.logSoftmax(1), v(2, 3)), call((x) => x.logSoftmax(0), v(2, 3, 2))],
  softmin: [call((x) => x.softmin(-1), v(2, 3))],
}

const products: Record<string, Example[]> = {
  mm: [of(v(2, 3), w(3, 2)), call((x, y) => ops.mm(x.t(), y.t()), v(3, 2), w(2, 3))],
  bmm: [of(v(2, 2, 3), w(2, 3, 1)), call((x, y) => ops.bmm(x.transpose(1, 2), y.transpose(0, 2)), v(2, 3, 2), w(2, 3, 2))],
  mv: [of(v(2, 3), w(3))],
  dot: [of(v(3), w(3))],
  outer: [of(v(3), w(2))],
  matmul: [
    of(v(3), w(3)),
    of(v(3), w(3, 2)),
    of(v(2, 3), w(3)),
    of(v(2, 3), w(3, 2)),
    of(v(2, 2, 3), w(3, 2)),
    of(v(2, 2, 3), w(3)),
    of(v(3), w(2, 3, 2)),
    of(v(2, 3), w(2, 3, 1)),
    of(v(2, 1, 2, 2), w(3, 2, 1)),
  ],
  addmm: [of(v(2), w(2, 3), v(3, 2)), call((c, x, y) => ops.addmm(c, x, y, { beta: 0.5, alpha: 2 }), v(2, 2), w(2, 3), v(3, 2))],
  baddbmm: [of(v(2, 1), w(2, 2, 3), v(2, 3, 2)), call((c, x, y) => ops.baddbmm(c, x, y, { beta: 0, alpha: 2 }), v(2), w(1, 2, 3), v(1, 3, 2))],
}

const joins: Record<string, Example[]> = {
  cat: [call((x, y) => ops.cat([x, y], 1), v(2, 3), w(2, 1)), call((x, y) => ops.cat([x, y.t(), x]), v(2, 3), w(3, 1))],
  stack: [call((x, y) => ops.stack([x, y], 1), v(2, 3), w(2, 3)), call((x) => ops.stack([x, x]), v())],
  split: [call((x) => x.split(2, 1), v(2, 5)), call((x) => x.split([1, 3], -1)[1], v(2, 4))],
  chunk: [call((x) => x.chunk(3), v(5, 2))],
  unbind: [call((x) => x.unbind(1), v(2, 3)), call((x) => x.unbind()[1], v(2, 3))],
  repeat: [call((x) => x.repeat(2, 1, 2), v(2, 3)), call((x) => x.repeat(1, 1), v(2, 3))],
  tile: [call((x) => x.tile(2), v(2, 3))],
  flip: [call((x) => x.flip([0, 1]), v(2, 3)), call((x) => swapped(x).flip(0), v(2, 3))],
  roll: [call((x) => x.roll([1, -1], [0, 1]), v(2, 3)), call((x) => x.roll(2), v(2, 3))],
  tril: [of(v(3, 3)), call((x) => x.tril(1), v(2, 2, 3))],
  triu: [of(v(3, 3)), call((x) => x.triu(-1), v(3, 2))],
}

const clamps: Record<string, Example[]> = {
  clamp: [
    call((x) => x.clamp(-1, 1), v(2, 3)),
    call((x) => x.clamp(null, 0.3), v(5)),
    of(
      v(2, 4),
      () => between(-1.5, -0.5, [4]),
      () => between(0.5, 1.5, [2, 1]),
    ),
    call((x, low) => x.clamp(low, 1), v(5), b(-1.5, 1.5, 5)),
    // Where the bounds cross the upper one wins.
    of(v(4), b(0.4, 1.5, 4), b(-1.5, 0.3, 4)),
  ],
  clampMin: [call((x) => x.clampMin(0.3), v(5))],
  clampMax: [call((x) => x.clampMax(0.3), v(5))],
}

const indexing: Record<string, Example[]> = {
  gather: [
    {
      inputs: () => [
        values([2, 3]),
        int64([
          [0, 0, 2, 1],
          [1, 2, 2, 2],
        ]),
      ],
      run: (x, i) => x.gather(1, i),
    },
  ],
  scatter: [
    {
      inputs: () => [
        values([2, 3]),
        int64([
          [0, 2],
          [1, 0],
        ]),
        values([2, 2], 1),
      ],
      run: (x, i, y) => x.scatter(1, i, y),
    },
    { inputs: () => [values([2, 3]), int64([[0], [1]]), values([2, 2], 1)], run: (x, i, y) => x.scatter(1, i, y) },
    {
      inputs: () => [
        values([2, 3]),
        int64([
          [0, 2],
          [1, 0],
        ]),
      ],
      run: (x, i) => x.scatter(1, i, 5),
    },
  ],
  scatterAdd: [
    {
      inputs: () => [
        values([2, 3]),
        int64([
          [0, 0],
          [1, 1],
        ]),
        values([2, 2], 1),
      ],
      run: (x, i, y) => x.scatterAdd(1, i, y),
    },
    { inputs: () => [values([2, 3]), int64([[0, 0]]), values([2, 3], 1)], run: (x, i, y) => x.scatterAdd(1, i, y) },
  ],
  indexSelect: [
    { inputs: () => [values([3, 2]), int64([2, 0, 2])], run: (x, i) => x.indexSelect(0, i) },
    { inputs: () => [values([2, 3]), int64([2, 0, 2])], run: (x, i) => swapped(x).indexSelect(0, i) },
  ],
  indexAdd: [{ inputs: () => [values([3, 2]), int64([2, 0, 2]), values([3, 2], 1)], run: (x, i, y) => x.indexAdd(0, i, y) }],
  index: [
    call((x) => x.index(1, ':', '::2'), v(2, 3, 3)),
    call((x) => x.index('...', null, -1), v(2, 3)),
    call((x) => x.index([1, 0, 1]), v(2, 3)),
    call((x) => x.index([[1, 0, 1][0], 0], ':', [2, 2]), v(2, 2, 3)),
    call((x) => x.index(':', [0, 1, 0], [2, 2, 2]), v(2, 2, 3)),
    {
      inputs: () => [
        values([2, 3]),
        bool([
          [true, false, true],
          [false, true, true],
        ]),
      ],
      run: (x, m) => x.index(m),
    },
  ],
  indexPut: [
    call((x, y) => x.indexPut([1, '1:'], y), v(2, 3), w(2)),
    call((x, y) => x.indexPut([[1, 0, 1], ':2'], y, { accumulate: true }), v(2, 3), w(3, 2)),
    call((x, y) => x.indexPut([':', [2, 0]], y), v(2, 3), w(1, 2)),
    call((x) => x.indexPut([0], 7), v(2, 3)),
  ],
  maskedSelect: [{ inputs: () => [values([2, 3]), bool([true, false, true])], run: (x, m) => x.maskedSelect(m) }],
}

/** Away from the kinks of the piecewise ones: at whole numbers, halves, and the defaults' thresholds. */
const activations: Record<string, Example[]> = {
  ...Object.fromEntries(
    ['sigmoid', 'tanh', 'relu', 'silu', 'mish', 'hardswish', 'hardsigmoid', 'logsigmoid', 'leakyRelu', 'elu', 'celu', 'selu', 'gelu', 'softplus']
      .concat('hardtanh', 'relu6', 'hardshrink', 'softshrink', 'tanhshrink', 'softsign')
      .map((name) => [name, [of(v(2, 3))]]),
  ),
  sigmoid: elementwise(2, 3),
  relu: elementwise(2, 3),
  leakyRelu: [of(v(2, 3)), call((x) => x.leakyRelu({ negativeSlope: -0.4 }), v(2, 3))],
  elu: [of(v(2, 3)), call((x) => x.elu({ alpha: 1.7 }), v(2, 3))],
  celu: [of(v(2, 3)), call((x) => x.celu({ alpha: 0.7 }), v(2, 3)), call((x) => x.celu({ alpha: -1.5 }), v(2, 3))],
  gelu: [of(v(2, 3)), call((x) => x.gelu({ approximate: 'tanh' }), v(2, 3))],
  softplus: [of(v(2, 3)), call((x) => x.softplus({ beta: 2, threshold: 1.3 }), v(2, 3))],
  hardtanh: [of(v(2, 3)), call((x) => x.hardtanh({ minVal: -0.3, maxVal: 1.2 }), v(2, 3))],
  hardswish: [of(v(2, 3)), of(b(-6, 6, 6))],
  hardsigmoid: [of(v(2, 3)), of(b(-6, 6, 6))],
  hardshrink: [of(v(2, 3)), call((x) => x.hardshrink({ lambd: 1.2 }), v(2, 3))],
  softshrink: [of(v(2, 3)), call((x) => x.softshrink({ lambd: 0 }), v(2, 3))],
  threshold: [call((x) => x.threshold(0.3, 5), v(5))],
  glu: [of(v(2, 4)), call((x) => x.glu({ dim: 0 }), v(4, 2))],
  prelu: [of(v(2, 3), b(0.1, 0.4, 1)), of(v(2, 3, 2), b(0.1, 0.4, 3))],
  ...Object.fromEntries(
    (
      ['sigmoid_', 'tanh_', 'relu_', 'silu_', 'mish_', 'hardswish_', 'hardsigmoid_', 'leakyRelu_', 'elu_', 'celu_', 'selu_', 'hardtanh_', 'relu6_'] as const
    ).map((name) => [name, [call((x) => x.clone()[name](), v(2, 3))]]),
  ),
  threshold_: [call((x) => x.clone().threshold_(0.3, 5), v(5))],
}

export const examples: Record<string, Example[]> = {
  ...activations,
  ...binary,
  ...inPlace,
  ...unaries,
  ...shapes,
  ...reductions,
  ...products,
  ...joins,
  ...clamps,
  ...indexing,
}

/** Exported operations whose results have no gradient, by the reason. */
export const notDifferentiable: Record<string, readonly string[]> = {
  'makes a tensor from numbers': ['tensor', 'arange', 'linspace', 'eye', 'empty', 'emptyLike', 'full', 'fullLike', 'ones', 'onesLike', 'zeros', 'zerosLike'],
  'draws random numbers': ['rand', 'randLike', 'randint', 'randintLike', 'randn', 'randnLike', 'randperm', 'normal', 'bernoulli', 'multinomial'],
  'overwrites with random numbers': ['bernoulli_', 'cauchy_', 'exponential_', 'geometric_', 'logNormal_', 'normal_', 'random_', 'uniform_'],
  'gives integers or bools': [
    ...['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'logicalAnd', 'logicalOr', 'logicalXor', 'logicalNot', 'bitwiseAnd', 'bitwiseOr', 'bitwiseXor'],
    ...['isnan', 'isinf', 'isfinite', 'isclose', 'any', 'all', 'argmax', 'argmin', 'countNonzero', 'nonzero', 'oneHot'],
  ],
  'gives no tensor': ['item', 'tolist', 'toArray', 'toTypedArray', 'allclose', 'equal', 'resultType'],
  'leaves the graph': ['detach'],
}
