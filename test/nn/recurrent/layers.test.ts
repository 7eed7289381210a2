import { describe, expect, test, vi } from 'vitest'
import { gradcheck, manualSeed, memory, nn, noGrad, ones, randn, scope, type Tensor, zeros } from '../../../src/index.js'

const { packPaddedSequence, packSequence, padPackedSequence, padSequence, unpackSequence, unpadSequence } = nn.utils.rnn
type Layer = nn.RNN | nn.GRU | nn.LSTM | nn.LayerNormRNN | nn.LayerNormGRU | nn.LayerNormLSTM

const run = (layer: Layer, x: Tensor | nn.utils.rnn.PackedSequence): readonly unknown[] => Reflect.apply(layer.forward, layer, [x])
const distance = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item()
const make: Record<string, () => Layer> = {
  RNN: () => new nn.RNN(3, 4, { numLayers: 2, bidirectional: true }),
  GRU: () => new nn.GRU(3, 4, { numLayers: 2, bidirectional: true }),
  LSTM: () => new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 }),
  LayerNormRNN: () => new nn.LayerNormRNN(3, 4, { numLayers: 2, bidirectional: true }),
  LayerNormGRU: () => new nn.LayerNormGRU(3, 4, { numLayers: 2, bidirectional: true }),
  LayerNormLSTM: () => new nn.LayerNormLSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 }),
}

describe.for(Object.entries(make))('%s', ([, layerOf]) => {
  test('sequences of different lengths give what each gives alone, and the same gradients', () => {
    manualSeed(1)
    const layer = layerOf().double()
    const lengths = [2, 5, 3, 5]
    const sequences = lengths.map((n) => randn([n, 3], { dtype: 'float64' }))
    const packed = packSequence(sequences, { enforceSorted: false })
    const [output, states] = run(layer, packed) as [nn.utils.rnn.PackedSequence, Tensor | Tensor[]]
    const upstream = lengths.map((n) => randn([n, output.data.shape[1]], { dtype: 'float64' }))
    const together = unpackSequence(output)
    const loss = (list: readonly Tensor[]) => list.map((y, i) => y.mul(upstream[i]).sum()).reduce((a, b) => a.add(b))
    loss(together).backward()
    const gradients = layer.parameters().map((p) => p.grad?.clone() as Tensor)
    layer.zeroGrad()
    const alone = sequences.map((x) => run(layer, x) as [Tensor, Tensor | Tensor[]])
    loss(alone.map(([y]) => y)).backward()
    alone.forEach(([y, own], i) => {
      expect(distance(y, together[i])).toBeLessThan(1e-13)
      const list = (s: Tensor | Tensor[]) => (Array.isArray(s) ? s : [s])
      for (const [k, s] of list(own).entries()) expect(distance(s, list(states)[k].select(1, i))).toBeLessThan(1e-13)
    })
    for (const [i, p] of layer.parameters().entries()) expect(distance(p.grad as Tensor, gradients[i])).toBeLessThan(1e-12)
  })

  test('without a graph nothing is left but the result', () => {
    scope(() => {
      const layer = layerOf()
      const x = randn([5, 2, 3])
      const before = memory().tensors
      const [, states] = noGrad(() => run(layer, x))
      expect(memory().tensors - before).toBe(Array.isArray(states) ? 3 : 2)
    })
  })
})

test('a projection of any size: rows of gates are whole multiples of no quotient', () => {
  manualSeed(3)
  const [features, hidden, projSize, batch, steps] = [7, 23, 20, 9, 4] // 4 * 23 / 20 * 720 is not 3312 in floating point
  const layer = new nn.LSTM(features, hidden, { projSize })
  const [x, upstream] = [randn([steps, batch, features]), randn([steps, batch, projSize])]
  const gradients = (['float32', 'float64'] as const).map((dtype) => {
    layer.to(dtype).zeroGrad()
    const leaf = x.detach().to(dtype).requiresGrad_()
    layer.forward(leaf)[0].mul(upstream.to(dtype)).sum().backward()
    return [leaf, ...layer.parameters()].map((p) => p.grad?.clone() as Tensor)
  })
  for (const [i, g] of gradients[1].entries()) expect(distance(gradients[0][i].double(), g) / g.abs().max().item()).toBeLessThan(1e-5)
})

test("PyTorch's initial values: torch.manual_seed(0); torch.nn.LSTM(2, 3)", () => {
  manualSeed(0)
  const lstm = new nn.LSTM(2, 3)
  expect(Object.keys(lstm.stateDict())).toEqual(['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'])
  // 2 / sqrt(3) times the first uniform draws of the seed, less 1 / sqrt(3).
  const first = Array.from(lstm.weightIhL0.data as Float32Array).slice(0, 3)
  const expected = [0.49625658, 0.76822179, 0.08847743].map((u) => (2 * u - 1) / Math.sqrt(3))
  for (const [i, v] of first.entries()) expect(v).toBeCloseTo(expected[i], 6)
})

test('dropout between layers: in training alone, and not behind the last', () => {
  manualSeed(2)
  const gru = new nn.GRU(3, 4, 2, { dropout: 0.5 })
  const x = randn([6, 2, 3])
  const [a, b] = [gru.forward(x)[0], gru.forward(x)[0]]
  expect(distance(a, b)).toBeGreaterThan(0)
  expect(a.eq(0).any().item()).toBe(0)
  gru.eval()
  expect(distance(gru.forward(x)[0], gru.forward(x)[0])).toBe(0)
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  new nn.GRU(3, 4, { dropout: 0.5 })
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('expects num_layers greater than 1, but got dropout=0.5 and num_layers=1'))
  warn.mockRestore()
})

