"""Makes golden data of fresh random numbers, in the format that README.md beside this file describes.

    python3 test/golden/generate.py --out FOLDER [--seed 0] [--families batchnorm,layernorm,...]
    npm run golden -- FOLDER

Needs torch (2.6 made the data in this folder), numpy and safetensors. The data in this folder are frozen; this script asks PyTorch
the same kind of questions with other numbers, shapes and options, so that the library is held against more than it has seen.
"""
import argparse
import itertools
import json
import os
import random

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.backends.mkldnn.enabled = False  # its float32 convolution gradients are wrong on some machines
torch.set_num_threads(1)

TOLERANCES = {
    "exact": {"rtol": 0.0, "atol": 0.0, "floor": 1.0},
    "f64": {"rtol": 1e-10, "atol": 1e-12, "floor": 1.0},
    "f32": {"rtol": 1e-05, "atol": 2e-06, "floor": 1.0},
    "f32_accum": {"rtol": 1e-04, "atol": 2e-05, "floor": 1.0},
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
    """Parameters and running statistics that are neither 0 nor 1."""
    for name, p in module.named_parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=p.dtype) * 0.5 + (1.0 if name.endswith("weight") and p.ndim == 1 else 0.0)
    for name, b in module.named_buffers():
        if name.endswith("running_mean"):
            b.copy_(torch.randn(b.shape, generator=generator, dtype=b.dtype))
        elif name.endswith("running_var"):
            b.copy_(torch.rand(b.shape, generator=generator, dtype=b.dtype) + 0.5)


def leaf(x):
    return x.detach().clone().requires_grad_(x.is_floating_point())


def run(module, inputs, upstream):
    """Output, gradients of (output * upstream).sum(), and buffers after."""
    leaves = [leaf(x) for x in inputs]
    output = module(*leaves)
    if output.requires_grad:
        (output * upstream(output)).sum().backward()
    found = {"output": output.detach()}
    found.update({f"buffer_after.{n}": b.clone() for n, b in module.named_buffers()})
    found.update({f"grad.{n}": p.grad for n, p in module.named_parameters() if p.grad is not None})
    found.update({f"grad.input{'' if i == 0 else i}": x.grad for i, x in enumerate(leaves) if x.grad is not None})
    return found


def ill_conditioned(value, truth):
    """Whether float32 itself uses up a good part of what the class f32 allows."""
    if not value.numel():
        return False
    error = (value.double() - truth).abs()
    return bool((error > 0.3 * (1e-5 * truth.abs() + 2e-6 * max(1.0, float(truth.abs().max())))).any())


def module_case(family, name, target, args, kwargs, data, dtype, mode, generator, tolerance=None, names=("input",)):
    module = eval(target)(*args, **kwargs).to(DTYPES[dtype])
    randomize(module, generator)
    module.train(mode == "train")
    inputs = [x.to(DTYPES[dtype]) if x.is_floating_point() else x for x in data]
    stored = {n: x for n, x in zip(names, inputs)}
    stored.update({f"param.{n}": p for n, p in module.named_parameters()})
    stored.update({f"buffer_before.{n}": b for n, b in module.named_buffers()})
    stored = {k: v.detach().clone() for k, v in stored.items()}
    case = {
        "name": f"{name}_{dtype}", "kind": "module", "target": target, "init": {"args": list(args), "kwargs": kwargs},
        "call": {"args": [f"@{n}" for n in names], "kwargs": {}}, "mode": mode, "dtype": dtype, "steps": 1, "params": "random",
        "repr": repr(module), "training": module.training, "tolerance": tolerance or ("f64" if dtype == "float64" else "f32"),
    }
    twin = eval(target)(*args, **kwargs).double()
    twin.load_state_dict({k: v.double() if v.is_floating_point() else v for k, v in module.state_dict().items()})
    twin.train(mode == "train")
    chosen = {}

    def upstream(output):
        if "upstream" not in chosen:
            chosen["upstream"] = torch.randn(output.shape, generator=generator, dtype=output.dtype)
        return chosen["upstream"].to(output.dtype)

    found = run(module, inputs, upstream)
    if dtype == "float32":
        truth = run(twin, [x.double() if x.is_floating_point() else x for x in inputs], upstream)
        case["torch_error"] = {k: float((v.double() - truth[k]).abs().max()) for k, v in found.items() if v.is_floating_point() and v.numel()}
        if case["tolerance"] == "f32" and any(ill_conditioned(v, truth[k]) for k, v in found.items() if v.is_floating_point()):
            case["tolerance"] = "f32_hard"
        if case["tolerance"] == "f32_hard":
            stored.update({f"truth64.{k}": v for k, v in truth.items() if v.is_floating_point()})
    family.add(case, {**stored, **found, **chosen})


