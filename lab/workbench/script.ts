import { type NetworkLines, networkLines, type OwnSizes } from './code.js'
import type { Change } from './run.js'
import type { BenchSettings, RunSettings } from './settings.js'

interface ScriptOptions {
  steps: number
  address: string
  own: OwnSizes | null
  /** Knobs that were turned while it ran. */
  changes?: readonly Pick<Change, 'step' | 'settings'>[]
}

/**
 * A program in Python that makes the same run with PyTorch: the same data, first weights (PyTorch draws the same numbers from a seed), batches and
 * changes, so that it prints the losses of the page up to rounding. Its network has the keys of the weights that the page saves.
 * @param run what it began with
 */
export function pytorchScript(bench: BenchSettings, run: RunSettings, { steps, address, own, changes = [] }: ScriptOptions): string {
  const turned = changes.filter(({ step }) => step < steps)
  const lines = networkLines(bench, run, 'torch', own)
  return `${[
    ...head(bench, address),
    ...data(bench),
    '',
    `STEPS = ${steps}`,
    ...schedule(turned),
    '',
    '',
    'def named(**layers):',
    '    return nn.Sequential(OrderedDict(layers))',
    '',
    '',
    'def endless(batch_size):',
    '    while True:',
    '        yield from DataLoader(',
    '            TensorDataset(x, y), batch_size=min(batch_size, len(x)), shuffle=True, drop_last=True, generator=order',
    '        )',
    '',
    '',
    `torch.manual_seed(${bench.seed})`,
    ...model(lines),
    `optimizer = torch.optim.SGD(model.parameters(), lr=${run.learningRate})`,
    `order = torch.Generator().manual_seed(${bench.seed})`,
    `batches = endless(${run.batchSize})`,
    'for step in range(1, STEPS + 1):',
    ...turns(turned),
    '    inputs, labels = next(batches)',
    '    optimizer.zero_grad()',
    '    loss = nn.functional.cross_entropy(model(inputs), labels)',
    '    loss.backward()',
    '    optimizer.step()',
    "    print(f'step {step}: loss {loss.item():.7f}')",
    '',
    'model.eval()',
    'with torch.no_grad():',
    '    right = (model(test_x[:500]).argmax(1) == test_y[:500]).float().mean().item()',
    "print(f'test accuracy in eval(): {100 * right:.1f}%')",
    '# The weights that the page saves fit, too:',
    "# model.load_state_dict(safetensors.torch.load_file('evenkeel-run.safetensors'))",
  ].join('\n')}\n`
}

type Changes = NonNullable<ScriptOptions['changes']>

const python = (value: unknown): string => (value === null ? 'None' : String(value))

/** Knobs by their names in Python, by the first step that they hold for. */
function schedule(changes: Changes): string[] {
  if (changes.length === 0) return []
  const bySteps = new Map<number, Partial<RunSettings>>()
  for (const { step, settings } of changes) bySteps.set(step + 1, { ...bySteps.get(step + 1), ...settings })
  const entries = [...bySteps].map(([step, { learningRate, batchSize, momentum }]) => {
    const knobs = Object.entries({ lr: learningRate, batch_size: batchSize, momentum }).filter(([, value]) => value !== undefined)
    return `    ${step}: {${knobs.map(([name, value]) => `'${name}': ${python(value)}`).join(', ')}},`
  })
  return ['# What was changed while it ran, by the first step that it holds for.', 'CHANGES = {', ...entries, '}']
}

/** What the loop does about them; of knobs that nobody turned there is no line. */
function turns(changes: Changes): string[] {
  const turned = (key: keyof RunSettings) => changes.some(({ settings }) => settings[key] !== undefined)
  return [
    ...(changes.length > 0 ? ['    change = CHANGES.get(step, {})'] : []),
    ...(turned('learningRate') ? ["    if 'lr' in change:", "        optimizer.param_groups[0]['lr'] = change['lr']"] : []),
    ...(turned('batchSize') ? ["    if 'batch_size' in change:", "        batches = endless(change['batch_size'])"] : []),
    ...(turned('momentum')
      ? [
          "    if 'momentum' in change:",
          '        for layer in model.modules():',
          '            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):',
          "                layer.momentum = change['momentum']",
        ]
      : []),
  ]
}

