"""Golden cases at the edges: empty batches, axes of size 1, tensors without axes, options that one seldom sets. What PyTorch refuses is left out."""
import torch

from generator.cases import DTYPES, SUMS, Family, function_case, module_case, normal


def edges(rng, generator):
    family = Family("edges", "empty batches, axes of size 1, unusual options")
    draw = lambda *shape: normal(list(shape), generator)
    integers = lambda high, *shape: torch.randint(0, high, list(shape), generator=generator)

    def layer(name, args, kwargs, data, mode="train", tolerance=None, call=None):
        attempt(family, lambda case, dtype: module_case(family, case, f"torch.nn.{name}", args, kwargs, data, dtype, mode, generator, tolerance, call), name)

    def function(name, data, kwargs=None, tolerance=None, args=None):
        call = {"args": args or [f"@{n}" for n in data], "kwargs": kwargs or {}}
        attempt(family, lambda case, dtype: function_case(family, case, f"torch.nn.functional.{name}", call, data, dtype, generator, tolerance), name)

    norms(rng, draw, layer, function)
    convolutions(rng, draw, layer, function)
    pools(rng, draw, layer, function)
    sizes_and_padding(rng, draw, layer, function)
    tables(rng, draw, integers, layer, function)
    classes(rng, draw, integers, layer, function)
    pairs(rng, draw, layer, function)
    return family


def attempt(family, make, name):
    for dtype in DTYPES:
        before = len(family.cases)
        try:
            make(f"{len(family.cases)}_{name}", dtype)
        except (AssertionError, RuntimeError, ValueError, IndexError):
            del family.cases[before:]