describe('BatchNormLSTM', () => {
  test('gradient, with sequences of different lengths', () => {
    manualSeed(4)
    const layer = new nn.BatchNormLSTM(2, 2, { maxLength: 2, momentum: 0, dtype: 'float64' })
    const x = randn([3, 3, 2], { dtype: 'float64' }).requiresGrad_()
    expect(gradcheck((input: Tensor) => layer.forward(packPaddedSequence(input, [3, 3, 2]))[0].data, [x])).toBe(true)
  })

  test('keeps averages for each step, normalises with them in evaluation, and shares the last one beyond maxLength', () => {
    manualSeed(5)
    const layer = new nn.BatchNormLSTM(2, 3, { maxLength: 2, momentum: 1 })
    const norm = layer.getSubmodule('bn_ih_l0')
    const x = randn([4, 8, 2])
    layer.forward(x)
    const [mean] = norm.buffers()
    const product = x.matmul(layer.stateDict().weight_ih_l0.t())
    expect(distance(mean.select(0, 0), product.select(0, 0).mean(0))).toBeLessThan(1e-6)
    // The last step that shares it came last.
    expect(distance(mean.select(0, 1), product.select(0, 3).mean(0))).toBeLessThan(1e-6)
    layer.eval()
    const [whole] = layer.forward(x)
    const [part] = layer.forward(x.narrow(1, 0, 1))
    expect(distance(whole.narrow(1, 0, 1), part)).toBeLessThan(1e-6)
  })
})

describe('packed sequences', () => {
  const list = (t: Tensor) => t.toArray()

  test('padding and packing are undone', () => {
    const sequences = [ones([2]), ones([3]).mul(2)]
    expect(list(padSequence(sequences))).toEqual([
      [1, 2],
      [1, 2],
      [0, 2],
    ])
    expect(list(padSequence(sequences, { batchFirst: true, paddingValue: 7, paddingSide: 'left' }))).toEqual([
      [7, 1, 1],
      [2, 2, 2],
    ])
    const [padded, lengths] = padPackedSequence(packSequence(sequences, false), { batchFirst: true, totalLength: 4, paddingValue: -1 })
    expect(list(padded)).toEqual([
      [1, 1, -1, -1],
      [2, 2, 2, -1],
    ])
    expect(Array.from(lengths.data, Number)).toEqual([2, 3])
    expect(unpadSequence(padded, lengths, true).map(list)).toEqual(sequences.map(list))
  })

  const x = ones([5, 3, 2])
  const sorted = '`lengths` array must be sorted in decreasing order when `enforce_sorted` is True.'
  test.for<[string, () => unknown, string]>([
    ['a length of 0', () => packPaddedSequence(x, [5, 3, 0]), "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"],
    ['unsorted lengths', () => packPaddedSequence(x, [1, 2, 3]), sorted],
    ['a length beyond the tensor', () => packPaddedSequence(x, [6, 3, 1]), 'Expected lengths of at most 5, the length of the padded input, but got 6'],
    ['too few lengths', () => packPaddedSequence(x, [5, 3]), 'Expected `len(lengths)` to be equal to batch_size, but got 2 (batch_size=3)'],
    ['lengths in two dimensions', () => packPaddedSequence(x, ones([1, 3])), "'lengths' argument should be a 1D CPU int64 tensor, but got 2D cpu Long tensor"],
    ['nothing to pack', () => packPaddedSequence(zeros([0, 3, 2]), [1, 1, 1]), 'Cannot pack empty tensors.'],
    ['no sequences', () => padSequence([]), 'received an empty list of sequences'],
    [
      'a total length below the longest',
      () => padPackedSequence(packPaddedSequence(x, [5, 3, 1]), { totalLength: 4 }),
      'Expected total_length to be at least the length of the longest sequence in input, but got total_length=4 and max sequence length being 5',
    ],
    ['features of a packed input', () => new nn.LSTM(3, 4).forward(packPaddedSequence(x, [5, 3, 1])), 'Expected 3, got 2'],
    ['an empty sequence', () => new nn.GRU(2, 4).forward(zeros([0, 3, 2])), 'Expected sequence length to be larger than 0 in RNN'],
    [
      'a state for another batch',
      () => new nn.LayerNormLSTM(2, 4).forward(x, [zeros([1, 2, 4]), zeros([1, 3, 4])]),
      'Expected hidden[0] size (1, 3, 4), got [1, 2, 4]',
    ],
    [
      'a cell state of another size',
      () => new nn.LSTM(2, 4).forward(x, [zeros([1, 3, 4]), zeros([1, 3, 5])]),
      'Expected hidden[1] size (1, 3, 4), got [1, 3, 5]',
    ],
    ['another dtype', () => new nn.GRU(2, 4).forward(x.double()), 'input must have the type torch.float32, got type torch.float64'],
    [
      'projections of a GRU with norms',
      () => new nn.LayerNormGRU(2, 4, { projSize: 2 } as never),
      'proj_size argument is only supported for LSTM, not RNN or GRU',
    ],
    ["a cell's batch", () => new nn.GRUCell(2, 4).forward(ones([2, 2]), ones([3, 4])), "Input batch size 2 doesn't match hidden0 batch size 3"],
    ['an unknown option', () => new nn.BatchNormLSTM(2, 4, { maxLenght: 3 } as never), "Did you mean 'maxLength'?"],
  ])('%s', ([, fail, message]) => {
    expect(fail).toThrow(message)
  })
})
