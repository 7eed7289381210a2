import { describe, expect, test } from 'vitest'
import { manualSeed, nn, tensor, zeros } from '../../src/index.js'

describe('layers print as in PyTorch', () => {
  test.for<[() => nn.Module, string]>([
    [() => new nn.Bilinear(3, 4, 2, { bias: false }), 'Bilinear(in1_features=3, in2_features=4, out_features=2, bias=False)'],
    [
      () => new nn.ConvTranspose2d(4, 6, 3, { stride: [2, 1], outputPadding: [1, 0], groups: 2, bias: false }),
      'ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 1), output_padding=(1, 0), groups=2, bias=False)',
    ],
    [
      () => new nn.Conv1d(1, 2, 3, { padding: 'same', paddingMode: 'circular' }),
      'Conv1d(1, 2, kernel_size=(3,), stride=(1,), padding=same, padding_mode=circular)',
    ],
    [() => new nn.MaxPool3d([1, 2, 2], { ceilMode: true }), 'MaxPool3d(kernel_size=(1, 2, 2), stride=(1, 2, 2), padding=0, dilation=1, ceil_mode=True)'],
    [() => new nn.AvgPool1d(2, { padding: 1 }), 'AvgPool1d(kernel_size=(2,), stride=(2,), padding=(1,))'],
    [() => new nn.AdaptiveMaxPool2d([null, 3]), 'AdaptiveMaxPool2d(output_size=(None, 3))'],
    [() => new nn.LPPool1d(1.5, 3, { stride: 2 }), 'LPPool1d(norm_type=1.5, kernel_size=3, stride=2, ceil_mode=False)'],
    [
      () => new nn.Embedding(4, 2, { paddingIdx: -1, maxNorm: 1, normType: 1, scaleGradByFreq: true }),
      'Embedding(4, 2, padding_idx=3, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True)',
    ],
    [() => new nn.EmbeddingBag(4, 2, { maxNorm: 1, mode: 'max', paddingIdx: 1 }), "EmbeddingBag(4, 2, max_norm=1.0, mode='max', padding_idx=1)"],
    [() => new nn.Upsample({ size: [2, 3], mode: 'bilinear' }), "Upsample(size=(2, 3), mode='bilinear')"],
    [() => new nn.UpsamplingBilinear2d({ scaleFactor: [2, 1.5] }), "UpsamplingBilinear2d(scale_factor=(2.0, 1.5), mode='bilinear')"],
    [() => new nn.ConstantPad1d(2, 3), 'ConstantPad1d(padding=(2, 2), value=3)'],
    [() => new nn.CircularPad3d(1), 'CircularPad3d((1, 1, 1, 1, 1, 1))'],
    [() => new nn.Fold(4, [2, 2], { stride: 2 }), 'Fold(output_size=4, kernel_size=(2, 2), dilation=1, padding=0, stride=2)'],
    [() => new nn.PixelUnshuffle(2), 'PixelUnshuffle(downscale_factor=2)'],
    [() => new nn.Flatten({ startDim: 2 }), 'Flatten(start_dim=2, end_dim=-1)'],
    [
      () => new nn.ModuleList([new nn.Identity(), new nn.Linear(1, 1), new nn.Linear(1, 1), new nn.Linear(1, 2)]),
      'ModuleList(\n  (0): Identity()\n  (1-2): 2 x Linear(in_features=1, out_features=1, bias=True)\n  (3): Linear(in_features=1, out_features=2, bias=True)\n)',
    ],
  ])('%#', ([make, text]) => {
    expect(String(make())).toBe(text)
  })
})

describe('layers refuse', () => {
  test.for<[string, string, () => unknown, string]>([
    ['one argument too few', 'TypeError', () => Reflect.construct(nn.Linear, [3]), "Linear.__init__() missing 1 required positional argument: 'out_features'"],
    [
      'no arguments',
      'TypeError',
      () => Reflect.construct(nn.Conv2d, []),
      "Conv2d.__init__() missing 3 required positional arguments: 'in_channels', 'out_channels', and 'kernel_size'",
    ],
    [
      'two too few',
      'TypeError',
      () => Reflect.construct(nn.Embedding, []),
      "Embedding.__init__() missing 2 required positional arguments: 'num_embeddings' and 'embedding_dim'",
    ],
    [
      'options by position',
      'TypeError',
      () => Reflect.construct(nn.MaxPool2d, [2, 2, 0, 1, true]),
      'MaxPool2d: takes stride, padding, dilation by position and its other options by name, in an object that comes last. Did you mean { returnIndices: true }?',
    ],
    [
      'unknown options',
      'TypeError',
      () => new nn.Conv2d(1, 1, 3, { pading: 1 } as object),
      "Conv2d: got an unexpected option 'pading'. Did you mean 'padding'?",
    ],
    ['negative sizes', 'RuntimeError', () => new nn.Linear(3, -1), 'Trying to create tensor with negative dimension -1: [-1, 3]'],
    [
      'padding modes that a transposed convolution lacks',
      'ValueError',
      () => new nn.ConvTranspose2d(3, 4, 3, { paddingMode: 'reflect' as 'zeros' }),
      'Only "zeros" padding mode is supported for ConvTranspose2d',
    ],
    [
      'sizes that are not whole',
      'TypeError',
      () => new nn.Unflatten(1, [2.5, 3]),
      'unflattened_size must be tuple of ints, but found element of type float at pos 0',
    ],
    ['circular padding without channels', 'ValueError', () => new nn.CircularPad2d(1).forward(zeros([3, 3])), 'expected 3D or 4D input (got 2D input)'],
  ])('%s', ([, name, run, message]) => {
    expect(run).toThrow(expect.objectContaining({ name, message: expect.stringContaining(message) }))
  })
})

