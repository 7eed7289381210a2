import { describe, expect, it, test } from 'vitest'
import { manualSeed, models, nn, normSummary, randn, zeros } from '../../src/index.js'
import { diagnose } from '../../src/inspect/index.js'
import runs from './vision-in-pytorch.json' with { type: 'json' }

const convnext = (norm?: models.ImageNorm) =>
  new models.ConvNeXt({ dims: [4, 6, 8, 10], depths: [1, 2, 1, 1], patchSize: 2, layerScale: 0.5, numClasses: 3, norm })
const vit = (norm?: models.ViTOptions['norm']) =>
  new models.ViT({ imageSize: 8, patchSize: 4, numLayers: 2, numHeads: 2, hiddenDim: 12, mlpDim: 20, numClasses: 3, norm })
const makers: Record<string, () => models.ConvNeXt | models.ViT> = {
  'convnext layer': () => convnext(),
  'convnext group': () => convnext((channels) => new nn.GroupNorm(2, channels)),
  'vit layer': () => vit(),
  'vit rms': () => vit('rms'),
}

test.each(runs)("$name: PyTorch's initial values, logits and gradients from the same seed", ({ name, logits, parameters, gradNorm }) => {
  manualSeed(7)
  const model = makers[name]()
  const head = model instanceof models.ViT ? model.heads.get('head') : (model.classifier.at(2) as nn.Linear)
  nn.init.normal_(head.weight)
  const size = model instanceof models.ViT ? 8 : 16
  const x = randn([2, 3, size, size]).double()
  model.double()
  const y = model.forward(x)
  y.square().sum().backward()
  expect(model.parameters().reduce((n, p) => n + p.numel(), 0)).toBe(parameters)
  // The last bits of trunc_normal_ depend on the erfinv of the system's library.
  const largest = Math.max(...logits.flat().map(Math.abs))
  ;(y.tolist() as number[][]).forEach((row, i) => {
    row.forEach((v, j) => {
      expect(v / largest).toBeCloseTo(logits[i][j] / largest, 5)
    })
  })
  const norm = Math.sqrt(model.parameters().reduce((sum, p) => sum + (p.grad?.square().sum().item() ?? Number.NaN), 0))
  expect(norm / gradNorm).toBeCloseTo(1, 5)
})

describe('ConvNeXt', () => {
  it('leaves out branches of images in training, with the draws of torchvision, and none in evaluation', () => {
    const block = new models.ConvNeXtBlock(4, 'layer', 0.5, 0.25)
    const x = randn([8, 4, 5, 5])
    const whole = block.eval().forward(x).sub(x).tolist() as number[][][][]
    manualSeed(3)
    const dropped = block.train().forward(x).sub(x).tolist() as number[][][][]
    // torch.manual_seed(3); torch.empty(8, 1, 1, 1).bernoulli_(0.75), as torchvision.ops.stochastic_depth draws it
    for (const [i, kept] of [1, 1, 0, 1, 0, 1, 1, 1].entries()) {
      const [a, b] = [whole, dropped].map((images) => images[i].flat(2))
      for (const [j, value] of b.entries()) expect(value).toBeCloseTo((kept * a[j]) / 0.75, 5)
    }
  })

  it('gives later blocks more of it, the last all', () => {
    const model = new models.ConvNeXt({ dims: [4, 6, 8, 10], depths: [1, 2, 1, 1], patchSize: 2, stochasticDepthProb: 0.2 })
    const blocks = [...model.modules()].filter((m) => m instanceof models.ConvNeXtBlock)
    expect(blocks.map((m) => m.stochasticDepthProb)).toEqual([0, 0.05, 0.1, 0.15, 0.2].map((p) => expect.closeTo(p, 12)))
    expect(Object.keys(model.stateDict())).toEqual(Object.keys(convnext().stateDict()))
    expect(() => new models.ConvNeXt({ stochasticDepthProb: 1.5 })).toThrow('drop probability has to be between 0 and 1, but got')
  })

  it("has torchvision's keys", () => {
    const block = (name: string) => [
      `${name}.layer_scale`,
      ...['0.weight', '0.bias', '2.weight', '2.bias', '3.weight', '3.bias', '5.weight', '5.bias'].map((key) => `${name}.block.${key}`),
    ]
    const pair = (name: string) => [`${name}.weight`, `${name}.bias`]
    const between = (i: number) => [...pair(`features.${i}.0`), ...pair(`features.${i}.1`)]
    expect(Object.keys(convnext().stateDict())).toEqual([
      ...between(0),
      ...block('features.1.0'),
      ...between(2),
      ...block('features.3.0'),
      ...block('features.3.1'),
      ...between(4),
      ...block('features.5.0'),
      ...between(6),
      ...block('features.7.0'),
      ...pair('classifier.0'),
      ...pair('classifier.2'),
    ])
  })

  it('takes any norm, and its norms are seen by the tools', () => {
    for (const norm of ['batch', 'group', 'instance', 'none'] as const) expect(convnext(norm).forward(randn([2, 3, 32, 32])).shape).toEqual([2, 3])
    expect(normSummary(convnext()).rows).toHaveLength(1 + 5 + 3 + 1)
    const model = convnext()
    expect(nn.utils.replaceNorm(model, nn.LayerNorm, (channels) => new nn.GroupNorm(1, channels)).replaced).toHaveLength(10)
    expect(model.forward(randn([1, 3, 16, 16])).shape).toEqual([1, 3])
    expect(diagnose(model.stateDict())).toMatchObject({ norms: 10, findings: [] })
    // In evaluation a BatchNorm directly behind a convolution becomes part of it.
    expect(nn.utils.fuse(convnext('batch')).fused.map(({ layer }) => layer)).toEqual([
      'features.0.0',
      'features.1.0.block.0',
      'features.3.0.block.0',
      'features.3.1.block.0',
      'features.5.0.block.0',
      'features.7.0.block.0',
    ])
  })

  test.each<[models.ConvNeXtOptions, string]>([
    [{ norm: 'rms' as 'batch' }, "ConvNeXt: unknown norm 'rms'. Known: batch, group, layer, instance, none"],
    [{ dims: [4, 0, 4, 4] }, 'ConvNeXt: dims[1] must be a positive whole number, got 0'],
    [{ depth: [1, 1, 1, 1] } as models.ConvNeXtOptions, "Did you mean 'depths'?"],
  ])('%o: %s', (options, message) => {
    expect(() => new models.ConvNeXt(options)).toThrow(message)
  })
})

