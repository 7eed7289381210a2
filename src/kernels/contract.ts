import type { Dtype } from '../core/dtype.js'
import type { Generator } from '../core/random.js'
import type { Shape } from '../core/shape.js'
import type { Storage } from '../core/storage.js'

/**
 * The kernels that a backend provides.
 *
 * A kernel gets views (storage, dtype, shape, strides, offset) and plain numbers, and writes into views that the caller made. Shapes,
 * ranks and dtypes are checked above, in `ops/`: here they are right. Unless a kernel says otherwise
 * - inputs may have any strides, 0 (broadcast) and channels-last included; outputs are contiguous unless named `target`;
 * - arithmetic happens in f32 or better for float16 and bfloat16; integer sums are exact within the output's dtype;
 * - a null output is not wanted and not computed;
 * - an output may be the very same view as an element-wise input (in place), else views don't overlap.
 * Tensors fit the interface as they are.
 */
export interface View {
  readonly storage: Storage
  readonly dtype: Dtype
  readonly shape: Shape
  readonly strides: Shape
  readonly offset: number
}

/** y = f(x), element by element. `params` are named in the comment of each. Undefined points follow PyTorch's CPU kernels. */
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'ceil'
  | 'round' // ties to even
  | 'trunc'
  | 'square'
  | 'reciprocal'
  | 'sqrt'
  | 'rsqrt'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log2'
  | 'log10'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'erf'
  | 'erfinv'
  | 'sigmoid'
  | 'logSigmoid'
  | 'relu'
  | 'leakyRelu' // slope
  | 'elu' // alpha, scale, inputScale: scale * (x > 0 ? x : alpha * (exp(x * inputScale) - 1))
  | 'gelu' // exact, by erf
  | 'geluTanh'
  | 'silu'
  | 'mish'
  | 'softplus' // beta, threshold
  | 'hardtanh' // min, max; NaN stays NaN. Serves clamp, relu6
  | 'hardswish'
  | 'hardsigmoid'
  | 'hardshrink' // lambda
  | 'softshrink' // lambda
  | 'threshold' // threshold, value
  | 'powScalar' // exponent
  | 'logicalNot' // to bool, as the next three
  | 'isNan'
  | 'isInf'
  | 'isFinite'

/** y = f(a, b). Backward kernels get a = the gradient of the output and b = the input or output named in the comment. */
export type BinaryOp =
  | 'add' // alpha: a + alpha * b
  | 'sub' // alpha: a - alpha * b
  | 'mul'
  | 'div'
  | 'floorDivide'
  | 'remainder' // sign of the divisor, as Python's %
  | 'fmod' // sign of the dividend, as C's
  | 'pow'
  | 'maximum' // NaN wins, as the next
  | 'minimum'
  | 'atan2'
  | 'eq' // the six comparisons and the logical ones write bool
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalXor'
  | 'bitwiseAnd'
  | 'bitwiseOr'
  | 'bitwiseXor'
  | 'sigmoidBackward' // b = output
  | 'tanhBackward' // b = output
  | 'logSigmoidBackward' // b = input
  | 'reluBackward' // b = output: a where b > 0
  | 'leakyReluBackward' // slope; b = input
  | 'eluBackward' // alpha, scale, inputScale; b = input
  | 'geluBackward' // b = input, as all that follow
  | 'geluTanhBackward'
  | 'siluBackward'
  | 'mishBackward'
  | 'softplusBackward' // beta, threshold
  | 'hardtanhBackward' // min, max: a where min < b < max
  | 'hardswishBackward'
  | 'hardsigmoidBackward'
  | 'shrinkBackward' // lambda: a where |b| > lambda; serves hard- and softshrink
  | 'thresholdBackward' // threshold: a where b > threshold

export type ReduceOp = 'sum' | 'prod' | 'max' | 'min' | 'any' | 'all'

/** Convolution over 1 to 3 axes. x [N, C, ...S], w [O, C / groups, ...K], y [N, O, ...]; cross-correlation, zero padding on both sides. */
export interface ConvGeometry {
  readonly stride: Shape
  readonly padding: Shape
  readonly dilation: Shape
  readonly groups: number
}

