"""Logits and gradients of a small ConvNeXt and ViT in PyTorch: python3 vision-in-pytorch.py > vision-in-pytorch.json"""

import json
import math

import torch
from torch import nn

torch.backends.mkldnn.enabled = False


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, dim, norm, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim, 1, 1) * scale)
        self.conv = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = norm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        y = self.norm(self.conv(x)).permute(0, 2, 3, 1)
        return x + self.mlp(y).permute(0, 3, 1, 2) * self.scale


class ConvNeXt(nn.Module):
    def __init__(self, norm, dims=(4, 6, 8, 10), depths=(1, 2, 1, 1), scale=0.5):
        super().__init__()
        parts = [nn.Conv2d(3, dims[0], 2, 2), norm(dims[0])]
        for i, dim in enumerate(dims):
            if i > 0:
                parts += [norm(dims[i - 1]), nn.Conv2d(dims[i - 1], dim, 2, 2)]
            parts += [ConvNeXtBlock(dim, norm, scale) for _ in range(depths[i])]
        self.features = nn.Sequential(*parts)
        self.norm = norm(dims[-1])
        self.head = nn.Linear(dims[-1], 3)
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.head(self.norm(self.features(x).mean((2, 3), keepdim=True)).flatten(1))


class EncoderBlock(nn.Module):
    def __init__(self, dim, mlp_dim, heads, norm):
        super().__init__()
        self.ln_1 = norm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ln_2 = norm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_dim), nn.GELU(), nn.Linear(mlp_dim, dim))
        for m in (self.mlp[0], self.mlp[2]):
            nn.init.xavier_uniform_(m.weight)
            nn.init.normal_(m.bias, std=1e-6)

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class ViT(nn.Module):
    def __init__(self, norm, image=8, patch=4, layers=2, heads=2, dim=12, mlp_dim=20):
        super().__init__()
        self.conv_proj = nn.Conv2d(3, dim, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos = nn.Parameter(torch.empty(1, (image // patch) ** 2 + 1, dim).normal_(std=0.02))
        self.layers = nn.Sequential(*[EncoderBlock(dim, mlp_dim, heads, norm) for _ in range(layers)])
        self.ln = norm(dim)
        self.head = nn.Linear(dim, 3)
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (3 * patch * patch)))
        nn.init.zeros_(self.conv_proj.bias)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        x = self.conv_proj(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], 1) + self.pos
        return self.head(self.ln(self.layers(x))[:, 0])


def run(name, make, size):
    torch.manual_seed(7)
    model = make()
    # The head of ViT starts at 0, which would hide everything before it.
    nn.init.normal_(model.head.weight)
    x = torch.randn(2, 3, size, size).double()
    model.double()
    y = model(x)
    y.square().sum().backward()
    return {
        "name": name,
        "logits": y.tolist(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "gradNorm": math.sqrt(sum(p.grad.square().sum().item() for p in model.parameters())),
    }


print(json.dumps([
    run("convnext layer", lambda: ConvNeXt(lambda c: LayerNorm2d(c, eps=1e-6)), 16),
    run("convnext group", lambda: ConvNeXt(lambda c: nn.GroupNorm(2, c)), 16),
    run("vit layer", lambda: ViT(lambda c: nn.LayerNorm(c, eps=1e-6)), 8),
    run("vit rms", lambda: ViT(nn.RMSNorm), 8),
], indent=1))
