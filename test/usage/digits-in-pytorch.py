"""Trains the README's example in PyTorch and prints its losses: test/usage/digits-in-pytorch.json is what it wrote with torch 2.6.

    python3 test/usage/digits-in-pytorch.py data/digits/mnist-5000-1000.bin.gz > test/usage/digits-in-pytorch.json

Needs torch and numpy. The file holds, after its header, 28 x 28 images and labels (data/digits/README.md); images are averaged to 14 x 14.
"""
import gzip
import json
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.backends.mkldnn.enabled = False

raw = np.frombuffer(gzip.open(sys.argv[1]).read(), dtype=np.uint8)[20:]
train_images, train_labels, test_images, test_labels = np.split(raw, np.cumsum([5000 * 784, 5000, 1000 * 784]))


def images(values):
    x = torch.tensor(values.reshape(-1, 28, 28).astype(np.float32) / 255)
    return (F.avg_pool2d(x[:, None], 2) - 0.1307) / 0.3081


torch.manual_seed(0)
train = TensorDataset(images(train_images), torch.tensor(train_labels.astype(np.int64)))
model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 7 * 7, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
losses = []
for x, y in DataLoader(train, batch_size=32, shuffle=True):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
model.eval()
right = int((model(images(test_images)).argmax(1) == torch.tensor(test_labels.astype(np.int64))).sum())
json.dump({"torch": torch.__version__, "losses": losses, "right": right}, sys.stdout)
