"""Writes test/golden-runner/signatures.json: the parameter names of the PyTorch callables that golden cases call.

Run it with any Python that has torch 2.6: python3 scripts/dump-signatures.py > test/golden-runner/signatures.json
"""
import inspect
import json
import sys

import torch
import torch.nn.functional
import torch.nn.init
import torch.optim.lr_scheduler
import torch.optim.swa_utils


def parameters(f):
    try:
        found = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [p.name for p in found if p.kind in kinds and p.name != "self"]
    required = sum(1 for p in found if p.kind in kinds and p.name != "self" and p.default is inspect.Parameter.empty)
    return {"names": names, "required": required}


rooms = {
    "torch.nn": torch.nn,
    "torch.nn.functional": torch.nn.functional,
    "torch.nn.init": torch.nn.init,
    "torch.nn.utils": torch.nn.utils,
    "torch.optim": torch.optim,
    "torch.optim.lr_scheduler": torch.optim.lr_scheduler,
}
table = {}
for room, module in rooms.items():
    for name in sorted(dir(module)):
        if name.startswith("_"):
            continue
        value = getattr(module, name)
        if not callable(value) or (inspect.isclass(value) and not issubclass(value, (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler))):
            continue
        found = parameters(value)
        if found and found["names"]:
            table[f"{room}.{name}"] = found
rows = [f"{json.dumps(key)}: {json.dumps(table[key])}" for key in sorted(table)]
sys.stdout.write("{\n" + ",\n".join(rows) + "\n}\n")