def sizes(rng, n, low=1, high=7):
    return [rng.randint(low, high) for _ in range(n)]


def normal(shape, generator, scale=1.0, offset=0.0):
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale + offset


HARD = [(1e4, 1.0), (1e6, 1.0), (1e6, 1e-2), (0.0, 1e-4), (0.0, 1e4), (-3e5, 30.0)]


def batchnorm(rng, generator):
    family = Family("batchnorm", "BatchNorm of random shapes, options, offsets and scales")
    for k in range(40):
        rank, channels = rng.choice([1, 1, 2, 2, 2, 3]), rng.randint(1, 9)
        space = sizes(rng, rng.choice([0, 1]) if rank == 1 else rank)
        batch = rng.randint(2, 6)
        kwargs = {"eps": rng.choice([1e-5, 1e-3, 1e-8]), "momentum": rng.choice([0.1, 0.5, 1.0, None]), "affine": rng.random() < 0.75, "track_running_stats": rng.random() < 0.75}
        for dtype, mode in itertools.product(DTYPES, ["train", "eval"]):
            x = normal([batch, channels, *space], generator)
            module_case(family, f"random_{k}_{mode}", f"torch.nn.BatchNorm{rank}d", [channels], kwargs, [x], dtype, mode, generator)
    for k, (offset, scale) in enumerate(HARD):
        for mode in ["train", "eval"]:
            x = normal([4, 3, 5, 6], generator, scale, offset)
            module_case(family, f"hard_{k}_{mode}", "torch.nn.BatchNorm2d", [3], {}, [x], "float32", mode, generator, "f32_hard")
    return family


