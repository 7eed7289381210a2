import { cat, manualSeed, nn, randn, steps, type Tensor, tensor } from '../index.js'

/**
 * The familiar comparison of the two norms, printed line by line. `examples/batchnorm-vs-layernorm.ts` is the same program as a user writes
 * it; a test holds the two texts together.
 */
export function walkthrough(print: (line: string) => void): void {
  manualSeed(0)
  const size = (t: Tensor | null) => `[${t?.shape.join(', ')}]`

  print('1. Shapes')
  const x = randn([32, 3, 224, 224])
  const batchNorm = new nn.BatchNorm2d(3)
  const layerNorm = new nn.LayerNorm([3, 224, 224])
  const planeNorm = new nn.LayerNorm([224, 224])
  print(`   x = randn                  ${size(x)}`)
  print(`   BatchNorm2d(3)             ${size(batchNorm.forward(x))}  runningMean ${size(batchNorm.runningMean)}, runningVar ${size(batchNorm.runningVar)}`)
  print(`   LayerNorm([3, 224, 224])   ${size(layerNorm.forward(x))}  weight ${size(layerNorm.weight)}`)
  print(`   LayerNorm([224, 224])      ${size(planeNorm.forward(x))}  weight ${size(planeNorm.weight)}`)

  print('')
  print('2. What each makes mean 0 and variance 1, on channels that differ (means 5, 1, -2; deviations 0.5, 1, 3)')
  const photos = x.mul(tensor([0.5, 1, 3]).reshape([3, 1, 1])).add(tensor([5, 1, -2]).reshape([3, 1, 1]))
  const fixed = (t: Tensor) => t.item().toFixed(3).replace('-0.000', '0.000')
  const range = (t: Tensor) => `${fixed(t.amin())} to ${fixed(t.amax())}`.padEnd(15)
  const statistics = (t: Tensor, dims: number[]) => `mean ${range(t.mean(dims))} variance ${range(t.var(dims, { correction: 0 }))}`.trimEnd()
  const channel = [0, 2, 3]
  const sample = [1, 2, 3]
  const plane = [2, 3]
  batchNorm.resetRunningStats()
  const byBatch = batchNorm.forward(photos)
  const byLayer = layerNorm.forward(photos)
  print(`   photos                     per channel           ${statistics(photos, channel)}`)
  print(`   BatchNorm2d(3)             per channel           ${statistics(byBatch, channel)}`)
  print(`                              per sample            ${statistics(byBatch, sample)}`)
  print(`   LayerNorm([3, 224, 224])   per channel           ${statistics(byLayer, channel)}`)
  print(`                              per sample            ${statistics(byLayer, sample)}`)
  print(`   LayerNorm([224, 224])      per sample, channel   ${statistics(planeNorm.forward(photos), plane)}`)

  print('')
  print('3. BatchNorm remembers: eval() uses the running averages')
  const difference = (a: Tensor, b: Tensor) => a.sub(b).abs().amax().item().toPrecision(2)
  print(`   after one batch            runningMean ${batchNorm.runningMean}, runningVar ${batchNorm.runningVar}`)
  for (const _ of steps(40)) batchNorm.forward(photos)
  print(`   after 41 batches           runningMean ${batchNorm.runningMean}, runningVar ${batchNorm.runningVar}`)
  batchNorm.eval()
  const few = photos.narrow(0, 0, 4)
  const mean = batchNorm.runningMean!.reshape([3, 1, 1])
  const deviation = batchNorm.runningVar!.add(batchNorm.eps).sqrt().reshape([3, 1, 1])
  print(`   eval() is (x - runningMean) / sqrt(runningVar + eps): largest difference ${difference(batchNorm.forward(few), few.sub(mean).div(deviation))}`)
  print(`   LayerNorm is the same in both: largest difference ${difference(layerNorm.forward(few), layerNorm.eval().forward(few))}`)

  print('')
  print('4. The same photo among other photos: how far does its output move?')
  batchNorm.train()
  const first = photos.narrow(0, 0, 1)
  const others = photos.narrow(0, 1, 3)
  const among = (norm: nn.BatchNorm2d | nn.LayerNorm, companions: Tensor) => norm.forward(cat([first, companions])).narrow(0, 0, 1)
  for (const [name, norm] of [
    ['BatchNorm2d(3)', batchNorm],
    ['LayerNorm([3, 224, 224])', layerNorm],
  ] as const) {
    const moved = difference(among(norm, others), among(norm, others.mul(2)))
    print(`   ${name.padEnd(26)} largest change ${moved}`)
  }
}
