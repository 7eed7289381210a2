"""Makes dataloader-orders.json: the batches of torch.utils.data.DataLoader (PyTorch 2.6, no workers), and a draw after them.

Run: python3 dataloader-orders.py > dataloader-orders.json
"""

import itertools
import json

import torch
from torch.utils.data import DataLoader, TensorDataset

cases = []
for length, batch_size, shuffle, drop_last, own in itertools.product([1, 10, 12], [1, 4, 12], [True, False], [True, False], [None, 3]):
    torch.manual_seed(7)
    options = {'generator': torch.Generator().manual_seed(own)} if own is not None else {}
    loader = DataLoader(TensorDataset(torch.arange(length)), batch_size=batch_size, shuffle=shuffle, drop_last=drop_last, **options)
    passes = [[batch[0].tolist() for batch in loader] for _ in range(2)]
    # A pass that is left after its first batch.
    for batch in loader:
        passes.append([batch[0].tolist()])
        break
    passes.append([batch[0].tolist() for batch in loader])
    cases.append(
        {
            'length': length,
            'batchSize': batch_size,
            'shuffle': shuffle,
            'dropLast': drop_last,
            'seed': own,
            'passes': passes,
            'after': torch.randint(0, 1000000, (1,)).item(),
            'afterOwn': torch.randint(0, 1000000, (1,), **options).item(),
        }
    )
print('[\n' + ',\n'.join(json.dumps(case) for case in cases) + '\n]')
