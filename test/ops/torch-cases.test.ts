import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../src/core/dtype.js'
import type { Shape } from '../../src/core/shape.js'
import type { Tensor } from '../../src/core/tensor.js'
import { setBackend } from '../../src/kernels/index.js'
import * as ops from '../../src/ops/index.js'

/** Written by torch-cases.py: the calls below in PyTorch, under the same names. */
type Expected = { dtype: Dtype; shape: number[]; data: (number | string)[] } | { error: string; message: string }
const expected: Record<string, Expected> = JSON.parse(readFileSync(new URL('./torch-cases.json', import.meta.url), 'utf8'))

const numbers = (...shape: number[]): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1)
  return ops.tensor(
    Array.from({ length: n }, (_, k) => (((k * 7) % 11) - 5) / 2),
    { shape },
  )
}
const f = (...shape: number[]): Tensor => ops.zeros(shape)
const ints = (data: ops.NestedArray, dtype: Dtype = 'int64'): Tensor => ops.tensor(data, { dtype })
const long = (...shape: number[]): Tensor => ops.zeros(shape, { dtype: 'int64' })
const double = (...shape: number[]): Tensor => ops.zeros(shape, { dtype: 'float64' })
const float = (data: ops.NestedArray): Tensor => ops.tensor(data)
const bool = (data: ops.NestedArray): Tensor => ops.tensor(data, { dtype: 'bool' })
const { POSITIVE_INFINITY: inf, NaN: nan } = Number

