"""Golden cases of layers without state but weights, and of losses, of random geometry and options."""
import itertools

import torch

from generator.cases import DTYPES, SUMS, Family, module_case, normal, sizes


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
            module_case(family, f"conv_{k}", f"torch.nn.Conv{rank}d", [inner, outer, kernel], kwargs, {"input": x}, dtype, "train", generator, SUMS[dtype])
            transposed = {**kwargs, "output_padding": rng.randint(0, max(stride, dilation) - 1)}
            try:
                module_case(family, f"conv_transpose_{k}", f"torch.nn.ConvTranspose{rank}d", [inner, outer, kernel], transposed, {"input": x}, dtype, "train", generator, SUMS[dtype])
            except RuntimeError:
                pass  # the output would have no element
    for k in range(30):
        rank, kernel = rng.choice([1, 2, 3]), rng.randint(1, 3)
        x = normal([rng.randint(1, 3), rng.randint(1, 4), *[kernel + rng.randint(0, 5) for _ in range(rank)]], generator)
        shared = {"stride": rng.randint(1, 3), "padding": rng.randint(0, kernel // 2), "ceil_mode": rng.random() < 0.4}
        for dtype in DTYPES:
            module_case(family, f"max_pool_{k}", f"torch.nn.MaxPool{rank}d", [kernel], shared, {"input": x}, dtype, "train", generator)
            average = {**shared, "count_include_pad": k % 2 == 0}
            module_case(family, f"avg_pool_{k}", f"torch.nn.AvgPool{rank}d", [kernel], average, {"input": x}, dtype, "train", generator)
            module_case(family, f"adaptive_{k}", f"torch.nn.AdaptiveAvgPool{rank}d", [rng.randint(1, 5)], {}, {"input": x}, dtype, "train", generator)
    for k in range(12):
        inner, outer = sizes(rng, 2, 1, 12)
        for dtype in DTYPES:
            x = normal([*sizes(rng, rng.randint(0, 3), 1, 4), inner], generator)
            module_case(family, f"linear_{k}", "torch.nn.Linear", [inner, outer], {"bias": k % 3 > 0}, {"input": x}, dtype, "train", generator)
    for k in range(40):
        name, args, kwargs, x = rng.choice([upsample, padding, shuffle, unfold, adaptive, power_pool])(rng, generator)
        for dtype in DTYPES:
            module_case(family, f"{name}_{k}", f"torch.nn.{name}", args, kwargs, {"input": x}, dtype, "train", generator, SUMS[dtype])
    for k in range(8):
        rows, width = rng.randint(2, 12), rng.randint(1, 9)
        ids = torch.randint(0, rows, sizes(rng, rng.randint(1, 3), 1, 6), generator=generator)
        kwargs = rng.choice([{}, {"padding_idx": rng.randint(0, rows - 1)}, {"scale_grad_by_freq": True}])
        features = sizes(rng, 3, 1, 7)
        pair = {"input1": normal([4, features[0]], generator), "input2": normal([4, features[1]], generator)}
        for dtype in DTYPES:
            module_case(family, f"embedding_{k}", "torch.nn.Embedding", [rows, width], kwargs, {"input": ids}, dtype, "train", generator)
            module_case(family, f"bilinear_{k}", "torch.nn.Bilinear", features, {"bias": k % 2 == 0}, pair, dtype, "train", generator, SUMS[dtype])
    return family


def upsample(rng, generator):
    mode, rank = rng.choice([("nearest", rng.randint(1, 3)), ("nearest-exact", rng.randint(1, 3)), ("linear", 1), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2)])
    kwargs = {"mode": mode}
    if mode not in ("nearest", "nearest-exact"):
        kwargs["align_corners"] = rng.random() < 0.5
    if rng.random() < 0.5:
        kwargs["size"] = sizes(rng, rank, 1, 9)
    else:
        kwargs["scale_factor"] = rng.choice([0.5, 1.5, 2.0, 2.7])
    return "Upsample", [], kwargs, normal([rng.randint(1, 3), rng.randint(1, 3), *sizes(rng, rank, 2, 6)], generator)


def padding(rng, generator):
    rank, kind = rng.randint(1, 3), rng.choice(["Reflection", "Replication", "Circular", "Zero", "Constant"])
    args = [sizes(rng, 2 * rank, 0, 2)] + ([rng.choice([0.5, -0.7])] if kind == "Constant" else [])
    return f"{kind}Pad{rank}d", args, {}, normal([rng.randint(1, 3), rng.randint(1, 3), *sizes(rng, rank, 3, 6)], generator)


def shuffle(rng, generator):
    factor = rng.randint(1, 3)
    if rng.random() < 0.5:
        return "PixelShuffle", [factor], {}, normal([2, factor * factor * rng.randint(1, 3), *sizes(rng, 2, 1, 4)], generator)
    return "PixelUnshuffle", [factor], {}, normal([2, rng.randint(1, 3), *[factor * n for n in sizes(rng, 2, 1, 4)]], generator)


def unfold(rng, generator):
    kwargs = {"dilation": rng.randint(1, 2), "padding": rng.randint(0, 2), "stride": rng.randint(1, 3)}
    return "Unfold", [sizes(rng, 2, 1, 3)], kwargs, normal([rng.randint(1, 3), rng.randint(1, 3), *sizes(rng, 2, 5, 9)], generator)


def adaptive(rng, generator):
    rank = rng.randint(1, 3)
    x = normal([rng.randint(1, 3), rng.randint(1, 3), *sizes(rng, rank, 2, 7)], generator)
    return f"AdaptiveMaxPool{rank}d", [sizes(rng, rank, 1, 5)], {}, x


def power_pool(rng, generator):
    rank, kernel = rng.randint(1, 2), rng.randint(1, 3)
    x = normal([rng.randint(1, 3), rng.randint(1, 3), *sizes(rng, rank, 3, 8)], generator)
    return f"LPPool{rank}d", [rng.choice([1.0, 2.0, 3.0]), kernel], {"stride": rng.randint(1, 3), "ceil_mode": rng.random() < 0.4}, x.abs() + 0.1


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
            module_case(family, f"cross_entropy_{k}_{reduction}", "torch.nn.CrossEntropyLoss", [], kwargs, {"input": x, "target": target}, dtype, "train", generator)
            for name, options in [("MSELoss", {}), ("L1Loss", {}), ("SmoothL1Loss", {"beta": 0.4}), ("HuberLoss", {"delta": 0.7})]:
                pair = {"input": normal([n, classes], generator), "input1": normal([n, classes], generator)}
                # The target's gradient is not part of the comparison.
                module = f"{name}_{k}_{reduction}"
                module_case(family, module, f"torch.nn.{name}", [], {**options, "reduction": reduction}, pair, dtype, "train", generator)
    for k, reduction in itertools.product(range(5), ["mean", "sum", "none"]):
        n, width = rng.randint(1, 6), rng.randint(1, 7)
        draw = lambda *shape: normal(list(shape) or [n, width], generator)
        signs = torch.randint(0, 2, [n], generator=generator).double() * 2 - 1
        probabilities = torch.rand([n, width], generator=generator, dtype=torch.float64) * 0.98 + 0.01
        classes = torch.randint(0, width, [n], generator=generator)
        margin = rng.choice([0.0, 0.3, 1.0])
        for name, options, data in [
            ("NLLLoss", {"ignore_index": rng.choice([-100, 0]) if bool((classes > 0).any()) else -100}, {"input": draw().log_softmax(1), "target": classes}),
            ("BCELoss", {}, {"input": probabilities, "target": probabilities.flip(0)}),
            ("BCEWithLogitsLoss", {}, {"input": 4 * draw(), "target": probabilities}),
            ("KLDivLoss", {"log_target": False}, {"input": draw().log_softmax(1), "target": draw().softmax(1)}),
            ("KLDivLoss", {"log_target": True}, {"input": draw().log_softmax(1), "target": draw().log_softmax(1)}),
            ("PoissonNLLLoss", {"log_input": rng.random() < 0.5, "full": rng.random() < 0.5}, {"input": draw().abs() + 0.1, "target": 5 * probabilities}),
            ("CosineEmbeddingLoss", {"margin": margin}, {"input1": draw(), "input2": draw(), "target": signs}),
            ("MarginRankingLoss", {"margin": margin}, {"input1": draw(n), "input2": draw(n), "target": signs}),
            ("TripletMarginLoss", {"margin": margin or 0.1, "p": rng.choice([1.0, 2.0]), "swap": rng.random() < 0.5}, {"anchor": draw(), "positive": draw(), "negative": draw()}),
        ]:
            for dtype in DTYPES:
                extra = f"{name}_{'_'.join(str(v) for v in options.values())}_{k}_{reduction}"
                module_case(family, extra, f"torch.nn.{name}", [], {**options, "reduction": reduction}, data, dtype, "train", generator)
    return family
