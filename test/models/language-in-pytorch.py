"""Logits and gradients of small language models in PyTorch: python3 language-in-pytorch.py > language-in-pytorch.json"""

import json
import math

import torch
from torch import nn
from torch.nn import functional as F

VOCAB, BLOCK, LAYERS, HEADS, WIDTH = 11, 8, 2, 2, 12


class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.ln_1 = norm(WIDTH)
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.attn_c_proj = nn.Linear(WIDTH, WIDTH)
        self.ln_2 = norm(WIDTH)
        self.c_fc = nn.Linear(WIDTH, 4 * WIDTH)
        self.mlp_c_proj = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = (t.view(batch, length, HEADS, -1).transpose(1, 2) for t in self.c_attn(self.ln_1(x)).split(WIDTH, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, WIDTH)
        x = x + self.attn_c_proj(y)
        return x + self.mlp_c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.wte = nn.Embedding(VOCAB, WIDTH)
        self.wpe = nn.Embedding(BLOCK, WIDTH)
        self.h = nn.ModuleList([Block(norm) for _ in range(LAYERS)])
        self.ln_f = norm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, VOCAB, bias=False)
        self.wte.weight = self.lm_head.weight
        self.apply(self.start)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, 0.0, 0.02 / math.sqrt(2 * LAYERS))

    @staticmethod
    def start(m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, 0.0, 0.02)
            if isinstance(m, nn.Linear) and m.bias is not None:
                nn.init.zeros_(m.bias)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class CharLM(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 5)
        self.rnn = cell(5, 7, num_layers=2, batch_first=True)
        self.head = nn.Linear(7, VOCAB)

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[0])


def run(make, name):
    torch.manual_seed(3)
    model = make()
    tokens = torch.randint(0, VOCAB, (3, BLOCK))
    targets = torch.randint(0, VOCAB, (3, BLOCK))
    model.double()
    logits = model(tokens)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    return {
        "name": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss": loss.item(),
        "logits": logits[2, -1].tolist(),
        "gradNorms": [p.grad.norm().item() for p in model.parameters()],
    }


print(json.dumps([
    run(lambda: GPT(nn.LayerNorm), "layer"),
    run(lambda: GPT(nn.RMSNorm), "rms"),
    run(lambda: GPT(lambda _: nn.Identity()), "none"),
    run(lambda: CharLM(nn.LSTM), "lstm"),
    run(lambda: CharLM(nn.GRU), "gru"),
    run(lambda: CharLM(nn.RNN), "rnn"),
], indent=1))