function calls(): Record<string, () => Tensor | unknown> {
  const x = numbers(2, 3, 4)
  const m = numbers(3, 4)
  const w = numbers(4, 2)
  const v = numbers(4)
  const i = ints(Array.from({ length: 12 }, (_, k) => ((k * 5) % 7) - 3)).view(3, 4)
  const b = m.gt(0)
  const s = float([0, -0, 1.5, -2.5, inf, -inf, nan, 2.5])
  const divisors = float([2, 0, 0.1, 0.7, 2, 1, 1, 0.1])
  return {
    add_int_float: () => i.add(1.5),
    add_bool: () => b.add(b),
    add_alpha: () => ops.add(m, v, { alpha: -2 }),
    add_dtype: () => m.add(m.to('float64')),
    add_zero_dim: () => m.add(ops.tensor(1.5, { dtype: 'float64' })),
    int_zero_dim_float: () => i.add(ops.tensor(1.5, { dtype: 'float64' })),
    int8_uint8: () => i.to('int8').add(i.abs().to('uint8')),
    div_int: () => i.div(2),
    div_zero: () => i.div(0),
    div_floor: () => i.div(2, { roundingMode: 'floor' }),
    div_trunc: () => i.div(2, { roundingMode: 'trunc' }),
    div_trunc_float: () => s.div(divisors, { roundingMode: 'trunc' }),
    div_floor_float: () => s.div(divisors, { roundingMode: 'floor' }),
    remainder: () => i.remainder(3),
    remainder_negative: () => m.remainder(-0.75),
    fmod: () => m.fmod(-0.75),
    pow_int: () => i.pow(3),
    pow_scalar_base: () => ops.pow(2, i),
    pow_fraction: () => s.pow(0.5),
    pow_negative: () => s.pow(-2),
    pow_float_of_int: () => i.pow(2.5),
    maximum: () => s.maximum(float(0.5)),
    minimum: () => s.minimum(float(0.5)),
    eq_mixed: () => i.eq(1.5),
    lt_int_float: () => i.lt(m),
    bitwise_and: () => i.bitwiseAnd(3),
    bitwise_xor: () => b.bitwiseXor(b.flip(0)),
    where_numbers: () => ops.where(b, 1, 2.5),
    where_promote: () => ops.where(b, i, m),
    masked_fill: () => m.maskedFill(b, 9),
    masked_fill_broadcast: () => v.maskedFill(b, float(9)),
    abs_int: () => i.abs(),
    neg_special: () => s.neg(),
    sign: () => s.sign(),
    floor: () => s.floor(),
    ceil: () => s.ceil(),
    round: () => s.round(),
    trunc: () => s.trunc(),
    sqrt: () => s.sqrt(),
    rsqrt: () => s.rsqrt(),
    exp_int: () => i.exp(),
    log: () => s.log(),
    erfinv: () => float([-1, 0, 1, 2]).erfinv(),
    isnan: () => s.isnan(),
    isinf: () => s.isinf(),
    isfinite: () => s.isfinite(),
    logical_not: () => s.logicalNot(),
    sum_bool: () => b.sum(),
    sum_int32: () => i.to('int32').sum(0),
    sum_dims: () => x.sum([0, 2], { keepdim: true }),
    sum_dtype: () => i.sum(null, { dtype: 'float64' }),
    sum_empty: () => f(0, 3).sum(0),
    mean: () => x.mean(-1),
    mean_empty: () => f(0).mean(),
    var: () => x.var(1),
    var_one: () => f(1).var(),
    var_correction: () => x.var([0, 1], { correction: 0 }),
    var_too_few: () => float([1, 2]).var(null, { correction: 3 }),
    std: () => x.std(),
    var_mean_0: () => x.varMean(2)[0],
    var_mean_1: () => x.varMean(2)[1],
    std_mean_0: () => x.stdMean(2, { keepdim: true })[0],
    prod: () => x.prod(1),
    prod_int: () => i.prod(),
    any: () => x.any(-1),
    all: () => b.all(0),
    count_nonzero: () => x.countNonzero(1),
    cumsum: () => i.cumsum(1),
    cumsum_bool: () => b.cumsum(0),
    logsumexp: () => x.logsumexp([0, 2]),
    logsumexp_inf: () =>
      float([
        [inf, 1],
        [-inf, -inf],
        [nan, 1],
      ]).logsumexp(1),
    logsumexp_empty: () => f(0, 3).logsumexp(0),
    amax: () => x.amax([0, 2]),
    amin_nan: () => s.amin(),
    amax_int: () => i.amax(1),
    max_values: () => x.max(2).values,
    max_indices: () => x.max(2).indices,
    max_nan: () =>
      float([
        [1, nan],
        [nan, nan],
        [2, 2],
      ]).max(1).indices,
    min_keepdim: () => x.min(1, { keepdim: true }).values,
    argmax_all: () => x.argmax(),
    argmax_dim: () => x.argmax(1, { keepdim: true }),
    argmin_scalar: () => float(3).argmin(0),
    norm: () => m.norm(),
    norm_1: () => m.norm(1, { dim: 0 }),
    norm_inf: () => m.norm(inf, { dim: 1 }),
    norm_neg_inf: () => m.norm(-inf, { dim: 1 }),
    norm_0: () => m.norm(0, { dim: 1, keepdim: true }),
    norm_3: () => x.norm(3, { dim: [0, 1] }),
    norm_empty: () => f(0, 3).norm(2, { dim: 0 }),
    sort_values: () => s.sort({ descending: true }).values,
    sort_indices: () => x.sort({ dim: 0 }).indices,
    topk: () => x.topk(2).values,
    matmul_mm: () => m.matmul(w),
    matmul_vec: () => m.matmul(v),
    matmul_vec_left: () => v.matmul(w),
    matmul_batch: () => x.matmul(w),
    matmul_broadcast: () => x.view(2, 1, 3, 4).matmul(numbers(3, 4, 2)),
    matmul_vec_batch: () => v.matmul(numbers(2, 4, 3)),
    matmul_int: () => i.matmul(i.t()),
    matmul_empty: () => f(2, 0).matmul(f(0, 3)),
    matmul_transposed: () => w.t().matmul(m.t()),
    mv: () => m.mv(v),
    dot: () => v.dot(v),
    outer: () => v.outer(ints([1, 2])),
    addmm: () => ops.addmm(float([1, nan]), m, w, { beta: 0, alpha: 2 }),
    baddbmm: () => ops.baddbmm(float([[1], [2], [3]]), x, numbers(2, 4, 2), { beta: 0.5 }),
    softmax: () => x.softmax(1),
    softmax_inf: () =>
      float([
        [inf, 1],
        [-inf, -inf],
        [-inf, 1],
      ]).softmax(1),
    log_softmax: () => x.logSoftmax(-1),
    log_softmax_dtype: () => i.logSoftmax(0, { dtype: 'float64' }),
    softmin: () => x.softmin(2),
    gather: () => m.gather(1, i.abs().remainder(4)),
    scatter: () =>
      m.scatter(
        1,
        ints([
          [0, 0],
          [2, 1],
        ]),
        numbers(2, 2).add(10),
      ),
    scatter_number: () => m.scatter(0, ints([[0, 1, 2, 0]]), 7),
    scatter_add: () =>
      m.scatterAdd(
        1,
        ints([
          [0, 0, 0],
          [2, 1, 1],
        ]),
        numbers(2, 3),
      ),
    index_select: () => x.indexSelect(2, ints([3, 0, 3])),
    index_select_int32: () => m.indexSelect(0, ints([1, 1], 'int32')),
    index_add: () => m.indexAdd(0, ints([2, 0, 2]), m),
    take_slices: () => x.index(1, ':', '1:3'),
    take_step: () => x.index(':', '::2', '-3:-1'),
    take_none: () => m.index(null, '...', 0),
    take_list: () => m.index([2, 0, 2]),
    take_two: () => x.index([0, 1, 1], ':', [3, 0, -1]),
    take_adjacent: () => x.index(':', [0, 2], [1, -1]),
    take_broadcast: () => x.index(ints([[0], [1]]), [0, 2]),
    take_mask: () => m.index(b),
    take_mask_partial: () => x.index(':', bool([true, false, true])),
    take_mask_and_list: () => x.index(bool([true, true]), [0, 2]),
    take_zero_dim: () => m.index(ints(-1)),
    take_true: () => v.index(bool(true)),
    take_false: () => v.index(bool(false)),
    take_empty_list: () => m.index([]),
    put_mask: () => m.clone().indexPut_([b], 5),
    nonzero: () => b.nonzero(),
    nonzero_scalar: () => ints(3).nonzero(),
    masked_select: () => x.maskedSelect(b),
    flip: () => x.flip([0, 2]),
    roll: () => x.roll([1, -3], [2, 1]),
    roll_flat: () => m.roll(5),
    tril: () => x.tril(-1),
    triu: () => m.triu(1),
    diagonal: () => x.diagonal(1, 1, 2),
    diagonal_far: () => m.diagonal(9),
    cat_promote: () => ops.cat([m, i, b]),
    cat_empty: () => ops.cat([m, f(0)]),
    stack: () => ops.stack([m, m.add(1)], -1),
    split: () => m.split(3, 1)[1],
    chunk: () => v.chunk(3)[1],
    unbind: () => x.unbind(-1)[3],
    repeat: () => m.repeat(2, 1, 2),
    tile: () => x.tile(2, 1),
    clamp: () => s.clamp(-1, 1),
    clamp_int_float: () => i.clamp(-1.5, 1),
    clamp_tensors: () => m.clamp(float([[-1], [0], [1]]), v),
    clamp_crossed: () => m.clamp(1, -1),
    clamp_min: () => i.clampMin(0),
    isclose: () => ops.isclose(float([1, 1, inf, nan, inf]), float([1.00001, 1.001, inf, nan, 1])),
    isclose_nan: () => ops.isclose(float([nan, 1]), float([nan, nan]), { equalNan: true }),
    movedim: () => x.movedim([0, 1], [-1, 0]),
    unflatten: () => x.unflatten(-1, [2, -1]),
    squeeze: () => f(2, 1, 3, 1).squeeze([1, 3]),
    expand: () => v.expand(2, 3, -1),
    linspace: () => ops.linspace(-1, 1, 11),
    linspace_one: () => ops.linspace(3, 9, 1),
    linspace_thirds: () => ops.linspace(0, 1, 13),
    arange: () => ops.arange(1, -2, -0.4),
    arange_float: () => ops.arange(0, 1, 0.1),
    eye: () => ops.eye(2, 3),
    to_int: () => s.slice(0, 0, 4).to('int64'),
    to_uint8: () => float([1.7, 300, 255]).to('uint8'),
    to_bool: () => s.to('bool'),
    e_mm: () => f(2, 3).matmul(f(4, 5)),
    e_dot: () => f(3).matmul(f(4)),
    e_mv: () => f(2, 3).matmul(f(4)),
    e_bmm: () => f(2, 2, 3).matmul(f(2, 4, 5)),
    e_bmm_batch: () => f(2, 2, 3).matmul(f(3, 3, 5)),
    e_matmul_scalar: () => f().matmul(f(3)),
    e_mm_rank: () => f(2).mm(f(2, 3)),
    e_bmm_rank: () => f(2, 3).bmm(f(2, 3)),
    e_dtype: () => f(2, 3).matmul(double(3, 4)),
    e_dtype_int: () => f(2, 3).matmul(long(3, 4)),
    e_matmul_bool: () => f(2, 3).to('bool').matmul(f(3, 4).to('bool')),
    e_outer: () => f(2, 2).outer(f(3)),
    e_addmm: () => ops.addmm(f(3), f(2, 3), f(3, 4)),
    e_softmax_dim: () => f(2, 3).softmax(2),
    e_softmax_int: () => i.softmax(1),
    e_gather_dtype: () => f(2, 3).gather(1, f(2, 2)),
    e_gather_rank: () => f(2, 3).gather(1, long(2)),
    e_gather_size: () => f(2, 3).gather(1, long(3, 2)),
    e_gather_bounds: () => f(2, 3).gather(1, long(2, 2).add(3)),
    e_gather_negative: () => f(2, 3).gather(1, long(2, 2).sub(1)),
    e_scatter_size: () => f(2, 3).scatter(1, long(2, 2), f(2, 1)),
    e_scatter_dtype: () => f(2, 3).scatter(1, long(2, 2), double(2, 2)),
    e_scatter_bounds: () => f(2, 3).scatterAdd(1, long(2, 2).add(5), f(2, 2)),
    e_index_select_rank: () => f(2, 3).indexSelect(0, long(2, 2)),
    e_index_select_dtype: () => f(2, 3).indexSelect(0, f(2)),
    e_index_select_bounds: () => f(2, 3).indexSelect(0, long(2).add(2)),
    e_index_add_count: () => f(2, 3).indexAdd(0, ints([0, 1, 1]), f(2, 3)),
    e_index_add_shape: () => f(2, 3).indexAdd(0, ints([0, 1]), f(2, 4)),
    e_index_add_dtype: () => f(2, 3).indexAdd(0, ints([0, 1]), double(2, 3)),
    e_take_float: () => f(2, 3).index(float([0, 1])),
    e_take_bounds: () => f(2, 3).index(0, 3),
    e_take_many: () => f(2, 3).index(0, 0, 0),
    e_take_scalar: () => f().index(0),
    e_take_list: () => f(2, 3).index([5]),
    e_take_shapes: () => f(2, 3).index([0, 1], [0, 1, 2]),
    e_take_mask: () => f(2, 3).index(bool([true, false, true])),
    e_take_step: () => f(2, 3).index('::-1'),
    e_take_step_zero: () => f(2, 3).index('::0'),
    e_cat_none: () => ops.cat([]),
    e_cat_rank: () => ops.cat([f(2), f(2, 3)]),
    e_cat_size: () => ops.cat([f(2, 3), f(2, 4)]),
    e_cat_scalar: () => ops.cat([f(), f()]),
    e_stack: () => ops.stack([f(2), f(3)]),
    e_stack_none: () => ops.stack([]),
    e_split_sum: () => f(5).split([2, 2]),
    e_split_negative: () => f(5).split(-1),
    e_split_zero: () => f(5).split(0),
    e_split_scalar: () => f().split(1),
    e_chunk: () => f(5).chunk(0),
    e_unbind: () => f().unbind(),
    e_repeat: () => f(2, 3).repeat(2),
    e_flip: () => f(2, 3).flip([0, 0]),
    e_roll: () => f(2, 3).roll([1, 2], [0]),
    e_tril: () => f(3).tril(),
    e_clamp: () => f(3).clamp(),
    e_isclose: () => f(3).isclose(double(3)),
    e_isclose_rtol: () => f(3).isclose(f(3), { rtol: -1 }),
    e_amax_empty: () => f(0, 3).amax(),
    e_amax_dim: () => f(0, 3).amax(0),
    e_max_empty: () => f(0).max(),
    e_max_dim: () => f(0, 3).max(0),
    e_argmax_empty: () => f(0).argmax(),
    e_norm_int: () => i.norm(),
    e_cumsum: () => f(2, 3).cumsum(2),
    e_var_int: () => i.var(),
    e_mean_int: () => i.mean(),
    e_sum_twice: () => f(2, 3).sum([0, 0]),
    e_where: () => ops.where(f(2), f(2), f(2)),
    e_masked_fill: () => f(2).maskedFill(f(2), 1),
    e_masked_fill_value: () => f(2).maskedFill(bool([true, false]), f(2)),
    e_broadcast: () => f(2).add(f(3)),
    e_alpha: () => i.add(i, { alpha: 1.5 }),
    e_sub_bool: () => b.sub(b),
    e_sub_bool_number: () => ops.sub(1, b),
    e_neg_bool: () => b.neg(),
    e_rounding: () => f(2).div(2, { roundingMode: 'x' as 'floor' }),
    e_floor_zero: () => i.div(0, { roundingMode: 'floor' }),
    e_pow: () => i.pow(-1),
    e_bitwise: () => f(2).bitwiseAnd(f(2)),
    e_view: () => f(2, 3).view(4),
    e_view_strides: () => f(2, 3).t().view(6),
    e_view_two: () => f(2, 3).view(-1, -1),
    e_view_negative: () => f(2, 3).view(-2, 3),
    e_view_ambiguous: () => f(2, 0).view(-1, 0),
    e_permute: () => f(2, 3).permute(0),
    e_permute_twice: () => f(2, 3).permute(0, 0),
    e_transpose: () => f(2, 3).transpose(0, 2),
    e_t: () => f(2, 3, 4).t(),
    e_unsqueeze: () => f(2, 3).unsqueeze(4),
    e_flatten: () => f(2, 3).flatten(1, 0),
    e_unflatten: () => f(2, 3).unflatten(1, [2, 2]),
    e_narrow: () => f(2, 3).narrow(1, 2, 2),
    e_narrow_start: () => f(2, 3).narrow(1, 4, 2),
    e_narrow_length: () => f(2, 3).narrow(1, 0, -2),
    e_select: () => f(2, 3).select(1, 4),
    e_select_scalar: () => f().select(0, 0),
    e_expand: () => f(2, 3).expand(4, 3),
    e_expand_few: () => f(2, 3).expand(3),
    e_expand_lead: () => f(2, 3).expand(-1, 2, 3),
    e_item: () => f(2, 3).item(),
    e_arange_sign: () => ops.arange(5, 2),
    e_arange_step: () => ops.arange(1, 2, 0),
    e_linspace: () => ops.linspace(0, 1, -1),
    e_zeros: () => ops.zeros([-1]),
    e_ragged: () => ops.tensor([[1, 2], [3]]),
    e_masked_select: () => f(2, 3).maskedSelect(f(2, 3)),
    e_topk: () => f(3).topk(4),
    e_diagonal: () => f(2).diagonal(0),
    e_copy: () => f(2).copy_(f(3)),
  }
}

