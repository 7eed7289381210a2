import { expect, it } from 'vitest'
import { addcdiv, addcmul, arange, F, lerp, nn, noGrad, ones, optim, rand, randn, tensor, zeros } from '../../src/index.js'

/** The small things that PyTorch's users type without looking them up. */

it('sizes in an array or one by one', () => {
  for (const make of [zeros, ones, rand, randn]) {
    expect(make(2, 3).shape).toEqual([2, 3])
    expect(make([2, 3]).shape).toEqual([2, 3])
    expect(make(4).shape).toEqual([4])
    expect(make().shape).toEqual([])
    const x = make(2, 3, { dtype: 'float64', requiresGrad: true })
    expect([x.shape, x.dtype, x.requiresGrad]).toEqual([[2, 3], 'float64', true])
  }
  expect(ones(2, 1).tolist()).toEqual([[1], [1]])
  expect(() => zeros(2, 1.5)).toThrow(new TypeError('zeros: sizes must be whole numbers, got [2, 1.5]'))
  expect(() => Reflect.apply(zeros, null, ['3'])).toThrow(new TypeError('zeros: a shape must be an array of sizes, got string'))
  expect(() => zeros(2, { dtyp: 'int64' } as object)).toThrow("zeros: got an unexpected option 'dtyp'. Did you mean 'dtype'?")
})

it('dtypes by name', () => {
  const x = tensor([0, 1.7, -2.5])
  expect(x.long().tolist()).toEqual([0, 1, -2])
  expect([x.long().dtype, x.int().dtype, x.short().dtype]).toEqual(['int64', 'int32', 'int16'])
  expect([x.float().dtype, x.double().dtype, x.half().dtype, x.bfloat16().dtype]).toEqual(['float32', 'float64', 'float16', 'bfloat16'])
  expect(x.bool().tolist()).toEqual([false, true, true])
  expect(x.float()).toBe(x)
  expect(x.typeAs(arange(3)).dtype).toBe('int64')
})

it('what a tensor is', () => {
  const x = zeros(2, 3, { dtype: 'float64' })
  expect([x.dim(), x.numel(), x.nelement(), x.elementSize(), x.size(-1)]).toEqual([2, 6, 6, 8, 3])
  expect([x.isFloatingPoint(), x.long().isFloatingPoint()]).toEqual([true, false])
})

it('transposes as attributes', () => {
  const x = arange(6).view(2, 3)
  expect(x.T.tolist()).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ])
  expect(zeros(2, 3, 4).T.shape).toEqual([4, 3, 2])
  expect(zeros(2, 3, 4).mT.shape).toEqual([2, 4, 3])
  expect(() => zeros(3).mT).toThrow('tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.')
  const w = ones(2, 3, { requiresGrad: true })
  w.T.index(0).sum().backward()
  expect(w.grad!.tolist()).toEqual([
    [1, 0, 0],
    [1, 0, 0],
  ])
})

it('values as numbers, int64 too', () => {
  expect(tensor([[1, 2]], { dtype: 'int64' }).tolist()).toEqual([[1, 2]])
  expect(tensor(3, { dtype: 'int64' }).tolist()).toBe(3)
  expect(tensor([true]).tolist()).toEqual([true])
})

it('lerp, addcmul, addcdiv', () => {
  const x = tensor([1, 2])
  const y = tensor([3, 6])
  expect(lerp(x, y, 0.25).tolist()).toEqual([1.5, 3])
  expect(x.lerp(y, tensor([0, 1])).tolist()).toEqual([1, 6])
  expect(addcmul(x, y, y, { value: 0.5 }).tolist()).toEqual([5.5, 20])
  expect(addcdiv(x, y, x, { value: 2 }).tolist()).toEqual([7, 8])
  expect(x.lerp_(y, 0.5).addcmul_(x, x).addcdiv_(y, y).tolist()).toEqual([7, 21])
  expect(() => x.lerp(y.double(), 0.5)).toThrow('expected dtype float for `end` but got dtype double')
})

it('one-hot', () => {
  expect(F.oneHot(tensor([0, 2]).long()).tolist()).toEqual([
    [1, 0, 0],
    [0, 0, 1],
  ])
  expect(F.oneHot(tensor(1).long(), 3).tolist()).toEqual([0, 1, 0])
  expect(() => F.oneHot(tensor([0, 2]))).toThrow('one_hot is only applicable to index tensor of type LongTensor.')
  expect(() => F.oneHot(tensor([0, 2]).long(), 2)).toThrow('Class values must be smaller than num_classes.')
  expect(() => F.oneHot(tensor([-1]).long())).toThrow('Class values must be non-negative.')
})

