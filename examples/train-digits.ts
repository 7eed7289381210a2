// The README's training example: node scripts/run.mjs examples/train-digits.ts
import { DataLoader, F, loadDigits, manualSeed, nn, noGrad, optim } from 'evenkeel'

manualSeed(0)
const { train, test } = await loadDigits({ size: 14 })
const model = new nn.Sequential(
  new nn.Conv2d(1, 16, 3, { padding: 1, bias: false }),
  new nn.BatchNorm2d(16), // or new nn.LayerNorm([16, 14, 14])
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Linear(16 * 7 * 7, 10),
)
const optimizer = new optim.SGD(model.parameters(), { lr: 0.02, momentum: 0.9 })

for (const [x, y] of new DataLoader(train, { batchSize: 32, shuffle: true })) {
  optimizer.zeroGrad()
  F.crossEntropy(model.forward(x), y).backward()
  optimizer.step()
}

model.eval()
const [images, labels] = test.tensors
const right = noGrad(() => model.forward(images).argmax(1).eq(labels).sum().item())
console.log(`${right} of ${labels.numel()} digits right`)