const number = (v: number | string): number => (typeof v === 'number' ? v : v === 'nan' ? nan : Number(v.replace('inf', 'Infinity')))

function same(actual: number, wanted: number, dtype: Dtype): boolean {
  if (Object.is(actual, wanted)) return true
  if (wanted === 0 || !Number.isFinite(wanted)) return false
  // Different order of summation and other libraries for exp and log: a few units in the last place; differences of numbers near 1 keep
  // the rounding of those.
  return Math.abs(actual - wanted) <= (1 + 4 * Math.abs(wanted)) * (dtype === 'float64' ? 1e-15 : 1e-7)
}

function flat(t: Tensor): number[] {
  return Array.from(t.to('float64').toTypedArray(), Number)
}

describe.for(['reference', 'wasm'] as const)('as PyTorch, on the %s backend', (backend) => {
  setBackend(backend)
  const table = calls()
  test('the table and the file name the same calls', () => {
    expect(Object.keys(table)).toEqual(Object.keys(expected))
  })
  test.for(Object.entries(table))('%s', ([name, call]) => {
    setBackend(backend)
    const wanted = expected[name]
    if ('error' in wanted) {
      let thrown: unknown
      try {
        call()
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ name: wanted.error, message: wanted.message })
      return
    }
    const y = call() as Tensor
    expect([y.dtype, y.shape]).toEqual([wanted.dtype, wanted.shape satisfies Shape])
    const actual = flat(y)
    const numbersWanted = wanted.data.map(number)
    expect(actual.map((v, k) => (same(v, numbersWanted[k], y.dtype) ? numbersWanted[k] : v))).toEqual(numbersWanted)
  })
})