/** The windows along one axis: output i reads input starts[i], starts[i] + dilation, ... below ends[i]; already cut to the input. */
export interface PoolAxis {
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly dilation: number
}

/**
 * How rows share statistics and parameters, for every norm whose statistics belong to one sample. x is [rows, size]; each row has its own
 * statistics; element j of row r has parameter (r mod groups) * (size / run) + floor(j / run).
 *
 * LayerNorm, RMSNorm: groups 1, run 1, size = the product of normalizedShape. GroupNorm(G, C) over L positions: groups G, size C / G * L,
 * run L. InstanceNorm: groups C, size L, run L.
 */
export interface RowNormGeometry {
  readonly rows: number
  readonly size: number
  readonly groups: number
  readonly run: number
  /**
   * As PyTorch's batch_norm: a constant row without eps has rstd 0, and a sum of squares may leave the range of the dtype. Else both give NaN,
   * as in its layer_norm. Default false.
   */
  readonly lenient?: boolean
}

/** Local response normalization over `size` neighbouring channels. */
export interface ResponseNormOptions {
  readonly size: number
  readonly alpha: number
  readonly beta: number
  readonly k: number
}

/** What shapes the probabilities of attention. */
export interface AttentionOptions {
  /** Multiplies the scores. */
  readonly scale: number
  /** Query i sees the keys up to i + diagonal (0 or more); null: all. */
  readonly diagonal: number | null
  /** [B, H, L, S]: bool, false hides a key; or of a float dtype, added to the scores. */
  readonly mask: View | null
  /** Dropout, bool [B, H, L, S]: probabilities are multiplied by keepScale where true, 0 elsewhere. */
  readonly keep: View | null
  readonly keepScale: number
}

/** The running averages of BatchNorm, updated in place: new = (1 - momentum) * old + momentum * batch, with the unbiased variance. */
export interface RunningStatistics {
  readonly mean: View | null
  readonly variance: View | null
  readonly momentum: number
}

/** What a step does: h = tanh(a), h = relu(a), or the gates of LSTM and GRU. */
export type RecurrentCell = 'tanh' | 'relu' | 'lstm' | 'gru'

/**
 * A recurrent layer in one direction. Rows of all its matrices are packed: the sequences of a step lie together, the longest first, and steps one
 * after another.
 */
export interface RecurrentGeometry {
  readonly cell: RecurrentCell
  /** Sequences at each step, never more than at the step before. */
  readonly batchSizes: readonly number[]
  /** From the last step to the first; a sequence begins at its own last step. */
  readonly reverse: boolean
  /** Of the layer norms inside; null for a cell without them. */
  readonly eps: number | null
}

/** G is the number of gates in a weight: 1, LSTM 4 (i, f, g, o), GRU 3 (r, z, n). H is the hidden size, P the size of the output: H, or the projection's. */
export interface RecurrentParameters {
  /** [G H, P] */
  readonly weight: View
  /** [G H], of the product with the weight; scale (with `eps`) or null for 1, shift or null for 0. */
  readonly scale: View | null
  readonly shift: View | null
  /** [H], LSTM with `eps`: of the normalized cell state. */
  readonly cellScale: View | null
  readonly cellShift: View | null
  /** [P, H], or null for none: LSTM. */
  readonly projection: View | null
}

/** Where the backward pass of a recurrent layer puts gradients; all contiguous [N, ...]. Those that are always equal may be one view. */
export interface RecurrentGradients {
  /** With respect to x: [N, G H]. */
  readonly input: View
  /** With respect to scale * product + shift: [N, G H]; equal to `input` but for a GRU, and a plain cell with `eps`. */
  readonly gates: View
  /** With respect to the product itself: [N, G H]; equal to `gates` without `eps`. */
  readonly hidden: View
  /** With respect to the scaled cell state, with `eps`: [N, H]. */
  readonly cell: View | null
  /** With respect to the projected output, from all that follows: [N, P]. */
  readonly output: View | null
  /** No gradient, but the state before each step: [N, P]. */
  readonly previous: View
}

