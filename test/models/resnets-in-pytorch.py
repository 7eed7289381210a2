"""Outputs and a gradient of small residual networks in PyTorch: python3 resnets-in-pytorch.py > resnets-in-pytorch.json"""

import json

import torch
from torch import nn

torch.backends.mkldnn.enabled = False


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


NORMS = {
    "batch": nn.BatchNorm2d,
    "group": lambda c: nn.GroupNorm(4, c),
    "layer": LayerNorm2d,
    "instance": lambda c: nn.InstanceNorm2d(c, affine=True),
}


class Block(nn.Module):
    """Convolutions of given kernel sizes, the stride at the last 3 x 3 but one or the only one."""

    def __init__(self, kind, before, channels, stride, downsample, norm):
        super().__init__()
        plan = {
            "basic": [(before, channels, 3, stride), (channels, channels, 3, 1)],
            "bottleneck": [(before, channels, 1, 1), (channels, channels, 3, stride), (channels, 4 * channels, 1, 1)],
        }[kind]
        self.count = len(plan)
        for i, (a, b, kernel, s) in enumerate(plan, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, s, kernel // 2, bias=False))
            setattr(self, f"bn{i}", norm(b))
        self.downsample = downsample

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = y.relu()
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    def __init__(self, block, layers, width, stem, norm):
        super().__init__()
        imagenet = stem == "imagenet"
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False) if imagenet else nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = norm(width)
        self.pool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        before = width
        self.stages = nn.ModuleList()
        for k, count in enumerate(n for n in layers if n > 0):
            channels, blocks = width * 2**k, []
            out = channels * (4 if block == "bottleneck" else 1)
            for i in range(count):
                stride = 2 if k > 0 and i == 0 else 1
                shortcut = None
                if stride != 1 or before != out:
                    shortcut = nn.Sequential(nn.Conv2d(before, out, 1, stride, bias=False), norm(out))
                blocks.append(Block(block, before, channels, stride, shortcut, norm))
                before = out
            self.stages.append(nn.Sequential(*blocks))
        self.fc = nn.Linear(before, 3)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.pool(self.bn1(self.conv1(x)).relu())
        for stage in self.stages:
            x = stage(x)
        return self.fc(x.mean((2, 3)))


def run(block, layers, width, stem, norm, size):
    torch.manual_seed(5)
    model = ResNet(block, layers, width, stem, NORMS[norm])
    x = torch.randn(4, 3, size, size).double()
    model.double()
    y = model(x)
    y.square().sum().backward()
    model.eval()
    return {
        "options": {"block": block, "layers": layers, "width": width, "stem": stem, "norm": norm},
        "size": size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "train": y.tolist(),
        "gradNorm": model.conv1.weight.grad.norm().item(),
        "eval": model(x).tolist(),
    }


print(json.dumps([
    run("basic", [1, 1, 1, 1], 4, "imagenet", "batch", 64),
    run("bottleneck", [1, 2, 1, 1], 2, "imagenet", "batch", 64),
    run("basic", [1, 2, 1, 0], 4, "cifar", "group", 16),
    run("basic", [1, 1, 1, 0], 4, "cifar", "layer", 16),
    run("basic", [1, 1, 1, 0], 4, "cifar", "instance", 16),
], indent=1))
