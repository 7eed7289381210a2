import { describe, expect, it, test } from 'vitest'
import { F, Generator, manualSeed, memory, models, nn, noGrad, normSummary, optim, randint, scope, steps, tensor, zeros } from '../../src/index.js'
import runs from './language-in-pytorch.json' with { type: 'json' }

const vocabSize = 11
const gpt = (norm: models.TokenNorm = 'layer') => new models.GPT({ vocabSize, blockSize: 8, nLayer: 2, nHead: 2, nEmbd: 12, norm })
const charLM = (cell: models.CharCell, nLayer = 2) => new models.CharLM({ vocabSize, cell, nEmbd: 5, hiddenSize: 7, nLayer })
const makers: Record<string, () => models.GPT | models.CharLM> = {
  layer: () => gpt('layer'),
  rms: () => gpt('rms'),
  none: () => gpt('none'),
  lstm: () => charLM('lstm'),
  gru: () => charLM('gru'),
  rnn: () => charLM('rnn'),
}

test.each(runs)("$name: PyTorch's initial values, loss, logits and gradients from the same seed", (run) => {
  manualSeed(3)
  const model = makers[run.name]()
  const tokens = randint(0, vocabSize, [3, 8])
  const targets = randint(0, vocabSize, [3, 8])
  model.double()
  const logits = model.forward(tokens)
  const loss = F.crossEntropy(logits.flatten(0, 1), targets.flatten())
  loss.backward()
  expect(model.parameters().reduce((n, p) => n + p.numel(), 0)).toBe(run.parameters)
  expect(loss.item()).toBeCloseTo(run.loss, 10)
  ;(logits.select(0, 2).select(0, 7).tolist() as number[]).forEach((v, i) => {
    expect(v).toBeCloseTo(run.logits[i], 10)
  })
  model.parameters().forEach((p, i) => {
    expect(p.grad?.norm().item()).toBeCloseTo(run.gradNorms[i], 9)
  })
})

describe('GPT', () => {
  it("has nanoGPT's keys, and one weight at both ends", () => {
    const block = (i: number) =>
      ['ln_1', 'attn.c_attn', 'attn.c_proj', 'ln_2', 'mlp.c_fc', 'mlp.c_proj'].flatMap((name) =>
        ['weight', 'bias'].map((p) => `transformer.h.${i}.${name}.${p}`),
      )
    const model = gpt()
    expect(Object.keys(model.stateDict())).toEqual([
      'transformer.wte.weight',
      'transformer.wpe.weight',
      ...block(0),
      ...block(1),
      'transformer.ln_f.weight',
      'transformer.ln_f.bias',
      'lm_head.weight',
    ])
    expect(model.transformer.wte.weight).toBe(model.lmHead.weight)
    const copy = model.clone().double()
    expect(copy.transformer.wte.weight).toBe(copy.lmHead.weight)
    expect(new models.GPT({ vocabSize, nLayer: 1, tieWeights: false }).parameters()).toHaveLength(model.parameters().length - 12 + 1)
  })

  it('never sees the future', () => {
    const model = gpt().double()
    const x = randint(0, vocabSize, [1, 8])
    const logits = model.forward(x)
    const changed = x.clone()
    changed.select(1, 5).copy_(x.select(1, 5).add(1).remainder(vocabSize))
    const other = model.forward(changed)
    expect(other.narrow(1, 0, 5).toArray()).toEqual(logits.narrow(1, 0, 5).toArray())
    expect(
      other
        .narrow(1, 5, 3)
        .eq(logits.narrow(1, 5, 3))
        .any()
        .item(),
    ).toBe(0)
  })

  it('learns, and goes on with a text beyond blockSize', () => {
    manualSeed(0)
    const model = gpt()
    const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-2 })
    // 0 1 2 ... 10 0 1 ...
    const batch = () =>
      randint(0, vocabSize, [16, 1])
        .add(tensor([0, 1, 2, 3, 4, 5, 6, 7, 8], { dtype: 'int64' }))
        .remainder(vocabSize)
    let loss = Number.NaN
    for (const _ of steps(60)) {
      const text = batch()
      const value = F.crossEntropy(model.forward(text.narrow(1, 0, 8)).flatten(0, 1), text.narrow(1, 1, 8).flatten())
      optimizer.zeroGrad()
      value.backward()
      optimizer.step()
      loss = value.item()
    }
    expect(loss).toBeLessThan(0.1)
    const before = memory().tensors
    const text = scope(() => model.generate(tensor([[3], [9]], { dtype: 'int64' }), 20, { temperature: 0 }).tolist())
    expect(text).toEqual([3, 9].map((first) => Array.from({ length: 21 }, (_, i) => (first + i) % vocabSize)))
    expect(memory().tensors).toBe(before)
    expect(model.training).toBe(true)
  })

  it('its norms are seen by the tools', () => {
    expect(normSummary(gpt()).rows.map((r) => r.name)).toEqual([
      'transformer.h.0.ln_1',
      'transformer.h.0.ln_2',
      'transformer.h.1.ln_1',
      'transformer.h.1.ln_2',
      'transformer.ln_f',
    ])
    const model = gpt()
    const { replaced } = nn.utils.replaceNorm(model, nn.LayerNorm, (features) => new nn.RMSNorm(features))
    expect(replaced).toHaveLength(5)
    expect(replaced[0]).toMatchObject({ carried: ['weight'], dropped: ['bias'] })
    expect(model.forward(randint(0, vocabSize, [1, 8])).shape).toEqual([1, 8, vocabSize])
  })

  test.each<[models.GPTOptions, string]>([
    [{ vocabSize, nEmbd: 10, nHead: 3 }, 'GPT: nEmbd must be divisible by nHead, got 10 and 3'],
    [{ vocabSize: 0 }, 'GPT: vocabSize must be a positive whole number, got 0'],
    [{ vocabSize, norm: 'batch' as 'rms' }, "GPT: unknown norm 'batch'. Known: layer, rms, none"],
    [{ vocabSize, nlayer: 2 } as models.GPTOptions, "GPT: got an unexpected option 'nlayer'. Did you mean 'nLayer'?"],
  ])('%o: %s', (options, message) => {
    expect(() => new models.GPT(options)).toThrow(message)
  })

  it('refuses texts that it has no place for', () => {
    expect(() => gpt().forward(zeros([1, 9], { dtype: 'int64' }))).toThrow('GPT: a text of 9 tokens is longer than blockSize, 8')
    expect(() => gpt().forward(zeros([9], { dtype: 'int64' }))).toThrow('GPT: expected tokens [batch, length], got [9]')
  })
})