describe('ConvTranspose', () => {
  const layer = () => new nn.ConvTranspose2d(3, 4, 3, { stride: 2 })
  test('reaches every size that its convolution maps to the input', () => {
    expect(layer().forward(zeros([1, 3, 5, 5]), [12, 11]).shape).toEqual([1, 4, 12, 11])
    expect(layer().forward(zeros([3, 5, 5]), [4, 11, 12]).shape).toEqual([4, 11, 12])
  })
  test('refuses others', () => {
    expect(() => layer().forward(zeros([1, 3, 5, 5]), [13, 12])).toThrow(
      'requested an output size of (13, 12), but valid sizes range from [11, 11] to [12, 12] (for an input of torch.Size([5, 5]))',
    )
    expect(() => layer().forward(zeros([1, 3, 5, 5]), [12])).toThrow('ConvTranspose2D: for 4D input, output_size must have 2 or 4 elements (got 1)')
  })
})

test('padding modes see the neighbours that they name', () => {
  const sum = (paddingMode: nn.PaddingMode, padding: number | 'same' = 1) => {
    const conv = new nn.Conv1d(1, 1, 3, { padding, paddingMode, bias: false })
    nn.init.ones_(conv.weight)
    return conv.forward(tensor([[1, 2, 4]])).toArray()
  }
  expect(sum('zeros')).toEqual([[3, 7, 6]])
  expect(sum('reflect')).toEqual([[5, 7, 8]])
  expect(sum('replicate')).toEqual([[4, 7, 10]])
  expect(sum('circular')).toEqual([[7, 7, 7]])
  expect(sum('circular', 'same')).toEqual([[7, 7, 7]])
})

describe('Embedding', () => {
  test('the padding starts as zeros, and draws its numbers all the same', () => {
    manualSeed(0)
    const plain = new nn.Embedding(6, 3)
    manualSeed(0)
    const padded = new nn.Embedding(6, 3, { paddingIdx: 2 })
    expect(padded.weight.select(0, 2).toArray()).toEqual([0, 0, 0])
    expect(padded.weight.select(0, 3).toArray()).toEqual(plain.weight.select(0, 3).toArray())
  })
  test('fromPretrained copies and freezes', () => {
    const values = tensor([[1, 2]], { dtype: 'float64' })
    const layer = nn.Embedding.fromPretrained(values)
    values.fill_(0)
    expect(layer.forward(tensor([0n])).toArray()).toEqual([[1, 2]])
    expect([layer.weight.requiresGrad, layer.weight.dtype]).toEqual([false, 'float64'])
    expect(nn.EmbeddingBag.fromPretrained(values, { freeze: false, mode: 'sum' }).weight.requiresGrad).toBe(true)
    expect(() => nn.Embedding.fromPretrained(zeros([3]))).toThrow(
      expect.objectContaining({ name: 'AssertionError', message: 'Embeddings parameter is expected to be 2-dimensional' }),
    )
  })
})

test('a pool with indices returns both, and its type says so', () => {
  const [values, indices] = new nn.MaxPool2d(2, { returnIndices: true }).forward(
    tensor([
      [
        [1, 2],
        [4, 3],
      ],
    ]),
  )
  expect([values.item(), indices.item()]).toEqual([4, 2])
  const plain: nn.Layer = new nn.MaxPool2d(2)
  expect(plain.forward(zeros([1, 2, 2])).shape).toEqual([1, 1, 1])
})

test('parameters have the dtype asked for', () => {
  const net = new nn.Sequential(new nn.Conv2d(1, 1, 1, { dtype: 'float64' }), new nn.Linear(2, 2, { dtype: 'float64' }))
  expect(net.parameters().map((p) => p.dtype)).toEqual(['float64', 'float64', 'float64', 'float64'])
})
