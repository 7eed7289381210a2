import { normCode } from '../../src/experiments/norms.js'
import type { Code } from '../parts/code-pane.js'
import type { BenchSettings, RunSettings } from './settings.js'
import { CHANNELS, GROUPS, POOLED, WIDTH } from './sizes.js'

const torchActivations = { relu: 'ReLU', leaky: 'LeakyReLU', gelu: 'GELU', silu: 'SiLU', tanh: 'Tanh', sigmoid: 'Sigmoid' } as const

/** A whole program that trains the same network, in PyTorch and in Evenkeel. */
export function benchCode(bench: BenchSettings, run: RunSettings): Code {
  const torch = layers(bench, run, (name, args) => `nn.${name}(${args.torch})`, 'pytorch')
  const evenkeel = layers(bench, run, (name, args) => `new nn.${name}(${args.evenkeel})`, 'evenkeel')
  const picture = bench.data === 'digits14' || bench.data === 'digits28'
  const small = bench.data === 'digits14'
  return {
    torch: [
      'import torch',
      'from torch import nn',
      'from torch.utils.data import DataLoader, TensorDataset',
      '',
      picture
        ? `# x: float32 [N, 1, ${small ? '14, 14' : '28, 28'}], (pixel / 255 - 0.1307) / 0.3081${small ? ' of 2 x 2 means' : ''}; y: int64 [N]`
        : '# x: float32 [N, features]; y: int64 [N]',
      `torch.manual_seed(${bench.seed})`,
      'model = nn.Sequential(',
      ...torch.map((line) => `    ${line},`),
      ')',
      `optimizer = torch.optim.SGD(model.parameters(), lr=${run.learningRate})`,
      `order = torch.Generator().manual_seed(${bench.seed})`,
      `loader = DataLoader(TensorDataset(x, y), batch_size=${run.batchSize}, shuffle=True, drop_last=True, generator=order)`,
      'for inputs, labels in loader:',
      '    optimizer.zero_grad()',
      '    loss = nn.functional.cross_entropy(model(inputs), labels)',
      '    loss.backward()',
      '    optimizer.step()',
    ].join('\n'),
    evenkeel: [
      `import { DataLoader, F, Generator, ${picture ? 'loadDigits, ' : ''}manualSeed, nn, optim } from 'evenkeel'`,
      '',
      ...(picture
        ? [`const { train } = await loadDigits({ size: ${small ? 14 : 28} })`]
        : ['// train: a TensorDataset of float32 [N, features] and int64 [N]']),
      `manualSeed(${bench.seed})`,
      'const model = new nn.Sequential(',
      ...evenkeel.map((line) => `  ${line},`),
      ')',
      `const optimizer = new optim.SGD(model.parameters(), { lr: ${run.learningRate} })`,
      `const loader = new DataLoader(train, { batchSize: ${run.batchSize}, shuffle: true, dropLast: true, seed: ${bench.seed} })`,
      'for (const [inputs, labels] of loader) {',
      '  optimizer.zeroGrad()',
      '  const loss = F.crossEntropy(model.forward(inputs), labels)',
      '  loss.backward()',
      '  optimizer.step()',
      '}',
    ].join('\n'),
  }
}

interface Arguments {
  torch: string
  evenkeel: string
}

function layers(bench: BenchSettings, run: RunSettings, write: (name: string, args: Arguments) => string, language: 'pytorch' | 'evenkeel'): string[] {
  const same = (args: string): Arguments => ({ torch: args, evenkeel: args })
  const lines: string[] = []
  const norm = (shape: readonly number[]) => {
    if (run.norm === 'none') return []
    if (run.norm === 'batch' && run.momentum !== 0.1) {
      return [
        write(`BatchNorm${shape.length === 3 ? 2 : 1}d`, {
          torch: `${shape[0]}, momentum=${run.momentum ?? 'None'}`,
          evenkeel: `${shape[0]}, { momentum: ${run.momentum} }`,
        }),
      ]
    }
    return [normCode(run.norm, [1, ...shape], { groups: GROUPS })[language]]
  }
  const act = write(torchActivations[run.activation], same(''))
  const block = (linear: string, shape: readonly number[], pool: boolean) => {
    lines.push(linear, ...(run.place === 'before' ? [...norm(shape), act] : [act, ...norm(shape)]), ...(pool ? [write('MaxPool2d', same('2'))] : []))
  }
  const classes = bench.data === 'spirals' ? 3 : 10
  if (bench.network === 'mlp') {
    let width = { digits14: 196, digits28: 784, spirals: 2, own: 0 }[bench.data]
    if (bench.data === 'digits14' || bench.data === 'digits28') lines.push(write('Flatten', same('')))
    for (let i = 0; i < bench.depth; i++) {
      block(write('Linear', same(`${width || 'features'}, ${WIDTH}`)), [WIDTH], false)
      width = WIDTH
    }
    return [...lines, write('Linear', same(`${WIDTH}, ${bench.data === 'own' ? 'classes' : classes}`))]
  }
  let size = bench.data === 'digits28' ? 28 : 14
  let channels = 1
  for (let i = 0; i < bench.depth; i++) {
    const next = CHANNELS[Math.min(i, CHANNELS.length - 1)]
    const pool = POOLED.includes(i) && size >= 2
    block(write('Conv2d', { torch: `${channels}, ${next}, 3, padding=1`, evenkeel: `${channels}, ${next}, 3, { padding: 1 }` }), [next, size, size], pool)
    channels = next
    if (pool) size = Math.floor(size / 2)
  }
  return [...lines, write('Flatten', same('')), write('Linear', same(`${channels * size * size}, ${classes}`))]
}