describe('generate', () => {
  const start = () => zeros([2, 3], { dtype: 'int64' })
  const draw = (options: models.SampleOptions, seed = 1) => {
    manualSeed(5)
    const model = charLM('gru')
    return model.generate(start(), 30, { generator: new Generator().manualSeed(seed), ...options }).tolist() as number[][]
  }

  it('draws the same from the same generator, other tokens from another, and nothing from the default one', () => {
    expect(draw({})).toEqual(draw({}))
    expect(draw({})).not.toEqual(draw({}, 2))
    expect(draw({})[0].slice(0, 3)).toEqual([0, 0, 0])
  })

  it('topK 1 and temperature 0 take the likeliest, a topK of all changes nothing', () => {
    expect(draw({ topK: 1 })).toEqual(draw({ temperature: 0 }))
    expect(draw({ topK: vocabSize })).toEqual(draw({}))
    expect(new Set(draw({ topK: 2 }).flat()).size).toBeLessThan(vocabSize)
  })

  it('a recurrent model gives what the whole text at once gives', () => {
    const model = charLM('lstm').double()
    const tokens = randint(0, vocabSize, [2, 9])
    const whole = model.forward(tokens)
    const [first, state] = model.continue(tokens.narrow(1, 0, 4), null)
    const [second] = model.continue(tokens.narrow(1, 4, 5), state)
    expect(
      first
        .sub(whole.narrow(1, 0, 4))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-14)
    expect(
      second
        .sub(whole.narrow(1, 4, 5))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-14)
  })

  test.each<[unknown[], string]>([
    [[zeros([2]), 1], 'expected int64 tokens [batch, length] with at least one token, got float32 [2]'],
    [[start(), -1], 'the number of tokens must be a whole number, got -1'],
    [[start(), 1, { temperature: -1 }], 'temperature must be 0 or more, got -1'],
    [[start(), 1, { topK: 0 }], 'topK must be a positive whole number or null, got 0'],
    [[start(), 1, { topk: 3 }], "Did you mean 'topK'?"],
  ])('%#: %s', (args, message) => {
    for (const model of [gpt(), charLM('rnn', 1)]) expect(() => Reflect.apply(model.generate, model, args)).toThrow(message)
  })
})

describe('CharLM', () => {
  it("has PyTorch's keys", () => {
    expect(Object.keys(charLM('lstm', 1).stateDict())).toEqual([
      'embed.weight',
      'rnn.weight_ih_l0',
      'rnn.weight_hh_l0',
      'rnn.bias_ih_l0',
      'rnn.bias_hh_l0',
      'head.weight',
      'head.bias',
    ])
  })

  it.each(['lstm', 'gru', 'rnn'] as const)('%s normalizes inside of the recurrence', (cell) => {
    const model = new models.CharLM({ vocabSize, cell, nEmbd: 5, hiddenSize: 7, norm: 'layer' })
    const tokens = randint(0, vocabSize, [2, 6])
    const logits = model.forward(tokens)
    // Scaling what goes into the gates changes nothing but what eps does.
    noGrad(() => {
      for (const [name, p] of model.rnn.ownState()) if (name.startsWith('weight')) p.mul_(50)
    })
    expect(logits.abs().max().item()).toBeGreaterThan(0.1)
    expect(model.forward(tokens).sub(logits).abs().max().item()).toBeLessThan(1e-2)
    expect(model.generate(tokens, 2, { temperature: 0 }).shape).toEqual([2, 8])
  })

  test.each<[models.CharLMOptions, string]>([
    [{ vocabSize, cell: 'lstn' as 'lstm' }, 'CharLM: cell must be one of lstm, gru, rnn, got lstn'],
    [{ vocabSize, norm: 'nine' as 'none' }, "CharLM: unknown norm 'nine'. Did you mean 'none'?"],
    [{ vocabSize, hiddenSize: 0.5 }, 'CharLM: hiddenSize must be a positive whole number, got 0.5'],
  ])('%o: %s', (options, message) => {
    expect(() => new models.CharLM(options)).toThrow(message)
  })
})
