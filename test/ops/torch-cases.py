"""Writes torch-cases.json: results and errors of PyTorch 2.6 for the calls that torch-cases.test.ts makes under the same names."""
import json
import os
import torch

T = torch
inf, nan = float('inf'), float('nan')


def numbers(*shape):
    n = 1
    for s in shape:
        n *= s
    return ((T.arange(n) * 7) % 11 - 5).reshape(shape) / 2


def f(*shape):
    return T.zeros(shape)


x = numbers(2, 3, 4)
m = numbers(3, 4)
w = numbers(4, 2)
v = numbers(4)
i = (T.arange(12) * 5 % 7 - 3).reshape(3, 4)
b = m > 0
s = T.tensor([0.0, -0.0, 1.5, -2.5, inf, -inf, nan, 2.5])
L = T.tensor
F = T.nn.functional

calls = '''add_int_float: i + 1.5
add_bool: b + b
add_alpha: T.add(m, v, alpha=-2)
add_dtype: m + m.double()
add_zero_dim: m + L(1.5, dtype=T.float64)
int_zero_dim_float: i + L(1.5, dtype=T.float64)
int8_uint8: i.to(T.int8) + i.abs().to(T.uint8)
div_int: i / 2
div_zero: i / 0
div_floor: T.div(i, 2, rounding_mode='floor')
div_trunc: T.div(i, 2, rounding_mode='trunc')
div_trunc_float: T.div(s, L([2.0, 0.0, 0.1, 0.7, 2.0, 1.0, 1.0, 0.1]), rounding_mode='trunc')
div_floor_float: T.div(s, L([2.0, 0.0, 0.1, 0.7, 2.0, 1.0, 1.0, 0.1]), rounding_mode='floor')
remainder: T.remainder(i, 3)
remainder_negative: T.remainder(m, -0.75)
fmod: T.fmod(m, -0.75)
pow_int: T.pow(i, 3)
pow_scalar_base: T.pow(2, i)
pow_fraction: T.pow(s, 0.5)
pow_negative: T.pow(s, -2)
pow_float_of_int: T.pow(i, 2.5)
maximum: T.maximum(s, L(0.5))
minimum: T.minimum(s, L(0.5))
eq_mixed: i == 1.5
lt_int_float: i < m
bitwise_and: i & 3
bitwise_xor: b ^ b.flip(0)
where_numbers: T.where(b, 1.0, 2.5)
where_promote: T.where(b, i, m)
masked_fill: m.masked_fill(b, 9)
masked_fill_broadcast: v.masked_fill(b, L(9.0))
abs_int: i.abs()
neg_special: -s
sign: s.sign()
floor: s.floor()
ceil: s.ceil()
round: s.round()
trunc: s.trunc()
sqrt: s.sqrt()
rsqrt: s.rsqrt()
exp_int: i.exp()
log: s.log()
erfinv: T.erfinv(L([-1.0, 0.0, 1.0, 2.0]))
isnan: s.isnan()
isinf: s.isinf()
isfinite: s.isfinite()
logical_not: s.logical_not()
sum_bool: b.sum()
sum_int32: i.int().sum(0)
sum_dims: x.sum((0, 2), keepdim=True)
sum_dtype: i.sum(dtype=T.float64)
sum_empty: f(0, 3).sum(0)
mean: x.mean(-1)
mean_empty: f(0).mean()
var: x.var(1)
var_one: f(1).var()
var_correction: x.var((0, 1), correction=0)
var_too_few: L([1.0, 2.0]).var(correction=3)
std: x.std()
var_mean_0: T.var_mean(x, 2)[0]
var_mean_1: T.var_mean(x, 2)[1]
std_mean_0: T.std_mean(x, 2, keepdim=True)[0]
prod: x.prod(1)
prod_int: i.prod()
any: x.any(-1)
all: b.all(0)
count_nonzero: T.count_nonzero(x, 1)
cumsum: i.cumsum(1)
cumsum_bool: b.cumsum(0)
logsumexp: x.logsumexp((0, 2))
logsumexp_inf: L([[inf, 1.0], [-inf, -inf], [nan, 1.0]]).logsumexp(1)
logsumexp_empty: f(0, 3).logsumexp(0)
amax: x.amax((0, 2))
amin_nan: s.amin()
amax_int: i.amax(1)
max_values: x.max(2).values
max_indices: x.max(2).indices
max_nan: L([[1.0, nan], [nan, nan], [2.0, 2.0]]).max(1).indices
min_keepdim: x.min(1, keepdim=True).values
argmax_all: x.argmax()
argmax_dim: x.argmax(1, keepdim=True)
argmin_scalar: L(3.0).argmin(0)
norm: m.norm()
norm_1: m.norm(1, dim=0)
norm_inf: m.norm(inf, dim=1)
norm_neg_inf: m.norm(-inf, dim=1)
norm_0: m.norm(0, dim=1, keepdim=True)
norm_3: x.norm(3, dim=(0, 1))
norm_empty: f(0, 3).norm(2, dim=0)
sort_values: s.sort(descending=True, stable=True).values
sort_indices: T.sort(x, dim=0, stable=True).indices
topk: x.topk(2).values
matmul_mm: m @ w
matmul_vec: m @ v
matmul_vec_left: v @ w
matmul_batch: x @ w
matmul_broadcast: x.reshape(2, 1, 3, 4) @ numbers(3, 4, 2)
matmul_vec_batch: v @ numbers(2, 4, 3)
matmul_int: i @ i.t()
matmul_empty: f(2, 0) @ f(0, 3)
matmul_transposed: w.t() @ m.t()
mv: T.mv(m, v)
dot: T.dot(v, v)
outer: T.outer(v, L([1, 2]))
addmm: T.addmm(L([1.0, nan]), m, w, beta=0, alpha=2)
baddbmm: T.baddbmm(L([[1.0], [2.0], [3.0]]), x, numbers(2, 4, 2), beta=0.5)
softmax: x.softmax(1)
softmax_inf: L([[inf, 1.0], [-inf, -inf], [-inf, 1.0]]).softmax(1)
log_softmax: x.log_softmax(-1)
log_softmax_dtype: i.log_softmax(0, dtype=T.float64)
softmin: F.softmin(x, 2)
gather: T.gather(m, 1, i.abs() % 4)
scatter: m.scatter(1, L([[0, 0], [2, 1]]), numbers(2, 2) + 10)
scatter_number: m.scatter(0, L([[0, 1, 2, 0]]), 7.0)
scatter_add: m.scatter_add(1, L([[0, 0, 0], [2, 1, 1]]), numbers(2, 3))
index_select: x.index_select(2, L([3, 0, 3]))
index_select_int32: m.index_select(0, L([1, 1], dtype=T.int32))
index_add: m.index_add(0, L([2, 0, 2]), m)
take_slices: x[1, :, 1:3]
take_step: x[:, ::2, -3:-1]
take_none: m[None, ..., 0]
take_list: m[[2, 0, 2]]
take_two: x[[0, 1, 1], :, [3, 0, -1]]
take_adjacent: x[:, [0, 2], [1, -1]]
take_broadcast: x[L([[0], [1]]), [0, 2]]
take_mask: m[b]
take_mask_partial: x[:, L([True, False, True])]
take_mask_and_list: x[L([True, True]), [0, 2]]
take_zero_dim: m[L(-1)]
take_true: v[L(True)]
take_false: v[L(False)]
take_empty_list: m[[]]
put_mask: m.clone().masked_fill_(b, 5)
nonzero: T.nonzero(b)
nonzero_scalar: T.nonzero(L(3))
masked_select: T.masked_select(x, b)
flip: x.flip((0, 2))
roll: x.roll((1, -3), (2, 1))
roll_flat: m.roll(5)
tril: x.tril(-1)
triu: m.triu(1)
diagonal: x.diagonal(1, 1, 2)
diagonal_far: m.diagonal(9)
cat_promote: T.cat([m, i, b])
cat_empty: T.cat([m, f(0)])
stack: T.stack([m, m + 1], -1)
split: T.split(m, 3, 1)[1]
chunk: T.chunk(v, 3)[1]
unbind: x.unbind(-1)[3]
repeat: m.repeat(2, 1, 2)
tile: x.tile(2, 1)
clamp: s.clamp(-1, 1)
clamp_int_float: i.clamp(-1.5, 1)
clamp_tensors: m.clamp(L([[-1.0], [0.0], [1.0]]), v)
clamp_crossed: m.clamp(1, -1)
clamp_min: i.clamp(min=0)
isclose: T.isclose(L([1.0, 1.0, inf, nan, inf]), L([1.00001, 1.001, inf, nan, 1.0]))
isclose_nan: T.isclose(L([nan, 1.0]), L([nan, nan]), equal_nan=True)
movedim: x.movedim((0, 1), (-1, 0))
unflatten: x.unflatten(-1, (2, -1))
squeeze: f(2, 1, 3, 1).squeeze((1, 3))
expand: v.expand(2, 3, -1)
linspace: T.linspace(-1, 1, 11)
linspace_one: T.linspace(3, 9, 1)
linspace_thirds: T.linspace(0, 1, 13)
arange: T.arange(1, -2, -0.4)
arange_float: T.arange(0, 1, 0.1)
eye: T.eye(2, 3)
to_int: s[:4].to(T.int64)
to_uint8: L([1.7, 300.0, 255.0]).to(T.uint8)
to_bool: s.to(T.bool)
e_mm: f(2, 3) @ f(4, 5)
e_dot: f(3) @ f(4)
e_mv: f(2, 3) @ f(4)
e_bmm: f(2, 2, 3) @ f(2, 4, 5)
e_bmm_batch: f(2, 2, 3) @ f(3, 3, 5)
e_matmul_scalar: f() @ f(3)
e_mm_rank: T.mm(f(2), f(2, 3))
e_bmm_rank: T.bmm(f(2, 3), f(2, 3))
e_dtype: f(2, 3) @ f(3, 4).double()
e_dtype_int: f(2, 3) @ f(3, 4).long()
e_matmul_bool: f(2, 3).bool() @ f(3, 4).bool()
e_outer: T.outer(f(2, 2), f(3))
e_addmm: T.addmm(f(3), f(2, 3), f(3, 4))
e_softmax_dim: T.softmax(f(2, 3), 2)
e_softmax_int: T.softmax(i, 1)
e_gather_dtype: T.gather(f(2, 3), 1, f(2, 2))
e_gather_rank: T.gather(f(2, 3), 1, f(2).long())
e_gather_size: T.gather(f(2, 3), 1, f(3, 2).long())
e_gather_bounds: T.gather(f(2, 3), 1, f(2, 2).long() + 3)
e_gather_negative: T.gather(f(2, 3), 1, f(2, 2).long() - 1)
e_scatter_size: f(2, 3).scatter(1, f(2, 2).long(), f(2, 1))
e_scatter_dtype: f(2, 3).scatter(1, f(2, 2).long(), f(2, 2).double())
e_scatter_bounds: f(2, 3).scatter_add(1, f(2, 2).long() + 5, f(2, 2))
e_index_select_rank: T.index_select(f(2, 3), 0, f(2, 2).long())
e_index_select_dtype: T.index_select(f(2, 3), 0, f(2))
e_index_select_bounds: T.index_select(f(2, 3), 0, f(2).long() + 2)
e_index_add_count: f(2, 3).index_add(0, L([0, 1, 1]), f(2, 3))
e_index_add_shape: f(2, 3).index_add(0, L([0, 1]), f(2, 4))
e_index_add_dtype: f(2, 3).index_add(0, L([0, 1]), f(2, 3).double())
e_take_float: f(2, 3)[L([0.0, 1.0])]
e_take_bounds: f(2, 3)[0, 3]
e_take_many: f(2, 3)[0, 0, 0]
e_take_scalar: f()[0]
e_take_list: f(2, 3)[L([5])]
e_take_shapes: f(2, 3)[L([0, 1]), L([0, 1, 2])]
e_take_mask: f(2, 3)[L([True, False, True])]
e_take_step: f(2, 3)[::-1]
e_take_step_zero: f(2, 3)[::0]
e_cat_none: T.cat([])
e_cat_rank: T.cat([f(2), f(2, 3)])
e_cat_size: T.cat([f(2, 3), f(2, 4)])
e_cat_scalar: T.cat([f(), f()])
e_stack: T.stack([f(2), f(3)])
e_stack_none: T.stack([])
e_split_sum: T.split(f(5), [2, 2])
e_split_negative: T.split(f(5), -1)
e_split_zero: T.split(f(5), 0)
e_split_scalar: T.split(f(), 1)
e_chunk: T.chunk(f(5), 0)
e_unbind: T.unbind(f())
e_repeat: f(2, 3).repeat(2)
e_flip: T.flip(f(2, 3), [0, 0])
e_roll: T.roll(f(2, 3), [1, 2], [0])
e_tril: T.tril(f(3))
e_clamp: T.clamp(f(3))
e_isclose: T.isclose(f(3), f(3).double())
e_isclose_rtol: T.isclose(f(3), f(3), rtol=-1)
e_amax_empty: T.amax(f(0, 3))
e_amax_dim: T.amax(f(0, 3), 0)
e_max_empty: T.max(f(0))
e_max_dim: T.max(f(0, 3), 0)
e_argmax_empty: T.argmax(f(0))
e_norm_int: T.norm(i)
e_cumsum: T.cumsum(f(2, 3), 2)
e_var_int: T.var(i)
e_mean_int: T.mean(i)
e_sum_twice: T.sum(f(2, 3), [0, 0])
e_where: T.where(f(2), f(2), f(2))
e_masked_fill: f(2).masked_fill(f(2), 1)
e_masked_fill_value: f(2).masked_fill(f(2).bool(), f(2))
e_broadcast: f(2) + f(3)
e_alpha: T.add(i, i, alpha=1.5)
e_sub_bool: b - b
e_sub_bool_number: 1 - b
e_neg_bool: -b
e_rounding: T.div(f(2), 2, rounding_mode='x')
e_floor_zero: T.div(i, 0, rounding_mode='floor')
e_pow: T.pow(i, -1)
e_bitwise: f(2).bitwise_and(f(2))
e_view: f(2, 3).view(4)
e_view_strides: f(2, 3).t().view(6)
e_view_two: f(2, 3).view(-1, -1)
e_view_negative: f(2, 3).view(-2, 3)
e_view_ambiguous: f(2, 0).view(-1, 0)
e_permute: f(2, 3).permute(0)
e_permute_twice: f(2, 3).permute(0, 0)
e_transpose: f(2, 3).transpose(0, 2)
e_t: f(2, 3, 4).t()
e_unsqueeze: f(2, 3).unsqueeze(4)
e_flatten: f(2, 3).flatten(1, 0)
e_unflatten: f(2, 3).unflatten(1, (2, 2))
e_narrow: f(2, 3).narrow(1, 2, 2)
e_narrow_start: f(2, 3).narrow(1, 4, 2)
e_narrow_length: f(2, 3).narrow(1, 0, -2)
e_select: f(2, 3).select(1, 4)
e_select_scalar: f().select(0, 0)
e_expand: f(2, 3).expand(4, 3)
e_expand_few: f(2, 3).expand(3)
e_expand_lead: f(2, 3).expand(-1, 2, 3)
e_item: f(2, 3).item()
e_arange_sign: T.arange(5, 2)
e_arange_step: T.arange(1, 2, 0)
e_linspace: T.linspace(0, 1, -1)
e_zeros: T.zeros(-1)
e_ragged: T.tensor([[1, 2], [3]])
e_masked_select: T.masked_select(f(2, 3), f(2, 3))
e_topk: T.topk(f(3), 4)
e_diagonal: T.diagonal(f(2), 0)
e_copy: f(2).copy_(f(3))'''


def encode(value):
    if value != value:
        return 'nan'
    if value in (inf, -inf):
        return str(value)
    return '-0' if value == 0 and str(value).startswith('-') else value


out = {}
for line in calls.split('\n'):
    name, expression = line.split(': ', 1)
    try:
        r = eval(expression)
        data = [encode(e) for e in r.to(T.float64).reshape(-1).tolist()]
        out[name] = {'dtype': str(r.dtype)[6:], 'shape': list(r.shape), 'data': data}
    except Exception as error:
        out[name] = {'error': type(error).__name__, 'message': str(error).split('\n')[0]}
json.dump(out, open(os.path.join(os.path.dirname(__file__), 'torch-cases.json'), 'w'), separators=(',', ':'))
