"""Writes pytorch-points.json: PyTorch's float64 CPU kernels at kinks, signed zeros, infinities, NaN and ordinary points.

Run with PyTorch 2.6: python3 pytorch-points.py > pytorch-points.json
Rows are numbers with spaces between; `binary` has them for each pair of `operands`, the first one varying slowest.
`scalar` is computed element by element, `vector` over a long tensor; PyTorch's two code paths disagree at some kinks.
"""
import json
import math

import torch

torch.backends.mkldnn.enabled = False
aten = torch.ops.aten
inf, nan = math.inf, math.nan

POINTS = [0.0, -0.0, nan, inf, -inf, 3.0, -3.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1.0, -1.0, 1e-9, -1e-9, 0.1, -0.9, 6.0, -6.0, 25.0, -25.0, 100.0, -100.0, 800.0, -800.0]
UNIT = [0.0, 1.0, 0.5, 0.25, 1e-9, -0.75, nan]
OPERANDS = [0.0, -0.0, nan, inf, -inf, 7.0, -7.0, 3.0, -3.0, 0.1, 1.0, -1.0, 0.5, -2.5]

UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "floor": torch.floor, "ceil": torch.ceil, "round": torch.round,
    "trunc": torch.trunc, "square": torch.square, "reciprocal": torch.reciprocal, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log2": torch.log2, "log10": torch.log10, "log1p": torch.log1p,
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan,
    "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "erf": torch.erf, "erfinv": torch.erfinv, "sigmoid": torch.sigmoid,
    "logSigmoid": aten.log_sigmoid, "relu": torch.relu, "gelu": aten.gelu, "silu": aten.silu, "mish": aten.mish,
    "geluTanh": lambda x: aten.gelu(x, approximate="tanh"), "hardswish": aten.hardswish, "hardsigmoid": aten.hardsigmoid,
    "leakyRelu 0.01": lambda x: aten.leaky_relu(x, 0.01), "elu 1.5 1.25 0.75": lambda x: aten.elu(x, 1.5, 1.25, 0.75),
    "softplus 2 5": lambda x: aten.softplus(x, 2, 5), "hardtanh -2 2.5": lambda x: aten.hardtanh(x, -2, 2.5),
    "hardshrink 0.5": lambda x: aten.hardshrink(x, 0.5), "softshrink 0.5": lambda x: aten.softshrink(x, 0.5),
    "threshold 0.5 9": lambda x: aten.threshold(x, 0.5, 9),
    **{f"powScalar {e}": (lambda e: lambda x: torch.pow(x, e))(e) for e in (0, 0.5, -0.5, 2, 3, -1, -2, 2.7, -1.3)},
    "logicalNot": torch.logical_not, "isNan": torch.isnan, "isInf": torch.isinf, "isFinite": torch.isfinite,
}

def through_autograd(f):
    def backward(dy, x):
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            return torch.autograd.grad(f(x), x, dy)[0]
    return backward

BACKWARD = {
    "sigmoidBackward": aten.sigmoid_backward, "tanhBackward": aten.tanh_backward,
    "logSigmoidBackward": through_autograd(torch.nn.functional.logsigmoid), "reluBackward": lambda dy, y: aten.threshold_backward(dy, y, 0),
    "leakyReluBackward 0.01": lambda dy, x: aten.leaky_relu_backward(dy, x, 0.01, False),
    "eluBackward 1.5 1.25 0.75": lambda dy, x: aten.elu_backward(dy, 1.5, 1.25, 0.75, False, x),
    "geluBackward": lambda dy, x: aten.gelu_backward(dy, x), "geluTanhBackward": lambda dy, x: aten.gelu_backward(dy, x, approximate="tanh"),
    "siluBackward": aten.silu_backward, "mishBackward": aten.mish_backward,
    "softplusBackward 2 5": lambda dy, x: aten.softplus_backward(dy, x, 2, 5),
    "hardtanhBackward -2 2.5": lambda dy, x: aten.hardtanh_backward(dy, x, -2, 2.5), "hardswishBackward": aten.hardswish_backward,
    "hardsigmoidBackward": aten.hardsigmoid_backward, "shrinkBackward 0.5": lambda dy, x: aten.softshrink_backward(dy, x, 0.5),
    "thresholdBackward 0.5": lambda dy, x: aten.threshold_backward(dy, x, 0.5),
}

BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "floorDivide": torch.floor_divide, "remainder": torch.remainder,
    "fmod": torch.fmod, "pow": torch.pow, "maximum": torch.maximum, "minimum": torch.minimum, "atan2": torch.atan2, "eq": torch.eq, "ne": torch.ne,
    "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge, "logicalAnd": torch.logical_and, "logicalOr": torch.logical_or,
    "logicalXor": torch.logical_xor, "add 2": lambda a, b: torch.add(a, b, alpha=2), "sub 2": lambda a, b: torch.sub(a, b, alpha=2),
}


def same(a, b):
    return repr(a) == repr(b) or abs(a - b) <= 1e-12 * abs(a)


def written(values):
    return " ".join(repr(v).removesuffix(".0") if v else repr(v) for v in values)


def both_paths(f, *columns):
    """Values of the scalar path, and those of the vector path where it has others."""
    args = [torch.tensor(c, dtype=torch.float64) for c in columns]
    vector = f(*(a.repeat(64) for a in args))[: len(columns[0])].double().tolist()
    scalar = [float(f(*(a[i : i + 1] for a in args))) for i in range(len(columns[0]))]
    differs = not all(map(same, scalar, vector))
    return {"scalar": written(scalar), **({"vector": written(vector)} if differs else {})}


grid = [(a, b) for a in OPERANDS for b in OPERANDS]
table = {
    "points": written(POINTS),
    "outputs": written(UNIT),
    "operands": written(OPERANDS),
    "unary": {name: both_paths(f, POINTS) for name, f in UNARY.items()},
    "backward": {
        name: both_paths(lambda x: f(torch.full_like(x, 1.5), x), UNIT if name in ("sigmoidBackward", "tanhBackward") else POINTS)
        for name, f in BACKWARD.items()
    },
    "binary": {name: both_paths(f, [a for a, _ in grid], [b for _, b in grid]) for name, f in BINARY.items()},
}
print(json.dumps(table, indent=2))
