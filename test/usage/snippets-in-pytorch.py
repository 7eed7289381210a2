"""Everyday PyTorch scripts, whose ports are test/usage/snippets-*.test.ts: snippets-in-pytorch.json is what they printed with torch 2.6.

    python3 test/usage/snippets-in-pytorch.py data/digits/mnist-5000-1000.bin.gz > test/usage/snippets-in-pytorch.json

Needs torch and numpy. The file holds, after its header, 28 x 28 images and labels (data/digits/README.md); images are averaged to 14 x 14.
"""
import gzip
import json
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.backends.mkldnn.enabled = False


def digits():
    raw = np.frombuffer(gzip.open(sys.argv[1]).read(), dtype=np.uint8)[20:]
    train_images, train_labels, test_images, test_labels = np.split(raw, np.cumsum([5000 * 784, 5000, 1000 * 784]))

    def dataset(images, labels):
        x = torch.tensor(images.reshape(-1, 28, 28).astype(np.float32) / 255)
        return TensorDataset((F.avg_pool2d(x[:, None], 2) - 0.1307) / 0.3081, torch.tensor(labels.astype(np.int64)))

    return dataset(train_images, train_labels), dataset(test_images, test_labels)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, 1)
        self.conv2 = nn.Conv2d(8, 16, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(400, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


def mnist_cnn():
    train, test = digits()
    torch.manual_seed(1)
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    train_loader = DataLoader(Subset(train, range(640)), batch_size=64, shuffle=True)
    test_loader = DataLoader(test, batch_size=500)
    losses, rates = [], []
    for epoch in range(2):
        model.train()
        for batch_idx, (data, target) in enumerate(train_loader):
            optimizer.zero_grad()
            output = model(data)
            loss = F.nll_loss(output, target)
            loss.backward()
            optimizer.step()
            if batch_idx % 5 == 0:
                losses.append(loss.item())
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    return {"losses": losses, "rates": rates, "test_loss": test_loss / len(test_loader.dataset), "correct": correct}


def weight_decay_groups():
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 3))
    decay = [p for p in model.parameters() if p.dim() >= 2]
    no_decay = [p for p in model.parameters() if p.dim() < 2]
    optimizer = optim.Adam([{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}], lr=1e-2, betas=(0.9, 0.95))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    x, y = torch.randn(16, 8), torch.randint(0, 3, (16,))
    losses = []
    for step in range(10):
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "groups": [len(g["params"]) for g in optimizer.param_groups], "norm": model[0].weight.norm().item()}


def frozen_batch_norm():
    torch.manual_seed(3)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
    model = nn.Sequential(backbone, nn.Flatten(), nn.Linear(8, 2))
    with torch.no_grad():
        backbone(torch.randn(32, 3, 6, 6))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.requires_grad = False
            module.bias.requires_grad = False
    for p in model[0][0].parameters():
        p.requires_grad_(False)
    optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    x, y = torch.randn(8, 3, 6, 6), torch.tensor([0, 1, 0, 1, 1, 0, 1, 0])
    losses = []
    for _ in range(5):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    bn = backbone[1]
    return {"losses": losses, "running_mean": bn.running_mean.tolist(), "tracked": bn.num_batches_tracked.item(), "no_grad": bn.weight.grad is None}


