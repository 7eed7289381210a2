import { normCode } from '../../src/experiments/norms.js'
import type { Code } from '../parts/code-pane.js'
import type { OwnData } from '../training/own.js'
import type { BenchSettings, RunSettings } from './settings.js'
import { CHANNELS, GROUPS, POOLED, WIDTH } from './sizes.js'

/** What the code must know of the user's own data. */
export type OwnSizes = Pick<OwnData, 'input' | 'classNames'>

const torchActivations = { relu: 'ReLU', leaky: 'LeakyReLU', gelu: 'GELU', silu: 'SiLU', tanh: 'Tanh', sigmoid: 'Sigmoid' } as const

/** A whole program that trains the same network, in PyTorch and in Evenkeel. */
export function benchCode(bench: BenchSettings, run: RunSettings, own: OwnSizes | null = null): Code {
  const torch = inOneRow(networkLines(bench, run, 'torch', own), 'torch')
  const evenkeel = inOneRow(networkLines(bench, run, 'evenkeel', own), 'evenkeel')
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

/** A block's layers as they are written, by what they are called in the network, in their order. */
type BlockLines = readonly (readonly ['linear' | 'norm' | 'act' | 'pool', string])[]

/** The layers of a network as they are written. */
export interface NetworkLines {
  blocks: readonly BlockLines[]
  /** Whether the input is a picture that the blocks take as one row. */
  flattened: boolean
  /** Whether the last layer needs its input flattened. */
  pictures: boolean
  fc: string
}

/** @param own sizes of the user's own data, where these are known */
export function networkLines(bench: BenchSettings, run: RunSettings, language: 'torch' | 'evenkeel', own: OwnSizes | null = null): NetworkLines {
  const write = (name: string, args: Arguments): string => (language === 'torch' ? `nn.${name}(${args.torch})` : `new nn.${name}(${args.evenkeel})`)
  const same = (args: string): Arguments => ({ torch: args, evenkeel: args })
  const norm = (shape: readonly number[]): [['norm', string]] | [] => {
    if (run.norm === 'none') return []
    if (run.norm === 'batch' && run.momentum !== 0.1) {
      const momentum = { torch: `${shape[0]}, momentum=${run.momentum ?? 'None'}`, evenkeel: `${shape[0]}, { momentum: ${run.momentum} }` }
      return [['norm', write(`BatchNorm${shape.length === 3 ? 2 : 1}d`, momentum)]]
    }
    return [['norm', normCode(run.norm, [1, ...shape], { groups: GROUPS })[language === 'torch' ? 'pytorch' : 'evenkeel']]]
  }
  const act = ['act', write(torchActivations[run.activation], same(''))] as const
  const block = (linear: string, shape: readonly number[], pool: boolean): BlockLines => [
    ['linear', linear],
    ...(run.place === 'before' ? [...norm(shape), act] : [act, ...norm(shape)]),
    ...(pool ? [['pool', write('MaxPool2d', same('2'))] as const] : []),
  ]
  const { input, classes } = sizesOf(bench.data, own)
  const pictures = input.length === 3
  if (bench.network === 'mlp') {
    const widths = [input.every((size) => size > 0) ? input.reduce((product, size) => product * size, 1) : 'features', ...Array(bench.depth).fill(WIDTH)]
    const blocks = widths.slice(1).map((_, i) => block(write('Linear', same(`${widths[i]}, ${WIDTH}`)), [WIDTH], false))
    return { blocks, flattened: pictures, pictures: false, fc: write('Linear', same(`${WIDTH}, ${classes}`)) }
  }
  let [channels, size] = input
  const blocks = Array.from({ length: bench.depth }, (_, i) => {
    const next = CHANNELS[Math.min(i, CHANNELS.length - 1)]
    const pool = POOLED.includes(i) && size >= 2
    const conv = write('Conv2d', { torch: `${channels}, ${next}, 3, padding=1`, evenkeel: `${channels}, ${next}, 3, { padding: 1 }` })
    const lines = block(conv, [next, size, size], pool)
    channels = next
    if (pool) size = Math.floor(size / 2)
    return lines
  })
  return { blocks, flattened: false, pictures: true, fc: write('Linear', same(`${channels * size * size}, ${classes}`)) }
}

/** Shape of an input and number of classes; 0 and a word where they are not known. */
function sizesOf(data: BenchSettings['data'], own: OwnSizes | null): { input: readonly number[]; classes: number | string } {
  switch (data) {
    case 'digits14':
      return { input: [1, 14, 14], classes: 10 }
    case 'digits28':
      return { input: [1, 28, 28], classes: 10 }
    case 'spirals':
      return { input: [2], classes: 3 }
    case 'own':
      return own ? { input: own.input, classes: own.classNames.length } : { input: [0], classes: 'classes' }
  }
}

/** One after the other. */
function inOneRow(lines: NetworkLines, language: 'torch' | 'evenkeel'): string[] {
  const flatten = language === 'torch' ? 'nn.Flatten()' : 'new nn.Flatten()'
  return [
    ...(lines.flattened ? [flatten] : []),
    ...lines.blocks.flatMap((block) => block.map(([, text]) => text)),
    ...(lines.pictures ? [flatten] : []),
    lines.fc,
  ]
}
