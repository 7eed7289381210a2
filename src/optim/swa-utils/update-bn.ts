import { noGrad } from '../../autograd/index.js'
import { scope } from '../../core/storage.js'
import type { Tensor } from '../../core/tensor.js'
import type { Module } from '../../nn/module.js'
import { BatchNorm } from '../../nn/norm/batch-norm.js'

/**
 * Computes the running averages of a model's BatchNorm layers anew, as the plain average over all batches of a loader: for weights that were
 * averaged, fused or changed after training. As `torch.optim.swa_utils.update_bn`.
 *
 * Modes and momenta are afterwards as they were. Layers that `freezeBatchNorm` froze keep their averages.
 *
 * @param loader batches: tensors, or arrays whose first element is the model's input
 */
export function updateBn(loader: Iterable<Tensor | readonly [Tensor, ...unknown[]]>, model: Module): void {
  const layers = model.modules().filter((m): m is BatchNorm => m instanceof BatchNorm && !m.frozen)
  if (layers.length === 0) return
  const momenta = layers.map((layer) => layer.momentum)
  const modes = model.modules().map((m) => [m, m.training] as const)
  model.train()
  for (const layer of layers) {
    layer.resetRunningStats()
    layer.momentum = null
  }
  try {
    for (const batch of loader) {
      const input = Array.isArray(batch) ? batch[0] : batch
      noGrad(() => scope(() => void Reflect.apply(model.forward, model, [input])))
    }
  } finally {
    layers.forEach((layer, i) => {
      layer.momentum = momenta[i]
    })
    for (const [module, training] of modes) module.training = training
  }
}