def gradient_penalty():
    torch.manual_seed(4)
    critic = nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    optimizer = optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
    penalties = []
    for _ in range(3):
        real, fake = torch.randn(8, 6), torch.randn(8, 6) * 2
        alpha = torch.rand(real.size(0), 1)
        mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        scores = critic(mixed)
        gradients = torch.autograd.grad(outputs=scores, inputs=mixed, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True)[0]
        gradients = gradients.view(gradients.size(0), -1)
        penalty = ((gradients.norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        penalties.append([penalty.item(), loss.item()])
    return {"steps": penalties}


class Generator(nn.Module):
    def __init__(self, nz=8, ngf=4):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, x):
        return self.main(x)


class Discriminator(nn.Module):
    def __init__(self, ndf=4):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, 1, 2, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.main(x).view(-1)


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


def dcgan():
    torch.manual_seed(5)
    net_g, net_d = Generator(), Discriminator()
    net_g.apply(weights_init)
    net_d.apply(weights_init)
    criterion = nn.BCELoss()
    optimizer_d = optim.Adam(net_d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = optim.Adam(net_g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    history = []
    for _ in range(3):
        net_d.zero_grad()
        real = torch.randn(6, 1, 8, 8).tanh()
        label = torch.full((6,), 1.0)
        output = net_d(real)
        err_real = criterion(output, label)
        err_real.backward()
        noise = torch.randn(6, 8, 1, 1)
        fake = net_g(noise)
        label.fill_(0.0)
        output = net_d(fake.detach())
        err_fake = criterion(output, label)
        err_fake.backward()
        optimizer_d.step()
        net_g.zero_grad()
        label.fill_(1.0)
        output = net_d(fake)
        err_g = criterion(output, label)
        err_g.backward()
        optimizer_g.step()
        history.append([(err_real + err_fake).item(), err_g.item(), output.mean().item()])
    return {"history": history}


class Whitened(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("center", torch.zeros(dim))
        self.register_buffer("scratch", torch.ones(dim), persistent=False)
        self.scale = nn.Parameter(torch.ones(dim))
        self.proj = nn.ModuleList([nn.Linear(dim, dim) for _ in range(2)])

    def forward(self, x):
        if self.training:
            self.center.lerp_(x.mean(dim=0).detach(), 0.1)
        x = (x - self.center) * self.scale
        for layer in self.proj:
            x = torch.tanh(layer(x))
        return x


def custom_module():
    torch.manual_seed(6)
    model = Whitened(4)

    def init(m):
        if isinstance(m, nn.Linear):
            nn.init.xavier_uniform_(m.weight, gain=nn.init.calculate_gain("tanh"))
            nn.init.zeros_(m.bias)

    model.apply(init)
    x = torch.randn(5, 4)
    out = model(x)
    return {"keys": list(model.state_dict()), "center": model.center.tolist(), "out": out.flatten().tolist(), "parameters": sum(p.numel() for p in model.parameters())}


def hooks():
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    activations, gradients = {}, {}
    handles = []
    for name, layer in model.named_children():
        handles.append(layer.register_forward_hook(lambda m, i, o, name=name: activations.__setitem__(name, o.detach().abs().mean().item())))
        handles.append(layer.register_full_backward_hook(lambda m, gi, go, name=name: gradients.__setitem__(name, go[0].norm().item())))
    hidden = []
    x = torch.randn(8, 4)
    y = model(x)
    y.retain_grad()
    model[0].weight.register_hook(lambda g: hidden.append(g.abs().max().item()))
    (y**2).sum().backward()
    for handle in handles:
        handle.remove()
    model(x)
    return {"activations": activations, "gradients": gradients, "hidden": hidden, "retained": y.grad.norm().item()}


def accumulation():
    torch.manual_seed(8)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=6)
    accum = 4
    xs, ys = torch.randn(24, 2, 5), torch.randn(24, 2, 1)
    norms, rates, total = [], [], 0.0
    for i, (x, y) in enumerate(zip(xs, ys)):
        loss = F.mse_loss(model(x), y) / accum
        loss.backward()
        total += loss.item()
        if (i + 1) % accum == 0:
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5).item())
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step() if i + 1 < len(xs) else None
            rates.append(optimizer.param_groups[0]["lr"])
    return {"norms": norms, "rates": rates, "total": total}


def masked_loss():
    torch.manual_seed(9)
    logits = torch.randn(3, 5, 7, requires_grad=True)
    targets = torch.randint(0, 7, (3, 5))
    lengths = torch.tensor([5, 2, 3])
    mask = torch.arange(5)[None, :] < lengths[:, None]
    logp = F.log_softmax(logits, dim=-1)
    nll = -logp.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    loss = torch.where(mask, nll, torch.zeros_like(nll)).sum() / mask.sum()
    loss.backward()
    attention = torch.randn(3, 5, 5).masked_fill(~mask[:, None, :], float("-inf")).softmax(-1)
    onehot = F.one_hot(targets, 7).float()
    return {
        "loss": loss.item(),
        "grad": logits.grad.abs().sum(dim=(1, 2)).tolist(),
        "attention": attention.sum(1).flatten().tolist(),
        "onehot": (onehot * logp).sum().item(),
        "correct": (logits.argmax(-1) == targets)[mask].long().sum().item(),
    }


def hand_written_batch_norm():
    torch.manual_seed(10)
    x = (torch.randn(16, 3) * 4 + 7).requires_grad_()
    gamma, beta = torch.ones(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    mean = x.mean(0)
    var = ((x - mean) ** 2).mean(0)
    y = gamma * (x - mean) / torch.sqrt(var + 1e-5) + beta
    weights = torch.randn(16, 3)
    (y * weights).sum().backward()
    return {"y": y.flatten().tolist(), "dx": x.grad.flatten().tolist(), "dgamma": gamma.grad.tolist(), "dbeta": beta.grad.tolist()}


snippets = [mnist_cnn, weight_decay_groups, frozen_batch_norm, gradient_penalty, dcgan, custom_module, hooks, accumulation, masked_loss, hand_written_batch_norm]
json.dump({"torch": torch.__version__, **{f.__name__: f() for f in snippets}}, sys.stdout)