function head({ data }: BenchSettings, address: string): string[] {
  const from = {
    digits14: 'Give it the file of digits: data/digits/mnist-5000-1000.bin.gz in the package evenkeel.',
    digits28: 'Give it the file of digits: data/digits/mnist-5000-1000.bin.gz in the package evenkeel.',
    spirals: 'It needs no file.',
    own: 'Give it evenkeel-data.safetensors, which the page saves; it needs the package safetensors.',
  }[data]
  const digits = data === 'digits14' || data === 'digits28'
  return [
    `# The run of ${address}`,
    `# with PyTorch: the same first weights, batches and losses, up to rounding. ${from}`,
    ...(digits ? ['import gzip'] : data === 'spirals' ? ['import math'] : []),
    ...(data === 'spirals' ? [] : ['import sys']),
    'from collections import OrderedDict',
    '',
    ...(digits ? ['import numpy as np'] : []),
    ...(data === 'own' ? ['import safetensors.torch'] : []),
    'import torch',
    'from torch import nn',
    'from torch.utils.data import DataLoader, TensorDataset',
    '',
  ]
}

function data({ data }: BenchSettings): string[] {
  switch (data) {
    case 'digits14':
      return digits(14)
    case 'digits28':
      return digits(28)
    case 'spirals':
      return [
        'torch.manual_seed(12)',
        '',
        '',
        'def arms(count):',
        '    labels = torch.arange(count) % 3',
        '    radius = torch.rand(count).sqrt()',
        '    angle = radius * (1.6 * 2 * math.pi) + labels.float() * (2 * math.pi / 3)',
        '    noise = torch.randn(count, 2) * 0.04',
        '    return (torch.stack([radius * angle.cos(), radius * angle.sin()], 1) + noise) * 2, labels',
        '',
        '',
        'x, y = arms(1500)',
        'test_x, test_y = arms(600)',
      ]
    case 'own':
      return [
        'own = safetensors.torch.load_file(sys.argv[1])',
        "x, y = own['train.inputs'], own['train.labels']",
        "test_x, test_y = own['test.inputs'], own['test.labels']",
      ]
  }
}

function digits(size: 14 | 28): string[] {
  const block = 28 / size
  return [
    'raw = gzip.open(sys.argv[1]).read()',
    "counts = np.frombuffer(raw, '<u4', count=2, offset=4)",
    'at = 20',
    '',
    '',
    'def images(count):',
    '    global at',
    '    pixels = np.frombuffer(raw, np.uint8, count * 28 * 28, at)',
    '    labels = np.frombuffer(raw, np.uint8, count, at + pixels.size)',
    '    at += pixels.size + count',
    `    sums = pixels.reshape(count, 1, ${size}, ${block}, ${size}, ${block}).sum((3, 5))`,
    `    values = torch.from_numpy((sums / ${255 * block * block}).astype(np.float32))`,
    '    return (values - 0.1307) / 0.3081, torch.from_numpy(labels.astype(np.int64))',
    '',
    '',
    'x, y = images(int(counts[0]))',
    'test_x, test_y = images(int(counts[1]))',
  ]
}

function model({ blocks, flattened, pictures, fc }: NetworkLines): string[] {
  return [
    'model = named(',
    ...(flattened ? ['    flat=nn.Flatten(),'] : []),
    '    blocks=nn.Sequential(',
    ...blocks.map((block) => `        named(${block.map(([name, text]) => `${name}=${text}`).join(', ')}),`),
    '    ),',
    ...(pictures ? ['    flat=nn.Flatten(),'] : []),
    `    fc=${fc},`,
    ')',
  ]
}
