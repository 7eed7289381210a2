"""Makes random-sequences.json: the first 16 digits of the SHA-256 of long random tensors, drawn by PyTorch 2.6 (CPU, without MKL).

Run: python3 random-sequences.py > random-sequences.json
"""

import hashlib
import json

import torch

N = 100003
ELEMENT_TYPES = ['float32', 'float64', 'float16', 'bfloat16']
result = {}


def draw(name, dtype, make):
    torch.manual_seed(7)
    drawn = make(getattr(torch, dtype))
    if drawn.dtype == torch.bfloat16:
        drawn = drawn.view(torch.int16)
    result[f'{name} {dtype}'] = hashlib.sha256(drawn.numpy().tobytes()).hexdigest()[:16]


def empty(dtype):
    return torch.empty(N, dtype=dtype)


for d in ELEMENT_TYPES:
    draw('uniform', d, lambda t: empty(t).uniform_(-0.1, 0.23))
    draw('random', d, lambda t: empty(t).random_())
    draw('bernoulli', d, lambda t: empty(t).bernoulli_(0.3))
    draw('randint', d, lambda t: empty(t).random_(-100, 101))
for d in ['float32', 'float16', 'bfloat16']:  # float64 ends in log, sin and cos of the C library
    draw('normal', d, lambda t: empty(t).normal_(1.5, 0.3))
for d in ['float32', 'float64']:
    draw('uniform uneven', d, lambda t: empty(t).uniform_(1e-9, 0.77))
for d in ['int64', 'int32', 'int16', 'int8', 'uint8', 'bool']:
    draw('random', d, lambda t: empty(t).random_())
    draw('bernoulli', d, lambda t: empty(t).bernoulli_(0.3))
    if d != 'bool':
        draw('geometric', d, lambda t: empty(t).geometric_(0.2))
draw('from', 'int64', lambda t: empty(t).random_(5, None))
draw('from', 'uint8', lambda t: empty(t).random_(250, None))
draw('from', 'float32', lambda t: empty(t).random_(5, None))
draw('far', 'int64', lambda t: empty(t).random_(2**62, 2**62 + 1000))
draw('wide', 'float64', lambda t: empty(t).random_(0, 2**40))
draw('wide', 'bfloat16', lambda t: empty(t).random_(0, 2**40))
draw('edge', 'float16', lambda t: empty(t).random_(0, 65504))
draw('edge', 'float32', lambda t: empty(t).random_(-(2**25), 2**25))
draw('wide', 'int32', lambda t: empty(t).random_(-(2**31), 2**31 - 1))
for d in ['int64', 'float32', 'int32', 'float64']:
    draw('randperm', d, lambda t: torch.randperm(N, dtype=t))
weights = torch.arange(1, 31).reshape(3, 10)
for d in ELEMENT_TYPES:
    draw('multinomial with', d, lambda t: torch.multinomial(weights.to(t), 1000, True))
    draw('multinomial without', d, lambda t: torch.multinomial(weights.to(t), 7))
    draw('multinomial one', d, lambda t: torch.multinomial(weights.to(t), 1, True))
print(json.dumps(result, indent=2))
