"""Golden cases of recurrent layers, attention and transformer layers of random sizes and options."""
import itertools

import torch

from generator.cases import DTYPES, SUMS, Family, function_case, module_case, normal, outputs_of, randomize

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def recurrent(rng, generator):
    family = Family("recurrent", "recurrent layers, cells and packed sequences of random sizes and options")
    for k, name in itertools.product(range(12), GATES):
        options = recurrent_options(rng, name)
        time, batch, features, hidden = rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 20), rng.randint(2, 40)
        if name == "LSTM" and rng.random() < 0.3:
            options["proj_size"] = rng.randint(1, hidden - 1)
        batched = rng.random() < 0.85
        lead = [batch, time] if options["batch_first"] else [time, batch]
        data = {"input": normal([*(lead if batched else [time]), features], generator)}
        call = {"args": ["@input"], "kwargs": {}}
        if rng.random() < 0.6:
            states = options["num_layers"] * (2 if options["bidirectional"] else 1)
            for state, width in [("h0", options.get("proj_size", hidden)), ("c0", hidden)][: 2 if name == "LSTM" else 1]:
                data[state] = normal([states, *([batch] if batched else []), width], generator)
            call["args"].append(["@h0", "@c0"] if name == "LSTM" else "@h0")
        for dtype in DTYPES:
            module_case(family, f"{name}_{k}", f"torch.nn.{name}", [features, hidden], options, data, dtype, "train", generator, SUMS[dtype], call)
    for k, name in itertools.product(range(6), GATES):
        packed_case(family, f"packed_{name}_{k}", name, rng, generator)
    for k, name in itertools.product(range(4), GATES):
        batch, features, hidden = rng.randint(1, 9), rng.randint(1, 20), rng.randint(1, 40)
        data = {"input": normal([batch, features], generator), "h0": normal([batch, hidden], generator), "c0": normal([batch, hidden], generator)}
        call = {"args": ["@input", ["@h0", "@c0"] if name == "LSTM" else "@h0"], "kwargs": {}}
        if name != "LSTM":
            del data["c0"]
        for dtype in DTYPES:
            options = {"bias": rng.random() < 0.7}
            module_case(family, f"{name}Cell_{k}", f"torch.nn.{name}Cell", [features, hidden], options, data, dtype, "train", generator, SUMS[dtype], call)
    return family


def recurrent_options(rng, name):
    options = {"num_layers": rng.randint(1, 3), "bidirectional": rng.random() < 0.4, "bias": rng.random() < 0.8, "batch_first": rng.random() < 0.5}
    if name == "RNN" and rng.random() < 0.4:
        options["nonlinearity"] = "relu"
    return options


def packed_case(family, name, kind, rng, generator):
    options = recurrent_options(rng, kind)
    options.pop("nonlinearity", None)
    features, hidden, ordered = rng.randint(1, 12), rng.randint(2, 24), rng.random() < 0.4
    lengths = [rng.randint(1, 9) for _ in range(rng.randint(1, 7))]
    if ordered:
        lengths.sort(reverse=True)
    module = getattr(torch.nn, kind)(features, hidden, **options).double()
    randomize(module, generator)
    batch_first = options["batch_first"]
    x = normal([len(lengths), max(lengths), features] if batch_first else [max(lengths), len(lengths), features], generator).requires_grad_()
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first, ordered)
    sequence, states = module(packed)
    output, lengths_out = torch.nn.utils.rnn.pad_packed_sequence(sequence, batch_first)
    found = {"output": output, **dict(zip(["hn", "cn"], outputs_of(states).values())), "packed_data": sequence.data, "lengths_out": lengths_out}
    upstream = {k: torch.randn(v.shape, generator=generator, dtype=v.dtype) for k, v in found.items() if v.requires_grad}
    sum((found[k] * u).sum() for k, u in upstream.items()).backward()
    parameters = list(module.named_parameters())
    case = {
        "name": name, "kind": "packed", "target": f"torch.nn.{kind}", "init": {"args": [features, hidden], "kwargs": options}, "dtype": "float64", "steps": 1,
        "mode": "train", "lengths": lengths, "enforce_sorted": ordered, "batch_first": batch_first, "repr": repr(module), "training": True,
        "batch_sizes": packed.batch_sizes.tolist(), "sorted_indices": None if packed.sorted_indices is None else packed.sorted_indices.tolist(),
        "tolerance": "f64",
    }
    arrays = {"input": x, **{f"param.{n}": p for n, p in parameters}, **found, "grad.input": x.grad, **{f"grad.{n}": p.grad for n, p in parameters}}
    family.add(case, {**arrays, **{"upstream" if k == "output" else f"upstream.{k}": u for k, u in upstream.items()}})


