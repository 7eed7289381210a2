import { ValueError } from '../../core/errors.js'
import type { Module } from '../module.js'
import { BatchNorm } from './batch-norm.js'

export interface FreezeOptions {
  /** Freeze weight and bias as well: they no longer require grad. Default false. */
  affine?: boolean
}

/** The BatchNorm layers of a model, with their names. */
const batchNormsOf = (model: Module): [string, BatchNorm][] => model.namedModules().filter((m): m is [string, BatchNorm] => m[1] instanceof BatchNorm)

/**
 * Freezes every BatchNorm in a model (or the layer itself), for fine-tuning with batches too small or too different for statistics of their own:
 * it normalises with its running averages and leaves them alone, whatever `train()` says, until `unfreezeBatchNorm`.
 *
 * @example freezeBatchNorm(model.backbone, { affine: true })
 * @returns how many layers were frozen
 * @throws ValueError for a layer without running averages; then none is frozen
 */
export function freezeBatchNorm(model: Module, { affine = false }: FreezeOptions = {}): number {
  const layers = batchNormsOf(model)
  for (const [name, layer] of layers) {
    if (!layer.runningMean || !layer.runningVar) {
      throw new ValueError(`can't freeze ${name === '' ? layer.constructor.name : `'${name}'`}: it has no running averages (trackRunningStats is false)`)
    }
  }
  for (const [, layer] of layers) {
    layer.frozen = true
    if (affine) setAffineGrad(layer, false)
  }
  return layers.length
}

/** Takes back `freezeBatchNorm`: statistics follow `train()` again, weight and bias require grad. @returns how many layers were frozen */
export function unfreezeBatchNorm(model: Module): number {
  const frozen = batchNormsOf(model).filter(([, layer]) => layer.frozen)
  for (const [, layer] of frozen) {
    layer.frozen = false
    setAffineGrad(layer, true)
  }
  return frozen.length
}

function setAffineGrad({ weight, bias }: BatchNorm, requires: boolean): void {
  for (const p of [weight, bias]) p?.requiresGrad_(requires)
}
