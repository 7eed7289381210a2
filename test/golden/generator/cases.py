"""How golden data are made: one case after the other, in the format that README.md beside this file describes."""
import json
import math
import os

import torch
import torch.nn.functional as F  # noqa: F401, for targets
from safetensors.torch import save_file

torch.backends.mkldnn.enabled = False  # its float32 convolution gradients are wrong on some machines
torch.set_num_threads(1)

TOLERANCES = {
    "exact": {"rtol": 0.0, "atol": 0.0, "floor": 1.0},
    "f64": {"rtol": 1e-10, "atol": 1e-12, "floor": 1.0},
    "f32": {"rtol": 1e-05, "atol": 2e-06, "floor": 1.0},
    "f32_accum": {"rtol": 1e-04, "atol": 2e-05, "floor": 1.0},
    "f32_loose": {"rtol": 1e-03, "atol": 1e-03, "floor": 1.0},
    "f32_hard": {"rtol": None, "atol": None, "floor": 0.0},
}
DTYPES = {"float32": torch.float32, "float64": torch.float64}
# Gradients of weights and biases are long sums.
SUMS = {"float32": "f32_accum", "float64": "f64"}


class Family:
    def __init__(self, name, title):
        self.name, self.title, self.cases, self.arrays = name, title, [], {}

    def add(self, case, arrays):
        case["keys"] = list(arrays)
        self.cases.append(case)
        for key, value in arrays.items():
            self.arrays[f"{case['name']}/{key}"] = value.detach().contiguous().clone()

    def write(self, folder):
        save_file(self.arrays, os.path.join(folder, f"{self.name}.safetensors"))
        with open(os.path.join(folder, f"{self.name}.json"), "w") as f:
            manifest = {"family": self.name, "title": self.title, "torch": torch.__version__, "tolerances": TOLERANCES, "cases": self.cases}
            json.dump(manifest, f, indent=1)


def randomize(module, generator):
    """Parameters and running statistics that are neither 0 nor 1; matrices that let a recurrent layer's rounding errors not grow from step to step."""
    for name, p in module.named_parameters():
        scale = min(0.5, p.shape[-1] ** -0.5) if p.ndim == 2 else 0.5
        p.data = torch.randn(p.shape, generator=generator, dtype=p.dtype) * scale + (1.0 if name.endswith("weight") and p.ndim == 1 else 0.0)
    for name, b in module.named_buffers():
        if name.endswith("running_mean"):
            b.copy_(torch.randn(b.shape, generator=generator, dtype=b.dtype))
        elif name.endswith("running_var"):
            b.copy_(torch.rand(b.shape, generator=generator, dtype=b.dtype) + 0.5)


def outputs_of(result, name="output"):
    """The tensors of a result and their names; results that are None have none."""
    if isinstance(result, torch.Tensor):
        return {name: result}
    if isinstance(result, (tuple, list)):
        return {k: v for i, r in enumerate(result) for k, v in outputs_of(r, f"{name}.{i}").items()}
    return {}


def tupled(value):
    """Lists are tuples where Python wants one, and print as such."""
    return tuple(tupled(v) for v in value) if isinstance(value, list) else value


def filled(value, tensors):
    """Replaces "@name" by the tensor of that name."""
    if isinstance(value, str) and value.startswith("@"):
        return tensors[value[1:]]
    if isinstance(value, list):
        return tuple(filled(v, tensors) for v in value)
    return value


def learns(name, x):
    """Whether an input gets a gradient: PyTorch's losses refuse one for class weights and some targets, whose names begin with "fixed"."""
    return x.is_floating_point() and not name.startswith("fixed")


def run(function, call, data, upstream, parameters=(), buffers=()):
    """Outputs, the gradients of the sum of (output * upstream), and buffers after."""
    leaves = {k: x.detach().clone().requires_grad_(learns(k, x)) for k, x in data.items()}
    outputs = outputs_of(function(*[filled(a, leaves) for a in call["args"]], **{k: filled(v, leaves) for k, v in call["kwargs"].items()}))
    parts = [(y * upstream(name, y)).sum() for name, y in outputs.items() if y.requires_grad]
    if parts:
        sum(parts).backward()
    found = {name: y.detach() for name, y in outputs.items()}
    found.update({f"buffer_after.{n}": b.clone() for n, b in buffers})
    found.update({f"grad.{n}": p.grad for n, p in [*parameters, *leaves.items()] if p.grad is not None})
    return found