def norms(rng, draw, layer, function):
    for mode in ["train", "eval"]:
        for rank, shape in [(1, (0, 3)), (1, (0, 3, 4)), (2, (0, 3, 2, 2)), (2, (1, 3, 2, 1)), (3, (2, 1, 1, 3, 1)), (1, (3, 1)), (1, (4, 3, 1))]:
            for kwargs in [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": None}, {"momentum": 0.0}, {"eps": 0.0}]:
                layer(f"BatchNorm{rank}d", [shape[1]], kwargs, {"input": draw(*shape)}, mode)
        for rank, shape in [(1, (3, 4)), (1, (2, 3, 5)), (2, (3, 2, 1)), (3, (1, 2, 2, 1, 3))]:
            for kwargs in [{}, {"affine": True}, {"track_running_stats": True}, {"track_running_stats": True, "momentum": None}, {"eps": 0.0}]:
                channels = shape[0] if len(shape) == rank + 1 else shape[1]
                layer(f"InstanceNorm{rank}d", [channels], kwargs, {"input": draw(*shape)}, mode)
    for shape in [(0, 4), (3, 0, 4), (1, 4), (4,), (2, 1, 4)]:
        for kwargs in [{}, {"eps": 0.0}, {"bias": False}, {"elementwise_affine": False}]:
            layer("LayerNorm", [4], kwargs, {"input": draw(*shape)})
        layer("RMSNorm", [4], {"eps": rng.choice([None, 0.0, 0.1])}, {"input": draw(*shape)})
    for shape in [(0, 4, 3), (2, 4), (1, 4, 1, 2)]:
        for groups in [1, 2, 4]:
            layer("GroupNorm", [groups, 4], {"eps": rng.choice([1e-5, 0.1]), "affine": rng.random() < 0.5}, {"input": draw(*shape)})
    for shape in [(1, 5, 3), (0, 5, 3), (2, 1, 4), (2, 5, 1, 1)]:
        layer("LocalResponseNorm", [rng.randint(1, 8)], {}, {"input": draw(*shape)})
    for shape in [(4,), (3, 4), (2, 0, 4), (2, 3, 4)]:
        for p in [1.0, 2.0, 0.5, 3.0, 0.0]:
            function("normalize", {"input": draw(*shape)}, {"p": p, "dim": rng.choice([-1, 0]), "eps": rng.choice([1e-12, 2.0])})
    x = {"input": draw(3, 4, 5), "weight": draw(4, 5), "bias": draw(4, 5)}
    function("layer_norm", x, args=["@input", [4, 5], "@weight", "@bias"])
    function("layer_norm", {"input": x["input"], "bias": x["bias"]}, {"bias": "@bias", "eps": 0.1}, args=["@input", [4, 5]])
    function("rms_norm", {"input": x["input"], "weight": x["weight"]}, {"weight": "@weight"}, args=["@input", [4, 5]])
    vectors = {"input": draw(3, 4, 5), "weight": draw(4), "bias": draw(4)}
    function("group_norm", vectors, {"weight": "@weight"}, args=["@input", 2])
    function("instance_norm", vectors, {"weight": "@weight", "bias": "@bias"}, args=["@input"])
    function("batch_norm", {"input": draw(3, 4, 5), "fixed_mean": draw(4), "fixed_variance": draw(4).abs()}, {"eps": 0.01}, args=["@input", "@fixed_mean", "@fixed_variance"])
    function("local_response_norm", {"input": draw(2, 5, 3)}, {"alpha": 0.5, "beta": 0.6, "k": 2.0}, args=["@input", 4])


def convolutions(rng, draw, layer, function):
    for rank in [1, 2, 3]:
        space = [rng.randint(5, 7) for _ in range(rank)]
        for mode in ["zeros", "reflect", "replicate", "circular"]:
            for padding in [1, "same", "valid"]:
                kwargs = {"padding": padding, "padding_mode": mode, "dilation": rng.randint(1, 2), "bias": rng.random() < 0.5}
                layer(f"Conv{rank}d", [2, 4, rng.randint(1, 4)], kwargs, {"input": draw(2, 2, *space)}, tolerance="f32_accum")
        layer(f"Conv{rank}d", [2, 3, 3], {"padding": [1] * rank, "stride": [2, 1, 3][:rank]}, {"input": draw(2, *space)})
        layer(f"Conv{rank}d", [2, 3, 3], {"padding": "same"}, {"input": draw(0, 2, *space)})
        layer(f"ConvTranspose{rank}d", [2, 4, 3], {"stride": 2, "groups": 2}, {"input": draw(2, *space)}, tolerance="f32_accum")
        layer(f"ConvTranspose{rank}d", [2, 4, 3], {"stride": 2}, {"input": draw(0, 2, *space)})
        size = [2 * n + 2 for n in space]
        call = {"args": ["@input", size], "kwargs": {}}
        layer(f"ConvTranspose{rank}d", [2, 2, 3], {"stride": 2}, {"input": draw(1, 2, *space)}, tolerance="f32_accum", call=call)
        x = {"input": draw(2, 4, *space), "weight": draw(6, 2, *[3] * rank), "bias": draw(6)}
        function(f"conv{rank}d", x, {"groups": 2, "padding": "same", "dilation": 2}, "f32_accum")
        turned = {"input": draw(2, 4, *space), "weight": draw(4, 3, *[2] * rank)}
        function(f"conv_transpose{rank}d", turned, {"groups": 2, "stride": 3, "output_padding": 1, "padding": 1}, "f32_accum")
    for shape in [(3,), (0, 3), (2, 0, 3), (1, 1, 3)]:
        layer("Linear", [3, 2], {"bias": rng.random() < 0.5}, {"input": draw(*shape)})
    function("linear", {"input": draw(3), "weight": draw(3)})
    function("linear", {"input": draw(2, 3), "weight": draw(3)})
    function("linear", {"input": draw(2, 3), "weight": draw(4, 3), "bias": draw(4)})
    function("bilinear", {"input1": draw(3), "input2": draw(2), "weight": draw(4, 3, 2)})


def pools(rng, draw, layer, function):
    for rank in [1, 2, 3]:
        space = [rng.randint(5, 8) for _ in range(rank)]
        for lead in [(2, 3), (3,), (0, 3), (1, 1)]:
            x = {"input": draw(*lead, *space)}
            for kwargs in [{"dilation": 2}, {"padding": 1, "ceil_mode": True, "stride": 3}, {"return_indices": True}, {"stride": 1, "padding": 1, "dilation": 2, "ceil_mode": True}]:
                layer(f"MaxPool{rank}d", [rng.randint(2, 3)], kwargs, x)
            for kwargs in [{"ceil_mode": True, "padding": 1, "stride": 3}, {"count_include_pad": False, "padding": 1, "ceil_mode": True}, {"padding": 1, **({"divisor_override": 3} if rank > 1 else {})}]:
                layer(f"AvgPool{rank}d", [rng.randint(2, 3)], kwargs, x)
            layer(f"AdaptiveAvgPool{rank}d", [[None, 1, rng.randint(2, 9)][:rank] if rank > 1 else 3], {}, x)
            layer(f"AdaptiveMaxPool{rank}d", [rng.randint(1, 9)], {"return_indices": rank < 3}, x)
            layer(f"LPPool{rank}d", [rng.choice([1.5, 2.0]), 2], {"ceil_mode": True}, {"input": x["input"].abs() + 0.1})
    function("max_pool2d", {"input": draw(2, 3, 6, 7)}, {"kernel_size": [2, 3], "stride": [1, 2], "padding": [1, 0]}, args=["@input"])
    function("avg_pool2d", {"input": draw(2, 3, 6, 7)}, {"kernel_size": [2, 3], "stride": [1, 2], "padding": [1, 0], "divisor_override": 5}, args=["@input"])
    function("adaptive_avg_pool2d", {"input": draw(2, 3, 6, 7)}, args=["@input", [None, 4]])


def sizes_and_padding(rng, draw, layer, function):
    for mode, rank in [("nearest", 1), ("nearest-exact", 2), ("linear", 1), ("bilinear", 2), ("bicubic", 2), ("trilinear", 3), ("area", 1), ("area", 2), ("area", 3)]:
        space = [rng.randint(1, 6) for _ in range(rank)]
        x = {"input": draw(2, 2, *space)}
        aligned = {} if mode in ("nearest", "nearest-exact", "area") else {"align_corners": True}
        function("interpolate", x, {"size": 1, "mode": mode, **aligned}, args=["@input"])
        function("interpolate", x, {"size": [rng.randint(1, 11) for _ in range(rank)], "mode": mode}, "f32_accum", args=["@input"])
        scales = [rng.choice([0.6, 1.3, 2.5]) for _ in range(rank)]
        if all(int(n * s) for n, s in zip(space, scales)):
            for recompute in [True, False]:
                function("interpolate", x, {"scale_factor": scales, "mode": mode, "recompute_scale_factor": recompute, **aligned}, "f32_accum", args=["@input"])
        if mode in ("bilinear", "bicubic"):
            for size in [[2, 3], [9, 4]]:
                function("interpolate", x, {"size": size, "mode": mode, "antialias": True, **rng.choice([{}, aligned])}, "f32_accum", args=["@input"])
    for pad in [[1, 2], [-1, 2], [0, 0, 2, 1], [1, -1, -2, 1], [1, 1, 0, 2, 1, 0]]:
        for value in [None, 1.5]:
            function("pad", {"input": draw(4, 5, 3)}, {"mode": "constant", "value": value}, args=["@input", pad])
        for mode in ["reflect", "replicate", "circular"]:
            lead = [2] * (len(pad) // 2 + 1)
            for shape in [lead, lead[1:]]:
                function("pad", {"input": draw(*shape, *[4] * (len(pad) // 2))}, {"mode": mode}, args=["@input", pad])
    layer("ZeroPad1d", [[1, -1]], {}, {"input": draw(2, 3, 4)})
    layer("ConstantPad3d", [1, 2.5], {}, {"input": draw(2, 1, 2, 3)})
    layer("ReflectionPad1d", [2], {}, {"input": draw(2, 4)})
    layer("ReplicationPad3d", [1], {}, {"input": draw(2, 1, 2, 3)})
    layer("CircularPad1d", [[3, 4]], {}, {"input": draw(2, 3, 4)})
    layer("Fold", [[4, 5], [2, 2]], {"padding": 1, "stride": 2}, {"input": draw(2, 12, 9)})
    layer("Fold", [[4, 5], [2, 3]], {"dilation": [2, 1]}, {"input": draw(6, 6)})
    layer("Unfold", [[2, 3]], {"dilation": [2, 1], "padding": [1, 0], "stride": [1, 2]}, {"input": draw(2, 5, 6)})
    layer("Flatten", [rng.randint(0, 1), -2], {}, {"input": draw(2, 3, 1, 4)})
    layer("Unflatten", [-1, [2, -1]], {}, {"input": draw(3, 6)})
    layer("PixelShuffle", [2], {}, {"input": draw(4, 3, 2)})
    layer("PixelUnshuffle", [2], {}, {"input": draw(1, 2, 3, 4, 6)})
    layer("ChannelShuffle", [3], {}, {"input": draw(2, 6, 4)})


def tables(rng, draw, integers, layer, function):
    ids = integers(7, 3, 4)
    for kwargs in [{"padding_idx": -2}, {"max_norm": 0.8}, {"max_norm": 1.0, "norm_type": 1.0}, {"scale_grad_by_freq": True, "padding_idx": 1}]:
        layer("Embedding", [7, 3], kwargs, {"input": ids})
    layer("Embedding", [7, 3], {}, {"input": integers(7, 0, 2)})
    layer("Embedding", [7, 3], {}, {"input": integers(7)})
    for mode in ["sum", "mean", "max"]:
        layer("EmbeddingBag", [7, 3], {"mode": mode}, {"input": ids})
        layer("EmbeddingBag", [7, 3], {"mode": mode, "padding_idx": 2}, {"input": ids})
        bags = {"input": integers(7, 9), "offsets": torch.tensor([0, 3, 3, 7])}
        layer("EmbeddingBag", [7, 3], {"mode": mode}, bags)
        last = {"input": bags["input"], "offsets": torch.tensor([0, 3, 3, 9])}
        layer("EmbeddingBag", [7, 3], {"mode": mode, "include_last_offset": True}, last)
    call = {"args": ["@input", None, "@weights"], "kwargs": {}}
    layer("EmbeddingBag", [7, 3], {"mode": "sum"}, {"input": ids, "weights": draw(3, 4)}, call=call)
    function("embedding", {"input": ids, "weight": draw(7, 2)}, {"padding_idx": 3})


def classes(rng, draw, integers, layer, function):
    for reduction in ["mean", "sum", "none"]:
        weights = draw(5).abs()
        for shape, target in [((5,), ()), ((3, 5), (3,)), ((2, 5, 3), (2, 3)), ((2, 5, 1, 3), (2, 1, 3)), ((2, 5, 2, 1, 2), (2, 2, 1, 2)), ((0, 5), (0,))]:
            hard = {"input": draw(*shape), "target": integers(5, *target), "fixed_weight": weights}
            for smoothing in [0.0, 0.3]:
                options = {"reduction": reduction, "label_smoothing": smoothing}
                function("cross_entropy", hard, {**options, "ignore_index": rng.choice([-100, 2]), "weight": "@fixed_weight"}, args=["@input", "@target"])
                along = 0 if len(shape) == 1 else 1
                soft = {"input": draw(*shape), "target": draw(*shape).softmax(along), "fixed_weight": weights}
                function("cross_entropy", soft, {**options, "weight": "@fixed_weight"}, args=["@input", "@target"])
                function("cross_entropy", {"input": soft["input"], "target": soft["target"]}, options)
            log = {"input": draw(*shape).log_softmax(along), "target": hard["target"], "fixed_weight": weights}
            function("nll_loss", log, {"reduction": reduction, "weight": "@fixed_weight", "ignore_index": 1}, args=["@input", "@target"])
        function("cross_entropy", {"input": draw(3, 5), "target": torch.full([3], 2)}, {"reduction": reduction, "ignore_index": 2})
        function("nll_loss", {"input": draw(3, 5), "target": torch.full([3], -1)}, {"reduction": reduction, "ignore_index": -1})
        for shape in [(), (0, 3), (2, 1), (3, 4)]:
            x, half = draw(*shape), draw(*shape).sigmoid()
            for name, data in [
                ("mse_loss", {"input": x, "target": half}), ("l1_loss", {"input": x, "target": half}), ("soft_margin_loss", {"input": x, "fixed_target": x.sign()}),
                ("smooth_l1_loss", {"input": x, "target": half}), ("huber_loss", {"input": x, "target": half}), ("binary_cross_entropy", {"input": half, "target": x.sigmoid()}),
                ("binary_cross_entropy_with_logits", {"input": x, "target": half}), ("kl_div", {"input": x, "target": half}), ("poisson_nll_loss", {"input": x, "target": half}),
            ]:
                function(name, data, {"reduction": reduction})
        function("smooth_l1_loss", {"input": draw(2, 3), "target": draw(2, 3)}, {"reduction": reduction, "beta": 0.0})
        function("kl_div", {"input": draw(3, 2), "target": torch.tensor([[0.0, 1.0], [0.5, 0.0], [0.2, 0.3]]).double()}, {"reduction": reduction})
        data = {"input": draw(3, 4), "target": draw(3, 4).sigmoid(), "fixed_weight": draw(4).abs(), "fixed_pos": draw(4).abs()}
        function("binary_cross_entropy_with_logits", data, {"weight": "@fixed_weight", "pos_weight": "@fixed_pos", "reduction": reduction}, args=["@input", "@target"])
        ends = {"input": torch.tensor([0.0, 1.0, 0.0, 1.0]).double(), "target": torch.tensor([0.0, 1.0, 1.0, 0.0]).double()}
        function("binary_cross_entropy", ends, {"reduction": reduction})
        counts = {"input": draw(3).abs(), "target": torch.tensor([0.0, 1.0, 4.0]).double()}
        function("poisson_nll_loss", counts, {"log_input": False, "full": True, "eps": 0.1, "reduction": reduction})
    function("kl_div", {"input": draw(3, 2), "target": draw(3, 2).sigmoid()}, {"reduction": "batchmean"})


def pairs(rng, draw, layer, function):
    for dim in [0, 1, -1]:
        function("cosine_similarity", {"x1": draw(3, 1, 4), "x2": draw(2, 4)}, {"dim": dim, "eps": rng.choice([1e-8, 0.5])})
        function("softmax", {"input": draw(3, 1, 4)}, {"dim": dim})
        function("log_softmax", {"input": draw(3, 0, 4)}, {"dim": dim})
        function("softmin", {"input": draw(3, 4)}, {"dim": dim})
        function("glu", {"input": draw(4, 2, 6)}, {"dim": dim})
    for shape in [(), (0,), (3, 1)]:
        for name in ["relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "logsigmoid", "tanhshrink", "softplus", "softsign", "hardswish", "hardsigmoid", "hardtanh",
                     "hardshrink", "softshrink", "leaky_relu", "sigmoid", "tanh"]:
            function(name, {"input": draw(*shape)})
    function("softmax", {"input": draw()}, {"dim": 0})
    function("threshold", {"input": draw(3, 4)}, args=["@input", 0.1, -2.0])
    function("prelu", {"input": draw(2, 3, 4), "weight": draw(3)})
    function("prelu", {"input": draw(), "weight": draw(1)})
    for p in [1.0, 2.0, 3.0]:
        function("pairwise_distance", {"x1": draw(3, 4), "x2": draw(1, 4)}, {"p": p, "keepdim": rng.random() < 0.5, "eps": rng.choice([1e-6, 0.1])})
        function("pairwise_distance", {"x1": draw(4), "x2": draw(4)}, {"p": p})
        function("triplet_margin_loss", {"anchor": draw(4), "positive": draw(4), "negative": draw(4)}, {"p": p, "swap": True})
    layer("Softmax2d", [], {}, {"input": draw(3, 2, 2)})
    layer("PReLU", [], {"num_parameters": 3, "init": 0.1}, {"input": draw(2, 3)})
    layer("Bilinear", [3, 2, 4], {}, {"input1": draw(2, 5, 3), "input2": draw(2, 5, 2)}, tolerance=SUMS["float32"])
