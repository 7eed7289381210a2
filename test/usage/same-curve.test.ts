import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DataLoader, F, loadDigits, manualSeed, nn, noGrad, optim } from '../../src/index.js'

/** What PyTorch 2.6 got from the same script (digits-in-pytorch.py): initial weights, order of the batches, arithmetic and optimizer all agree. */
const torch: { losses: number[]; right: number } = JSON.parse(readFileSync(new URL('./digits-in-pytorch.json', import.meta.url), 'utf8'))

it("the README's example has PyTorch's loss curve, step by step", async () => {
  const { train, test } = await loadDigits({ size: 14 })
  manualSeed(0)
  const model = new nn.Sequential(
    new nn.Conv2d(1, 16, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(16),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(16 * 7 * 7, 10),
  )
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.02, momentum: 0.9 })
  const losses: number[] = []
  for (const [x, y] of new DataLoader(train, { batchSize: 32, shuffle: true })) {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    losses.push(loss.item())
  }
  expect(losses.length).toBe(torch.losses.length)
  // Rounding differs from the first step on and grows; 2e-5 of the loss is what 157 steps make of it.
  for (const [i, loss] of losses.entries()) expect(Math.abs(loss / torch.losses[i] - 1), `step ${i}`).toBeLessThan(2e-5)
  model.eval()
  const [images, labels] = test.tensors
  expect(noGrad(() => model.forward(images).argmax(1).eq(labels).sum().item())).toBe(torch.right)
})
