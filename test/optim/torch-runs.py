"""Makes torch-runs.json: parameters after each step, learning rates of each epoch, and state dicts in the middle (PyTorch 2.6, CPU).

Run: python3 torch-runs.py > torch-runs.json

Options of cases that test/golden/optim.json leaves out: maximize with decay, decoupled decay, modes, restarts, several groups.
"""

import json
import math
import warnings

import torch

warnings.filterwarnings('ignore')
F64 = torch.float64
STEPS = 12
MIDDLE = 6

optimizers = [
    ('SGD', {'lr': 0.1, 'momentum': 0.9, 'dampening': 0.2, 'weight_decay': 0.01, 'maximize': True}),
    ('Adam', {'lr': 0.1, 'amsgrad': True, 'weight_decay': 0.1, 'maximize': True}),
    ('AdamW', {'lr': 0.1, 'amsgrad': True}),
    ('RMSprop', {'lr': 0.1, 'centered': True, 'momentum': 0.5, 'maximize': True, 'weight_decay': 0.1}),
    ('Adagrad', {'lr': 0.1, 'lr_decay': 0.1, 'maximize': True, 'weight_decay': 0.1}),
    ('Adadelta', {'weight_decay': 0.1, 'maximize': True, 'rho': 0.8}),
    ('Adamax', {'lr': 0.1, 'weight_decay': 0.1, 'maximize': True}),
    ('NAdam', {'lr': 0.1, 'weight_decay': 0.1, 'decoupled_weight_decay': True, 'maximize': True, 'momentum_decay': 0.01}),
    ('NAdam', {'lr': 0.1, 'weight_decay': 0.1}),
    ('RAdam', {'lr': 0.1, 'weight_decay': 0.1, 'decoupled_weight_decay': True, 'maximize': True}),
    ('RAdam', {'lr': 0.1, 'weight_decay': 0.1, 'betas': (0.8, 0.9)}),
]

# Positional arguments, then keyword arguments; both groups of the optimizer have a rate of their own.
schedulers = [
    ('StepLR', [3], {}),
    ('MultiStepLR', [[2, 5, 5, 0]], {'gamma': 0.5}),
    ('ExponentialLR', [0.9], {}),
    ('PolynomialLR', [], {'total_iters': 6, 'power': 1.5}),
    ('ConstantLR', [], {}),
    ('LinearLR', [], {'start_factor': 0.1, 'end_factor': 0.7, 'total_iters': 7}),
    ('CosineAnnealingLR', [5], {'eta_min': 0.02}),
    ('CosineAnnealingWarmRestarts', [3], {'T_mult': 2, 'eta_min': 0.01}),
    ('CyclicLR', [0.01, 0.1], {'step_size_up': 3, 'step_size_down': 5, 'mode': 'triangular2'}),
    ('CyclicLR', [0.01, [0.1, 0.05]], {'step_size_up': 3, 'mode': 'exp_range', 'gamma': 0.9}),
    ('OneCycleLR', [0.3], {'epochs': 5, 'steps_per_epoch': 8, 'three_phase': True, 'pct_start': 0.25}),
    ('OneCycleLR', [[0.3, 0.1]], {'total_steps': 40, 'pct_start': 0.0}),
    ('OneCycleLR', [0.3], {'total_steps': 40, 'pct_start': 1.0, 'anneal_strategy': 'linear', 'base_momentum': 0.7, 'max_momentum': 0.8}),
    ('SequentialLR', [], {}),
]

plateaus = [
    {'patience': 1},
    {'mode': 'max', 'patience': 2, 'cooldown': 2, 'threshold': 0.1},
    {'threshold_mode': 'abs', 'threshold': 0.2, 'patience': 1, 'min_lr': [0.01, 0.005]},
    {'mode': 'max', 'threshold_mode': 'abs', 'factor': 0.3, 'patience': 0, 'min_lr': 0.003},
]


def plain(value):
    if isinstance(value, torch.Tensor):
        return {'tensor': value.tolist(), 'dtype': str(value.dtype).removeprefix('torch.')}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def parameters():
    values = torch.tensor([[-1, -0.6, -0.2], [0.2, 0.6, 1]], dtype=F64), torch.tensor(0.5, dtype=F64)
    return [torch.nn.Parameter(v) for v in values]


def run_optimizer(name, kwargs):
    params = parameters()
    optimizer = getattr(torch.optim, name)(params, **kwargs)
    values = []
    for i in range(STEPS):
        for p in params:
            p.grad = torch.sin(torch.arange(p.numel(), dtype=F64).reshape(p.shape) * 1.7 + i * 0.9 + p.detach())
        optimizer.step()
        values.append([p.tolist() for p in params])
        if i == MIDDLE - 1:
            middle = plain(optimizer.state_dict())
    return {'name': name, 'kwargs': plain(kwargs), 'values': values, 'middle': middle}


def grouped():
    w, b = parameters()
    return torch.optim.SGD([{'params': [w]}, {'params': [b], 'lr': 0.02}], lr=0.1, momentum=0.9)


def run_scheduler(name, args, kwargs):
    optimizer = grouped()
    module = torch.optim.lr_scheduler
    if name == 'SequentialLR':
        args = [
            [
                module.ConstantLR(optimizer, factor=0.1, total_iters=2),
                module.CosineAnnealingWarmRestarts(optimizer, 3, 2),
                module.StepLR(optimizer, 2, 0.5),
            ],
            [3, 13],
        ]
    scheduler = getattr(module, name)(optimizer, *args, **kwargs)
    rates = []
    for i in range(30):
        rates.append([[group['lr'], group['momentum']] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
        if i == MIDDLE - 1:
            middle = {'optimizer': plain(optimizer.state_dict()), 'scheduler': plain(scheduler.state_dict())}
    return {'name': name, 'args': [] if name == 'SequentialLR' else args, 'kwargs': kwargs, 'rates': rates, 'middle': middle}


def run_plateau(kwargs):
    optimizer = grouped()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **kwargs)
    sign = -1 if kwargs.get('mode') == 'max' else 1
    metrics = [sign * (1 / (1 + i) + 0.3 * math.sin(3 * i)) for i in range(30)]
    rates = []
    for metric in metrics:
        scheduler.step(metric)
        rates.append([group['lr'] for group in optimizer.param_groups])
    return {'kwargs': kwargs, 'metrics': metrics, 'rates': rates, 'end': scheduler.state_dict()}


runs = {
    'optimizers': [run_optimizer(*c) for c in optimizers],
    'schedulers': [run_scheduler(*c) for c in schedulers],
    'plateaus': [run_plateau(c) for c in plateaus],
}
for plateau in runs['plateaus']:
    # Infinity, which JSON has not; it follows from the mode.
    del plateau['end']['mode_worse']
print('{\n' + ',\n'.join(f'"{k}": [\n' + ',\n'.join(json.dumps(c) for c in v) + '\n]' for k, v in runs.items()) + '\n}')
