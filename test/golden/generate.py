"""Makes golden data of fresh random numbers, in the format that README.md beside this file describes.

    python3 test/golden/generate.py --out FOLDER [--seed 0] [--families batchnorm,layernorm,...]
    npm run golden -- FOLDER

Needs torch (2.6 made the data in this folder), numpy and safetensors. The data in this folder are frozen; this script asks PyTorch
the same kind of questions with other numbers, shapes and options, so that the library is held against more than it has seen.
"""
import argparse
import itertools
import os
import random

import torch

from generator.cases import DTYPES, Family, module_case, normal, sizes
from generator.edges import edges
from generator.layers import layers, losses
from generator.optimizers import optim
from generator.sequences import attention, recurrent


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
            module_case(family, f"random_{k}_{mode}", f"torch.nn.BatchNorm{rank}d", [channels], kwargs, {"input": x}, dtype, mode, generator)
    for k, (offset, scale) in enumerate(HARD):
        for mode in ["train", "eval"]:
            x = normal([4, 3, 5, 6], generator, scale, offset)
            module_case(family, f"hard_{k}_{mode}", "torch.nn.BatchNorm2d", [3], {}, {"input": x}, "float32", mode, generator, "f32_hard")
    return family


def layernorm(rng, generator):
    family = Family("layernorm", "LayerNorm of random shapes, options, offsets and scales")
    for k in range(40):
        lead, trail = sizes(rng, rng.randint(1, 3), 1, 5), sizes(rng, rng.randint(1, 3), 2, 9)
        kwargs = {"eps": rng.choice([1e-5, 1e-3, 1e-8]), "elementwise_affine": rng.random() < 0.8, "bias": rng.random() < 0.8}
        for dtype in DTYPES:
            module_case(family, f"random_{k}", "torch.nn.LayerNorm", [trail], kwargs, {"input": normal([*lead, *trail], generator)}, dtype, "train", generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([5, 37], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.LayerNorm", [37], {}, {"input": x}, "float32", "train", generator, "f32_hard")
    return family


def groupnorm(rng, generator):
    family = Family("groupnorm", "GroupNorm of random shapes, groups, options, offsets and scales")
    for k in range(40):
        groups, per_group = rng.randint(1, 5), rng.randint(1, 4)
        # Two positions at least: a group of one value gives rounding noise.
        shape = [rng.randint(1, 5), groups * per_group, rng.randint(2, 9), *sizes(rng, rng.randint(0, 2))]
        kwargs = {"eps": rng.choice([1e-5, 1e-3, 1e-8]), "affine": rng.random() < 0.75}
        for dtype in DTYPES:
            module_case(family, f"random_{k}", "torch.nn.GroupNorm", [groups, groups * per_group], kwargs, {"input": normal(shape, generator)}, dtype, "train", generator)
    for k in range(8):
        groups, per_group = rng.randint(1, 9), rng.randint(2, 40)
        x = normal([rng.randint(2, 70), groups * per_group], generator)
        for dtype in DTYPES:
            module_case(family, f"no_positions_{k}", "torch.nn.GroupNorm", [groups, groups * per_group], {}, {"input": x}, dtype, "train", generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([4, 6, 5, 3], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.GroupNorm", [rng.choice([1, 2, 3, 6]), 6], {}, {"input": x}, "float32", "train", generator, "f32_hard")
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
            module_case(family, f"random_{k}_{mode}", f"torch.nn.InstanceNorm{rank}d", [channels], kwargs, {"input": x}, dtype, mode, generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([4, 3, 5, 6], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.InstanceNorm2d", [3], {"affine": True}, {"input": x}, "float32", "train", generator, "f32_hard")
    return family


def rmsnorm(rng, generator):
    family = Family("rmsnorm", "RMSNorm of random shapes, options, offsets and scales")
    for k in range(40):
        lead, trail = sizes(rng, rng.randint(1, 3), 1, 5), sizes(rng, rng.randint(1, 3), 2, 9)
        kwargs = {"eps": rng.choice([None, 1e-5, 1e-3, 1e-8]), "elementwise_affine": rng.random() < 0.8}
        for dtype in DTYPES:
            module_case(family, f"random_{k}", "torch.nn.RMSNorm", [trail], kwargs, {"input": normal([*lead, *trail], generator)}, dtype, "train", generator)
    for k, (offset, scale) in enumerate(HARD):
        x = normal([5, 37], generator, scale, offset)
        module_case(family, f"hard_{k}", "torch.nn.RMSNorm", [37], {}, {"input": x}, "float32", "train", generator, "f32_hard")
    return family


def lrn_normalize(rng, generator):
    family = Family("lrn_normalize", "LocalResponseNorm of random shapes and options")
    for k in range(30):
        shape = [rng.randint(1, 4), rng.randint(1, 12), *sizes(rng, rng.randint(1, 3))]
        kwargs = {"alpha": rng.choice([1e-4, 0.3, 2.0]), "beta": rng.choice([0.75, 0.5, 1.0, 1.3]), "k": rng.choice([1.0, 2.0, 0.4])}
        for dtype, scale in itertools.product(DTYPES, [1.0, 30.0]):
            x = normal(shape, generator, scale)
            module_case(family, f"random_{k}_{scale}", "torch.nn.LocalResponseNorm", [rng.randint(1, 7)], kwargs, {"input": x}, dtype, "train", generator)
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
            module_case(family, f"{k}_{name}_{scale}", f"torch.nn.{name}", [], kwargs, {"input": x}, dtype, "train", generator)
    return family


FAMILIES = {f.__name__: f for f in [batchnorm, layernorm, groupnorm, instancenorm, rmsnorm, lrn_normalize, layers, activations, losses, recurrent, attention, optim, edges]}


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
