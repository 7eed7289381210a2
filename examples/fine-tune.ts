// A trained network meets somebody's own pictures: what becomes of its BatchNorm? node scripts/run.mjs examples/fine-tune.ts
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataLoader, F, loadDigits, manualSeed, models, nn, noGrad, optim, type Tensor, TensorDataset } from 'evenkeel'
import { readSafetensors, writeSafetensors } from 'evenkeel/node'

const network = () => models.resnet20({ layers: [1, 1, 1, 0], width: 8, inChannels: 1 })

function trainOn(model: models.ResNet, data: TensorDataset<[Tensor, Tensor]>, batchSize: number, lr: number, epochs: number): void {
  const optimizer = new optim.SGD(model.parameters(), { lr, momentum: 0.9 })
  model.train()
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const [x, y] of new DataLoader(data, { batchSize, shuffle: true })) {
      optimizer.zeroGrad()
      F.crossEntropy(model.forward(x), y).backward()
      optimizer.step()
    }
  }
}

function accuracy(model: models.ResNet, x: Tensor, y: Tensor): string {
  model.eval()
  const right = noGrad(() => model.forward(x).argmax(1).eq(y).sum().item())
  return `${((100 * right) / y.numel()).toFixed(1)} %`
}

// 1. Somewhere, a network is trained and saved. (PyTorch's own checkpoints of torchvision's ResNets have the same keys.)
manualSeed(0)
const { train, test } = await loadDigits({ size: 14 })
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'))
const file = join(folder, 'resnet.safetensors')
const trained = network()
trainOn(trained, train, 32, 0.02, 1)
writeSafetensors(file, trained.stateDict())

// 2. Somebody's pictures are paler, on a brighter ground, and only 40 have a label.
const own = (x: Tensor): Tensor => x.mul(0.4).add(0.5)
const [trainImages, trainLabels] = train.tensors
const labelled = new TensorDataset(own(trainImages.narrow(0, 0, 40)), trainLabels.narrow(0, 0, 40))
const unlabelled = own(trainImages.narrow(0, 40, 500))
const [images, labels] = [own(test.tensors[0]), test.tensors[1]]

// 3. Fine-tuning in batches of 2, in three ways.
const prepare: Record<string, (model: models.ResNet) => void> = {
  'batch statistics': () => {},
  frozen: (model) => nn.freezeBatchNorm(model),
  'statistics of the new pictures, then frozen': (model) => {
    optim.swaUtils.updateBn([unlabelled], model)
    nn.freezeBatchNorm(model)
  },
}
console.log(`as trained: ${accuracy(trained, test.tensors[0], test.tensors[1])} of the old pictures, ${accuracy(trained, images, labels)} of the new`)
for (const [name, how] of Object.entries(prepare)) {
  const model = network()
  model.loadStateDict(readSafetensors(file))
  how(model)
  const before = accuracy(model, images, labels)
  trainOn(model, labelled, 2, 0.0003, 5)
  console.log(`${name}: ${before} before fine-tuning, ${accuracy(model, images, labels)} after`)
}
rmSync(folder, { recursive: true })
