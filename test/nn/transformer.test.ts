import { describe, expect, test } from 'vitest'
import { F, Generator, linspace, manualSeed, nn, noGrad, ones, randn, type Tensor, tensor, zeros } from '../../src/index.js'

const gap = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item()
const numbers = (t: Tensor): number[] => [...t.detach().toTypedArray()].map(Number)
const close = (got: Tensor, want: readonly number[]) => {
  expect(got.numel()).toBe(want.length)
  expect(Math.max(...numbers(got).map((v, i) => Math.abs(v - want[i])))).toBeLessThan(2e-6)
}
const draw = (...shape: number[]): Tensor => randn(shape, { generator: new Generator().manualSeed(1) })
/** As the scripts that asked PyTorch 2.6 made it. */
const line = (): Tensor => linspace(-1, 1, 48).reshape([2, 3, 8])

describe("with a seed, PyTorch's numbers", () => {
  test('initial values of MultiheadAttention', () => {
    manualSeed(3)
    const attention = new nn.MultiheadAttention(8, 2, { addBiasKv: true })
    const state = attention.stateDict()
    close(state.in_proj_weight.flatten().narrow(0, 0, 2), [-0.1964232474565506, 0.006457192357629538])
    close(state.bias_k.flatten().narrow(0, 0, 2), [-0.17948444187641144, 0.024749519303441048])
    close(state.bias_v.flatten().narrow(0, 0, 2), [-0.11372207850217819, -0.5420017242431641])
    close(state['out_proj.weight'].flatten().narrow(0, 0, 2), [-0.35053861141204834, -0.27890458703041077])
    expect(numbers(state['out_proj.bias'])).toEqual(new Array(8).fill(0))
    manualSeed(7)
    const apart = new nn.MultiheadAttention(8, 2, { kdim: 5, vdim: 3 }).stateDict()
    close(apart.k_proj_weight.select(0, 0), [-0.42035701870918274, 0.358338326215744, 0.56379634141922, -0.13898827135562897, -0.11136498302221298])
    close(apart['out_proj.weight'].select(0, 0).narrow(0, 0, 3), [0.024693964049220085, -0.2129783034324646, 0.11257966607809067])
  })

  test('initial values of Transformer', () => {
    manualSeed(3)
    const state = new nn.Transformer(8, 2, 1, 1, 12).stateDict()
    const begins = (key: string, want: number[]) => close(state[key].flatten().narrow(0, 0, 2), want)
    begins('encoder.layers.0.self_attn.in_proj_weight', [0.2125266194343567, -0.19667871296405792])
    begins('encoder.layers.0.linear1.bias', [-0.27216672897338867, -0.08153551816940308])
    begins('decoder.layers.0.multihead_attn.out_proj.weight', [0.4649411737918854, 0.03676946833729744])
    begins('decoder.layers.0.linear2.weight', [0.34683912992477417, 0.11295808851718903])
  })

  test('dropout in an encoder layer whose batch comes first', () => {
    manualSeed(5)
    const layer = new nn.TransformerEncoderLayer(8, 2, 12, 0.3, { batchFirst: true })
    const y = layer.forward(line())
    close(
      y.select(0, 0).select(0, 1),
      [
        -1.1876978874206543, -1.0261131525039673, -0.8097670674324036, -0.6368186473846436, 0.7583030462265015, 0.7867653965950012, 1.780097246170044,
        0.33523106575012207,
      ],
    )
  })

  test('dropout in a decoder layer that normalizes first', () => {
    manualSeed(6)
    const layer = new nn.TransformerDecoderLayer(8, 2, 12, 0.3, { normFirst: true, activation: 'gelu' })
    const y = layer.forward(line(), line().flip(0).mul(0.5))
    close(
      y.select(0, 1).select(0, 2),
      [
        0.08773340284824371, 0.3779674172401428, 0.739512026309967, 1.8087422847747803, 1.190577745437622, 0.5165494084358215, 0.16081231832504272,
        0.807132363319397,
      ],
    )
  })

  test('dropout of attention weights', () => {
    manualSeed(7)
    const attention = new nn.MultiheadAttention(8, 2, 0.4)
    const [y, weights] = attention.forward(line(), line(), line())
    // One tensor for queries, keys and values, or three: the same draws.
    close(y.select(0, 1).select(0, 0).narrow(0, 0, 3), [0.13072797656059265, -0.14178195595741272, -0.06327683478593826])
    close((weights as Tensor).select(0, 1).select(0, 0), [0.37379536032676697, 0.3928568363189697])
  })
})

