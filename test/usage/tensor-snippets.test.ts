import { expect, it } from 'vitest'
import { arange, F, manualSeed, nn, ones, randint, randn, tensor, where, zeros, zerosLike } from '../../src/index.js'
import { expectTorchs } from './torch.js'

it('a masked loss: gather, where, masked softmax, one-hot', () => {
  manualSeed(9)
  const logits = randn(3, 5, 7, { requiresGrad: true })
  const targets = randint(0, 7, [3, 5])
  const lengths = tensor([5, 2, 3])
  const mask = arange(5).unsqueeze(0).lt(lengths.unsqueeze(1))
  const logp = F.logSoftmax(logits, -1)
  const nll = logp.gather(-1, targets.unsqueeze(-1)).squeeze(-1).neg()
  const loss = where(mask, nll, zerosLike(nll)).sum().div(mask.sum())
  loss.backward()
  const attention = randn(3, 5, 5).maskedFill(mask.unsqueeze(1).logicalNot(), Number.NEGATIVE_INFINITY).softmax(-1)
  const onehot = F.oneHot(targets, 7).float()
  expectTorchs('masked_loss', {
    loss: loss.item(),
    grad: logits.grad!.abs().sum([1, 2]).tolist(),
    attention: attention.sum(1).flatten().tolist(),
    onehot: onehot.mul(logp).sum().item(),
    correct: logits.argmax(-1).eq(targets).index(mask).long().sum().item(),
  })
})

it('batch norm by hand is nn.BatchNorm1d', () => {
  manualSeed(10)
  const x = randn(16, 3).mul(4).add(7).requiresGrad_()
  const gamma = ones(3, { requiresGrad: true })
  const beta = zeros(3, { requiresGrad: true })
  const mean = x.mean(0)
  const variance = x.sub(mean).pow(2).mean(0)
  const y = gamma.mul(x.sub(mean)).div(variance.add(1e-5).sqrt()).add(beta)
  const weights = randn(16, 3)
  y.mul(weights).sum().backward()
  expectTorchs('hand_written_batch_norm', {
    y: y.flatten().tolist(),
    dx: x.grad!.flatten().tolist(),
    dgamma: gamma.grad!.tolist(),
    dbeta: beta.grad!.tolist(),
  })

  const bn = new nn.BatchNorm1d(3)
  const input = x.detach().requiresGrad_()
  const output = bn.forward(input)
  output.mul(weights).sum().backward()
  expect(output.allclose(y, { atol: 1e-5 })).toBe(true)
  expect(input.grad!.allclose(x.grad!, { atol: 1e-5 })).toBe(true)
  expect(bn.weight!.grad!.allclose(gamma.grad!, { atol: 1e-5 })).toBe(true)
  expect(bn.bias!.grad!.allclose(beta.grad!, { atol: 1e-5 })).toBe(true)
})
