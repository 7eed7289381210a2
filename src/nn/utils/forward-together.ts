import { NotImplementedError, ValueError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { type Layer, Sequential } from '../containers.js'
import { SyncBatchNorm } from '../norm/sync-batch-norm.js'

const areSyncBatchNorms = (layers: readonly Layer[]): layers is SyncBatchNorm[] => layers.every((l) => l instanceof SyncBatchNorm)
const areSequentials = (layers: readonly Layer[]): layers is Sequential[] => layers.every((l) => l instanceof Sequential)

/**
 * One forward pass of several replicas of a model in one thread, layer by layer, so that each SyncBatchNorm sees the shares of all: what data-parallel
 * training computes, without threads. `backward()` on the sum of the losses gives each replica its gradients.
 *
 * @param replicas copies of one model (`model.clone()`): Sequentials, nested or not, of any layers
 * @param inputs each replica's share of the batch; sizes may differ
 * @returns each replica's output
 * @throws NotImplementedError for a SyncBatchNorm inside a module with a forward of its own, which can't be stopped half way
 */
export function forwardTogether(replicas: readonly Layer[], inputs: readonly Tensor[]): readonly Tensor[] {
  if (replicas.length !== inputs.length) throw new ValueError(`forwardTogether: got ${replicas.length} replicas and ${inputs.length} inputs`)
  if (areSyncBatchNorms(replicas)) return SyncBatchNorm.forwardTogether(replicas, inputs)
  if (areSequentials(replicas)) {
    return [...replicas[0]].reduce<readonly Tensor[]>(
      (xs, _, i) =>
        forwardTogether(
          replicas.map((r) => r.at(i)),
          xs,
        ),
      inputs,
    )
  }
  if (replicas.some((r) => r.modules().some((m) => m instanceof SyncBatchNorm))) {
    throw new NotImplementedError(`forwardTogether: can't step through the forward of ${replicas[0].constructor.name}, which has a SyncBatchNorm inside`)
  }
  return replicas.map((r, i) => r.forward(inputs[i]))
}
