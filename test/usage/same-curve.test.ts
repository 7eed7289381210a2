import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DataLoader, F, loadDigits, manualSeed, nn, noGrad, optim } from '../../src/index.js'

/** What PyTorch 2.6 got from the same script (digits-in-pytorch.py): initial weights, order of the batches, arithmetic and optimizer all agree. */
const torch: { losses: number[]; right: number } = JSON.parse(readFileSync(new URL('./digits-in-pytorch.json', import.meta.url), 'utf8'))

/** The README's example: the loss of each step, and how many of the test digits are right. */
async function train(dtype: 'float32' | 'float64') {
  const { train, test } = await loadDigits({ size: 14 })
  manualSeed(0)
  const model = new nn.Sequential(
    new nn.Conv2d(1, 16, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(16),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(16 * 7 * 7, 10),
  ).to(dtype)
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.02, momentum: 0.9 })
  const losses: number[] = []
  for (const [x, y] of new DataLoader(train, { batchSize: 32, shuffle: true })) {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x.to(dtype)), y)
    loss.backward()
    optimizer.step()
    losses.push(loss.item())
  }
  expect(losses.length).toBe(torch.losses.length)
  model.eval()
  const [images, labels] = test.tensors
  return { losses, right: noGrad(() => model.forward(images.to(dtype)).argmax(1).eq(labels).sum().item()) }
}

const worst = (losses: number[], steps: number) => Math.max(...losses.slice(0, steps).map((loss, i) => Math.abs(loss / torch.losses[i] - 1)))

it("the README's example has PyTorch's loss curve, step by step", async () => {
  const { losses, right } = await train('float64')
  expect(worst(losses, losses.length)).toBeLessThan(5e-6)
  expect(right).toBe(torch.right)
})

// Rounding differs from the first step on. Where it decides which element of a pool's window is the largest, or the side of 0 that a unit is on, a
// gradient goes another way, and the curves part.
it('in float32, too, until a tie falls the other way', async () => {
  const { losses, right } = await train('float32')
  expect(worst(losses, 50)).toBeLessThan(1e-5)
  expect(worst(losses, losses.length)).toBeLessThan(5e-3)
  expect(Math.abs(right - torch.right)).toBeLessThanOrEqual(5)
})