def ill_conditioned(value, truth, tolerance):
    """Whether float32 itself uses up a good part of what its tolerance allows."""
    if not value.numel():
        return False
    allowed = tolerance["rtol"] * truth.abs() + tolerance["atol"] * max(tolerance["floor"], float(truth.abs().max()))
    return bool(((value.double() - truth).abs() > 0.3 * allowed).any())


def add_case(family, case, call, data, dtype, generator, tolerance, function, twin, parameters=(), buffers=()):
    """Runs `function` in `dtype`, and `twin` in float64 for the truth. `case` has what is special to its kind."""
    data = {k: x.to(DTYPES[dtype]) if x.is_floating_point() else x for k, x in data.items()}
    stored = {**data, **{f"param.{n}": p for n, p in parameters}, **{f"buffer_before.{n}": b for n, b in buffers}}
    stored = {k: v.detach().clone() for k, v in stored.items()}
    case = {**case, "call": call, "dtype": dtype, "steps": 1, "tolerance": tolerance or ("f64" if dtype == "float64" else "f32")}
    if any(name.startswith("fixed") for name in data):
        case["requires_grad"] = {"inputs": [name for name, x in data.items() if learns(name, x)]}
    chosen = {}

    def upstream(name, output):
        key = "upstream" if name == "output" else f"upstream.{name}"
        if key not in chosen:
            chosen[key] = torch.randn(output.shape, generator=generator, dtype=output.dtype)
        return chosen[key].to(output.dtype)

    found = run(function, call, data, upstream, parameters, buffers)
    if dtype == "float32":
        exact = {k: x.double() if x.is_floating_point() else x for k, x in data.items()}
        truth = run(twin, call, exact, upstream, *([list(twin.named_parameters()), list(twin.named_buffers())] if parameters or buffers else []))
        errors = {k: float((v.double() - truth[k]).abs().max()) for k, v in found.items() if v.is_floating_point() and v.numel()}
        case["torch_error"] = {k: error for k, error in errors.items() if math.isfinite(error)}
        hard = case["tolerance"] == "f32_hard"
        if hard or any(ill_conditioned(v, truth[k], TOLERANCES[case["tolerance"]]) for k, v in found.items() if v.is_floating_point()):
            case["tolerance"] = "f32_hard"
            stored.update({f"truth64.{k}": v for k, v in truth.items() if v.is_floating_point()})
    family.add(case, {**stored, **found, **chosen})


def module_case(family, name, target, args, kwargs, data, dtype, mode, generator, tolerance=None, call=None):
    """`data`: arrays by name; `call`: arguments that refer to them, without it one after the other."""
    make = lambda: eval(target)(*tupled(list(args)), **{k: tupled(v) for k, v in kwargs.items()})
    module, twin = (make().to(d).train(mode == "train") for d in [DTYPES[dtype], torch.float64])
    randomize(module, generator)
    twin.load_state_dict({k: v.double() if v.is_floating_point() else v for k, v in module.state_dict().items()})
    case = {
        "name": f"{name}_{dtype}", "kind": "module", "target": target, "init": {"args": list(args), "kwargs": kwargs}, "mode": mode,
        "params": "random", "repr": repr(module), "training": module.training,
    }
    call = call or {"args": [f"@{n}" for n in data], "kwargs": {}}
    add_case(family, case, call, data, dtype, generator, tolerance, module, twin, list(module.named_parameters()), list(module.named_buffers()))


def function_case(family, name, target, call, data, dtype, generator, tolerance=None):
    case = {"name": f"{name}_{dtype}", "kind": "function", "target": target}
    add_case(family, case, call, data, dtype, generator, tolerance, eval(target), eval(target))


def sizes(rng, n, low=1, high=7):
    return [rng.randint(low, high) for _ in range(n)]


def normal(shape, generator, scale=1.0, offset=0.0):
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale + offset


