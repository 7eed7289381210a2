"""Golden cases of optimizers and schedules with random options, on the small problem that the family `optim` is about."""
import torch

from generator.cases import DTYPES, Family, normal

STEPS = 15
NAMES = ["w", "b", "s"]


def options_of(rng, name):
    """Options of one optimizer, each at its default or at one of a few other values."""
    betas = {"betas": [(0.9, 0.999), (0.8, 0.95), (0.5, 0.9)]}
    common = {"weight_decay": [0.0, 0.01, 0.3], "maximize": [False, False, True]}
    choices = {
        "SGD": {**common, "lr": [0.1, 0.02], "momentum": [0.0, 0.9, 0.5], "dampening": [0.0, 0.3], "nesterov": [False, True]},
        "Adam": {**common, **betas, "lr": [0.01, 0.1], "eps": [1e-8, 1e-3], "amsgrad": [False, True]},
        "AdamW": {**common, **betas, "lr": [0.01, 0.1], "eps": [1e-8, 1e-3], "amsgrad": [False, True]},
        "RMSprop": {**common, "lr": [0.01, 0.03], "alpha": [0.99, 0.7], "eps": [1e-8, 1e-4], "momentum": [0.0, 0.9], "centered": [False, True]},
        "Adagrad": {**common, "lr": [0.1, 0.02], "lr_decay": [0.0, 0.1], "initial_accumulator_value": [0.0, 0.5], "eps": [1e-10, 1e-4]},
        "Adadelta": {**common, "lr": [1.0, 0.3], "rho": [0.9, 0.6], "eps": [1e-6, 1e-3]},
        "Adamax": {**common, **betas, "lr": [0.02, 0.1], "eps": [1e-8, 1e-3]},
        "NAdam": {**common, **betas, "lr": [0.02, 0.1], "momentum_decay": [0.004, 0.1], "decoupled_weight_decay": [False, True]},
        "RAdam": {**common, **betas, "lr": [0.02, 0.1], "decoupled_weight_decay": [False, True]},
    }[name]
    options = {k: rng.choice(values) for k, values in choices.items()}
    if name == "SGD" and options["nesterov"]:
        options.update({"momentum": options["momentum"] or 0.9, "dampening": 0.0})
    if options["maximize"]:
        options["lr"] /= 10  # upwards, rounding errors grow from step to step
    return options


def schedule_of(rng, lr):
    return rng.choice([
        None,
        ("StepLR", {"step_size": rng.randint(1, 5), "gamma": 0.5}),
        ("MultiStepLR", {"milestones": sorted(rng.randint(1, 14) for _ in range(3)), "gamma": 0.3}),
        ("ExponentialLR", {"gamma": rng.choice([0.9, 1.1])}),
        ("CosineAnnealingLR", {"T_max": rng.randint(2, 20), "eta_min": rng.choice([0.0, 0.01])}),
        ("CosineAnnealingWarmRestarts", {"T_0": rng.randint(1, 5), "T_mult": rng.randint(1, 3)}),
        ("LinearLR", {"start_factor": rng.choice([0.1, 0.5]), "end_factor": rng.choice([1.0, 0.7]), "total_iters": rng.randint(1, 9)}),
        ("ConstantLR", {"factor": 0.4, "total_iters": rng.randint(1, 9)}),
        ("PolynomialLR", {"total_iters": rng.randint(1, 12), "power": rng.choice([1.0, 2.5])}),
        ("ReduceLROnPlateau", {"factor": 0.5, "patience": rng.randint(0, 2), "cooldown": rng.randint(0, 2), "threshold": rng.choice([1e-4, 0.05])}),
        ("OneCycleLR", {"max_lr": 3 * lr, "total_steps": STEPS, "anneal_strategy": rng.choice(["cos", "linear"]), "three_phase": rng.random() < 0.5,
                        "cycle_momentum": False}),
        ("CyclicLR", {"base_lr": lr / 5, "max_lr": lr, "step_size_up": rng.randint(1, 4), "mode": rng.choice(["triangular", "triangular2", "exp_range"]),
                      "gamma": 0.9, "cycle_momentum": False}),
    ])


def groups_of(rng, options):
    if rng.random() < 0.6:
        return None
    return [{"params": ["w"]}, {"params": ["b", "s"], "lr": options["lr"] / 4, "weight_decay": rng.choice([0.0, 0.1])}]


def optim(rng, generator):
    family = Family("optim", "optimizers and schedules with random options on a small problem")
    for name in ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam"]:
        for k in range(12):
            options = options_of(rng, name)
            schedule = schedule_of(rng, options["lr"])
            groups = groups_of(rng, options)
            for dtype in DTYPES:
                optimizer_case(family, f"{name}_{k}", name, options, groups, schedule, dtype, generator)
    return family


def optimizer_case(family, name, kind, options, groups, schedule, dtype, generator):
    draw = lambda *shape: normal(list(shape), generator).to(DTYPES[dtype])
    start = {"w": draw(3, 4), "b": draw(4), "s": draw(1)}
    data = {"X": draw(STEPS, 5, 3), "Y": draw(STEPS, 5, 4)}
    parameters = {n: torch.nn.Parameter(p.clone()) for n, p in start.items()}
    given = [{**g, "params": [parameters[n] for n in g["params"]]} for g in groups] if groups else list(parameters.values())
    optimizer = getattr(torch.optim, kind)(given, **options)
    scheduler = getattr(torch.optim.lr_scheduler, schedule[0])(optimizer, **schedule[1]) if schedule else None
    steps = {key: [] for key in ["lr", "momentum_or_beta1", "loss", *[f"param.{n}" for n in NAMES]]}
    for x, y in zip(data["X"], data["Y"]):
        group = optimizer.param_groups[0]
        steps["lr"].append(torch.tensor(group["lr"], dtype=torch.float64))
        steps["momentum_or_beta1"].append(torch.tensor(group["betas"][0] if "betas" in group else group.get("momentum", 0), dtype=torch.float64))
        w, b, s = (parameters[n] for n in NAMES)
        loss = ((torch.tanh(x @ w + b) * s - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler:
            scheduler.step(*([loss] if schedule[0] == "ReduceLROnPlateau" else []))
        steps["loss"].append(loss.detach())
        for n in NAMES:
            steps[f"param.{n}"].append(parameters[n].detach().clone())
    saved = optimizer.state_dict()
    state = {f"state.{i}.{k}": v for i, entries in saved["state"].items() for k, v in entries.items() if isinstance(v, torch.Tensor)}
    case = {
        "name": f"{name}_{dtype}", "kind": "optimizer", "target": f"torch.optim.{kind}", "init": {"args": ["params"], "kwargs": options}, "dtype": dtype,
        "steps": STEPS, "tolerance": "f64" if dtype == "float64" else "f32_loose", "param_groups_after": saved["param_groups"],
        "optimizer_state_keys": {str(i): sorted(entries) for i, entries in saved["state"].items()},
    }
    if groups:
        case["param_groups"] = groups
    if schedule:
        case["scheduler"] = {"name": f"torch.optim.lr_scheduler.{schedule[0]}", "kwargs": schedule[1], "when": "scheduler.step() after optimizer.step() in every step"}
    arrays = {**{f"param.{n}": p for n, p in start.items()}, **data, **{f"steps.{k}": torch.stack(v) for k, v in steps.items()}, **state}
    family.add(case, arrays)