def layernorm(rng, generator):
    family = Family("layernorm", "LayerNorm of random shapes, options, offsets and scales")
    for k in range(40):
        lead, trail = sizes(rng, rng.randint(1, 3), 1, 5), sizes(rng, rng.randint(1, 3), 2, 9)
        kwargs = {"eps": rng.choice([1e-5, 1e-3, 1e-8]), "elementwise_affine": rng.random() < 0.8, "bias": rng.random() < 0.8}
        for dtype in DTYPES:
            module_case(family, f"random_{k}", "torch.nn.LayerNorm", [trail], kwargs, [normal([*lead, *trail], generator)], dtype, "train", generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([5, 37], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.LayerNorm", [37], {}, [x], "float32", "train", generator, "f32_hard")
    return family


def groupnorm(rng, generator):
    family = Family("groupnorm", "GroupNorm of random shapes, groups, options, offsets and scales")
    for k in range(40):
        groups, per_group = rng.randint(1, 5), rng.randint(1, 4)
        # Two positions at least: a group of one value gives rounding noise.
        shape = [rng.randint(1, 5), groups * per_group, rng.randint(2, 9), *sizes(rng, rng.randint(0, 2))]
        kwargs = {"eps": rng.choice([1e-5, 1e-3, 1e-8]), "affine": rng.random() < 0.75}
        for dtype in DTYPES:
            module_case(family, f"random_{k}", "torch.nn.GroupNorm", [groups, groups * per_group], kwargs, [normal(shape, generator)], dtype, "train", generator)
    for k in range(8):
        groups, per_group = rng.randint(1, 9), rng.randint(2, 40)
        x = normal([rng.randint(2, 70), groups * per_group], generator)
        for dtype in DTYPES:
            module_case(family, f"no_positions_{k}", "torch.nn.GroupNorm", [groups, groups * per_group], {}, [x], dtype, "train", generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([4, 6, 5, 3], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.GroupNorm", [rng.choice([1, 2, 3, 6]), 6], {}, [x], "float32", "train", generator, "f32_hard")
    return family


def instancenorm(rng, generator):
    family = Family("instancenorm", "InstanceNorm of random shapes, options, offsets and scales")
    for k in range(40):
        rank, channels = rng.choice([1, 1, 2, 2, 2, 3]), rng.randint(1, 9)
        space = [rng.randint(2, 9), *sizes(rng, rank - 1)]
        lead = [] if rng.random() < 0.2 else [rng.randint(1, 6)]
        kwargs = {"eps": rng.choice([1e-5, 1e-3, 1e-8]), "momentum": rng.choice([0.1, 0.5, 1.0, None]), "affine": rng.random() < 0.5, "track_running_stats": rng.random() < 0.5}
        for dtype, mode in itertools.product(DTYPES, ["train", "eval"]):
            x = normal([*lead, channels, *space], generator)
            module_case(family, f"random_{k}_{mode}", f"torch.nn.InstanceNorm{rank}d", [channels], kwargs, [x], dtype, mode, generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([4, 3, 5, 6], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.InstanceNorm2d", [3], {"affine": True}, [x], "float32", "train", generator, "f32_hard")
    return family


def rmsnorm(rng, generator):
    family = Family("rmsnorm", "RMSNorm of random shapes, options, offsets and scales")
    for k in range(40):
        lead, trail = sizes(rng, rng.randint(1, 3), 1, 5), sizes(rng, rng.randint(1, 3), 2, 9)
        kwargs = {"eps": rng.choice([None, 1e-5, 1e-3, 1e-8]), "elementwise_affine": rng.random() < 0.8}
        for dtype in DTYPES:
            module_case(family, f"random_{k}", "torch.nn.RMSNorm", [trail], kwargs, [normal([*lead, *trail], generator)], dtype, "train", generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([5, 37], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.RMSNorm", [37], {}, [x], "float32", "train", generator, "f32_hard")
    return family


def lrn_normalize(rng, generator):
    family = Family("lrn_normalize", "LocalResponseNorm of random shapes and options")
    for k in range(30):
        shape = [rng.randint(1, 4), rng.randint(1, 12), *sizes(rng, rng.randint(1, 3))]
        kwargs = {"alpha": rng.choice([1e-4, 0.3, 2.0]), "beta": rng.choice([0.75, 0.5, 1.0, 1.3]), "k": rng.choice([1.0, 2.0, 0.4])}
        for dtype, scale in itertools.product(DTYPES, [1.0, 30.0]):
            x = normal(shape, generator, scale)
            module_case(family, f"random_{k}_{scale}", "torch.nn.LocalResponseNorm", [rng.randint(1, 7)], kwargs, [x], dtype, "train", generator)
    return family


def layers(rng, generator):
    family = Family("layers", "linear layers, convolutions and pools of random geometry")
    for k in range(50):
        rank, groups = rng.choice([1, 2, 2, 2, 3]), rng.choice([1, 1, 2, 3])
        inner, outer = groups * rng.randint(1, 3), groups * rng.randint(1, 3)
        kernel, dilation, stride = sizes(rng, rank, 1, 3), rng.randint(1, 2), rng.randint(1, 3)
        kwargs = {"stride": stride, "padding": rng.randint(0, 2), "dilation": dilation, "groups": groups, "bias": rng.random() < 0.7}
        space = [(s - 1) * dilation + rng.randint(1, 6) for s in kernel]
        x = normal([rng.randint(1, 3), inner, *space], generator)
        for dtype in DTYPES:
            module_case(family, f"conv_{k}", f"torch.nn.Conv{rank}d", [inner, outer, kernel], kwargs, [x], dtype, "train", generator, SUMS[dtype])
            transposed = {**kwargs, "output_padding": rng.randint(0, max(stride, dilation) - 1)}
            try:
                module_case(family, f"conv_transpose_{k}", f"torch.nn.ConvTranspose{rank}d", [inner, outer, kernel], transposed, [x], dtype, "train", generator, SUMS[dtype])
            except RuntimeError:
                pass  # the output would have no element
    for k in range(30):
        rank, kernel = rng.choice([1, 2, 3]), rng.randint(1, 3)
        x = normal([rng.randint(1, 3), rng.randint(1, 4), *[kernel + rng.randint(0, 5) for _ in range(rank)]], generator)
        shared = {"stride": rng.randint(1, 3), "padding": rng.randint(0, kernel // 2), "ceil_mode": rng.random() < 0.4}
        for dtype in DTYPES:
            module_case(family, f"max_pool_{k}", f"torch.nn.MaxPool{rank}d", [kernel], shared, [x], dtype, "train", generator)
            average = {**shared, "count_include_pad": k % 2 == 0}
            module_case(family, f"avg_pool_{k}", f"torch.nn.AvgPool{rank}d", [kernel], average, [x], dtype, "train", generator)
            module_case(family, f"adaptive_{k}", f"torch.nn.AdaptiveAvgPool{rank}d", [rng.randint(1, 5)], {}, [x], dtype, "train", generator)
    for k in range(12):
        inner, outer = sizes(rng, 2, 1, 12)
        for dtype in DTYPES:
            x = normal([*sizes(rng, rng.randint(0, 3), 1, 4), inner], generator)
            module_case(family, f"linear_{k}", "torch.nn.Linear", [inner, outer], {"bias": k % 3 > 0}, [x], dtype, "train", generator)
    return family


ACTIVATIONS = [
    ("ReLU", {}), ("ReLU6", {}), ("LeakyReLU", {"negative_slope": 0.07}), ("ELU", {"alpha": 1.3}), ("SELU", {}), ("CELU", {"alpha": 0.6}), ("GELU", {}),
    ("GELU", {"approximate": "tanh"}), ("SiLU", {}), ("Mish", {}), ("Sigmoid", {}), ("LogSigmoid", {}), ("Tanh", {}), ("Tanhshrink", {}),
    ("Softplus", {"beta": 2.0, "threshold": 5.0}), ("Softsign", {}), ("Hardswish", {}), ("Hardsigmoid", {}), ("Hardtanh", {"min_val": -0.7, "max_val": 1.1}),
    ("Hardshrink", {}), ("Softshrink", {}), ("Softmax", {"dim": 1}), ("LogSoftmax", {"dim": -1}), ("Softmin", {"dim": 0}), ("GLU", {"dim": 1}), ("PReLU", {}),
]


def activations(rng, generator):
    family = Family("activations", "activations over a wide range of inputs")
    for k, (name, kwargs) in enumerate(ACTIVATIONS):
        for scale, dtype in itertools.product([1.0, 8.0, 60.0], DTYPES):
            x = normal([rng.randint(1, 4), 2 * rng.randint(1, 9), rng.randint(1, 5)], generator, scale)
            module_case(family, f"{k}_{name}_{scale}", f"torch.nn.{name}", [], kwargs, [x], dtype, "train", generator)
    return family


def losses(rng, generator):
    family = Family("losses", "losses of random shapes")
    for k, reduction in itertools.product(range(6), ["mean", "sum", "none"]):
        n, classes = rng.randint(1, 6), rng.randint(2, 7)
        space = sizes(rng, rng.choice([0, 0, 1, 2]), 1, 4)
        target = torch.randint(0, classes, [n, *space], generator=generator)
        kwargs = {"reduction": reduction, "label_smoothing": rng.choice([0.0, 0.2]), "ignore_index": rng.choice([-100, 0])}
        for dtype in DTYPES:
            x = normal([n, classes, *space], generator, 3.0)
            if (target == kwargs["ignore_index"]).all():
                kwargs["ignore_index"] = -100
            module_case(family, f"cross_entropy_{k}_{reduction}", "torch.nn.CrossEntropyLoss", [], kwargs, [x, target], dtype, "train", generator, names=("input", "target"))
            for name, options in [("MSELoss", {}), ("L1Loss", {}), ("SmoothL1Loss", {"beta": 0.4}), ("HuberLoss", {"delta": 0.7})]:
                pair = [normal([n, classes], generator), normal([n, classes], generator)]
                # The target's gradient is not part of the comparison.
                module = f"{name}_{k}_{reduction}"
                module_case(family, module, f"torch.nn.{name}", [], {**options, "reduction": reduction}, pair, dtype, "train", generator, names=("input", "input1"))
    return family


FAMILIES = {f.__name__: f for f in [batchnorm, layernorm, groupnorm, instancenorm, rmsnorm, lrn_normalize, layers, activations, losses]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--families", default=",".join(FAMILIES))
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    for name in options.families.split(","):
        rng = random.Random(f"{name} {options.seed}")
        family = FAMILIES[name](rng, torch.Generator().manual_seed(options.seed))
        family.write(options.out)
        print(f"{name}: {len(family.cases)} cases")


if __name__ == "__main__":
    main()