/**
 * What follows a norm in the same pass: y = activation(y + residual). The residual has y's shape. y is rounded to its dtype at each step, so that the
 * bits are those of separate kernels.
 */
export interface Epilogue {
  readonly residual: View | null
  readonly activation: UnaryOp | null
  readonly params: readonly number[]
}

/** y = op(out) of what a kernel computes, rounded to its dtype; y is contiguous, of out's shape and dtype, and may be out itself. */
export interface Activated {
  readonly op: UnaryOp
  readonly params: readonly number[]
  readonly y: View
}

/** What a class counts in cross-entropy. */
export interface CrossEntropyOptions {
  /** One weight a class, [C]; null for 1. */
  readonly weight: View | null
  /** A target that counts for nothing. */
  readonly ignoreIndex: number
  /** This share of the target is spread evenly over all classes. */
  readonly smoothing: number
}

/** How an optimizer's step follows from the gradient; `reference/optim.ts` has the formulas, and the order of their states and numbers. */
export type UpdateRule = 'sgd' | 'adam' | 'rmsprop' | 'adagrad' | 'adadelta' | 'adamax' | 'nadam' | 'radam'

/** What an optimizer changes of one tensor. */
export interface Update {
  readonly parameter: View
  readonly grad: View
  /** What the rule keeps, all of the parameter's shape; null for what its options leave out. */
  readonly states: readonly (View | null)[]
  /** The rule's numbers for this step of this tensor. */
  readonly numbers: readonly number[]
}

export interface UpdateOptions {
  /** Goes up the gradient: the rule sees it negated. */
  readonly maximize: boolean
  /** L2 penalty: g = grad + weightDecay parameter. */
  readonly weightDecay: number
  /** Decoupled weight decay: the parameter is multiplied by this before the rule's step is taken off. 1 without. */
  readonly kept: number
}

export interface Kernels {
  /** Every element of `target` becomes `value`, converted to its dtype. */
  fill(target: View, value: number | bigint): void
  /** target = x, element by element, converting dtypes as PyTorch does. `target` may have any strides; x broadcasts to it. */
  copy(x: View, target: View): void

  unary(op: UnaryOp, x: View, target: View, params?: readonly number[]): void
  /** Operands broadcast to target's shape. Both are converted to the dtype they promote to; target's dtype is that, or bool. */
  binary(op: BinaryOp, a: View | number, b: View | number, target: View, params?: readonly number[]): void
  /** target = condition ? a : b; all broadcast. */
  where(condition: View, a: View | number, b: View | number, target: View): void

  /** Reduces `dims` (ascending). Without elements: 0, 1, refused above for max and min, false, true. NaN wins in max and min. */
  reduce(op: ReduceOp, x: View, dims: readonly number[], out: View): void
  /** Index (int64) of the first largest or smallest along `dim`, NaN counting as both; over all elements where dim is null. */
  argReduce(op: 'max' | 'min', x: View, dim: number | null, out: View): void
  /** Mean, and biased variance by two passes (never as E[x^2] - E[x]^2), over `dims`. */
  moments(x: View, dims: readonly number[], mean: View, variance: View | null): void
  cumsum(x: View, dim: number, out: View): void
  softmax(x: View, dim: number, log: boolean, out: View): void
  /** From the gradient of the output and the output y: y (dy - sum(dy y)), or dy - exp(y) sum(dy) where `log`. */
  softmaxBackward(dy: View, y: View, dim: number, log: boolean, dx: View): void

  /**
   * Of scores x [..., C] and classes target (int64 [...], each a class or ignored): with lp = log(softmax(x)) and s the smoothing, losses [...] are
   * -(1 - s) w_t lp_t - s / C sum_c w_c lp_c, 0 where ignored. Kept for backward: the rows' maxima, and the logarithms of the sums of exp(x - max).
   */
  crossEntropy(x: View, target: View, options: CrossEntropyOptions, losses: View, maxima: View, logSums: View): void
  /** dx_c = dy ((a_1 + ... + a_C) exp(lp_c) - a_c), where a_c = s / C w_c + [c = t] (1 - s) w_t; dy broadcasts to the losses. */
  crossEntropyBackward(dy: View, x: View, target: View, options: CrossEntropyOptions, maxima: View, logSums: View, dx: View): void