describe('ViT', () => {
  it("has torchvision's keys", () => {
    const layer = (i: number) =>
      [
        'ln_1.weight',
        'ln_1.bias',
        'self_attention.in_proj_weight',
        'self_attention.in_proj_bias',
        'self_attention.out_proj.weight',
        'self_attention.out_proj.bias',
        'ln_2.weight',
        'ln_2.bias',
        'mlp.0.weight',
        'mlp.0.bias',
        'mlp.3.weight',
        'mlp.3.bias',
      ].map((key) => `encoder.layers.encoder_layer_${i}.${key}`)
    expect(Object.keys(vit().stateDict())).toEqual([
      'class_token',
      'conv_proj.weight',
      'conv_proj.bias',
      'encoder.pos_embedding',
      ...layer(0),
      ...layer(1),
      'encoder.ln.weight',
      'encoder.ln.bias',
      'heads.head.weight',
      'heads.head.bias',
    ])
  })

  it('gives equal logits at first, and its norms are seen by the tools', () => {
    const model = vit()
    expect(model.forward(randn([2, 3, 8, 8])).toArray()).toEqual(zeros([2, 3]).toArray())
    expect(normSummary(model).rows.map((r) => [r.name, r.eps])).toEqual(
      ['encoder.layers.encoder_layer_0.ln_1', 'encoder.layers.encoder_layer_0.ln_2', 'encoder.layers.encoder_layer_1.ln_1']
        .concat('encoder.layers.encoder_layer_1.ln_2', 'encoder.ln')
        .map((name) => [name, 1e-6]),
    )
    expect(normSummary(vit('none')).rows).toEqual([])
    expect(normSummary(vit('batch')).rows[0]).toMatchObject({ source: 'its batch', running: 'C' })
    expect(vit('batch').forward(randn([2, 3, 8, 8])).shape).toEqual([2, 3])
    expect(nn.utils.replaceNorm(model, nn.LayerNorm, (features) => new nn.RMSNorm(features)).replaced).toHaveLength(5)
    expect(diagnose(model.stateDict())).toMatchObject({ norms: 5, findings: [] })
  })

  it('drops only in training', () => {
    const model = new models.ViT({ imageSize: 4, patchSize: 2, numLayers: 1, numHeads: 1, hiddenDim: 4, dropout: 0.5, attentionDropout: 0.5, numClasses: 2 })
    nn.init.normal_(model.heads.get('head').weight)
    const x = randn([1, 3, 4, 4])
    expect(model.forward(x).toArray()).not.toEqual(model.forward(x).toArray())
    model.eval()
    expect(model.forward(x).toArray()).toEqual(model.forward(x).toArray())
  })

  test.each<[models.ViTOptions, string]>([
    [{ imageSize: 30 }, 'ViT: imageSize must be divisible by patchSize, got 30 and 16'],
    [{ hiddenDim: 10 }, 'ViT: hiddenDim must be divisible by numHeads, got 10 and 12'],
    [{ norm: 'group' as 'layer' }, "ViT: unknown norm 'group'. Known: layer, rms, batch, none"],
    [{ heads: 2 } as models.ViTOptions, "ViT: got an unexpected option 'heads'"],
  ])('%o: %s', (options, message) => {
    expect(() => new models.ViT(options)).toThrow(message)
  })

  it('refuses images of another size', () => {
    expect(() => vit().forward(randn([1, 3, 8, 9]))).toThrow('ViT: expected images [N, C, 8, 8], got [1, 3, 8, 9]')
  })
})
