import { expect, it } from 'vitest'
import { DataLoader, F, loadDigits, manualSeed, nn, noGrad, optim, randint, randn, Subset, type Tensor, tensor } from '../../src/index.js'
import { expectTorchs } from './torch.js'

/** Ports of training scripts, line by line: each gets PyTorch's numbers from the same seed. */

class Net extends nn.Module {
  conv1 = new nn.Conv2d(1, 8, 3, 1)
  conv2 = new nn.Conv2d(8, 16, 3, 1)
  dropout1 = new nn.Dropout(0.25)
  fc1 = new nn.Linear(400, 32)
  fc2 = new nn.Linear(32, 10)

  override forward(x: Tensor): Tensor {
    x = F.relu(this.conv1.forward(x))
    x = F.relu(this.conv2.forward(x))
    x = F.maxPool2d(x, 2)
    x = this.dropout1.forward(x)
    x = x.flatten(1)
    x = F.relu(this.fc1.forward(x))
    x = this.fc2.forward(x)
    return F.logSoftmax(x, 1)
  }
}

it('a CNN on digits: Dropout, Adadelta, StepLR, evaluation', async () => {
  const { train, test } = await loadDigits({ size: 14 })
  manualSeed(1)
  const model = new Net()
  const optimizer = new optim.Adadelta(model.parameters(), 1.0)
  const scheduler = new optim.lrScheduler.StepLR(optimizer, 1, 0.7)
  const trainLoader = new DataLoader(new Subset(train, Array(640).keys()), 64, { shuffle: true })
  const testLoader = new DataLoader(test, 500)
  const losses: number[] = []
  const rates: number[] = []
  for (let epoch = 0; epoch < 2; epoch++) {
    model.train()
    let batchIdx = 0
    for (const [data, target] of trainLoader) {
      optimizer.zeroGrad()
      const output = model.forward(data)
      const loss = F.nllLoss(output, target)
      loss.backward()
      optimizer.step()
      if (batchIdx++ % 5 === 0) losses.push(loss.item())
    }
    scheduler.step()
    rates.push(scheduler.getLastLr()[0])
  }
  model.eval()
  let testLoss = 0
  let correct = 0
  noGrad(() => {
    for (const [data, target] of testLoader) {
      const output = model.forward(data)
      testLoss += F.nllLoss(output, target, { reduction: 'sum' }).item()
      const pred = output.argmax(1, { keepdim: true })
      correct += pred.eq(target.viewAs(pred)).sum().item()
    }
  })
  expectTorchs('mnist_cnn', { losses, rates, test_loss: testLoss / testLoader.dataset.length, correct }, 2e-5)
})

it('weight decay for matrices alone: parameter groups in Adam', () => {
  manualSeed(2)
  const model = new nn.Sequential(new nn.Linear(8, 32), new nn.LayerNorm(32), new nn.GELU(), new nn.Dropout(0.1), new nn.Linear(32, 3))
  const decay = model.parameters().filter((p) => p.dim() >= 2)
  const noDecay = model.parameters().filter((p) => p.dim() < 2)
  const optimizer = new optim.Adam(
    [
      { params: decay, weightDecay: 0.1 },
      { params: noDecay, weightDecay: 0 },
    ],
    1e-2,
    { betas: [0.9, 0.95] },
  )
  const criterion = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 })
  const x = randn(16, 8)
  const y = randint(0, 3, [16])
  const losses: number[] = []
  for (let step = 0; step < 10; step++) {
    optimizer.zeroGrad({ setToNone: true })
    const loss = criterion.forward(model.forward(x), y)
    loss.backward()
    optimizer.step()
    losses.push(loss.item())
  }
  const first = model.at(0) as nn.Linear
  expectTorchs('weight_decay_groups', { losses, groups: optimizer.paramGroups.map((g) => g.params.length), norm: first.weight.norm().item() })
})

it('fine-tuning with frozen BatchNorm', () => {
  manualSeed(3)
  const conv = new nn.Conv2d(3, 8, 3, { padding: 1, bias: false })
  const bn = new nn.BatchNorm2d(8)
  const backbone = new nn.Sequential(conv, bn, new nn.ReLU({ inplace: true }), new nn.AdaptiveAvgPool2d(1))
  const model = new nn.Sequential(backbone, new nn.Flatten(), new nn.Linear(8, 2))
  noGrad(() => backbone.forward(randn(32, 3, 6, 6)))
  for (const module of model.modules()) {
    if (!(module instanceof nn.BatchNorm2d)) continue
    module.weight!.requiresGrad = false
    module.bias!.requiresGrad = false
  }
  for (const p of conv.parameters()) p.requiresGrad_(false)
  const optimizer = new optim.SGD(
    model.parameters().filter((p) => p.requiresGrad),
    0.1,
  )
  model.train()
  for (const module of model.modules()) if (module instanceof nn.BatchNorm2d) module.eval()
  const x = randn(8, 3, 6, 6)
  const y = tensor([0, 1, 0, 1, 1, 0, 1, 0]).long()
  const losses: number[] = []
  for (let i = 0; i < 5; i++) {
    const loss = F.crossEntropy(model.forward(x), y)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    losses.push(loss.item())
  }
  expectTorchs('frozen_batch_norm', {
    losses,
    running_mean: bn.runningMean!.tolist(),
    tracked: bn.numBatchesTracked!.item(),
    no_grad: bn.weight!.grad === null,
  })
})

it('gradient accumulation, clipping, OneCycleLR', () => {
  manualSeed(8)
  const model = new nn.Sequential(new nn.Linear(5, 16), new nn.Tanh(), new nn.Linear(16, 1))
  const optimizer = new optim.AdamW(model.parameters(), 1e-3, { weightDecay: 0.01 })
  const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, 0.1, { totalSteps: 6 })
  const accum = 4
  const xs = randn(24, 2, 5).unbind()
  const ys = randn(24, 2, 1).unbind()
  const norms: number[] = []
  const rates: number[] = []
  let total = 0
  for (const [i, x] of xs.entries()) {
    const loss = F.mseLoss(model.forward(x), ys[i]).div(accum)
    loss.backward()
    total += loss.item()
    if ((i + 1) % accum !== 0) continue
    norms.push(nn.utils.clipGradNorm_(model.parameters(), 0.5).item())
    optimizer.step()
    optimizer.zeroGrad()
    if (i + 1 < xs.length) scheduler.step()
    rates.push(optimizer.paramGroups[0].lr)
  }
  expect(norms).toHaveLength(6)
  expectTorchs('accumulation', { norms, rates, total })
})