  /**
   * out[b] = start[b] + x[b] w[b], and in the same pass what follows. x [B, M, K], w [B, K, N], out [B, M, N] contiguous; B strides may be 0. start
   * [B, M, N] has any strides and may be out itself; null for 0.
   */
  matmul(x: View, w: View, out: View, start?: View | null, activated?: Activated | null): void

  /**
   * Scaled dot product attention: y = dropout(softmax(scale q k^T + mask)) v. q [B, H, L, E], k [B, G, S, E], v [B, G, S, V], where H / G
   * neighbouring heads share keys and values; y [B, H, L, V] with any strides. lse [B, H, L], float64, is the logarithm of the sum of
   * exponentials of each query's scores. A query that sees no key has y = 0 and lse = 0.
   */
  attention(q: View, k: View, v: View, options: AttentionOptions, y: View, lse: View): void
  /**
   * The gradients, with p = softmax(...) = exp(scores - lse), m = dropout's factors, g = m dy v^T, ds = p (g - sum(p g)):
   * dq = scale ds k, dk = scale ds^T q, dv = (m p)^T dy. With any strides; with `accumulate`, dk and dv are added to what is there.
   */
  attentionBackward(
    dy: View,
    q: View,
    k: View,
    v: View,
    options: AttentionOptions,
    y: View,
    lse: View,
    dq: View | null,
    dk: View | null,
    dv: View | null,
    accumulate: boolean,
  ): void

  conv(x: View, w: View, bias: View | null, geometry: ConvGeometry, y: View, activated?: Activated | null): void
  /** The gradient with respect to x; also the forward pass of transposed convolution. dx may be larger than the windows reach: zeros there. */
  convInputGrad(dy: View, w: View, geometry: ConvGeometry, dx: View): void
  convWeightGrad(dy: View, x: View, geometry: ConvGeometry, dw: View): void

  /** x [N, C, ...S] with 1 to 3 axes; indices (int64) count within ...S; the first largest wins, NaN over all. */
  maxPool(x: View, axes: readonly PoolAxis[], y: View, indices: View): void
  /** Each window's sum divided by the product of divisors[axis][i], or by divisors as one number. */
  avgPool(x: View, axes: readonly PoolAxis[], divisors: readonly Float64Array[] | number, y: View): void
  avgPoolBackward(dy: View, axes: readonly PoolAxis[], divisors: readonly Float64Array[] | number, dx: View): void

  /** out[i][j] = x[i][index[i][j]] along `dim`. Indices (int64) are checked here: @throws IndexError "index 7 is out of bounds for dimension 0 with size 5". */
  gather(x: View, dim: number, index: View, out: View): void
  /** target[index[i]] += src[i] along `dim`, in the order of the elements; without `add` the last one stays. */
  scatter(target: View, dim: number, index: View, src: View, add: boolean): void
  /** Whole slices: out[.., i, ..] = x[.., index[i], ..]; index is 1-dimensional int64. */
  indexSelect(x: View, dim: number, index: View, out: View): void
  /** target[.., index[i], ..] += src[.., i, ..]. */
  indexAdd(target: View, dim: number, index: View, src: View): void

