import { describe, expect, test } from 'vitest'
import { F, memory, nn, type Tensor, tensor } from '../../src/index.js'

const x = tensor([
  [0.2, 0.7, 0.9],
  [0.4, 0.1, 0.6],
])
const t = tensor([
  [0.5, 0.25, 1],
  [0, 1, 0.75],
])
const labels = tensor([2, 0], { dtype: 'int64' })
const signs = tensor([1, -1])
const weight = tensor([1, 2, 3])

const losses: [name: string, loss: () => Tensor, same: () => Tensor][] = [
  ['MSELoss', () => new nn.MSELoss({ reduction: 'sum' }).forward(x, t), () => F.mseLoss(x, t, { reduction: 'sum' })],
  ['L1Loss', () => new nn.L1Loss({ reduction: 'none' }).forward(x, t), () => F.l1Loss(x, t, { reduction: 'none' })],
  ['SmoothL1Loss', () => new nn.SmoothL1Loss({ beta: 0.2 }).forward(x, t), () => F.smoothL1Loss(x, t, { beta: 0.2 })],
  ['HuberLoss', () => new nn.HuberLoss({ delta: 0.2 }).forward(x, t), () => F.huberLoss(x, t, { delta: 0.2 })],
  ['SoftMarginLoss', () => new nn.SoftMarginLoss().forward(x, t), () => F.softMarginLoss(x, t)],
  ['PoissonNLLLoss', () => new nn.PoissonNLLLoss({ logInput: false }).forward(x, t), () => F.poissonNllLoss(x, t, { logInput: false })],
  ['KLDivLoss', () => new nn.KLDivLoss({ logTarget: true }).forward(x, t), () => F.klDiv(x, t, { logTarget: true })],
  ['NLLLoss', () => new nn.NLLLoss({ weight, ignoreIndex: 2 }).forward(x, labels), () => F.nllLoss(x, labels, { weight, ignoreIndex: 2 })],
  [
    'CrossEntropyLoss',
    () => new nn.CrossEntropyLoss({ weight, labelSmoothing: 0.1 }).forward(x, labels),
    () => F.crossEntropy(x, labels, { weight, labelSmoothing: 0.1 }),
  ],
  ['BCELoss', () => new nn.BCELoss({ weight }).forward(x, t), () => F.binaryCrossEntropy(x, t, { weight })],
  ['BCEWithLogitsLoss', () => new nn.BCEWithLogitsLoss({ posWeight: weight }).forward(x, t), () => F.binaryCrossEntropyWithLogits(x, t, { posWeight: weight })],
  ['CosineEmbeddingLoss', () => new nn.CosineEmbeddingLoss({ margin: 0.3 }).forward(x, t, signs), () => F.cosineEmbeddingLoss(x, t, signs, { margin: 0.3 })],
  [
    'MarginRankingLoss',
    () => new nn.MarginRankingLoss({ margin: 0.3 }).forward(x.select(1, 0), t.select(1, 0), signs),
    () => F.marginRankingLoss(x.select(1, 0), t.select(1, 0), signs, { margin: 0.3 }),
  ],
  [
    'TripletMarginLoss',
    () => new nn.TripletMarginLoss({ margin: 2, p: 1 }).forward(x, t, x.mul(2)),
    () => F.tripletMarginLoss(x, t, x.mul(2), { margin: 2, p: 1 }),
  ],
]

describe.for(losses)('%s', ([name, loss, same]) => {
  test('does what its function does', () => {
    expect(loss().toArray()).toEqual(same().toArray())
  })
  test('without a graph, only the result stays', () => {
    same()
    const before = memory().tensors
    const y = same()
    // tripletMarginLoss's third input is made by the call itself.
    expect(memory().tensors - before).toBe(name === 'TripletMarginLoss' ? 2 : 1)
    expect(y.requiresGrad).toBe(false)
  })
  test('prints as in PyTorch', () => {
    expect(String(Reflect.construct(Reflect.get(nn, name), []))).toBe(`${name}()`)
  })
  test('refuses unknown options', () => {
    expect(() => Reflect.construct(Reflect.get(nn, name), [{ reductoin: 'sum' }])).toThrow(
      `${name}: got an unexpected option 'reductoin'. Did you mean 'reduction'?`,
    )
  })
})

test('weights are buffers', () => {
  expect(Object.keys(new nn.CrossEntropyLoss({ weight }).stateDict())).toEqual(['weight'])
  expect(Object.keys(new nn.BCEWithLogitsLoss({ weight, posWeight: weight }).stateDict())).toEqual(['weight', 'pos_weight'])
  expect(Object.keys(new nn.CrossEntropyLoss().stateDict())).toEqual([])
  const loss = new nn.CrossEntropyLoss({ weight }).double()
  expect(loss.forward(x.to('float64'), labels).dtype).toBe('float64')
  loss.loadStateDict({ weight: tensor([1, 1, 1]) })
  expect(loss.forward(x.to('float64'), labels).item()).toBeCloseTo(F.crossEntropy(x, labels).item(), 6)
})

test('reduction can be read', () => {
  expect(new nn.MSELoss().reduction).toBe('mean')
  expect(new nn.KLDivLoss({ reduction: 'batchmean' }).reduction).toBe('batchmean')
})