def attention(rng, generator):
    family = Family("attention", "attention and transformer layers of random sizes and options")
    for k in range(24):
        heads = [rng.randint(1, 3) for _ in range(rng.randint(1, 2))]
        length, keys, width, values = rng.randint(1, 40), rng.randint(1, 40), rng.randint(1, 20), rng.randint(1, 20)
        data = {n: normal([*heads, *shape], generator) for n, shape in [("q", [length, width]), ("k", [keys, width]), ("v", [keys, values])]}
        call = {"args": ["@q", "@k", "@v"], "kwargs": {}}
        masked = rng.choice(["none", "causal", "bool", "float"])
        if masked == "causal":
            call["kwargs"]["is_causal"] = True
        elif masked != "none":
            mask = torch.rand([length, keys], generator=generator) < 0.7
            mask[:, 0] = True
            data["m"] = mask if masked == "bool" else normal([length, keys], generator)
            call["kwargs"]["attn_mask"] = "@m"
        if rng.random() < 0.3:
            call["kwargs"]["scale"] = rng.choice([0.1, 1.0, 2.5])
        for dtype in DTYPES:
            function_case(family, f"sdpa_{k}_{masked}", "torch.nn.functional.scaled_dot_product_attention", call, data, dtype, generator, SUMS[dtype])
    for k in range(20):
        multihead_case(family, f"mha_{k}", rng, generator)
    for k, layer in itertools.product(range(8), ["Encoder", "Decoder"]):
        heads = rng.randint(1, 3)
        width = heads * rng.randint(1, 6)
        options = {"dim_feedforward": rng.randint(1, 30), "dropout": 0.0, "activation": rng.choice(["relu", "gelu"]), "norm_first": rng.random() < 0.5}
        options.update({"batch_first": rng.random() < 0.5, "bias": rng.random() < 0.8, "layer_norm_eps": rng.choice([1e-5, 1e-3])})
        batch = rng.randint(1, 4)
        names = ["src"] if layer == "Encoder" else ["tgt", "memory"]
        shapes = [[batch, rng.randint(1, 12)] for _ in names]
        data = {n: normal([*(shape if options["batch_first"] else shape[::-1]), width], generator) for n, shape in zip(names, shapes)}
        for dtype in DTYPES:
            module_case(family, f"{layer.lower()}_{k}", f"torch.nn.Transformer{layer}Layer", [width, heads], options, data, dtype, "train", generator, SUMS[dtype])
    return family


def multihead_case(family, name, rng, generator):
    heads = rng.randint(1, 4)
    width, batch, length, keys = heads * rng.randint(1, 7), rng.randint(1, 4), rng.randint(1, 12), rng.randint(1, 12)
    options = {"batch_first": rng.random() < 0.5, "bias": rng.random() < 0.8, "add_bias_kv": rng.random() < 0.25, "add_zero_attn": rng.random() < 0.25}
    if rng.random() < 0.3:
        options.update({"kdim": rng.randint(1, 9), "vdim": rng.randint(1, 9)})
    sizes = [("q", length, width), ("k", keys, options.get("kdim", width)), ("v", keys, options.get("vdim", width))]
    data = {n: normal([*([batch, t] if options["batch_first"] else [t, batch]), w], generator) for n, t, w in sizes}
    call = {"args": ["@q", "@k", "@v"], "kwargs": {}}
    if rng.random() < 0.4:
        data["m"] = torch.rand([length, keys], generator=generator) < 0.3  # here True means: may not attend
        data["m"][:, 0] = False
        call["kwargs"]["attn_mask"] = "@m"
    if rng.random() < 0.4:
        data["p"] = torch.rand([batch, keys], generator=generator) < 0.3
        data["p"][:, 0] = False
        call["kwargs"]["key_padding_mask"] = "@p"
    call["kwargs"].update(rng.choice([{}, {"need_weights": False}, {"average_attn_weights": False}]))
    for dtype in DTYPES:
        module_case(family, name, "torch.nn.MultiheadAttention", [width, heads], options, data, dtype, "train", generator, SUMS[dtype], call)