it('functions take values by position, as PyTorch does', () => {
  const x = randn(2, 4, 6, 6)
  const same = [
    [F.leakyRelu(x, 0.2), F.leakyRelu(x, { negativeSlope: 0.2 })],
    [F.elu(x, 0.5), F.elu(x, { alpha: 0.5 })],
    [F.hardtanh(x, 0, 1), F.hardtanh(x, { minVal: 0, maxVal: 1 })],
    [F.softplus(x, 2), F.softplus(x, { beta: 2 })],
    [F.glu(x, 1), F.glu(x, { dim: 1 })],
    [F.maxPool2d(x, 3, 2), F.maxPool2d(x, 3, { stride: 2 })],
    [F.avgPool2d(x, 3, 2, 1), F.avgPool2d(x, 3, { stride: 2, padding: 1 })],
    [F.conv2d(x, ones(2, 4, 3, 3), null, 2, 1), F.conv2d(x, ones(2, 4, 3, 3), null, { stride: 2, padding: 1 })],
    [F.normalize(x, 1, -1), F.normalize(x, { p: 1, dim: -1 })],
    [F.pad(x, [1, 1], 'constant', 3), F.pad(x, [1, 1], { value: 3 })],
    [F.layerNorm(x, [6], null, null, 0.1), F.layerNorm(x, [6], null, null, { eps: 0.1 })],
    [F.groupNorm(x, 2, null, null, 0.1), F.groupNorm(x, 2, null, null, { eps: 0.1 })],
    [F.batchNorm(x, null, null, null, null, true, 0.1, 0.5), F.batchNorm(x, null, null, null, null, { training: true, eps: 0.5 })],
    [F.dropout(x, 0.5, false), F.dropout(x, 0.5, { training: false })],
  ]
  for (const [byPosition, byName] of same) expect(byPosition.equal(byName)).toBe(true)
  expect(F.relu(x, true)).toBe(x)
  const [, indices] = F.maxPool2d(x, 2, 2, { returnIndices: true })
  expect(indices.dtype).toBe('int64')
})

it('optimizers take the rate, schedulers their factor by position', () => {
  const w = ones(1, { requiresGrad: true })
  expect(new optim.SGD([w], 0.1, { momentum: 0.9 }).paramGroups[0]).toMatchObject({ lr: 0.1, momentum: 0.9 })
  expect(new optim.AdamW([w], 3e-4).paramGroups[0].lr).toBe(3e-4)
  expect(() => Reflect.construct(optim.SGD, [[w], 0.1, 0.9])).toThrow(
    'SGD: takes lr by position and its other options by name, in an object that comes last. Did you mean { momentum: 0.9 }?',
  )
  const optimizer = new optim.SGD([w], 1)
  const scheduler = new optim.lrScheduler.MultiStepLR(optimizer, [1], 0.5)
  optimizer.step()
  scheduler.step()
  expect(scheduler.getLastLr()).toEqual([0.5])
  expect(() => new optim.lrScheduler.ReduceLROnPlateau(optimizer, 'min', { patience: 3 })).not.toThrow()
})

it('whole numbers that are float32 are refused where classes and indices belong, with the way out', () => {
  const logits = randn(2, 3)
  const classes = tensor([0, 2])
  const calls = [
    () => F.crossEntropy(logits, classes),
    () => F.nllLoss(logits, classes),
    () => new nn.Embedding(3, 2).forward(classes),
    () => logits.gather(1, classes.unsqueeze(1)),
    () => logits.indexSelect(0, classes),
    () => F.oneHot(classes),
  ]
  const cause = "Numbers in JavaScript make float32. For indices and classes use tensor(..., { dtype: 'int64' }) or x.long()."
  for (const call of calls) expect(call).toThrow(expect.objectContaining({ name: 'RuntimeError', cause }))
  expect(noGrad(() => F.crossEntropy(logits, classes.long()).item())).toBeGreaterThan(0)
})

it('a device in the place of a dtype is no dtype', () => {
  expect(() => new nn.Linear(1, 1).to('cuda' as 'float32')).toThrow("nn.Module.to: unknown dtype 'cuda', expected one of float32, float64")
  expect(() => new nn.Linear(1, 1).to('int64')).toThrow('nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64')
})
