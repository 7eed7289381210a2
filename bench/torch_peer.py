"""PyTorch as a contestant: a process that the benchmark asks for times while it times the others.

    python3 -c "$(cat torch_peer.py)" THREADS [128]

Requests are lines of JSON on standard input, answers lines of JSON on standard output. The first line out says what runs here.
    {"make": PROGRAM}   runs a Python program, which calls timed() or step() below
    {"result": true}    {"arrays": [base64 of float32, ...]}
    {"times": CALLS}    {"times": [ms, ...]}
An answer {"error": TEXT} stands for an exception. Ends with its input.

"128": PyTorch limited to vectors of 128 bits, which is what WebAssembly has.
"""
import base64
import json
import math
import os
import signal
import sys
import time

threads = sys.argv[1]
# OpenBLAS's pool is not PyTorch's, and both spin.
os.environ.update(OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
if "128" in sys.argv[2:]:
    os.environ.update(ATEN_CPU_CAPABILITY="default", ONEDNN_MAX_CPU_ISA="SSE41", OPENBLAS_CORETYPE="Nehalem")

import torch
import torch.nn.functional as F
from torch import nn

signal.signal(signal.SIGINT, signal.SIG_IGN)
torch.set_num_threads(int(threads))


def numbers(shape, seed):
    """As numbers() in workload.ts."""
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    return (torch.sin((i + 1) * (0.7 + 0.13 * seed)) * torch.cos(i * 0.01 + seed)).float().reshape(shape)


def timed(run, result, repeats=1):
    """What the next requests are about; a call of `run` does `repeats` of what is measured."""
    global current
    current = (run, result, repeats)


def step(function, shapes, backward=True):
    """function(*inputs), and the gradients of all inputs for a fixed one of its output."""
    inputs = [numbers(shape, 1 if i == 0 else i + 2).requires_grad_(backward) for i, shape in enumerate(shapes)]
    with torch.no_grad():
        upstream = numbers(function(*inputs).shape, 2)

    def run():
        for t in inputs:
            t.grad = None
        y = function(*inputs)
        if backward:
            y.backward(upstream)
        return y

    def result():
        y = run()
        return [y, *(t.grad for t in inputs if backward)]

    timed(run, result)


def answer(request):
    if "make" in request:
        exec(request["make"], globals())
        return {}
    run, result, repeats = current
    if "result" in request:
        arrays = [t.detach().contiguous().numpy().tobytes() for t in result()]
        return {"arrays": [base64.b64encode(a).decode() for a in arrays]}
    times = []
    for _ in range(request["times"]):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000 / repeats)
    return {"times": times}


def say(value):
    print(json.dumps(value), flush=True)


say({"version": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()})
for line in iter(sys.stdin.readline, ""):
    try:
        say(answer(json.loads(line)))
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})
