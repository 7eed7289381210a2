"""Writes print-cases.json: what PyTorch 2.6 prints for tensors of every notation. Run with its Python: `python3 print-cases.py`."""
import json
import os
import torch

torch.manual_seed(0)
inf, nan = float('inf'), float('nan')


def encode(v):
    return [encode(x) for x in v] if isinstance(v, list) else ('-0' if v == 0 and str(v).startswith('-') else str(v))


cases = []


def case(t, **options):
    torch.set_printoptions(profile='default', sci_mode=None)
    torch.set_printoptions(**options)
    data = t.detach().double().reshape(-1).tolist()
    cases.append({'shape': list(t.shape), 'dtype': str(t.dtype)[6:], 'requiresGrad': t.requires_grad, 'options': options, 'data': encode(data), 'text': repr(t)})


case(torch.tensor(3.14159))
case(torch.tensor(2.0))
case(torch.tensor(7))
case(torch.tensor(True))
case(torch.tensor(-0.0))
case(torch.tensor([]))
case(torch.zeros(0, dtype=torch.int64))
case(torch.zeros(2, 0))
case(torch.zeros(0, 3, dtype=torch.float64))
case(torch.tensor([1.0, -2.0, 300.0]))
case(torch.tensor([1.0, 20000.0]))
case(torch.tensor([1.0, 2e8]))
case(torch.tensor([0.5, 1e-5]))
case(torch.tensor([0.5, 600.0]))
case(torch.tensor([0.0, -0.0, inf, -inf, nan]))
case(torch.tensor([1.0, inf, nan, -5.0]))
case(torch.tensor([0.25, inf, -nan, -5.0]))
case(torch.tensor([1e-10, 1.0]))
case(torch.tensor([0.03125, 0.09375, -0.15625, 2.5]))
case(torch.tensor([1000.5, 1.0]))
case(torch.tensor([10000.5, 1.0]), sci_mode=True)
case(torch.tensor([1e25, 1e-25], dtype=torch.float64))
case(torch.tensor([1e22, 1e21], dtype=torch.float64), sci_mode=False)
case(torch.tensor([[1, -22], [333, 4]], dtype=torch.int32))
case(torch.tensor([[True, False], [False, False]]))
case(torch.randn(3, 4))
case(torch.randn(2, 3, 4))
case(torch.randn(2, 1, 2, 2))
case(torch.randn(30))
case(torch.randn(25, dtype=torch.float64))
case(torch.randn(3, 4).half())
case(torch.randn(3, 4).bfloat16())
case(torch.randn(2, 2, requires_grad=True))
case(torch.randn(9, requires_grad=True))
case(torch.randn(2, 7, dtype=torch.float64, requires_grad=True))
case(torch.randn(1001))
case(torch.randn(40, 40))
case(torch.arange(1500).reshape(3, 500))
case(torch.randn(8, 12, 12))
case(torch.randn(8), precision=2)
case(torch.randn(8), precision=0)
case(torch.randn(20), linewidth=40)
case(torch.randn(8, 8), threshold=10, edgeitems=1)
json.dump(cases, open(os.path.join(os.path.dirname(__file__), 'print-cases.json'), 'w'), separators=(',', ':'))