  /**
   * BatchNorm with the batch's own statistics. x and y [N, C, L]; weight, bias [C] or null; mean, rstd [C] float64, saved for backward:
   * at an offset of 1e6 a float32 mean is off by 0.03. Normalises with the biased variance, as (x - mean) * rstd * weight + bias.
   */
  batchNorm(
    x: View,
    weight: View | null,
    bias: View | null,
    running: RunningStatistics,
    eps: number,
    y: View,
    mean: View,
    rstd: View,
    epilogue?: Epilogue,
  ): void
  /** BatchNorm with given statistics: mean, rstd [C], any float dtype. */
  batchNormInference(x: View, weight: View | null, bias: View | null, mean: View, rstd: View, y: View, epilogue?: Epilogue): void
  /**
   * With g = dy * weight and x^ = (x - mean) rstd: dx = rstd (g - mean(g) - x^ mean(g x^)) where `training`, else rstd g;
   * dweight = sum(dy x^), dbias = sum(dy), over N and L.
   */
  batchNormBackward(
    dy: View,
    x: View,
    weight: View | null,
    mean: View,
    rstd: View,
    training: boolean,
    dx: View | null,
    dweight: View | null,
    dbias: View | null,
  ): void

  /** Mean (float64 [rows], null for RMS norms, which don't centre) and rstd = 1 / sqrt(var + eps) or 1 / sqrt(mean(x^2) + eps). */
  rowNorm(
    x: View,
    weight: View | null,
    bias: View | null,
    geometry: RowNormGeometry,
    eps: number,
    y: View,
    mean: View | null,
    rstd: View,
    epilogue?: Epilogue,
  ): void
  /** The same y again, from the mean and rstd that rowNorm has found. */
  rowNormGiven(x: View, weight: View | null, bias: View | null, geometry: RowNormGeometry, mean: View | null, rstd: View, y: View, epilogue?: Epilogue): void
  /** As batchNormBackward, means over a row; without a mean dx = rstd (g - x^ mean(g x^)). */
  rowNormBackward(
    dy: View,
    x: View,
    weight: View | null,
    geometry: RowNormGeometry,
    mean: View | null,
    rstd: View,
    dx: View | null,
    dweight: View | null,
    dbias: View | null,
  ): void

  /**
   * x [N, C, L]: scale = k + alpha / size sum(x^2) over channels c - floor(size / 2) to c + floor((size - 1) / 2), kept for backward in x's
   * dtype; y = x scale^-beta.
   */
  localResponseNorm(x: View, options: ResponseNormOptions, y: View, scale: View): void
  /** dx = dy scale^-beta - 2 alpha beta / size x sum(dy y / scale) over the channels whose windows hold c. */
  localResponseNormBackward(dy: View, x: View, scale: View, options: ResponseNormOptions, dx: View): void

  /**
   * All steps of a recurrent layer in one direction, from the gates' inputs x [N, G H]. With p = norm(h weight^T) scale + shift, where norm is the
   * identity unless there is an eps, and then layer normalization of the whole row (of a GRU: of r and z together, and of n):
   *   tanh, relu  h' = f(x + p), with an eps f(norm(x + h weight^T) scale + shift)
   *   lstm        i, f, g, o = x + p;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(norm(c') cellScale + cellShift), then projected
   *   gru         r, z = sigmoid(x + p);  n = tanh(x_n + r p_n);  h' = (1 - z) n + z h
   * state [B, P] and cell [B, H] (LSTM, else null) hold the initial states and become the final ones. y [N, P]. trace [N, width], with the
   * columns of `recurrentLayout`, float32 or float64, is what backward needs.
   */
  recurrent(x: View, parameters: RecurrentParameters, geometry: RecurrentGeometry, state: View, cell: View | null, y: View, trace: View | null): void
  /**
   * dState and dCell hold the gradients of the final states and become those of the initial ones, which are h0 and c0. dy may be null for 0.
   */
  recurrentBackward(
    dy: View | null,
    parameters: RecurrentParameters,
    geometry: RecurrentGeometry,
    h0: View,
    c0: View | null,
    y: View,
    trace: View,
    dState: View,
    dCell: View | null,
    gradients: RecurrentGradients,
  ): void

  /** 1 with probability p, else 0, drawn in the order of the elements. target is contiguous. @throws RuntimeError where p is not between 0 and 1 */
  bernoulli(target: View, generator: Generator, p: number): void

  /** One step in place of each of the tensors: parameter = kept parameter - step, where the rule gives the step for g and changes the states. */
  optimizerStep(rule: UpdateRule, updates: readonly Update[], options: UpdateOptions): void
}