describe('MultiheadAttention', () => {
  const attention = new nn.MultiheadAttention(8, 2, { batchFirst: true })
  const x = draw(2, 5, 8)

  test('gives the same with and without weights, unbatched, and with the length first', () => {
    const [y] = attention.forward(x, x, x)
    expect(gap(attention.forward(x, x, x, { needWeights: false })[0], y)).toBeLessThan(1e-6)
    const one = x.select(0, 1)
    expect(gap(attention.forward(one, one, one)[0], y.select(0, 1))).toBeLessThan(1e-6)
    const lengthFirst = new nn.MultiheadAttention(8, 2)
    lengthFirst.loadStateDict(attention.stateDict())
    const turned = x.transpose(0, 1)
    expect(gap(lengthFirst.forward(turned, turned, turned)[0].transpose(0, 1), y)).toBeLessThan(1e-6)
  })

  test('in evaluation the result is contiguous and the same', () => {
    const trained = attention.forward(x, x, x)[0]
    attention.eval()
    const y = attention.forward(x, x, x)[0]
    attention.train()
    expect(y.isContiguous()).toBe(true)
    expect(gap(y, trained)).toBe(0)
  })

  test('weights are averaged, or one for each head; they sum to 1', () => {
    const [, mean] = attention.forward(x, x, x)
    const [, each] = attention.forward(x, x, x, { averageAttnWeights: false })
    expect([mean?.shape, each?.shape]).toEqual([
      [2, 5, 5],
      [2, 2, 5, 5],
    ])
    expect(gap((each as Tensor).mean(1), mean as Tensor)).toBeLessThan(1e-6)
    expect(gap((each as Tensor).sum(-1), ones([2, 2, 5]))).toBeLessThan(1e-6)
    expect(attention.forward(x, x, x, { needWeights: false })[1]).toBeNull()
  })

  test('isCausal stands for the mask that hides the future', () => {
    const attnMask = nn.Transformer.generateSquareSubsequentMask(5)
    expect(attnMask.narrow(0, 0, 2).narrow(1, 0, 3).toArray()).toEqual([
      [0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [0, 0, Number.NEGATIVE_INFINITY],
    ])
    const [y] = attention.forward(x, x, x, { attnMask })
    for (const options of [
      { attnMask, isCausal: true },
      { attnMask, isCausal: true, needWeights: false },
      { attnMask: attnMask.ne(0), needWeights: false },
    ])
      expect(gap(attention.forward(x, x, x, options)[0], y)).toBeLessThan(1e-6)
  })

  test('keys that are padding have no weight, and no gradient', () => {
    const query = draw(2, 3, 8)
    const keyPaddingMask = tensor([
      [false, false, false, true, true],
      [false, true, false, false, false],
    ])
    for (const needWeights of [true, false]) {
      const input = draw(2, 5, 8).requiresGrad_()
      const [y] = attention.forward(query, input, input, { keyPaddingMask, needWeights })
      y.square().sum().backward()
      expect(input.grad?.abs().sum(-1).eq(0).toArray()).toEqual(keyPaddingMask.toArray())
    }
  })

  test('a query without keys: NaN where the weights are asked for, as in PyTorch, else what the bias of the output is', () => {
    const attnMask = zeros([5, 5], { dtype: 'bool' })
    attnMask.select(0, 2).fill_(1)
    expect(attention.forward(x, x, x, { attnMask })[0].select(1, 2).isnan().all().item()).toBe(1)
    const [y] = attention.forward(x, x, x, { attnMask, needWeights: false })
    expect(gap(y.select(1, 2), (attention.outProj.bias as Tensor).expand(2, 8))).toBe(0)
  })

  test.each<[string, () => unknown]>([
    ['embed_dim must be divisible by num_heads', () => new nn.MultiheadAttention(8, 3)],
    ['embed_dim and num_heads must be greater than 0, got embed_dim=-8 and num_heads=2 instead', () => new nn.MultiheadAttention(-8, 2)],
    ["MultiheadAttention.__init__() missing 1 required positional argument: 'num_heads'", () => Reflect.construct(nn.MultiheadAttention, [8])],
    [
      'For batched (3-D) `query`, expected `key` and `value` to be 3-D but found 2-D and 3-D tensors respectively',
      () => attention.forward(x, x.select(0, 0), x),
    ],
    ['For batched (3-D) `query`, expected `key_padding_mask` to be `None` or 2-D but found 1-D tensor instead', () => attention.forward(x, x, x, zeros([5]))],
    [
      'For batched (3-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found 1-D tensor instead',
      () => attention.forward(x, x, x, { attnMask: zeros([5]) }),
    ],
    ['only bool and floating types of attn_mask are supported', () => attention.forward(x, x, x, { attnMask: zeros([5, 5], { dtype: 'int64' }) })],
    ['only bool and floating types of key_padding_mask are supported', () => attention.forward(x, x, x, zeros([2, 5], { dtype: 'int64' }))],
    ['The shape of the 3D attn_mask is torch.Size([3, 5, 5]), but should be (4, 5, 5).', () => attention.forward(x, x, x, { attnMask: zeros([3, 5, 5]) })],
    ['The shape of the 2D attn_mask is torch.Size([5, 4]), but should be (5, 5).', () => attention.forward(x, x, x, { attnMask: zeros([5, 4]) })],
    [
      'Expected `attn_mask` shape to be (2, 5, 5) but got torch.Size([3, 5, 5])',
      () => attention.forward(x.select(0, 0), x.select(0, 0), x.select(0, 0), { attnMask: zeros([3, 5, 5]) }),
    ],
    ['Expected key_padded_mask.shape[1] to be 5, but got 4', () => attention.forward(x, x, x, zeros([2, 4]))],
    ["shape '[5, 4, 4]' is invalid for input of size 120", () => attention.forward(x, draw(3, 5, 8), draw(3, 5, 8))],
    [
      "MultiheadAttention.forward: got an unexpected option 'needWeight'. Did you mean 'needWeights'?",
      () => Reflect.apply(attention.forward, attention, [x, x, x, { needWeight: false }]),
    ],
  ])('refuses: %s', (message, call) => {
    expect(call).toThrow(message)
  })

  test('refuses keys and values of other sizes than it was made for', () => {
    const apart = new nn.MultiheadAttention(8, 2, { kdim: 5, vdim: 3, batchFirst: true })
    expect(() => apart.forward(x, draw(2, 5, 6), draw(2, 5, 3))).toThrow('expecting key weights shape of (8, 6), but got torch.Size([8, 5])')
    expect(() => apart.forward(x, draw(2, 4, 5), draw(2, 5, 3))).toThrow(
      "key's sequence and batch dims torch.Size([2, 4]) do not match value's torch.Size([2, 5])",
    )
  })
})

describe('any norm in the places of the norms', () => {
  const x = draw(4, 6, 8)
  const make = (norm: nn.TransformerNorm) => new nn.TransformerEncoderLayer(8, 2, 12, 0, { batchFirst: true, normFirst: true, norm })

  test.each<[nn.TransformerNorm, string]>([
    ['layer', 'LayerNorm((8,), eps=1e-05, elementwise_affine=True)'],
    ['rms', 'RMSNorm((8,), eps=None, elementwise_affine=True)'],
    ['batch', 'TokenBatchNorm(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)'],
    ['none', 'Identity()'],
    [(features) => new nn.GroupNorm(2, features), 'GroupNorm(2, 8, eps=1e-05, affine=True)'],
  ])('%s', (norm, text) => {
    const layer = make(norm)
    expect(String(layer.norm2)).toBe(text)
    expect(String(new nn.Transformer(8, 2, 1, 1, 12, { norm }).decoder.norm)).toBe(text)
    if (typeof norm === 'function') return
    const y = layer.forward(x)
    expect(y.shape).toEqual([4, 6, 8])
    y.square().sum().backward()
    for (const p of layer.parameters()) expect(p.grad).not.toBeNull()
  })

  test("batch shares statistics over all tokens, and has BatchNorm1d's keys", () => {
    const layer = make('batch')
    const plain = new nn.BatchNorm1d(8)
    const y = layer.norm1.forward(x)
    expect(gap(y, plain.forward(x.reshape([24, 8])).reshape(x.shape))).toBe(0)
    expect(Object.keys(layer.stateDict()).filter((key) => key.startsWith('norm1.'))).toEqual(Object.keys(plain.stateDict()).map((key) => `norm1.${key}`))
    expect(gap((layer.norm1 as nn.BatchNorm1d).runningVar as Tensor, plain.runningVar as Tensor)).toBe(0)
  })

  test('an unknown one names the nearest', () => {
    expect(() => Reflect.construct(nn.TransformerEncoderLayer, [8, 2, { norm: 'layr' }])).toThrow(
      "TransformerEncoderLayer: unknown norm 'layr'. Did you mean 'layer'? Known: layer, rms, batch, none",
    )
  })
})

describe('stacks', () => {
  const layer = () => new nn.TransformerEncoderLayer(8, 2, 12, 0, { batchFirst: true, activation: new nn.GELU() })

  test('print as in PyTorch, with an activation that is a module', () => {
    expect(String(new nn.TransformerEncoder(layer(), 2, new nn.LayerNorm(8)))).toBe(`TransformerEncoder(
  (layers): ModuleList(
    (0-1): 2 x TransformerEncoderLayer(
      (self_attn): MultiheadAttention(
        (out_proj): NonDynamicallyQuantizableLinear(in_features=8, out_features=8, bias=True)
      )
      (linear1): Linear(in_features=8, out_features=12, bias=True)
      (dropout): Dropout(p=0.0, inplace=False)
      (linear2): Linear(in_features=12, out_features=8, bias=True)
      (norm1): LayerNorm((8,), eps=1e-05, elementwise_affine=True)
      (norm2): LayerNorm((8,), eps=1e-05, elementwise_affine=True)
      (dropout1): Dropout(p=0.0, inplace=False)
      (dropout2): Dropout(p=0.0, inplace=False)
      (activation): GELU(approximate='none')
    )
  )
  (norm): LayerNorm((8,), eps=1e-05, elementwise_affine=True)
)`)
  })

  test('layers start alike and are their own', () => {
    const encoder = new nn.TransformerEncoder(layer(), 2)
    const [a, b] = encoder.layers
    expect(gap(a.linear1.weight, b.linear1.weight)).toBe(0)
    noGrad(() => a.linear1.weight.fill_(0))
    expect(b.linear1.weight.abs().sum().item()).toBeGreaterThan(0)
  })

  test('a causal mask is seen to be one, said to be one, or read', () => {
    const encoder = new nn.TransformerEncoder(layer(), 2)
    const x = draw(2, 6, 8)
    const mask = nn.Transformer.generateSquareSubsequentMask(6)
    const y = encoder.forward(x, mask, null, false)
    for (const given of [encoder.forward(x, mask), encoder.forward(x, { mask, isCausal: true }), encoder.forward(x, { mask: mask.ne(0) })])
      expect(gap(given, y)).toBeLessThan(1e-6)
    // What a position gives does not depend on those behind it.
    const changed = x.clone()
    changed.narrow(1, 4, 2).fill_(3)
    expect(gap(encoder.forward(changed, mask).narrow(1, 0, 4), encoder.forward(x, mask).narrow(1, 0, 4))).toBe(0)
  })

  test('a whole transformer learns to reverse a sequence', () => {
    manualSeed(0)
    const model = new nn.Transformer(16, 2, 1, 1, 32, 0, { batchFirst: true, norm: 'rms' })
    const [embedding, head] = [new nn.Embedding(6, 16), new nn.Linear(16, 6)]
    const place = randn([1, 5, 16])
    const parameters = [...model.parameters(), ...embedding.parameters(), ...head.parameters()]
    const tgtMask = nn.Transformer.generateSquareSubsequentMask(5)
    const step = () => {
      const src = randn([16, 5]).mul(2).abs().clamp(0, 5).to('int64')
      const want = src.flip(1)
      const given = F.pad(want.narrow(1, 0, 4), [1, 0])
      const logits = head.forward(model.forward(embedding.forward(src).add(place), embedding.forward(given).add(place), { tgtMask }))
      const loss = F.crossEntropy(logits.flatten(0, 1), want.flatten())
      for (const p of parameters) p.grad = null
      loss.backward()
      noGrad(() => {
        for (const p of parameters) if (p.grad) p.sub_(p.grad.mul(0.1))
      })
      return loss.item()
    }
    const losses = Array.from({ length: 150 }, step)
    expect(losses[0]).toBeGreaterThan(1.4)
    expect(losses.slice(-10).reduce((a, b) => a + b) / 10).toBeLessThan(0.9)
  })

  test.each<[string, () => unknown]>([
    ['activation should be relu/gelu, not tanh', () => Reflect.construct(nn.TransformerEncoderLayer, [8, 2, { activation: 'tanh' }])],
    ['dropout probability has to be between 0 and 1, but got 3', () => new nn.TransformerEncoderLayer(8, 2, { dropout: 3 })],
    ['embed_dim must be divisible by num_heads', () => new nn.TransformerDecoderLayer(8, 3)],
    ['was expecting embedding dimension of 8, but got 6', () => layer().forward(draw(2, 3, 6))],
    ['query should be unbatched 2D or batched 3D tensor but received 4-D query tensor', () => layer().forward(draw(2, 2, 3, 8))],
    ['Need attn_mask if specifying the is_causal hint.', () => layer().forward(draw(2, 3, 8), { isCausal: true })],
    ['only bool and floating types of src_mask are supported', () => layer().forward(draw(2, 3, 8), zeros([3, 3], { dtype: 'int64' }))],
    ['the batch number of src and tgt must be equal', () => new nn.Transformer(8, 2, 1, 1, 12).forward(draw(3, 2, 8), draw(3, 3, 8))],
    ['the feature number of src and tgt must be equal to d_model', () => new nn.Transformer(8, 2, 1, 1, 12).forward(draw(3, 2, 6), draw(3, 2, 8))],
    ['index 0 is out of range', () => new nn.TransformerEncoder(layer(), 0).forward(draw(2, 3, 8))],
  ])('refuse: %s', (message, call) => {
    expect(call).toThrow(message)
  })
})
